"""Signatures: whether the model has the declared one, and whether a tensor fits it, before native code or a hook sees it."""

from __future__ import annotations

from mldeploy.handlers.engines import EngineError, EngineInputError
from mldeploy.handlers.tensor import ITEM_SIZE_BYTES, Tensor, TensorSpec, element_count

# A tensor without elements costs its sender nothing, but may make a model allocate for the other axes: [0, 10**9].
MAX_EMPTY_ELEMENTS = 1 << 24


def check_input(spec: TensorSpec, tensor: Tensor) -> None:
    """Raise EngineInputError unless `tensor` has the dtype, rank, axes and exactly the data that `spec` and it declare."""
    if tensor.dtype != spec.dtype:
        raise EngineInputError(spec.name, f"{spec.name} is {tensor.dtype}; the model takes {spec.dtype}")
    check_shape(spec, tensor.shape)
    count, data = element_count(tensor.shape), tensor.data
    if spec.dtype == "BYTES":
        if not isinstance(data, list) or len(data) != count:
            raise EngineInputError(spec.name, f"{spec.name} {list(tensor.shape)} takes a list of {count} byte strings")
        return
    if isinstance(data, list):
        raise EngineInputError(spec.name, f"{spec.name} is {spec.dtype} and takes a buffer, not a list")
    size = data.nbytes if isinstance(data, memoryview) else len(data)
    expected = count * ITEM_SIZE_BYTES[spec.dtype]
    if size != expected:
        raise EngineInputError(
            spec.name, f"{spec.name} {spec.dtype} {list(tensor.shape)} takes {expected} bytes of data; it has {size}"
        )
    if spec.dtype == "BOOL" and bytes(data).translate(None, b"\x00\x01"):
        raise EngineInputError(spec.name, f"{spec.name} has a BOOL byte other than 0 and 1")


def check_shape(spec: TensorSpec, shape: tuple[int, ...]) -> None:
    """Raise EngineInputError unless `shape` is concrete and fits the declared one."""
    if len(shape) != len(spec.shape):
        has, takes = f"rank {len(shape)} {list(shape)}", f"rank {len(spec.shape)} {list(spec.shape)}"
        raise EngineInputError(spec.name, f"{spec.name} has {has}; the model takes {takes}")
    others = 1
    for position, (axis, declared) in enumerate(zip(shape, spec.shape, strict=True)):
        if axis < 0 or declared not in (-1, axis):
            wanted = "not be negative" if declared == -1 else f"be {declared}"
            raise EngineInputError(spec.name, f"{spec.name}: axis {position} is {axis}; it must {wanted}")
        others *= axis or 1
    if others > MAX_EMPTY_ELEMENTS and 0 in shape:
        raise EngineInputError(
            spec.name, f"{spec.name} {list(shape)} is empty, and its other axes hold more than {MAX_EMPTY_ELEMENTS} elements"
        )


def check_signature(kind: str, declared: tuple[TensorSpec, ...], actual: tuple[TensorSpec, ...]) -> tuple[TensorSpec, ...]:
    """The declared inputs or outputs (`kind`), narrowed to the axes that the model fixes.

    Raises EngineError when the model has not all of them, takes others besides, or differs in a dtype, rank or axis.
    """
    names, found = {spec.name for spec in declared}, {spec.name: spec for spec in actual}
    if not names <= found.keys() or (kind == "input" and names != found.keys()):
        raise EngineError(f"bundle.json declares {kind}s {sorted(names)}, but the model has {sorted(found)}")
    return tuple(_narrow(kind, spec, found[spec.name]) for spec in declared)


def _narrow(kind: str, declared: TensorSpec, actual: TensorSpec) -> TensorSpec:
    is_same = declared.dtype == actual.dtype and len(declared.shape) == len(actual.shape)
    if not is_same or any(a != b and -1 not in (a, b) for a, b in zip(declared.shape, actual.shape, strict=True)):
        raise EngineError(
            f"bundle.json declares {kind} {declared.name} as {declared.dtype} {list(declared.shape)}, "
            f"but the model has {actual.dtype} {list(actual.shape)}"
        )
    return TensorSpec(declared.name, declared.dtype, tuple(map(max, declared.shape, actual.shape)))


def admit(specs: tuple[TensorSpec, ...], inputs: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of `specs` out of `inputs`, each checked. Raises EngineInputError."""
    for spec in specs:
        if spec.name not in inputs:
            raise EngineInputError(spec.name, f"{spec.name} is missing")
        check_input(spec, inputs[spec.name])
    return {spec.name: inputs[spec.name] for spec in specs}
