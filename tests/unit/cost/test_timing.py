"""What a measurement says of a size: never faster than what was seen, and nothing where nothing was seen."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mldeploy.cost.measurements import Point, Sweep
from mldeploy.cost.timing import Given, Measured, slowed, under_load
from mldeploy.cost.values import Option, Timing

POINTS = (
    Point("toy", "small", 256, 0.14, is_out_of_memory=True, peak_memory_mb=256),
    Point("toy", "small", 512, 0.29, 100, 90, 140, 160, 29, 2000, 300, 60),
    Point("toy", "small", 1769, 1.0, 30, 29, 35, 40, 29, 1200, 310, 60, busy_ms=33),
    Point("other", "run", 1024, 1.0, 32, 30, 36, 42, 29, 1300, 305, 60),
    Point("toy", "small", 3538, 2.0, 20, 19, 25, 30, 29, 1100, 320, 60),
)
SWEEP = Sweep("f00", "digits", "2026-11-21", "4 cores", "in Docker", POINTS)


def option(memory_mb: int, cpu: float) -> Option:
    return Option("any", "any", memory_mb, cpu)


@pytest.mark.parametrize(
    ("memory_mb", "cpu", "mean_ms"),
    [
        (512, 0.29, 100),
        (900, 0.51, 100),  # between two shares: the smaller
        (1769, 1.0, 32),  # two points at this share: the slower
        (2048, 1.0 - 1e-9, 32),  # the same share but for its last digits
        (3538, 2.0, 20),
        (10240, 5.8, 20),  # beyond the largest: what that one did
    ],
)
def test_the_nearest_share_at_or_below(memory_mb: int, cpu: float, mean_ms: float) -> None:
    found = Measured(SWEEP).at(option(memory_mb, cpu))
    assert found is not None
    assert found.mean_ms == mean_ms
    assert found.is_measured
    assert "measured 2026-11-21, in Docker" in found.origin
    assert Measured(SWEEP).problem(option(memory_mb, cpu)) == ""


def test_a_share_that_was_not_measured_is_told() -> None:
    found = Measured(SWEEP).at(option(900, 0.51))
    assert found is not None
    assert found.origin.endswith("0.29 vCPU (the nearest share below 0.51)")


@pytest.mark.parametrize(
    ("memory_mb", "cpu", "problem"),
    [
        (256, 2.0, "out of memory: it ran out with 256 MB"),
        (128, 2.0, "out of memory"),
        (300, 1.0, "not measured with less than 512 MB"),
        (512, 0.2, "not measured on less than 0.29 vCPU"),
    ],
)
def test_what_is_not_known_says_why(memory_mb: int, cpu: float, problem: str) -> None:
    assert Measured(SWEEP).at(option(memory_mb, cpu)) is None
    assert problem in Measured(SWEEP).problem(option(memory_mb, cpu))


def test_a_sweep_in_which_nothing_worked() -> None:
    failed = replace(SWEEP, points=POINTS[:1])
    assert Measured(failed).at(option(4096, 4.0)) is None
    assert "no size that works" in Measured(failed).problem(option(4096, 4.0))


def test_what_was_given_holds_for_every_size() -> None:
    small, large = Given(120, 60, 900).at(option(128, 0.1)), Given(120, 60, 900).at(option(10240, 6.0))
    assert small == large == Timing(120, 60, 900, "as given, the same at every size")
    assert Given(120).at(option(128, 0.1)) == Timing(120, 120, 0, "as given, the same at every size")


class TestUnderLoad:
    QUIET = Timing(20, 10, 1000, "", 19, 25, 30, busy_ms=100)

    def test_seldom_asked_it_is_as_fast_as_at_rest(self) -> None:
        assert under_load(self.QUIET, 0.0001).mean_ms == pytest.approx(20, rel=1e-3)
        assert under_load(self.QUIET, 0.0001).p99_ms == 30

    def test_one_request_in_two_finds_its_share_used_up(self) -> None:
        found = under_load(self.QUIET, 10.0)  # 10 × 0.1 s: a load of one
        assert found.mean_ms == pytest.approx(60)
        assert (found.p50_ms, found.p95_ms, found.p99_ms) == (100, 100, 100)

    def test_percentiles_rise_one_by_one(self) -> None:
        found = under_load(self.QUIET, 0.2)  # about one in fifty
        assert (found.p50_ms, found.p95_ms, found.p99_ms) == (19, 25, 100)

    def test_what_is_not_slower_when_busy_stays(self) -> None:
        assert under_load(replace(self.QUIET, busy_ms=15.0), 100.0) == replace(self.QUIET, busy_ms=15.0)
        assert under_load(replace(self.QUIET, busy_ms=None), 100.0) == replace(self.QUIET, busy_ms=None)


class TestSlowed:
    ALONE = Timing(20, 20, 1000, "as given", p95_ms=30, busy_ms=25)

    def test_every_figure_of_a_request_grows_and_the_origin_says_so(self) -> None:
        found = slowed(self.ALONE, 1.5)
        assert (found.mean_ms, found.p50_ms, found.p95_ms, found.p99_ms) == (30, None, 45, None)
        assert found.origin == "as given, ×1.5 for requests that share the processor"
        assert (found.cpu_ms, found.start_ms, found.busy_ms) == (20, 1000, 25)  # what is shared, and what is not

    def test_what_nobody_notices_is_not_told(self) -> None:
        assert slowed(self.ALONE, 1.0) == slowed(self.ALONE, 1.004) == self.ALONE
