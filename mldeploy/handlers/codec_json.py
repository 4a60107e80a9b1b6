"""JSON ⇄ tensors: nested lists in, nested lists out, no numpy.

    body ─loads─▶ value ─tensor─▶ Tensor            Tensor ─nested─▶ value ─dumps─▶ body

Every refusal is a Problem that names the element (`inputs.x[3][1]`) and what was expected. NaN and Infinity are not JSON
(invalid-json); a number beyond the dtype's range is invalid-input. NaN and infinities in an *answer* are written as null.
Duplicate keys of an object: the last one counts, as in every JSON parser. Nesting deeper than 1024 is refused by the parser.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any, NoReturn

from mldeploy.handlers import elements, fast_json
from mldeploy.handlers.problems import Problem
from mldeploy.handlers.tensor import ITEM_SIZE_BYTES, Tensor, TensorSpec, element_count

__all__ = [
    "ITEM_SIZE_BYTES",
    "check_shape",
    "dumps",
    "flat",
    "holds_bools",
    "loads",
    "nested",
    "shape_text",
    "tensor",
    "tensor_of_shape",
]

_orjson = fast_json.load()
dumps: Callable[..., bytes] = _orjson.dumps
_parse = _orjson.loads
_UTF8_BOM = b"\xef\xbb\xbf"


def loads(body: bytes) -> Any:
    """The JSON value of a body. Raises Problem invalid-json with the place of the mistake."""
    try:
        return _parse(body)
    except ValueError as error:
        if body.startswith(_UTF8_BOM):
            return loads(body[len(_UTF8_BOM) :])
        if not body.strip():
            raise Problem("invalid-json", "the body is empty", field="body", expected="a JSON document") from None
        raise Problem(
            "invalid-json",
            f"the body is not valid JSON: {error}",
            field="body",
            expected="one JSON document in UTF-8 (NaN and Infinity are not JSON)",
        ) from None


def holds_bools(body: bytes) -> bool:
    """Whether the JSON text can hold true or false at all: a scan at memory speed that saves a pass over every element."""
    return b"true" in body or b"false" in body


def shape_text(shape: tuple[int, ...]) -> str:
    """A shape for messages: [N, 64]; N stands for an axis of any size."""
    return f"[{', '.join('N' if axis == -1 else str(axis) for axis in shape)}]"


def check_shape(shape: tuple[int, ...], spec: TensorSpec, field: str) -> None:
    """Raise Problem unless a concrete shape fits the spec. An axis of size 0 never does: there would be nothing to predict."""
    if len(shape) == len(spec.shape):
        for axis, wanted in zip(shape, spec.shape, strict=True):
            if axis != wanted and (wanted != -1 or axis == 0):
                break
        else:
            return
    detail = "is empty" if 0 in shape else f"has shape {list(shape)}"
    _refuse(field, f"{field} {detail}", f"{spec.dtype} of shape {shape_text(spec.shape)}")


def tensor(value: Any, spec: TensorSpec, field: str, may_hold_bools: bool = True) -> Tensor:
    """Nested lists as the tensor that `spec` wants. One row without the batch axis is taken when that axis is dynamic."""
    rank = len(spec.shape)
    depth = _depth(value, rank + 1)
    is_row = depth == rank - 1 and spec.shape[0] == -1
    if is_row:
        value, depth = [value], rank
    if depth != rank:
        _refuse_depth(value, depth, spec, field)
    try:
        values, shape = _flatten(value, rank, are_strings=spec.dtype == "BYTES")
    except TypeError:
        values, shape = _flatten_slowly(value, spec, field, is_row)
    check_shape(shape, spec, field)

    def locate(index: int) -> str:
        _flatten_slowly(value, spec, field, is_row)  # a row that is an object or a string is named before its elements are
        return field + _subscript(index, shape, is_row)

    return Tensor(spec.dtype, shape, elements.pack(values, spec.dtype, locate, may_hold_bools))


def tensor_of_shape(value: Any, spec: TensorSpec, shape: tuple[int, ...], field: str) -> Tensor:
    """A row-major list, flat or nested, as a tensor of the given (already checked) shape. Raises Problem."""
    count = element_count(shape)
    if isinstance(value, list) and _depth(value, 2) < 2:
        if len(value) != count:
            plural = "" if len(value) == 1 else "s"
            _refuse(field, f"{field} has {len(value)} element{plural}", f"{count} elements for shape {list(shape)}")
        return Tensor(spec.dtype, shape, elements.pack(value, spec.dtype, lambda index: f"{field}[{index}]"))
    return tensor(value, TensorSpec(spec.name, spec.dtype, shape), field)


def flat(value: Tensor) -> list[Any]:
    """The elements in row-major order, as JSON-able values."""
    return elements.unpack(value.data, value.dtype)


def nested(value: Tensor) -> Any:
    """The tensor as nested lists (a scalar as a number), as JSON-able values."""
    dtype, shape, data = value
    code = elements.CODES.get(dtype)
    if code is not None and code != "e" and 0 not in shape and not isinstance(data, list):
        return memoryview(data).cast("B").cast(code, shape).tolist()  # type: ignore[call-overload]
    values = elements.unpack(data, dtype)
    for axis in reversed(shape[1:]):
        rows = len(values) // axis if axis else element_count(shape[: shape.index(0)])
        values = [values[row * axis : (row + 1) * axis] for row in range(rows)]
    return values if shape else values[0]


def _refuse(field: str, detail: str, expected: str) -> NoReturn:
    raise Problem("invalid-input", f"{detail}; expected {expected}", field=field, expected=expected)


def _depth(value: Any, limit: int) -> int:
    """Levels of lists along the first elements, at most `limit`."""
    depth = 0
    while depth < limit and type(value) is list:
        depth += 1
        if not value:
            break
        value = value[0]
    return depth


def _flatten(value: Any, rank: int, are_strings: bool) -> tuple[list[Any], tuple[int, ...]]:
    """All elements in one list, and the shape. TypeError where lists are ragged or missing (a string is no list of strings)."""
    if rank == 0:
        return [value], ()
    shape = [len(value)]
    for _ in range(rank - 1):
        sizes = set(map(len, value))
        if len(sizes) != 1 or (are_strings and set(map(type, value)) != {list}):
            raise TypeError
        shape.append(sizes.pop())
        value = list(chain.from_iterable(value))
    return value, tuple(shape)


def _subscript(index: int, shape: Sequence[int], is_row: bool) -> str:
    """Position `index` of the row-major order as "[3][1]"; a single row has no subscript for the batch axis."""
    text = ""
    for axis in reversed(shape[1:] if is_row else shape):
        index, position = divmod(index, axis)
        text = f"[{position}]{text}"
    return text


def _flatten_slowly(value: Any, spec: TensorSpec, field: str, is_row: bool) -> tuple[list[Any], tuple[int, ...]]:
    """As `_flatten`, but a Problem names the first part that is not a list, or not as long as its siblings."""
    level, shape = [value], list[int]()
    for axis in spec.shape:
        size = axis if axis != -1 else len(level[0])
        for index, item in enumerate(level):
            if type(item) is not list or len(item) != size:
                where = field + _subscript(index, shape, is_row)
                what = f"has {len(item)} elements" if type(item) is list else f"is {elements.shown(item)}"
                _refuse(where, f"{where} {what}", f"a list of {size}")
        shape.append(size)
        level = list(chain.from_iterable(level))
    return level, tuple(shape)


def _refuse_depth(value: Any, depth: int, spec: TensorSpec, field: str) -> NoReturn:
    wanted = f"{spec.dtype} of shape {shape_text(spec.shape)}"
    if depth and depth <= len(spec.shape) and _is_empty(value):
        _refuse(field, f"{field} is empty", wanted)
    what = (
        elements.shown(value)
        if depth == 0
        else f"nested {'more than ' * (depth > len(spec.shape))}{min(depth, len(spec.shape))} deep"
    )
    _refuse(field, f"{field} is {what}", wanted)


def _is_empty(value: Any) -> bool:
    while isinstance(value, list) and value:
        value = value[0]
    return isinstance(value, list)
