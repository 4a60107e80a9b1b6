"""The lean engine: an ONNX model on ONNX Runtime's C API, without numpy and without importing onnxruntime.

    Tensor ─▶ checks ─▶ OrtValue over its bytes (no copy) ─▶ Run ─▶ OrtValue ─▶ one copy ─▶ Tensor

It refuses (LeanUnavailable, before anything is served) what it does not know; `open_engine` then takes the stock engine.
"""

from __future__ import annotations

from _thread import allocate_lock
from ctypes import byref, c_int64, c_void_p, string_at
from typing import Any

from mldeploy.handlers.config import ServingConfig
from mldeploy.handlers.engines import EngineError, EngineInputError, EngineTimeout, ort_api
from mldeploy.handlers.engines.onnx_settings import optimisation_level, switch_telemetry_off, thread_count
from mldeploy.handlers.engines.ort_api import Ort, OrtError
from mldeploy.handlers.engines.ort_session import ELEMENT_TYPES, Session, c_strings, read_type_and_shape
from mldeploy.handlers.engines.signature import check_input, check_signature
from mldeploy.handlers.engines.watchdog import Watchdog
from mldeploy.handlers.manifest import Manifest
from mldeploy.handlers.tensor import ITEM_SIZE_BYTES, Tensor, TensorSpec, element_count

_POINTER_BYTES = 8
_MAX_KNOWN_SHAPES = 256


def open_lean(manifest: Manifest, config: ServingConfig) -> LeanEngine:
    """Load the bundle's model. Raises LeanUnavailable (try the stock engine) or EngineError (the model is at fault)."""
    level = optimisation_level(manifest)
    switch_telemetry_off()
    ort = ort_api.open_installed()
    try:
        session = Session(ort, manifest.root / manifest.entry, thread_count(config), level)
    except OrtError as error:
        raise EngineError(f"ONNX Runtime {ort.version} cannot load {manifest.entry}: {error}") from error
    try:
        return LeanEngine(ort, session, manifest)
    except BaseException:
        session.release()
        raise


class LeanEngine:
    """A loaded ONNX model. Thread-safe; `close` may come at any time, what is running then ends first."""

    name = "lean"
    fallback_reason = ""

    def __init__(self, ort: Ort, session: Session, manifest: Manifest) -> None:
        self.inputs = check_signature("input", manifest.inputs, session.inputs)
        self.outputs = check_signature("output", manifest.outputs, session.outputs)
        self._ort = ort
        self._session = session
        self._input_names = c_strings([spec.name for spec in self.inputs])
        self._output_names = c_strings([spec.name for spec in self.outputs])
        self._feeds = [_Feed(spec) for spec in self.inputs]
        self._watchdog = Watchdog(ort.RunOptionsSetTerminate)
        self._lock = allocate_lock()
        self._idle_options: list[int] = []
        self._running = 0
        self._closed = False

    def run(self, inputs: dict[str, Tensor], timeout_s: float | None = None) -> dict[str, Tensor]:
        options, is_stopped = self._begin(), False
        try:
            if timeout_s is not None:
                self._watchdog.watch(options, timeout_s)
            try:
                return self._run(inputs, options)
            finally:
                is_stopped = timeout_s is not None and self._watchdog.unwatch(options)
        except OrtError as error:
            if is_stopped:
                raise EngineTimeout(f"stopped after {timeout_s:g} s") from error
            raise EngineError(f"ONNX Runtime: {error}") from error
        finally:
            self._end(options, is_stopped)

    def close(self) -> None:
        with self._lock:
            self._closed = True
            is_idle = not self._running
        if is_idle:
            self._release()

    def _run(self, inputs: dict[str, Tensor], options: int) -> dict[str, Tensor]:
        ort, total_in, total_out = self._ort, len(self.inputs), len(self.outputs)
        values, results = (c_void_p * total_in)(), (c_void_p * total_out)()
        kept = []  # the buffers that the values look into
        try:
            for position, feed in enumerate(self._feeds):
                data, size, dims, rank = feed.admit(inputs)
                kept.append(data)
                ort.check(
                    ort.CreateTensorWithDataAsOrtValue(
                        self._session.memory, data, size, dims, rank, feed.element, byref(values, position * _POINTER_BYTES)
                    )
                )
            ort.check(
                ort.Run(
                    self._session.handle, options, self._input_names, values, total_in, self._output_names, total_out, results
                )
            )
            return {spec.name: self._read(spec, results[position]) for position, spec in enumerate(self.outputs)}
        finally:
            for handle in (*values, *results):
                if handle:
                    ort.ReleaseValue(handle)

    def _read(self, spec: TensorSpec, value: int | None) -> Tensor:
        ort, info, start = self._ort, c_void_p(), c_void_p()
        if not value:
            raise EngineError(f"the model left output {spec.name} empty")
        ort.check(ort.GetTensorTypeAndShape(value, byref(info)))
        try:
            element, shape = read_type_and_shape(ort, info)
        finally:
            ort.ReleaseTensorTypeAndShapeInfo(info)
        if element != ELEMENT_TYPES[spec.dtype]:
            raise EngineError(f"output {spec.name} has element type {element} instead of {spec.dtype}")
        size = element_count(shape) * ITEM_SIZE_BYTES[spec.dtype]
        if not size:
            return Tensor(spec.dtype, shape, b"")
        ort.check(ort.GetTensorMutableData(value, byref(start)))
        return Tensor(spec.dtype, shape, string_at(start.value or 0, size))

    def _begin(self) -> int:
        """Take part in the engine: OrtRunOptions of one's own, to be given to `_end`."""
        with self._lock:
            if self._closed:
                raise EngineError("the engine is closed")
            if self._idle_options:
                self._running += 1
                return self._idle_options.pop()
            options = c_void_p()
            self._ort.check(self._ort.CreateRunOptions(byref(options)))
            self._running += 1
            return options.value or 0

    def _end(self, options: int, is_stopped: bool) -> None:
        with self._lock:
            if is_stopped:  # its terminate flag is set
                self._ort.ReleaseRunOptions(options)
            else:
                self._idle_options.append(options)
            self._running -= 1
            is_last = self._closed and not self._running
        if is_last:
            self._release()

    def _release(self) -> None:
        self._watchdog.close()
        with self._lock:
            while self._idle_options:
                self._ort.ReleaseRunOptions(self._idle_options.pop())
            self._session.release()


class _Feed:
    """One input: checks a tensor and gives the four facts that ONNX Runtime wants about it."""

    __slots__ = ("_known", "element", "spec")

    def __init__(self, spec: TensorSpec) -> None:
        self.spec = spec
        self.element = ELEMENT_TYPES[spec.dtype]
        self._known: dict[tuple[int, ...], Any] = {}  # shapes met before, as int64 arrays; only read from

    def admit(self, inputs: dict[str, Tensor]) -> tuple[bytes, int, Any, int]:
        """Data, its size in bytes, the shape and the rank of this input's tensor. Raises EngineInputError."""
        tensor = inputs.get(self.spec.name)
        if tensor is None:
            raise EngineInputError(self.spec.name, f"{self.spec.name} is missing")
        check_input(self.spec, tensor)
        data, shape = tensor.data, tensor.shape
        dims = self._known.get(shape)
        if dims is None:
            if len(self._known) >= _MAX_KNOWN_SHAPES:
                self._known.clear()
            dims = self._known[shape] = (c_int64 * len(shape))(*shape)
        if not isinstance(data, bytes):  # a writable buffer could be changed or freed under the running model
            data = bytes(data)  # type: ignore[arg-type]
        return data, len(data), dims, len(shape)
