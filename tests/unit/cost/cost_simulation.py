"""A discrete-event simulation of single requests, and of the instances that take them. It knows none of the model's formulas.

Requests arrive at random. Each goes to the first instance that has room, a new one starts when none has; an instance that was
idle for `keep_s` is removed. The requests in one instance share its processors evenly: n of them are worked on at min(n, p) / n
of full speed each. What is billed is added up piece by piece.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import ceil, inf
from random import Random

Draw = Callable[[Random], float]


@dataclass(eq=False)
class Instance:
    """`each_s` is the work that a request has got that was in it since it was born; `requests` are (its end in that work,
    when it came)."""

    born_s: float
    ready_s: float
    processors: float
    each_s: float = 0.0
    at_s: float = 0.0
    since_s: float = 0.0
    change: int = 0
    is_alive: bool = True
    requests: list[tuple[float, float]] = field(default_factory=list)
    works: list[tuple[float, float]] = field(default_factory=list)

    def speed(self) -> float:
        return min(1.0, self.processors / len(self.requests))

    def work_until(self, now: float) -> None:
        if self.requests:
            self.each_s += max(0.0, now - max(self.at_s, self.ready_s)) * self.speed()
        self.at_s = now

    def next_end_s(self) -> float:
        return max(self.at_s, self.ready_s) + (self.requests[0][0] - self.each_s) / self.speed()


@dataclass
class Month:
    """What was seen: lives and pieces of work beyond the kept instances, work of the kept ones, and counts."""

    lives: list[tuple[float, float]] = field(default_factory=list)
    works: list[tuple[float, float]] = field(default_factory=list)
    kept_works: list[tuple[float, float]] = field(default_factory=list)
    kept_requests: int = 0
    requests: int = 0
    cold: int = 0
    refused: int = 0
    done: int = 0
    taken_s: float = 0.0

    def billed_s(self, pieces: Sequence[tuple[float, float]], step_s: float = 0.001, least_s: float = 0.0) -> float:
        return sum(max(ceil(round((end - start) / step_s, 6)) * step_s, least_s) for start, end in pieces)


class Simulation:
    def __init__(
        self,
        rates: Sequence[float],
        draw: Draw,
        room: int,
        keep_s: float,
        start_s: float = 0.0,
        kept: int = 0,
        hour_s: float = 3600.0,
        processors: float = inf,
        most: float = inf,
    ) -> None:
        self._hour_s, self._order = hour_s, 0
        self._rates, self._draw, self._room = rates, draw, room
        self._keep_s, self._start_s, self._kept = keep_s, start_s, kept
        self._processors, self._most = processors, most
        self._random = Random(1769)
        self._slots: list[Instance] = [Instance(0.0, 0.0, processors) for _ in range(kept)]
        self._events: list[tuple[float, int, Instance, int]] = []
        self.seen = Month()

    def run(self) -> Month:
        """One hour (of `hour_s`) of each rate."""
        now = 0.0
        end = self._hour_s * len(self._rates)
        top = max(self._rates)
        while True:
            # Thinning: candidates at the highest rate, each accepted with the share that its hour has.
            now += self._random.expovariate(top)
            if now >= end:
                break
            self._settle(now)
            if self._random.random() * top < self._rates[int(now / self._hour_s)]:
                self._arrive(now)
        self._settle(end)
        for number, each in enumerate(self._slots):
            if each.is_alive:
                self._leave(number, each, end)
        return self.seen

    def _settle(self, until: float) -> None:
        """All ends of requests and of idle instances before `until`."""
        while self._events and self._events[0][0] <= until:
            now, _, instance, change = heapq.heappop(self._events)
            if change != instance.change or not instance.is_alive:
                continue  # something happened to it since
            if instance.requests:
                instance.work_until(now)
                instance.each_s, came_s = heapq.heappop(instance.requests)
                self.seen.done += 1
                self.seen.taken_s += now - came_s
                if not instance.requests:
                    instance.works.append((instance.since_s, now))
                self._plan(instance)
            elif (slot := self._slots.index(instance)) >= self._kept:
                self._leave(slot, instance, now)

    def _plan(self, instance: Instance) -> None:
        """Its next event: the end of a request, or of its life."""
        instance.change += 1
        self._order += 1
        at = instance.next_end_s() if instance.requests else instance.at_s + self._keep_s
        heapq.heappush(self._events, (at, self._order, instance, instance.change))

    def _arrive(self, now: float) -> None:
        self.seen.requests += 1
        found = next((n for n, each in enumerate(self._slots) if each.is_alive and len(each.requests) < self._room), None)
        if found is None:
            found = next((n for n, each in enumerate(self._slots) if not each.is_alive), len(self._slots))
            if found >= self._most:
                self.seen.refused += 1
                return
            self.seen.cold += 1
            self._slots[found : found + 1] = [Instance(now, now + self._start_s, self._processors)]
        self.seen.kept_requests += found < self._kept
        instance = self._slots[found]
        instance.work_until(now)
        if not instance.requests:
            instance.since_s = now
        heapq.heappush(instance.requests, (instance.each_s + self._draw(self._random), now))
        self._plan(instance)

    def _leave(self, slot: int, instance: Instance, now: float) -> None:
        instance.is_alive = False
        if instance.requests:
            instance.works.append((instance.since_s, now))
        if slot < self._kept:
            self.seen.kept_works += instance.works
        else:
            self.seen.works += instance.works
            self.seen.lives.append((instance.born_s, now))


def equal(duration_s: float) -> Draw:
    return lambda random: duration_s


def exponential(duration_s: float) -> Draw:
    return lambda random: random.expovariate(1 / duration_s)


def uneven(duration_s: float) -> Draw:
    """One in ten takes nine times as long as the mean less its tenth: a squared coefficient of variation of 7.1."""
    return lambda random: duration_s * (9.0 if random.random() < 0.1 else 1 / 9)
