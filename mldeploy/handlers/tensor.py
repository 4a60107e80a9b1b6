"""What a tensor is at run time: a dtype name, a shape and a buffer. No numpy.

Dtype names are those of the Open Inference Protocol v2; the buffer is C-contiguous and little-endian. A BYTES tensor holds
a list of `bytes` instead of a buffer, one element each, in row-major order.
"""

from __future__ import annotations

from typing import NamedTuple

Buffer = bytes | bytearray | memoryview

ITEM_SIZE_BYTES: dict[str, int] = {
    "BOOL": 1,
    "UINT8": 1,
    "UINT16": 2,
    "UINT32": 4,
    "UINT64": 8,
    "INT8": 1,
    "INT16": 2,
    "INT32": 4,
    "INT64": 8,
    "FP16": 2,
    "BF16": 2,
    "FP32": 4,
    "FP64": 8,
}


class TensorSpec(NamedTuple):
    """One input or output of a graph. `shape` has -1 for a dynamic axis; `dtype` is an OIP name or "BYTES"."""

    name: str
    dtype: str
    shape: tuple[int, ...]


class Tensor(NamedTuple):
    """A value. `data` is a buffer of exactly `element_count(shape) * ITEM_SIZE_BYTES[dtype]` bytes, or a list for BYTES."""

    dtype: str
    shape: tuple[int, ...]
    data: Buffer | list[bytes]


def element_count(shape: tuple[int, ...]) -> int:
    """Number of elements of a concrete shape (1 for a scalar, 0 if any axis is 0)."""
    count = 1
    for axis in shape:
        count *= axis
    return count
