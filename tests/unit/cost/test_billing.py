"""Bills: tiers, free units, credits, discounts, what is fixed, and what is not known."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mldeploy.cost import book_file
from mldeploy.cost.billing import Bill, Tariff, Terms
from mldeploy.cost.book import PriceBook, PriceError
from mldeploy.cost.values import Quantity

LIST = Terms(has_free_tier=False)


def bill(book: PriceBook, region: str, amounts: dict[str, str], terms: Terms = LIST) -> Bill:
    return Tariff(book, region, terms).bill([Quantity(meter, Decimal(amount)) for meter, amount in amounts.items()])


@pytest.mark.parametrize(
    ("amount", "expected"),
    [
        ("0", "0"),
        ("999.999", "9.99999"),
        ("1000", "10"),
        ("1000.001", "10.000005"),  # the first unit past a boundary has the next price
        ("3000", "20"),
        ("3001", "20.001"),
        ("1e15", "1000000000017"),  # 10 + 10 + (10^15 − 3000) × 0.001
    ],
)
def test_tiers_to_the_last_digit(toy_book: PriceBook, amount: str, expected: str) -> None:
    assert bill(toy_book, "north", {"compute": amount}).total == Decimal(expected)


@pytest.mark.parametrize(
    ("amount", "expected"),
    [("399", "0"), ("400", "0"), ("401", "0.01"), ("1000", "6"), ("1001", "6.005"), ("3001", "16.001")],
)
def test_free_units_are_the_first_of_the_first_tier(toy_book: PriceBook, amount: str, expected: str) -> None:
    assert bill(toy_book, "north", {"compute": amount}, Terms()).total == Decimal(expected)


def test_a_credit_is_money_at_the_price_of_its_region(toy_book: PriceBook) -> None:
    # A million requests at north's price: $0.20, off the bill of any region, and never more than there is to pay.
    assert bill(toy_book, "south", {"requests": "3000000"}, Terms()).total == Decimal("0.4")
    assert bill(toy_book, "south", {"requests": "10"}, Terms()).total == 0


def test_the_fixed_part_uses_tiers_and_free_units_first(toy_book: PriceBook) -> None:
    made = Tariff(toy_book, "north").bill([Quantity("compute", Decimal(500), True), Quantity("compute", Decimal(700))])
    assert made.fixed == Decimal(1)  # 400 of 500 are free
    assert made.variable == Decimal("6")  # 500 at 0.01, 200 at 0.005
    assert made.total == bill(toy_book, "north", {"compute": "1200"}, Terms()).total
    assert [line.free for line in made.lines] == [400, 0]


def test_a_commitment_is_a_factor_on_its_meters_alone(toy_book: PriceBook) -> None:
    terms = Terms(has_free_tier=False, commitment="one-year")
    made = bill(toy_book, "south", {"compute": "100", "disk": "10"}, terms)
    assert [line.amount for line in made.lines] == [Decimal("1.66"), Decimal("1.20")]


def test_a_missing_rate_is_unknown_and_not_zero(toy_book: PriceBook) -> None:
    made = bill(toy_book, "west", {"requests": "10", "compute": "10"})
    assert made.total is None
    assert made.missing == ("compute",)


def test_a_regions_own_row_goes_before_the_one_for_all(toy_book: PriceBook) -> None:
    prices = {region: bill(toy_book, region, {"disk": "1"}).total for region in toy_book.regions}
    assert prices == {"north": Decimal("0.10"), "south": Decimal("0.12"), "west": Decimal("0.10")}


def test_each_line_leads_back_to_its_source(toy_book: PriceBook) -> None:
    (line,) = bill(toy_book, "south", {"compute": "1"}).lines
    assert (line.rate.source.confidence, line.rate.source.date) == ("third-party", "2026-10-01")
    assert line.rate.region == "south"


def test_unknown_names_have_the_closest(toy_book: PriceBook) -> None:
    with pytest.raises(PriceError) as raised:
        Tariff(toy_book, "nort")
    assert "unknown region 'nort'" in raised.value.message
    assert raised.value.hint == "did you mean north?"
    with pytest.raises(PriceError) as raised:
        Tariff(toy_book, "north", Terms(commitment="two-year"))
    assert raised.value.hint == "did you mean one-year?"


@given(first=st.decimals(0, 10**6, places=3), second=st.decimals(0, 10**6, places=3), has_free_tier=st.booleans())
def test_a_bill_in_two_lines_is_the_bill_in_one(
    toy_book: PriceBook, first: Decimal, second: Decimal, has_free_tier: bool
) -> None:
    tariff = Tariff(toy_book, "north", Terms(has_free_tier))
    for meter in toy_book.meters:
        parts = tariff.bill([Quantity(meter, first), Quantity(meter, second)]).total
        assert parts == tariff.bill([Quantity(meter, first + second)]).total
        assert parts is not None
        assert parts >= 0


@given(amount=st.decimals(0, 10**18, places=6))
def test_no_price_passes_through_a_binary_float(amount: Decimal) -> None:
    text = CHEAP.replace("PRICE", "0.0000000001")
    total = bill(book_file.parse(text, "cheap.toml"), "a", {"tick": str(amount)}).total
    assert total == amount * Decimal("1e-10")


CHEAP = """
version = 1
provider = "cheap"
date = "2026-11-02"
currency = "USD"
sources.s = { title = "made up", url = "https://example.com", date = "2026-11-01", confidence = "page" }
regions.a = "A"
meters.tick = { title = "tick", unit = "tick" }
[[rates]]
meter = "tick"
source = "s"
regions = ["a"]
price = "PRICE"
"""
