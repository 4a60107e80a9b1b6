"""Traffic curves: how a week's requests are spread over its 168 hours, Monday 00:00 first, as relative rates with mean 1.

    24 numbers (the same on all days) · 168 numbers · "1,2,…" · a bell  ─parse─▶ 168 relative rates
    spec.workload ─workload_of─▶ Workload

Only proportions count: 24 times 7 is the same curve as 24 times 1. A bell is a day's rise and fall around its busiest hour:

    rate(hour) = night + (1 − night) · cos²(π · distance / width), distance < width / 2, else night; at weekends × weekend
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import cos, isfinite, pi
from typing import Any

from mldeploy.cost.book import PriceError, nearest
from mldeploy.cost.values import SECONDS_PER_MONTH
from mldeploy.cost.workload import HOURS_PER_WEEK, Workload
from mldeploy.spec.loaded import LoadedSpec

HOURS_PER_DAY = 24
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
FIX = "write 24 numbers (a day) or 168 (a week, Monday 00:00 first), or a bell such as {peak_hour: 14, width_h: 12, night: 0.1}"


@dataclass(frozen=True, slots=True)
class Bell:
    """Each day alike, but for the weekend."""

    peak_hour: float
    width_h: float = 12.0
    night: float = 0.0
    weekend: float = 1.0


def workload_of(loaded: LoadedSpec) -> Workload | None:
    """What the spec says of its traffic; None when it has no `workload:`."""
    written = loaded.spec.workload
    if written is None:
        return None
    curve = written.curve
    shape = parse(curve if curve is None or isinstance(curve, list) else curve.model_dump())
    return Workload(
        requests=monthly(written.peak_per_s or 0, shape) if written.requests is None else Decimal(str(written.requests)),
        shape=shape,
        duration_ms=written.duration_ms,
        cpu_ms=written.cpu_ms,
        bytes_in=written.bytes_in,
        bytes_out=written.bytes_out,
        cold_share=written.cold_share,
        log_bytes=written.log_bytes,
    )


def monthly(peak_per_s: float, shape: Sequence[float]) -> Decimal:
    """Requests a month of a curve whose busiest hour has `peak_per_s`; a whole number of them, but never none."""
    return max(Decimal(1), round(Decimal(str(peak_per_s)) * SECONDS_PER_MONTH / Decimal(str(max(shape)))) * Decimal(1))


def parse(value: object) -> tuple[float, ...]:
    """The curve that `value` describes. Raises PriceError that says which hour is wrong, and how."""
    if value is None:
        return (1.0,) * HOURS_PER_WEEK
    if isinstance(value, str):
        value = [part.strip() or None for part in value.split(",")]
    if isinstance(value, Mapping):
        return _normal(_week_of(_bell(value)))
    if isinstance(value, Sequence):
        return _normal(_hours(value))
    raise PriceError(f"curve: {value!r} is no traffic curve", FIX)


def _hours(value: Sequence[Any]) -> list[float]:
    count = len(value)
    if count not in (HOURS_PER_DAY, HOURS_PER_WEEK):
        raise PriceError(f"curve: it has {count} numbers, so that some hours have none or several", FIX)
    rates = [_rate(part, _named(hour, count)) for hour, part in enumerate(value)]
    return rates if count == HOURS_PER_WEEK else rates * len(DAYS)


def _rate(part: object, where: str) -> float:
    if part is None:
        raise PriceError(f"curve: there is a gap at {where}", "write 0 where nothing is asked")
    try:
        rate = float(part) if isinstance(part, (int, float, str)) and not isinstance(part, bool) else float("nan")
    except (ValueError, OverflowError):
        rate = float("nan")
    if not isfinite(rate):
        raise PriceError(f"curve: {part!r} at {where} is no number", FIX)
    if rate < 0:
        raise PriceError(f"curve: {part} at {where} is negative", "write 0 where nothing is asked")
    return rate


def _named(hour: int, count: int) -> str:
    day = DAYS[hour // HOURS_PER_DAY] + " " if count == HOURS_PER_WEEK else ""
    return f"{day}{hour % HOURS_PER_DAY:02}:00"


def _bell(value: Mapping[str, Any]) -> Bell:
    known = Bell.__dataclass_fields__
    for key, number in value.items():
        if key not in known:
            raise PriceError(f"curve: a bell has no '{key}'", nearest(str(key), known))
        if isinstance(number, bool) or not isinstance(number, (int, float)) or not isfinite(number):
            raise PriceError(f"curve.{key}: {number!r} is no number", FIX)
    if "peak_hour" not in value:
        raise PriceError("curve: a bell needs its peak_hour", FIX)
    bell = Bell(**value)
    bounds = {"peak_hour": (0, 24), "width_h": (1, 24), "night": (0, 1), "weekend": (0, 100)}
    for key, (low, high) in bounds.items():
        if not low <= getattr(bell, key) <= high:
            raise PriceError(f"curve.{key}: {getattr(bell, key)} is not between {low} and {high}", FIX)
    return bell


def _week_of(bell: Bell) -> list[float]:
    day = []
    for hour in range(HOURS_PER_DAY):
        # The middle of the hour stands for it; the way to the peak may lead over midnight.
        apart = abs(hour + 0.5 - bell.peak_hour)
        distance = min(apart, HOURS_PER_DAY - apart)
        rise = cos(pi * distance / bell.width_h) ** 2 if distance < bell.width_h / 2 else 0.0
        day.append(bell.night + (1 - bell.night) * rise)
    return day * 5 + [rate * bell.weekend for rate in day] * 2


def _normal(rates: list[float]) -> tuple[float, ...]:
    largest = max(rates)
    if largest <= 0:
        raise PriceError("curve: it is zero in every hour", FIX)
    # By the largest first, so that no sum overflows.
    scaled = [rate / largest for rate in rates]
    mean = sum(scaled) / len(scaled)
    return tuple(rate / mean for rate in scaled)
