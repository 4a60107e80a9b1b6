"""A comparison to draw: three made-up clouds with made-up prices, through the real model, bills and break-evens.

The clouds, their prices and their latencies are stand-ins, so that no test here depends on a price book that ships.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import cast

import pytest

from mldeploy.cost import book_file, comparison, document
from mldeploy.cost.billing import Tariff, Terms
from mldeploy.cost.book import PriceBook, Source
from mldeploy.cost.carbon import CarbonBook, Grid
from mldeploy.cost.contract import Priced
from mldeploy.cost.document_shape import BreakEven, Document
from mldeploy.cost.estimate import Estimate, grid
from mldeploy.cost.measurements import Point, Sweep
from mldeploy.cost.timing import Measured
from mldeploy.cost.values import SECONDS_PER_MONTH, Option, Product, Quantity, Scaling, Usage
from mldeploy.cost.workload import Workload
from mldeploy.providers import registry
from mldeploy.spec.loaded import LoadedSpec

TODAY = datetime.date(2026, 11, 21)
REQUEST, ALWAYS, BATCH = "request", "always", "batch"
SIZES = (128, 256, 512, 1024, 2048, 4096)
REGIONS = {
    "north": {
        "north-coast-1": "Skerry Bay",
        "north-coast-2": "Fjordhead",
        "north-plain-1": "Birch Plain",
        "north-plain-2": "Mosslake",
        "north-isle-1": "Outer Isle",
        "north-america-northeast-2": "The Long Name",
    },
    "east": {"east1": "Rivermouth", "east2": "Old Harbour", "east-unpriced": "New Ground", "east3": "Terrace"},
    "south": {"southcentral": "Savanna", "southcentral2": "Savanna B", "south-dunes": "Dunes", "south-cape": "Cape"},
}
TITLES = {"north": "Northwind", "east": "Eastern", "south": "Southern"}
BOOK = """
version = 1
provider = "{name}"
date = "{date}"
currency = "USD"
[sources.PAGE]
title = "Prices of {name} <list>"
url = "https://prices.example/{name}?a=1&b=2"
date = "2026-08-31"
confidence = "page"
[sources.BLOG]
title = "What {name} costs, by somebody else"
url = "not a link"
date = "2026-05-01"
confidence = "third-party"
[regions]
{regions}
[meters]
compute = {{ title = "compute", unit = "GiB-s" }}
kept = {{ title = "kept instances", unit = "GiB-s" }}
requests = {{ title = "requests", unit = "1M" }}
registry = {{ title = "registry storage", unit = "GB-month" }}
[[rates]]
meter = "compute"
source = "PAGE"
regions = [{priced}]
price = "{compute}"
[[rates]]
meter = "kept"
source = "BLOG"
regions = [{priced}]
price = "{kept}"
[[rates]]
meter = "requests"
source = "PAGE"
regions = ["*"]
tiers = [{{ upto = "1000", price = "{requests}" }}, {{ price = "0.10" }}]
[[rates]]
meter = "registry"
source = "PAGE"
regions = ["*"]
price = "0.10"
[[allowances]]
meter = "compute"
quantity = "{free}"
source = "PAGE"
"""
PRICES: Mapping[str, Mapping[str, str]] = {
    "north": {"compute": "0.0000166667", "kept": "0.0000041667", "requests": "0.20", "free": "400000", "date": "2026-08-31"},
    "east": {"compute": "0.000024", "kept": "0.000003", "requests": "0.40", "free": "180000", "date": "2026-11-21"},
    "south": {"compute": "0.000020", "kept": "0.0000025", "requests": "0.30", "free": "0", "date": "2026-11-02"},
}
GRIDS = {"north": 80.0, "east": 380.0, "south": 620.0}
SOURCE = Source("GRID", "What grids emit", "https://grids.example", "2025-12-03", "page")


class StandIn:
    """A made-up provider with prices."""

    def __init__(self, name: str) -> None:
        self.name, self.title = name, TITLES[name]
        regions = REGIONS[name]
        priced = ", ".join(f'"{region}"' for region in regions if not region.endswith("unpriced"))
        written = "\n".join(f'{key} = "{title}"' for key, title in regions.items())
        self._book = book_file.parse(BOOK.format(name=name, regions=written, priced=priced, **PRICES[name]), f"{name}.toml")

    def prices(self) -> PriceBook:
        return self._book

    def carbon(self) -> CarbonBook:
        grids = {region: Grid(GRIDS[self.name] * (1 + n / 3), SOURCE) for n, region in enumerate(REGIONS[self.name])}
        return CarbonBook(self.name, 0.74, 3.5, 1.1, SOURCE, grids)

    def products(self) -> tuple[Product, ...]:
        return (
            Product(REQUEST, "Per-request functions", Scaling("active", round_ms=100, keep_s=300)),
            Product(ALWAYS, "Always-on plan", Scaling("instance", always=1)),
            Product(BATCH, "Batch", Scaling("request"), is_deployable=False, note="takes no requests from outside"),
        )

    def sizes(self, product: str) -> tuple[Option, ...]:
        return tuple(Option(self.name, product, size, round(size / 1769, 3), concurrency=8) for size in SIZES)

    def product_of(self, loaded: LoadedSpec) -> str:
        return REQUEST

    def quantities(self, option: Option, usage: Usage, workload: Workload) -> tuple[Quantity, ...]:
        gib = Decimal(option.memory_mb) / 1024
        kept = max(option.min_instances, 1 if option.product == ALWAYS else 0)
        return (
            Quantity("registry", Decimal("0.2"), is_fixed=True, how="an image of 0.2 GB"),
            *(
                [Quantity("kept", gib * kept * SECONDS_PER_MONTH, is_fixed=True, how=f"{kept} kept × {gib} GiB")]
                if kept
                else []
            ),
            Quantity("compute", usage.billed_s * gib, how=f"{usage.billed_s:,.0f} s × {gib} GiB"),
            Quantity("requests", usage.requests / 1_000_000, how=f"{usage.requests:,} requests"),
        )


# Made-up times: what a share of a processor makes of 40 ms of work.
SWEEP = Sweep(
    fingerprint="0" * 12,
    name="digits",
    date="2026-11-20",
    machine="made up",
    method="a stand-in, nothing was measured",
    points=tuple(
        Point("north", REQUEST, size, cpu, 12 + 40 / cpu, 11 + 40 / cpu, 20 + 60 / cpu, 30 + 80 / cpu, 40.0, 800.0, 96.0, 200)
        for size in SIZES
        for cpu in [min(round(size / 1769, 3), 1.0)]
    ),
)


def a_document(requests: str = "3000000", slo_ms: float | None = 300.0, shape: Sequence[float] | None = None) -> Document:
    """The comparison of the three made-up clouds."""
    priced = cast("Mapping[str, Priced]", {name: StandIn(name) for name in PRICES})
    return compared(priced, requests, slo_ms, shape)


def a_real_document(terms: Mapping[str, Terms] | None = None) -> Document:
    """The clouds and books that ship, in all their regions and sizes; the times are the stand-in's."""
    found = {name: registry.get(name) for name in registry.names()}
    priced = {name: each for name, each in found.items() if isinstance(each, Priced)}
    return compared(priced, "3000000", 300.0, None, terms)


def compared(
    priced: Mapping[str, Priced],
    requests: str,
    slo_ms: float | None,
    shape: Sequence[float] | None,
    terms: Mapping[str, Terms] | None = None,
) -> Document:
    """What the command line does."""
    terms = {name: Terms() for name in priced} | dict(terms or {})
    books = {name: each.prices() for name, each in priced.items()}
    tariffs = {(name, region): Tariff(book, region, terms[name]) for name, book in books.items() for region in book.regions}
    workload = Workload(Decimal(requests), bytes_in=40_000, bytes_out=2_000, log_bytes=300)
    if shape is not None:
        workload = replace(workload, shape=tuple(shape))
    market = comparison.Market(priced, workload, Measured(SWEEP), lambda name, region: tariffs[name, region])
    regions = {name: tuple(book.regions) for name, book in books.items()}
    estimates = grid(priced.values(), workload, market.timings, regions=regions, sizes="all", terms=terms)
    found = comparison.compare(market, estimates, slo_ms=slo_ms)
    first = found.chosen[0]
    asked = f"{workload.requests:,f} requests a month"
    return document.document(
        found.estimates,
        answer=f"For {asked} the cheapest is {first.title} in {first.region}: ${first.total:,.2f}.",
        today=TODAY,
        workload=workload,
        terms=next(iter(terms.values())),
        books=books,
        carbon={name: each.carbon() for name, each in priced.items()},
        assumptions=["A month has 730 hours.", "Times here are made up, <a stand-in> for tests."],
        curves=found.curves,
        break_evens=[_even(each) for each in found.break_evens],
        front=[_named(each) for each in found.front],
        cheapest=[_named(each) for each in found.chosen],
        slo_ms=slo_ms,
    )


def _named(each: Estimate) -> str:
    return document.option_id(each.option, each.region)


def _even(found: comparison.BreakEven) -> BreakEven:
    at = found.crossing
    words = f"{found.above.title} is cheaper from {at.requests:,.0f} requests a month on"
    return BreakEven(a=_named(found.a), b=_named(found.b), requests=float(at.requests), usd=float(at.usd), text=words)


@pytest.fixture(scope="session")
def make() -> Callable[..., Document]:
    return a_document


@pytest.fixture(scope="session")
def made() -> Document:
    """Shared: not to be changed."""
    return a_document()


@pytest.fixture(scope="session")
def real() -> Document:
    """Shared: not to be changed."""
    return a_real_document()


@pytest.fixture(scope="session")
def compared_with() -> Callable[[str, str], Document]:
    """The clouds that ship, one of them with a commitment."""
    return lambda provider, key: a_real_document({provider: Terms(commitment=key)})


@pytest.fixture
def empty() -> Document:
    """Nothing is known: no option, no region, no price."""
    return document.document([], answer="", today=TODAY, workload=Workload(Decimal(1)), terms=Terms(), books={}, carbon={})
