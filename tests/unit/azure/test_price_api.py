"""Renewing the price book from the Azure Retail Prices API.

`Shop` is a stand-in for it: rows, fields and paging are built from what Microsoft publishes about the API
(learn.microsoft.com/rest/api/cost-management/retail-prices/azure-retail-prices), figures from the book that ships. It is no
recording of the live service. Where the book knows no idle rate, the stand-in has one of its own.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from mldeploy.cost import book_file, shelf
from mldeploy.cost.billing import Tariff
from mldeploy.cost.book import PriceBook, PriceError, Rate
from mldeploy.cost.values import Quantity
from mldeploy.providers.azure import pricing
from mldeploy.providers.azure.price_api import APPS, FEEDS, Feed, fetch_prices
from mldeploy.providers.azure.provider import provider

TODAY = datetime.date(2026, 12, 24)
PAGE = 100
MADE_UP_IDLE = Decimal("0.000004")
Item = dict[str, Any]


def item(feed: Feed, region: str, price: Decimal, minimum: Decimal = Decimal(0), **changes: Any) -> Item:
    """One row, with all fields that the API has."""
    row = {
        "currencyCode": "USD",
        "tierMinimumUnits": float(minimum / feed.per),
        "retailPrice": float(price * feed.per),
        "unitPrice": float(price * feed.per),
        "armRegionName": region,
        "location": region.upper(),
        "effectiveStartDate": "2022-06-01T00:00:00Z",
        "meterId": "00000000-0000-0000-0000-000000000000",
        "meterName": feed.name,
        "productId": "DZH000000000",
        "skuId": "DZH000000000/0000",
        "productName": feed.product,
        "skuName": "Standard",
        "serviceName": feed.service,
        "serviceId": "DZH000000000",
        "serviceFamily": "Compute",
        "unitOfMeasure": feed.unit,
        "type": "Consumption",
        "isPrimaryMeterRegion": True,
        "armSkuName": "",
        "savingsPlan": [{"unitPrice": 1.0, "retailPrice": 1.0, "term": "1 Year"}],
    }
    return {**row, **changes}


def feed(meter: str) -> Feed:
    return next(each for each in FEEDS if each.meter == meter)


class Shop:
    """The stand-in: `rows` by service, in pages of 100 that point at each other."""

    def __init__(self, book: PriceBook) -> None:
        self.rows: dict[str, list[Item]] = {}
        self.asked: list[str] = []
        self.answers: Callable[[str, bytes], bytes] = lambda url, body: body
        for each in FEEDS:
            for region in book.regions:
                rate = book.tariff(region).get(each.meter)
                if rate:
                    self.rows.setdefault(each.service, []).extend(self._of(each, region, rate, book))
                elif each.meter == "aca-vcpu-idle":
                    self.rows[each.service].append(item(each, region, MADE_UP_IDLE))

    @staticmethod
    def _of(each: Feed, region: str, rate: Rate, book: PriceBook) -> list[Item]:
        """The free part comes first, as a tier without a price; Container Apps' grants are not in the API."""
        has_grant = each.meter in book.allowances and each.service != APPS
        start = book.allowances[each.meter].quantity if has_grant else Decimal(0)
        minima = [start, *(tier.upto for tier in rate.tiers if tier.upto is not None)]
        rows = [item(each, region, tier.price, minimum) for tier, minimum in zip(rate.tiers, minima, strict=True)]
        return [item(each, region, Decimal(0)), *rows] if has_grant else rows

    def __call__(self, url: str) -> bytes:
        self.asked.append(url)
        query = parse_qs(urlsplit(url).query)
        (wanted,) = query["$filter"]
        service = next(name for name in self.rows if f"serviceName eq '{name}'" in wanted)
        start = int(query.get("$skip", ["0"])[0])
        rows = self.rows[service][start : start + PAGE]
        more = start + PAGE < len(self.rows[service])
        following = url.split("&$skip")[0].replace("prices.azure.com/", "prices.azure.com:443/") + f"&$skip={start + PAGE}"
        page = {
            "BillingCurrency": "USD",
            "CustomerEntityId": "Default",
            "CustomerEntityType": "Retail",
            "Items": rows,
            "NextPageLink": following if more else None,
            "Count": len(rows),
        }
        return self.answers(url, json.dumps(page).encode())


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    monkeypatch.setenv("MLDEPLOY_STATE_DIR", str(tmp_path))
    return Shop(pricing.prices())


def renewed(shop: Shop) -> PriceBook:
    return book_file.parse(provider.fetch_prices(shop, TODAY), "renewed")


def refused(shop: Shop) -> str:
    """Why no book is made of it. What is in use stays."""
    before = pricing.prices()
    with pytest.raises(PriceError) as caught:
        shelf.write_book("azure", provider.fetch_prices(shop, TODAY), before)
    assert "old book stays in use" in (caught.value.hint or "")
    assert not shelf.refreshed_path("azure").exists()
    assert pricing.prices() is before
    return caught.value.message


def test_a_new_book_has_the_apis_prices_its_date_and_its_address(shop: Shop) -> None:
    old, new = pricing.prices(), renewed(shop)
    assert (new.date, new.currency, new.provider) == (TODAY, "USD", "azure")
    for region in old.regions:
        for meter, rate in old.tariff(region).items():
            assert new.tariff(region)[meter].tiers == rate.tiers, f"{meter} in {region}"
    source = new.tariff("northeurope")["aca-vcpu"].source
    assert (source.date, source.confidence) == (TODAY.isoformat(), "api")
    assert source.url.startswith("https://prices.azure.com/api/retail/prices")


def test_pages_are_followed_to_the_last(shop: Shop) -> None:
    renewed(shop)
    apps = [url for url in shop.asked if "Container%20Apps" in url]
    assert len(apps) == 2 == -(-len(shop.rows[APPS]) // PAGE)
    assert all(urlsplit(url).hostname == "prices.azure.com" for url in shop.asked)


def test_a_rate_that_was_unknown_is_known_then(shop: Shop) -> None:
    assert "aca-vcpu-idle" not in pricing.prices().tariff("westeurope")
    assert renewed(shop).tariff("westeurope")["aca-vcpu-idle"].tiers[0].price == MADE_UP_IDLE


def test_a_renewed_book_is_the_one_in_use(shop: Shop) -> None:
    shop.rows[APPS] = [
        row | {"retailPrice": 0.00003} if row["meterName"] == feed("aca-vcpu").name else row for row in shop.rows[APPS]
    ]
    shelf.write_book("azure", provider.fetch_prices(shop, TODAY), pricing.prices())
    bill = Tariff(pricing.prices(), "northeurope").bill([Quantity("aca-vcpu", Decimal(280_000))])
    assert bill.total == Decimal("3.00000")


def test_what_the_api_does_not_know_keeps_its_own_source_and_date(shop: Shop) -> None:
    old, new = pricing.prices(), renewed(shop)
    assert new.allowances["aca-vcpu"] == old.allowances["aca-vcpu"]
    assert new.commitments == old.commitments
    assert new.tariff("eastus")["metric-alert"] == old.tariff("eastus")["metric-alert"]


def test_a_first_tier_without_a_price_is_a_free_grant(shop: Shop) -> None:
    for row in shop.rows["Functions"]:
        if row["meterName"] == feed("consumption-executions").name and row["tierMinimumUnits"]:
            row["tierMinimumUnits"] = 120_000.0  # tens
    grant = renewed(shop).allowances["consumption-executions"]
    assert (grant.quantity, grant.source.key) == (1_200_000, "retail-api")


def test_tiers_of_one_price_are_one(shop: Shop) -> None:
    """The API repeats 0.05 from 512,095 GB on."""
    shop.rows["Bandwidth"].append(item(feed("egress"), "uksouth", Decimal("0.05"), Decimal(512_095)))
    assert renewed(shop).tariff("uksouth")["egress"].tiers == pricing.prices().tariff("uksouth")["egress"].tiers


def test_a_new_region_comes_with_its_name(shop: Shop) -> None:
    for meter in ("aca-vcpu", "aca-vcpu-idle", "aca-memory", "aca-memory-idle", "aca-requests"):
        shop.rows[APPS].append(item(feed(meter), "italynorth", Decimal("0.00003"), location="IT North"))
    new = renewed(shop)
    assert new.regions["italynorth"] == "IT North"
    assert new.tariff("italynorth")["aca-vcpu"].tiers[0].price == Decimal("0.00003")


def test_what_is_off_in_a_region_that_has_no_price_yet_stays_unknown(shop: Shop) -> None:
    """A row of some special region must not stop the others."""
    for price in ("0.00003", "0.00004"):
        shop.rows[APPS].append(item(feed("aca-vcpu"), "italynorth", Decimal(price)))
    shop.rows["Bandwidth"] += [
        item(feed("egress"), "italynorth", Decimal(0)),
        item(feed("egress"), "italynorth", Decimal("0.09"), Decimal(5)),
    ]
    new = renewed(shop)
    assert not {"aca-vcpu", "egress"} & new.tariff("italynorth").keys()
    assert new.allowances["egress"].quantity == 100


@pytest.mark.parametrize("region", ["usgovvirginia", "chinaeast2", ""])
def test_clouds_of_their_own_and_rows_without_a_region_are_left_out(shop: Shop, region: str) -> None:
    shop.rows[APPS].append(item(feed("aca-vcpu"), region, Decimal("0.00003")))
    assert region not in renewed(shop).regions


def test_the_newest_price_that_holds_already_is_taken(shop: Shop) -> None:
    shop.rows[APPS] += [
        item(feed("aca-vcpu"), "northeurope", Decimal("0.000025"), effectiveStartDate="2026-12-01T00:00:00Z"),
        item(feed("aca-vcpu"), "northeurope", Decimal("0.000099"), effectiveStartDate="2027-01-01T00:00:00Z"),
    ]
    assert renewed(shop).tariff("northeurope")["aca-vcpu"].tiers[0].price == Decimal("0.000025")


def test_prices_pass_through_no_binary_float(shop: Shop) -> None:
    shop.answers = lambda url, body: body.replace(b": 2.4e-05", b": 0.0000240000000000000001")
    assert renewed(shop).tariff("northeurope")["aca-vcpu"].tiers[0].price == Decimal("0.0000240000000000000001")


# What is off -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "what"),
    [
        (b"<html>Too Many Requests</html>", "this is no JSON"),
        (b"", "this is no JSON"),
        (b"\xff\xfe", "this is no JSON"),
        (b"[]", "an answer has Items and NextPageLink"),
        (b'{"Items": {}, "NextPageLink": null}', "an answer has Items and NextPageLink"),
        (b'{"Items": [], "NextPageLink": 7}', "an answer has Items and NextPageLink"),
        (b'{"Items": [], "NextPageLink": null, "Count": 3}', "it says 3 items and has 0"),
        (b'{"Items": ["x"], "NextPageLink": null}', "an item is no object"),
        (b'{"Items": [], "NextPageLink": null}', "nothing about Standard vCPU Active Usage"),
        (b'{"Items": [], "NextPageLink": "https://example.com/api/retail/prices?x"}', "its next page is somewhere else"),
        (b'{"Items": [], "NextPageLink": "http://prices.azure.com/api/retail/prices?x"}', "its next page is somewhere else"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_an_answer_that_is_no_answer_is_refused(shop: Shop, body: bytes, what: str) -> None:
    shop.answers = lambda url, said: body
    assert what in refused(shop)


def test_pages_that_point_at_themselves_come_to_an_end(shop: Shop) -> None:
    shop.answers = lambda url, said: json.dumps({**json.loads(said), "NextPageLink": url}).encode()
    assert "its pages do not end" in refused(shop)


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"currencyCode": "EUR"}, "is in EUR, not USD"),
        ({"unitOfMeasure": "1 Hour"}, "is per '1 Hour', not '1 Second'"),
        ({"retailPrice": "free"}, "retailPrice is 'free'"),
        ({"retailPrice": None}, "retailPrice is None"),
        ({"retailPrice": -1.0}, "retailPrice is Decimal('-1.0')"),
        ({"tierMinimumUnits": 5.0}, "has no price for the first unit"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_row_that_is_not_what_it_should_be_is_refused(shop: Shop, changes: Item, what: str) -> None:
    shop.rows[APPS][0].update(changes)
    message = refused(shop)
    assert what in message
    assert "Standard vCPU Active Usage" in message


def test_two_prices_for_the_same_are_refused(shop: Shop) -> None:
    shop.rows[APPS].append(shop.rows[APPS][0] | {"retailPrice": 1.0})
    assert "costs both" in refused(shop)


def test_another_grant_in_one_region_is_refused(shop: Shop) -> None:
    row = next(row for row in shop.rows["Bandwidth"] if row["armRegionName"] == "uksouth" and row["tierMinimumUnits"] == 100)
    row["tierMinimumUnits"] = 50.0
    message = refused(shop)
    assert "Standard Data Transfer Out" in message
    assert "are free, and" in message


def test_a_region_that_lost_a_meter_is_refused(shop: Shop) -> None:
    shop.rows[APPS] = [
        row for row in shop.rows[APPS] if (row["armRegionName"], row["meterName"]) != ("uksouth", "Standard Requests")
    ]
    assert "nothing about Standard Requests in uksouth" in refused(shop)


def test_a_price_that_jumps_is_refused(shop: Shop) -> None:
    """A unit misread, for instance."""
    for row in shop.rows[APPS]:
        if row["meterName"] == "Standard Requests":
            row["retailPrice"] = row["retailPrice"] * 1_000_000
    assert "aca-requests" in refused(shop)


def test_a_failing_fetch_leaves_all_as_it_was(shop: Shop) -> None:
    def fail(url: str) -> bytes:
        raise PriceError(f"{url}: 503", "the old book stays in use; try again later")

    with pytest.raises(PriceError, match="503"):
        fetch_prices(pricing.prices(), fail, TODAY)
    assert not shelf.refreshed_path("azure").exists()
