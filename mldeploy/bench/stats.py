"""Figures from samples. Pure."""

from __future__ import annotations

from collections.abc import Sequence

PERCENTILES = (50.0, 90.0, 95.0, 99.0)
# Where the percentile curve of the plot has its points: denser towards the tail, which is what matters.
CURVE = (*(float(p) for p in range(0, 90, 2)), *(90 + p / 2 for p in range(18)), *(99 + p / 10 for p in range(11)))


def percentile(ordered: Sequence[float], share: float) -> float:
    """The `share` (0..100) percentile of ascending samples, linear between neighbours. Raises ValueError without samples."""
    if not ordered:
        raise ValueError("no samples")
    place = (len(ordered) - 1) * share / 100
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def median(samples: Sequence[float]) -> float:
    return percentile(sorted(samples), 50)
