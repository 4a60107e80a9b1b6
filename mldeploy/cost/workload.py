"""What is asked of a deployment in a month: how many requests and when, how large, how long.

The traffic is a week of 168 hours, Monday 00:00 first, as requests a second in each hour: a daily curve is the same on all
days, a mere number of requests is the same in all hours. A month is 730 hours of that week.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from mldeploy.cost.values import SECONDS_PER_MONTH

HOURS_PER_WEEK = 168
NEAR = 1.05
"""Rates of the week within this factor are taken together: a week has some dozens at most then."""


@dataclass(frozen=True)
class Workload:
    """`requests` a month, spread as `shape` says (168 relative rates with mean 1). Sizes are of one request.

    `cold_share` is the share of requests that meet a cold start; None: the packing model tells. `duration_ms` is None where a
    measurement is to say it; `cpu_ms` None means that all of it is processor time.
    """

    requests: Decimal
    shape: tuple[float, ...] = (1.0,) * HOURS_PER_WEEK
    duration_ms: float | None = None
    cpu_ms: float | None = None
    bytes_in: int = 0
    bytes_out: int = 0
    cold_share: float | None = None
    log_bytes: int = 0

    @property
    def mean_per_s(self) -> float:
        return float(self.requests) / SECONDS_PER_MONTH

    @property
    def peak_per_s(self) -> float:
        return self.mean_per_s * spread(self.shape).peak

    @property
    def met_per_s(self) -> float:
        """The rate that a request meets on average: busy hours count by what is asked in them."""
        return self.mean_per_s * spread(self.shape).met

    def hourly_per_s(self) -> tuple[float, ...]:
        """Requests a second in each hour of the week."""
        return tuple(self.mean_per_s * part for part in self.shape)


class Spread(NamedTuple):
    """What only the shape decides. `parts` are its different rates, near ones taken together at their mean, `hours` how many
    each has; `turns` are pairs of parts that follow each other in the week, each with how often."""

    peak: float
    met: float
    parts: tuple[float, ...]
    hours: tuple[int, ...]
    turns: tuple[tuple[int, int, int], ...]


@lru_cache(maxsize=64)
def spread(shape: tuple[float, ...]) -> Spread:
    part_of = _parts(shape)
    count = max(part_of) + 1
    hours = Counter(part_of)
    sums = [0.0] * count
    for part, rate in zip(part_of, shape, strict=True):
        sums[part] += rate
    turns = Counter(zip(part_of, part_of[1:] + part_of[:1], strict=True))
    return Spread(
        peak=max(shape),
        met=sum(rate * rate for rate in shape) / len(shape),
        parts=tuple(sums[part] / hours[part] for part in range(count)),
        hours=tuple(hours[part] for part in range(count)),
        turns=tuple((a, b, often) for (a, b), often in turns.items() if a != b),
    )


def _parts(shape: tuple[float, ...]) -> list[int]:
    """For each hour the number of its part: hours within NEAR of the lowest of their part belong together."""
    part_of = [0] * len(shape)
    part, lowest = 0, min(shape)
    for hour in sorted(range(len(shape)), key=shape.__getitem__):
        if shape[hour] > lowest * NEAR:
            part, lowest = part + 1, shape[hour]
        part_of[hour] = part
    return part_of
