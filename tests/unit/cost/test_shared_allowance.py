"""One free allowance for several meters, and amounts that take back what was counted before."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mldeploy.cost import book_file, book_text
from mldeploy.cost.billing import Tariff, Terms
from mldeploy.cost.book import PriceBook, PriceError
from mldeploy.cost.values import Quantity

TEXT = """
version = 1
provider = "here"
date = "2026-11-21"
currency = "USD"
[sources.S]
title = "made up for this test"
url = "https://example.com"
date = "2026-11-21"
confidence = "page"
[regions]
a = "A"
[meters]
active = { title = "active", unit = "s" }
idle = { title = "idle", unit = "s" }
[[rates]]
meter = "active"
source = "S"
regions = ["a"]
price = "8"
[[rates]]
meter = "idle"
source = "S"
regions = ["a"]
price = "1"
[[allowances]]
meter = "active"
also = ["idle"]
quantity = "100"
source = "S"
"""
amounts = st.integers(0, 300).map(Decimal)


def _book(text: str = TEXT) -> PriceBook:
    return book_file.parse(text, "here.toml")


def _total(*quantities: tuple[str, Decimal | int], terms: Terms = Terms()) -> Decimal:  # noqa: B008 - frozen
    total = Tariff(_book(), "a", terms).bill(Quantity(meter, Decimal(amount)) for meter, amount in quantities).total
    assert total is not None
    return total


def test_who_comes_first_draws_first() -> None:
    assert _total(("idle", 60), ("active", 60)) == 20 * 8
    assert _total(("active", 60), ("idle", 60)) == 20
    assert _total(("idle", 60), ("active", 60), terms=Terms(has_free_tier=False)) == 60 + 60 * 8


@given(amounts, amounts, amounts)
def test_what_is_taken_back_was_never_counted(idle: Decimal, back: Decimal, active: Decimal) -> None:
    back = min(idle, back)
    assert _total(("idle", idle), ("idle", -back), ("active", active)) == _total(("idle", idle - back), ("active", active))


def test_it_survives_being_written() -> None:
    assert book_file.parse(book_text.text(_book()), "here.toml") == _book()


@pytest.mark.parametrize("change", [('["idle"]', '["other"]'), ('["idle"]', '["idle"]\ncredit = "a"')])
def test_it_is_shared_by_known_meters_and_is_no_money(change: tuple[str, str]) -> None:
    with pytest.raises(PriceError, match=r"here\.toml: allowances\[0\]: also"):
        _book(TEXT.replace(*change))
