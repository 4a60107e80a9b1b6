"""What a live deployment's own log says of its requests: how long they take, how many an hour. Provider-neutral.

    driver.logs(…) ─lines─▶ observe ─▶ Live ─as_sweep(the deployed option)─▶ Sweep of one point ─▶ cost.timing.Measured

Only the runtime's structured lines of answered predictions count; all else in a log is passed over. The times are those of the
runtime: what a platform's own front adds is not in its log. Of a cold start only the model's loading is known, which is a part
of it. Processor time is taken to be all the time that was not spent in the queue, which is at least that.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from mldeploy.bench.stats import percentile
from mldeploy.cost.measurements import Point, Sweep
from mldeploy.cost.values import Option, Timing
from mldeploy.errors import DeployError
from mldeploy.providers.contract import Driver

LEAST_REQUESTS = 20
"""Fewer say nothing of a 95th percentile."""
HOURS_PER_DAY = 24


@dataclass(frozen=True, slots=True)
class Live:
    """What was seen from `since` to `until`. `per_hour` are requests an hour over that time; `hours` has how many came in each
    hour of the day (UTC), summed over the days. `cold_share` is the part of them that met a cold start."""

    timing: Timing
    requests: int
    per_hour: float
    since: str
    until: str
    cold_share: float
    hours: tuple[int, ...]
    bytes_in: float
    bytes_out: float


@dataclass(slots=True)
class _Seen:
    """What accumulates while the log is read; bounded by 16 bytes a request."""

    total_ms: array[float] = field(default_factory=lambda: array("d"))
    own_ms: array[float] = field(default_factory=lambda: array("d"))
    loads_ms: list[float] = field(default_factory=list)
    hours: list[int] = field(default_factory=lambda: [0] * HOURS_PER_DAY)
    cold: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    first: datetime | None = None
    last: datetime | None = None


def observe(lines: Iterable[str]) -> Live:
    """Read a log, oldest line first or not. Raises DeployError when too few predictions are in it to say anything."""
    seen = _Seen()
    for line in lines:
        if line.startswith("{"):
            _take(seen, line)
    count = len(seen.total_ms)
    if count < LEAST_REQUESTS or seen.first is None or seen.last is None:
        raise DeployError(
            f"the log has {count} answered predictions, and at least {LEAST_REQUESTS} are needed to say how long one takes",
            "look further back, send some with mldeploy bench, or measure: mldeploy bench --sweep",
        )
    # N requests span N − 1 gaps; a second at least, as the log's clock is all that tells.
    hours = max((seen.last - seen.first).total_seconds(), 1.0) / 3600
    return Live(
        timing=_timing(seen),
        requests=count,
        per_hour=(count - 1) / hours,
        since=seen.first.isoformat(timespec="seconds"),
        until=seen.last.isoformat(timespec="seconds"),
        cold_share=seen.cold / count,
        hours=tuple(seen.hours),
        bytes_in=seen.bytes_in / count,
        bytes_out=seen.bytes_out / count,
    )


def read(driver: Driver, since_s: float | None) -> Live:
    """What the log of a deployment says, back to `since_s` ago. Raises DeployError, or what the driver raises."""
    return observe(driver.logs(follow=False, since_s=since_s, tail=None))


def as_sweep(live: Live, option: Option, fingerprint: str, name: str) -> Sweep:
    """What was seen live, as a measurement at the one size that is deployed: larger ones are no slower."""
    timing = live.timing
    point = Point(
        option.provider,
        option.product,
        option.memory_mb,
        option.cpu,
        mean_ms=timing.mean_ms,
        p50_ms=timing.p50_ms,
        p95_ms=timing.p95_ms,
        p99_ms=timing.p99_ms,
        cpu_ms=timing.cpu_ms,
        start_ms=timing.start_ms,
        requests=live.requests,
    )
    return Sweep(fingerprint, name, live.until[:10], f"live on {option.provider}", timing.origin, (point,))


def _take(seen: _Seen, line: str) -> None:
    """Count a line; one that is not whole, or of another kind, is passed over."""
    try:
        record: dict[str, Any] = json.loads(line)
        if record["event"] == "loaded":
            seen.loads_ms.append(_time(record["ms_load"]))
        if record["event"] != "request" or record["status"] != 200 or "ms_infer" not in record:
            return
        total_ms, queue_ms = _time(record["ms_total"]), _time(record.get("ms_queue", 0))
        at = datetime.fromisoformat(record["ts"]).astimezone(UTC)
        received, sent = int(record.get("bytes_in", 0)), int(record.get("bytes_out", 0))
        seen.first = at if seen.first is None else min(seen.first, at)
        seen.last = at if seen.last is None else max(seen.last, at)
    except (ValueError, KeyError, TypeError):
        return
    seen.total_ms.append(total_ms)
    seen.own_ms.append(max(0.0, total_ms - queue_ms))
    seen.hours[at.hour] += 1
    seen.cold += record.get("start") == "cold"
    seen.bytes_in += received
    seen.bytes_out += sent


def _time(value: Any) -> float:
    """Milliseconds. Raises ValueError or TypeError for what is none."""
    number = float(value)
    if not 0 <= number < float("inf"):
        raise ValueError(f"{value!r} is no time")
    return number


def _timing(seen: _Seen) -> Timing:
    ordered = sorted(seen.total_ms)
    count = len(ordered)
    span = f"{seen.first:%Y-%m-%d %H:%M} to {seen.last:%Y-%m-%d %H:%M} UTC"
    return Timing(
        mean_ms=sum(ordered) / count,
        cpu_ms=sum(seen.own_ms) / count,
        start_ms=sum(seen.loads_ms) / len(seen.loads_ms) if seen.loads_ms else 0.0,
        origin=f"{count:,} live requests, {span}, the runtime's own times",
        p50_ms=percentile(ordered, 50),
        p95_ms=percentile(ordered, 95),
        p99_ms=percentile(ordered, 99),
        is_measured=True,
    )
