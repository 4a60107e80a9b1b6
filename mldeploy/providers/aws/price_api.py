"""AWS's public Price List files, read into a new price book. No account is needed; the caller's `fetch` does the network.

    …/offers/v1.0/aws/<offer>/current/region_index.json ─▶ one file a region ─▶ products ─SOUGHT─▶ {meter: tiers}
    the book that ships ──────────── what the files do not have ────────────────────────┴─▶ PriceBook ─▶ text

Format: docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/reading-service-price-list-file-for-services.html. Whatever does
not look like it is a PriceError that names the file: a half-read book is never made.
"""

from __future__ import annotations

import dataclasses
import datetime
import json
import re
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal, InvalidOperation
from importlib.resources import files
from typing import Any, NamedTuple

from mldeploy.cost import book_file, book_text
from mldeploy.cost.book import PriceBook, PriceError, Rate, Source, Tier
from mldeploy.providers.aws.price_list import FREE, NEEDED, SOUGHT

HOST = "https://pricing.us-east-1.amazonaws.com"
REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d+")
FILE = re.compile(r"/offers/v1\.0/aws/\w+/\d+/[a-z0-9-]+/index\.json")
RETRY = "the old price book stays in use; try again later"

Fetch = Callable[[str], bytes]


class OfferFile(NamedTuple):
    """What one region's file says: tiers by meter, free quantities by meter, and where it was read."""

    tiers: Mapping[str, tuple[Tier, ...]]
    free: Mapping[str, Decimal]
    source: Source
    title: str


class Step(NamedTuple):
    """One price dimension: `price` of each unit from `begin` up to `end`, which may be infinite."""

    begin: Decimal
    end: Decimal
    price: Decimal


def fetch_prices(fetch: Fetch, today: datetime.date) -> str:
    """The text of a new book. What AWS's files have is read from them, the rest is kept from the book that ships. Raises
    PriceError when a file is missing, malformed, or has two prices for one thing."""
    shipped = files(__package__) / "prices.toml"
    book = book_file.parse(shipped.read_text(encoding="utf-8"), str(shipped))
    indexes = {offer: _index(fetch, offer) for offer in SOUGHT}
    found = {
        region: [_region_file(fetch, offer, indexes[offer][region], region) for offer in SOUGHT if region in indexes[offer]]
        for region in sorted(indexes[next(iter(SOUGHT))])
    }
    for region, parts in found.items():
        known = {meter for part in parts for meter in part.tiers}
        for meter in NEEDED:
            if meter not in known:
                raise PriceError(f"{HOST}: AWSLambda in {region} has no price of {book.meters[meter].title}", RETRY)
    return book_text.text(_renewed(book, found, today))


def _renewed(book: PriceBook, found: Mapping[str, list[OfferFile]], today: datetime.date) -> PriceBook:
    """`book` with what was found in the place of what it had; only meters that no file has keep their old rows."""
    sources = dict(book.sources)
    titles = dict(book.regions)
    free: dict[str, Decimal] = {}
    sought = {meter for matches in SOUGHT.values() for match in matches for meter in match.meters}
    rates = {
        region: {meter: rate for meter, rate in rows.items() if meter not in sought} for region, rows in book.rates.items()
    }
    for region, parts in found.items():
        titles.setdefault(region, parts[0].title)
        rows = rates.setdefault(region, {})
        for part in parts:
            sources[part.source.key] = part.source
            free.update(part.free)
            for meter, tiers in part.tiers.items():
                rows[meter] = Rate(book.meters[meter], region, tiers, part.source)
    allowances = {
        key: dataclasses.replace(each, quantity=free.get(key, each.quantity)) for key, each in book.allowances.items()
    }
    return dataclasses.replace(book, date=today, regions=titles, sources=sources, rates=rates, allowances=allowances)


def _index(fetch: Fetch, offer: str) -> dict[str, str]:
    """The URL of each region's file of `offer`."""
    url = f"{HOST}/offers/v1.0/aws/{offer}/current/region_index.json"
    regions = _read(fetch, url).get("regions")
    if not isinstance(regions, dict) or not regions:
        raise PriceError(f"{url}: it names no regions", RETRY)
    found = {}
    for region, entry in regions.items():
        path = entry.get("currentVersionUrl") if isinstance(entry, dict) else None
        if not isinstance(path, str) or not FILE.fullmatch(path):
            raise PriceError(f"{url}: {region} has no file of its own", RETRY)
        if REGION.fullmatch(region):
            found[region] = HOST + path
    return found


def _region_file(fetch: Fetch, offer: str, url: str, region: str) -> OfferFile:
    written = _read(fetch, url)
    try:
        version, date = str(written["version"]), datetime.date.fromisoformat(written["publicationDate"][:10])
        products, terms = dict(written["products"]), dict(written["terms"]["OnDemand"])
        tiers = {
            meter: _only({_tiers(terms[sku]) for sku in skus}, f"{url}: {match.title}")
            for match in SOUGHT[offer]
            if (skus := [sku for sku, product in products.items() if match.fits(product, region)])
            for meter in match.meters
        }
        free = dict(_free(products, terms))
        title = next((product["attributes"].get("location", region) for product in products.values()), region)
    except (KeyError, TypeError, ValueError, AttributeError, InvalidOperation) as error:
        said = f"{type(error).__name__}: {error}"
        raise PriceError(f"{url}: this is no price list of AWS as it is documented ({said})", RETRY) from error
    source = Source(
        key=f"{offer}-{version}",
        title=f"AWS Price List, offer file {offer} {version}",
        url=f"{HOST}/offers/v1.0/aws/{offer}/{version}/",
        date=date.isoformat(),
        confidence="api",
    )
    return OfferFile(tiers, free, source, title)


def _free(products: Mapping[str, Any], terms: Mapping[str, Any]) -> Iterator[tuple[str, Decimal]]:
    """What is free each month, worldwide: products of no region, whose price is zero up to a bound."""
    for sku, product in products.items():
        for meter in FREE.get(product["attributes"].get("usagetype", ""), ()):
            bounds = [each.end for each in _steps(terms[sku]) if each.price == 0]
            if len(bounds) == 1 and bounds[0].is_finite():
                yield meter, bounds[0]


def _tiers(terms: Mapping[str, Any]) -> tuple[Tier, ...]:
    """The price dimensions of one product as tiers. Raises ValueError where they leave a gap."""
    tiers = []
    reached = Decimal(0)
    for begin, end, price in sorted(_steps(terms)):
        if begin != reached:
            raise ValueError(f"its tiers go from {reached} to {begin}")
        reached = end
        tiers.append(Tier(end if end.is_finite() else None, price))
    if not tiers or tiers[-1].upto is not None:
        raise ValueError("its tiers have no end")
    return tuple(tiers)


def _steps(terms: Mapping[str, Any]) -> Iterator[Step]:
    """The price dimensions of one product. The documentation calls their bounds otherwise than the files do."""
    for term in terms.values():
        for each in term["priceDimensions"].values():
            price = Decimal(each["pricePerUnit"]["USD"]).normalize()
            if not price.is_finite() or price < 0:
                raise ValueError(f"{price} is no price")
            begin, end = each.get("beginRange", each.get("startingRange")), each.get("endRange", each.get("endingRange"))
            yield Step(Decimal(begin), Decimal(end), price)


def _only(found: set[tuple[Tier, ...]], what: str) -> tuple[Tier, ...]:
    if len(found) != 1:
        raise PriceError(f"{what} has {len(found)} different prices", RETRY)
    return next(iter(found))


def _read(fetch: Fetch, url: str) -> Mapping[str, Any]:
    try:
        written = json.loads(fetch(url))
    except OSError as error:
        raise PriceError(f"{url}: it cannot be fetched: {error}", RETRY) from error
    except ValueError as error:
        raise PriceError(f"{url}: this is no JSON: {error}", RETRY) from error
    if not isinstance(written, dict):
        raise PriceError(f"{url}: this is no JSON object", RETRY)
    return written
