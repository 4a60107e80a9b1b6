"""From values to places on paper, and the round values that an axis names."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scale:
    """Values from `low` to `high` along the places from `start` to `end`; a value outside is drawn at the nearer end."""

    low: float
    high: float
    start: float
    end: float
    is_log: bool = False

    def at(self, value: float) -> float:
        value = min(max(value, self.low), self.high)
        low, high, value = (math.log10(each) if self.is_log else each for each in (self.low, self.high, value))
        return self.start + (value - low) / ((high - low) or 1.0) * (self.end - self.start)


def ticks(low: float, high: float) -> list[float]:
    """Round values 1, 2, 5 · 10ⁿ on a logarithmic axis, within and just around [low, high]."""
    first, last = math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 1
    every = [step * 10.0**power for power in range(first, last + 1) for step in (1, 2, 5)]
    inner = [value for value in every if low <= value <= high]
    below = max((value for value in every if value <= low), default=every[0])
    above = min((value for value in every if value >= high), default=every[-1])
    return sorted({below, *inner, above})


def log_ticks(low: float, high: float, most: int) -> list[float]:
    """Round values within [low, high] of a logarithmic axis, as dense as `most` allows: 1, 2, 5 · 10ⁿ, or every n-th power."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    powers = [10.0**power for power in range(first, last + 1)]
    every = [[step * power for power in powers for step in (1, 2, 5)]]
    every += [[10.0**power for power in range(first, last + 1) if power % step == 0] for step in range(1, 20)]
    inner = [[value for value in values if low <= value <= high] for values in every]
    return next((values for values in inner if len(values) <= most), inner[-1])


def linear_ticks(high: float, parts: int = 4) -> list[float]:
    """0 to just above `high` in round steps, about `parts` of them."""
    if high <= 0:
        return [0.0, 1.0]
    raw = high / parts
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= raw)
    return [step * number for number in range(math.ceil(high / step) + 1)]
