"""The order of estimates, the front, and the choice on each cloud, over estimates made by hand."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mldeploy.cost import choice, ranking
from mldeploy.cost.billing import Bill, Line
from mldeploy.cost.book import Meter, Rate, Source, Tier
from mldeploy.cost.estimate import Estimate
from mldeploy.cost.values import Option, Product, Quantity, Scaling, Timing, Usage

SOURCE = Source("toy", "The label on the box", "https://example.org", "2026-11-21", "page")
RATE = Rate(Meter("toys", "toys", "toy"), "nursery", (Tier(None, Decimal(1)),), SOURCE)
ZERO = Decimal(0)


def made(
    total: str | None = "1",
    p95_ms: float | None = 100.0,
    carbon: float | None = None,
    cloud: str = "toy",
    memory_mb: int = 512,
    **more: Any,
) -> Estimate:
    """An estimate of so many dollars."""
    product = more.pop("product", Product("toys", "Toys", Scaling("request")))
    timing = None if p95_ms is None else Timing(50.0, 50.0, 400.0, "made up", p95_ms=p95_ms)
    usage = Usage(Decimal(1000), ZERO, ZERO, ZERO, Decimal(more.pop("cold", 0)), 1, 0.1)
    lines = () if total is None else (Line(Quantity("toys", Decimal(total)), RATE, ZERO, ZERO, Decimal(1), Decimal(total)),)
    bill = Bill(lines, ("requests",) if total is None else ())
    option = Option(cloud, product.key, memory_mb, memory_mb / 1769)
    return Estimate(cloud, cloud.title(), product, option, "nursery", timing, usage, bill, carbon, more.pop("problem", ""))


SHOWN = Product("shown", "For show", Scaling("request"), is_deployable=False, note="no containers")


def test_orders() -> None:
    cheap, quick, clean = made("1", 300, 9.0), made("3", 50, 5.0), made("2", 100, 1.0)
    every = [quick, clean, cheap]
    assert ranking.ranked(every) == (cheap, clean, quick)
    assert ranking.ranked(every, "latency") == (quick, clean, cheap)
    assert ranking.ranked(every, "carbon") == (clean, quick, cheap)


def test_of_regions_that_cost_the_same_the_cleaner_grid_comes_first() -> None:
    dirty, clean = made("1", 100, 9.0, cloud="a"), made("1", 100, 1.0, cloud="b")
    assert ranking.ranked([dirty, clean]) == (clean, dirty)


@pytest.mark.parametrize("order", ranking.ORDERS)
def test_what_is_not_known_comes_last(order: ranking.Order) -> None:
    known, unknown, impossible = made("900", 900, 900.0), made(None, 1, 1.0), made("1", 1, 1.0, problem="out of memory")
    assert ranking.ranked([unknown, impossible, known], order)[0] == known


def test_an_unknown_latency_or_grid_comes_after_a_known_one() -> None:
    blind = made("1", None, None)
    assert ranking.ranked([blind, made("2", 900)], "latency")[-1] == blind
    assert ranking.ranked([blind, made("2", 900, 900.0)], "carbon")[-1] == blind


def test_cold_starts_count_once_they_reach_the_95th_percentile() -> None:
    assert ranking.latency_ms(made(p95_ms=100, cold=50)) == 100
    assert ranking.latency_ms(made(p95_ms=100, cold=51)) == 500
    assert ranking.latency_ms(made(p95_ms=None)) is None


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(1, 9)), min_size=1))
def test_the_front_is_what_nothing_beats(pairs: list[tuple[int, int]]) -> None:
    every = [made(str(total), float(p95)) for total, p95 in pairs]
    front = ranking.front(every)

    def beats(one: Estimate, other: Estimate) -> bool:
        figures = [(float(e.total or 0), ranking.latency_ms(e) or 0.0) for e in (one, other)]
        return figures[0] != figures[1] and all(a <= b for a, b in zip(*figures, strict=True))

    assert not any(beats(one, other) for one in every for other in front)
    wanted = {(e.total, ranking.latency_ms(e)) for e in every if not any(beats(one, e) for one in every)}
    assert [(e.total, ranking.latency_ms(e)) for e in front] == sorted(wanted)


def test_what_cannot_be_deployed_or_priced_is_on_no_front() -> None:
    assert ranking.front([made("0", 1, product=SHOWN), made(None, 1), made("0", 1, problem="too slow"), made("0", None)]) == ()


def test_the_cheapest_within_the_goal_of_each_cloud() -> None:
    slow, fits, fast = made("1", 400), made("2", 300), made("3", 100)
    other = made("1.50", 200, cloud="other")
    assert [c.estimate for c in choice.choose([slow, fits, fast, other], 300)] == [other, fits]
    assert [c.estimate for c in choice.choose([slow, fits, fast, other])] == [slow, other]
    assert [c.estimate for c in choice.choose([slow, fits, fast], order="latency")] == [fast]


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ([made("1", 400), made("1", 350, memory_mb=1024)], "none is within 300 ms: the fastest, 1,024 MB, takes 350 ms"),
        ([made("1", 100, cold=900)], "takes 500 ms, as more than 5 % of the requests meet a cold start"),
        ([made("1", None)], "no latency is known; measure it: mldeploy bench --sweep"),
        ([made(None)], "the price is not known in nursery: no rate for requests"),
        ([made("1", 1, problem="out of memory")], "out of memory"),
        ([made("1", 1, product=SHOWN)], "nothing here can be deployed"),
    ],
)
def test_a_cloud_without_a_choice_says_why(found: list[Estimate], said: str) -> None:
    (only, best) = choice.choose([*found, made("9", 9, cloud="other")], 300)[::-1]
    assert best.estimate is not None
    assert only.estimate is None
    assert only.reason.endswith(said)
