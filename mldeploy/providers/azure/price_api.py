"""A new price book from the Azure Retail Prices API, which is public and needs no sign-in.

    one query a service ─fetch─▶ pages, by NextPageLink ─▶ rows ─FEEDS─▶ tiers by region and meter ─▶ the old book, renewed

https://learn.microsoft.com/rest/api/cost-management/retail-prices/azure-retail-prices says what it answers. The API knows tiers
with the units from which they begin; a first tier that costs nothing is a free grant. It knows nothing of Container Apps' free
grants, of savings plans' conditions and of rounding: that stays as it is, with its own source and date. Anything that does not
look as expected raises PriceError, and the old book stays.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

from mldeploy.cost import book_text
from mldeploy.cost.book import Allowance, PriceBook, PriceError, Rate, Source, Tier

HOST = "prices.azure.com"
API = f"https://{HOST}/api/retail/prices"
VERSION = "2023-01-01-preview"
MAX_PAGES = 200
NOT_PUBLIC = ("usgov", "usdod", "usnat", "ussec", "china")
"""Clouds of their own, with other addresses; they are in the answers."""
Fetch = Callable[[str], bytes]


class Feed(NamedTuple):
    """Which row is which meter: what it is called, and the unit it must have; one of the book's units is `per` of that."""

    meter: str
    service: str
    product: str
    name: str
    unit: str
    per: int = 1


APPS, FUNCTIONS = "Azure Container Apps", "Functions"
FEEDS = (
    Feed("aca-vcpu", APPS, APPS, "Standard vCPU Active Usage", "1 Second"),
    Feed("aca-vcpu-idle", APPS, APPS, "Standard vCPU Idle Usage", "1 Second"),
    Feed("aca-memory", APPS, APPS, "Standard Memory Active Usage", "1 GiB Second"),
    Feed("aca-memory-idle", APPS, APPS, "Standard Memory Idle Usage", "1 GiB Second"),
    Feed("aca-requests", APPS, APPS, "Standard Requests", "1M", 1_000_000),
    Feed("premium-vcpu", FUNCTIONS, "Premium Functions", "Premium vCPU Duration", "1 Hour"),
    Feed("premium-memory", FUNCTIONS, "Premium Functions", "Premium Memory Duration", "1 GiB Hour"),
    Feed("flex-time", FUNCTIONS, "Flex Consumption", "On Demand Execution Time", "1 GB Second"),
    Feed("flex-executions", FUNCTIONS, "Flex Consumption", "On Demand Total Executions", "10", 10),
    Feed("flex-baseline", FUNCTIONS, "Flex Consumption", "Always Ready Baseline", "1 GB Second"),
    Feed("flex-ready-time", FUNCTIONS, "Flex Consumption", "Always Ready Execution Time", "1 GB Second"),
    Feed("flex-ready-executions", FUNCTIONS, "Flex Consumption", "Always Ready Total Executions", "10", 10),
    Feed("consumption-time", FUNCTIONS, FUNCTIONS, "Standard Execution Time", "1 GB Second"),
    Feed("consumption-executions", FUNCTIONS, FUNCTIONS, "Standard Total Executions", "10", 10),
    Feed("registry", "Container Registry", "Container Registry", "Basic Registry Unit", "1/Day"),
    Feed("logs", "Log Analytics", "Log Analytics", "Analytics Logs Data Ingestion", "1 GB"),
    Feed("egress", "Bandwidth", "Rtn Preference: MGN", "Standard Data Transfer Out", "1 GB"),
)
CORE = tuple(feed for feed in FEEDS if feed.service == APPS)
"""Without these there is no book: each region that has a price now must have all of them."""


class Row(NamedTuple):
    """One price of one meter in one region, from `minimum` units on."""

    feed: Feed
    region: str
    location: str
    minimum: Decimal
    price: Decimal
    since: str


def fetch_prices(old: PriceBook, fetch: Fetch, today: datetime.date) -> str:
    """The text of a book of `today`: `old` with all that the API knows. Raises PriceError."""
    rows = [row for service in dict.fromkeys(feed.service for feed in FEEDS) for row in _rows(service, fetch, today)]
    source = Source("retail-api", "Azure Retail Prices API", f"{API}?api-version={VERSION}", today.isoformat(), "api")
    regions = {row.region: row.location for row in rows if row.feed.meter == "aca-vcpu"}
    tiers, free = _tiers([row for row in rows if row.region in regions or row.region in old.regions], old.regions)
    for region in old.regions:
        gone = [feed.name for feed in CORE if (region, feed.meter) not in tiers]
        if gone:
            raise PriceError(
                f"{API}: nothing about {', '.join(gone)} in {region}", "the old book stays in use; try again later"
            )
    known = {**{key: title for key, title in regions.items() if key not in old.regions}, **old.regions}
    rates = {region: dict(old.rates.get(region, {})) for region in known}
    for (region, meter), found in tiers.items():
        rates[region][meter] = Rate(old.meters[meter], region, found, source)
    allowances = {
        meter: replace(old.allowances[meter], quantity=quantity, source=source)
        if meter in old.allowances
        else Allowance(meter, quantity, source)
        for meter, quantity in free.items()
    }
    book = replace(
        old,
        date=today,
        regions=dict(sorted(known.items())),
        sources={**old.sources, source.key: source},
        rates=rates,
        allowances={**old.allowances, **allowances},
    )
    return book_text.text(book)


def _rows(service: str, fetch: Fetch, today: datetime.date) -> Iterator[Row]:
    """What the API says of the feeds of one service, over all its pages, in the public cloud."""
    feeds = {(feed.product, feed.name): feed for feed in FEEDS if feed.service == service}
    names = " or ".join(f"meterName eq '{feed.name}'" for feed in feeds.values())
    wanted = f"serviceName eq '{service}' and priceType eq 'Consumption' and ({names})"
    url: str | None = f"{API}?api-version={VERSION}&currencyCode='USD'&$filter={quote(wanted)}"
    seen: set[str] = set()
    while url:
        if url in seen or len(seen) >= MAX_PAGES:
            raise _fault(service, f"its pages do not end: {url}")
        if urlsplit(url).hostname != HOST or urlsplit(url).scheme != "https":
            raise _fault(service, f"its next page is somewhere else: {url}")
        seen.add(url)
        page = _page(service, fetch(url))
        for item in page["Items"]:
            row = _row(service, item, feeds)
            if row and row.region and not row.region.startswith(NOT_PUBLIC) and row.since <= today.isoformat():
                yield row
        url = page.get("NextPageLink") or None


def _page(service: str, body: bytes) -> Mapping[str, Any]:
    try:
        page = json.loads(body, parse_float=Decimal, parse_int=Decimal)
    except ValueError as error:
        raise _fault(service, f"this is no JSON: {error}") from error
    if (
        not isinstance(page, dict)
        or not isinstance(page.get("Items"), list)
        or not isinstance(page.get("NextPageLink"), str | None)
    ):
        raise _fault(service, "an answer has Items and NextPageLink; this one has not")
    if page.get("Count", len(page["Items"])) != len(page["Items"]):
        raise _fault(service, f"it says {page['Count']} items and has {len(page['Items'])}")
    return page


def _row(service: str, item: Any, feeds: Mapping[tuple[str, str], Feed]) -> Row | None:
    """A row that is asked for, else None. Raises PriceError for one whose currency, unit or price is not what it should be."""
    if not isinstance(item, dict):
        raise _fault(service, f"an item is no object: {item!r}")
    feed = feeds.get((str(item.get("productName")), str(item.get("meterName"))))
    if feed is None or item.get("type") != "Consumption":
        return None
    where = f"{feed.name} in {item.get('armRegionName') or '?'}"
    if item.get("currencyCode") != "USD":
        raise _fault(service, f"{where} is in {item.get('currencyCode')}, not USD")
    if item.get("unitOfMeasure") != feed.unit:
        raise _fault(service, f"{where} is per '{item.get('unitOfMeasure')}', not '{feed.unit}'")
    minimum, price = (_number(service, where, item, key) for key in ("tierMinimumUnits", "retailPrice"))
    region, location, since = (str(item.get(key) or "") for key in ("armRegionName", "location", "effectiveStartDate"))
    return Row(feed, region, location or region, minimum * feed.per, price / feed.per, since[:10])


def _number(service: str, where: str, item: Mapping[str, Any], key: str) -> Decimal:
    number = item.get(key)
    if not isinstance(number, Decimal) or not number.is_finite() or number < 0:
        raise _fault(service, f"{where}: {key} is {number!r}")
    return number


def _tiers(rows: Sequence[Row], known: Container[str]) -> tuple[dict[tuple[str, str], tuple[Tier, ...]], dict[str, Decimal]]:
    """The tiers of each meter in each region, without what is free, and how much is free of each meter. What is off in a
    `known` region raises PriceError; elsewhere the meter stays unknown."""
    grouped: dict[tuple[str, str], list[Row]] = {}
    for row in sorted(rows, key=lambda row: row.region not in known):
        grouped.setdefault((row.region, row.feed.meter), []).append(row)
    tiers: dict[tuple[str, str], tuple[Tier, ...]] = {}
    free: dict[str, Decimal] = {}
    for (region, meter), found in grouped.items():
        try:
            first, *more = _newest(found)
            is_grant = bool(more) and not first.price
            if is_grant and free.setdefault(meter, more[0].minimum) != more[0].minimum:
                raise _fault(first.feed.service, f"{_where(first)}: {more[0].minimum} are free, and {free[meter]} elsewhere")
        except PriceError:
            if region in known:
                raise
            continue
        tiers[region, meter] = _steps(more if is_grant else [first, *more])
    return tiers, free


def _newest(rows: Sequence[Row]) -> list[Row]:
    """The price from each minimum on that holds since last; the least minimum first."""
    newest: dict[Decimal, Row] = {}
    for row in rows:
        before = newest.get(row.minimum)
        if before and before.since == row.since and before.price != row.price:
            raise _fault(row.feed.service, f"{_where(row)} costs both {before.price} and {row.price}")
        if before is None or before.since < row.since:
            newest[row.minimum] = row
    ordered = [newest[minimum] for minimum in sorted(newest)]
    if ordered[0].minimum:
        raise _fault(ordered[0].feed.service, f"{_where(ordered[0])} has no price for the first unit")
    return ordered


def _where(row: Row) -> str:
    return f"{row.feed.name} in {row.region}"


def _steps(rows: Sequence[Row]) -> tuple[Tier, ...]:
    """Prices with the units up to which they hold; neighbours of one price are one."""
    changes = [row for before, row in zip((None, *rows), rows, strict=False) if before is None or before.price != row.price]
    return tuple(
        Tier(after.minimum if after else None, row.price) for row, after in zip(changes, (*changes[1:], None), strict=True)
    )


def _fault(service: str, what: str) -> PriceError:
    return PriceError(f"{API} ({service}): {what}", "the old book stays in use; try again later")
