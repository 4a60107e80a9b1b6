"""The stock engine where it differs from the lean one: strings, and its own translation of errors."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType

import pytest

from mldeploy.handlers.engines import Engine, EngineError, EngineInputError, EngineTimeout
from mldeploy.handlers.manifest import Manifest
from mldeploy.handlers.tensor import Tensor

Bundle, Opened = Callable[..., Manifest], Callable[..., Engine]


def test_inputs_are_checked_as_in_the_lean_engine(models: ModuleType, bundle: Bundle, opened: Opened) -> None:
    engine = opened(bundle(models.linear()), engine="stock")
    assert (engine.name, engine.fallback_reason) == ("stock", "")
    for tensor in (Tensor("FP32", (1, 63), bytes(252)), Tensor("FP64", (1, 64), bytes(512)), Tensor("FP32", (1, 64), b"")):
        with pytest.raises(EngineInputError):
            engine.run({"x": tensor})
    with pytest.raises(EngineInputError, match="x is missing"):
        engine.run({})


def test_strings_are_checked_and_carried(models: ModuleType, bundle: Bundle, opened: Opened) -> None:
    node = models.h.make_node("Identity", ["x"], ["y"])
    model = models.model([node], [models.info("x", "BYTES", (-1, 2))], [models.info("y", "BYTES", (-1, 2))])
    engine = opened(bundle(model))
    given = Tensor("BYTES", (2, 2), [b"a", b"", "ü".encode(), b"d" * 10_000])
    assert engine.run({"x": given}) == {"y": given}
    assert engine.run({"x": Tensor("BYTES", (0, 2), [])}) == {"y": Tensor("BYTES", (0, 2), [])}
    for data in (b"abcd", [b"a"] * 3):
        with pytest.raises(EngineInputError, match="takes a list of 4 byte strings"):
            engine.run({"x": Tensor("BYTES", (2, 2), data)})


def test_strings_that_are_not_utf8_are_refused_and_named(models: ModuleType, bundle: Bundle, opened: Opened) -> None:
    node = models.h.make_node("Identity", ["x"], ["y"])
    model = models.model([node], [models.info("x", "BYTES", (-1,))], [models.info("y", "BYTES", (-1,))])
    with pytest.raises(EngineInputError, match="x: element 1 is not UTF-8"):
        opened(bundle(model)).run({"x": Tensor("BYTES", (2,), [b"a", b"\xff"])})


@pytest.mark.usefixtures("traced_threads")
def test_a_run_past_its_time_is_stopped(models: ModuleType, bundle: Bundle, opened: Opened) -> None:
    engine = opened(bundle(models.slow()), engine="stock")
    started = time.monotonic()
    with pytest.raises(EngineTimeout, match=r"stopped after 0.05 s"):
        engine.run({"x": models.tensor(models.normal(400, 400))}, 0.05)
    assert time.monotonic() - started < 2


def test_what_the_model_refuses_is_an_engine_error(models: ModuleType, bundle: Bundle, opened: Opened) -> None:
    node = models.h.make_node("Reshape", ["x", "to"], ["y"])
    inputs = [models.info("x", "FP32", (-1,)), models.info("to", "INT64", (1,))]
    engine = opened(bundle(models.model([node], inputs, [models.info("y", "FP32", (-1,))])), engine="stock")
    with pytest.raises(EngineError, match="ONNX Runtime: "):
        engine.run({"x": Tensor("FP32", (2,), bytes(8)), "to": models.tensor(models.np.array([3]))})


def test_a_file_that_is_no_model_is_an_engine_error(bundle: Bundle, opened: Opened) -> None:
    with pytest.raises(EngineError, match=r"ONNX Runtime [\d.]+ cannot load model.onnx"):
        opened(bundle(b"not a model", (), ()), engine="stock")


def test_threads_share_it_and_close_ends_it(models: ModuleType, bundle: Bundle, opened: Opened) -> None:
    engine = opened(bundle(models.linear()), engine="stock")
    rows = [{"x": models.tensor(models.normal(2, 64, seed=seed))} for seed in range(8)]
    expected = [engine.run(row) for row in rows]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda row: engine.run(row, 30.0), rows * 20)) == expected * 20
    engine.close()
    engine.close()
    with pytest.raises(EngineError, match="closed"):
        engine.run(rows[0])
