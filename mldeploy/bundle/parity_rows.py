"""The user's rows (`model.parity_data`) as inputs of an ONNX model, so that its packed graph is compared on real data too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mldeploy.bundle.compile_tabular import INTEGERS, is_column
from mldeploy.bundle.random_inputs import NUMPY_OF_OIP
from mldeploy.bundle.signature import Signature
from mldeploy.bundle.sklearn_inputs import FLOAT, INT, STRING, InputPlan
from mldeploy.bundle.sklearn_rows import read_rows
from mldeploy.bundle.sources import Sources
from mldeploy.errors import ModelError
from mldeploy.handlers.tensor import TensorSpec
from mldeploy.spec.model import TabularPreprocess

if TYPE_CHECKING:
    from mldeploy.bundle.random_inputs import Arrays

MOST_ROWS = 256  # compared; more would only take longer


def column_names(sources: Sources) -> tuple[str, ...]:
    """The column names that the spec gives, () without any."""
    pre = sources.section.preprocess
    if not isinstance(pre, TabularPreprocess):
        return ()
    return tuple(column if isinstance(column, str) else column.name for column in pre.columns)


def feeds(sources: Sources, signature: Signature) -> Arrays | None:
    """The rows as inputs of the model itself; None without parity_data. Raises ModelError when they do not fit the model."""
    if sources.parity_data is None:
        return None
    inputs, names = signature.inputs, column_names(sources)
    if all(is_column(spec) for spec in inputs) and len(inputs) > 1:
        plan = InputPlan("columns", tuple(spec.name for spec in inputs), tuple(map(_kind, inputs)), True)
    elif len(inputs) == 1 and len(inputs[0].shape) == 2 and (inputs[0].shape[1] > 0 or names):
        width = inputs[0].shape[1] if inputs[0].shape[1] > 0 else len(names)
        plan = InputPlan("matrix", tuple(f"x{i}" for i in range(width)), (_kind(inputs[0]),) * width, False)
    else:
        raise ModelError("model.parity_data holds rows, but this model does not take rows of columns", "leave it out")
    rows = read_rows(sources.parity_data, plan, names)[:MOST_ROWS]
    batch = inputs[0].shape[0]
    if batch > len(rows):
        raise ModelError(f"model.parity_data has {len(rows)} rows; the model takes {batch} at a time", f"give at least {batch}")
    rows = rows[:batch] if batch > 0 else rows
    if plan.form == "matrix":
        return {inputs[0].name: rows.astype(NUMPY_OF_OIP.get(inputs[0].dtype, object))}
    return {
        spec.name: rows[:, [i]].astype(NUMPY_OF_OIP.get(spec.dtype, object)).reshape(-1, *spec.shape[1:])
        for i, spec in enumerate(inputs)
    }


def _kind(spec: TensorSpec) -> str:
    return STRING if spec.dtype == "BYTES" else INT if spec.dtype in (*INTEGERS, "BOOL") else FLOAT
