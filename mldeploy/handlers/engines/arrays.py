"""numpy arrays for the engines that need them: Tensor ⇄ ndarray. Importing this imports numpy."""

from __future__ import annotations

from typing import Any

import numpy as np

from mldeploy.handlers.engines import EngineError
from mldeploy.handlers.tensor import Tensor, TensorSpec

# Little-endian, as tensors are. BF16 has no numpy dtype.
NUMPY_DTYPES: dict[str, str] = {
    "BOOL": "|b1",
    "UINT8": "|u1",
    "UINT16": "<u2",
    "UINT32": "<u4",
    "UINT64": "<u8",
    "INT8": "|i1",
    "INT16": "<i2",
    "INT32": "<i4",
    "INT64": "<i8",
    "FP16": "<f2",
    "FP32": "<f4",
    "FP64": "<f8",
}


def to_array(tensor: Tensor, *, is_writable: bool = False) -> np.ndarray[Any, Any]:
    """The tensor as an array: a view of its buffer, or a copy where it is to be written to. BYTES become objects of str.

    Elements that are not UTF-8 stay `bytes`.
    """
    if isinstance(tensor.data, list):
        array = np.empty(len(tensor.data), dtype=object)
        array[:] = [_text(element) for element in tensor.data]
        return array.reshape(tensor.shape)
    array = np.frombuffer(tensor.data, dtype=NUMPY_DTYPES[tensor.dtype]).reshape(tensor.shape)
    return array.copy() if is_writable else array


def from_array(array: np.ndarray[Any, Any], dtype: str) -> Tensor:
    """An array that already has the numpy dtype of `dtype` (BYTES: any of objects or strings) as a tensor."""
    if dtype == "BYTES":
        return Tensor(dtype, array.shape, [_bytes(element) for element in array.reshape(-1).tolist()])
    return Tensor(dtype, array.shape, array.tobytes())


def conform(value: object, spec: TensorSpec) -> Tensor:
    """What a hook or an estimator returned for `spec`, as a tensor of exactly that dtype, rank and axes.

    Numbers are converted within their kind (float64 to FP32, int64 to INT32), never across it. Raises EngineError.
    """
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise EngineError(f"{spec.name} is not an array: {error}") from error
    is_text = array.dtype.kind in "OSU"
    if spec.dtype != "BYTES":
        wanted = NUMPY_DTYPES[spec.dtype]
        if is_text or not np.can_cast(array.dtype, wanted, casting="same_kind"):
            raise EngineError(f"{spec.name} is {array.dtype}, which cannot be given as the declared {spec.dtype}")
        array = array.astype(wanted, copy=False)
    elif not is_text:
        raise EngineError(f"{spec.name} is {array.dtype}; the declared BYTES takes strings")
    if len(array.shape) != len(spec.shape) or any(d not in (-1, a) for a, d in zip(array.shape, spec.shape, strict=True)):
        raise EngineError(f"{spec.name} has shape {list(array.shape)}; declared is {list(spec.shape)}")
    return from_array(array, spec.dtype)


def matrix(columns: dict[str, np.ndarray[Any, Any]]) -> np.ndarray[Any, Any]:
    """Columns, each [N] or [N, 1], side by side in their order."""
    return np.concatenate([column.reshape(len(column), 1) for column in columns.values()], axis=1)


def table(columns: dict[str, np.ndarray[Any, Any]]) -> Any:
    """The same with their names: a DataFrame where pandas is installed, else the matrix."""
    try:
        import pandas  # type: ignore[import-untyped]
    except ImportError:
        return matrix(columns)
    return pandas.DataFrame({name: column.reshape(-1) for name, column in columns.items()})


def check_dtypes(specs: tuple[TensorSpec, ...]) -> None:
    """Raise EngineError for a dtype that numpy has no arrays of."""
    for spec in specs:
        if spec.dtype not in NUMPY_DTYPES and spec.dtype != "BYTES":
            raise EngineError(f"bundle.json: {spec.name} is {spec.dtype}; arrays can be BYTES, {', '.join(NUMPY_DTYPES)}")


def _bytes(element: object) -> bytes:
    return element if isinstance(element, bytes) else str(element).encode("utf-8", "surrogateescape")


def _text(element: bytes) -> str | bytes:
    try:
        return element.decode()
    except UnicodeDecodeError:
        return element
