"""How long a request takes on an option: as a person gave it, or as it was measured on a share of a processor.

    flags, spec.workload ─▶ Given    ─┐
    measurements.Sweep ───▶ Measured ─┴─at(option)─▶ Timing | None (problem(option) says why there is none)

A measurement is never stretched: an option takes the figures of the nearest measured share at or below its own, so that it is
never said to be faster than what was seen; below the smallest share, and where memory ran out, there is no figure at all.
"""

from __future__ import annotations

from typing import Protocol

from mldeploy.cost.measurements import Sweep
from mldeploy.cost.values import Option, Timing


class Timings(Protocol):
    def at(self, option: Option) -> Timing | None:
        """One request on `option`; None when that is not known or cannot be."""

    def problem(self, option: Option) -> str:
        """Why `at` has no answer."""


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
    """What a sweep saw, for the shares of a processor that it had."""

    def __init__(self, sweep: Sweep) -> None:
        self._sweep = sweep

    def at(self, option: Option) -> Timing | None:
        raise NotImplementedError

    def problem(self, option: Option) -> str:
        raise NotImplementedError
