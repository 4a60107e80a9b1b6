"""A month's usage of one option: the traffic curve, hour by hour, packed into instances.

    week of rates ─workload.spread─▶ rate ─instances.levels─▶ billed, kept, started ─× hours─▶ Usage

Each hour is in balance with its own rate. Between hours, one instance more is a cold start, one less is kept for a while. A
platform fills an instance up to its concurrency, whatever its processors can do; requests then share them and take longer. A
rounding step is applied to each piece that is billed. What does not depend on chance (requests × duration) is exact, in
Decimal; what does is a mean, held against a simulation of single requests in the tests.

Left out: requests that come while an instance starts may start further ones. It matters where a start takes a good part of the
time for which instances are kept.
"""

from __future__ import annotations

from decimal import ROUND_CEILING, Decimal
from functools import lru_cache
from math import ceil, exp, expm1, floor
from typing import NamedTuple

from mldeploy.cost.instances import blocked, levels
from mldeploy.cost.level import Level
from mldeploy.cost.values import HOURS_PER_MONTH, SECONDS_PER_MONTH, Option, Scaling, Timing, Usage
from mldeploy.cost.workload import HOURS_PER_WEEK, Workload, spread

RARELY = 0.001
"""`peak_instances` are those that are there for more than this share of the busiest hour."""
SHORTEST_S = 1e-6
NEVER_PER_S = 1e-12


class Demand(NamedTuple):
    """What decides the packing; options that share it share the answer."""

    duration_s: float
    start_s: float
    room: int
    processors: float
    kept: int
    scaling: Scaling


class Hour(NamedTuple):
    """Means over time: instances billed beyond the kept ones, kept ones at work, all that exist; cold starts a second; the
    share of the requests that the kept ones answer; requests under way where they share processors. `peak` instances exist."""

    billed: float = 0.0
    kept_active: float = 0.0
    alive: float = 0.0
    starts_per_s: float = 0.0
    kept_share: float = 0.0
    peak: int = 0
    under_way: float = 0.0


def usage(workload: Workload, option: Option, scaling: Scaling, timing: Timing) -> Usage:
    """What a month of `workload` takes. `max_instances` is not looked at: `refused` tells what it turns away."""
    demand = _demand(option, scaling, timing)
    month = _month(workload, demand)
    requests = workload.requests
    cold = Decimal(month.starts_per_s) if workload.cold_share is None else requests * Decimal(str(workload.cold_share))
    cold = min(cold, requests)
    if scaling.billing == "request" or (scaling.billing == "active" and demand.room == 1):
        # Every request is a piece of its own: exact but for which of them the kept instances answer.
        work = requests * _piece_of_one_s(timing.mean_ms, scaling)
        kept_active = work * Decimal(month.kept_share)
        billed = work - kept_active
    else:
        billed, kept_active = Decimal(month.billed), Decimal(month.kept_active)
    if scaling.is_start_billed and scaling.billing != "instance":
        billed += cold * Decimal(str(timing.start_ms)) / 1000
    whole = Decimal(demand.kept * SECONDS_PER_MONTH)
    kept_active = min(kept_active, whole)
    return Usage(
        requests=requests,
        billed_s=billed,
        kept_active_s=kept_active,
        kept_idle_s=whole - kept_active,
        cold_starts=cold,
        peak_instances=_hour(workload.peak_per_s, demand).peak,
        mean_instances=month.alive / SECONDS_PER_MONTH,
        slowdown=max(1.0, month.under_way / (float(requests) * demand.duration_s)) if requests else 1.0,
    )


def processors(option: Option, timing: Timing) -> float:
    """Requests that one instance works on at once without slowing them down; one alone takes the time that it is said to."""
    if timing.cpu_ms <= 0:
        return float(option.concurrency)
    return max(1.0, min(option.concurrency, option.cpu * timing.mean_ms / timing.cpu_ms + 1e-9))


def refused(workload: Workload, option: Option, scaling: Scaling, timing: Timing) -> float:
    """The share of the busiest hour's requests that find every instance of `max_instances` full."""
    if option.max_instances is None:
        return 0.0
    demand = _demand(option, scaling, timing)
    return blocked(workload.peak_per_s, demand.duration_s, demand.room, demand.processors, option.max_instances)


def _demand(option: Option, scaling: Scaling, timing: Timing) -> Demand:
    """A product that bills each request for itself has no use for sharing: it gives an instance what its processor can do."""
    at_once = processors(option, timing)
    room = floor(at_once) if scaling.billing == "request" else option.concurrency
    duration_s = max(timing.mean_ms / 1000, SHORTEST_S)
    return Demand(duration_s, timing.start_ms / 1000, room, at_once, max(option.min_instances, scaling.always), scaling)


def _month(workload: Workload, demand: Demand) -> Hour:
    """The same figures summed over a month: instance-seconds, request-seconds, and cold starts; `kept_share` of all
    requests."""
    week, mean_per_s = spread(workload.shape), workload.mean_per_s
    hours = [_hour(mean_per_s * part, demand) for part in week.parts]
    billed = kept_active = alive = starts = share = under_way = 0.0
    for part, often, hour in zip(week.parts, week.hours, hours, strict=True):
        billed += hour.billed * often * 3600
        kept_active += hour.kept_active * often * 3600
        alive += hour.alive * often * 3600
        starts += hour.starts_per_s * often * 3600
        share += hour.kept_share * part * often
        under_way += hour.under_way * often * 3600
    for before, after, often in week.turns:
        change = (hours[after].alive - hours[before].alive) * often
        starts += max(0.0, change)
        if demand.scaling.billing == "instance":
            billed += max(0.0, -change) * demand.scaling.keep_s
    weeks = HOURS_PER_MONTH / HOURS_PER_WEEK
    share = min(1.0, share / HOURS_PER_WEEK)
    return Hour(billed * weeks, kept_active * weeks, alive * weeks, starts * weeks, share, under_way=under_way * weeks)


@lru_cache(maxsize=8192)
def _hour(rate: float, demand: Demand) -> Hour:
    kept, scaling = demand.kept, demand.scaling
    found = levels(rate, demand.duration_s, demand.room, demand.processors, scaling.keep_s, kept)
    beyond = next((level.gone for level in found if level.upto > kept), 1.0)
    billed = kept_active = alive = starts = under_way = 0.0
    peak = kept
    for level in found:
        alive += level.instances * (1 - level.gone)
        under_way += level.instances * level.held
        peak = ceil(level.upto) if 1 - level.gone > RARELY else peak
        starts += level.instances * level.starts_per_s
        if level.upto > kept:
            billed += level.instances * _billed(level, demand)
        elif scaling.billing == "instance":
            # A kept instance is idle while nothing is asked of it and no instance beyond the kept ones exists.
            kept_active += level.instances * (1 - level.empty * beyond)
        else:
            kept_active += level.instances * _working(level, demand)
    share = 1 - blocked(rate, demand.duration_s, demand.room, demand.processors, kept) if kept else 0.0
    peak = max(peak, ceil(alive - RARELY), 1 if rate else 0)
    return Hour(billed, kept_active, alive, starts, share, peak, under_way)


def _billed(level: Level, demand: Demand) -> float:
    """Billed seconds a second of an instance beyond the kept ones."""
    scaling = demand.scaling
    if scaling.billing != "instance":
        return _working(level, demand)
    if level.starts_per_s < NEVER_PER_S:
        return 1 - level.gone
    start_s = demand.start_s if scaling.is_start_billed else 0.0
    shortest = demand.duration_s + scaling.keep_s + start_s
    # It starts in time in which it would be gone.
    life = (1 - level.gone + min(level.gone, start_s * level.starts_per_s)) / level.starts_per_s
    reused = 1 - (1 - level.shared) * level.starts_per_s / level.works_per_s
    return level.starts_per_s * _piece_s(shortest, life, reused, scaling)


def _working(level: Level, demand: Demand) -> float:
    """Billed seconds a second of an instance that is billed while it works."""
    if level.works_per_s < NEVER_PER_S:
        return 1 - level.empty
    worked = (1 - level.empty) / level.works_per_s
    return level.works_per_s * _piece_s(demand.duration_s, worked, level.shared, demand.scaling)


def _piece_s(shortest_s: float, mean_s: float, longer: float, scaling: Scaling) -> float:
    """The mean billed length of pieces that are `shortest_s`, or by a share of `longer` exponentially longer, rounded up."""
    step = max(1, scaling.round_ms) / 1000
    least = max(ceil(round(shortest_s / step, 6)) * step, scaling.minimum_ms / 1000)
    if longer <= 0 or mean_s <= shortest_s:
        return least
    more = (mean_s - shortest_s) / longer
    return least + longer * step * exp(-(least - shortest_s) / more) / -expm1(-step / more)


def _piece_of_one_s(duration_ms: float, scaling: Scaling) -> Decimal:
    """One request's time, rounded up; exact."""
    step = Decimal(max(1, scaling.round_ms))
    steps = (Decimal(str(duration_ms)) / step).to_integral_value(ROUND_CEILING)
    return max(steps * step, Decimal(scaling.minimum_ms)) / 1000
