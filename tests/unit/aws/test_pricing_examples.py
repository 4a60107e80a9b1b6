"""AWS's own worked examples, https://aws.amazon.com/lambda/pricing/ (us-east-1, x86_64), to the cent."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from decimal import ROUND_CEILING, Decimal

import pytest

from mldeploy.cost import packing
from mldeploy.cost.billing import Bill, Tariff, Terms
from mldeploy.cost.timing import Given
from mldeploy.cost.values import Option, Quantity
from mldeploy.cost.workload import Workload
from mldeploy.providers.aws import pricing
from mldeploy.providers.aws.options import option

REGION = "us-east-1"
CENT = Decimal("0.01")
FUNCTION_ALONE = (("image_mb", "0"),)
"""The examples have a function and nothing around it."""


def function(memory_mb: int, **changes: object) -> Option:
    return dataclasses.replace(option("lambda-x86_64", None, memory_mb), traits=FUNCTION_ALONE, **changes)  # type: ignore[arg-type]


def counted(found: Option, requests: int, duration_ms: float) -> tuple[Quantity, ...]:
    """What a month's requests count, through the packing model that estimates use; the examples leave cold starts out."""
    workload = Workload(Decimal(requests), cold_share=0.0)
    timing = Given(duration_ms).at(found)
    assert timing is not None
    usage = packing.usage(workload, found, pricing.PRODUCTS[0].scaling, timing)
    return pricing.quantities(found, usage, workload)


def bill(quantities: Iterable[Quantity], *, has_free_tier: bool = True) -> Bill:
    return Tariff(pricing.prices(), REGION, Terms(has_free_tier)).bill(quantities)


def cents(amount: Decimal | None) -> str:
    assert amount is not None
    return f"{amount:.2f}"


def amount_of(found: Bill, meter: str) -> str:
    return cents(sum((line.amount for line in found.lines if line.quantity.meter == meter), Decimal(0)))


def test_example_1_mobile_backend() -> None:
    found = bill(counted(function(1536), 3_000_000, 120))
    assert amount_of(found, "compute-x86_64") == "2.33"
    assert amount_of(found, "request-x86_64") == "0.40"
    assert (cents(found.total), cents(found.fixed)) == ("2.73", "0.00")


def test_example_3_bert_with_ephemeral_storage() -> None:
    found = bill(counted(function(4096, ephemeral_mb=2048), 6_000_000, 280))
    assert amount_of(found, "compute-x86_64") == "105.33"
    assert amount_of(found, "request-x86_64") == "1.00"
    assert amount_of(found, "ephemeral-x86_64") == "0.08"
    assert cents(found.total) == "106.41"


def test_example_4_tenant_isolation() -> None:
    """Tenant isolation is not deployed here: its own meter is counted by hand."""
    isolated = Quantity("tenant-environment", Decimal(200_000))
    found = bill((*counted(function(1024), 10_000_000, 2000), isolated), has_free_tier=False)
    amounts = [line.amount for line in found.lines]
    assert amounts == [Decimal("2.00"), Decimal("333.334"), Decimal("33.40")]
    # AWS rounds each line up (333.34) and adds those: its 368.74 is a cent above the exact sum, 368.734.
    assert sum(amount.quantize(CENT, ROUND_CEILING) for amount in amounts) == Decimal("368.74")
    assert found.total == Decimal("368.734")


def test_example_7_snapstart() -> None:
    """SnapStart is not deployed here: one version of 1 GB for 31 days, and one start in a hundred that restores it."""
    cached = Quantity("snapstart-cache", Decimal(31 * 24 * 3600))
    restored = Quantity("snapstart-restore", Decimal(74_400))
    found = bill((*counted(function(1024), 7_440_000, 2000), cached, restored), has_free_tier=False)
    meters = ("request-x86_64", "compute-x86_64", "snapstart-cache", "snapstart-restore")
    assert [amount_of(found, meter) for meter in meters] == ["1.49", "248.00", "4.03", "10.40"]
    assert cents(found.total) == "263.92"


def test_example_9_provisioned_kafka_poller() -> None:
    """60,000,000 requests and 60,000,000 GB-s, of which the free tier takes 400,000 and no request; 800 EPU-hours."""
    function_s = counted(function(1024), 60_000_000, 1000)
    requests = next(quantity for quantity in function_s if quantity.meter == "request-x86_64")
    unfree = dataclasses.replace(requests, meter="request-x86_64-provisioned")
    rest = [quantity for quantity in function_s if quantity is not requests]
    found = bill((*rest, unfree, Quantity("poller-kafka", Decimal(800))))
    assert amount_of(found, "compute-x86_64") == "993.34"  # AWS writes 993.3
    assert amount_of(found, "request-x86_64-provisioned") == "12.00"
    assert amount_of(found, "poller-kafka") == "148.00"
    assert found.total is not None
    assert f"{found.total:.1f}" == "1153.3"


def test_example_10_provisioned_sqs_poller() -> None:
    poller = Quantity("poller-sqs", Decimal(8_000))
    found = bill((*counted(function(1024), 30_000_000, 1000), poller), has_free_tier=False)
    meters = ("compute-x86_64", "request-x86_64", "poller-sqs")
    assert [amount_of(found, meter) for meter in meters] == ["500.00", "6.00", "74.00"]
    assert cents(found.total) == "580.00"


@pytest.mark.parametrize(("rate", "compute", "total"), [("0.0000166667", "18.33", "18.73"), ("0.00001667", "18.34", "18.74")])
def test_the_older_page_had_a_rounder_rate(rate: str, compute: str, total: str) -> None:
    """3,000,000 × 1 s × 512 MB: 18.74 with the rate of the older page, 18.73 with today's."""
    book = pricing.prices()
    row = book.rates[REGION]["compute-x86_64"]
    older = dataclasses.replace(row, tiers=(row.tiers[0]._replace(price=Decimal(rate)), *row.tiers[1:]))
    rates = {**book.rates, REGION: {**book.rates[REGION], "compute-x86_64": older}}
    found = Tariff(dataclasses.replace(book, rates=rates), REGION).bill(counted(function(512), 3_000_000, 1000))
    assert amount_of(found, "compute-x86_64") == compute
    assert cents(found.total) == total
