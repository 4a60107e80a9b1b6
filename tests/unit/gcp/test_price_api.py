"""A new book from the Cloud Billing Catalog, asked at a stand-in (`gcp_catalog`), and what happens when its answers are off."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from gcp_bills import book, priced
from gcp_catalog import REGISTRY, RUN, Catalog, Sku, run_skus, sku

from mldeploy.cost import book_file, shelf
from mldeploy.cost.book import PriceBook, PriceError, Tier
from mldeploy.errors import MldeployError
from mldeploy.providers.gcp import price_api

TODAY = datetime.date(2026, 12, 24)


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A key, and a state folder without a refreshed book."""
    monkeypatch.setenv(price_api.KEY_NAME, "secret-key")
    monkeypatch.setenv("MLDEPLOY_STATE_DIR", str(tmp_path / "state"))
    yield
    shelf._chosen.cache_clear()


def fetched(catalog: Catalog) -> PriceBook:
    return book_file.parse(priced.fetch_prices(catalog, TODAY), "fetched")


def test_prices_come_page_by_page() -> None:
    catalog = Catalog()
    new = fetched(catalog)
    assert [url.split("/")[5] for url in catalog.asked] == [RUN] * 3 + [REGISTRY]
    rate = new.tariff("europe-west1")["cpu-request"]
    assert rate.tiers == (Tier(None, Decimal("0.000025")),)
    assert (rate.source.confidence, rate.source.date, rate.source.url) == (
        "api",
        "2026-12-24",
        "https://cloudbilling.googleapis.com/v1/services",
    )
    assert rate.note == "SKU 1111-1111-1111, in effect since 2026-11-01"
    assert new.date == TODAY
    assert new.tariff("europe-west2")["memory-request"].tiers[0].price == Decimal("0.0000035")
    assert new.tariff("asia-northeast1")["cpu-instance"].tiers[0].price == Decimal("0.0000185")
    assert new.everywhere["requests"].source.key == "catalog"
    assert new.everywhere["registry"].tiers == (Tier(None, Decimal("0.1")),)


def test_what_the_catalogue_does_not_say_stays_as_it_was() -> None:
    old, new = book(), fetched(Catalog())
    assert new.allowances == old.allowances
    assert new.commitments == old.commitments
    assert new.everywhere["egress"] == old.everywhere["egress"]
    assert new.tariff("us-central1")["gpu-l4"] == old.tariff("us-central1")["gpu-l4"]
    assert new.tariff("europe-west3") == {**old.tariff("europe-west3")} | {
        key: new.everywhere[key] for key in ("requests", "registry")
    }
    assert all(key in new.tariff(region) for region in old.regions for key in old.tariff(region))


def test_a_region_in_both_tiers_keeps_its_old_price() -> None:
    old, new = book(), fetched(Catalog())
    assert new.rates["africa-south1"]["cpu-request"] == old.rates["africa-south1"]["cpu-request"]


def test_a_new_region_is_taken_up() -> None:
    new = fetched(Catalog())
    assert new.regions["asia-southeast3"] == "asia-southeast3"
    assert new.tariff("asia-southeast3")["cpu-request"].tiers[0].price == Decimal("0.0000336")
    lonely = fetched(Catalog([*run_skus(), sku("Services Min Instance CPU (Request-based billing)", 2_500, ["mars-north1"])]))
    assert "mars-north1" not in lonely.regions


def test_tiers_end_where_the_next_one_begins() -> None:
    tiered = sku("Requests", 400, ["global"], unit="count", free=2_000_000)
    rates = tiered["pricingInfo"][0]["pricingExpression"]["tieredRates"]
    rates.append({"startUsageAmount": 10_000_000, "unitPrice": {"currencyCode": "USD", "units": "", "nanos": 300}})
    others = [each for each in run_skus() if each["description"] != "Requests"]
    new = fetched(Catalog([*others, tiered]))
    assert new.everywhere["requests"].tiers == (
        Tier(Decimal(10_000_000), Decimal("0.0000004")),
        Tier(None, Decimal("0.0000003")),
    )


def test_the_new_book_is_taken_into_use() -> None:
    old = priced.prices()
    shelf.write_book("gcp", priced.fetch_prices(Catalog(), TODAY), old)
    assert priced.prices().date == TODAY
    assert priced.prices().tariff("europe-west1")["cpu-request"].source.confidence == "api"


def test_without_a_key_it_says_where_to_get_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(price_api.KEY_NAME)
    with pytest.raises(PriceError, match="GCP_BILLING_API_KEY is not set") as caught:
        priced.fetch_prices(Catalog(), TODAY)
    assert "catalog-api" in str(caught.value.hint)


def test_the_key_is_in_no_message() -> None:
    def refuse(url: str) -> bytes:
        raise MldeployError(f"403 for {url}", "check the key")

    with pytest.raises(PriceError, match="403 for") as caught:
        priced.fetch_prices(refuse, TODAY)
    assert "secret-key" not in f"{caught.value}{caught.value.hint}{caught.value.__cause__}"
    assert caught.value.hint == "check the key"


def changed(path: str, value: Any) -> list[Sku]:
    """Cloud Run's SKUs with one thing of the first changed, or taken away (None)."""
    skus: Any = json.loads(json.dumps(run_skus()))
    *way, last = path.split(".")
    place = skus[0]
    for step in way:
        place = place[int(step) if step.isdigit() else step]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return list(skus)


EXPRESSION = "pricingInfo.0.pricingExpression"


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (f"{EXPRESSION}.usageUnit", "h", "its unit is h, not s"),
        (f"{EXPRESSION}.tieredRates", [], "its tiers begin at nothing"),
        (f"{EXPRESSION}.tieredRates.1.startUsageAmount", 0, "its tiers begin at 0, 0"),
        (f"{EXPRESSION}.tieredRates.1.unitPrice.currencyCode", "EUR", "it is in EUR"),
        (f"{EXPRESSION}.tieredRates.1.unitPrice.nanos", "many", "many"),
        (f"{EXPRESSION}.tieredRates.1.unitPrice", None, "unitPrice"),
        ("pricingInfo", [], "not as documented"),
        ("category", "Compute", "not as documented"),
        ("serviceRegions", None, "serviceRegions"),
    ],
)
def test_a_sku_that_is_not_as_documented_stops_it(path: str, value: Any, said: str) -> None:
    with pytest.raises(PriceError, match="SKU 4856-B847-F1EB of Cloud Run is not as documented") as caught:
        fetched(Catalog(changed(path, value), size=99))
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda body: body[:-20], "answered no JSON for Cloud Run"),
        (lambda body: b"", "answered no JSON"),
        (lambda body: b"\xff\xfe\xfd", "answered no JSON"),
        (lambda body: b"[]", "lists no SKUs for Cloud Run"),
        (lambda body: b'{"error": {"code": 403}}', "lists no SKUs"),
        (lambda body: b'{"skus": [7]}', "SKU 7 of Cloud Run is not as documented"),
        (lambda body: b'{"skus": []}', "no price any more for cpu-idle, cpu-instance, cpu-request"),
        (lambda body: b'{"skus": [], "nextPageToken": "0"}', "no last page for Cloud Run"),
    ],
)
def test_an_answer_that_is_off_keeps_the_old_book(spoil: Callable[[bytes], bytes], said: str, tmp_path: Path) -> None:
    before = priced.prices()
    with pytest.raises(PriceError, match=said):
        priced.fetch_prices(Catalog(spoil=spoil), TODAY)
    assert priced.prices() is before
    assert not (tmp_path / "state").exists()


def test_a_price_a_thousand_times_too_high_is_not_kept() -> None:
    skus = run_skus()
    skus[0]["serviceRegions"] = ["us-central1"]
    skus[0]["pricingInfo"][0]["pricingExpression"]["tieredRates"][1]["unitPrice"]["nanos"] = 24_000_000
    text = priced.fetch_prices(Catalog(skus), TODAY)
    with pytest.raises(PriceError, match=r"cpu-request in us-central1 went from 0\.000024 to 0\.024"):
        shelf.write_book("gcp", text, book())
    assert priced.prices().date == book().date
