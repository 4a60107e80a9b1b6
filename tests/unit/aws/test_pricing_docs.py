"""The table of rates in docs/cost-aws.md is the price book's."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from mldeploy.providers.aws import pricing

PAGE = Path(__file__).parents[3] / "docs" / "cost-aws.md"
UNKNOWN = "unknown"
COLUMNS = {
    "x86_64, 1M GB-s": ("compute-x86_64", 1_000_000),
    "arm64, 1M GB-s": ("compute-arm64", 1_000_000),
    "1M requests": ("request-x86_64", 1_000_000),
    "kept, 1M GB-s": ("provisioned-x86_64", 1_000_000),
    "kept arm64": ("provisioned-arm64", 1_000_000),
    "HTTP API, 1M": ("http-api-request", 1_000_000),
    "out, GB": ("egress", 1),
    "logs, GB": ("logs-ingest", 1),
}


def table() -> str:
    """First tiers in USD; third parties' figures carry a star."""
    book = pricing.prices()
    lines = [f"| region | {' | '.join(COLUMNS)} |", "|---" * (len(COLUMNS) + 1) + "|"]
    for region in book.regions:
        rates = book.tariff(region)
        cells = []
        for meter, factor in COLUMNS.values():
            rate = rates.get(meter)
            star = " \\*" if rate and rate.source.confidence == "third-party" else ""
            cells.append(f"{plain(rate.tiers[0].price * factor)}{star}" if rate else UNKNOWN)
        lines.append(f"| `{region}` | {' | '.join(cells)} |")
    return "\n".join(lines)


def plain(price: Decimal) -> str:
    text = f"{price:f}"
    whole, _, part = text.partition(".")
    return f"{whole}.{part.rstrip('0').ljust(2, '0')}"


def test_the_table_is_the_books() -> None:
    assert table() in PAGE.read_text()


def test_the_page_names_every_source_and_the_date() -> None:
    book, text = pricing.prices(), PAGE.read_text()
    assert book.date.isoformat() in text
    assert [source.url for source in book.sources.values() if source.url not in text] == []
