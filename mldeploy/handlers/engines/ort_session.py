"""A session of ONNX Runtime's C API: open a model, match its signature with the bundle's, give everything back.

Raises LeanUnavailable for a signature that the lean engine does not carry, OrtError for a model that the runtime refuses.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from ctypes import byref, c_char_p, c_int, c_int64, c_size_t, c_void_p, string_at
from typing import Any

from mldeploy.handlers.config import ServingConfig
from mldeploy.handlers.engines import EngineInputError, headroom
from mldeploy.handlers.engines.empties import EmptyGate
from mldeploy.handlers.engines.onnx_settings import CONFIG_ENTRIES, LOG_FATAL, optimisation_level, thread_count
from mldeploy.handlers.engines.ort_api import LeanUnavailable, Ort
from mldeploy.handlers.engines.signature import check_input, check_signature
from mldeploy.handlers.manifest import Manifest
from mldeploy.handlers.tensor import Tensor, TensorSpec

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

_MAX_KNOWN_SHAPES = 256

# Size of the data in bytes, the same as size_t, the axes as int64 array, the rank as size_t.
Shape = tuple[int, c_size_t, Any, c_size_t]

_Function = Callable[..., Any]

_TENSOR = 1  # ONNXType
_DEVICE = 0  # OrtAllocatorType
_DEFAULT = 0  # OrtMemType


class Session:
    """An open model. `handle` is the OrtSession, `memory` an OrtMemoryInfo that says "plain CPU memory"."""

    def __init__(self, ort: Ort, manifest: Manifest, config: ServingConfig) -> None:
        self._ort = ort
        self._releases: list[tuple[Callable[[c_void_p], None], c_void_p]] = []
        self.is_limited = headroom.is_limited()
        self._allocator = c_void_p()
        ort.check(ort.GetAllocatorWithDefaultOptions(byref(self._allocator)))  # one for the process, never released
        try:
            environment = self._own(ort.ReleaseEnv, lambda out: ort.CreateEnv(LOG_FATAL, b"mldeploy", out))
            options = self._options(thread_count(config), optimisation_level(manifest))
            path = os.fsencode(manifest.path(manifest.entry))
            self.handle = self._own(ort.ReleaseSession, lambda out: ort.CreateSession(environment, path, options, out))
            self.memory = self._own(ort.ReleaseMemoryInfo, lambda out: ort.CreateCpuMemoryInfo(_DEVICE, _DEFAULT, out))
            inputs = self._signature(ort.SessionGetInputCount, ort.SessionGetInputName, ort.SessionGetInputTypeInfo)
            outputs = self._signature(ort.SessionGetOutputCount, ort.SessionGetOutputName, ort.SessionGetOutputTypeInfo)
            self.inputs = check_signature("input", manifest.inputs, inputs)
            self.outputs = check_signature("output", manifest.outputs, outputs)
        except BaseException:
            self.release()
            raise
        gate = EmptyGate(manifest.path(manifest.entry))
        self.feeds = tuple(Feed(spec, gate) for spec in self.inputs)
        self.input_names = _c_strings(self.inputs)
        self.output_names = _c_strings(self.outputs)

    def release(self) -> None:
        """Give everything back, in reverse order. May be called again."""
        while self._releases:
            give_back, handle = self._releases.pop()
            give_back(handle)

    def _options(self, threads: int, level: int) -> c_void_p:
        ort, check = self._ort, self._ort.check
        options = self._own(ort.ReleaseSessionOptions, ort.CreateSessionOptions)
        check(ort.SetSessionLogSeverityLevel(options, LOG_FATAL))
        check(ort.SetSessionGraphOptimizationLevel(options, level))
        check(ort.SetIntraOpNumThreads(options, threads))
        check(ort.SetInterOpNumThreads(options, 1))
        for key, value in CONFIG_ENTRIES:
            check(ort.AddSessionConfigEntry(options, key.encode(), value.encode()))
        return options

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
        ort, text, described = self._ort, c_void_p(), c_void_p()
        ort.check(name(self.handle, index, self._allocator, byref(text)))
        label = string_at(text.value or 0).decode("utf-8", "replace")
        ort.check(ort.AllocatorFree(self._allocator, text))
        ort.check(info(self.handle, index, byref(described)))
        try:
            kind, tensor = c_int(), c_void_p()
            ort.check(ort.GetOnnxTypeFromTypeInfo(described, byref(kind)))
            if kind.value != _TENSOR:
                raise LeanUnavailable(f"{label!r} is not a tensor (ONNX type {kind.value})")
            ort.check(ort.CastTypeInfoToTensorInfo(described, byref(tensor)))  # a view, owned by `described`
            element, shape = self._type_and_shape(tensor)
        finally:
            ort.ReleaseTypeInfo(described)
        if element not in _DTYPES:
            raise LeanUnavailable(f"{label!r} has element type {element}, which the lean engine does not carry")
        return TensorSpec(label, _DTYPES[element], shape)

    def _type_and_shape(self, tensor: c_void_p) -> tuple[int, tuple[int, ...]]:
        """Element type and shape (-1 for a dynamic axis) of an OrtTensorTypeAndShapeInfo."""
        ort, element, rank = self._ort, c_int(), c_size_t()
        ort.check(ort.GetTensorElementType(tensor, byref(element)))
        ort.check(ort.GetDimensionsCount(tensor, byref(rank)))
        axes = (c_int64 * rank.value)()
        ort.check(ort.GetDimensions(tensor, axes, rank))
        return element.value, tuple(axes)


class Feed:
    """One input: lets a tensor in and gives its shape the form that ONNX Runtime wants.

    Shapes that were let in before are looked up rather than checked again.
    """

    __slots__ = ("_dtype", "_gate", "_known", "_spec", "element", "name")

    def __init__(self, spec: TensorSpec, gate: EmptyGate) -> None:
        self._gate = gate
        self.name = spec.name
        self.element = ELEMENT_TYPES[spec.dtype]
        self._spec = spec
        self._dtype = spec.dtype
        self._known: dict[tuple[int, ...], Shape] = {}

    def admit(self, tensor: Tensor | None) -> tuple[bytes, Shape]:
        """The data and shape of a tensor for this input. Raises EngineInputError."""
        if tensor is None:
            raise EngineInputError(self.name, f"{self.name} is missing")
        dtype, shape, data = tensor
        known = self._known.get(shape)
        if known and type(data) is bytes and len(data) == known[0] and dtype == self._dtype != "BOOL":
            return data, known
        check_input(self._spec, tensor)
        self._gate.check(self._spec, tensor)
        if not isinstance(data, bytes):  # a buffer that can be written to could change, or be freed, under the running model
            data = bytes(data)  # type: ignore[arg-type]
        if len(self._known) >= _MAX_KNOWN_SHAPES:
            self._known.clear()
        known = self._known[shape] = len(data), c_size_t(len(data)), (c_int64 * len(shape))(*shape), c_size_t(len(shape))
        return data, known


def _c_strings(specs: tuple[TensorSpec, ...]) -> Any:
    """The names as a `const char**`; the array keeps its strings alive."""
    return (c_char_p * len(specs))(*(spec.name.encode() for spec in specs))
