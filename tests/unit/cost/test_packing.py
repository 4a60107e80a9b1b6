"""The packing's own rules: rounding, kept instances, places, ends of the scale. The simulation is in test_simulation."""

from __future__ import annotations

import math
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mldeploy.cost import packing
from mldeploy.cost.curve import parse
from mldeploy.cost.erlang import blocking, peakedness
from mldeploy.cost.values import SECONDS_PER_MONTH, Option, Scaling, Timing
from mldeploy.cost.workload import Workload, spread

OPTION = Option("toy", "toy", 1024, 1.0)
BILLINGS = ("request", "active", "instance")


def timing(mean_ms: float, cpu_ms: float | None = None, start_ms: float = 0.0) -> Timing:
    return Timing(mean_ms, mean_ms if cpu_ms is None else cpu_ms, start_ms, "given")


@pytest.mark.parametrize(
    ("scaling", "mean_ms", "billed_ms"),
    [
        (Scaling("request"), 120.0, 120),
        (Scaling("request"), 120.2, 121),
        (Scaling("request", minimum_ms=100), 12.0, 100),
        (Scaling("active", 100), 200.0, 200),
        (Scaling("active", 100), 201.0, 300),
        (Scaling("active", 100), 700.0, 700),
        (Scaling("active", 100, 1000), 130.0, 1000),
        (Scaling("active", 100, 1000), 1001.0, 1100),
    ],
)
def test_a_request_alone_is_rounded_exactly(scaling: Scaling, mean_ms: float, billed_ms: int) -> None:
    usage = packing.usage(Workload(Decimal(3_000_000)), OPTION, scaling, timing(mean_ms))
    assert usage.billed_s == Decimal(3_000_000) * billed_ms / 1000
    assert usage.kept_active_s == usage.kept_idle_s == 0


def test_cold_starts_are_billed_where_the_product_bills_them() -> None:
    workload = Workload(Decimal(1000), cold_share=0.01)
    with_start = packing.usage(workload, OPTION, Scaling("request"), timing(100, start_ms=2000))
    without = packing.usage(workload, OPTION, Scaling("request", is_start_billed=False), timing(100, start_ms=2000))
    assert with_start.cold_starts == without.cold_starts == 10
    assert (with_start.billed_s, without.billed_s) == (Decimal(120), Decimal(100))


def test_rare_requests_all_start_cold_and_never_more_than_all() -> None:
    rare = packing.usage(Workload(Decimal(30)), OPTION, Scaling("request", keep_s=300), timing(100))
    assert 29.5 < rare.cold_starts <= 30
    assert packing.usage(Workload(Decimal(1)), OPTION, Scaling("request"), timing(100)).cold_starts <= 1


@pytest.mark.parametrize(
    ("concurrency", "cpu", "mean_ms", "cpu_ms", "expected"),
    [
        (1, 4.0, 100, 10, 1),  # it takes one at a time, whatever it could
        (80, 1.0, 100, 100, 1),  # a request uses its whole processor
        (80, 2.0, 60, 60, 2),  # one request a processor
        (80, 1.0, 100, 20, 5),  # four fifths of the time it waits for something else
        (80, 1.0, 100, 40, 2.5),
        (4, 1.0, 100, 20, 4),
        (80, 0.29, 100, 29, 1),  # throttled: 29 ms of work take 100 ms
        (80, 0.25, 100, 100, 1),  # one alone takes the time that was given for it
        (80, 1.0, 100, 0, 80),
    ],
)
def test_processors(concurrency: int, cpu: float, mean_ms: float, cpu_ms: float, expected: float) -> None:
    found = packing.processors(Option("toy", "toy", 1024, cpu, concurrency), timing(mean_ms, cpu_ms))
    assert found == pytest.approx(expected)


def test_instances_that_are_always_there_count_as_kept() -> None:
    usage = packing.usage(Workload(Decimal(1)), OPTION, Scaling("instance", always=1, keep_s=60), timing(100))
    assert usage.kept_active_s + usage.kept_idle_s == SECONDS_PER_MONTH
    assert usage.peak_instances == 1
    assert usage.billed_s < 1
    assert float(usage.kept_active_s) == pytest.approx(0.1, rel=0.01)


def test_what_max_instances_turn_away() -> None:
    busy = Workload(Decimal(100 * SECONDS_PER_MONTH))  # 100 a second, each 100 ms: 10 at once
    alone = Scaling("active")

    def refused(most: int | None, concurrency: int = 1) -> float:
        return packing.refused(busy, Option("toy", "toy", 1024, 1.0, concurrency, max_instances=most), alone, timing(100))

    assert refused(40) < 1e-9
    assert refused(5) == pytest.approx(0.564, abs=0.001)
    assert refused(None) == 0
    # Room for ten in each, and a processor for one: five of them work off five, whatever waits in them.
    assert refused(5, 10) == pytest.approx(0.5, abs=0.001)
    assert refused(20, 10) < 1e-5
    # Of a Poisson variable with mean 10, 21 and more are seen for 0.16 % of the time, 22 for 0.07 %.
    assert 21 <= packing.usage(busy, OPTION, Scaling("request"), timing(100)).peak_instances <= 24


def test_the_curve_decides_the_peak() -> None:
    even = Workload(Decimal(10_000_000))
    peaked = Workload(Decimal(10_000_000), parse([0] * 12 + [1] * 2 + [0] * 10))
    scaling = Scaling("request", keep_s=300)
    assert peaked.peak_per_s == pytest.approx(12 * even.peak_per_s)
    low, high = (packing.usage(each, OPTION, scaling, timing(100)) for each in (even, peaked))
    assert high.peak_instances > 2 * low.peak_instances
    assert high.billed_s == low.billed_s  # each request is billed for itself


@pytest.mark.parametrize("billing", BILLINGS)
@pytest.mark.parametrize("concurrency", [1, 80])
@pytest.mark.parametrize("kept", [0, 3])
def test_absurd_magnitudes_stay_in_proportion(billing: str, concurrency: int, kept: int) -> None:
    option = Option("toy", "toy", 1024, float(concurrency), concurrency, kept)
    scaling = Scaling(billing, 100, keep_s=900)  # type: ignore[arg-type]
    shape = parse({"peak_hour": 14, "night": 0.1})
    low, high = (packing.usage(Workload(Decimal(n), shape), option, scaling, timing(120, 120, 2000)) for n in (10**15, 10**18))
    for usage in (low, high):
        for amount in (usage.billed_s, usage.kept_active_s, usage.kept_idle_s, usage.cold_starts):
            assert amount.is_finite()
            assert amount >= 0
    ratio = float(high.billed_s / low.billed_s)
    assert ratio == pytest.approx(1000, rel=0.01)
    assert high.kept_idle_s < Decimal(kept * SECONDS_PER_MONTH) / 1000 + 1
    is_by_request = billing == "request" or (billing == "active" and concurrency == 1)
    least = 10**18 * 0.2 if is_by_request else 10**18 * 0.12 / concurrency
    assert least <= float(high.billed_s) <= 2 * least
    assert high.peak_instances >= high.mean_instances


@given(
    requests=st.floats(1, 1e15),
    mean_ms=st.floats(0.1, 1e6),
    concurrency=st.integers(1, 200),
    cpu=st.floats(0.1, 200),
    kept=st.integers(0, 20),
    keep_s=st.floats(0, 3600),
    billing=st.sampled_from(BILLINGS),
)
@settings(max_examples=150, deadline=None)
def test_no_workload_breaks_it(
    requests: float, mean_ms: float, concurrency: int, cpu: float, kept: int, keep_s: float, billing: str
) -> None:
    option = Option("toy", "toy", 1024, cpu, concurrency, kept)
    scaling = Scaling(billing, 100, keep_s=keep_s)  # type: ignore[arg-type]
    usage = packing.usage(Workload(Decimal(requests)), option, scaling, timing(mean_ms, start_ms=500))
    work_s = requests * mean_ms / 1000
    assert usage.kept_active_s + usage.kept_idle_s == kept * SECONDS_PER_MONTH
    assert 0 <= usage.cold_starts <= usage.requests
    # Nothing is free: what is billed and kept holds at least the work, spread over all processors.
    assert float(usage.billed_s + usage.kept_active_s) >= work_s / min(concurrency, max(1, cpu)) * 0.9
    assert math.isfinite(usage.mean_instances)
    assert kept - 1e-6 <= usage.mean_instances <= usage.peak_instances + packing.RARELY
    assert 1 <= usage.slowdown <= concurrency / min(concurrency, max(1, cpu)) * 1.001


def test_more_traffic_never_costs_less() -> None:
    scaling = Scaling("instance", 100, keep_s=300)
    amounts = [
        packing.usage(Workload(Decimal(10) ** n * 3), OPTION, scaling, timing(80)).billed_s for n in range(1, 16)
    ]  # fmt: skip
    assert amounts == sorted(amounts)


def test_near_rates_are_taken_together_without_losing_a_request() -> None:
    shape = parse([1 + hour / 1000 for hour in range(168)])
    found = spread(shape)
    assert len(found.parts) == len(found.hours) == len(found.turns) <= 5
    assert sum(found.hours) == 168
    assert sum(part * hours for part, hours in zip(found.parts, found.hours, strict=True)) == pytest.approx(168)
    assert (found.peak, found.met) == (max(shape), pytest.approx(sum(rate * rate for rate in shape) / 168))


def test_hours_without_traffic_stay_apart() -> None:
    found = spread(parse([0] * 23 + [5]))
    assert (found.parts, found.hours) == ((0.0, 24.0), (161, 7))
    assert sorted(found.turns) == [(0, 1, 7), (1, 0, 7)]


def test_an_even_week_is_one_hour() -> None:
    assert spread(parse(None)) == (1.0, 1.0, (1.0,), (168,), ())


class TestErlang:
    """Against the recursion, which is exact, where the expansion is used."""

    @staticmethod
    def exact(servers: int, load: float) -> float:
        share = 1.0
        for busy in range(1, servers + 1):
            share = load * share / (busy + load * share)
        return share

    @pytest.mark.parametrize("load", [0.5, 5.0, 20.0, 100.0, 1000.0])
    def test_blocking(self, load: float) -> None:
        for servers in range(0, int(load + 10 * math.sqrt(load)) + 30, 7):
            assert blocking(servers, load) == pytest.approx(self.exact(servers, load), rel=0.008), servers

    def test_published_values(self) -> None:
        """The usual table of Erlang B: 10 servers carry 4.46 erlang at 1 %, 100 carry 84.1."""
        assert blocking(10, 4.46) == pytest.approx(0.01, rel=0.01)
        assert blocking(100, 84.1) == pytest.approx(0.01, rel=0.01)

    def test_ends_of_the_scale(self) -> None:
        assert blocking(0, 5) == 1
        assert blocking(3, 0) == 0
        assert blocking(10**6, 1e12) == pytest.approx(1 - 1e-6)
        assert blocking(1e10, 1e10) == pytest.approx(math.sqrt(2 / math.pi / 1e10), rel=1e-4)
        assert blocking(2e10, 1e10) == 0

    def test_overflow_of_nothing_is_poisson_and_of_something_comes_in_bursts(self) -> None:
        assert peakedness(0, 5.0, 5.0) == 1
        assert peakedness(10, 10.0, 10 * blocking(10, 10.0)) > 1.5
