"""The lean engine: an ONNX model on ONNX Runtime's C API, without numpy and without importing onnxruntime.

    Tensor ─▶ checks ─▶ OrtValue over its bytes (no copy) ─▶ Run ─▶ OrtValue ─▶ one copy ─▶ Tensor

It refuses (LeanUnavailable, before anything is served) what it does not know; `open_engine` then takes the stock engine.
"""

from __future__ import annotations

from _thread import allocate_lock

from mldeploy.handlers.config import ServingConfig
from mldeploy.handlers.engines import EngineError, EngineTimeout, headroom, ort_api
from mldeploy.handlers.engines.onnx_settings import switch_telemetry_off
from mldeploy.handlers.engines.ort_api import Ort, OrtError
from mldeploy.handlers.engines.ort_call import Call
from mldeploy.handlers.engines.ort_session import Session
from mldeploy.handlers.engines.watchdog import Watchdog
from mldeploy.handlers.manifest import Manifest
from mldeploy.handlers.tensor import Tensor


def open_lean(manifest: Manifest, config: ServingConfig) -> LeanEngine:
    """Load the bundle's model. Raises LeanUnavailable (try the stock engine) or EngineError (the model is at fault)."""
    switch_telemetry_off()
    if headroom.is_limited():
        headroom.require(headroom.TO_OPEN_BYTES)
    ort = ort_api.open_installed()
    try:
        return LeanEngine(ort, Session(ort, manifest, config))
    except OrtError as error:
        raise EngineError(f"ONNX Runtime {ort.version} cannot load {manifest.entry}: {error}") from error


class LeanEngine:
    """A loaded ONNX model. Thread-safe; `close` may come at any time, runs that are on their way end first."""

    name = "lean"
    fallback_reason = ""

    def __init__(self, ort: Ort, session: Session) -> None:
        self.inputs = session.inputs
        self.outputs = session.outputs
        self._ort = ort
        self._session = session
        self._watchdog = Watchdog(Call.stop)
        self._lock = allocate_lock()
        self._idle: list[Call] = []
        self._running = 0
        self._closed = False

    def run(self, inputs: dict[str, Tensor], timeout_s: float | None = None) -> dict[str, Tensor]:
        """One prediction. Raises EngineInputError, EngineTimeout, EngineError."""
        call = self._enter()
        is_stopped = False
        try:
            if timeout_s is None:
                return call.run(inputs)
            self._watchdog.watch(call, timeout_s)
            try:
                return call.run(inputs)
            finally:
                is_stopped = self._watchdog.unwatch(call)
        except OrtError as error:
            if is_stopped:
                raise EngineTimeout(f"stopped after {timeout_s:g} s") from error
            raise EngineError(f"ONNX Runtime: {error}") from error
        finally:
            self._leave(call, is_stopped)

    def close(self) -> None:
        """Refuse further runs; give everything back as soon as nothing runs any more. May be called again."""
        with self._lock:
            is_first, self._closed = not self._closed, True
            is_idle = not self._running
        if is_first and is_idle:
            self._release()

    def _enter(self) -> Call:
        with self._lock:
            if self._closed:
                raise EngineError("the engine is closed")
            call = self._idle.pop() if self._idle else Call(self._ort, self._session)
            self._running += 1
            return call

    def _leave(self, call: Call, is_stopped: bool) -> None:
        with self._lock:
            if is_stopped:  # its terminate flag stays set
                call.release()
            else:
                self._idle.append(call)
            self._running -= 1
            is_last = self._closed and not self._running
        if is_last:
            self._release()

    def _release(self) -> None:
        self._watchdog.close()
        while self._idle:
            self._idle.pop().release()
        self._session.release()
