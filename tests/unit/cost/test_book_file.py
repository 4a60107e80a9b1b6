"""Price books as files: what is read, and every fault by its place. A book with a fault is not used at all."""

from __future__ import annotations

import datetime

import pytest

from mldeploy.cost import book_file
from mldeploy.cost.book import PriceBook, PriceError


def test_what_is_read(toy_book: PriceBook) -> None:
    assert (toy_book.provider, toy_book.currency, toy_book.date) == ("toy", "USD", datetime.date(2026, 11, 2))
    assert set(toy_book.tariff("west")) == {"requests", "disk"}
    assert toy_book.meters["compute"].unit == "GB-s"
    assert toy_book.path == "toy.toml"


def test_a_book_is_stale_after_ninety_days(toy_book: PriceBook) -> None:
    assert not toy_book.is_stale(datetime.date(2027, 1, 31))
    assert toy_book.is_stale(datetime.date(2027, 2, 1))
    assert toy_book.age_days(datetime.date(2026, 11, 21)) == 19


FAULTS = [
    ("version = 1", "version = 2", "version: 2 is not 1"),
    ("version = 1\n", "", "version: None is not 1"),
    ('date = "2026-11-02"', 'date = "yesterday"', "date: a date is written like"),
    ('date = "2026-11-02"', "date = 2026-11-02", "date: a text is missing here"),
    ('provider = "toy"\n', "", "provider: a text is missing"),
    ('confidence = "third-party"', 'confidence = "sure"', "sources.blog: confidence 'sure' is none of"),
    ('url = "https://example.com/blog"\n', "", "sources.blog.url: a text is missing"),
    (
        'regions = ["south"]\nprice = "0.02"',
        'regions = ["east"]\nprice = "0.02"',
        "rates[1]: the region 'east' is not in [regions]",
    ),
    ('regions = ["south"]\nprice = "0.02"', 'regions = []\nprice = "0.02"', "rates[1]: it has no regions"),
    ('price = "0.02"', 'price = "-0.02"', "rates[1]: price '-0.02' is no price"),
    ('price = "0.02"', 'price = "NaN"', "rates[1]: price 'NaN' is no price"),
    ('price = "0.02"', 'price = "Infinity"', "rates[1]: price 'Infinity' is no price"),
    ('price = "0.02"', 'price = "two"', "rates[1]: price 'two' is no price"),
    ('price = "0.02"', "price = 0.02", "rates[1].price: a text is missing"),
    ('price = "0.02"', "", "rates[1]: it wants either a price or tiers"),
    ('upto = "3000", ', "", "rates[0].tiers[1]: every tier but the last has an upto"),
    ('upto = "3000"', 'upto = "1000"', "rates[0].tiers[1]: its upto is not above the one before"),
    (
        'meter = "requests"\nsource = "page"\nregions',
        'meter = "request"\nsource = "page"\nregions',
        "rates[2]: unknown meter 'request'",
    ),
    ('source = "blog"', 'source = "book"', "rates[1]: unknown source 'book'"),
    ('regions = ["south"]\nprice = "0.12"', 'regions = ["*"]\nprice = "0.12"', "rates[4]: disk in * has a price already"),
    ('credit = "north"', 'credit = "east"', "allowances[1]: the region 'east' is not in [regions]"),
    ('meters = ["compute"]', 'meters = ["gold"]', "commitments[0]: unknown meters: gold"),
    ('meters = ["compute"]', "meters = []", "commitments[0]: unknown meters: none is named"),
    ('[regions]\nnorth = "North"\nsouth = "South"\nwest = "West"\n', "", "regions: this table is missing"),
    ("[[rates]]", "[[rates", "this is no price book"),
]


@pytest.mark.parametrize(("old", "new", "message"), FAULTS, ids=[message for *_, message in FAULTS])
def test_faults_are_told_by_their_place(toy_text: str, old: str, new: str, message: str) -> None:
    assert toy_text.count(old) >= 1
    with pytest.raises(PriceError) as raised:
        book_file.parse(toy_text.replace(old, new, 1), "toy.toml")
    assert raised.value.message.startswith("toy.toml: ")
    assert message in raised.value.message
    assert "--refresh" in (raised.value.hint or "")
    assert raised.value.exit_code == 2
