"""Numbers of requests as people write them, and amounts as they are shown."""

from __future__ import annotations

from decimal import Decimal

import pytest

from mldeploy.cli import money
from mldeploy.cli.cost_flags import as_json, count


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("3000000", 3_000_000),
        ("3M", 3_000_000),
        ("1.5k", 1500),
        ("3,000,000", 3_000_000),
        ("1_000", 1000),
        ("1e15", 10**15),
        ("2B", 2 * 10**9),
        ("40/s", 40 * 2_628_000),
        ("24k/day", 730_000),
        ("100/h", 73_000),
        ("5/month", 5),
        ("1", 1),
    ],
)
def test_numbers_of_requests(text: str, number: Decimal | int) -> None:
    assert count(text) == number


@pytest.mark.parametrize(
    "text", ["0", "0/s", "0.5", "1e19", "-3", "nan", "inf", "3 apples", "", "1e99", "M", "10/min", "1e", "٣"]
)
def test_what_is_no_number_of_requests(text: str) -> None:
    with pytest.raises(ValueError, match=r"requests"):
        count(text)


@pytest.mark.parametrize(
    ("amount", "shown", "unit"),
    [
        ("0", "$0.00", "$0.00"),
        ("7.246", "$7.25", "$7.25"),
        ("0.125", "$0.13", "$0.125"),
        ("0.00243", "$0.0024", "$0.00243"),
        ("1234567.891", "$1,234,567.89", "$1,234,567.89"),
        ("1E20", "$100,000,000,000,000,000,000.00", "$100,000,000,000,000,000,000.00"),
        ("1E30", f"$1{',000' * 10}", f"$1{',000' * 10}"),
        ("-3", "-$3.00", "-$3.00"),
    ],
)
def test_amounts(amount: str, shown: str, unit: str) -> None:
    assert money.usd(Decimal(amount)) == shown
    assert money.unit_price(Decimal(amount)) == unit
    assert money.usd(None) == money.unit_price(None) == "unknown"


def test_a_number_of_a_document_is_shown_as_its_decimal() -> None:
    assert money.usd(2.675) == "$2.68"
    assert money.unit_price(0.1 + 0.2) == "$0.300"


@pytest.mark.parametrize(("amount", "shown"), [("0.42", "+$0.42"), ("-3", "-$3.00"), ("0", "no change")])
def test_changes(amount: str, shown: str) -> None:
    assert money.change(Decimal(amount)) == shown


@pytest.mark.parametrize(
    ("rate", "shown"),
    [("5", "5"), ("410123", "410,000"), ("999999", "1,000,000"), ("41234567", "41.2 million"), ("1E12", "1 trillion")],
)
def test_rates(rate: str, shown: str) -> None:
    assert money.about(Decimal(rate)) == shown


def test_json_is_a_format() -> None:
    assert as_json({"format": "table"}, is_json=True)["format"] == "json"
    assert as_json({"format": "csv"}, is_json=True)["format"] == "csv"
    assert as_json({"format": "table"}, is_json=False)["format"] == "table"
