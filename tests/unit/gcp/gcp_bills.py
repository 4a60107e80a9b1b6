"""Months on Cloud Run, and their bills from the book that ships."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from importlib.resources import files

from mldeploy.cost import book_file
from mldeploy.cost.billing import Bill, Tariff, Terms
from mldeploy.cost.book import PriceBook
from mldeploy.cost.contract import Priced
from mldeploy.cost.values import Option, Usage
from mldeploy.cost.workload import Workload
from mldeploy.providers.gcp import pricing
from mldeploy.providers.gcp.provider import GcpProvider

priced: Priced = GcpProvider()

ZERO = Decimal(0)
NOTHING = Usage(ZERO, ZERO, ZERO, ZERO, ZERO, 0, 0.0)
LIST_PRICE = Terms()
BESIDE = {"registry"}
"""The worked examples of Google's price page have no image."""


def book() -> PriceBook:
    """The book that ships, whatever this machine has refreshed."""
    path = files("mldeploy.providers.gcp") / "prices.toml"
    return book_file.parse(path.read_text(encoding="utf-8"), str(path))


def option(product: str = pricing.REQUEST, **changes: object) -> Option:
    return replace(Option("gcp", product, memory_mb=512, cpu=1.0), **changes)  # type: ignore[arg-type]


def month(requests: int = 0, billed_s: str = "0", kept_active_s: str = "0", kept_idle_s: str = "0", starts: int = 0) -> Usage:
    return replace(
        NOTHING,
        requests=Decimal(requests),
        billed_s=Decimal(billed_s),
        kept_active_s=Decimal(kept_active_s),
        kept_idle_s=Decimal(kept_idle_s),
        cold_starts=Decimal(starts),
    )


def bill(
    chosen: Option,
    usage: Usage,
    region: str = "europe-west1",
    terms: Terms = LIST_PRICE,
    workload: Workload | None = None,
    *,
    has_image: bool = False,
) -> Bill:
    quantities = pricing.quantities(chosen, usage, workload or Workload(usage.requests))
    return Tariff(book(), region, terms).bill(each for each in quantities if has_image or each.meter not in BESIDE)


def without_credit(found: Bill) -> Decimal:
    """What the page's "without the free tier" says: without free seconds, but net of the free requests."""
    assert found.total is not None
    return found.total + sum(line.credit for line in found.lines)


def cents(amount: Decimal | None) -> Decimal:
    assert amount is not None
    return round(amount, 2)


def amount_of(found: Bill, meter: str) -> Decimal:
    return sum((line.amount for line in found.lines if line.quantity.meter == meter), ZERO)
