"""Which estimates come first, and which are worth a look at all: the order, the Pareto front of cost against latency.

What has no known total is never ranked among what has: it comes last, and is on no front.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Literal

from mldeploy.cost.estimate import Estimate

Order = Literal["cost", "carbon", "latency"]
ORDERS: tuple[Order, ...] = ("cost", "carbon", "latency")
COLD_TAIL = Decimal("0.05")
"""The share of slow requests that reaches the 95th percentile."""

_UNKNOWN = Decimal("Infinity")


def is_known(each: Estimate) -> bool:
    """Whether it may take part in a choice."""
    return not each.problem and each.total is not None


def meets_cold(each: Estimate) -> bool:
    """Whether more than one request in twenty meets a cold start, so that the 95th percentile is one."""
    return each.usage is not None and each.usage.cold_starts > each.usage.requests * COLD_TAIL


def latency_ms(each: Estimate) -> float | None:
    """The 95th percentile: of a warm request, after a cold start where more than 5 % of the requests meet one. Without measured
    percentiles the mean stands in. None: nothing is known."""
    warm = warm_ms(each)
    if warm is None or each.timing is None:
        return None
    return each.timing.start_ms + warm if meets_cold(each) else warm


def warm_ms(each: Estimate) -> float | None:
    """As `latency_ms`, of a warm request."""
    timing = each.timing
    if timing is None:
        return None
    return timing.mean_ms if timing.p95_ms is None else timing.p95_ms


def ranked(estimates: Iterable[Estimate], order: Order = "cost") -> tuple[Estimate, ...]:
    """Best first by `order`, then by the others; what is not known comes last. Of regions with one price the cleaner grid comes
    first; names settle a tie, so that runs are the same."""
    return tuple(sorted(estimates, key=lambda each: (*_key(each, order), *_name(each))))


def _key(each: Estimate, order: Order) -> tuple[bool, Decimal | float, Decimal | float, float]:
    total = each.total
    cost: Decimal | float = _UNKNOWN if total is None or each.problem else total
    time_ms, carbon_g = _or_last(latency_ms(each)), _or_last(each.carbon_g_per_1k)
    first = {"cost": (cost, time_ms, carbon_g), "latency": (time_ms, cost, carbon_g), "carbon": (carbon_g, cost, time_ms)}
    return not is_known(each), *first[order]


def _or_last(value: float | None) -> float:
    return float("inf") if value is None else value


def _name(each: Estimate) -> tuple[str, str, str, int, float]:
    return each.provider, each.region, each.product.key, each.option.memory_mb, each.option.cpu


def front(estimates: Iterable[Estimate]) -> tuple[Estimate, ...]:
    """The Pareto front, cheapest first: for each of them nothing is both cheaper and faster. Only what `up` can deploy and
    what has both figures takes part; of two that are alike in both the first by name stays."""
    found: list[Estimate] = []
    best_ms = float("inf")
    for each in ranked(estimates):
        time_ms = latency_ms(each)
        if is_known(each) and each.product.is_deployable and time_ms is not None and time_ms < best_ms:
            found.append(each)
            best_ms = time_ms
    return tuple(found)
