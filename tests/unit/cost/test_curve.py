"""Traffic curves: what is taken, and what is wrong with what is not."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mldeploy.cost.book import PriceError
from mldeploy.cost.curve import monthly, parse
from mldeploy.cost.values import SECONDS_PER_MONTH


def test_none_is_the_same_in_all_hours() -> None:
    assert parse(None) == (1.0,) * 168


def test_a_day_is_repeated() -> None:
    day = list(range(24))
    week = parse(day)
    assert week[:24] == week[144:]
    assert week[23] / week[1] == pytest.approx(23)


def test_a_text_of_numbers() -> None:
    assert parse(",".join(str(hour) for hour in range(24))) == parse(list(range(24)))


@given(st.lists(st.floats(0, 1e300), min_size=168, max_size=168).filter(lambda rates: max(rates) > 1e-300))
def test_the_mean_is_one_and_proportions_stay(rates: list[float]) -> None:
    week = parse(rates)
    assert sum(week) == pytest.approx(168)
    assert max(week) == week[rates.index(max(rates))]


def test_a_bell() -> None:
    week = parse({"peak_hour": 14, "width_h": 12, "night": 0.1, "weekend": 0.5})
    monday, saturday = week[:24], week[120:144]
    assert max(monday) == pytest.approx(monday[13]) == pytest.approx(monday[14])  # the hours before and after 14:00
    assert monday[3] / max(monday) == pytest.approx(0.1 / (0.1 + 0.9 * 0.983), rel=0.01)
    assert [half * 2 for half in saturday] == pytest.approx(monday)
    assert monday[8] == pytest.approx(monday[19], rel=1e-9)  # the same way up and down


def test_a_bell_may_lead_over_midnight() -> None:
    monday = parse({"peak_hour": 0, "width_h": 6})[:24]
    assert monday[0] == pytest.approx(monday[23])
    assert monday[12] == 0


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([1] * 23, "it has 23 numbers"),
        ([1] * 25, "it has 25 numbers"),
        ([], "it has 0 numbers"),
        ([1] * 5 + [None] + [1] * 18, "a gap at 05:00"),
        ("1,1,,1" + ",1" * 20, "a gap at 02:00"),
        ([1] * 30 + [None] + [1] * 137, "a gap at Tuesday 06:00"),
        ([1] * 167 + [-2], "-2 at Sunday 23:00 is negative"),
        ([1] * 23 + ["x"], "'x' at 23:00 is no number"),
        ([1] * 23 + [float("nan")], "nan at 23:00 is no number"),
        ([1] * 23 + [float("inf")], "inf at 23:00 is no number"),
        ([1] * 23 + [True], "True at 23:00 is no number"),
        ([1] * 23 + [10**400], "at 23:00 is no number"),
        ([0] * 24, "zero in every hour"),
        (5, "5 is no traffic curve"),
        ({"peak": 5}, "a bell has no 'peak'"),
        ({"width_h": 5}, "needs its peak_hour"),
        ({"peak_hour": "noon"}, "'noon' is no number"),
        ({"peak_hour": 30}, "30 is not between 0 and 24"),
        ({"peak_hour": 3, "width_h": 0}, "0 is not between 1 and 24"),
        ({"peak_hour": 3, "night": -0.1}, "-0.1 is not between 0 and 1"),
    ],
)
def test_mistakes_are_told_by_their_place(value: object, message: str) -> None:
    with pytest.raises(PriceError) as raised:
        parse(value)
    assert message in raised.value.message
    assert raised.value.hint


def test_a_month_of_a_peak() -> None:
    assert monthly(2.0, parse(None)) == 2 * SECONDS_PER_MONTH
    assert monthly(2.0, parse([1] * 12 + [0] * 12)) == SECONDS_PER_MONTH
    assert monthly(1e-9, parse(None)) == Decimal(1)
