"""What a log says of live requests; and what in a log says nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from mldeploy.bench import live
from mldeploy.cost.values import Option
from mldeploy.errors import DeployError


def line(second: int, total_ms: float = 10.0, **fields: Any) -> str:
    """A request's line as `handlers/log.py` and `handlers/account.py` write it."""
    record = {
        "ts": f"2026-11-21T09:{second // 60:02d}:{second % 60:02d}.500Z",
        "level": "info",
        "model": "digits",
        "stage": "dev",
        "ms_queue": 2.0,
        "ms_decode": 0.5,
        "ms_infer": total_ms - 3,
        "ms_encode": 0.5,
        "ms_total": total_ms,
        "event": "request",
        "status": 200,
        "bytes_in": 100,
        "bytes_out": 40,
        "start": "warm",
    }
    return json.dumps({**record, **fields})


def test_times_and_traffic() -> None:
    lines = [line(second, 10.0 + second) for second in range(41)]
    lines.insert(0, json.dumps({"ts": "2026-11-21T08:59:59.000Z", "event": "loaded", "ms_load": 250.0}))
    lines[1] = line(0, 10.0, start="cold")
    found = live.observe(lines)
    assert found.requests == 41
    assert found.per_hour == pytest.approx(3600)  # 40 gaps of a second
    assert found.timing.mean_ms == pytest.approx(30)
    assert found.timing.p50_ms == pytest.approx(30)
    assert found.timing.p95_ms == pytest.approx(48)
    assert found.timing.cpu_ms == pytest.approx(28)  # what was not waited for others
    assert found.timing.start_ms == 250
    assert found.timing.is_measured
    assert "41 live requests" in found.timing.origin
    assert found.cold_share == pytest.approx(1 / 41)
    assert found.hours[9] == 41
    assert sum(found.hours) == 41
    assert (found.bytes_in, found.bytes_out) == (100, 40)


@pytest.mark.parametrize(
    "other",
    [
        "START RequestId: 1 Version: 3",
        "",
        "{",
        '{"event": "request"}',
        "[1]",
        line(5, 99999, status=500),
        line(5, 99999, status=429),
        line(5, 99999, event="object skipped"),
        line(5, -1.0),
        line(5, ms_total="NaN"),
        line(5, ms_total=float("inf")),
        line(5, ms_total=None),
        line(5, 99999, ts="yesterday"),
        line(5, 99999, ts=17),
        line(5, 99999, bytes_in="many"),
        json.dumps({key: value for key, value in json.loads(line(5, 99999)).items() if key != "ms_infer"}),
        '{"event": "loaded", "ms_load": "soon"}',
    ],
)
def test_other_lines_are_passed_over(other: str) -> None:
    plain = [line(second) for second in range(30)]
    assert live.observe([*plain[:15], other, *plain[15:]]) == live.observe(plain)


def test_members_may_come_as_floats_and_in_any_order() -> None:
    """Some platforms parse JSON lines and write them anew."""
    plain = [line(second) for second in range(30)]
    anew = [json.dumps({**json.loads(text), "status": 200.0, "bytes_in": 100.0}, sort_keys=True) for text in plain]
    assert live.observe(anew) == live.observe(plain)


def test_too_few_say_nothing() -> None:
    with pytest.raises(DeployError, match="19 answered predictions, and at least 20"):
        live.observe(line(second) for second in range(19))
    with pytest.raises(DeployError, match="0 answered"):
        live.observe([])


def test_a_burst_within_one_moment_is_no_division_by_zero() -> None:
    assert live.observe([line(7)] * 30).per_hour == pytest.approx(29 * 3600)


class Driver:
    """Stands in for a provider's driver: its log alone."""

    def logs(self, *, follow: bool, since_s: float | None, tail: int | None) -> Iterator[str]:
        assert (follow, since_s, tail) == (False, 3600.0, None)
        return (line(second) for second in range(30))


def test_a_deployments_log_becomes_a_measurement_at_its_size() -> None:
    seen = live.read(Driver(), 3600.0)  # type: ignore[arg-type]
    sweep = live.as_sweep(seen, Option("here", "small", 512, 0.25), "f" * 64, "digits")
    (point,) = sweep.points
    assert (point.provider, point.memory_mb, point.cpu, point.p95_ms, point.requests) == ("here", 512, 0.25, 10, 30)
    assert sweep.date == "2026-11-21"
    assert "live" in sweep.machine
