"""A new price book from the Cloud Billing Catalog: Cloud Run's prices and Artifact Registry's; all else stays as it was.

services/ID/skus, page by page ─▶ SKUs we know by their description ─▶ {meter: {region: Rate}} ─▶ over the old book ─▶ text

The catalogue wants an API key of any project with the Cloud Billing API on. Its first tier at nothing is the free tier, which
the old book keeps among its allowances. Where the catalogue gives a region two prices for one meter, the old row stays.
"""

from __future__ import annotations

import datetime
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any, NamedTuple
from urllib.parse import urlencode

from mldeploy.cost import book_text
from mldeploy.cost.book import EVERYWHERE, PriceBook, PriceError, Rate, Source, Tier
from mldeploy.errors import MldeployError
from mldeploy.providers.gcp import pricing

HOST = "https://cloudbilling.googleapis.com/v1"
KEY_NAME = "GCP_BILLING_API_KEY"
SERVICES = {"152E-C115-5142": "Cloud Run", "149C-F9EC-3994": "Artifact Registry"}
PAGE_SIZE, MAX_PAGES = 5000, 100
NANO = Decimal(10) ** -9

# Descriptions, their spaces made single, to (meter, unit of the catalogue). The second table's go on with a region.
_EXACT = {
    f"Services {part}{tier} (Request-based billing)": meter
    for part, meter in {
        "CPU": ("cpu-request", "s"),
        "Memory": ("memory-request", "GiBy.s"),
        "Min Instance CPU": ("cpu-idle", "s"),
        "Min Instance Memory": ("memory-idle", "GiBy.s"),
    }.items()
    for tier in ("", " Tier 2")
} | {"Requests": ("requests", "count"), "Artifact Registry Storage": ("registry", "GiBy.mo")}
_REGIONAL = {
    "Services CPU (Instance-based billing) in": ("cpu-instance", "s"),
    "Services Memory (Instance-based billing) in": ("memory-instance", "GiBy.s"),
}


class Price(NamedTuple):
    """One SKU that we know: what `meter` costs in some regions."""

    meter: str
    regions: tuple[str, ...]
    tiers: tuple[Tier, ...]
    note: str


def fetch_prices(fetch: Callable[[str], bytes], today: datetime.date) -> str:
    """The text of the new book. Raises PriceError without a key, and for an answer that is not as documented."""
    key = os.environ.get(KEY_NAME, "").strip()
    if not key:
        raise PriceError(
            f"Google's price catalogue wants an API key, and {KEY_NAME} is not set",
            "make one in a project with the Cloud Billing API on: https://docs.cloud.google.com/billing/v1/how-tos/catalog-api",
        )
    found = [price for service in SERVICES for sku in _skus(fetch, service, key) for price in _price(sku, SERVICES[service])]
    return book_text.text(_merged(pricing.prices(), found, today))


def _skus(fetch: Callable[[str], bytes], service: str, key: str) -> Iterator[Mapping[str, Any]]:
    """Every SKU of one service, over all pages."""
    token = ""
    for _ in range(MAX_PAGES):
        query = {"key": key, "currencyCode": "USD", "pageSize": PAGE_SIZE} | ({"pageToken": token} if token else {})
        page = _page(fetch, f"{HOST}/services/{service}/skus?{urlencode(query)}", service, key)
        yield from page["skus"]
        token = page.get("nextPageToken", "")
        if not token:
            return
    raise PriceError(f"Google's price catalogue has no last page for {SERVICES[service]}", "try again later")


def _page(fetch: Callable[[str], bytes], url: str, service: str, key: str) -> Mapping[str, Any]:
    try:
        page = json.loads(fetch(url), parse_float=Decimal)
    except (MldeployError, OSError) as error:  # whoever says what failed may say the address, and the key is in it
        raise PriceError(f"Google's price catalogue: {str(error).replace(key, '…')}", getattr(error, "hint", None)) from None
    except ValueError as error:
        raise PriceError(f"Google's price catalogue answered no JSON for {SERVICES[service]}: {error}") from error
    if not isinstance(page, dict) or not isinstance(page.get("skus"), list):
        raise PriceError(f"Google's price catalogue lists no SKUs for {SERVICES[service]} ({service})")
    return page


def _price(sku: Mapping[str, Any], service: str) -> Iterator[Price]:
    """The price in `sku`; nothing when it is of no meter of ours. Raises PriceError when it is not as documented."""
    try:
        description = " ".join(sku["description"].split())
        known = _EXACT.get(description) or next((v for k, v in _REGIONAL.items() if description.startswith(k)), None)
        category = sku["category"]
        if known is None or category["usageType"] != "OnDemand" or category["serviceDisplayName"] != service:
            return
        meter, unit = known
        info = max(sku["pricingInfo"], key=lambda each: str(each["effectiveTime"]))
        expression = info["pricingExpression"]
        if expression["usageUnit"] != unit:
            raise ValueError(f"its unit is {expression['usageUnit']}, not {unit}")
        regions = tuple(EVERYWHERE if region == "global" else str(region) for region in sku["serviceRegions"])
        note = f"SKU {sku['skuId']}, in effect since {info['effectiveTime'][:10]}"
        yield Price(meter, regions, tuple(_tiers(expression["tieredRates"])), note)
    except (KeyError, TypeError, AttributeError, ValueError, ArithmeticError) as error:
        name = sku.get("skuId") if isinstance(sku, dict) else sku
        raise PriceError(f"Google's price catalogue: SKU {name} of {service} is not as documented: {error!r}") from error


def _tiers(rates: Iterable[Mapping[str, Any]]) -> Iterator[Tier]:
    """The tiers without the free one. The catalogue says where a tier begins, a book where it ends."""
    steps = [(Decimal(rate["startUsageAmount"]), _money(rate["unitPrice"])) for rate in rates]
    starts = [start for start, _ in steps]
    if not steps or starts[0] != 0 or sorted(set(starts)) != starts:
        raise ValueError(f"its tiers begin at {', '.join(map(str, starts)) or 'nothing'}")
    if len(steps) > 1 and steps[0][1] == 0:
        steps = steps[1:]
    ends: list[Decimal | None] = [start for start, _ in steps[1:]]
    return (Tier(end, price) for end, (_, price) in zip([*ends, None], steps, strict=True))


def _money(price: Mapping[str, Any]) -> Decimal:
    if price["currencyCode"] != "USD":
        raise ValueError(f"it is in {price['currencyCode']}")
    return int(price.get("units") or 0) + int(price.get("nanos") or 0) * NANO


def _merged(old: PriceBook, found: Iterable[Price], today: datetime.date) -> PriceBook:
    """`old` with every price that was found, exactly once, in the place of its own."""
    source = Source("catalog", "Cloud Billing Catalog API", f"{HOST}/services", today.isoformat(), "api")
    fresh: dict[str, dict[str, set[tuple[tuple[Tier, ...], str]]]] = {}
    for price in found:
        for region in price.regions:
            fresh.setdefault(region, {}).setdefault(price.meter, set()).add((price.tiers, price.note))
    missing = {meter for meter, _ in (*_EXACT.values(), *_REGIONAL.values())} - {key for row in fresh.values() for key in row}
    if missing:
        raise PriceError(
            f"Google's price catalogue has no price any more for {', '.join(sorted(missing))}", "mldeploy is too old"
        )

    def over(region: str, rates: Mapping[str, Rate]) -> dict[str, Rate]:
        sure = {meter: min(each) for meter, each in fresh.get(region, {}).items() if len({t for t, _ in each}) == 1}
        return {**rates, **{key: Rate(old.meters[key], region, tiers, source, note) for key, (tiers, note) in sure.items()}}

    rates = {region: over(region, old.rates[region]) for region in old.regions}
    new = {region: over(region, {}) for region in sorted(fresh.keys() - old.regions.keys() - {EVERYWHERE})}
    new = {region: rows for region, rows in new.items() if {"cpu-request", "memory-request"} <= rows.keys()}
    return replace(
        old,
        date=today,
        sources={**old.sources, source.key: source},
        regions={**old.regions, **{region: region for region in new}},
        rates={**rates, **new},
        everywhere=over(EVERYWHERE, old.everywhere),
    )
