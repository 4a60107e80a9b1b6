"""How many instances one hour of steady traffic takes: how long each works, is kept, and how often it starts.

Requests come at random (Poisson) and go to the first instance that has room, a new one starts when none has. The first k
instances of c places each are then an Erlang loss system of c·k servers, exactly and whatever the durations are distributed
like; instance k + 1 gets what overflows it, a bursty stream of known mean and variance. The number in it is taken as a Pascal
(negative binomial) variable with these, cut off at c, which is the usual fit of overflow traffic:

    P(j + 1) / P(j) = (m/z + j·(1 − 1/z)) / (j + 1),  j < c          m mean, z peakedness of the overflow
    empty = P(0)      starts to work at the rate  empty · m/(z·S)    S duration
    gone  = empty · exp(−m/(z·S) · keep)                             (idle for longer than it is kept)

For c = 1 and one instance this is exact. Many levels are summed in strides: a load of 10^12 takes as long as one of 100.

All that holds where an instance has a processor for each request that it takes. Where it takes more, see `sharing`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from math import exp, sqrt

from mldeploy.cost import sharing
from mldeploy.cost.erlang import blocking, peakedness
from mldeploy.cost.level import Level

CERTAIN = 8
"""Levels this many standard deviations below the load work all the time."""
NEVER = 1e-7
MAX_LEVELS = 4000


@lru_cache(maxsize=8192)
def levels(rate: float, duration_s: float, room: int, processors: float, keep_s: float, kept: int) -> tuple[Level, ...]:
    """The instances that `rate` requests a second of `duration_s` take, the first first; `kept` are never gone. Levels that
    nothing ever reaches are left out unless they are kept."""
    if room <= processors:
        return tuple(_levels(rate, duration_s, room, keep_s, kept))
    return tuple(_held(sharing.levels(rate, duration_s, room, processors, keep_s), kept))


def blocked(rate: float, duration_s: float, room: int, processors: float, instances: int) -> float:
    """The share of the requests that find all of so many `instances` full."""
    load = rate * duration_s
    if room <= processors or not load:
        return blocking(instances * room, load)
    found = sharing.levels(rate, duration_s, room, processors, 0.0)
    carried = sum(max(0.0, min(level.instances, instances - (level.upto - level.instances))) * level.carried for level in found)
    return max(0.0, 1 - carried / load)


def _held(found: Iterable[Level], kept: int) -> Iterator[Level]:
    """The first `kept` are never gone; they stand apart, so that a sum over them is right."""
    index = 0.0
    for level in found:
        if index < kept:
            count = min(level.instances, kept - index)
            index += count
            yield level._replace(upto=index, instances=count, gone=0.0, starts_per_s=0.0)
            level = level._replace(instances=level.instances - count)
        if level.instances > 0:
            index = level.upto
            yield level
    if index < kept:  # nothing reaches the rest of the kept ones
        yield Level(float(kept), kept - index, 1.0, 0.0, 0.0, 0.0, 0.0)


def _levels(rate: float, duration_s: float, places: int, keep_s: float, kept: int) -> Iterator[Level]:
    load = rate * duration_s
    full = float(int(max(0.0, load - CERTAIN * sqrt(load)) / places))
    if full >= 1:
        # The kept ones stand apart, so that a sum over them is right.
        first = min(full, kept)
        if first:
            yield Level(first, first, 0.0, 0.0, 0.0, 0.0, 1.0)
        if full > first:
            yield Level(full, full - first, 0.0, 0.0, 0.0, 0.0, 1.0)
    seldom = NEVER * min(1.0, load)
    stride = max(1, int(sqrt(load) / (5 * places)))
    index = full
    for _ in range(MAX_LEVELS):
        count = float(min(stride, kept - index) if index < kept else stride)
        level = _level(index + (count - 1) / 2, count, load, duration_s, places, keep_s)
        if level.starts_per_s * duration_s <= seldom and 1 - level.gone <= seldom and index >= kept:
            return
        if index < kept:
            level = level._replace(gone=0.0, starts_per_s=0.0)
            if 1 - level.empty <= seldom:  # nothing reaches the rest of the kept ones
                yield level._replace(instances=kept - index, upto=float(kept))
                return
        yield level._replace(upto=index + count)
        index += count


def _level(below: float, count: float, load: float, duration_s: float, places: int, keep_s: float) -> Level:
    """The level above `below` instances."""
    servers = below * places
    mean = load * blocking(servers, load)
    bursts = peakedness(servers, load, mean)
    step, part, whole = mean / bursts, 1.0, 1.0
    for number in range(places):
        part *= (step + number * (1 - 1 / bursts)) / (number + 1)
        whole += part
        if part < 1e-9 * whole or whole > 1e12:
            break
    empty = 1 / whole
    works = step / duration_s
    gone = empty * exp(-min(700.0, works * keep_s))
    shared = 0.0 if places == 1 else 1 - exp(-min(700.0, step))
    return Level(below, count, empty, gone, empty * works, gone * works, shared)
