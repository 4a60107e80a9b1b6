"""Softmax and top-k into the graph.

logits [N,C] ─▶ Softmax ─▶ the output of the same name                          softmax
scores [N,C] ─▶ (Softmax) ─▶ TopK ─▶ `indices` INT64 [N,k], `scores` FP32 [N,k]   top_k, in place of all outputs
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from mldeploy.bundle.graph_edit import Editor, find, value_info
from mldeploy.bundle.signature import FLOATS, Signature, describe
from mldeploy.errors import ModelError
from mldeploy.handlers.tensor import TensorSpec

if TYPE_CHECKING:
    import onnx

    from mldeploy.spec.model import SoftmaxPostprocess, TopKPostprocess

WHERE = "model.postprocess"
INDICES, SCORES = "indices", "scores"


def choose_output(section: SoftmaxPostprocess | TopKPostprocess, outputs: tuple[TensorSpec, ...]) -> TensorSpec:
    """The output meant. Raises ModelError when it is not there, not clear, or not a float tensor."""
    if section.output is not None:
        spec = next((spec for spec in outputs if spec.name == section.output), None)
        if spec is None:
            raise ModelError(
                f"{WHERE}.output: the model has no output {section.output!r}", f"it has {', '.join(o.name for o in outputs)}"
            )
        if spec.dtype not in FLOATS:
            raise ModelError(
                f"{WHERE}.output: {spec.name!r} is {describe(spec)}; {section.kind} needs a float tensor", "name another output"
            )
        return spec
    floats = [spec for spec in outputs if spec.dtype in FLOATS]
    if len(floats) != 1:
        found = ", ".join(f"{o.name} {describe(o)}" for o in outputs)
        raise ModelError(
            f"{WHERE}: {section.kind} needs one float output; the model has {len(floats)} ({found})",
            f"say which: {WHERE}.output" if floats else f"use {WHERE}.kind: none",
        )
    return floats[0]


def class_count(spec: TensorSpec) -> int:
    """Classes of an output [N, C] or [N, C, 1, ...]; -1 when dynamic. Raises ModelError on any other shape."""
    if len(spec.shape) < 2 or any(axis != 1 for axis in spec.shape[2:]):
        raise ModelError(
            f"{WHERE}: top_k needs one score a class in each row [N, classes]; output {spec.name!r} is {describe(spec)}",
            "name another output, or use a postprocess hook",
        )
    return spec.shape[1]


def check_classes(k: int, labels: tuple[str, ...], classes: int) -> None:
    """Raise ModelError when `k` or the number of labels does not fit the number of classes."""
    if k > classes:
        raise ModelError(f"{WHERE}.k: {k} is more than the model's {classes} classes", f"use at most {classes}")
    if labels and len(labels) != classes:
        raise ModelError(
            f"model.labels: {len(labels)} labels for a model of {classes} classes",
            "give one label a class, in the model's order",
        )


def _softmax(editor: Editor, tensor: str, result: str, rank: int) -> Any:
    # before opset 13 Softmax flattens from `axis` on; on the last axis both definitions agree, and before 11 it must be >= 0
    return editor.node("Softmax", [tensor], [result], axis=-1 if editor.opset >= 13 else rank - 1)


def compile_softmax(model: onnx.ModelProto, signature: Signature, section: SoftmaxPostprocess) -> None:
    """Append Softmax along the last axis; the output keeps its name, type and shape."""
    spec = choose_output(section, signature.outputs)
    if not spec.shape:
        raise ModelError(
            f"{WHERE}: output {spec.name!r} is {describe(spec)}; softmax needs an axis of classes", "name another output"
        )
    editor = Editor(model)
    position = [value.name for value in editor.graph.output].index(spec.name)
    same = copy.deepcopy(find(editor.graph.output, spec.name))
    inner = editor.detach_output(spec.name)
    editor.graph.node.append(_softmax(editor, inner, spec.name, len(spec.shape)))
    editor.graph.output.insert(position, same)


def compile_top_k(
    model: onnx.ModelProto, signature: Signature, section: TopKPostprocess, labels: tuple[str, ...]
) -> dict[str, Any]:
    """Append TopK and drop every other output; returns the `top_k` of bundle.json."""
    import numpy as np
    from onnx import TensorProto

    spec = choose_output(section, signature.outputs)
    classes = class_count(spec)
    if classes >= 0:
        check_classes(section.k, labels, classes)
    editor = Editor(model)
    like = copy.deepcopy(find(editor.graph.output, spec.name))
    tensor = editor.detach_output(spec.name)
    del editor.graph.output[:]

    def append(op_type: str, inputs: list[str], **attributes: Any) -> str:
        result = editor.fresh(op_type.lower())
        editor.graph.node.append(editor.node(op_type, inputs, [result], **attributes))
        return result

    if len(spec.shape) > 2:
        tensor = append("Flatten", [tensor], axis=1)
    if spec.dtype != "FP32":
        tensor = append("Cast", [tensor], to=TensorProto.FLOAT)
    if section.softmax:
        result = editor.fresh("probabilities")
        editor.graph.node.append(_softmax(editor, tensor, result, 2))
        tensor = result
    indices, scores = editor.claim(INDICES), editor.claim(SCORES)
    if editor.opset < 10:  # TopK takes k as an input from opset 10 on
        node = editor.node("TopK", [tensor], [scores, indices], axis=1, k=section.k)
    else:
        node = editor.node("TopK", [tensor, editor.constant("k", np.array([section.k], np.int64))], [scores, indices], axis=1)
    editor.graph.node.append(node)
    editor.graph.output.extend(
        [
            value_info(indices, TensorProto.INT64, like, [None, section.k]),
            value_info(scores, TensorProto.FLOAT, like, [None, section.k]),
        ]
    )
    editor.prune()
    return {"k": section.k, "indices": indices, "scores": scores}
