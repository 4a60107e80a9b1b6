"""text/csv → tensors, by the named columns of a tabular model (RFC 4180; UTF-8, a byte order mark is let pass).

Every column of the model exactly once, in any order, and no other. Blank lines are skipped. Numbers as in Python and JSON,
but no NaN, infinity or digit separators; booleans are true or false in any case; strings are taken as they are, blanks
included.
"""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite
from typing import Any

from mldeploy.handlers import codec_tabular, elements
from mldeploy.handlers.manifest import TabularPreprocess
from mldeploy.handlers.problems import Problem
from mldeploy.handlers.tensor import Tensor, TensorSpec


def decode(body: bytes, preprocess: TabularPreprocess, specs: tuple[TensorSpec, ...]) -> dict[str, Tensor]:
    """The table as tensors. Raises Problem: bad-request when it is no CSV, invalid-input when it is not this model's table."""
    lines, rows = _rows(_text(body))
    if not rows:
        raise Problem("invalid-input", "the body has no header row", field="body", expected="a header row and at least one row")
    header, *table = rows
    names = [column.name for column in preprocess.columns]
    twice = next((name for name in header if header.count(name) > 1), None)
    if twice is not None:
        raise Problem("invalid-input", f"the header has {twice[:80]!r} twice", field="header row", expected="each column once")
    codec_tabular.check_names(header, names, "header row")
    if not table:
        raise Problem("invalid-input", "the body has a header row and nothing else", field="body", expected="at least one row")
    for line, row in zip(lines[1:], table, strict=True):
        if len(row) != len(header):
            raise Problem(
                "invalid-input",
                f"line {line} has {len(row)} cells; expected {len(header)}",
                field=f"line {line}",
                expected=f"{len(header)} cells",
            )
    columns = dict(zip(header, map(list, zip(*table, strict=True)), strict=True))
    dtypes = {spec.name: spec.dtype for spec in specs}

    def locate(row: int, name: str) -> str:
        return f"line {lines[row + 1]}, column {name}"

    cells = {
        column.name: _values(columns[column.name], dtypes[column.input], column.name, locate) for column in preprocess.columns
    }
    return codec_tabular.assemble(cells, preprocess, specs, locate)


def _text(body: bytes) -> str:
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = body.count(b"\n", 0, error.start) + 1
        raise Problem(
            "bad-request", f"line {line} is not valid UTF-8 (byte {error.start})", field=f"line {line}", expected="UTF-8 text"
        ) from None


def _rows(text: str) -> tuple[list[int], list[list[str]]]:
    """The rows that are not blank, and the line that each ends on."""
    import csv
    from io import StringIO

    lines, rows = [], []
    reader = csv.reader(StringIO(text, newline=""), strict=True)
    try:
        for row in reader:
            if row:
                lines.append(reader.line_num)
                rows.append(row)
    except csv.Error as error:
        raise Problem(
            "bad-request",
            f"line {reader.line_num} is not valid CSV: {error}",
            field=f"line {reader.line_num}",
            expected="comma-separated values, quotes doubled inside quotes",
        ) from None
    return lines, rows


def _values(cells: list[str], dtype: str, name: str, locate: codec_tabular.LocateCell) -> list[Any]:
    """The cells as values that `elements.pack` takes; what is no value of the dtype is refused here."""
    if dtype == "BYTES":
        return list(cells)
    convert = _CONVERT.get(dtype, _integer)
    values = []
    for row, cell in enumerate(cells):
        try:
            values.append(convert(cell))
        except ValueError:
            where, wanted = locate(row, name), elements.expected(dtype)
            raise Problem(
                "invalid-input", f"{where} is {elements.shown(cell)}; expected {wanted}", field=where, expected=wanted
            ) from None
    return values


def _boolean(cell: str) -> bool:
    word = cell.strip().lower()
    if word not in ("true", "false"):
        raise ValueError(cell)
    return word == "true"


def _number(cell: str) -> float:
    value = float(cell)
    if not isfinite(value) or "_" in cell:
        raise ValueError(cell)
    return value


def _integer(cell: str) -> int | float:
    if "_" in cell:
        raise ValueError(cell)
    try:
        return int(cell)
    except ValueError:
        return _number(cell)


_CONVERT: dict[str, Callable[[str], Any]] = {"BOOL": _boolean, **dict.fromkeys(elements.FLOATS, _number)}
