"""The stock engine: an ONNX model on onnxruntime's own Python binding, with numpy. Carries what the lean engine does not.

Same settings, same answers; strings (BYTES) are the main reason to be here.
"""

from __future__ import annotations

from typing import Any

from mldeploy.handlers.config import ServingConfig
from mldeploy.handlers.engines import EngineError, EngineInputError, EngineTimeout
from mldeploy.handlers.engines.empties import EmptyGate
from mldeploy.handlers.engines.onnx_settings import (
    CONFIG_ENTRIES,
    LOG_FATAL,
    optimisation_level,
    switch_telemetry_off,
    thread_count,
)
from mldeploy.handlers.engines.signature import admit, check_signature
from mldeploy.handlers.engines.watchdog import Watchdog
from mldeploy.handlers.manifest import Manifest
from mldeploy.handlers.tensor import Tensor, TensorSpec

# The binding's names of element types, by the dtype names of the Open Inference Protocol.
TYPE_NAMES: dict[str, str] = {
    "tensor(bool)": "BOOL",
    "tensor(uint8)": "UINT8",
    "tensor(uint16)": "UINT16",
    "tensor(uint32)": "UINT32",
    "tensor(uint64)": "UINT64",
    "tensor(int8)": "INT8",
    "tensor(int16)": "INT16",
    "tensor(int32)": "INT32",
    "tensor(int64)": "INT64",
    "tensor(float16)": "FP16",
    "tensor(float)": "FP32",
    "tensor(double)": "FP64",
    "tensor(string)": "BYTES",
}


def open_stock(manifest: Manifest, config: ServingConfig, fallback_reason: str = "") -> StockEngine:
    """Load the bundle's model. Raises EngineError. `fallback_reason`: why the lean engine is not in use."""
    level = optimisation_level(manifest)
    switch_telemetry_off()
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = LOG_FATAL
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel(level)
    options.intra_op_num_threads = thread_count(config)
    options.inter_op_num_threads = 1
    for key, value in CONFIG_ENTRIES:
        options.add_session_config_entry(key, value)
    try:
        session = onnxruntime.InferenceSession(
            manifest.path(manifest.entry), sess_options=options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # the binding has a class for each status code, and no common one
        raise EngineError(f"ONNX Runtime {onnxruntime.__version__} cannot load {manifest.entry}: {error}") from error
    return StockEngine(session, onnxruntime.RunOptions, manifest, fallback_reason)


class StockEngine:
    """A loaded ONNX model. Thread-safe."""

    name = "stock"

    def __init__(self, session: Any, run_options: Any, manifest: Manifest, fallback_reason: str) -> None:
        from mldeploy.handlers.engines import arrays

        declared = {spec.name for spec in manifest.inputs + manifest.outputs}
        self.inputs = check_signature("input", manifest.inputs, _specs(session.get_inputs(), declared))
        self.outputs = check_signature("output", manifest.outputs, _specs(session.get_outputs(), declared))
        self.fallback_reason = fallback_reason
        self._arrays = arrays
        self._session: Any = session
        self._run_options = run_options
        self._output_names = [spec.name for spec in self.outputs]
        self._gate = EmptyGate(manifest.path(manifest.entry))
        self._watchdog = Watchdog(_stop)

    def run(self, inputs: dict[str, Tensor], timeout_s: float | None = None) -> dict[str, Tensor]:
        session = self._session
        if session is None:
            raise EngineError("the engine is closed")
        admitted = admit(self.inputs, inputs)
        feeds = {spec.name: self._feed(spec, admitted[spec.name]) for spec in self.inputs}
        options, is_stopped = self._run_options(), False
        options.log_severity_level = LOG_FATAL
        if timeout_s is not None:
            self._watchdog.watch(options, timeout_s)
        try:
            try:
                results = session.run(self._output_names, feeds, options)
            finally:
                is_stopped = timeout_s is not None and self._watchdog.unwatch(options)
        except Exception as error:
            if is_stopped:
                raise EngineTimeout(f"stopped after {timeout_s:g} s") from error
            raise EngineError(f"ONNX Runtime: {error}") from error
        return {
            spec.name: self._arrays.from_array(array, spec.dtype) for spec, array in zip(self.outputs, results, strict=True)
        }

    def _feed(self, spec: TensorSpec, tensor: Tensor) -> Any:
        self._gate.check(spec, tensor)
        array = self._arrays.to_array(tensor)
        if tensor.dtype == "BYTES":
            for position, element in enumerate(array.flat):
                if isinstance(element, bytes):
                    raise EngineInputError(spec.name, f"{spec.name}: element {position} is not UTF-8, as ONNX strings are")
        return array

    def close(self) -> None:
        self._session = None  # runs on their way hold their own reference
        self._watchdog.close()


def _stop(options: Any) -> None:
    options.terminate = True


def _specs(nodes: list[Any], declared: set[str]) -> tuple[TensorSpec, ...]:
    for node in nodes:
        if node.type not in TYPE_NAMES and node.name in declared:
            raise EngineError(f"{node.name!r} is a {node.type}; this runtime serves {', '.join(TYPE_NAMES)}")
    return tuple(
        TensorSpec(node.name, TYPE_NAMES[node.type], tuple(axis if isinstance(axis, int) else -1 for axis in node.shape))
        for node in nodes
        if node.type in TYPE_NAMES
    )
