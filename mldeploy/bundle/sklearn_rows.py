"""Rows to compare two models on: random ones from where the estimator lives, and the user's own.

Random rows from nowhere prove little (a scaler saturates, a tree takes one leaf), so each column is drawn around what the
estimator learnt: a scaler's mean and variance, a tree's thresholds, an encoder's categories, a vectoriser's words.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from mldeploy.bundle.sklearn_inputs import FLOAT, INT, STRING, InputPlan, column_indices, front, parts
from mldeploy.errors import ModelError

ROWS = 256
SEED = 20261121
REAL_ROWS = 32  # fewer real rows than this prove little


def random_rows(estimator: Any, plan: InputPlan) -> Any:
    """An array [ROWS, width]: float64 for numbers, object where there are strings."""
    import numpy as np

    generator = np.random.default_rng(SEED)
    first = front(estimator)
    if plan.form == "text":
        return _texts(first, generator)[:, None]
    columns: list[Any] = [None] * plan.width
    if hasattr(first, "transformers_"):
        for name, branch, _ in first.transformers_:
            for position, index in enumerate(column_indices(first, name)):
                columns[index] = _draw(front(branch), position, plan.kinds[index], generator, branch)
    drawn = [
        column if column is not None else _draw(first, i, plan.kinds[i], generator, estimator)
        for i, column in enumerate(columns)
    ]
    return np.stack([np.asarray(c, dtype=object if STRING in plan.kinds else np.float64) for c in drawn], axis=1)


def _draw(first: Any, position: int, kind: str, generator: Any, owner: Any) -> Any:
    """ROWS values for one column of `first`, the part of `owner` that sees it."""
    import numpy as np

    if hasattr(first, "vocabulary_"):
        return _texts(first, generator)
    if getattr(first, "categories_", None) is not None:
        return generator.choice(np.asarray(first.categories_[position], dtype=object), ROWS)
    if kind == STRING:
        return np.full(ROWS, str(first.statistics_[position]), dtype=object)
    values = _numbers(first, position, generator, owner)
    return np.round(values) if kind == INT else values


def _numbers(first: Any, position: int, generator: Any, owner: Any) -> Any:
    import numpy as np

    name = type(first).__name__
    if name == "BernoulliNB":
        return generator.integers(0, 2, ROWS)
    if name == "CategoricalNB":
        return generator.integers(0, int(first.n_categories_[position]), ROWS)
    if hasattr(first, "feature_log_prob_"):
        return generator.poisson(2.0, ROWS)
    anchors = _anchors(first, position, owner)
    if anchors is not None:
        spread = float(np.std(anchors)) or 1.0
        return generator.choice(anchors, ROWS) + generator.standard_normal(ROWS) * spread / 4
    centre, spread = _centre_and_spread(first, position)
    return generator.normal(centre, spread or 1.0, ROWS)


def _centre_and_spread(first: Any, position: int) -> tuple[float, float]:
    """Where a column of numbers lies, by the statistics that its first estimator kept; (0, 1) when it kept none."""
    import numpy as np

    def at(attribute: str) -> float | None:
        value = getattr(first, attribute, None)
        array = np.asarray(value, dtype=np.float64) if value is not None else np.empty(0)
        return float(np.atleast_2d(array).mean(axis=0)[position]) if array.ndim and array.shape[-1] > position else None

    low, high = at("data_min_"), at("data_max_")
    if low is not None and high is not None:
        return (low + high) / 2, (high - low) / 4
    variance = at("var_")
    spread = variance**0.5 if variance is not None else at("scale_")
    for attribute in ("mean_", "center_", "theta_", "statistics_"):
        centre = at(attribute)
        if centre is not None:
            return centre, abs(spread or centre / 2)
    if at("max_abs_") is not None:
        return 0.0, float(at("max_abs_") or 1.0) / 2
    weight = np.abs(np.atleast_2d(getattr(first, "coef_", np.ones((1, position + 1)))))
    largest = float(np.asarray(weight)[..., position].max()) if weight.dtype != object else 1.0
    return 0.0, float(np.clip(1.0 / largest, 0.1, 1e3)) if largest else 1.0


def _anchors(first: Any, position: int, owner: Any) -> Any | None:
    """Values of one column that matter: stored rows, or the thresholds of trees when they see the column as it is."""
    import numpy as np

    for attribute in ("_fit_X", "X_train_", "support_vectors_", "cluster_centers_", "quantiles_"):
        rows = getattr(first, attribute, None)
        if isinstance(rows, np.ndarray) and rows.ndim == 2:
            return rows[:, position]
    thresholds = [
        tree.threshold[tree.feature == position] for part in parts(first) if (tree := getattr(part, "tree_", None)) is not None
    ]
    del owner
    found = np.concatenate(thresholds) if thresholds else np.empty(0)
    return found if found.size else None


def _texts(vectoriser: Any, generator: Any) -> Any:
    """Lines of words that the vectoriser knows, with some that it does not, in mixed case."""
    import numpy as np

    words = sorted(getattr(vectoriser, "vocabulary_", {})) or ["alpha", "beta", "gamma"]
    pool = np.array([*words[:: max(1, len(words) // 500)], "unseen", "Words"], dtype=object)
    return np.array([" ".join(" ".join(generator.choice(pool, 8)).split()) for _ in range(ROWS)], dtype=object)


def read_rows(path: Path, plan: InputPlan, columns: tuple[str, ...]) -> Any:
    """The user's rows, [rows, width]. `columns` are the names in the spec. Raises ModelError on rows that do not fit."""
    import numpy as np

    if path.suffix == ".npy":
        try:
            array = np.load(path, allow_pickle=False)
        except (ValueError, OSError, EOFError) as error:
            raise ModelError(
                f"model.parity_data: {path} is not a numpy array of numbers ({error})", "np.save(path, rows)"
            ) from error
        array = array[:, None] if array.ndim == 1 and plan.width == 1 else array
        if array.ndim != 2 or array.shape[1] != plan.width:
            raise ModelError(
                f"model.parity_data: {path} has shape {list(array.shape)}; the model takes {plan.width} columns",
                f"give rows of {plan.width}",
            )
        return array if STRING in plan.kinds else array.astype(np.float64)
    return _read_csv(path, plan, columns)


def _read_csv(path: Path, plan: InputPlan, columns: tuple[str, ...]) -> Any:
    import numpy as np

    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file)
            header = [name.strip() for name in next(reader, [])]
            lines = [(reader.line_num, row) for row in reader if row]
    except (UnicodeDecodeError, csv.Error) as error:
        raise ModelError(
            f"model.parity_data: {path} is not a CSV file in UTF-8 ({error})", "give rows with a header"
        ) from error
    picked = _pick(path, header, plan, columns)
    if not lines:
        raise ModelError(f"model.parity_data: {path} has a header and no rows", "give at least 32 rows that the model will see")
    rows = np.empty((len(lines), plan.width), dtype=object if STRING in plan.kinds else np.float64)
    for index, (line, row) in enumerate(lines):
        if len(row) != len(header):
            raise ModelError(f"{path}:{line}: {len(row)} values under {len(header)} columns", "mend that line")
        for position, source in enumerate(picked):
            rows[index, position] = _value(row[source], plan.kinds[position], f"{path}:{line} {header[source]}")
    return rows


def _pick(path: Path, header: list[str], plan: InputPlan, columns: tuple[str, ...]) -> list[int]:
    """Which CSV column feeds which feature: by name, else by position (a last column too many is taken for the target)."""
    for names in (plan.names, columns):
        if len(names) == plan.width and set(names) <= set(header):
            return [header.index(name) for name in names]
    if len(header) in (plan.width, plan.width + 1) and not plan.has_names:
        return list(range(plan.width))
    missing = [name for name in plan.names if name not in header][:5] if plan.has_names else []
    reason = f"lacks the columns {', '.join(missing)}" if missing else f"has {len(header)} columns"
    raise ModelError(f"model.parity_data: {path} {reason}; the model takes {plan.width} columns", "give one column a feature")


def _value(text: str, kind: str, where: str) -> Any:
    if kind == STRING:
        return text
    try:
        return float(text) if text.strip() else float("nan")
    except ValueError:
        raise ModelError(f"{where}: {text!r} is not a number", "the model takes numbers in that column") from None


__all__ = ["FLOAT", "REAL_ROWS", "random_rows", "read_rows"]
