"""A sweep: the real model at the share of a processor and the memory that each size of a cloud buys.

    Option… ─choose─▶ Place… ─a way of measuring─▶ Seen ─point─▶ Point… ─▶ measurements.Sweep

Two ways measure a place: `sweep_docker` in a container with these limits, `sweep_model` from one process's processor time. Both
send requests in two phases. One after another with pauses, so that each finds the share of its quota period untouched: that is
what a caller of a quiet instance sees, and where the percentiles come from. Then back to back, so that the share is used up:
that is what an instance can do. Pauses come from a fixed seed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from random import Random

from mldeploy.bench.stats import median, percentile
from mldeploy.cost.measurements import Point, Sweep
from mldeploy.cost.values import Option
from mldeploy.progress import Reporter

MOST_PLACES = 15
SEED = 1769
PAUSE_S = (0.1, 0.2)
"""At least one of the kernel's quota periods (100 ms), so that a request never pays for the one before it."""
MOST_REQUESTS, LEAST_REQUESTS = 60, 5
PHASE_S = 30.0
"""After this long a phase ends, once it has its least number of requests."""

Ask = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Place:
    """A size to measure at: one that `product` of `provider` offers."""

    provider: str
    product: str
    memory_mb: int
    cpu: float


@dataclass(frozen=True, slots=True)
class Seen:
    """What one place did. Times in ms: `quiet` with pauses, `busy` back to back (their mean), `starts` to the first answer."""

    quiet_ms: tuple[float, ...] = ()
    busy_ms: float = 0.0
    cpu_ms: float = 0.0
    starts_ms: tuple[float, ...] = ()
    peak_memory_mb: float | None = None
    is_out_of_memory: bool = False


@dataclass(frozen=True, slots=True)
class Chosen:
    """The places of a sweep. `too_large` of the sizes want more processors than this machine has."""

    places: tuple[Place, ...]
    too_large: int


def choose(options: Iterable[Option], cores: float, memory_mb: Collection[int] = (), most: int = MOST_PLACES) -> Chosen:
    """Sizes to measure, provider by provider, smallest first: those of `memory_mb` where it names some, else at most `most`,
    spread evenly over the logarithm of the share, the smallest and the largest that fits this machine among them."""
    found: dict[str, dict[tuple[float, int], Place]] = {}
    too_large: set[tuple[str, float, int]] = set()
    for option in options:
        if memory_mb and option.memory_mb not in memory_mb:
            continue
        if option.cpu > cores:
            too_large.add((option.provider, option.cpu, option.memory_mb))
            continue
        size = (option.cpu, option.memory_mb)
        place = Place(option.provider, option.product, option.memory_mb, option.cpu)
        found.setdefault(option.provider, {}).setdefault(size, place)
    each = max(2, most // len(found)) if found else 0
    places = [
        place
        for sizes in found.values()
        for place in ([sizes[key] for key in sorted(sizes)] if memory_mb else _spread([sizes[k] for k in sorted(sizes)], each))
    ]
    return Chosen(tuple(places), len(too_large))


def _spread(places: Sequence[Place], most: int) -> list[Place]:
    """At most `most` of `places`, ascending by share: for each step of the geometric series the place nearest to it."""
    if len(places) <= most:
        return list(places)
    low, high = places[0].cpu, places[-1].cpu
    steps = [low * (high / low) ** (number / (most - 1)) for number in range(most)]
    nearest = {min(range(len(places)), key=lambda at: abs(places[at].cpu / step - 1)) for step in steps}
    return [places[at] for at in sorted(nearest | {0, len(places) - 1})][:most]


def quiet(ask: Ask, seed: int = SEED) -> tuple[float, ...]:
    """Milliseconds of requests with pauses between them."""
    random, started_s = Random(seed), time.monotonic()  # noqa: S311  pauses, no secrets
    taken: list[float] = []
    while len(taken) < MOST_REQUESTS:
        if len(taken) >= LEAST_REQUESTS and time.monotonic() - started_s > PHASE_S:
            break
        time.sleep(random.uniform(*PAUSE_S))
        taken.append(ask())
    return tuple(taken)


def busy(ask: Ask, duration_s: float) -> tuple[float, ...]:
    """Milliseconds of requests back to back, for `duration_s` and at least a few."""
    started_s = time.monotonic()
    taken: list[float] = []
    while len(taken) < LEAST_REQUESTS or time.monotonic() - started_s < duration_s:
        taken.append(ask())
    return tuple(taken)


def run(places: Sequence[Place], measure: Callable[[Place], Seen], report: Reporter) -> tuple[Point, ...]:
    """Each place in turn, with a line of its own. Nothing is kept when it is interrupted."""
    points = []
    for number, place in enumerate(places, start=1):
        title = f"{place.provider} {place.memory_mb} MB · {place.cpu:.3g} vCPU"
        with report.step("sweep", f"{number} of {len(places)}: {title}") as step:
            made = point(place, measure(place))
            points.append(made)
            step.done(f"{title} · {_told(made)}")
    return tuple(points)


def _told(made: Point) -> str:
    if made.is_out_of_memory:
        return "out of memory"
    return f"p50 {made.p50_ms or 0:.1f} ms · p95 {made.p95_ms or 0:.1f} ms · start {made.start_ms:,.0f} ms"


def point(place: Place, seen: Seen) -> Point:
    """The figures of a place. Out of memory: whatever was timed before says nothing."""
    if seen.is_out_of_memory:
        return Point(
            place.provider, place.product, place.memory_mb, place.cpu,
            peak_memory_mb=seen.peak_memory_mb, is_out_of_memory=True,
        )  # fmt: skip
    ordered = sorted(seen.quiet_ms)
    return Point(
        place.provider,
        place.product,
        place.memory_mb,
        place.cpu,
        mean_ms=sum(ordered) / len(ordered),
        p50_ms=percentile(ordered, 50),
        p95_ms=percentile(ordered, 95),
        p99_ms=percentile(ordered, 99),
        cpu_ms=seen.cpu_ms,
        start_ms=median(seen.starts_ms),
        peak_memory_mb=seen.peak_memory_mb,
        requests=len(ordered),
        busy_ms=seen.busy_ms,
    )


def merged(old: Sweep | None, new: Sweep) -> Sweep:
    """`new`, with the points of `old` at other sizes where both were made alike: one bundle, one way, one machine."""
    if old is None or (old.fingerprint, old.method, old.machine) != (new.fingerprint, new.method, new.machine):
        return new
    again = {(each.provider, each.cpu, each.memory_mb) for each in new.points}
    rest = tuple(each for each in old.points if (each.provider, each.cpu, each.memory_mb) not in again)
    points = sorted((*rest, *new.points), key=lambda each: (each.provider, each.cpu, each.memory_mb))
    return replace(new, points=tuple(points))
