"""`format: python`: the declared signature, the hook and the model file as it is. Nothing is compiled, there is no graph."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mldeploy.bundle import compile_image, compile_tabular
from mldeploy.bundle.sources import Sources
from mldeploy.errors import ModelError
from mldeploy.handlers.tensor import TensorSpec
from mldeploy.spec.model import ImagePreprocess, ModelSection, NoPostprocess, TabularPreprocess, TensorSection

if TYPE_CHECKING:
    from mldeploy.bundle.building import Draft


def build_python(sources: Sources, folder: Path, draft: Draft) -> None:
    """Copy the model file, if any, and write down what the spec declares. Raises ModelError when it declares too little."""
    section = sources.section
    if sources.hook is None:
        raise ModelError(
            "model.hook is missing: `format: python` runs a hook", "name a Python file that defines load and predict"
        )
    inputs, outputs = _declared(section.inputs, "inputs"), _declared(section.outputs, "outputs")
    if not isinstance(section.postprocess, NoPostprocess):
        raise ModelError(
            f"model.postprocess: {section.postprocess.kind} is compiled into an ONNX graph; a python model has none",
            "compute it in the hook's predict",
        )
    if sources.model is not None:
        shutil.copyfile(sources.model, folder / sources.model.name)
        draft.entry = sources.model.name
    draft.preprocess = preprocess(section, inputs)
    draft.inputs = [spec._asdict() for spec in inputs]
    draft.outputs = [spec._asdict() for spec in outputs]
    draft.signature = {"inputs": draft.inputs, "outputs": draft.outputs}
    draft.facts["description"] = "Python hook"


def _declared(tensors: list[TensorSection] | None, key: str) -> tuple[TensorSpec, ...]:
    if not tensors:
        raise ModelError(
            f"model.{key} is missing: a python model cannot be inspected",
            f"declare it: {key}: [{{name: x, dtype: FP32, shape: [-1, 4]}}]",
        )
    names = [tensor.name for tensor in tensors]
    if len(set(names)) < len(names):
        raise ModelError(f"model.{key}: two tensors have one name ({', '.join(names)})", "give each a name of its own")
    return tuple(TensorSpec(tensor.name, tensor.dtype, tuple(tensor.shape)) for tensor in tensors)


def preprocess(section: ModelSection, inputs: tuple[TensorSpec, ...]) -> dict[str, Any] | None:
    """The `preprocess` of a bundle without a graph: images stay UINT8 [N,H,W,C], columns keep the inputs' types."""
    pre = section.preprocess
    if isinstance(pre, TabularPreprocess):
        return compile_tabular.document(compile_tabular.assign_columns(pre, inputs, can_cast=False))
    if not isinstance(pre, ImagePreprocess):
        return None
    arithmetic = sorted({"scale", "mean", "std", "layout"} & pre.model_fields_set)
    if arithmetic:
        raise ModelError(
            f"model.preprocess: {', '.join(arithmetic)} would be compiled into an ONNX graph; this model has none",
            "take UINT8 [N, height, width, channels] pixels, and compute the rest in the hook",
        )
    spec = compile_image.choose_input(pre.model_copy(update={"layout": "NHWC"}), inputs)
    if spec.dtype != "UINT8":
        raise ModelError(
            f"model.preprocess: input {spec.name!r} is declared {spec.dtype}; without a graph an image arrives as UINT8",
            "declare it UINT8 [-1, height, width, channels]",
        )
    return compile_image.document(pre, spec.name, pre.color)
