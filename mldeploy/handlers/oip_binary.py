"""The binary tensor data extension of the Open Inference Protocol: raw tensors behind the JSON part of a body.

    body = JSON (inference-header-content-length bytes) | tensor | tensor | …      little-endian, row-major, no padding

A BYTES element is a 4-byte little-endian length followed by that many bytes. This module owns the byte layout and refuses,
as a Problem that names the field, whatever does not add up; it knows nothing of JSON or of models.
"""

from __future__ import annotations

import struct

from mldeploy.handlers.problems import Problem
from mldeploy.handlers.tensor import ITEM_SIZE_BYTES, Tensor, element_count

HEADER = "inference-header-content-length"


def split(body: bytes, header_length: str | None) -> tuple[bytes, bytes]:
    """The JSON part and the tensors behind it. Without the header the whole body is JSON."""
    if header_length is None:
        return body, b""
    # isdecimal() would let other scripts' digits through; a header is ASCII or wrong.
    if not (header_length.isascii() and header_length.isdigit()) or len(header_length) > 18 or int(header_length) > len(body):
        raise Problem(
            "bad-request",
            f"{HEADER} is {header_length[:40]!r}, but the body has {len(body)} bytes",
            field=f"header {HEADER}",
            expected=f"an integer from 0 to {len(body)}: the size of the JSON part",
        )
    length = int(header_length)
    return body[:length], body[length:]


def tensor(dtype: str, shape: tuple[int, ...], data: bytes, field: str) -> Tensor:
    """Raw bytes as a tensor of a concrete shape. Raises Problem (invalid-input) when the size does not fit."""
    count = element_count(shape)
    if dtype == "BYTES":
        return Tensor(dtype, shape, elements(data, count, field))
    expected = count * ITEM_SIZE_BYTES[dtype]
    if len(data) != expected:
        raise Problem(
            "invalid-input",
            f"{field} has {len(data)} bytes of binary data; {dtype} {list(shape)} takes {expected}",
            field=field,
            expected=f"{expected} bytes",
        )
    if dtype == "BOOL" and data.translate(None, b"\x00\x01"):
        raise Problem("invalid-input", f"{field} has a BOOL byte other than 0 and 1", field=field, expected="bytes 0 or 1")
    return Tensor(dtype, shape, data)


def elements(data: bytes, count: int, field: str) -> list[bytes]:
    """Split length-prefixed elements. Raises Problem unless they are exactly `count` and fill `data` exactly."""
    found: list[bytes] = []
    position = 0
    while position < len(data):
        start = position + 4
        end = start + struct.unpack_from("<I", data, position)[0] if start <= len(data) else start
        if end > len(data):
            raise Problem(
                "invalid-input",
                f"{field}: element {len(found)} reaches past the end of its data",
                field=field,
                expected="a 4-byte little-endian length before each element, then that many bytes",
            )
        found.append(data[start:end])
        position = end
    if len(found) != count:
        raise Problem(
            "invalid-input",
            f"{field} has {len(found)} elements of binary data; its shape has {count}",
            field=field,
            expected=f"{count} elements",
        )
    return found


def raw(value: Tensor) -> bytes:
    """The tensor's bytes as they travel."""
    if isinstance(value.data, list):
        return b"".join(part for element in value.data for part in (struct.pack("<I", len(element)), element))
    return bytes(value.data)
