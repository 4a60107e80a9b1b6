"""How long a request takes on an option: as a person gave it, or as it was measured on a share of a processor.

    flags, spec.workload ─▶ Given    ─┐
    measurements.Sweep ───▶ Measured ─┴─at(option)─▶ Timing | None (problem(option) says why there is none)

A measurement is never stretched: an option takes the figures of the nearest measured share at or below its own, so that it is
never said to be faster than what was seen; below the smallest share, with less memory than was tried, and where memory ran
out, there is no figure at all.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Protocol

from mldeploy.cost.measurements import Point, Sweep
from mldeploy.cost.values import Option, Timing

SAME = 1 + 1e-6
"""Shares are quotients (memory / 1769): equal ones may differ in their last digits."""
NOTICED = 1.005
"""Requests that share a processor and take less than this factor longer are as good as alone."""


class Timings(Protocol):
    def at(self, option: Option) -> Timing | None:
        """One request on `option`; None when that is not known or cannot be."""

    def problem(self, option: Option) -> str:
        """Why `at` has no answer; empty when it has."""


class Given:
    """One duration for all sizes, as a person gave it."""

    def __init__(self, duration_ms: float, cpu_ms: float | None = None, start_ms: float = 0.0) -> None:
        self._timing = Timing(
            mean_ms=duration_ms,
            cpu_ms=duration_ms if cpu_ms is None else cpu_ms,
            start_ms=start_ms,
            origin="as given, the same at every size",
        )

    def at(self, option: Option) -> Timing | None:
        return self._timing

    def problem(self, option: Option) -> str:
        return ""


class Measured:
    """What a sweep saw, for the shares of a processor and the memory that it had."""

    def __init__(self, sweep: Sweep) -> None:
        self._sweep = sweep
        self._done = sorted((point for point in sweep.points if not point.is_out_of_memory), key=lambda each: each.cpu)
        self._failed_mb = max((point.memory_mb for point in sweep.points if point.is_out_of_memory), default=0)
        self._least_mb = min((point.memory_mb for point in self._done), default=0)
        self._found = lru_cache(maxsize=1024)(self._look)

    def at(self, option: Option) -> Timing | None:
        found = self._found(option.memory_mb, option.cpu)
        return found if isinstance(found, Timing) else None

    def problem(self, option: Option) -> str:
        found = self._found(option.memory_mb, option.cpu)
        return found if isinstance(found, str) else ""

    def _look(self, memory_mb: int, cpu: float) -> Timing | str:
        if not self._done:
            return f"the measurement of {self._sweep.date} has no size that works"
        if memory_mb <= self._failed_mb:
            return f"out of memory: it ran out with {self._failed_mb} MB when it was measured on {self._sweep.date}"
        if memory_mb < self._least_mb:
            return f"not measured with less than {self._least_mb} MB: mldeploy bench --sweep --sizes {memory_mb}"
        below = [point for point in self._done if point.cpu <= cpu * SAME]
        if not below:
            return f"not measured on less than {self._done[0].cpu:.3g} vCPU: mldeploy bench --sweep --sizes {memory_mb}"
        # Of several at the same share the slowest counts.
        point = max(below, key=lambda each: (each.cpu, each.mean_ms))
        return self._timing(point, cpu)

    def _timing(self, point: Point, cpu: float) -> Timing:
        is_same = cpu <= point.cpu * SAME
        return Timing(
            mean_ms=point.mean_ms,
            cpu_ms=point.cpu_ms,
            start_ms=point.start_ms,
            origin=f"{_how(self._sweep)}, {point.cpu:.3g} vCPU" + ("" if is_same else f" (the nearest share below {cpu:.3g})"),
            p50_ms=point.p50_ms,
            p95_ms=point.p95_ms,
            p99_ms=point.p99_ms,
            peak_memory_mb=point.peak_memory_mb,
            is_measured=True,
            busy_ms=point.busy_ms,
        )


def _how(sweep: Sweep) -> str:
    """A sweep without limits on processor and memory was computed from one process; its method says so first."""
    return f"{sweep.method}, {sweep.date}" if sweep.is_modelled else f"measured {sweep.date}, {sweep.method}"


def under_load(timing: Timing, rate_per_s: float) -> Timing:
    """The same request at `rate_per_s` of them: one that comes right after another finds the share of the processor used up.

    A share of a/(1 + a) of them does, a = rate × duration: the time for which a single instance works (Erlang's formula). These
    take `busy_ms`; percentiles that reach into them are no better than that.
    """
    busy_ms = timing.busy_ms
    if busy_ms is None or busy_ms <= timing.mean_ms:
        return timing
    load = rate_per_s * busy_ms / 1000
    share = load / (1 + load)
    p50, p95, p99 = (
        known if known is None or share < rest else max(known, busy_ms)
        for known, rest in ((timing.p50_ms, 0.5), (timing.p95_ms, 0.05), (timing.p99_ms, 0.01))
    )
    mean_ms = timing.mean_ms + share * (busy_ms - timing.mean_ms)
    return replace(timing, mean_ms=mean_ms, p50_ms=p50, p95_ms=p95, p99_ms=p99)


def slowed(timing: Timing, factor: float) -> Timing:
    """The same request where others share its instance's processors: all of its figures are taken to grow alike."""
    if factor <= NOTICED:
        return timing
    p50, p95, p99 = (None if known is None else known * factor for known in (timing.p50_ms, timing.p95_ms, timing.p99_ms))
    origin = f"{timing.origin}, ×{factor:.3g} for requests that share the processor"
    return replace(timing, mean_ms=timing.mean_ms * factor, p50_ms=p50, p95_ms=p95, p99_ms=p99, origin=origin)
