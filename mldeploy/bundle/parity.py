"""Do two pipelines give the same answers? Arrays in, a verdict out; nothing here knows where they come from.

numbers     |difference| <= max(1e-5, 1e-3 * range of the reference), or the tolerance that the spec gives
classes     equal, except where the reference itself is undecided within the tolerance
constant    the reference answers the same whatever the input: agreement proves nothing
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

ABSOLUTE, RELATIVE = 1e-5, 1e-3  # of nets and regressors, measured 2026-11
PROBABILITY = 1e-4  # of classifiers
HALF_RELATIVE = 4e-3  # of the range, where a tensor is fp16: four units in its last place


@dataclass(frozen=True)
class Difference:
    """The largest absolute difference found and what was allowed; `where` names the output and row of the worst."""

    largest: float
    allowed: float
    where: str = ""

    @property
    def is_within(self) -> bool:
        return self.largest <= self.allowed


def tolerance(reference: Array, given: float | None = None, floor: float = ABSOLUTE) -> float:
    """The difference allowed against `reference`."""
    import numpy as np

    if given is not None:
        return given
    finite = reference[np.isfinite(reference)].astype(np.float64)
    span = float(finite.max() - finite.min()) if finite.size else 0.0
    return max(floor, (HALF_RELATIVE if reference.dtype == np.float16 else RELATIVE) * span)


def compare(name: str, reference: Array, got: Array, given: float | None = None, floor: float = ABSOLUTE) -> Difference:
    """Compare two arrays; NaN and infinity must stand in the same places. Strings, booleans and integers must be equal."""
    import numpy as np

    if reference.shape != got.shape:
        return Difference(float("inf"), 0.0, f"{name}: shape {list(got.shape)}, expected {list(reference.shape)}")
    if not reference.size:
        return Difference(0.0, 0.0)
    if not np.issubdtype(reference.dtype, np.floating):
        unequal = np.flatnonzero(reference.astype(str) != got.astype(str))
        return (
            Difference(float("inf"), 0.0, f"{name}[{_place(reference, unequal[0])}]") if unequal.size else Difference(0.0, 0.0)
        )
    a, b = reference.astype(np.float64), got.astype(np.float64)
    with np.errstate(invalid="ignore"):
        gap = np.where((a == b) | (np.isnan(a) & np.isnan(b)), 0.0, np.abs(a - b))
    gap = np.nan_to_num(gap, nan=np.inf, posinf=np.inf)
    worst = int(np.argmax(gap))
    return Difference(float(gap.flat[worst]), tolerance(reference, given, floor), f"{name}[{_place(reference, worst)}]")


def _place(array: Array, flat: Any) -> str:
    import numpy as np

    return ", ".join(str(int(i)) for i in np.unravel_index(int(flat), array.shape))


def worst(differences: list[Difference]) -> Difference:
    """The one that exceeds its allowance most, else the largest."""
    if not differences:
        return Difference(0.0, 0.0)
    return max(differences, key=lambda d: (not d.is_within, d.largest))


def differing_classes(reference: Array, got: Array, scores: Array | None, margin: float) -> Array:
    """Rows whose class differs although the reference's two best scores are further apart than `margin`."""
    import numpy as np

    rows: Array = np.flatnonzero(reference.astype(str) != got.astype(str))
    if scores is None or scores.ndim != 2 or scores.shape[1] < 2:
        return rows
    ordered = np.sort(scores[rows], axis=1)
    decided: Array = rows[(ordered[:, -1] - ordered[:, -2]) > margin]
    return decided


def is_constant(array: Array) -> bool:
    """True when every row of a batch of two or more is the same."""
    return bool(array.ndim and array.shape[0] > 1 and (array == array[:1]).all())


def top_k_difference(scores: Array, indices: Array, top_scores: Array, k: int) -> Difference:
    """Compare TopK's answer with a full matrix of reference scores [N,C]: each score, and that each index earns its place.

    Classes whose scores tie within the tolerance may stand in either order.
    """
    import numpy as np

    order = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    expected = np.take_along_axis(scores, order, axis=1)
    values = compare("scores", expected, top_scores)
    if values.largest == float("inf"):
        return values
    allowed = tolerance(scores)
    earned = np.take_along_axis(scores, indices, axis=1)
    if any(len(set(row)) != k for row in indices.tolist()):
        return Difference(float("inf"), 0.0, "indices: a class appears twice")
    return worst([Difference(values.largest, allowed, values.where), compare("indices", expected, earned)])
