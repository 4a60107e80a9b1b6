"""Does the converted graph answer like scikit-learn? Compared on random rows, and on the user's own when there are some.

    label                 predict            equal, except where the two best scores tie within the tolerance
    probabilities         predict_proba      within 1e-4 (decision_function for classifiers without probabilities)
    variable              predict, or transform of a transformer; nets' tolerance
    scores                decision_function of outlier detectors, transform of clusterers

scikit-learn gets the rows in float64, the graph the same rows in float32, as a request would bring them.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mldeploy.bundle import parity
from mldeploy.bundle.sklearn_inputs import INT, MATRIX_NAME, STRING, InputPlan, positional
from mldeploy.bundle.sklearn_rows import REAL_ROWS
from mldeploy.errors import GateError

if TYPE_CHECKING:
    from mldeploy.bundle.random_inputs import Arrays

REAL_ROWS_HINT = f"give at least {REAL_ROWS} real rows as model.parity_data"
WAY_OUT = "give model.parity_tolerance if that is good enough, or set model.convert: false to run scikit-learn itself"


@dataclass(frozen=True)
class Verdict:
    """What was compared. `largest` is the maximum difference of any number, `shapes` the outputs' as they came."""

    largest: float
    random_rows: int
    real_rows: int
    warnings: tuple[str, ...]
    shapes: dict[str, tuple[int, ...]]

    def document(self) -> dict[str, Any]:
        """As written to bundle.json."""
        return {"max_difference": self.largest, "random_rows": self.random_rows, "real_rows": self.real_rows}


def feeds(rows: Any, plan: InputPlan) -> Arrays:
    """Rows [n, width] as the graph's inputs."""
    import numpy as np

    types: dict[str, Any] = {STRING: object, INT: np.int64}
    if plan.form == "columns":
        return {
            name: rows[:, [i]].astype(types.get(kind, np.float32))
            for i, (name, kind) in enumerate(zip(plan.names, plan.kinds, strict=True))
        }
    name = plan.names[0] if plan.form == "text" else MATRIX_NAME
    return {name: rows.astype(types.get(plan.kinds[0], np.float32))}


def single_precision(rows: Any, plan: InputPlan) -> Any:
    """Random rows rounded to what a float32 request can say, so that only the arithmetic is compared."""
    import numpy as np

    return rows if STRING in plan.kinds else rows.astype(np.float32).astype(np.float64)


def methods(estimator: Any, outputs: list[str]) -> dict[str, str]:
    """Graph output -> the estimator's method that gives the same, for the outputs that have one."""

    def first(*names: str) -> str | None:
        return next((name for name in names if hasattr(estimator, name)), None)

    found = {
        "label": first("predict"),
        "probabilities": first("predict_proba", "decision_function"),
        "variable": first("predict", "transform"),
        "scores": first("decision_function", "transform", "score_samples"),
    }
    return {name: method for name in outputs if (method := found.get(name))}


def check(estimator: Any, session: Any, plan: InputPlan, random: Any, real: Any | None, given: float | None) -> Verdict:
    """Compare. Raises GateError when the answers differ beyond the tolerance or prove nothing."""
    names = [node.name for node in session.get_outputs()]
    compared = methods(estimator, names)
    twin = positional(estimator)
    notes = [
        f"output {name!r} has no counterpart in scikit-learn and was not compared" for name in names if name not in compared
    ]
    largest, is_vacuous = 0.0, {}
    shapes: dict[str, tuple[int, ...]] = {}
    for kind, rows in [("real", real), ("random", single_precision(random, plan))]:
        if rows is None:
            continue
        try:
            expected = _reference(twin, set(compared.values()), rows, plan)
        except Exception as error:  # an estimator of any kind raises what it likes
            if kind == "random" and real is not None:
                notes.append("scikit-learn refuses random rows, so only model.parity_data was compared")
                random = random[:0]
                continue
            raise GateError(f"scikit-learn itself fails on {kind} rows: {_line(error)}", REAL_ROWS_HINT) from error
        got = dict(zip(names, _run(session, feeds(rows, plan), kind), strict=True))
        largest = max(largest, _compare(kind, compared, expected, got, given))
        is_vacuous[kind] = all(parity.is_constant(value) for value in expected.values())
        shapes = {name: value.shape for name, value in got.items()}
    real_rows = len(real) if real is not None else 0
    if all(is_vacuous.values()) and real is None:
        raise GateError(
            "the model gives the same answer to every random row, so comparing it proves nothing",
            REAL_ROWS_HINT,
        )
    if is_vacuous.get("real"):
        notes.append("the model gives the same answer to every row of model.parity_data: the comparison proves little")
    if 0 < real_rows < REAL_ROWS:
        notes.append(f"model.parity_data has {real_rows} rows; at least {REAL_ROWS} make the comparison meaningful")
    return Verdict(largest, len(random), real_rows, tuple(notes), shapes)


def _line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]


def _run(session: Any, inputs: Arrays, kind: str) -> list[Any]:
    try:
        results: list[Any] = session.run(None, inputs)
    except Exception as error:  # the binding has an exception class for each status code
        raise GateError(f"the converted model fails on {kind} rows: {_line(error)}", WAY_OUT) from error
    return results


def _reference(estimator: Any, names: set[str], rows: Any, plan: InputPlan) -> Arrays:
    import numpy as np

    rows = rows[:, 0].tolist() if plan.form == "text" else rows
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        answers = {name: getattr(estimator, name)(rows) for name in sorted(names)}
    arrays = {name: np.asarray(value.toarray() if hasattr(value, "toarray") else value) for name, value in answers.items()}
    return {name: array.astype(np.int64) if array.dtype == bool else array for name, array in arrays.items()}


def _compare(kind: str, compared: dict[str, str], expected: Arrays, got: Arrays, given: float | None) -> float:
    """The largest difference. Raises GateError beyond the tolerance."""
    import numpy as np

    floor = parity.PROBABILITY if "label" in compared else parity.ABSOLUTE
    scores = next((expected[m] for m in ("predict_proba", "decision_function") if m in expected), None)
    largest = 0.0
    for name, method in compared.items():
        reference = expected[method]
        if name == "label":
            margin = given if given is not None else floor
            rows = parity.differing_classes(reference, got[name].reshape(reference.shape), scores, margin)
            if rows.size:
                row = int(rows[0])
                raise GateError(
                    f"the converted model gives another class on {rows.size} of {len(reference)} {kind} rows "
                    f"(row {row}: {got[name][row]!s}, scikit-learn says {reference[row]!s})",
                    WAY_OUT,
                )
            continue
        found = parity.compare(name, reference.astype(np.float64), _like(reference, got[name]), given, floor)
        if not found.is_within:
            raise GateError(
                f"the converted model differs from scikit-learn by {found.largest:.3g} at {found.where} on {kind} rows "
                f"(allowed {found.allowed:.3g})",
                WAY_OUT,
            )
        largest = max(largest, found.largest)
    return largest


def _like(reference: Any, got: Any) -> Any:
    """The graph's [N,1] for scikit-learn's [N]; of its [N,2] of scores the second, where that is all scikit-learn gives."""
    if reference.ndim == 1 and got.ndim == 2 and got.shape[1] == 2:
        return got[:, 1]
    return got.reshape(reference.shape) if got.size == reference.size else got
