"""A flat list of JSON or CSV values ⇄ the bytes of a tensor, for every dtype, without numpy.

    [1.5, 2] ─pack("FP32")─▶ b"…" ─unpack─▶ [1.5, 2.0]        BYTES: list of str ⇄ list of bytes (UTF-8)

The fast path trusts and packs all elements in one C call; when that fails, the slow path looks for the element that is wrong
and names it. Rules: a number is never a bool; an integer dtype takes 3 and 3.0 but not 3.5; a number beyond the dtype's range
is refused, never clipped or turned into infinity; BOOL takes true and false only.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from mldeploy.handlers.problems import Problem
from mldeploy.handlers.tensor import Buffer

CODES = {
    "BOOL": "?",
    "UINT8": "B",
    "UINT16": "H",
    "UINT32": "I",
    "UINT64": "Q",
    "INT8": "b",
    "INT16": "h",
    "INT32": "i",
    "INT64": "q",
    "FP16": "e",
    "FP32": "f",
    "FP64": "d",
}
FLOATS = ("FP16", "BF16", "FP32", "FP64")

Locate = Callable[[int], str]


def expected(dtype: str) -> str:
    """What an element of this dtype looks like, for messages."""
    if dtype == "BYTES":
        return "a string"
    if dtype == "BOOL":
        return "true or false"
    if dtype in FLOATS:
        return f"a number ({dtype})"
    bits = int(dtype.lstrip("UINT"))
    low, high = (0, 2**bits - 1) if dtype[0] == "U" else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    return f"a whole number from {low} to {high} ({dtype})"


def pack(values: list[Any], dtype: str, locate: Locate, may_hold_bools: bool = True) -> bytes | list[bytes]:
    """The elements as a tensor's data. `locate(i)` names element i in a Problem. Raises Problem.

    `may_hold_bools=False` promises that no element is True or False, which saves a pass over them.
    """
    if dtype in ("BYTES", "BOOL"):
        wanted = str if dtype == "BYTES" else bool
        for index, value in enumerate(values):
            if type(value) is not wanted:
                _refuse(value, dtype, locate(index))
        return bytes(values) if dtype == "BOOL" else [_utf8(value, locate, i) for i, value in enumerate(values)]
    if not may_hold_bools or bool not in set(map(type, values)):
        try:
            return _pack(values, dtype)
        except (struct.error, OverflowError, TypeError):
            pass
    return _pack([_number(value, dtype, locate, index) for index, value in enumerate(values)], dtype)


def unpack(data: Buffer | list[bytes], dtype: str) -> list[Any]:
    """The elements of a tensor's data, in row-major order. Bytes that are not UTF-8 come out with U+FFFD."""
    if isinstance(data, list):
        return [item.decode("utf-8", "replace") for item in data]
    if dtype == "BF16":
        halves = memoryview(data).cast("B").cast("H")
        return list(struct.unpack(f"<{len(halves)}f", b"".join(b"\0\0" + half.to_bytes(2, "little") for half in halves)))
    view = memoryview(data).cast("B")
    if dtype == "FP16":
        return list(struct.unpack(f"<{len(view) // 2}e", view))
    return view.cast(CODES[dtype]).tolist()  # type: ignore[call-overload, no-any-return]


def _pack(values: Sequence[Any], dtype: str) -> bytes:
    if dtype == "BF16":
        return _bfloat16(struct.pack(f"<{len(values)}f", *values))
    return struct.pack(f"<{len(values)}{CODES[dtype]}", *values)


def _bfloat16(data: bytes) -> bytes:
    """float32 to bfloat16, rounded to nearest, ties to even (NaN does not occur in JSON)."""
    words = memoryview(data).cast("I")
    rounded = [(word + 0x7FFF + ((word >> 16) & 1)) >> 16 for word in words]
    if any(half & 0x7FFF == 0x7F80 for half in rounded):
        raise OverflowError
    return struct.pack(f"<{len(rounded)}H", *rounded)


def _number(value: Any, dtype: str, locate: Locate, index: int) -> int | float:
    """The value as something `_pack` takes. Raises Problem."""
    if type(value) not in (int, float):
        _refuse(value, dtype, locate(index))
    if dtype not in FLOATS and type(value) is float and value.is_integer():
        value = int(value)
    try:
        _pack((value,), dtype)
    except (struct.error, OverflowError, TypeError):
        _refuse(value, dtype, locate(index))
    return value  # type: ignore[no-any-return]


def _utf8(value: str, locate: Locate, index: int) -> bytes:
    try:
        return value.encode()
    except UnicodeEncodeError:
        raise Problem(
            "invalid-input", f"{locate(index)} is not valid Unicode", field=locate(index), expected="a string"
        ) from None


def _refuse(value: Any, dtype: str, field: str) -> NoReturn:
    wanted = expected(dtype)
    raise Problem("invalid-input", f"{field} is {shown(value)}; expected {wanted}", field=field, expected=wanted)


def shown(value: Any) -> str:
    """A value from the caller, short enough for a message, in JSON's words."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}…"
