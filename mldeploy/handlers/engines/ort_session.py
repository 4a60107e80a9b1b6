"""A session of ONNX Runtime's C API: open a model, read its signature, give everything back.

Raises LeanUnavailable for a signature that the lean engine does not carry, OrtError for a model that the runtime refuses.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from ctypes import byref, c_char_p, c_int, c_int64, c_size_t, c_void_p, string_at
from pathlib import Path
from typing import Any

from mldeploy.handlers.engines.onnx_settings import CONFIG_ENTRIES, LOG_ERROR
from mldeploy.handlers.engines.ort_api import LeanUnavailable, Ort
from mldeploy.handlers.tensor import TensorSpec

# ONNXTensorElementDataType, by the dtype names of the Open Inference Protocol. What is missing (strings, complex numbers,
# 4- and 8-bit floats, …) is left to the stock engine.
ELEMENT_TYPES: dict[str, int] = {
    "FP32": 1,
    "UINT8": 2,
    "INT8": 3,
    "UINT16": 4,
    "INT16": 5,
    "INT32": 6,
    "INT64": 7,
    "BOOL": 9,
    "FP16": 10,
    "FP64": 11,
    "UINT32": 12,
    "UINT64": 13,
    "BF16": 16,
}
_DTYPES = {number: name for name, number in ELEMENT_TYPES.items()}

_Function = Callable[..., Any]

_TENSOR = 1  # ONNXType
_DEVICE_ALLOCATOR = 0  # OrtAllocatorType
_MEMORY_DEFAULT = 0  # OrtMemType


class Session:
    """An open model. `handle` is the OrtSession, `memory` an OrtMemoryInfo that says "plain CPU memory"."""

    def __init__(self, ort: Ort, model: Path, threads: int, level: int) -> None:
        self._ort = ort
        self._releases: list[tuple[Callable[[c_void_p], None], c_void_p]] = []
        try:
            environment = self._own(ort.ReleaseEnv, lambda out: ort.CreateEnv(LOG_ERROR, b"mldeploy", out))
            options = self._own(ort.ReleaseSessionOptions, ort.CreateSessionOptions)
            check = ort.check
            check(ort.SetSessionLogSeverityLevel(options, LOG_ERROR))
            check(ort.SetSessionGraphOptimizationLevel(options, level))
            check(ort.SetIntraOpNumThreads(options, threads))
            check(ort.SetInterOpNumThreads(options, 1))
            for key, value in CONFIG_ENTRIES:
                check(ort.AddSessionConfigEntry(options, key.encode(), value.encode()))
            path = os.fsencode(model)
            self.handle = self._own(ort.ReleaseSession, lambda out: ort.CreateSession(environment, path, options, out))
            self.memory = self._own(
                ort.ReleaseMemoryInfo, lambda out: ort.CreateCpuMemoryInfo(_DEVICE_ALLOCATOR, _MEMORY_DEFAULT, out)
            )
            self.inputs = self._signature(ort.SessionGetInputCount, ort.SessionGetInputName, ort.SessionGetInputTypeInfo)
            self.outputs = self._signature(ort.SessionGetOutputCount, ort.SessionGetOutputName, ort.SessionGetOutputTypeInfo)
        except BaseException:
            self.release()
            raise

    def release(self) -> None:
        """Give everything back, in reverse order. May be called again."""
        while self._releases:
            give_back, handle = self._releases.pop()
            give_back(handle)

    def _own(self, give_back: Callable[[c_void_p], None], create: Callable[[Any], int | None]) -> c_void_p:
        handle = c_void_p()
        self._ort.check(create(byref(handle)))
        self._releases.append((give_back, handle))
        return handle

    def _signature(self, count: _Function, name: _Function, info: _Function) -> tuple[TensorSpec, ...]:
        total = c_size_t()
        self._ort.check(count(self.handle, byref(total)))
        return tuple(self._spec(index, name, info) for index in range(total.value))

    def _spec(self, index: int, name: _Function, info: _Function) -> TensorSpec:
        ort, allocator, text, described = self._ort, c_void_p(), c_void_p(), c_void_p()
        ort.check(ort.GetAllocatorWithDefaultOptions(byref(allocator)))  # one for the process, never released
        ort.check(name(self.handle, index, allocator, byref(text)))
        label = string_at(text.value or 0).decode("utf-8", "replace")
        ort.check(ort.AllocatorFree(allocator, text))
        ort.check(info(self.handle, index, byref(described)))
        try:
            kind, tensor = c_int(), c_void_p()
            ort.check(ort.GetOnnxTypeFromTypeInfo(described, byref(kind)))
            if kind.value != _TENSOR:
                raise LeanUnavailable(f"{label!r} is not a tensor (ONNX type {kind.value})")
            ort.check(ort.CastTypeInfoToTensorInfo(described, byref(tensor)))  # a view, owned by `described`
            element, shape = read_type_and_shape(ort, tensor)
        finally:
            ort.ReleaseTypeInfo(described)
        if element not in _DTYPES:
            raise LeanUnavailable(f"{label!r} has element type {element}, which the lean engine does not carry")
        return TensorSpec(label, _DTYPES[element], shape)


def read_type_and_shape(ort: Ort, info: c_void_p) -> tuple[int, tuple[int, ...]]:
    """Element type and shape (-1 for a dynamic axis) of an OrtTensorTypeAndShapeInfo."""
    element, rank = c_int(), c_size_t()
    ort.check(ort.GetTensorElementType(info, byref(element)))
    ort.check(ort.GetDimensionsCount(info, byref(rank)))
    axes = (c_int64 * rank.value)()
    ort.check(ort.GetDimensions(info, axes, rank.value))
    return element.value, tuple(axes)


def c_strings(names: list[str]) -> Any:
    """A `const char**`; the array keeps its strings alive."""
    return (c_char_p * len(names))(*(name.encode() for name in names))
