"""AWS's billing rules, through the product's own quantities: rounding, tiers, what is free, what is kept, what is unknown."""

from __future__ import annotations

import dataclasses
from decimal import Decimal

import pytest

from mldeploy.cost import packing
from mldeploy.cost.billing import Bill, Tariff, Terms
from mldeploy.cost.book import PriceError
from mldeploy.cost.contract import Priced
from mldeploy.cost.values import SECONDS_PER_MONTH, Option, Quantity, Timing, Usage
from mldeploy.cost.workload import Workload
from mldeploy.providers.aws import pricing
from mldeploy.providers.aws.options import option
from mldeploy.providers.aws.provider import AwsProvider

provider: Priced = AwsProvider()
SCALING = pricing.PRODUCTS[0].scaling


def with_traits(found: Option, **traits: str) -> Option:
    return dataclasses.replace(found, traits=tuple(sorted({**dict(found.traits), **traits}.items())))


BARE = with_traits(option("lambda-x86_64", None, 1024), image_mb="0")


def used(requests: int, billed_s: str = "0", *, kept_active_s: str = "0", cold_starts: int = 0) -> Usage:
    return Usage(Decimal(requests), Decimal(billed_s), Decimal(kept_active_s), Decimal(0), Decimal(cold_starts), 1, 1.0)


def counted(found: Option, usage: Usage, **workload: int) -> dict[str, Decimal]:
    quantities = pricing.quantities(found, usage, Workload(usage.requests, **workload))  # type: ignore[arg-type]
    return {quantity.meter: quantity.amount for quantity in quantities}


def bill(*quantities: Quantity, region: str = "us-east-1", **terms: object) -> Bill:
    return Tariff(pricing.prices(), region, Terms(**terms)).bill(quantities)  # type: ignore[arg-type]


def test_the_provider_can_be_priced() -> None:
    assert isinstance(provider, Priced)
    assert [product.key for product in provider.products()] == ["lambda-x86_64", "lambda-arm64"]
    assert all(product.is_deployable for product in provider.products())


@pytest.mark.parametrize(
    ("duration_ms", "gb_seconds"),
    [(100.0, "100"), (100.001, "101"), (101.0, "101"), (0.2, "1")],
    ids=["on the step", "just over it", "on the next", "less than one step"],
)
def test_duration_is_rounded_up_to_a_millisecond(duration_ms: float, gb_seconds: str) -> None:
    timing = Timing(duration_ms, duration_ms, 0.0, "as given")
    usage = packing.usage(Workload(Decimal(1000), cold_share=0.0), BARE, SCALING, timing)
    assert counted(BARE, usage)["compute-x86_64"] == Decimal(gb_seconds)


def test_a_cold_start_is_billed() -> None:
    timing = Timing(100.0, 100.0, 2000.0, "as given")
    usage = packing.usage(Workload(Decimal(1000), cold_share=0.01), BARE, SCALING, timing)
    assert counted(BARE, usage)["compute-x86_64"] == Decimal(100) + 10 * 2


def test_memory_is_counted_in_binary_gigabytes() -> None:
    small = dataclasses.replace(BARE, memory_mb=1769)
    assert counted(small, used(1, "1024"))["compute-x86_64"] == 1769


def test_only_ephemeral_storage_above_512_mb_is_billed_and_by_time_not_by_memory() -> None:
    assert "ephemeral-x86_64" not in counted(dataclasses.replace(BARE, ephemeral_mb=512), used(1, "100"))
    larger = dataclasses.replace(BARE, memory_mb=4096, ephemeral_mb=2048)
    assert counted(larger, used(1, "100"))["ephemeral-x86_64"] == 150


@pytest.mark.parametrize(
    ("architecture", "gb_seconds", "amount"),
    [
        ("x86_64", 6_000_000_000, "100000.20"),
        ("x86_64", 6_000_000_001, "100000.200015"),
        ("x86_64", 15_000_000_001, "235000.2000133334"),
        ("arm64", 7_500_000_000, "100000.50"),
        ("arm64", 18_750_000_001, "235001.6250106667"),
    ],
)
def test_tiers_of_duration(architecture: str, gb_seconds: int, amount: str) -> None:
    found = bill(Quantity(f"compute-{architecture}", Decimal(gb_seconds)), has_free_tier=False)
    assert found.total == Decimal(amount)


def test_the_free_tier_is_used_up_within_the_month() -> None:
    below, above = used(1_000_000, "400000"), used(1_000_001, "400001")
    assert bill(*pricing.quantities(BARE, below, Workload(Decimal(1)))).total == 0
    assert bill(*pricing.quantities(BARE, above, Workload(Decimal(1)))).total == Decimal("0.0000002") + Decimal("0.0000166667")
    without = bill(*pricing.quantities(BARE, below, Workload(Decimal(1))), has_free_tier=False)
    assert without.total == Decimal("0.20") + Decimal("6.66668")


def test_kept_environments_are_billed_idle_and_lose_the_free_tier() -> None:
    kept = dataclasses.replace(BARE, min_instances=2)
    quantities = pricing.quantities(kept, used(1000, "10", kept_active_s="90"), Workload(Decimal(1000)))
    found = {line.quantity.meter: line for line in bill(*quantities).lines}
    assert found["provisioned-x86_64"].quantity.amount == 2 * SECONDS_PER_MONTH
    assert found["provisioned-x86_64"].quantity.is_fixed
    assert found["provisioned-x86_64"].amount == Decimal("0.0000041667") * 2 * SECONDS_PER_MONTH
    assert found["provisioned-compute-x86_64"].amount == Decimal("0.0000097222") * 90
    assert found["overflow-compute-x86_64"].amount == Decimal("0.0000166667") * 10
    assert found["request-x86_64-provisioned"].amount == Decimal("0.0002")
    assert "compute-x86_64" not in found
    assert bill(*quantities).fixed == found["provisioned-x86_64"].amount


def test_provisioned_arm_reproduces_what_third_parties_read() -> None:
    """infracost's golden file: 9,000,000 GB-s of concurrency for 30.00, 1,750,000 GB-s of duration for 13.61."""
    concurrency = bill(Quantity("provisioned-arm64", Decimal(9_000_000)))
    duration = bill(Quantity("provisioned-compute-arm64", Decimal(1_750_000)))
    assert (f"{concurrency.total:.2f}", f"{duration.total:.2f}") == ("30.00", "13.61")


@pytest.mark.parametrize(("bytes_in", "pieces"), [(0, 1), (512 * 1024, 1), (512 * 1024 + 1, 2), (513 * 1024, 2)])
def test_an_http_api_counts_each_512_kb_begun(bytes_in: int, pieces: int) -> None:
    behind = with_traits(BARE, endpoint="http_api")
    assert counted(behind, used(1000), bytes_in=bytes_in)["http-api-request"] == 1000 * pieces
    assert "http-api-request" not in counted(BARE, used(1000), bytes_in=bytes_in)


def test_http_api_tiers() -> None:
    found = bill(Quantity("http-api-request", Decimal(300_000_001)), region="eu-west-2")
    assert found.total == Decimal("348.00000104")


def test_streaming_beyond_what_is_free() -> None:
    assert bill(Quantity("streaming", Decimal(101))).total == Decimal("0.008")


def test_neighbours_are_counted() -> None:
    around = with_traits(BARE, image_mb="1024", alarms="11", secrets="1", log_retention_days="365")
    found = counted(around, used(1024, cold_starts=3), bytes_out=1024 * 1024, log_bytes=1024 * 1024)
    assert found["registry"] == 1
    assert found["alarm"] == 11
    assert (found["secret"], found["secret-call"]) == (Decimal(1), Decimal(3))
    assert found["egress"] == found["logs-ingest"] == 1
    assert found["logs-storage"] == 12
    fixed = [each.meter for each in pricing.quantities(around, used(1), Workload(Decimal(1))) if each.is_fixed]
    assert fixed == ["registry", "alarm", "secret"]
    assert bill(Quantity("alarm", Decimal(11), True)).fixed == Decimal("0.10")


def test_egress_has_a_free_part_and_tiers() -> None:
    assert bill(Quantity("egress", Decimal(100))).total == 0
    assert bill(Quantity("egress", Decimal(10_241)), has_free_tier=False).total == Decimal("921.6") + Decimal("0.085")


def test_a_savings_plan_takes_17_percent_off_duration_and_nothing_off_requests() -> None:
    quantities = pricing.quantities(BARE, used(2_000_000, "1000000"), Workload(Decimal(1)))
    plain = {line.quantity.meter: line.amount for line in bill(*quantities).lines}
    saved = {line.quantity.meter: line.amount for line in bill(*quantities, commitment="compute-savings-plan").lines}
    assert saved["compute-x86_64"] == plain["compute-x86_64"] * Decimal("0.83")
    assert saved["request-x86_64"] == plain["request-x86_64"]


def test_an_unknown_region_names_the_closest() -> None:
    with pytest.raises(PriceError, match="unknown region 'eu-centrl-1'") as caught:
        bill(region="eu-centrl-1")
    assert "eu-central-1" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("region", "product", "changes", "missing"),
    [
        ("eu-north-1", "lambda-arm64", {}, {"request-arm64", "compute-arm64"}),
        ("eu-north-1", "lambda-x86_64", {"min_instances": 1, "ephemeral_mb": 1024}, {"ephemeral-x86_64", "provisioned-x86_64"}),
        ("ap-east-1", "lambda-x86_64", {}, {"request-x86_64"}),
    ],
)
def test_a_rate_without_a_source_makes_the_bill_unknown(
    region: str, product: str, changes: dict[str, int], missing: set[str]
) -> None:
    found = dataclasses.replace(option(product, None, 1024), **changes)  # type: ignore[arg-type]
    got = bill(*pricing.quantities(found, used(1000, "100"), Workload(Decimal(1000))), region=region)
    assert got.total is None
    assert missing <= set(got.missing)


def test_every_known_region_has_a_price_for_the_default() -> None:
    book = pricing.prices()
    quantities = pricing.quantities(option("lambda-x86_64", None, None), used(1000, "100"), Workload(Decimal(1000)))
    unknown = {region for region in book.regions if Tariff(book, region).bill(quantities).total is None}
    assert unknown == {"ap-east-1"}
    assert len(book.regions) == 24


def test_figures_of_third_parties_are_marked() -> None:
    book = pricing.prices()
    marked = {rate.meter.key for rate in book.everywhere.values() if rate.source.confidence == "third-party"}
    assert marked == {"registry", "alarm", "secret", "secret-call"}
    assert book.rates["ap-east-1"]["compute-x86_64"].source.confidence == "third-party"
    assert book.rates["us-east-1"]["compute-x86_64"].source.confidence == "api"


def test_absurd_traffic_stays_exact() -> None:
    quantities = pricing.quantities(BARE, used(10**15, str(10**14)), Workload(Decimal(10**15)))
    compute = Decimal("100000.20") + Decimal("135000") + (Decimal(10**14) - 15 * 10**9) * Decimal("0.0000133334")
    free = 400_000 * Decimal("0.0000166667")
    assert bill(*quantities).total == compute - free + (Decimal(10**15) - 10**6) * Decimal("0.0000002")


def test_the_carbon_book_knows_cleaner_and_dirtier_grids() -> None:
    book = pricing.carbon()
    assert book.grids["eu-north-1"].g_per_kwh == pytest.approx(8.8)
    assert book.grids["us-east-1"].g_per_kwh == pytest.approx(379.069)
    assert "eu-south-2" not in book.grids
    assert (book.min_watts, book.max_watts, book.pue) == (0.74, 3.5, 1.135)
    assert set(book.grids) <= set(pricing.prices().regions)
