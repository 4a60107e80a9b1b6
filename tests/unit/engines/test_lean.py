"""What the lean engine refuses, stops, gives back and keeps apart between threads."""

from __future__ import annotations

import _thread
import gc
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mldeploy.handlers.config import ServingConfig
from mldeploy.handlers.engines import Engine, EngineError, EngineInputError, EngineTimeout, headroom, open_engine
from mldeploy.handlers.manifest import Manifest
from mldeploy.handlers.tensor import ITEM_SIZE_BYTES, Tensor, TensorSpec, element_count

Bundle, Opened = Callable[..., Manifest], Callable[..., Engine]


def resident_kib() -> int:
    """Resident memory of this process; Linux only, as the tests that use it."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1])
    raise AssertionError("no VmRSS")


linux_only = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads /proc")


@pytest.fixture
def engine(models: ModuleType, bundle: Bundle, opened: Opened) -> Engine:
    return opened(bundle(models.linear()), engine="lean")


@pytest.fixture
def row(models: ModuleType) -> dict[str, Tensor]:
    return {"x": models.tensor(models.normal(2, 64))}


@pytest.mark.parametrize(
    ("tensor", "message"),
    [
        (Tensor("FP64", (1, 64), bytes(512)), "x is FP64; the model takes FP32"),
        (Tensor("FP32", (64,), bytes(256)), r"x has rank 1 \[64\]; the model takes rank 2 \[-1, 64\]"),
        (Tensor("FP32", (1, 63), bytes(252)), "x: axis 1 is 63; it must be 64"),
        (Tensor("FP32", (-1, 64), b""), "x: axis 0 is -1; it must not be negative"),
        (Tensor("FP32", (-1, -64), bytes(256)), "axis 0 is -1"),
        (Tensor("FP32", (2, 64), bytes(511)), "takes 512 bytes of data; it has 511"),
        (Tensor("FP32", (2, 64), bytes(513)), "takes 512 bytes of data; it has 513"),
        (Tensor("FP32", (2**62, 64), bytes(256)), "takes 1180591620717411303424 bytes"),
        (Tensor("FP32", (1, 64), [b""] * 64), "takes a buffer, not a list"),
    ],
)
def test_a_tensor_that_does_not_fit_is_named_before_the_model_sees_it(engine: Engine, tensor: Tensor, message: str) -> None:
    engine.run({"x": Tensor("FP32", (2, 64), bytes(512))})  # a shape that is known must not let the next tensor slip through
    with pytest.raises(EngineInputError, match=message) as caught:
        engine.run({"x": tensor})
    assert caught.value.field == "x"


def test_a_missing_input_is_named(engine: Engine) -> None:
    with pytest.raises(EngineInputError, match="x is missing"):
        engine.run({"y": Tensor("FP32", (1, 64), bytes(256))})


def test_an_empty_tensor_may_not_be_large_along_its_other_axes(models: ModuleType, bundle: Bundle, opened: Opened) -> None:
    engine = opened(bundle(models.reductions_of_nothing()[0]), engine="lean")
    assert engine.run({"x": Tensor("FP32", (0, 1000), b"")})["y"].data == bytes(4000)
    with pytest.raises(EngineInputError, match="is empty, and its other axes hold more than"):
        engine.run({"x": Tensor("FP32", (0, 10**9), b"")})


@pytest.mark.parametrize("engine", ["lean", "stock"])
def test_a_model_that_would_end_the_process_takes_no_empty_tensor(
    engine: str, models: ModuleType, bundle: Bundle, opened: Opened
) -> None:
    model, rows = models.recurrent()
    recurrent = opened(bundle(model), engine=engine)
    for shape in ((1, 0, 4), (0, 2, 4)):
        for _ in range(2):
            with pytest.raises(EngineInputError, match=r"has no elements; this model needs some"):
                recurrent.run({"x": Tensor("FP32", shape, b"")})
    assert recurrent.run(rows[0])["last"].shape == (1, 2, 8)


def test_a_model_file_that_went_away_is_an_error(models: ModuleType, bundle: Bundle, opened: Opened) -> None:
    manifest = bundle(models.linear())
    engine = opened(manifest)
    (manifest.root / "model.onnx").unlink()
    with pytest.raises(EngineError, match=r"model.onnx cannot be read"):
        engine.run({"x": Tensor("FP32", (0, 64), b"")})
    assert engine.run({"x": Tensor("FP32", (1, 64), bytes(256))})["p"].shape == (1, 10)


def test_too_little_memory_is_an_error_in_time(
    engine: Engine, row: dict[str, Tensor], models: ModuleType, bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(headroom, "is_limited", lambda: True)
    limited = open_engine(bundle(models.linear()), ServingConfig())
    assert limited.run(row) == engine.run(row)
    monkeypatch.setattr(headroom, "TO_RUN_BYTES", 1 << 50)
    with pytest.raises(EngineError, match="the process is at its memory limit: 1073741824 MiB are not to be had"):
        limited.run(row)
    limited.close()
    monkeypatch.setattr(headroom, "TO_OPEN_BYTES", 1 << 50)
    with pytest.raises(EngineError, match="at its memory limit"):
        open_engine(bundle(models.linear()), ServingConfig())


def test_a_bool_is_zero_or_one(models: ModuleType, bundle: Bundle, opened: Opened) -> None:
    node = models.h.make_node("Not", ["x"], ["y"])
    engine = opened(bundle(models.model([node], [models.info("x", "BOOL", (-1,))], [models.info("y", "BOOL", (-1,))])))
    for _ in range(2):
        assert engine.run({"x": Tensor("BOOL", (2,), b"\0\1")})["y"].data == b"\1\0"
        with pytest.raises(EngineInputError, match="BOOL byte other than 0 and 1"):
            engine.run({"x": Tensor("BOOL", (2,), b"\0\2")})


@pytest.mark.parametrize("kind", [bytearray, memoryview, lambda data: memoryview(bytearray(data)).cast("f")])
def test_other_buffers_do_as_well(engine: Engine, row: dict[str, Tensor], kind: Callable[[Any], Any]) -> None:
    tensor = row["x"]
    assert engine.run({"x": tensor._replace(data=kind(tensor.data))}) == engine.run(row)


def test_many_shapes_are_not_all_remembered(engine: Engine, models: ModuleType) -> None:
    expected = engine.run({"x": models.tensor(models.normal(1, 64))})["p"].data
    for rows in range(600):
        assert engine.run({"x": Tensor("FP32", (rows, 64), bytes(256 * rows))})["p"].shape == (rows, 10)
    assert engine.run({"x": models.tensor(models.normal(1, 64))})["p"].data == expected


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    dtype=st.sampled_from([*ITEM_SIZE_BYTES, "BYTES"]),
    shape=st.lists(st.integers(-2, 70) | st.integers(-(2**70), 2**70), max_size=4).map(tuple),
    surplus=st.integers(-3, 3),
)
def test_any_tensor_is_answered_or_refused(engine: Engine, dtype: str, shape: tuple[int, ...], surplus: int) -> None:
    exact = element_count(shape) * ITEM_SIZE_BYTES.get(dtype, 1)
    data = bytes(max(0, min(exact, 1 << 16) + surplus))
    fits = dtype == "FP32" and len(shape) == 2 and shape[0] >= 0 and shape[1] == 64 and len(data) == exact
    tensor = Tensor(dtype, shape, [data] if dtype == "BYTES" else data)
    if fits:
        assert engine.run({"x": tensor})["p"].shape == (shape[0], 10)
    else:
        with pytest.raises(EngineInputError):
            engine.run({"x": tensor})


def test_what_the_model_refuses_is_an_engine_error(models: ModuleType, bundle: Bundle, opened: Opened) -> None:
    node = models.h.make_node("Reshape", ["x", "to"], ["y"])
    inputs = [models.info("x", "FP32", (-1,)), models.info("to", "INT64", (1,))]
    engine = opened(bundle(models.model([node], inputs, [models.info("y", "FP32", (-1,))])), engine="lean")
    x = Tensor("FP32", (2,), bytes(8))
    with pytest.raises(EngineError, match=r"ONNX Runtime: .*[Rr]eshape") as caught:
        engine.run({"x": x, "to": models.tensor(models.np.array([3]))})
    assert not isinstance(caught.value, EngineInputError | EngineTimeout)
    assert engine.run({"x": x, "to": models.tensor(models.np.array([2]))})["y"].shape == (2,)


@pytest.mark.usefixtures("traced_threads")
def test_a_run_past_its_time_is_stopped(models: ModuleType, bundle: Bundle, opened: Opened) -> None:
    engine = opened(bundle(models.slow()), engine="lean")
    row = {"x": models.tensor(models.normal(400, 400))}
    started = time.monotonic()
    with pytest.raises(EngineTimeout, match=r"stopped after 0.05 s"):
        engine.run(row, 0.05)
    assert time.monotonic() - started < 2
    small = opened(bundle(models.slow(steps=2)), engine="lean")
    assert small.run(row, 30.0) == small.run(row)


def test_a_stopped_run_stops_no_other(models: ModuleType, bundle: Bundle, opened: Opened) -> None:
    engine = opened(bundle(models.slow(size=100, steps=3000)), engine="lean")
    row = {"x": models.tensor(models.normal(100, 100))}

    def attempt(limit: float | None) -> object:
        try:
            return engine.run(row, limit)
        except EngineTimeout:
            return "stopped"

    with ThreadPoolExecutor(4) as pool:
        limits = [0.01, None, 0.02, 60.0] * 3
        results = list(pool.map(attempt, limits))
    finished = [result for limit, result in zip(limits, results, strict=True) if limit is None or limit > 1]
    assert all(result == finished[0] != "stopped" for result in finished)
    assert [r for limit, r in zip(limits, results, strict=True) if limit is not None and limit < 1] == ["stopped"] * 6


def test_threads_get_their_own_answers(engine: Engine, models: ModuleType) -> None:
    rows = [{"x": models.tensor(models.normal(1 + seed % 5, 64, seed=seed))} for seed in range(32)]
    expected = [engine.run(row) for row in rows]

    def work(offset: int) -> bool:
        return all(engine.run(rows[i % 32], 30.0) == expected[i % 32] for i in range(offset, offset + 300))

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(8)))


def test_close_refuses_new_runs_and_lets_the_others_end(models: ModuleType, bundle: Bundle) -> None:
    engine = open_engine(bundle(models.slow(size=100, steps=4000)), ServingConfig())
    row = {"x": models.tensor(models.normal(100, 100))}
    answers: list[object] = []
    before = _thread._count()
    thread = threading.Thread(target=lambda: answers.append(engine.run(row, 60.0)))
    thread.start()
    while not engine._running:  # type: ignore[attr-defined]
        time.sleep(0.001)
    engine.close()
    engine.close()
    with pytest.raises(EngineError, match="closed"):
        engine.run(row)
    thread.join()
    assert len(answers) == 1
    assert _thread._count() == before


@linux_only
def test_a_hundred_thousand_runs_leave_nothing_behind(engine: Engine, row: dict[str, Tensor]) -> None:
    bad = {"x": Tensor("FP32", (1, 63), bytes(252))}
    for _ in range(5_000):
        engine.run(row, 30.0)
    gc.collect()
    before = resident_kib()
    for step in range(100_000):
        engine.run(row, 30.0)
        if step % 10 == 0:
            with pytest.raises(EngineInputError):
                engine.run(bad)
    assert resident_kib() - before < 2048


@linux_only
def test_errors_from_the_model_leave_nothing_behind(models: ModuleType, bundle: Bundle, opened: Opened) -> None:
    node = models.h.make_node("Reshape", ["x", "to"], ["y"])
    inputs = [models.info("x", "FP32", (-1,)), models.info("to", "INT64", (1,))]
    engine = opened(bundle(models.model([node], inputs, [models.info("y", "FP32", (-1,))])), engine="lean")
    row = {"x": Tensor("FP32", (1000,), bytes(4000)), "to": models.tensor(models.np.array([3]))}

    def fail(times: int) -> None:
        for _ in range(times):
            with pytest.raises(EngineError):
                engine.run(row)

    fail(1000)
    gc.collect()
    before = resident_kib()
    fail(4000)
    assert resident_kib() - before < 2048


@linux_only
def test_engines_that_were_closed_leave_nothing_behind(models: ModuleType, bundle: Bundle, row: dict[str, Tensor]) -> None:
    good, other = bundle(models.linear()), bundle(b"no model", (), ())

    def open_and_close(times: int) -> None:
        for _ in range(times):
            engine = open_engine(good, ServingConfig(threads=2))
            engine.run(row, 30.0)
            engine.close()
            with pytest.raises(EngineError):
                open_engine(other, ServingConfig())

    open_and_close(30)
    gc.collect()
    before, threads = resident_kib(), _thread._count()
    open_and_close(150)
    assert resident_kib() - before < 4096
    assert _thread._count() == threads


def test_a_bundle_that_describes_another_model_is_refused(models: ModuleType, bundle: Bundle) -> None:
    x, p = TensorSpec("x", "FP32", (-1, 64)), TensorSpec("p", "FP32", (-1, 10))
    for inputs, outputs, message in [
        ((x._replace(name="z"),), (p,), r"declares inputs \['z'\], but the model has \['x'\]"),
        ((x, x._replace(name="z")), (p,), "declares inputs"),
        ((x,), (p._replace(name="q"),), r"declares outputs \['q'\]"),
        ((x._replace(dtype="FP64"),), (p,), r"declares input x as FP64 \[-1, 64\], but the model has FP32 \[-1, 64\]"),
        ((x._replace(shape=(-1, 32)),), (p,), "but the model has FP32"),
        ((x._replace(shape=(-1,)),), (p,), "but the model has FP32"),
    ]:
        with pytest.raises(EngineError, match=message):
            open_engine(bundle(models.linear(), inputs, outputs), ServingConfig())


def test_the_narrower_of_two_shapes_counts(models: ModuleType, bundle: Bundle, opened: Opened) -> None:
    manifest = bundle(models.linear(), (TensorSpec("x", "FP32", (1, -1)),), (TensorSpec("p", "FP32", (-1, -1)),))
    engine = opened(manifest)
    assert engine.inputs == (TensorSpec("x", "FP32", (1, 64)),)
    assert engine.outputs == (TensorSpec("p", "FP32", (-1, 10)),)


@pytest.mark.parametrize("content", [b"", b"not a model", b"\x08\x0a", bytes(1000)])
def test_a_file_that_is_no_model_is_an_engine_error(content: bytes, bundle: Bundle) -> None:
    with pytest.raises(EngineError, match=r"ONNX Runtime [\d.]+ cannot load model.onnx"):
        open_engine(bundle(content, (), ()), ServingConfig())


def test_a_missing_file_and_an_unknown_operator_are_engine_errors(models: ModuleType, bundle: Bundle) -> None:
    with pytest.raises(EngineError, match=r"cannot load nothing\.onnx"):
        open_engine(bundle(models.linear(), entry="nothing.onnx"), ServingConfig())
    model = models.linear()
    model.graph.node[0].op_type = "Gemmm"
    with pytest.raises(EngineError, match="Gemmm"):
        open_engine(bundle(model), ServingConfig())


def test_an_unknown_optimisation_level_is_refused(models: ModuleType, bundle: Bundle) -> None:
    with pytest.raises(EngineError, match=r"engine.optimisation is 'most'; it must be one of disabled, basic"):
        open_engine(bundle(models.linear(), raw={"engine": {"optimisation": "most"}}), ServingConfig())
