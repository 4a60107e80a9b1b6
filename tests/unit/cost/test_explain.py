"""An explanation can be done again by hand: its arithmetic, evaluated, is the amount."""

from __future__ import annotations

import datetime
import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mldeploy.cost import explain
from mldeploy.cost.billing import Tariff, Terms
from mldeploy.cost.book import Allowance, Commitment, Meter, PriceBook, Rate, Source, Tier
from mldeploy.cost.values import Quantity

SOURCE = Source("toy", "The label on the box", "https://example.org", "2026-11-21", "page")
TIERED = (Tier(Decimal(1000), Decimal("0.5")), Tier(Decimal(5000), Decimal("0.25")), Tier(None, Decimal("0.0166667")))


def book(tiers: tuple[Tier, ...], free: str, credit: str = "") -> PriceBook:
    meter = Meter("toys", "toys lent", "toy")
    return PriceBook(
        provider="toy",
        date=datetime.date(2026, 11, 21),
        currency="USD",
        regions={"nursery": "Nursery"},
        meters={"toys": meter},
        sources={"toy": SOURCE},
        rates={"nursery": {"toys": Rate(meter, "nursery", tiers, SOURCE, "read on the box")}},
        allowances={"toys": Allowance("toys", Decimal(free), SOURCE, credit)},
        commitments={"year": Commitment("year", "one year", frozenset({"toys"}), Decimal("0.83"), SOURCE)},
    )


def evaluated(arithmetic: str) -> Decimal:
    """The text as a sum: units, words and thousands separators fall away."""
    text = re.sub(r"[a-zA-Z:$,-]+", "", arithmetic.replace("free-tier credit", "")).replace("×", "*").replace("−", "-")
    return Decimal(eval(re.sub(r"(\d+(?:\.\d+)?)", r"Decimal('\1')", text)))  # its own words, in a test


@given(
    st.sampled_from([TIERED, (Tier(None, Decimal("0.0000166667")),)]),
    st.sampled_from(["0", "400", "2000"]),
    st.sampled_from(["", "nursery"]),
    st.sampled_from(["", "year"]),
    st.lists(st.tuples(st.integers(0, 20_000), st.booleans()), min_size=1, max_size=3),
)
def test_the_arithmetic_is_the_amount(
    tiers: tuple[Tier, ...], free: str, credit: str, commitment: str, amounts: list[tuple[int, bool]]
) -> None:
    tariff = Tariff(book(tiers, free, credit), "nursery", Terms(commitment=commitment))
    bill = tariff.bill(Quantity("toys", Decimal(amount), is_fixed) for amount, is_fixed in amounts)
    found = explain.positions(bill, book(tiers, free, credit), Terms(commitment=commitment))
    for each in found:
        assert abs(evaluated(each.arithmetic) - each.amount) < Decimal("1e-6"), each.arithmetic
    assert sum(each.amount for each in found if each.is_fixed) == bill.fixed


def test_a_position_says_what_it_rests_on() -> None:
    priced, terms = book(TIERED, "400"), Terms(commitment="year")
    quantities = [Quantity("toys", Decimal(1500), how="3 children × 500 toys")]
    (only,) = explain.positions(Tariff(priced, "nursery").bill(quantities), priced, Terms())
    assert only.arithmetic == "toy: 1,000 × $0.5 + 500 × $0.25 − 400 free × $0.5"
    assert (only.title, only.how, only.note) == ("toys lent", "3 children × 500 toys", "read on the box")
    assert only.source == SOURCE
    assert only.amount == 425
    assert only.also == (("400 toy a month are free", SOURCE),)
    (committed,) = explain.positions(Tariff(priced, "nursery", terms).bill(quantities), priced, terms)
    assert [what for what, _ in committed.also] == ["400 toy a month are free", "one year: × 0.83"]
    unpaid = Terms(has_free_tier=False)
    assert explain.positions(Tariff(priced, "nursery", unpaid).bill(quantities), priced, unpaid)[0].also == ()


@pytest.mark.parametrize(
    ("number", "said"),
    [
        ("0.0000166667", "0.0000166667"),
        ("540000", "540,000"),
        ("1E+15", "1,000,000,000,000,000"),
        ("1234567.123456789", "1,234,567.12"),
        ("0.333333333333", "0.333333333"),
        ("123456789012.5", "123,456,789,012"),
        ("0", "0"),
    ],
)
def test_numbers_are_written_out(number: str, said: str) -> None:
    assert explain.plain(Decimal(number)) == said
