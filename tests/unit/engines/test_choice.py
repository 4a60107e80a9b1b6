"""Which engine serves a bundle, and why not the preferred one."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from mldeploy.handlers.config import ServingConfig
from mldeploy.handlers.engines import Engine, EngineError, open_engine, ort_api
from mldeploy.handlers.manifest import Manifest
from mldeploy.handlers.tensor import Tensor, TensorSpec

Bundle, Opened = Callable[..., Manifest], Callable[..., Engine]


def strings(models: ModuleType) -> Any:
    """labels BYTES [N] -> the same, and whether each equals "cat"."""
    node = models.h.make_node
    nodes = [node("Identity", ["labels"], ["same"]), node("Equal", ["labels", "cat"], ["is_cat"])]
    outputs = [models.info("same", "BYTES", ("N",)), models.info("is_cat", "BOOL", ("N",))]
    weights = {"cat": models.np.array(["cat"], dtype=object)}
    return models.model(nodes, [models.info("labels", "BYTES", ("N",))], outputs, weights)


def test_lean_is_the_default(models: ModuleType, bundle: Bundle, opened: Opened) -> None:
    engine = opened(bundle(models.linear()))
    assert (engine.name, engine.fallback_reason) == ("lean", "")


def test_strings_fall_back_to_stock(models: ModuleType, bundle: Bundle, opened: Opened) -> None:
    engine = opened(bundle(strings(models)))
    assert engine.name == "stock"
    assert engine.fallback_reason == "'labels' has element type 8, which the lean engine does not carry"
    words = ["cat", "", "Ünïcode 猫"]
    answer = engine.run({"labels": Tensor("BYTES", (3,), [word.encode() for word in words])})
    assert answer["same"] == Tensor("BYTES", (3,), [word.encode() for word in words])
    assert answer["is_cat"].data == b"\1\0\0"


def test_lean_alone_refuses_what_it_does_not_carry(models: ModuleType, bundle: Bundle) -> None:
    with pytest.raises(EngineError, match=r"MLDEPLOY_ENGINE=lean, but 'labels' has element type 8.*; use auto or stock"):
        open_engine(bundle(strings(models)), ServingConfig(engine="lean"))


def test_a_sequence_that_is_not_declared_falls_back_and_one_that_is_cannot_be_served(
    models: ModuleType, bundle: Bundle, opened: Opened
) -> None:
    nodes = [models.h.make_node("SplitToSequence", ["x"], ["parts"]), models.h.make_node("Neg", ["x"], ["y"])]
    sequence = models.h.make_tensor_sequence_value_info("parts", models.ONNX_TYPES["FP32"], None)
    model = models.model(nodes, [models.info("x", "FP32", (2,))], [models.info("y", "FP32", (2,)), sequence])
    y, parts = TensorSpec("y", "FP32", (2,)), TensorSpec("parts", "FP32", (-1,))
    engine = opened(bundle(model, outputs=(y,)))
    assert (engine.name, engine.fallback_reason) == ("stock", "'parts' is not a tensor (ONNX type 2)")
    given = models.np.array([1, 2], "f4")
    assert engine.run({"x": models.tensor(given)})["y"].data == (-given).tobytes()
    with pytest.raises(EngineError, match=r"'parts' is a seq\(tensor\(float\)\); this runtime serves"):
        open_engine(bundle(model, outputs=(y, parts)), ServingConfig())


def test_a_missing_library_falls_back(
    models: ModuleType, bundle: Bundle, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    def find(search: object) -> str:
        raise ort_api.LeanUnavailable("the onnxruntime package has no shared library")

    monkeypatch.setattr(ort_api, "find_library", find)
    engine = opened(bundle(models.linear()))
    assert (engine.name, engine.fallback_reason) == ("stock", "the onnxruntime package has no shared library")


def test_an_unknown_format_is_refused(bundle: Bundle) -> None:
    with pytest.raises(EngineError, match="format is 'pmml'; this runtime knows onnx, sklearn, python"):
        open_engine(bundle(b"", (), (), format="pmml"), ServingConfig())


def test_a_package_that_is_missing_is_said(models: ModuleType, bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(EngineError, match=r"a bundle of format onnx needs what cannot be imported here: .*onnxruntime"):
        open_engine(bundle(models.linear()), ServingConfig(engine="stock"))
