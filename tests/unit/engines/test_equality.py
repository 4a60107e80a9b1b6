"""The lean engine gives the very bits that the stock engine gives, over the whole corpus."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from mldeploy.handlers.engines import Engine
from mldeploy.handlers.manifest import Manifest
from mldeploy.handlers.tensor import Tensor

Bundle, Opened = Callable[..., Manifest], Callable[..., Engine]


@pytest.mark.parametrize("optimisation", ["all", "disabled"])
def test_lean_answers_bit_for_bit_like_stock(case: Any, optimisation: str, bundle: Bundle, opened: Opened) -> None:
    model, rows = case
    manifest = bundle(model, raw={"engine": {"optimisation": optimisation}})
    lean, stock = opened(manifest, engine="lean"), opened(manifest, engine="stock")
    assert (lean.name, stock.name) == ("lean", "stock")
    assert lean.inputs == stock.inputs
    assert lean.outputs == stock.outputs
    for row in rows:
        answer = lean.run(row, 60.0)
        assert answer == stock.run(row, 60.0)
        assert answer == lean.run(row)
        assert [(name, type(t.data)) for name, t in answer.items()] == [(spec.name, bytes) for spec in manifest.outputs]


@pytest.mark.parametrize("threads", [1, 2, 0])
def test_the_number_of_threads_does_not_matter(threads: int, models: ModuleType, bundle: Bundle, opened: Opened) -> None:
    model, rows = models.convolutions()
    manifest = bundle(model)
    lean, stock = opened(manifest, threads=threads), opened(manifest, threads=threads, engine="stock")
    assert all(lean.run(row) == stock.run(row) for row in rows)


def test_bfloat16_is_carried_as_it_is(models: ModuleType, bundle: Bundle, opened: Opened) -> None:
    """numpy has no such dtype, so only the lean engine serves it."""
    node = models.h.make_node
    nodes = [node("Cast", ["x"], ["y"], to=models.ONNX_TYPES["FP32"]), node("Identity", ["x"], ["z"])]
    outputs = [models.info("y", "FP32", (-1,)), models.info("z", "BF16", (-1,))]
    engine = opened(bundle(models.model(nodes, [models.info("x", "BF16", (-1,))], outputs)))
    halves = bytes.fromhex("803f20c0")  # 1.0 and -2.5, little-endian
    answer = engine.run({"x": Tensor("BF16", (2,), halves)})
    assert engine.name == "lean"
    assert answer == {"y": Tensor("FP32", (2,), bytes.fromhex("0000803f000020c0")), "z": Tensor("BF16", (2,), halves)}


def test_external_weights_beside_the_model_are_found(models: ModuleType, bundle: Bundle, opened: Opened) -> None:
    model, manifest = models.linear(), bundle(models.linear())
    models.onnx.save(model, manifest.root / "model.onnx", save_as_external_data=True, location="weights.bin", size_threshold=0)
    assert (Path(manifest.root) / "weights.bin").is_file()
    row = {"x": models.tensor(models.normal(2, 64))}
    assert opened(manifest, engine="lean").run(row) == opened(bundle(models.linear()), engine="stock").run(row)
