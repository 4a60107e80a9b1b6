"""docs/cost-azure.md says what the price book says."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path

import pytest

from mldeploy.cost import book_file
from mldeploy.cost.book import PriceBook
from mldeploy.providers.azure import pricing

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "cost-azure.md").read_text()
TABLE = [[cell.strip() for cell in line.strip("|").split("|")] for line in PAGE.splitlines() if line.startswith("| ")]


@pytest.fixture(scope="module")
def book() -> PriceBook:
    path = ROOT / "mldeploy" / "providers" / "azure" / "prices.toml"
    return book_file.parse(path.read_text(), str(path))


def _rate(book: PriceBook, region: str, meter: str) -> Decimal | None:
    rate = book.tariff(region).get(meter)
    return rate.tiers[0].price if rate else None


def _said(cell: str) -> Decimal | None:
    return None if cell == "unknown" else Decimal(cell.removeprefix("$"))


def test_each_region_of_container_apps_has_its_rates(book: PriceBook) -> None:
    rows = [row for row in TABLE if len(row) == 5 and row[4].startswith("$0.")]
    found = {region: tuple(map(_said, row[1:])) for row in rows for region in re.split(", ", row[0]) if region in book.regions}
    assert found == {
        region: (
            _rate(book, region, "aca-vcpu"),
            _rate(book, region, "aca-vcpu-idle"),
            _rate(book, region, "aca-memory"),
            (_rate(book, region, "aca-requests") or 0) * 1_000_000,
        )
        for region in book.regions
    }
    assert all(_rate(book, region, "aca-memory") == _rate(book, region, "aca-memory-idle") for region in book.regions)


def test_elastic_premium_is_known_where_the_page_says_so(book: PriceBook) -> None:
    rows = {row[0].split(" ")[0]: row for row in TABLE if len(row) == 4 and row[0].split(" ")[0] in book.regions}
    found = {region: (_said(row[1]), _said(row[2])) for region, row in rows.items()}
    known = [region for region in book.regions if _rate(book, region, "premium-vcpu")]
    assert found == {region: (_rate(book, region, "premium-vcpu"), _rate(book, region, "premium-memory")) for region in known}


def test_logs_are_known_where_the_page_says_so(book: PriceBook) -> None:
    (row,) = [row for row in TABLE if row[0] == "Log Analytics"]
    for region in book.regions:
        price = _rate(book, region, "logs")
        assert (region in row[1]) == (price is not None)
        assert price is None or f"${price}" in row[1]


def test_products_and_promises_are_all_there(book: PriceBook) -> None:
    assert all(f"`{product.key}`" in PAGE for product in pricing.PRODUCTS)
    assert all(f"`{key}`" in PAGE or f"--commitment {key}" in PAGE for key in book.commitments)


@pytest.mark.parametrize("meter", ["aca-vcpu", "aca-memory", "aca-requests", "flex-time", "flex-executions"])
def test_what_is_free_is_said(book: PriceBook, meter: str) -> None:
    assert f"{book.allowances[meter].quantity:,}" in PAGE
