"""Crossings of cost curves that are known in closed form."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from itertools import pairwise

import pytest

from mldeploy.cost.breakeven import HIGHEST, RATES, Cost, crossings, lowest, rates, wins_above


def line(fixed: str, per_request: str, free: int = 0) -> Cost:
    """A fixed part, then so much for each request beyond the free ones."""

    def cost(requests: Decimal) -> Decimal:
        return Decimal(fixed) + max(Decimal(0), requests - free) * Decimal(per_request)

    return cost


def test_a_fixed_price_meets_a_price_by_request_where_algebra_says() -> None:
    (found,) = crossings(line("0", "0.000002"), line("5", "0.000001"))
    assert (found.below, found.above) == ("a", "b")
    assert found.requests == 5_000_001  # at 5,000,000 both cost the same: the first rate at which b is ahead
    assert abs(found.usd - 10) < Decimal("0.00001")


def test_the_other_way_round_is_the_same_crossing() -> None:
    a, b = line("0", "0.000002"), line("5", "0.000001")
    (one,), (other,) = crossings(a, b), crossings(b, a)
    assert one.requests == other.requests
    assert (other.below, other.above) == ("b", "a")


def test_two_free_tiers_cross_twice() -> None:
    """b has the larger free tier and the higher price: the same up to a's tier, then b ahead, then a for good."""
    a, b = line("0", "0.000001", free=1_000_000), line("0", "0.000003", free=2_000_000)
    first, second = crossings(a, b)
    assert (first.below, first.above) == ("", "b")
    assert 1_000_000 < first.requests <= 1_000_000 + 5_001  # half a cent later
    assert (second.below, second.above) == ("b", "a")
    assert second.requests == 2_500_001


def test_a_dip_between_two_samples_is_found() -> None:
    """b undercuts a only between 150 % and 160 % of a sample, and both crossings are there."""
    start = next(rate for rate in RATES if rate > 1_000_000)
    low, high = start * Decimal("1.10"), start * Decimal("1.15")

    def b(requests: Decimal) -> Decimal:
        return 100 + (abs(requests - (low + high) / 2) - (high - low) / 2) / 10_000

    found = crossings(line("100", "0"), b)
    assert [(each.below, each.above) for each in found] == [("a", "b"), ("b", "a")]
    assert abs(found[0].requests - low) <= 1
    assert abs(found[1].requests - high) <= 1


def test_what_nobody_pays_is_no_difference() -> None:
    assert crossings(line("0", "0"), line("0.004", "0")) == ()
    assert crossings(line("0.001", "0.000001"), line("0", "0.000001")) == ()


def test_a_touch_is_no_crossing() -> None:
    def parabola(requests: Decimal) -> Decimal:
        return 10 + ((requests - 1000) / 100) ** 2

    assert crossings(line("10", "0"), parabola) == ()


def test_an_unknown_price_hides_what_lies_under_it() -> None:
    known = line("5", "0.000001")

    def gap(requests: Decimal) -> Decimal | None:
        return None if requests > 1_000_000 else requests * Decimal("0.000002")

    assert crossings(gap, known) == ()
    assert wins_above(known, gap) is None


@pytest.mark.parametrize(
    ("fixed", "by_request", "expected"),
    [(line("15", "0.0000001"), line("0", "0.0000004"), 50_000_000), (line("1", "0"), line("0", "1"), 1)],
)
def test_the_rate_above_which_a_fixed_price_wins(fixed: Cost, by_request: Cost, expected: int) -> None:
    found = wins_above(fixed, by_request)
    assert found is not None
    assert abs(found - expected) <= 1
    assert wins_above(by_request, fixed) is None


def test_who_always_wins_wins_from_the_first_rate() -> None:
    assert wins_above(line("0", "0.01"), line("1", "0.02")) == 1


def test_who_is_cheaper_for_a_while_and_then_the_same_wins() -> None:
    def busy(requests: Decimal) -> Decimal:
        """Dearer when idle, cheaper at some traffic, the same once an instance is busy all the time."""
        return Decimal(3) if requests < 1_000_000 else requests * Decimal("0.000004")

    def by_request(requests: Decimal) -> Decimal:
        return min(requests * Decimal("0.000010"), max(Decimal(10), requests * Decimal("0.000004")))

    found = wins_above(busy, by_request)
    assert found == 300_001
    assert wins_above(by_request, busy) is None


def test_the_cheapest_of_several() -> None:
    none: Callable[[Decimal], None] = lambda requests: None  # noqa: E731
    cost = lowest([line("0", "2"), line("3", "1"), none])
    assert [cost(Decimal(n)) for n in (1, 3, 4)] == [2, 6, 7]
    assert lowest([none])(Decimal(1)) is None


def test_rates_are_whole_rising_and_reach_both_ends() -> None:
    assert RATES[0] == 1
    assert RATES[-1] == HIGHEST
    assert list(RATES) == sorted(set(RATES))
    assert all(rate == rate.to_integral_value() for rate in RATES)
    assert max(float(high / low) for low, high in pairwise(RATES[30:])) < 1.34
    assert rates(Decimal(10), Decimal(20), 2) == (10, 20)


def test_absurd_magnitudes_stay_exact() -> None:
    a, b = line("0", "0.000000000001"), line("0.4", "0.0000000000005")
    (found,) = crossings(a, b)
    assert found.requests == 8 * 10**11 + 1
