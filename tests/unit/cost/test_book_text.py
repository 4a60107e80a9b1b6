"""A price book as text again: what is written is read back as the same book."""

from __future__ import annotations

import dataclasses
import datetime
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from mldeploy.cost import book_file, book_text
from mldeploy.cost.book import EVERYWHERE, Allowance, Commitment, Meter, PriceBook, Rate, Source, Tier

PATH = "book.toml"
SOURCE = Source("S", "A page", "https://example.org/prices", "2026-11-01", "page")
METER, OTHER = Meter("compute", "duration", "GB-s"), Meter("disk", "storage", "GB-month")


def rate(region: str, price: str, meter: Meter = METER, note: str = "") -> Rate:
    return Rate(meter, region, (Tier(None, Decimal(price)),), SOURCE, note)


BOOK = PriceBook(
    provider="toy",
    date=datetime.date(2026, 11, 2),
    currency="USD",
    regions={"north": "North", "south": 'The "South" \\ São\tTomé \x7f'},
    meters={"compute": METER, "disk": OTHER},
    sources={"S": SOURCE},
    rates={"north": {"compute": rate("north", "0.0000166667")}, "south": {"compute": rate("south", "0.0000166667")}},
    allowances={"compute": Allowance("compute", Decimal(400000), SOURCE, "north", "of the account")},
    commitments={"year": Commitment("year", "One year", frozenset({"compute", "disk"}), Decimal("0.83"), SOURCE)},
    path=PATH,
    everywhere={"disk": rate(EVERYWHERE, "0.10", OTHER, "stated without a region")},
)
PRICES = st.decimals(0, 1000, places=10)


def read_back(book: PriceBook) -> PriceBook:
    return book_file.parse(book_text.text(book), PATH)


def test_a_book_is_read_back_as_it_was() -> None:
    assert read_back(BOOK) == BOOK


def test_regions_of_one_price_share_a_row() -> None:
    assert book_text.text(BOOK).count("[[rates]]") == 2
    assert 'regions = ["north", "south"]' in book_text.text(BOOK)


def test_numbers_have_no_exponent() -> None:
    assert "E-" not in book_text.text(dataclasses.replace(BOOK, everywhere={"disk": rate(EVERYWHERE, "1E-10", OTHER)}))


@given(st.lists(st.tuples(st.integers(1, 10**15), PRICES), unique_by=lambda step: step[0]), PRICES)
def test_any_tiers_are_read_back(steps: list[tuple[int, Decimal]], last: Decimal) -> None:
    tiers = (*(Tier(Decimal(upto), price) for upto, price in sorted(steps)), Tier(None, last))
    row = Rate(METER, "north", tiers, SOURCE)
    book = dataclasses.replace(BOOK, rates={"north": {"compute": row}, "south": {}})
    assert read_back(book) == book
