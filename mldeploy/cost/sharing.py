"""Instances that take more requests than they have processors for: those in one instance share them.

    with n requests in it, an instance of `room` requests and p processors does  min(n, p) / duration  of work a second

The first instance is a symmetric queue: P(n) ∝ load^n / Π min(j, p), exactly, and whatever the durations are distributed like.
An instance further on gets what finds all before it full. That stream is on (at the whole rate) or off:

    B = P(all before it are full) = P(on)         what the one before turned away
    s = the rate at which on and off are forgotten
    on → off at s·(1 − B), off → on at s·B        (an interrupted Poisson process)

B is handed on from instance to instance, so that all the work is done once and no more. s is that of one queue of all the
instances before, filled one after another, in which a request is done at the rate Σ min(·, p): the Laplace transform of the
time between two that overflow it, at the rate of emptying p/room, and B give it. The number in the instance and the stream's
state are then a Markov chain, solved from the full end, where every term is positive.

For LARGE instances and more, all but a boundary are full, and the boundary grows with the square root of the load: it is taken
from LARGE and stretched, so that a load of 10^12 takes as long as one of LARGE.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from math import ceil, exp, inf, log, sqrt
from typing import NamedTuple

from mldeploy.cost.level import Level

LARGE = 24
NEVER = 1e-9
NEGLIGIBLE = 1e-13
HUGE = 1e200
FROZEN = 1e9


class Stream(NamedTuple):
    """On at `rate` a second, left at `off`, entered again at `on`; a Poisson stream is never off."""

    rate: float
    off: float = 0.0
    on: float = 0.0

    def silence(self, starts_on: float, after_s: float) -> tuple[float, float]:
        """The chance that nothing comes for `after_s` when it is on at first with the chance `starts_on`, and how long it then
        still takes, times that chance."""
        if not self.off:
            left = exp(-min(700.0, self.rate * after_s))
            return left, left / self.rate
        total = self.rate + self.off + self.on
        root = sqrt(max(0.0, total * total - 4 * self.rate * self.on))
        fast, slow = (total + root) / 2, 2 * self.rate * self.on / (total + root)
        share = (fast - self.rate * starts_on) / root
        late = share * exp(-min(700.0, slow * after_s))
        soon = (1 - share) * exp(-min(700.0, fast * after_s))
        return late + soon, late / slow + soon / fast


def levels(rate: float, duration_s: float, room: int, processors: float, keep_s: float) -> Iterator[Level]:
    """The instances that `rate` requests a second of `duration_s` take, the first first; room > processors ≥ 1."""
    load = rate * duration_s
    large = LARGE * processors
    if load <= large:
        yield from chain(rate, duration_s, room, processors, keep_s)
        return
    stretch = sqrt(load / large)
    full = load / processors - LARGE * stretch
    yield Level(full, full, 0.0, 0.0, 0.0, 0.0, 1.0, room, processors)
    for level in chain(large / duration_s, duration_s, room, processors, keep_s):
        yield level._replace(upto=full + level.upto * stretch, instances=stretch)


@lru_cache(maxsize=4096)
def chain(rate: float, duration_s: float, room: int, processors: float, keep_s: float) -> tuple[Level, ...]:
    """One level for each instance that anything reaches."""
    found: list[Level] = []
    full, group = 1.0, _Group(rate, duration_s, room, processors)
    while rate and full * max(1.0, rate * duration_s) > NEVER:
        if found:
            forgets = group.forgets_per_s()
            stream = Stream(rate, forgets * (1 - full), forgets * full)
            group.grow(len(found))
        else:
            stream = Stream(rate)
            group.grow(0)
        level, full = _level(stream, duration_s, room, processors, keep_s)
        found.append(level._replace(upto=len(found) + 1.0))
    return tuple(found)


class _Group:
    """All instances so far as one queue. `_rarity` is the inverse of the chance that it is full; `_next` the Laplace transform
    of the time until one more request is in it than ever, at the rate `_per_s`."""

    def __init__(self, rate: float, duration_s: float, room: int, processors: float) -> None:
        self._rate, self._duration_s, self._room, self._processors = rate, duration_s, room, processors
        self._per_s = processors / room / duration_s
        self._rarity, self._next = 1.0, rate / (rate + self._per_s)

    def grow(self, instances: int) -> None:
        """By one more than `instances`."""
        for number in range(1, self._room + 1):
            done = (instances * self._processors + min(number, self._processors)) / self._duration_s
            self._rarity = 1 + done / self._rate * self._rarity
            self._next = self._rate / (self._rate + self._per_s + done * (1 - self._next))

    def forgets_per_s(self) -> float:
        full = 1 / self._rarity
        seen = self._next / (1 - self._next) * self._per_s / self._rate  # how much of its rate one that overflows has after it
        lasting = min(1.0, (seen - full) / (1 - full)) if full < 1 else 0.0
        return self._per_s * (1 / lasting - 1 if lasting > 1 / FROZEN else FROZEN)


def _level(stream: Stream, duration_s: float, room: int, processors: float, keep_s: float) -> tuple[Level, float]:
    """The level, without its number, and the chance that all up to it are full.

    `on` and `off` are the weights of so many requests in it with the stream on and off. What goes up from there comes down
    again: rate × on(n) = done(n + 1) × (on + off)(n + 1).
    """
    rate, number = stream.rate, _most(stream, duration_s, room, processors)
    done = min(number, processors) / duration_s
    on, off = 1.0, stream.off / (stream.on + done)
    full, whole, held, carried = on, on + off, number * (on + off), min(number, processors) * (on + off)
    ends_on = on  # how likely the stream is on when the last request ends
    while number:
        number -= 1
        ends_on = on / (on + off)
        on, above = done / rate * (on + off), done * off
        done = min(number, processors) / duration_s
        off = (stream.off * on + above) / (stream.on + done) if stream.off else 0.0
        term = on + off
        whole += term
        held += number * term
        carried += min(number, processors) * term
        if term < NEGLIGIBLE * whole:
            on = off = 0.0
            break
        if whole > HUGE:
            on, off, full, whole, held, carried = (each / HUGE for each in (on, off, full, whole, held, carried))
    works = rate * on / whole
    silent, more_s = stream.silence(ends_on, keep_s)
    level = Level(
        upto=0.0,
        instances=1.0,
        empty=(on + off) / whole,
        gone=works * more_s,
        works_per_s=works,
        starts_per_s=works * silent,
        shared=1 - stream.silence(1.0, duration_s)[0],
        held=held / whole,
        carried=carried / whole,
    )
    return level, full / whole


def _most(stream: Stream, duration_s: float, room: int, processors: float) -> int:
    """As many requests as are ever in it: of a Poisson stream below what the processors can do, fewer than it has room for."""
    ratio = stream.rate * duration_s / processors
    if stream.off or ratio >= 1:
        return room
    steps = log(NEGLIGIBLE / 100) / log(ratio) if ratio > 0 else inf
    return min(room, ceil(processors) + ceil(steps))
