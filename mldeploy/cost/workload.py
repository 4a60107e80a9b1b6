"""What is asked of a deployment in a month: how many requests and when, how large, how long.

The traffic is a week of 168 hours, Monday 00:00 first, as requests a second in each hour: a daily curve is the same on all
days, a mere number of requests is the same in all hours. A month is 730 hours of that week.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property

from mldeploy.cost.values import SECONDS_PER_MONTH

HOURS_PER_WEEK = 168


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

    @cached_property
    def mean_per_s(self) -> float:
        return float(self.requests) / SECONDS_PER_MONTH

    @cached_property
    def peak_per_s(self) -> float:
        return self.mean_per_s * max(self.shape)

    @cached_property
    def met_per_s(self) -> float:
        """The rate that a request meets on average: busy hours count by what is asked in them."""
        return self.mean_per_s * sum(part * part for part in self.shape) / len(self.shape)

    def hourly_per_s(self) -> tuple[float, ...]:
        """Requests a second in each hour of the week."""
        return tuple(self.mean_per_s * part for part in self.shape)
