"""Random inputs that fit a signature, for comparing two graphs with each other.

Floats are normal, integers small and not negative (they are often indices), strings short words. A dynamic axis that has one
name in several tensors gets one size. The generator is seeded: the same signature gives the same inputs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mldeploy.bundle.signature import Signature

if TYPE_CHECKING:
    import numpy as np

    Arrays = dict[str, np.ndarray]

NUMPY_OF_OIP = {
    "BOOL": "bool",
    "UINT8": "uint8",
    "UINT16": "uint16",
    "UINT32": "uint32",
    "UINT64": "uint64",
    "INT8": "int8",
    "INT16": "int16",
    "INT32": "int32",
    "INT64": "int64",
    "FP16": "float16",
    "FP32": "float32",
    "FP64": "float64",
}
SEED = 20261121
BATCH = 3
OTHER_AXES = (2, 1, 8, 64, 224)  # sizes tried, in this order, for dynamic axes beyond the batch
WORDS = ("alpha", "beta", "gamma", "delta")


def random_inputs(signature: Signature, other_axes: int, high: int = 4) -> Arrays:
    """One value for each input. Dynamic axes: BATCH for the first, `other_axes` for the rest; integers are below `high`."""
    import numpy as np

    generator = np.random.default_rng(SEED)
    sizes: dict[str, int] = {}
    values: Arrays = {}
    for spec in signature.inputs:
        shape = []
        for position, axis in enumerate(signature.axes[spec.name]):
            if isinstance(axis, int):
                shape.append(axis)
            else:
                size = BATCH if position == 0 else other_axes
                shape.append(size if axis == "?" else sizes.setdefault(axis, size))
        if spec.dtype == "BYTES":
            values[spec.name] = generator.choice(np.array(WORDS, dtype=object), size=shape)
        elif spec.dtype.startswith("FP"):
            values[spec.name] = generator.standard_normal(shape).astype(NUMPY_OF_OIP[spec.dtype])
        else:
            top = {"BOOL": 2, "UINT8": 256}.get(spec.dtype, high)
            values[spec.name] = generator.integers(0, top, shape).astype(NUMPY_OF_OIP[spec.dtype])
    return values
