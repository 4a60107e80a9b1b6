"""A new book from AWS's Price List files. The files are built here from their published structure and figures; they are no live
recordings: docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/reading-service-price-list-file-for-services.html."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from mldeploy.cost import book_file, shelf
from mldeploy.cost.book import PriceBook, PriceError, Tier
from mldeploy.cost.contract import Priced
from mldeploy.providers.aws import pricing
from mldeploy.providers.aws.provider import AwsProvider

provider: Priced = AwsProvider()
HOST = "https://pricing.us-east-1.amazonaws.com"
TODAY = datetime.date(2026, 11, 21)
VERSION = "20261101000000"
PREFIX = {"us-east-1": "", "eu-west-2": "EUW2-", "ap-east-1": "APE1-"}
LOCATION = {"us-east-1": "US East (N. Virginia)", "eu-west-2": "EU (London)", "ap-east-1": "Asia Pacific (Hong Kong)"}

Steps = list[tuple[str, str, str]]
Files = dict[str, Any]


def flat(price: str) -> Steps:
    return [("0", "Inf", price)]


X86: Steps = [
    ("0", "6000000000", "0.0000166667"),
    ("6000000000", "15000000000", "0.0000150000"),
    ("15000000000", "Inf", "0.0000133334"),
]
ARM: Steps = [
    ("0", "7500000000", "0.0000133334"),
    ("7500000000", "18750000000", "0.0000120001"),
    ("18750000000", "Inf", "0.0000106667"),
]
OUT: Steps = [
    ("0", "10240", "0.0900000000"),
    ("10240", "51200", "0.0850000000"),
    ("51200", "153600", "0.0700000000"),
    ("153600", "Inf", "0.0500000000"),
]


class Offer:
    """One offer's file of one region, product by product."""

    def __init__(self, offer: str, region: str) -> None:
        self.offer, self.region, self.products, self.terms = offer, region, {}, {}  # type: Any, str, Files, Files

    def add(self, usage: str, steps: Steps, *, family: str = "", region: str | None = None, **attributes: str) -> None:
        sku = f"SKU{len(self.products):04d}"
        own = {"regionCode": self.region if region is None else region, "location": LOCATION[self.region]}
        named = {**own, "usagetype": usage if region == "" else PREFIX[self.region] + usage, "servicecode": self.offer}
        self.products[sku] = {"sku": sku, "productFamily": family, "attributes": {**named, **attributes}}
        dimensions = {
            f"{sku}.JRTCKXETXF.{number}": {
                "rateCode": f"{sku}.JRTCKXETXF.{number}",
                "beginRange": begin,
                "endRange": end,
                "unit": "unit",
                "pricePerUnit": {"USD": price},
                "appliesTo": [],
            }
            for number, (begin, end, price) in enumerate(reversed(steps))
        }
        self.terms[sku] = {f"{sku}.JRTCKXETXF": {"sku": sku, "priceDimensions": dimensions, "termAttributes": {}}}

    def document(self) -> Files:
        return {
            "formatVersion": "v1.0",
            "offerCode": self.offer,
            "version": VERSION,
            "publicationDate": "2026-11-01T00:00:00Z",
            "products": self.products,
            "terms": {"OnDemand": self.terms, "Reserved": {}},
        }


def functions(region: str) -> Offer:
    file = Offer("AWSLambda", region)
    file.add("Request", flat("0.0000002000"), group="AWS-Lambda-Requests")
    file.add("Request-ARM", flat("0.0000002000"), group="AWS-Lambda-Requests-ARM")
    file.add("Lambda-GB-Second", X86, group="AWS-Lambda-Duration")
    file.add("Lambda-GB-Second-ARM", ARM, group="AWS-Lambda-Duration-ARM")
    file.add("Lambda-Provisioned-Concurrency", flat("0.0000048304"), group="AWS-Lambda-Provisioned-Concurrency")
    file.add("Lambda-Provisioned-Concurrency-ARM", flat("0.0000038643"), group="AWS-Lambda-Provisioned-Concurrency-ARM")
    file.add("Lambda-Provisioned-GB-Second", flat("0.0000112709"), group="AWS-Lambda-Duration-Provisioned")
    file.add("Lambda-Provisioned-GB-Second-ARM", flat("0.0000090167"), group="AWS-Lambda-Duration-Provisioned-ARM")
    file.add("Lambda-Storage-GB-Second", flat("0.0000000358"), group="AWS-Lambda-Storage-Duration")
    file.add("Lambda-Storage-GB-Second-ARM", flat("0.0000000358"), group="AWS-Lambda-Storage-Duration-ARM")
    file.add("Lambda-Streaming", flat("0.008"), group="AWS-Lambda-Processed-Bytes")
    # What looks alike and is something else: Lambda@Edge, and the free tier of the whole account.
    file.add("Lambda-Edge-Request", flat("0.0000006000"), group="AWS-Lambda-Edge-Requests")
    file.add("Global-Request", [("0", "2000000", "0.0000000000")], region="", group="AWS-Lambda-Requests")
    file.add("Global-Lambda-GB-Second", [("0", "500000", "0.0000000000")], region="", group="AWS-Lambda-Duration")
    return file


def neighbours(region: str) -> list[Offer]:
    gateway, out, watch, registry, secrets = (
        Offer(name, region)
        for name in ("AmazonApiGateway", "AWSDataTransfer", "AmazonCloudWatch", "AmazonECR", "AWSSecretsManager")
    )
    tiers: Steps = [("0", "300000000", "0.0000011600"), ("300000000", "Inf", "0.0000010400")]
    gateway.add("ApiGatewayHttpRequest", tiers, family="API Calls", operation="ApiGatewayHttpApi")
    gateway.add("ApiGatewayRequest", flat("0.0000035"), family="API Calls", operation="ApiGatewayRequest")
    outward = {"fromRegionCode": region, "transferType": "AWS Outbound", "toLocation": "External"}
    out.add("DataTransfer-Out-Bytes", OUT, region="", **{**outward, "usagetype": PREFIX[region] + "DataTransfer-Out-Bytes"})
    inward = {**outward, "toLocation": "Amazon CloudFront", "transferType": "InterRegion Outbound"}
    out.add("CloudFront-Out-Bytes", flat("0"), region="", **inward)
    watch.add("DataProcessing-Bytes", flat("0.5985"), operation="PutLogEvents")
    watch.add("VendedLog-Bytes", flat("0.3"), operation="PutLogEvents")
    watch.add("TimedStorage-ByteHrs", flat("0.0315"))
    watch.add("CW:AlarmMonitorUsage", flat("0.10"), family="Alarm", alarmType="Standard")
    watch.add("CW:HighResAlarmMonitorUsage", flat("0.30"), family="Alarm")
    registry.add("TimedStorage-ByteHrs", flat("0.10"), family="EC2 Container Registry")
    secrets.add("AWSSecretsManager-Secrets", flat("0.40"), family="Secret")
    secrets.add("AWSSecretsManagerAPIRequest", flat("0.0000050000"), family="API Request")
    return [gateway, out, watch, registry, secrets]


@pytest.fixture
def web() -> Files:
    """Every URL that a refresh asks for; each region has all offers but Hong Kong, which has Lambda alone."""
    pages: Files = {}
    for region in PREFIX:
        for file in [functions(region), *(neighbours(region) if region != "ap-east-1" else [])]:
            path = f"/offers/v1.0/aws/{file.offer}/{VERSION}/{region}/index.json"
            index = pages.setdefault(f"{HOST}/offers/v1.0/aws/{file.offer}/current/region_index.json", {"regions": {}})
            index["regions"][region] = {"regionCode": region, "currentVersionUrl": path}
            pages[HOST + path] = file.document()
    return pages


def asked(pages: Files) -> Callable[[str], bytes]:
    def fetch(url: str) -> bytes:
        page = pages[url]
        return page if isinstance(page, bytes) else json.dumps(page).encode()

    return fetch


def refreshed(pages: Files) -> PriceBook:
    return book_file.parse(provider.fetch_prices(asked(pages), TODAY), "fresh")


def file_of(pages: Files, offer: str, region: str) -> Files:
    found: Files = pages[f"{HOST}/offers/v1.0/aws/{offer}/{VERSION}/{region}/index.json"]
    return found


def test_prices_come_from_the_files(web: Files) -> None:
    book = refreshed(web)
    assert book.date == TODAY
    london = book.tariff("eu-west-2")
    assert london["compute-arm64"].tiers[1].price == Decimal("0.0000120001")
    assert london["provisioned-compute-arm64"].tiers == (Tier(None, Decimal("0.0000090167")),)
    assert london["http-api-request"].tiers[1] == Tier(None, Decimal("0.00000104"))
    assert london["egress"].tiers[0] == Tier(Decimal(10240), Decimal("0.09"))
    assert london["logs-ingest"].tiers[0].price == Decimal("0.5985")
    assert london["registry"].source.confidence == "api"
    source = london["compute-x86_64"].source
    assert (source.date, source.confidence) == ("2026-11-01", "api")
    assert source.url == f"{HOST}/offers/v1.0/aws/AWSLambda/{VERSION}/"


def test_a_region_that_was_unknown_is_known_now(web: Files) -> None:
    hong_kong = refreshed(web).tariff("ap-east-1")
    assert hong_kong["request-x86_64"].tiers[0].price == Decimal("0.0000002")
    assert hong_kong["compute-x86_64"].source.confidence == "api"
    assert "http-api-request" not in hong_kong
    assert hong_kong["registry"].source.confidence == "third-party"


def test_what_the_files_do_not_have_is_kept_with_its_own_source(web: Files) -> None:
    shipped, book = pricing.prices(), refreshed(web)
    assert book.rates["us-east-1"]["snapstart-cache"] == shipped.rates["us-east-1"]["snapstart-cache"]
    assert book.commitments == shipped.commitments
    assert book.regions == shipped.regions


def test_a_region_that_the_files_leave_out_loses_its_prices(web: Files) -> None:
    assert "compute-x86_64" not in refreshed(web).tariff("eu-central-1")


def test_the_free_tier_is_read_too(web: Files) -> None:
    allowances = refreshed(web).allowances
    assert allowances["request-arm64"].quantity == 2_000_000
    assert allowances["compute-x86_64"].quantity == 500_000
    assert allowances["egress"].quantity == 100


def test_a_new_region_is_called_as_aws_calls_it(web: Files) -> None:
    text = json.dumps(web).replace("ap-east-1", "ap-east-9").replace("Hong Kong", "Moon")
    assert refreshed(json.loads(text)).regions["ap-east-9"] == "Asia Pacific (Moon)"


def test_the_documented_names_of_ranges_are_read_as_well(web: Files) -> None:
    text = json.dumps(web).replace("beginRange", "startingRange").replace("endRange", "endingRange")
    assert refreshed(json.loads(text)) == refreshed(web)


def damaged_index(pages: Files) -> None:
    pages[f"{HOST}/offers/v1.0/aws/AWSLambda/current/region_index.json"] = {"regions": {}}


def foreign_path(pages: Files) -> None:
    index = pages[f"{HOST}/offers/v1.0/aws/AmazonECR/current/region_index.json"]
    index["regions"]["eu-west-2"]["currentVersionUrl"] = "@elsewhere.example/index.json"


def truncated(pages: Files) -> None:
    whole = json.dumps(file_of(pages, "AWSLambda", "eu-west-2")).encode()
    pages[f"{HOST}/offers/v1.0/aws/AWSLambda/{VERSION}/eu-west-2/index.json"] = whole[: len(whole) // 2]


def no_text(pages: Files) -> None:
    pages[f"{HOST}/offers/v1.0/aws/AWSLambda/{VERSION}/eu-west-2/index.json"] = b"\xff\xfe\x00"


def a_list(pages: Files) -> None:
    pages[f"{HOST}/offers/v1.0/aws/AWSLambda/{VERSION}/eu-west-2/index.json"] = [1]


def no_terms(pages: Files) -> None:
    del file_of(pages, "AmazonCloudWatch", "us-east-1")["terms"]["OnDemand"]


def no_request(pages: Files) -> None:
    products = file_of(pages, "AWSLambda", "us-east-1")["products"]
    del products["SKU0000"]


def gap(pages: Files) -> None:
    _dimension(pages, "SKU0002", 1)["beginRange"] = "7000000000"


def no_end(pages: Files) -> None:
    _dimension(pages, "SKU0000", 0)["endRange"] = "10"


def negative(pages: Files) -> None:
    _dimension(pages, "SKU0000", 0)["pricePerUnit"]["USD"] = "-1"


def no_number(pages: Files) -> None:
    _dimension(pages, "SKU0000", 0)["pricePerUnit"]["USD"] = "free"


def another_currency(pages: Files) -> None:
    _dimension(pages, "SKU0000", 0)["pricePerUnit"] = {"CNY": "1"}


def two_prices(pages: Files) -> None:
    file = file_of(pages, "AWSLambda", "us-east-1")
    file["products"]["TWIN"] = {**file["products"]["SKU0000"], "sku": "TWIN"}
    file["terms"]["OnDemand"]["TWIN"] = file["terms"]["OnDemand"]["SKU0005"]


def _dimension(pages: Files, sku: str, number: int) -> Any:
    terms = file_of(pages, "AWSLambda", "us-east-1")["terms"]["OnDemand"][sku][f"{sku}.JRTCKXETXF"]
    return terms["priceDimensions"][f"{sku}.JRTCKXETXF.{number}"]


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (damaged_index, "names no regions"),
        (foreign_path, "eu-west-2 has no file of its own"),
        (truncated, "no JSON"),
        (no_text, "no JSON"),
        (a_list, "no JSON object"),
        (no_terms, "no price list"),
        (no_request, "has no price of requests, x86_64"),
        (gap, "tiers go from"),
        (no_end, "tiers have no end"),
        (negative, "-1 is no price"),
        (no_number, "no price list"),
        (another_currency, "no price list"),
        (two_prices, "requests has 2 different prices"),
    ],
)
def test_a_malformed_answer_is_no_book(web: Files, damage: Callable[[Files], None], said: str) -> None:
    damage(web)
    with pytest.raises(PriceError, match=said) as caught:
        provider.fetch_prices(asked(web), TODAY)
    assert caught.value.message.startswith(HOST)
    assert "old price book" in str(caught.value.hint)


def test_a_file_that_cannot_be_fetched_is_named() -> None:
    def fetch(url: str) -> bytes:
        raise OSError("no route to host")

    with pytest.raises(PriceError, match=r"AWSLambda/current/region_index\.json: it cannot be fetched: no route to host"):
        provider.fetch_prices(fetch, TODAY)


def test_a_book_without_regions_that_had_prices_leaves_the_old_one(
    web: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three regions only: whatever else had a price would lose it, and the shelf refuses."""
    monkeypatch.setenv("MLDEPLOY_STATE_DIR", str(tmp_path))
    old = pricing.prices()
    with pytest.raises(PriceError, match="has no price any more"):
        shelf.write_book("aws", provider.fetch_prices(asked(web), TODAY), old)
    assert not shelf.refreshed_path("aws").exists()
    assert pricing.prices() is old


def test_a_whole_book_is_kept_and_used(web: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLDEPLOY_STATE_DIR", str(tmp_path))
    assert pricing.prices().date < TODAY
    shelf.write_book("aws", provider.fetch_prices(asked(web), TODAY))
    assert pricing.prices().date == TODAY
    assert pricing.prices().tariff("eu-west-2")["compute-arm64"].source.key == f"AWSLambda-{VERSION}"
