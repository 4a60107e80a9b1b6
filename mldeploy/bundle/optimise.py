"""Optimising a graph once, offline, so that loading it is quick; portably, so that it is right on every machine.

The level is EXTENDED: folding and fusions, no memory layouts. Level ALL would also reorder convolution weights into blocks
whose size depends on this processor, and a file with the wrong block size answers wrongly elsewhere. Graphs that gain from
those layouts are marked to get them when loaded (`engine.optimisation: all`); the others load as they are (`disabled`).
Figures: docs/adr/0005-graph-compilation.md.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from mldeploy.bundle import kernels, ort
from mldeploy.errors import ModelError

if TYPE_CHECKING:
    import onnx

# what ONNX Runtime's layout transformers rewrite at load (NCHWc and NHWC); everything else is done offline
_LAYOUT_SENSITIVE = {
    "Conv",
    "FusedConv",
    "MaxPool",
    "AveragePool",
    "GlobalAveragePool",
    "GlobalMaxPool",
    "QLinearConv",
    "ConvInteger",
    "ConvTranspose",
}
# quantised graphs are rewritten into kernels that depend on the processor's instructions: left to the machine that runs them
_PROCESSOR_SENSITIVE = {"QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear", "MatMulInteger"}
LARGEST_GROWTH = 3.0  # folding may unpack what was stored small (fp16 weights: twice); beyond this it is not worth it
SLACK_BYTES = 1 << 20


def new_session(source: Path | bytes, *, level: str = "disabled", save_to: Path | None = None, name: Path | None = None) -> Any:
    """An onnxruntime.InferenceSession on the CPU, silent. `level`: disabled | basic | extended | all. Raises ModelError, which
    calls the model `name`."""
    onnxruntime = ort.binding()
    levels = onnxruntime.GraphOptimizationLevel
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.graph_optimization_level = {
        "disabled": levels.ORT_DISABLE_ALL,
        "basic": levels.ORT_ENABLE_BASIC,
        "extended": levels.ORT_ENABLE_EXTENDED,
        "all": levels.ORT_ENABLE_ALL,
    }[level]
    if save_to is not None:
        options.optimized_model_filepath = str(save_to)
    model = source if isinstance(source, bytes) else str(source)
    try:
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the binding has an exception class for each status code
        raise kernels.translate(error, name or Path("the model")) from error


def optimise(source: Path, target: Path, model: onnx.ModelProto) -> str:
    """Write `source` (holding `model`) to `target`, optimised where that is portable and worth it; returns the level to load
    it at. `source` is gone afterwards."""
    op_types = {node.op_type for node in kernels.walk(model.graph.node)}
    level = "all" if op_types & (_LAYOUT_SENSITIVE | _PROCESSOR_SENSITIVE) else "disabled"
    if not op_types & _PROCESSOR_SENSITIVE and _write_optimised(source, target):
        source.unlink()
        return level
    source.rename(target)
    return "all"


def _write_optimised(source: Path, target: Path) -> bool:
    try:
        new_session(source, level="extended", save_to=target)
    except ModelError:
        target.unlink(missing_ok=True)
        return False
    before, after = source.stat().st_size, target.stat().st_size
    if after > LARGEST_GROWTH * before + SLACK_BYTES:
        target.unlink()
        return False
    return True
