"""Named columns into the graph's inputs.

    one input [N,F]          the columns in order; those declared int or bool get an input of their type, cast and concatenated
    one input a column       [N,1] or [N], called like the column; declared int or bool for a float input: a Cast in between

The result is the `preprocess` of bundle.json: for each column its graph input, position and type.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from mldeploy.bundle.graph_edit import Editor, find, value_info
from mldeploy.bundle.signature import FLOATS, Signature, describe
from mldeploy.errors import ModelError
from mldeploy.handlers.tensor import TensorSpec

if TYPE_CHECKING:
    import onnx

    from mldeploy.spec.model import TabularPreprocess

WHERE = "model.preprocess.columns"
INTEGERS = ("INT8", "INT16", "INT32", "INT64", "UINT8", "UINT16", "UINT32", "UINT64")
# what a column is declared as -> the types of graph inputs that take it as it is
TAKES: dict[str, tuple[str, ...]] = {"float": FLOATS, "int": INTEGERS, "bool": ("BOOL",), "string": ("BYTES",)}
CAST_FROM = {"int": "INT64", "bool": "BOOL"}  # the input type of a column that a Cast turns into the model's float


class Assigned(NamedTuple):
    """A column, the graph input and position that it fills, and the model's own input behind that (`source`)."""

    name: str
    dtype: str
    input: str
    position: int
    source: TensorSpec

    @property
    def is_cast(self) -> bool:
        return self.dtype != self.source.dtype


def _named(section: TabularPreprocess) -> list[tuple[str, str | None]]:
    columns = [(c, None) if isinstance(c, str) else (c.name, str(c.dtype) if c.dtype else None) for c in section.columns]
    names = [name for name, _ in columns]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ModelError(f"{WHERE}: {', '.join(map(repr, twice))} stands there more than once", "name each column once")
    return columns


def input_dtype(column: str, declared: str | None, spec: TensorSpec, can_cast: bool) -> str:
    """The OIP type of the graph input that takes `column`. Raises ModelError when the declared type cannot reach `spec`."""
    if declared is None or spec.dtype in TAKES[declared]:
        return spec.dtype
    if can_cast and spec.dtype in FLOATS and declared in CAST_FROM:
        return CAST_FROM[declared]
    raise ModelError(
        f"{WHERE}: {column!r} is declared {declared}, but input {spec.name!r} takes {describe(spec)}",
        "leave its dtype out, or declare what the model takes",
    )


def is_column(spec: TensorSpec) -> bool:
    """True for an input of one column, [N] or [N,1] (or [N,-1], which may be one)."""
    return spec.shape[1:] in ((), (1,), (-1,)) and len(spec.shape) > 0


def assign_columns(section: TabularPreprocess, inputs: tuple[TensorSpec, ...], can_cast: bool) -> list[Assigned]:
    """Assign each column. Raises ModelError when columns and inputs do not match."""
    columns = _named(section)
    by_name = {spec.name: spec for spec in inputs}
    names = [name for name, _ in columns]
    if len(inputs) == 1 and (names != list(by_name) or not is_column(inputs[0])):
        return _into_matrix(columns, inputs[0], can_cast)
    missing, unknown = [n for n in by_name if n not in names], [n for n in names if n not in by_name]
    if missing or unknown:
        reasons = [f"no column for input {', '.join(map(repr, missing))}"] if missing else []
        reasons += [f"no input for column {', '.join(map(repr, unknown))}"] if unknown else []
        raise ModelError(f"{WHERE}: {'; '.join(reasons)}", f"the model's inputs are {', '.join(by_name)}")
    for spec in inputs:
        if not is_column(spec):
            raise ModelError(
                f"{WHERE}: input {spec.name!r} takes {describe(spec)}, which is more than one column",
                "use preprocess kind none, and send tensors",
            )
    return [
        Assigned(name, input_dtype(name, declared, by_name[name], can_cast), name, 0, by_name[name])
        for name, declared in columns
    ]


def _into_matrix(columns: list[tuple[str, str | None]], spec: TensorSpec, can_cast: bool) -> list[Assigned]:
    if len(spec.shape) != 2:
        raise ModelError(
            f"{WHERE}: input {spec.name!r} takes {describe(spec)}; columns need [rows, columns]",
            "use preprocess kind none, and send tensors",
        )
    if spec.shape[1] not in (-1, len(columns)):
        raise ModelError(
            f"{WHERE}: {len(columns)} columns for input {spec.name!r}, which takes {spec.shape[1]}",
            "name every column that the model was trained on, in that order",
        )
    result: list[Assigned] = []
    for name, declared in columns:
        dtype = input_dtype(name, declared, spec, can_cast)
        target = spec.name if dtype == spec.dtype else f"{spec.name}_{dtype.lower()}"
        result.append(Assigned(name, dtype, target, sum(other.input == target for other in result), spec))
    return result


def document(columns: list[Assigned]) -> dict[str, Any]:
    """The `preprocess` of bundle.json."""
    rows = [{"name": c.name, "dtype": c.dtype, "input": c.input, "index": c.position} for c in columns]
    return {"kind": "tabular", "columns": rows}


def is_matrix(columns: list[Assigned]) -> bool:
    """True when the columns go side by side into one input of the model."""
    return any(column.input != column.name for column in columns)


def compile_tabular(model: onnx.ModelProto, signature: Signature, section: TabularPreprocess) -> dict[str, Any]:
    """Put the casts that the declared types ask for into `model`; returns the `preprocess` of bundle.json."""
    columns = assign_columns(section, signature.inputs, can_cast=True)
    if any(column.is_cast for column in columns):
        editor = Editor(model)
        if is_matrix(columns):
            _gather_matrix(editor, columns)
        else:
            for column in columns:
                if column.is_cast:
                    _cast_column(editor, column)
    return document(columns)


def _onnx_type(dtype: str) -> int:
    from onnx import TensorProto

    return {
        "BOOL": TensorProto.BOOL,
        "INT64": TensorProto.INT64,
        "FP16": TensorProto.FLOAT16,
        "FP32": TensorProto.FLOAT,
        "FP64": TensorProto.DOUBLE,
    }[dtype]


def _cast_column(editor: Editor, column: Assigned) -> None:
    spec, cast = column.source, editor.fresh("cast")
    like = find(editor.graph.input, spec.name)
    declared = value_info(spec.name, _onnx_type(column.dtype), like, [None, *spec.shape[1:]])
    editor.replace_input(spec.name, [declared], [editor.node("Cast", [spec.name], [cast], to=_onnx_type(spec.dtype))], cast)


def _gather_matrix(editor: Editor, columns: list[Assigned]) -> None:
    """One input a type, each cast to the matrix's type, side by side; then the columns in their order."""
    import numpy as np

    spec = columns[0].source
    like = find(editor.graph.input, spec.name)
    groups: dict[str, list[int]] = {}
    for position, column in enumerate(columns):
        groups.setdefault(column.input, []).append(position)
    inputs, nodes, pieces = [], [], []
    for name, positions in groups.items():
        first = columns[positions[0]]
        inputs.append(value_info(name, _onnx_type(first.dtype), like, [None, len(positions)]))
        pieces.append(name)
        if first.is_cast:
            pieces[-1] = editor.fresh("cast")
            nodes.append(editor.node("Cast", [name], [pieces[-1]], to=_onnx_type(spec.dtype)))
    side_by_side = [position for positions in groups.values() for position in positions]
    joined, matrix = editor.fresh("concat"), editor.fresh("matrix")
    nodes.append(editor.node("Concat", pieces, [joined], axis=1))
    nodes.append(editor.node("Gather", [joined, editor.constant("order", np.argsort(side_by_side))], [matrix], axis=1))
    editor.replace_input(spec.name, inputs, nodes, matrix)
