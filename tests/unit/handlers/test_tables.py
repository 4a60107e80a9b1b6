"""Named columns, as JSON and as CSV: the same tensors either way, and every mistake with its row and column."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mldeploy.handlers import codec_csv, codec_json, codec_tabular
from mldeploy.handlers.manifest import Column, TabularPreprocess
from mldeploy.handlers.problems import Problem
from mldeploy.handlers.tensor import Tensor, TensorSpec

# One input a column, as scikit-learn pipelines are converted; two of them share the input `sizes`, in another order.
SPECS = (
    TensorSpec("city", "BYTES", (-1, 1)),
    TensorSpec("sizes", "FP32", (-1, 2)),
    TensorSpec("count", "INT64", (-1,)),
    TensorSpec("is_new", "BOOL", (-1, 1)),
)
TABLE = TabularPreprocess(
    (
        Column("city", "BYTES", "city", 0),
        Column("width", "FP32", "sizes", 1),
        Column("height", "FP32", "sizes", 0),
        Column("count", "INT64", "count", 0),
        Column("is_new", "BOOL", "is_new", 0),
    )
)
ROW = {"city": "Oslo", "width": 1.5, "height": 2.0, "count": 3, "is_new": True}


def _decode(text: str | bytes) -> dict[str, Tensor]:
    return codec_csv.decode(text.encode() if isinstance(text, str) else text, TABLE, SPECS)


def _csv(rows: list[dict[str, Any]], names: list[str] | None = None) -> str:
    file = io.StringIO(newline="")
    writer = csv.DictWriter(file, names or list(ROW))
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue()


_rows = st.fixed_dictionaries(
    {
        "city": st.text(st.characters(exclude_categories=("Cs",))),
        "width": st.floats(allow_nan=False, allow_infinity=False, width=32),
        "height": st.floats(allow_nan=False, allow_infinity=False, width=32),
        "count": st.integers(-(2**63), 2**63 - 1),
        "is_new": st.booleans(),
    }
)


@given(st.lists(_rows, min_size=1, max_size=5), st.permutations(list(ROW)))
def test_rows_columns_and_csv_are_the_same_tensors(rows: list[dict[str, Any]], order: list[str]) -> None:
    from_rows = codec_tabular.from_json(rows, TABLE, SPECS)
    from_columns = codec_tabular.from_json({name: [row[name] for row in rows] for name in order}, TABLE, SPECS)
    from_csv = _decode(_csv(rows, order))
    assert from_rows == from_columns == from_csv
    assert codec_json.nested(from_rows["sizes"]) == [[row["height"], row["width"]] for row in rows]
    assert codec_json.nested(from_rows["count"]) == [row["count"] for row in rows]
    assert codec_json.nested(from_rows["city"]) == [[row["city"]] for row in rows]
    assert codec_json.nested(from_rows["is_new"]) == [[row["is_new"]] for row in rows]


@given(st.binary(max_size=80) | st.text(max_size=60).map(str.encode) | st.text('ab,"\r\n\0', max_size=30).map(str.encode))
def test_any_bytes_are_a_table_or_a_problem(body: bytes) -> None:
    table = TabularPreprocess((Column("a", "BYTES", "a", 0),))
    for prefix in (b"", b"a\n"):
        outcome = _outcome(prefix + body, table)
        if isinstance(outcome, Problem):
            assert outcome.slug in ("bad-request", "invalid-input")
            assert outcome.field
        else:
            assert outcome["a"].shape[0] >= 1


def _outcome(body: bytes, table: TabularPreprocess) -> dict[str, Tensor] | Problem:
    try:
        return codec_csv.decode(body, table, (TensorSpec("a", "BYTES", (-1, 1)),))
    except Problem as problem:
        return problem


def test_one_row_is_one_row() -> None:
    tensors = codec_tabular.from_json(ROW, TABLE, SPECS)
    assert {name: tensor.shape for name, tensor in tensors.items()} == {
        "city": (1, 1),
        "sizes": (1, 2),
        "count": (1,),
        "is_new": (1, 1),
    }


@pytest.mark.parametrize(
    ("value", "field", "detail"),
    [
        (3, "inputs", "inputs is 3; expected a row object"),
        ([], "inputs", "inputs is empty; expected at least one row object"),
        ([ROW, 3], "inputs[1]", "inputs[1] is 3; expected a row object"),
        ({}, "inputs.city", "inputs: missing column 'city', 'width', 'height', 'count', 'is_new'; expected the columns city"),
        ({**ROW, "colour": "red"}, "inputs.colour", "inputs: unknown column 'colour'; expected the columns city, width"),
        ([ROW, {**ROW, "colour": 1}], "inputs[1].colour", "inputs[1]: unknown column 'colour'"),
        ([{k: v for k, v in ROW.items() if k != "count"}], "inputs[0].count", "inputs[0]: missing column 'count'"),
        ({**ROW, "count": "3"}, "inputs.count", "inputs.count is '3'; expected a whole number"),
        ([ROW, {**ROW, "width": None}], "inputs[1].width", "inputs[1].width is null; expected a number (FP32)"),
        ([{**ROW, "width": True}], "inputs[0].width", "inputs[0].width is true; expected a number (FP32)"),
        ([{**ROW, "is_new": 1}], "inputs[0].is_new", "inputs[0].is_new is 1; expected true or false"),
        ({**{k: [v] for k, v in ROW.items()}, "city": [4]}, "inputs.city[0]", "inputs.city[0] is 4; expected a string"),
        (
            {**{k: [v] for k, v in ROW.items()}, "city": "Oslo"},
            "inputs.city",
            "inputs.city is 'Oslo' while other columns are lists",
        ),
        (
            {**{k: [v] for k, v in ROW.items()}, "count": [1, 2]},
            "inputs.count",
            "inputs.count has 2 rows; expected 1 rows, as in city",
        ),
        ({k: [] for k in ROW}, "inputs.city", "inputs.city is empty; expected at least one row"),
        ({**ROW, "city": ["Oslo"]}, "inputs.width", "inputs.width is 1.5 while other columns are lists"),
    ],
)
def test_a_mistake_in_json_is_named(value: Any, field: str, detail: str) -> None:
    with pytest.raises(Problem) as caught:
        codec_tabular.from_json(value, TABLE, SPECS)
    assert caught.value.field == field
    assert caught.value.detail.startswith(detail)


HEADER = "city,width,height,count,is_new\n"


@pytest.mark.parametrize(
    ("text", "slug", "field", "detail"),
    [
        ("", "invalid-input", "body", "the body has no header row"),
        ("\r\n\n", "invalid-input", "body", "the body has no header row"),
        (HEADER, "invalid-input", "body", "the body has a header row and nothing else"),
        ("city,city\nOslo,Oslo\n", "invalid-input", "header row", "the header has 'city' twice"),
        (
            HEADER.replace("count", "counts") + "a,1,2,3,true\n",
            "invalid-input",
            "header row.counts",
            "header row: unknown column 'counts'",
        ),
        (
            HEADER.replace(",count", "") + "a,1,2,true\n",
            "invalid-input",
            "header row.count",
            "header row: missing column 'count'",
        ),
        (HEADER + "Oslo,1,2,3\n", "invalid-input", "line 2", "line 2 has 4 cells; expected 5"),
        (HEADER + "Oslo,1,2,3,true,\n", "invalid-input", "line 2", "line 2 has 6 cells; expected 5"),
        (
            HEADER + '"a\nb",1,2,3,true\n\nOslo,1,x,3,true\n',
            "invalid-input",
            "line 5, column height",
            "line 5, column height is 'x'",
        ),
        (HEADER + "Oslo,,2,3,true\n", "invalid-input", "line 2, column width", "line 2, column width is ''; expected a number"),
        (HEADER + "Oslo,nan,2,3,true\n", "invalid-input", "line 2, column width", "line 2, column width is 'nan'"),
        (HEADER + "Oslo,1,-inf,3,true\n", "invalid-input", "line 2, column height", "line 2, column height is '-inf'"),
        (HEADER + "Oslo,1,1e39,3,true\n", "invalid-input", "line 2, column height", "line 2, column height is 1e+39"),
        (HEADER + "Oslo,1,1_0,3,true\n", "invalid-input", "line 2, column height", "line 2, column height is '1_0'"),
        (HEADER + "Oslo,1,2,3_0,true\n", "invalid-input", "line 2, column count", "line 2, column count is '3_0'"),
        (HEADER + "Oslo,1,2,3.5,true\n", "invalid-input", "line 2, column count", "line 2, column count is 3.5"),
        (HEADER + f"Oslo,1,2,{2**63},true\n", "invalid-input", "line 2, column count", f"line 2, column count is {2**63}"),
        (
            HEADER + "Oslo,1,2,3,yes\n",
            "invalid-input",
            "line 2, column is_new",
            "line 2, column is_new is 'yes'; expected true or false",
        ),
        (HEADER + 'Oslo,1,2,3,"true\n', "bad-request", "line 2", "line 2 is not valid CSV: "),
        (HEADER + 'Oslo,1,2,"3"4,true\n', "bad-request", "line 2", "line 2 is not valid CSV: "),
        (
            HEADER.encode() + b"Oslo,1,2,3,true\nM\xfcnchen,1,2,3,true\n",
            "bad-request",
            "line 3",
            "line 3 is not valid UTF-8 (byte 48)",
        ),
        (HEADER.encode("utf-16"), "bad-request", "line 1", "line 1 is not valid UTF-8 (byte 0)"),
    ],
)
def test_a_mistake_in_csv_is_named(text: str | bytes, slug: str, field: str, detail: str) -> None:
    with pytest.raises(Problem) as caught:
        _decode(text)
    assert (caught.value.slug, caught.value.field) == (slug, field)
    assert caught.value.detail.startswith(detail)


def test_csv_quotes_a_mark_and_the_case_of_booleans() -> None:
    tensors = _decode("\ufeff" + HEADER.replace("city", '"city"') + '"a ""b"", c", 1.5 ,2,3.0,True\r\n')
    assert tensors["city"].data == [b'a "b", c']
    assert codec_json.nested(tensors["sizes"]) == [[2.0, 1.5]]
    assert codec_json.nested(tensors["count"]) == [3]
    assert codec_json.nested(tensors["is_new"]) == [[True]]


def test_a_long_list_of_columns_is_cut_in_messages() -> None:
    names = [f"c{index}" for index in range(30)]
    with pytest.raises(Problem) as caught:
        codec_tabular.check_names([], names, "inputs")
    assert caught.value.expected.endswith("c19, …")
    assert json.dumps(caught.value.detail)
