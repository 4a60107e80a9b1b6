"""`workload:` in a spec: what it becomes, and every mistake with its place."""

from __future__ import annotations

from decimal import Decimal

import pytest

from mldeploy.cost.curve import workload_of
from mldeploy.cost.values import SECONDS_PER_MONTH

MINIMAL = "version: 1\nname: digits\nmodel:\n  path: model.onnx\n"


def test_without_it_nothing_is_said_of_the_traffic(load) -> None:
    assert workload_of(load(MINIMAL)) is None


def test_requests_a_month(load) -> None:
    written = (
        "workload: {requests: 3e6, duration_ms: 120, cpu_ms: 100, bytes_in: 5, bytes_out: 6, cold_share: 0.01, log_bytes: 7}\n"
    )
    workload = workload_of(load(MINIMAL + written))
    assert workload is not None
    assert workload.requests == 3_000_000
    assert set(workload.shape) == {1.0}
    assert (workload.duration_ms, workload.cpu_ms, workload.cold_share) == (120, 100, 0.01)
    assert (workload.bytes_in, workload.bytes_out, workload.log_bytes) == (5, 6, 7)


def test_a_peak_and_a_curve_make_a_month(load) -> None:
    day = [0] * 12 + [2] * 6 + [1] * 6
    workload = workload_of(load(MINIMAL + f"workload: {{peak_per_s: 10, curve: {day}}}\n"))
    assert workload is not None
    assert workload.peak_per_s == pytest.approx(10)
    # A quarter of the day at 10, a quarter at 5.
    assert workload.requests == pytest.approx(Decimal(SECONDS_PER_MONTH * 15) / 4, abs=1)


def test_a_stage_may_have_traffic_of_its_own(load) -> None:
    text = MINIMAL + "workload: {requests: 1000}\nstages: {prod: {workload: {requests: null, peak_per_s: 1}}}\n"
    prod = workload_of(load(text, "prod"))
    assert prod is not None
    assert prod.requests == SECONDS_PER_MONTH
    base = workload_of(load(text))
    assert base is not None
    assert base.requests == 1000


@pytest.mark.parametrize(
    ("section", "path", "message", "fix"),
    [
        ("{requests: 0}", "workload.requests", "0 is not above 0", "above 0"),
        ("{requests: -5}", "workload.requests", "-5 is not above 0", "above 0"),
        ("{requests: 3M}", "workload.requests", "found the text '3M'", "number"),
        ("{requests: 1e30}", "workload.requests", "above the largest value", "or less"),
        ("{requests: .inf}", "workload.requests", "found the text '.inf'", "number"),
        ("{bytes_in: 5}", "workload", "says nothing of how many requests", "`requests:`"),
        ("{requests: 5, peak_per_s: 5}", "workload.peak_per_s", "says again", "delete one"),
        ("{requests: 5, curve: [1, 2, 3]}", "workload.curve", "has 3 numbers", "24 (a day)"),
        (f"{{requests: 5, curve: {[0] * 24}}}", "workload.curve", "zero in every hour", "what part"),
        (f"{{requests: 5, curve: {[1] * 23 + [-1]}}}", "workload.curve.23", "-1 is below the smallest value", "0 or more"),
        ("{requests: 5, curve: {peak_hour: 25}}", "workload.curve.peak_hour", "25 is above", "or less"),
        ("{requests: 5, curve: {width_h: 5}}", "workload.curve.peak_hour", "is missing", "peak_hour"),
        ("{requests: 5, curve: {peak_hour: 5, nigth: 1}}", "workload.curve.nigth", "did you mean 'night'?", "night"),
        ("{requests: 5, cpu_ms: 5}", "workload.cpu_ms", "stands alone", "`duration_ms:`"),
        ("{requests: 5, duration_ms: 5, cpu_ms: 6}", "workload.cpu_ms", "6 does not fit into duration_ms 5", "what part"),
        ("{requests: 5, cold_share: 1.5}", "workload.cold_share", "1.5 is above the largest value, 1", "or less"),
        ("{request: 5}", "workload.request", "did you mean 'requests'?", "requests"),
    ],
)
def test_mistakes(faults, section: str, path: str, message: str, fix: str) -> None:
    found = [each for each in faults(MINIMAL + f"workload: {section}\n") if each.path == path]
    assert len(found) == 1
    assert found[0].line == 5
    assert message in found[0].message
    assert fix in found[0].fix


def test_a_gap_is_told_by_its_hour(faults) -> None:
    hours = ", ".join(["1"] * 5 + ["null"] + ["1"] * 18)
    found = faults(MINIMAL + f"workload: {{requests: 5, curve: [{hours}]}}\n")
    assert [each.path for each in found] == ["workload.curve.5"]
    assert "found nothing" in found[0].message
