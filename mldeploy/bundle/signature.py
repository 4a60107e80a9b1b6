"""Signature: what a graph takes and gives, as the runtime reports it.

    ORT type        OIP dtype           shape
    tensor(float)   FP32                -1 for a dynamic axis; its symbolic name is kept for people in `axes`

Refused: sequences, maps, optionals and sparse tensors, and number formats that no protocol of ours carries.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mldeploy.errors import ModelError
from mldeploy.handlers.tensor import TensorSpec

DTYPE_OF_ORT: dict[str, str] = {
    "tensor(bool)": "BOOL",
    "tensor(uint8)": "UINT8",
    "tensor(uint16)": "UINT16",
    "tensor(uint32)": "UINT32",
    "tensor(uint64)": "UINT64",
    "tensor(int8)": "INT8",
    "tensor(int16)": "INT16",
    "tensor(int32)": "INT32",
    "tensor(int64)": "INT64",
    "tensor(float16)": "FP16",
    "tensor(bfloat16)": "BF16",
    "tensor(float)": "FP32",
    "tensor(double)": "FP64",
    "tensor(string)": "BYTES",
}
FLOATS = ("FP16", "FP32", "FP64")


@dataclass(frozen=True)
class Signature:
    """`axes[name]` gives each axis of a tensor as its size, its symbolic name, or "?"."""

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    axes: dict[str, tuple[int | str, ...]]

    def document(self) -> dict[str, list[dict[str, Any]]]:
        """The signature with its symbolic axes, as JSON values."""

        def rows(specs: tuple[TensorSpec, ...]) -> list[dict[str, Any]]:
            return [{"name": spec.name, "dtype": spec.dtype, "shape": list(self.axes[spec.name])} for spec in specs]

        return {"inputs": rows(self.inputs), "outputs": rows(self.outputs)}


def of_session(session: Any) -> Signature:
    """The signature of an onnxruntime.InferenceSession. Raises ModelError on a type that cannot be served."""
    axes: dict[str, tuple[int | str, ...]] = {}

    def read(nodes: list[Any], what: str) -> tuple[TensorSpec, ...]:
        specs = []
        for node in nodes:
            dtype = DTYPE_OF_ORT.get(node.type)
            if dtype is None:
                raise _refusal(what, node.name, node.type)
            axes[node.name] = tuple(_axis(axis) for axis in node.shape)
            specs.append(TensorSpec(node.name, dtype, tuple(a if isinstance(a, int) else -1 for a in axes[node.name])))
        return tuple(specs)

    inputs, outputs = read(session.get_inputs(), "input"), read(session.get_outputs(), "output")
    if not outputs:
        raise ModelError("the model has no outputs", "export it again with its outputs named")
    return Signature(inputs, outputs, axes)


def _axis(axis: Any) -> int | str:
    if isinstance(axis, int):
        return axis if axis >= 0 else "?"
    return str(axis) if axis else "?"


def _refusal(what: str, name: str, ort_type: str) -> ModelError:
    if ort_type.startswith("seq(map("):
        return ModelError(
            f"{what} {name!r} is a sequence of maps ({ort_type}: a ZipMap), which no inference protocol carries",
            "convert the model again with options={'zipmap': False}, so that it gives a plain tensor",
        )
    if ort_type.startswith(("seq(", "map(", "optional(", "sparse_tensor(")):
        kind = ort_type.partition("(")[0].replace("seq", "sequence").replace("_", " ")
        return ModelError(
            f"{what} {name!r} is a {kind} ({ort_type}); only plain tensors can be served",
            "export the model again so that every input and output is a tensor",
        )
    return ModelError(
        f"{what} {name!r} has type {ort_type}, which no inference protocol carries",
        "add a Cast to float or an integer type at that end of the graph",
    )


def describe(spec: TensorSpec) -> str:
    """ "FP32 [-1, 64]"."""
    return f"{spec.dtype} [{', '.join(str(axis) for axis in spec.shape)}]"
