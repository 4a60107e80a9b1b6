"""The one door through which packing reaches ONNX Runtime's Python binding: lazily, and with its telemetry off."""

from __future__ import annotations

from typing import Any

from mldeploy.handlers.engines.onnx_settings import switch_telemetry_off


def binding() -> Any:
    """The module `onnxruntime`. It reads the telemetry switch when it is imported, so nobody here imports it directly."""
    switch_telemetry_off()
    import onnxruntime

    return onnxruntime


def native() -> Any:
    """The binding's compiled module, which lists kernels and operator schemas."""
    binding()
    from onnxruntime.capi import onnxruntime_pybind11_state

    return onnxruntime_pybind11_state
