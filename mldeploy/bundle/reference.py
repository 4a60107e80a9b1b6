"""The unpacked pipeline, in numpy: what the compiled graph must agree with.

    raw inputs ─▶ (image or tabular preprocessing, numpy) ─▶ the model as it was ─▶ (softmax, numpy) ─▶ reference outputs

`prepare` runs it on random inputs before the graph is edited; `check` runs the packed file on the same inputs and compares.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mldeploy.bundle import parity
from mldeploy.bundle.compile_image import affine, channels
from mldeploy.bundle.compile_post import check_classes, choose_output
from mldeploy.bundle.compile_tabular import Assigned, assign_columns, is_matrix
from mldeploy.bundle.optimise import new_session
from mldeploy.bundle.random_inputs import NUMPY_OF_OIP, OTHER_AXES, SEED, random_inputs
from mldeploy.bundle.signature import Signature
from mldeploy.errors import ModelError
from mldeploy.spec.model import ImagePreprocess, ModelSection, SoftmaxPostprocess, TabularPreprocess, TopKPostprocess

if TYPE_CHECKING:
    from mldeploy.bundle.random_inputs import Arrays


@dataclass(frozen=True)
class Reference:
    """Raw inputs of the packed graph and what the unpacked pipeline answers to them, by output name."""

    raw: Arrays
    outputs: Arrays
    warnings: tuple[str, ...] = ()


def prepare(session: Any, signature: Signature, section: ModelSection, rows: Arrays | None = None) -> Reference | None:
    """Run the unpacked pipeline on `rows`, else on random inputs; None when the model takes none of those that were tried."""
    for inputs in [rows] if rows is not None else _candidates(signature):
        inputs = dict(inputs)
        raw = _preprocess(inputs, signature, section)
        try:
            values = session.run(None, inputs)
            again = session.run(None, inputs)
        except Exception:  # noqa: S112  sizes that the model does not take: the binding has a class for each status code
            continue
        outputs = dict(zip((spec.name for spec in signature.outputs), values, strict=True))
        if any(not parity.compare(n, a, b).is_within for (n, a), b in zip(outputs.items(), again, strict=True)):
            return Reference(
                raw,
                {},
                (
                    "the model answers differently to the same input (it draws random numbers); "
                    "the packed graph could not be compared with it",
                ),
            )
        return Reference(raw, _softmax(outputs, signature, section), _vacuous(outputs))
    return None


def _candidates(signature: Signature) -> Iterator[Arrays]:
    for other_axes in OTHER_AXES:
        for high in (4, 1):
            yield random_inputs(signature, other_axes, high)


def _vacuous(outputs: Arrays) -> tuple[str, ...]:
    floats = [array for array in outputs.values() if array.dtype.kind == "f"]
    if floats and all(parity.is_constant(array) for array in floats):
        return ("the model gives the same answer to every random input: is it trained?",)
    return ()


def _preprocess(inputs: Arrays, signature: Signature, section: ModelSection) -> Arrays:
    """Replace, in `inputs`, what preprocessing computes; returns the raw inputs that it is computed from."""
    import numpy as np

    generator = np.random.default_rng(SEED)
    raw = dict(inputs)
    if isinstance(section.preprocess, ImagePreprocess):
        name = section.preprocess.input or signature.inputs[0].name
        height, width = section.preprocess.size
        batch = inputs[name].shape[0]
        raw[name] = generator.integers(0, 256, (batch, height, width, channels(section.preprocess))).astype(np.uint8)
        inputs[name] = image_tensor(raw[name], section.preprocess, inputs[name].dtype)
    elif isinstance(section.preprocess, TabularPreprocess):
        _tabular(inputs, raw, assign_columns(section.preprocess, signature.inputs, can_cast=True), generator)
    return raw


def image_tensor(pixels: Any, section: ImagePreprocess, dtype: Any) -> Any:
    """uint8 RGB [N,H,W,C] -> what the model takes: the formula of the spec in float64, then `dtype`."""
    import numpy as np

    values = pixels[..., ::-1] if section.color == "BGR" else pixels
    if dtype != np.uint8:
        factor, offset = affine(section)
        values = (values.astype(np.float64) * factor + offset).astype(np.float32).astype(dtype)
    return np.ascontiguousarray(values.transpose(0, 3, 1, 2) if section.layout == "NCHW" else values)


def _tabular(inputs: Arrays, raw: Arrays, columns: list[Assigned], generator: Any) -> None:
    """Columns that are cast get integers or booleans; the model's inputs are put together from all columns."""
    import numpy as np

    if not any(column.is_cast for column in columns):
        return
    pieces: dict[str, list[Any]] = {}
    for position, column in enumerate(columns):
        given = inputs[column.source.name]
        old = given[:, position] if is_matrix(columns) else given.reshape(len(given))
        high = 2 if column.dtype == "BOOL" else 100
        values = generator.integers(0, high, len(old)).astype(NUMPY_OF_OIP[column.dtype]) if column.is_cast else old
        pieces.setdefault(column.input, []).append(values)
        if is_matrix(columns):
            inputs[column.source.name] = np.concatenate(
                [given[:, :position], values[:, None], given[:, position + 1 :]], axis=1, dtype=given.dtype, casting="unsafe"
            )
        else:
            inputs[column.source.name] = values.reshape(given.shape).astype(given.dtype)
    if is_matrix(columns):
        del raw[columns[0].source.name]
        raw.update({name: np.stack(values, axis=1) for name, values in pieces.items()})
    else:
        raw.update({name: values[0].reshape(inputs[name].shape) for name, values in pieces.items()})


def softmax(values: Any) -> Any:
    """Along the last axis, in float64, back in the type of `values`."""
    import numpy as np

    shifted = np.exp(values.astype(np.float64) - values.max(axis=-1, keepdims=True))
    return (shifted / shifted.sum(axis=-1, keepdims=True)).astype(values.dtype)


def _softmax(outputs: Arrays, signature: Signature, section: ModelSection) -> Arrays:
    post = section.postprocess
    if isinstance(post, SoftmaxPostprocess):
        name = choose_output(post, signature.outputs).name
        return outputs | {name: softmax(outputs[name])}
    if isinstance(post, TopKPostprocess):
        scores = outputs[choose_output(post, signature.outputs).name]
        scores = scores.reshape(scores.shape[0], -1).astype("float32")
        return {"": softmax(scores) if post.softmax else scores}
    return outputs


def check(
    reference: Reference, packed: Path, level: str, section: ModelSection, top_k: dict[str, Any] | None, labels: tuple[str, ...]
) -> parity.Difference:
    """Run the packed file on the reference's inputs. Raises ModelError when it disagrees, or a label count is wrong."""
    session = new_session(packed, level=level)
    names = [node.name for node in session.get_outputs()]
    if top_k is not None:
        check_classes(top_k["k"], labels, reference.outputs[""].shape[1])
    got = dict(zip(names, session.run(None, reference.raw), strict=True))
    if top_k is not None:
        found = parity.top_k_difference(reference.outputs[""], got[top_k["indices"]], got[top_k["scores"]], top_k["k"])
    else:
        given = section.parity_tolerance
        found = parity.worst([parity.compare(name, value, got[name], given) for name, value in reference.outputs.items()])
    if not found.is_within:
        raise ModelError(
            f"the packed graph differs from the model by {found.largest:.3g} at {found.where} (allowed {found.allowed:.3g})",
            "this should not happen: please report it with the model; `preprocess: none` leaves the graph alone",
        )
    return found
