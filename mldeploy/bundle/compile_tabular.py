"""Named columns into the graph's inputs.

    one input [N,F]          the columns in order; those declared int or bool get an input of their type, cast and concatenated
    one input a column       [N,1] or [N], called like the column; declared int or bool for a float input: a Cast in between

The result is the `preprocess` of bundle.json: for each column its graph input, position and type.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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


def _named(section: TabularPreprocess) -> list[tuple[str, str | None]]:
    columns = [(c, None) if isinstance(c, str) else (c.name, c.dtype) for c in section.columns]
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
    raise ModelError(f"{WHERE}: {column!r} is declared {declared}, but input {spec.name!r} takes {describe(spec)}",
                     "leave its dtype out, or declare what the model takes")


def assign_columns(section: TabularPreprocess, inputs: tuple[TensorSpec, ...], can_cast: bool) -> list[dict[str, Any]]:
    """Each column's {name, dtype, input, index}. Raises ModelError when columns and inputs do not match."""
    columns = _named(section)
    by_name = {spec.name: spec for spec in inputs}
    if len(inputs) == 1 and not (len(columns) == 1 and columns[0][0] in by_name and inputs[0].shape[1:] in ((), (1,))):
        return _into_matrix(columns, inputs[0], can_cast)
    names = [name for name, _ in columns]
    missing, unknown = [n for n in by_name if n not in names], [n for n in names if n not in by_name]
    if missing or unknown:
        parts = [f"no column for input {', '.join(map(repr, missing))}"] if missing else []
        parts += [f"no input for column {', '.join(map(repr, unknown))}"] if unknown else []
        raise ModelError(f"{WHERE}: {'; '.join(parts)}", f"the model's inputs are {', '.join(by_name)}")
    result = []
    for name, declared in columns:
        spec = by_name[name]
        if len(spec.shape) not in (1, 2) or spec.shape[1:] not in ((), (1,), (-1,)):
            raise ModelError(f"{WHERE}: input {name!r} takes {describe(spec)}, which is more than one column",
                             "use preprocess kind none, and send tensors")
        result.append({"name": name, "dtype": input_dtype(name, declared, spec, can_cast), "input": name, "index": 0})
    return result


def _into_matrix(columns: list[tuple[str, str | None]], spec: TensorSpec, can_cast: bool) -> list[dict[str, Any]]:
    if len(spec.shape) != 2:
        raise ModelError(f"{WHERE}: input {spec.name!r} takes {describe(spec)}; columns need [rows, columns]",
                         "use preprocess kind none, and send tensors")
    if spec.shape[1] not in (-1, len(columns)):
        raise ModelError(f"{WHERE}: {len(columns)} columns for input {spec.name!r}, which takes {spec.shape[1]}",
                         "name every column that the model was trained on, in that order")
    dtypes = [input_dtype(name, declared, spec, can_cast) for name, declared in columns]
    counts: dict[str, int] = {}
    result = []
    for (name, _), dtype in zip(columns, dtypes, strict=True):
        target = spec.name if dtype == spec.dtype else f"{spec.name}_{dtype.lower()}"
        result.append({"name": name, "dtype": dtype, "input": target, "index": counts.get(target, 0)})
        counts[target] = counts.get(target, 0) + 1
    return result


def document(columns: list[dict[str, Any]]) -> dict[str, Any]:
    """The `preprocess` of bundle.json."""
    return {"kind": "tabular", "columns": columns}


def compile_tabular(model: onnx.ModelProto, signature: Signature, section: TabularPreprocess) -> dict[str, Any]:
    """Put the casts that the declared types ask for into `model`; returns the `preprocess` of bundle.json."""
    columns = assign_columns(section, signature.inputs, can_cast=True)
    by_name = {spec.name: spec for spec in signature.inputs}
    if any(column["input"] not in by_name for column in columns):
        _gather_matrix(Editor(model), signature.inputs[0], columns)
    else:
        editor = Editor(model)
        for column in columns:
            if column["dtype"] != by_name[column["name"]].dtype:
                _cast_column(editor, by_name[column["name"]], column["dtype"])
    return document(columns)


def _onnx_type(dtype: str) -> int:
    from onnx import TensorProto

    return {"BOOL": TensorProto.BOOL, "INT64": TensorProto.INT64, "FP16": TensorProto.FLOAT16, "FP32": TensorProto.FLOAT,
            "FP64": TensorProto.DOUBLE}[dtype]


def _cast_column(editor: Editor, spec: TensorSpec, dtype: str) -> None:
    cast = editor.fresh("cast")
    like = find(editor.graph.input, spec.name)
    declared = value_info(spec.name, _onnx_type(dtype), like, [None, *spec.shape[1:]])
    editor.replace_input(spec.name, [declared], [editor.node("Cast", [spec.name], [cast], to=_onnx_type(spec.dtype))], cast)


def _gather_matrix(editor: Editor, spec: TensorSpec, columns: list[dict[str, Any]]) -> None:
    """One input a type, each cast to the matrix's type, side by side; then the columns in their order."""
    import numpy as np

    like = find(editor.graph.input, spec.name)
    groups: dict[str, list[int]] = {}
    for position, column in enumerate(columns):
        groups.setdefault(column["input"], []).append(position)
    inputs, nodes, parts = [], [], []
    for name, positions in groups.items():
        dtype = columns[positions[0]]["dtype"]
        inputs.append(value_info(name, _onnx_type(dtype), like, [None, len(positions)]))
        parts.append(name)
        if dtype != spec.dtype:
            parts[-1] = editor.fresh("cast")
            nodes.append(editor.node("Cast", [name], [parts[-1]], to=_onnx_type(spec.dtype)))
    side_by_side = [position for positions in groups.values() for position in positions]
    order = np.argsort(np.array(side_by_side)).astype(np.int64)
    joined, matrix = editor.fresh("concat"), editor.fresh("matrix")
    nodes.append(editor.node("Concat", parts, [joined], axis=1))
    nodes.append(editor.node("Gather", [joined, editor.constant("order", order)], [matrix], axis=1))
    editor.replace_input(spec.name, inputs, nodes, matrix)
