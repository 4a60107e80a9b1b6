"""Nested JSON lists ⇄ tensors: every dtype there and back, and every mistake with the name of its place."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mldeploy.handlers import codec_json, elements
from mldeploy.handlers.problems import Problem
from mldeploy.handlers.tensor import ITEM_SIZE_BYTES, Tensor, TensorSpec, element_count

ROWS_OF_4 = TensorSpec("x", "FP32", (-1, 4))


def _bfloat16s() -> st.SearchStrategy[float]:
    """Floats that BF16 holds exactly."""
    return st.integers(0, 0xFFFF).map(lambda half: struct.unpack("<f", struct.pack("<I", half << 16))[0]).filter(_is_finite)


def _is_finite(value: float) -> bool:
    return value - value == 0


ELEMENTS: dict[str, st.SearchStrategy[Any]] = {
    "BOOL": st.booleans(),
    "BYTES": st.text(st.characters(exclude_categories=("Cs",)), max_size=8),
    "FP16": st.floats(allow_nan=False, allow_infinity=False, width=16),
    "BF16": _bfloat16s(),
    "FP32": st.floats(allow_nan=False, allow_infinity=False, width=32),
    "FP64": st.floats(allow_nan=False, allow_infinity=False),
    **{f"INT{bits}": st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) for bits in (8, 16, 32, 64)},
    **{f"UINT{bits}": st.integers(0, 2**bits - 1) for bits in (8, 16, 32, 64)},
}


@st.composite
def _values(draw: st.DrawFn) -> tuple[str, tuple[int, ...], Any]:
    """A dtype, a shape without empty axes, and nested lists of that shape."""
    dtype = draw(st.sampled_from(sorted(ELEMENTS)))
    shape = tuple(draw(st.lists(st.integers(1, 3), max_size=3)))
    value = draw(ELEMENTS[dtype])
    strategy = ELEMENTS[dtype]
    for axis in reversed(shape):
        strategy = st.lists(strategy, min_size=axis, max_size=axis)
    return dtype, shape, draw(strategy) if shape else value


@given(_values())
def test_json_survives_the_way_to_a_tensor_and_back(drawn: tuple[str, tuple[int, ...], Any]) -> None:
    dtype, shape, value = drawn
    body = codec_json.dumps(value)
    tensor = codec_json.tensor(codec_json.loads(body), TensorSpec("x", dtype, shape), "inputs.x", codec_json.holds_bools(body))
    assert tensor.dtype == dtype
    assert tensor.shape == shape
    assert len(tensor.data) == element_count(shape) * ITEM_SIZE_BYTES.get(dtype, 1)
    assert codec_json.nested(tensor) == value
    assert codec_json.dumps(codec_json.nested(tensor)) == body


@given(_values())
def test_flat_elements_of_a_given_shape_are_the_same_tensor(drawn: tuple[str, tuple[int, ...], Any]) -> None:
    dtype, shape, value = drawn
    spec = TensorSpec("x", dtype, shape)
    tensor = codec_json.tensor(value, spec, "inputs.x")
    flat = codec_json.flat(tensor)
    assert codec_json.tensor_of_shape(flat, spec, shape, "x") == tensor
    assert codec_json.tensor_of_shape(value if shape else [value], spec, shape, "x") == tensor


_anything = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=2), inner, max_size=2),
    max_leaves=12,
)


@given(_anything, st.sampled_from(sorted(ELEMENTS)), st.lists(st.sampled_from([-1, 1, 2, 3]), max_size=3), st.booleans())
def test_any_json_is_a_fitting_tensor_or_a_problem(value: Any, dtype: str, shape: list[int], is_flat: bool) -> None:
    spec = TensorSpec("x", dtype, tuple(shape))
    concrete = tuple(abs(axis) for axis in shape)
    outcome = _outcome(
        lambda: (
            codec_json.tensor_of_shape(value, spec, concrete, "inputs.x")
            if is_flat
            else codec_json.tensor(value, spec, "inputs.x")
        )
    )
    if isinstance(outcome, Problem):
        assert outcome.slug == "invalid-input"
        assert outcome.field.startswith("inputs.x")
        assert outcome.expected
        assert outcome.detail.startswith(outcome.field)
    else:
        codec_json.check_shape(outcome.shape, spec, "inputs.x")
        assert len(outcome.data) == element_count(outcome.shape) * ITEM_SIZE_BYTES.get(dtype, 1)


def _outcome(function: Callable[[], Any]) -> Any:
    """What the function returns, or the Problem that it raises."""
    try:
        return function()
    except Problem as problem:
        return problem


def _problem(value: Any, spec: TensorSpec = ROWS_OF_4) -> Problem:
    with pytest.raises(Problem) as caught:
        codec_json.tensor(value, spec, "inputs.x")
    return caught.value


@pytest.mark.parametrize(
    ("value", "field", "detail"),
    [
        ([], "inputs.x", "inputs.x is empty; expected FP32 of shape [N, 4]"),
        ([[]], "inputs.x", "inputs.x is empty; expected FP32 of shape [N, 4]"),
        ([[1, 2, 3]], "inputs.x", "inputs.x has shape [1, 3]; expected FP32 of shape [N, 4]"),
        ([1, 2, 3], "inputs.x", "inputs.x has shape [1, 3]; expected FP32 of shape [N, 4]"),
        ([[1, 2, 3, 4], [1, 2, 3]], "inputs.x[1]", "inputs.x[1] has 3 elements; expected a list of 4"),
        ([[1, 2, 3], [1, 2, 3, 4]], "inputs.x[0]", "inputs.x[0] has 3 elements; expected a list of 4"),
        ([[1, 2, 3, 4], 5], "inputs.x[1]", "inputs.x[1] is 5; expected a list of 4"),
        ([[1, 2, 3, 4], "abcd"], "inputs.x[1]", "inputs.x[1] is 'abcd'; expected a list of 4"),
        ([[1, 2, 3, 4], {"a": 1, "b": 2, "c": 3, "d": 4}], "inputs.x[1]", "inputs.x[1] is an object; expected a list of 4"),
        ([[1, 2, 3, 4], [1, 2, "3", 4]], "inputs.x[1][2]", "inputs.x[1][2] is '3'; expected a number (FP32)"),
        ([[1, 2, 3, None]], "inputs.x[0][3]", "inputs.x[0][3] is null; expected a number (FP32)"),
        ([1, 2, 3, None], "inputs.x[3]", "inputs.x[3] is null; expected a number (FP32)"),
        ([[1, True, 3, 4]], "inputs.x[0][1]", "inputs.x[0][1] is true; expected a number (FP32)"),
        ([[1, 2, False, 4]], "inputs.x[0][2]", "inputs.x[0][2] is false; expected a number (FP32)"),
        ([[1, 2, [3], 4]], "inputs.x[0][2]", "inputs.x[0][2] is a list of 1; expected a number (FP32)"),
        ([[1, 2, {}, 4]], "inputs.x[0][2]", "inputs.x[0][2] is an object; expected a number (FP32)"),
        ([[1, 2, 1e39, 4]], "inputs.x[0][2]", "inputs.x[0][2] is 1e+39; expected a number (FP32)"),
        ([[[1, 2, 3, 4]]], "inputs.x", "inputs.x is nested more than 2 deep; expected FP32 of shape [N, 4]"),
        (7, "inputs.x", "inputs.x is 7; expected FP32 of shape [N, 4]"),
        ({"a": 1}, "inputs.x", "inputs.x is an object; expected FP32 of shape [N, 4]"),
        ("x" * 99, "inputs.x", f"inputs.x is '{'x' * 36}…; expected FP32 of shape [N, 4]"),
    ],
)
def test_a_mistake_is_named(value: Any, field: str, detail: str) -> None:
    problem = _problem(value)
    assert problem.field == field
    assert problem.detail == detail


@pytest.mark.parametrize(
    ("dtype", "value", "expected"),
    [
        ("UINT8", 256, "a whole number from 0 to 255 (UINT8)"),
        ("UINT8", -1, "a whole number from 0 to 255 (UINT8)"),
        ("INT8", 128, "a whole number from -128 to 127 (INT8)"),
        ("INT64", 2**63, "a whole number from -9223372036854775808 to 9223372036854775807 (INT64)"),
        ("UINT64", 1.8446744073709552e19, "a whole number from 0 to 18446744073709551615 (UINT64)"),
        ("INT32", 1.5, "a whole number from -2147483648 to 2147483647 (INT32)"),
        ("FP16", 65536, "a number (FP16)"),
        ("BF16", 3.4e38, "a number (BF16)"),
        ("BOOL", 1, "true or false"),
        ("BYTES", 1, "a string"),
    ],
)
def test_a_value_beyond_the_dtype_is_refused(dtype: str, value: Any, expected: str) -> None:
    good = {"BOOL": True, "BYTES": "a"}.get(dtype, 1)
    problem = _problem([[good, value]], TensorSpec("x", dtype, (-1, 2)))
    assert problem.field == "inputs.x[0][1]"
    assert problem.expected == expected


def test_a_whole_float_is_an_integer_as_in_json() -> None:
    tensor = codec_json.tensor([[1.0, 2]], TensorSpec("x", "INT8", (1, 2)), "inputs.x")
    assert tensor.data == b"\x01\x02"


def test_text_that_is_no_unicode_is_refused() -> None:
    problem = _problem(["\ud800"], TensorSpec("x", "BYTES", (-1,)))
    assert problem.field == "inputs.x[0]"


def test_bfloat16_rounds_to_even() -> None:
    one_and_a_bit, tie_up = 1 + 2**-8, 1 + 2**-7 + 2**-8
    tensor = codec_json.tensor([one_and_a_bit, tie_up], TensorSpec("x", "BF16", (2,)), "x")
    assert codec_json.nested(tensor) == [1.0, 1 + 2**-6]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "the body is empty"),
        (b" \n", "the body is empty"),
        (b"{", "line 1 column"),
        (b'{"inputs": NaN}', "line 1 column"),
        (b'{"inputs": Infinity}', "line 1 column"),
        (b'{"inputs": [1e999]}', "line 1 column"),
        (b'"\xff"', "UTF-8"),
        (b"\xff\xfe{\x00}\x00", "line 1 column 1"),
        (b"[" * 100_000, "depth"),
        (b'{"inputs": [1], }', "line 1"),
    ],
)
def test_what_is_not_json_is_refused(body: bytes, says: str) -> None:
    with pytest.raises(Problem) as caught:
        codec_json.loads(body)
    assert caught.value.slug == "invalid-json"
    assert says in caught.value.detail


def test_a_byte_order_mark_is_let_pass() -> None:
    assert codec_json.loads(b"\xef\xbb\xbf[1]") == [1]


def test_nan_in_an_answer_is_null() -> None:
    data = struct.pack("<3f", float("nan"), float("inf"), 1.5)
    assert codec_json.dumps(codec_json.nested(Tensor("FP32", (3,), data))) == b"[null,null,1.5]"


def test_an_answer_without_elements_keeps_its_shape() -> None:
    assert codec_json.nested(Tensor("FP32", (0, 3), b"")) == []
    assert codec_json.nested(Tensor("FP32", (2, 0), b"")) == [[], []]
    assert codec_json.nested(Tensor("FP32", (2, 0, 3), b"")) == [[], []]
    assert codec_json.nested(Tensor("FP32", (1, 2, 0), b"")) == [[[], []]]


def test_bytes_that_are_no_text_are_answered_with_replacements() -> None:
    assert codec_json.nested(Tensor("BYTES", (1, 2), [b"a", b"\xff"])) == [["a", "\ufffd"]]


def test_any_buffer_will_do() -> None:
    view = memoryview(struct.pack("<2f", 1.0, 2.0)).cast("f")
    assert codec_json.nested(Tensor("FP32", (2, 1), view)) == [[1.0], [2.0]]
    assert elements.unpack(bytearray(b"\x01\x00"), "BOOL") == [True, False]


def test_the_count_of_a_flat_list_has_to_fit_the_shape() -> None:
    with pytest.raises(Problem) as caught:
        codec_json.tensor_of_shape([1, 2, 3], ROWS_OF_4, (1, 4), "inputs.x.data")
    assert caught.value.detail == "inputs.x.data has 3 elements; expected 4 elements for shape [1, 4]"
    with pytest.raises(Problem) as caught:
        codec_json.tensor_of_shape([1, 2, 3, None], ROWS_OF_4, (1, 4), "inputs.x.data")
    assert caught.value.field == "inputs.x.data[3]"


def test_a_shape_of_another_rank_never_fits() -> None:
    with pytest.raises(Problem) as caught:
        codec_json.check_shape((4,), ROWS_OF_4, "inputs.x")
    assert caught.value.detail == "inputs.x has shape [4]; expected FP32 of shape [N, 4]"


@pytest.mark.parametrize("value", [[], [[]]])
def test_nothing_at_any_depth_is_empty(value: list[Any]) -> None:
    problem = _problem(value, TensorSpec("x", "FP32", (2, 3, 4)))
    assert problem.detail == "inputs.x is empty; expected FP32 of shape [2, 3, 4]"
