"""Azure's published examples and billing rules, to the cent: from an option's usage through its meters to the bill."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from mldeploy.cost import packing
from mldeploy.cost.billing import Bill, Tariff, Terms
from mldeploy.cost.book import PriceError
from mldeploy.cost.values import SECONDS_PER_MONTH, Option, Timing, Usage
from mldeploy.cost.workload import Workload
from mldeploy.providers.azure import pricing
from mldeploy.providers.azure.provider import provider
from mldeploy.providers.azure.quantities import CONSUMPTION, CONTAINER_APPS, FLEX, PREMIUM

NOTHING = Decimal(0)
GRANT, NO_GRANT = Terms(), Terms(has_free_tier=False)
SILENT = Workload(NOTHING)
SCALING = {product.key: product.scaling for product in pricing.PRODUCTS}


@pytest.fixture(autouse=True)
def _shipped_book(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """The book that ships, whatever this machine has renewed."""
    monkeypatch.setenv("MLDEPLOY_STATE_DIR", str(tmp_path_factory.getbasetemp() / "nothing-renewed"))


def sized(product: str, memory_mb: int, **changes: Any) -> Option:
    (found,) = [each for each in pricing.sizes(product) if each.memory_mb == memory_mb]
    values = {name: getattr(found, name) for name in found.__slots__}
    return Option(**{**values, "traits": (), **changes})


def used(requests: int = 0, billed_s: Any = 0, kept_active_s: Any = 0, kept: int = 0) -> Usage:
    active, whole = Decimal(kept_active_s), Decimal(kept * SECONDS_PER_MONTH)
    return Usage(Decimal(requests), Decimal(billed_s), active, whole - active, NOTHING, 1, 1.0)


def billed(
    option: Option, usage: Usage, region: str = "northeurope", terms: Terms = GRANT, workload: Workload = SILENT
) -> Bill:
    return Tariff(pricing.prices(), region, terms).bill(provider.quantities(option, usage, workload))


def lines(bill: Bill) -> dict[str, Decimal]:
    """What each meter costs."""
    found: dict[str, Decimal] = {}
    for line in bill.lines:
        found[line.quantity.meter] = found.get(line.quantity.meter, NOTHING) + line.amount
    return found


def packed(option: Option, requests: int, duration_ms: float) -> Usage:
    timing = Timing(duration_ms, duration_ms, 0.0, "as given")
    return packing.usage(Workload(Decimal(requests)), option, SCALING[option.product], timing)


# Published examples ----------------------------------------------------------------------------------------------------------


def test_the_pricing_pages_example_of_consumption() -> None:
    """azure.microsoft.com/pricing/details/functions: 3 million executions of 1 s and 512 MB are $18.00 with the grants."""
    option = sized(CONSUMPTION, 512)
    bill = billed(option, packed(option, 3_000_000, 1000))
    assert lines(bill) == {"consumption-time": Decimal("17.60"), "consumption-executions": Decimal("0.40")}
    assert bill.total == Decimal("18.00")


def test_microsoft_learns_example_of_flex_consumption() -> None:
    """functions-consumption-costs: 40 requests a second keep 10 instances of 2,048 MB at work; one hour is $1.9296."""
    bill = billed(sized(FLEX, 2048), used(requests=144_000, billed_s=36_000), "eastus2", NO_GRANT)
    assert lines(bill) == {"flex-time": Decimal("1.872"), "flex-executions": Decimal("0.0576")}
    assert bill.total == Decimal("1.9296")


def test_half_a_gigabyte_for_three_seconds_is_one_and_a_half_gigabyte_seconds() -> None:
    (time, _) = provider.quantities(sized(CONSUMPTION, 512), used(requests=1, billed_s=3), SILENT)
    assert (time.meter, time.amount) == ("consumption-time", Decimal("1.5"))


def test_160_mb_are_billed_as_256_mb() -> None:
    assert pricing.option(CONSUMPTION, None, 160).memory_mb == 256


def test_the_metric_of_flex_in_megabyte_milliseconds_is_the_meter() -> None:
    """functions-consumption-costs: OnDemandFunctionExecutionUnits / 1,024,000; its chart of 3.54 billion is 3,457 GB-s."""
    units = Decimal(3_540_000_000)
    quantities = provider.quantities(sized(FLEX, 2048), used(billed_s=units / 2048 / 1000), SILENT)
    assert [round(each.amount) for each in quantities] == [3457] == [round(units / 1_024_000)]


@pytest.mark.parametrize(
    ("memory_mb", "vcpu", "memory"),
    [(3584, "126.29", "31.43"), (7168, "252.58", "62.85"), (14336, "505.16", "125.71")],
    ids=["EP1", "EP2", "EP3"],
)
def test_elastic_premium_a_month_as_infracost_has_it(memory_mb: int, vcpu: str, memory: str) -> None:
    bill = billed(sized(PREMIUM, memory_mb), used(kept=1), "eastus")
    assert {meter: f"{amount:.2f}" for meter, amount in lines(bill).items() if meter.startswith("premium")} == {
        "premium-vcpu": vcpu,
        "premium-memory": memory,
    }


# Container Apps: no example is published; these are worked out by hand from its rates -----------------------------------------


@pytest.mark.parametrize(
    ("region", "vcpu", "memory", "requests"),
    [("northeurope", "19.68", "4.92", "0.40"), ("uksouth", "27.88", "6.56", "0.40"), ("westeurope", "27.88", "6.56", "0.56")],
)
def test_container_apps_beyond_the_grants(region: str, vcpu: str, memory: str, requests: str) -> None:
    bill = billed(sized(CONTAINER_APPS, 2048), used(requests=3_000_000, billed_s=1_000_000), region)
    found = lines(bill)
    assert (found["aca-vcpu"], found["aca-memory"], found["aca-requests"]) == (
        Decimal(vcpu),
        Decimal(memory),
        Decimal(requests),
    )
    assert bill.variable == Decimal(vcpu) + Decimal(memory) + Decimal(requests)


def test_a_kept_replica_costs_the_idle_rate_without_a_single_request() -> None:
    bill = billed(sized(CONTAINER_APPS, 512, min_instances=1), used(kept=1))
    found = lines(bill)
    assert (found["aca-vcpu-idle"], found["aca-memory-idle"]) == (Decimal("1.431"), Decimal("2.862"))
    assert bill.variable == 0
    assert bill.total == bill.fixed == Decimal("4.293") + found["registry"]


def test_a_kept_replica_at_work_costs_the_active_rate_and_no_idle_one_besides() -> None:
    option = sized(CONTAINER_APPS, 512, min_instances=1)
    idle = billed(option, used(kept=1))
    busy = billed(option, used(requests=1, kept_active_s=100_000, kept=1))
    assert busy.fixed == idle.fixed
    assert busy.variable == Decimal("25000") * (Decimal("0.000024") - Decimal("0.000003"))


def test_a_kept_replica_that_never_waits_pays_no_idle_rate() -> None:
    bill = billed(sized(CONTAINER_APPS, 512, min_instances=1), used(kept_active_s=SECONDS_PER_MONTH, kept=1), terms=NO_GRANT)
    found = lines(bill)
    assert (found["aca-vcpu-idle"], found["aca-memory-idle"]) == (0, 0)
    assert found["aca-vcpu"] == SECONDS_PER_MONTH * Decimal("0.25") * Decimal("0.000024")


def test_more_replicas_than_the_kept_one_are_all_active() -> None:
    """Billing in Azure Container Apps: the idle rate is for a revision that is scaled to its minimum."""
    option = sized(CONTAINER_APPS, 512, min_instances=1, concurrency=1)
    often = packed(option, 60_000_000, 200)
    assert often.billed_s > SECONDS_PER_MONTH  # there is nearly always a second one
    assert often.kept_active_s > Decimal("0.99") * SECONDS_PER_MONTH


def test_the_grant_is_given_once_for_active_and_idle_seconds_together() -> None:
    bill = billed(sized(CONTAINER_APPS, 512, min_instances=1), used(requests=1, billed_s=500_000, kept=1))
    assert sum(line.free for line in bill.lines if line.quantity.meter.startswith("aca-vcpu")) == 180_000
    assert sum(line.free for line in bill.lines if line.quantity.meter.startswith("aca-memory")) == 360_000


def test_a_grant_used_up_within_the_month() -> None:
    option = sized(CONTAINER_APPS, 2048)
    at, beyond = (lines(billed(option, used(billed_s=seconds)))["aca-vcpu"] for seconds in (180_000, 180_001))
    assert (at, beyond) == (0, Decimal("0.000024"))
    assert lines(billed(option, used(billed_s=180_000), terms=NO_GRANT))["aca-vcpu"] == Decimal("4.32")


def test_nothing_at_all_costs_the_registry() -> None:
    bill = billed(sized(CONTAINER_APPS, 512), used())
    assert lines(bill) == {"registry": Decimal("0.1666") * Decimal(730) / 24}
    assert f"{bill.total:.2f}" == "5.07"


# Rounding and minimum charges ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("product", "memory_mb", "duration_ms", "seconds"),
    [
        (CONSUMPTION, 512, 1, "0.100"),
        (CONSUMPTION, 512, 100, "0.100"),
        (CONSUMPTION, 512, 101, "0.101"),
        (CONSUMPTION, 512, 100.2, "0.101"),
        (FLEX, 2048, 1, "1"),
        (FLEX, 2048, 1000, "1"),
        (FLEX, 2048, 1001, "1.1"),
        (FLEX, 2048, 1100, "1.1"),
    ],
)
def test_an_execution_is_rounded_up_and_has_a_least_charge(
    product: str, memory_mb: int, duration_ms: float, seconds: str
) -> None:
    assert packed(sized(product, memory_mb), 1000, duration_ms).billed_s == 1000 * Decimal(seconds)


def test_further_instances_of_elastic_premium_are_billed_by_the_second() -> None:
    found = lines(billed(sized(PREMIUM, 3584, min_instances=2), used(billed_s=3618, kept=2), "eastus2"))
    assert found["premium-vcpu"] == (2 * 730 + Decimal("1.005")) * Decimal("0.16")


# Neighbours ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("gb", "usd"),
    [(100, "0"), (101, "0.087"), (10_335, "890.445"), (10_336, "890.528"), (200_000, "13773.375")],
)
def test_answers_leave_the_region_in_tiers(gb: int, usd: str) -> None:
    """100 GB are free; then 0.087 to 10,335 GB, 0.083 to 51,295, 0.07 to 153,695, 0.05 from there on: of 200,000 GB
    10,235 × 0.087 + 40,960 × 0.083 + 102,400 × 0.07 + 46,305 × 0.05."""
    bill = billed(sized(CONTAINER_APPS, 512), used(requests=gb), workload=Workload(Decimal(gb), bytes_out=10**9))
    assert lines(bill)["egress"] == Decimal(usd)


def test_the_first_five_gigabytes_of_logs_are_free() -> None:
    bill = billed(sized(CONTAINER_APPS, 512), used(requests=6), "eastus2", workload=Workload(Decimal(6), log_bytes=10**9))
    assert lines(bill)["logs"] == Decimal("2.76")


def test_ten_metric_alerts_are_free_and_a_log_alert_is_not() -> None:
    option = sized(CONTAINER_APPS, 512, traits=(("log_alerts", "1"), ("metric_alerts", "11")))
    found = lines(billed(option, used()))
    assert (found["metric-alert"], found["log-alert"]) == (Decimal("0.10"), Decimal("1.50"))


def test_images_beyond_what_the_registry_includes() -> None:
    found = lines(billed(sized(CONTAINER_APPS, 512, traits=(("images_gb", "12.5"),)), used()))
    assert found["registry-storage"] == Decimal("0.25")


# What is not known, and what a promise saves ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("option", "region", "missing"),
    [
        (sized(PREMIUM, 3584), "northeurope", {"premium-vcpu", "premium-memory"}),
        (sized(PREMIUM, 3584), "australiaeast", {"premium-memory"}),
        (sized(CONTAINER_APPS, 512, min_instances=1), "westeurope", {"aca-vcpu-idle"}),
        (sized(FLEX, 2048), "northeurope", {"flex-time", "flex-executions"}),
        (sized(FLEX, 2048, min_instances=1), "eastus2", {"flex-baseline", "flex-ready-time", "flex-ready-executions"}),
    ],
    ids=["premium", "premium without memory", "idle", "flex", "always ready"],
)
def test_a_rate_that_was_not_found_makes_the_bill_unknown(option: Option, region: str, missing: set[str]) -> None:
    kept = option.min_instances
    bill = billed(option, used(requests=1000, billed_s=1000, kept_active_s=kept * 1000, kept=kept), region)
    assert set(bill.missing) == missing
    assert bill.total is None


def test_scaling_to_zero_needs_no_idle_rate() -> None:
    assert billed(sized(CONTAINER_APPS, 512), used(requests=1, billed_s=1), "westeurope").missing == ()


def test_an_unknown_region_is_told_with_the_closest_ones() -> None:
    with pytest.raises(PriceError, match="unknown region 'northeurop'") as caught:
        billed(sized(CONTAINER_APPS, 512), used(), "northeurop")
    assert "northeurope" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("key", "product", "memory_mb", "meter", "factor"),
    [
        ("savings-plan-1y", CONTAINER_APPS, 2048, "aca-vcpu", "0.85"),
        ("savings-plan-3y", CONTAINER_APPS, 2048, "aca-vcpu", "0.83"),
        ("savings-plan-1y", PREMIUM, 3584, "premium-vcpu", "1"),
        ("savings-plan-1y-functions", PREMIUM, 3584, "premium-vcpu", "0.83"),
    ],
)
def test_a_savings_plan_takes_its_part_off(key: str, product: str, memory_mb: int, meter: str, factor: str) -> None:
    """As the API has it: 0.000034 a vCPU-s are 0.0000289 for one year and 0.00002822 for three (uksouth)."""
    option, usage = sized(product, memory_mb), used(billed_s=1_000_000, kept=product == PREMIUM)
    with_plan, without = (
        lines(billed(option, usage, "eastus2", Terms(commitment=commitment)))[meter] for commitment in (key, "")
    )
    assert with_plan == without * Decimal(factor)


def test_a_thousand_million_million_requests_are_no_trouble() -> None:
    option = sized(CONTAINER_APPS, 512)
    bill = billed(option, used(requests=10**15, billed_s=10**14))
    assert bill.total is not None
    assert bill.variable == (
        (Decimal(10**14) / 4 - 180_000) * Decimal("0.000024")
        + (Decimal(10**14) / 2 - 360_000) * Decimal("0.000003")
        + (10**15 - 2_000_000) * Decimal("0.0000004")
    )


def test_what_is_derived_or_quoted_says_so_on_its_line() -> None:
    bill = billed(sized(CONTAINER_APPS, 512, min_instances=1), used(requests=3_000_000, billed_s=1, kept=1))
    confidence = {line.quantity.meter: line.rate.source.confidence for line in bill.lines}
    assert confidence == {
        "aca-vcpu": "api",
        "aca-vcpu-idle": "derived",
        "aca-memory": "api",
        "aca-memory-idle": "derived",
        "aca-requests": "api",
        "registry": "third-party",
    }
