"""What a fitted estimator takes, worked out from the estimator itself: one matrix, or one input a column.

LogisticRegression, a pipeline of numbers           matrix FP32 [N,F]
TfidfVectorizer first                               one column of strings
ColumnTransformer with names or string columns      a column each: FP32, INT64 or BYTES [N,1]
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from mldeploy.errors import ModelError

FLOAT, INT, STRING = "float", "int", "string"
MATRIX_NAME = "X"
TEXT_NAME = "text"


@dataclass(frozen=True)
class InputPlan:
    """`names` and `kinds` have one entry a column. `form`: "matrix" (one input of all columns), "columns" (an input each) or
    "text" (one column, given to the estimator as a plain list of strings)."""

    form: str
    names: tuple[str, ...]
    kinds: tuple[str, ...]
    has_names: bool

    @property
    def width(self) -> int:
        return len(self.names)


def parts(estimator: Any) -> Iterator[Any]:
    """The estimator and every fitted estimator inside it, each once."""
    seen: set[int] = set()
    pending = [estimator]
    while pending:
        item = pending.pop()
        if id(item) in seen:
            continue
        seen.add(id(item))
        if hasattr(item, "get_params") and not isinstance(item, type):
            yield item
            pending.extend(vars(item).values())
        elif isinstance(item, dict):
            pending.extend(item.values())
        elif isinstance(item, list | tuple) or (hasattr(item, "dtype") and item.dtype == object):
            pending.extend(item.flat if hasattr(item, "flat") else item)


def front(estimator: Any) -> Any:
    """The part that sees the rows first: into pipelines and searches, past steps that do nothing."""
    while True:
        if hasattr(estimator, "best_estimator_"):
            estimator = estimator.best_estimator_
        elif getattr(estimator, "steps", None):
            estimator = next((step for _, step in estimator.steps if step not in (None, "passthrough")), "passthrough")
        elif type(estimator).__name__ == "FeatureUnion":
            estimator = estimator.transformer_list[0][1]
        else:
            return estimator


def plan_inputs(estimator: Any) -> InputPlan:
    """Read the estimator's inputs off it. Raises ModelError when it does not say."""
    first = front(estimator)
    if hasattr(first, "vocabulary_") or type(first).__name__ == "HashingVectorizer":
        return InputPlan("text", (TEXT_NAME,), (STRING,), False)
    width = getattr(first, "n_features_in_", None) or getattr(estimator, "n_features_in_", None)
    if width is None:
        raise ModelError(
            f"{type(first).__name__} does not say how many features it takes",
            "serve it with model.convert: false and declare model.inputs, or with `format: python`",
        )
    named = getattr(first, "feature_names_in_", None)
    names = tuple(str(name) for name in named) if named is not None else tuple(f"x{i}" for i in range(int(width)))
    if hasattr(first, "transformers_"):
        kinds, by_name = _column_kinds(first, len(names))
        form = "columns" if by_name or len(set(kinds)) > 1 else "matrix"
        return InputPlan(form, names, kinds, named is not None)
    kinds = tuple(_kind(first, position) for position in range(len(names)))
    return InputPlan("columns" if len(set(kinds)) > 1 else "matrix", names, kinds, named is not None)


def column_indices(transformer: Any, name: str) -> list[int]:
    """The positions of the columns of one branch of a fitted ColumnTransformer."""
    return [int(index) for index in transformer._transformer_to_input_indices[name]]


def _column_kinds(transformer: Any, width: int) -> tuple[tuple[str, ...], bool]:
    kinds, by_name = [FLOAT] * width, False
    for name, branch, columns in transformer.transformers_:
        by_name = by_name or isinstance(columns, str) or any(isinstance(column, str) for column in _listed(columns))
        for position, index in enumerate(column_indices(transformer, name)):
            kinds[index] = _kind(front(branch), position)
    return tuple(kinds), by_name


def _listed(columns: Any) -> list[Any]:
    return list(columns) if hasattr(columns, "__iter__") else [columns]


def _kind(first: Any, position: int) -> str:
    """The type of value that column `position` of a front estimator holds."""
    import numpy as np

    if hasattr(first, "vocabulary_"):
        return STRING
    for attribute in ("categories_", "statistics_"):
        learnt = getattr(first, attribute, None)
        if learnt is None:
            continue
        value = learnt[position]
        code = np.asarray(value.tolist() if hasattr(value, "tolist") else value).dtype.kind  # an object array may hold numbers
        return STRING if code in "OUS" else INT if code in "iub" else FLOAT
    return FLOAT


def positional(estimator: Any) -> Any:
    """A copy that takes arrays: column names replaced by positions, so that no data frame library is needed to call it."""
    twin = copy.deepcopy(estimator)
    for part in parts(twin):
        if hasattr(part, "transformers_"):
            rows = []
            for name, branch, columns in part.transformers_:
                indices = column_indices(part, name)
                is_scalar = isinstance(columns, str | int)
                rows.append((name, branch, indices[0] if is_scalar else indices))
            part.transformers_ = rows
    for part in parts(twin):
        if "feature_names_in_" in vars(part):
            del part.feature_names_in_
    return twin
