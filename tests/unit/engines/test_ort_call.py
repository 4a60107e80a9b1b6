"""What a call does when ONNX Runtime fails half-way: an error, everything given back, and the call fit for the next run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from ctypes import byref, c_int, c_size_t, c_void_p
from types import ModuleType
from typing import Any

import pytest

from mldeploy.handlers.config import ServingConfig
from mldeploy.handlers.engines import EngineError, ort_api
from mldeploy.handlers.engines.ort_api import Ort, OrtError
from mldeploy.handlers.engines.ort_call import Call
from mldeploy.handlers.engines.ort_session import Session
from mldeploy.handlers.manifest import Manifest


class Faulty:
    """The real functions, some of them replaced; counts the values that are given back."""

    def __init__(self, real: Ort) -> None:
        self._real = real
        self.replaced: dict[str, Callable[..., Any]] = {}
        self.released = 0

    def __getattr__(self, name: str) -> Any:
        if name == "ReleaseValue":
            return self._release
        return self.replaced.get(name) or getattr(self._real, name)

    def _release(self, value: c_void_p) -> None:
        self.released += bool(value)
        self._real.ReleaseValue(value)

    def status(self, *arguments: object) -> int:
        """A real status, as a failing function returns it."""
        options = c_void_p()
        self._real.check(self._real.CreateSessionOptions(byref(options)))
        status: int = self._real.SetSessionGraphOptimizationLevel(options, 12345)
        self._real.ReleaseSessionOptions(options)
        return status


@pytest.fixture
def faulty(models: ModuleType, bundle: Callable[..., Manifest]) -> Iterator[tuple[Faulty, Call]]:
    ort = Faulty(ort_api.open_installed())
    session = Session(ort, bundle(models.linear()), ServingConfig())  # type: ignore[arg-type]
    call = Call(ort, session)  # type: ignore[arg-type]
    yield ort, call
    call.release()
    session.release()


@pytest.mark.parametrize(
    ("name", "released"),
    [
        ("CreateTensorWithDataAsOrtValue", 0),
        ("Run", 1),
        ("GetTensorTypeAndShape", 2),
        ("GetTensorElementType", 2),
        ("GetDimensionsCount", 2),
        ("GetDimensions", 2),
        ("GetTensorMutableData", 2),
    ],
)
def test_a_failing_function_is_an_error(faulty: tuple[Faulty, Call], models: ModuleType, name: str, released: int) -> None:
    ort, call = faulty
    row = {"x": models.tensor(models.normal(2, 64))}
    expected = call.run(row)
    ort.released, ort.replaced = 0, {name: ort.status}
    with pytest.raises(OrtError, match="graph_optimization_level"):
        call.run(row)
    assert ort.released == released
    ort.replaced = {}
    assert call.run(row) == expected


def test_an_output_that_is_not_there_is_not_read(faulty: tuple[Faulty, Call], models: ModuleType) -> None:
    ort, call = faulty
    ort.replaced = {"Run": lambda *arguments: None}
    with pytest.raises(EngineError, match="the model left output p empty"):
        call.run({"x": models.tensor(models.normal(2, 64))})


def test_an_output_of_another_type_or_rank_is_not_read(faulty: tuple[Faulty, Call], models: ModuleType) -> None:
    ort, call = faulty

    def element(info: c_void_p, out: Any) -> None:
        c_int.from_address(_address(out)).value = 11

    def rank(info: c_void_p, out: Any) -> None:
        c_size_t.from_address(_address(out)).value = 40

    for name, replacement, message in (
        ("GetTensorElementType", element, "output p has element type 11 and rank 2 instead of"),
        ("GetDimensionsCount", rank, "output p has element type 1 and rank 40 instead of"),
    ):
        ort.replaced = {name: replacement}
        with pytest.raises(EngineError, match=message):
            call.run({"x": models.tensor(models.normal(2, 64))})


def _address(reference: Any) -> int:
    from ctypes import addressof

    return addressof(reference._obj)
