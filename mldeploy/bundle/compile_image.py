"""Image preprocessing into the graph.

    pixels UINT8 [N,H,W,C] ─▶ (channel order) ─▶ (Transpose to NCHW) ─▶ Cast ─▶ Mul ─▶ Add ─▶ (Cast) ─▶ the model's input

((pixel / scale) - mean) / std is one Mul and one Add per channel. What is left for the runtime is decoding, resizing and
cropping to a buffer of RGB or grey bytes. The new input keeps the old one's name and batch axis.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mldeploy.bundle.graph_edit import MINIMUM_OPSET, Editor, find, value_info
from mldeploy.bundle.signature import Signature, describe
from mldeploy.errors import ModelError
from mldeploy.handlers.tensor import TensorSpec

if TYPE_CHECKING:
    import onnx

    from mldeploy.spec.model import ImagePreprocess

WHERE = "model.preprocess"


def channels(section: ImagePreprocess) -> int:
    """Colour channels of the decoded image."""
    return 1 if section.color == "L" else 3


def expected_shape(section: ImagePreprocess) -> tuple[int, int, int, int]:
    """The shape that the model's input must have, -1 for the batch."""
    height, width = section.size
    return (-1, channels(section), height, width) if section.layout == "NCHW" else (-1, height, width, channels(section))


def choose_input(section: ImagePreprocess, inputs: tuple[TensorSpec, ...]) -> TensorSpec:
    """The input that takes the image. Raises ModelError when it is not there, not clear, or of another shape or type."""
    names = ", ".join(spec.name for spec in inputs)
    if section.input is None and len(inputs) != 1:
        raise ModelError(f"{WHERE}: the model has {len(inputs)} inputs ({names})", f"say which takes the image: {WHERE}.input")
    spec = next((spec for spec in inputs if section.input in (None, spec.name)), None)
    if spec is None:
        raise ModelError(f"{WHERE}.input: the model has no input {section.input!r}", f"it has {names}")
    wanted = expected_shape(section)
    fits = len(spec.shape) == 4 and all(
        -1 in (have, want) or have == want for have, want in zip(spec.shape, wanted, strict=True)
    )
    if not fits:
        raise ModelError(
            f"{WHERE}: size {list(section.size)}, color {section.color} and layout {section.layout} give "
            f"{_shape(wanted)}, but input {spec.name!r} takes {describe(spec)}",
            _layout_hint(section, spec),
        )
    if spec.dtype not in ("UINT8", "FP32", "FP16"):
        raise ModelError(
            f"{WHERE}: input {spec.name!r} takes {spec.dtype}; an image becomes FP32, FP16 or UINT8",
            "export the model with a float32 input",
        )
    return spec


def _shape(shape: tuple[int, ...]) -> str:
    return "[" + ", ".join("N" if axis == -1 else str(axis) for axis in shape) + "]"


def _layout_hint(section: ImagePreprocess, spec: TensorSpec) -> str:
    if len(spec.shape) != 4:
        return "an image model takes four axes: batch, height, width and channels"
    first, second, third, last = spec.shape
    del first
    if second in (1, 3):
        return f"use layout: NCHW, size: [{third}, {last}] and color: {'L' if second == 1 else 'RGB'}"
    if last in (1, 3):
        return f"use layout: NHWC, size: [{second}, {third}] and color: {'L' if last == 1 else 'RGB'}"
    return "make them agree"


def per_channel(section: ImagePreprocess, key: str) -> list[float]:
    """`mean` or `std` as one value a channel. Raises ModelError on another count or a std of 0."""
    value, count = getattr(section, key), channels(section)
    values = [float(v) for v in value] if isinstance(value, list) else [float(value)]
    if len(values) not in (1, count):
        raise ModelError(
            f"{WHERE}.{key} has {len(values)} values, but {section.color} has {count} channel{'s'[: count > 1]}",
            f"give one value or {count}",
        )
    if key == "std" and 0.0 in values:
        raise ModelError(
            f"{WHERE}.std holds a 0, and the pixels are divided by it", "give the standard deviation of each channel"
        )
    return values * (count if len(values) == 1 else 1)


def affine(section: ImagePreprocess) -> tuple[list[float], list[float]]:
    """(factor, offset) per channel: ((x / scale) - mean) / std = x * factor + offset."""
    mean, std = per_channel(section, "mean"), per_channel(section, "std")
    return [1.0 / (section.scale * s) for s in std], [-m / s for m, s in zip(mean, std, strict=True)]


def check_resize(section: ImagePreprocess) -> int:
    """px of the shorter side after the resize. Raises ModelError when the crop would not fit in it."""
    largest = max(section.size)
    resize_to = section.resize_to or largest
    if section.resize == "shorter_side" and resize_to < largest:
        raise ModelError(
            f"{WHERE}.resize_to: {resize_to} px is less than the {section.size[0]} x {section.size[1]} px cut from it",
            f"use at least {largest}",
        )
    return resize_to


def document(section: ImagePreprocess, input_name: str, color: str) -> dict[str, Any]:
    """The `preprocess` of bundle.json: what the runtime still does."""
    height, width = section.size
    return {
        "kind": "image",
        "input": input_name,
        "height": height,
        "width": width,
        "resize": section.resize,
        "resize_to": check_resize(section),
        "filter": section.filter,
        "color": color,
        "pad": section.pad,
        "decode": section.decode,
    }


def compile_image(model: onnx.ModelProto, signature: Signature, section: ImagePreprocess) -> dict[str, Any]:
    """Put the preprocessing into `model`; returns the `preprocess` of bundle.json. Raises ModelError on a mismatch."""
    import numpy as np
    from onnx import TensorProto

    spec = choose_input(section, signature.inputs)
    result = document(section, spec.name, "L" if section.color == "L" else "RGB")
    if spec.dtype == "UINT8" and {"scale", "mean", "std"} & section.model_fields_set:
        raise ModelError(
            f"{WHERE}: input {spec.name!r} takes UINT8 pixels as they are; scale, mean and std do not apply", "leave them out"
        )
    editor = Editor(model)
    if editor.opset < MINIMUM_OPSET:
        raise ModelError(
            f"the model has opset {editor.opset}; compiling the preprocessing needs {MINIMUM_OPSET}",
            "export it again with opset_version=17",
        )
    factor, offset = affine(section)
    height, width = section.size
    steps: list[tuple[str, list[str], dict[str, Any]]] = []
    if section.color == "BGR":
        steps.append(("Gather", [editor.constant("bgr", np.array([2, 1, 0], np.int64))], {"axis": 3}))
    if section.layout == "NCHW":
        steps.append(("Transpose", [], {"perm": [0, 3, 1, 2]}))  # of bytes, not floats: a quarter of the memory moved
    if spec.dtype != "UINT8":
        form = (-1, 1, 1) if section.layout == "NCHW" else (-1,)
        steps.append(("Cast", [], {"to": TensorProto.FLOAT}))
        steps.append(("Mul", [editor.constant("factor", np.array(factor, np.float32).reshape(form))], {}))
        if any(offset):
            steps.append(("Add", [editor.constant("offset", np.array(offset, np.float32).reshape(form))], {}))
    if spec.dtype == "FP16":
        steps.append(("Cast", [], {"to": TensorProto.FLOAT16}))
    nodes, tensor = [], spec.name
    for op_type, constants, attributes in steps:
        result_name = editor.fresh(op_type.lower())
        nodes.append(editor.node(op_type, [tensor, *constants], [result_name], **attributes))
        tensor = result_name
    pixels = value_info(
        spec.name, TensorProto.UINT8, find(editor.graph.input, spec.name), [None, height, width, channels(section)]
    )
    editor.replace_input(spec.name, [pixels], nodes, tensor)
    return result
