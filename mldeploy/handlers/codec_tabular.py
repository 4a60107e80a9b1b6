"""Rows or columns by name → tensors [N, columns of that input], each column checked for its dtype.

    {"age": 41, "city": "Oslo"}            one row        field inputs.age
    [{"age": 41, "city": "Oslo"}, …]       rows           field inputs[3].age
    {"age": [41, 7], "city": ["a", "b"]}   columns        field inputs.age[3]

Missing and unknown columns are errors. A model input of shape [N] or [N, 1] takes one column, one of shape [N, C] takes C.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain
from typing import Any, NoReturn

from mldeploy.handlers import codec_json, elements
from mldeploy.handlers.manifest import TabularPreprocess
from mldeploy.handlers.problems import Problem
from mldeploy.handlers.tensor import Tensor, TensorSpec

# (row, column name) -> the name of that cell in the request.
LocateCell = Callable[[int, str], str]


def from_json(value: Any, preprocess: TabularPreprocess, specs: tuple[TensorSpec, ...]) -> dict[str, Tensor]:
    """The value of "inputs" as tensors. Raises Problem."""
    names = [column.name for column in preprocess.columns]
    if isinstance(value, list):
        return assemble(_from_rows(value, names), preprocess, specs, lambda row, name: f"inputs[{row}].{name}")
    if not isinstance(value, dict):
        _refuse("inputs", f"inputs is {elements.shown(value)}", "a row object, a list of row objects, or an object of columns")
    check_names(list(value), names, "inputs")
    if any(type(cells) is list for cells in value.values()):
        return assemble(_from_columns(value, names), preprocess, specs, lambda row, name: f"inputs.{name}[{row}]")
    return assemble({name: [value[name]] for name in names}, preprocess, specs, lambda row, name: f"inputs.{name}")


def assemble(
    cells: dict[str, list[Any]], preprocess: TabularPreprocess, specs: tuple[TensorSpec, ...], locate: LocateCell
) -> dict[str, Tensor]:
    """Columns of equal length ≥ 1 as tensors. `cells` has every column. Raises Problem, which `locate` names."""
    return {spec.name: _tensor(cells, preprocess, spec, locate) for spec in specs}


def check_names(found: list[str], names: list[str], field: str) -> None:
    """Raise Problem unless exactly the columns `names` were found, in any order."""
    wanted = f"the columns {', '.join(names[:20])}{', …' if len(names) > 20 else ''}"
    unknown = [name for name in found if name not in names]
    if unknown:
        _refuse(f"{field}.{unknown[0][:80]}", f"{field}: unknown column {', '.join(repr(n[:80]) for n in unknown[:5])}", wanted)
    missing = [name for name in names if name not in found]
    if missing:
        _refuse(f"{field}.{missing[0]}", f"{field}: missing column {', '.join(map(repr, missing[:5]))}", wanted)


def _from_rows(rows: list[Any], names: list[str]) -> dict[str, list[Any]]:
    if not rows:
        _refuse("inputs", "inputs is empty", "at least one row object")
    wanted = set(names)
    for index, row in enumerate(rows):
        if type(row) is not dict:
            _refuse(f"inputs[{index}]", f"inputs[{index}] is {elements.shown(row)}", "a row object")
        if row.keys() != wanted:
            check_names(list(row), names, f"inputs[{index}]")
    return {name: [row[name] for row in rows] for name in names}


def _from_columns(value: dict[str, Any], names: list[str]) -> dict[str, list[Any]]:
    for name in names:
        if type(value[name]) is not list:
            _refuse(f"inputs.{name}", f"inputs.{name} is {elements.shown(value[name])} while other columns are lists", "a list")
    count = len(value[names[0]])
    if count == 0:
        _refuse(f"inputs.{names[0]}", f"inputs.{names[0]} is empty", "at least one row")
    for name in names:
        if len(value[name]) != count:
            _refuse(f"inputs.{name}", f"inputs.{name} has {len(value[name])} rows", f"{count} rows, as in {names[0]}")
    return value


def _tensor(cells: dict[str, list[Any]], preprocess: TabularPreprocess, spec: TensorSpec, locate: LocateCell) -> Tensor:
    names = [column.name for column in sorted(preprocess.columns, key=lambda column: column.index) if column.input == spec.name]
    rows = len(cells[names[0]])
    shape = (rows, len(names)) if len(spec.shape) == 2 else (rows,)
    codec_json.check_shape(shape, spec, "inputs")
    values = list(chain.from_iterable(zip(*(cells[name] for name in names), strict=True)))
    data = elements.pack(values, spec.dtype, lambda index: locate(index // len(names), names[index % len(names)]))
    return Tensor(spec.dtype, shape, data)


def _refuse(field: str, detail: str, expected: str) -> NoReturn:
    raise Problem("invalid-input", f"{detail}; expected {expected}", field=field, expected=expected)
