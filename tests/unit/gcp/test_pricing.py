"""Cloud Run's bill: the worked examples of Google's price page, to the cent, and the rules behind them.

Examples: https://cloud.google.com/run/pricing, europe-west1, read in a copy on 2026-11-21.
"""

from __future__ import annotations

from decimal import Decimal

import pytest
from gcp_bills import amount_of, bill, book, cents, month, option, without_credit

from mldeploy.cost import packing
from mldeploy.cost.billing import Tariff, Terms
from mldeploy.cost.book import PriceError
from mldeploy.cost.values import SECONDS_PER_MONTH, Timing
from mldeploy.cost.workload import Workload
from mldeploy.providers.gcp import pricing

BARE = Terms(has_free_tier=False)
SCALING = {product.key: product.scaling for product in pricing.PRODUCTS}
TEN_MILLION = Workload(Decimal(10_000_000))


def timing(mean_ms: float, start_ms: float = 0.0) -> Timing:
    return Timing(mean_ms, mean_ms, start_ms, "as given")


def test_example_resize_images() -> None:
    """10 M requests of 200 ms, one at a time on 0.167 vCPU and 256 MiB: $7.25, and $12.47 without the free seconds."""
    small = option(cpu=0.167, memory_mb=256)
    usage = packing.usage(TEN_MILLION, small, SCALING[pricing.REQUEST], timing(200))
    assert usage.billed_s == 2_000_000
    found = bill(small, usage)
    assert [line.quantity.how for line in found.lines] == [
        "2,000,000.0 s at work × 0.167 vCPU",
        "2,000,000.0 s at work × 256 MiB",
        "10,000,000 requests",
    ]
    assert found.total == Decimal("7.246")
    assert cents(found.total) == Decimal("7.25")
    assert cents(without_credit(found)) == Decimal("12.47")


def test_example_one_request_at_a_time() -> None:
    """10 M requests of 400 ms, one at a time on 1 vCPU and 512 MiB: $86.49 without the free seconds, at the prices of the
    commitment. Its "with" (81.72) follows from no price on the page: 86.49 − 5.22 is 81.27."""
    usage = packing.usage(TEN_MILLION, option(), SCALING[pricing.REQUEST], timing(400))
    found = bill(option(), usage, terms=Terms(commitment="run-cud"))
    assert without_credit(found) == Decimal("86.486")
    assert [line.amount + line.credit for line in found.lines] == [Decimal("79.68"), Decimal("4.15"), Decimal("2.656")]
    assert without_credit(bill(option(), usage)) == Decimal("104.2")
    assert found.total == Decimal("81.266")


def test_example_public_api_is_within_bounds() -> None:
    """10 M requests of 400 ms, 20 at once, in a bell over 12 hours a day: the page's $18.91 is 622,000 s of instances at list
    price, of a curve that it does not show. Full instances all the time would be 200,000 s, one that never rests for 12 hours a
    day 1,314,000 s: both the page's figure and what the model packs lie between. To the cent it cannot be told."""
    day = [0.0] * 6 + [0.1, 0.4, 1.0, 1.8, 2.6, 3.1, 3.1, 2.6, 1.8, 1.0, 0.4, 0.1] + [0.0] * 6
    shape = tuple(rate * 24 / sum(day) for rate in day) * 7
    shared, quick = option(concurrency=20), Timing(400, 20, 0, "as given")
    usage = packing.usage(Workload(Decimal(10_000_000), shape), shared, SCALING[pricing.REQUEST], quick)
    full, restless = Decimal(200_000), Decimal(SECONDS_PER_MONTH // 2)
    published = (Decimal("18.91") - Decimal("3.20")) / Decimal("0.00002525")
    assert full < published < restless
    assert full < usage.billed_s < restless
    found = bill(shared, usage)
    assert found.total is not None
    assert abs(without_credit(found) - usage.billed_s * Decimal("0.00002525") - Decimal("3.20")) < Decimal("1e-20")
    assert without_credit(found) - found.total == Decimal("18.91") - Decimal("13.69")


def test_example_l4_is_one_price_a_second() -> None:
    """4 vCPU, 16 GiB and an L4: $0.0002907 a second; the page's $827.62 is then 2.85 M seconds, a month with 1.08 instances."""
    gpu = option(pricing.L4, cpu=4.0, memory_mb=16384)
    found = bill(gpu, month(billed_s="1000"), "us-central1", BARE)
    assert found.total == Decimal("0.2907")
    assert bill(gpu, month(billed_s="1000"), "europe-west1", BARE).missing == ("gpu-l4",)
    zonal = option(pricing.L4, cpu=4.0, memory_mb=16384, traits=(("zonal_redundancy", "yes"),))
    assert bill(zonal, month(billed_s="1000"), "us-central1", BARE).total == Decimal("0.3949")


def test_the_free_tier_is_money_at_tier_1_prices() -> None:
    """180,000 vCPU-s and 360,000 GiB-s are $5.22 everywhere; in a Tier 2 region they do not cover as many seconds."""
    much = month(requests=2_000_000, billed_s="1000000")
    for region, cpu, memory in (("us-central1", "24", "1.25"), ("europe-west2", "33.6", "1.75")):
        found = bill(option(), much, region)
        money_off = [line.credit for line in found.lines]
        assert money_off == [Decimal("4.32"), min(Decimal("0.90"), Decimal(memory)), 0]
        assert found.total == Decimal(cpu) + Decimal(memory) - sum(money_off)
    just = month(billed_s="180000")
    assert bill(option(), just, "us-central1").total == 0
    assert bill(option(), just, "europe-west2").total == 180_000 * Decimal("0.0000336") - Decimal("4.32")


@pytest.mark.parametrize(
    ("billed_s", "cpu_usd"), [("179999", "0"), ("180000", "0"), ("180001", "0.000024"), ("360000", "4.32")]
)
def test_the_free_tier_is_used_up_mid_month(billed_s: str, cpu_usd: str) -> None:
    assert amount_of(bill(option(), month(billed_s=billed_s)), "cpu-request") == Decimal(cpu_usd)


def test_free_requests_end_at_two_million() -> None:
    assert amount_of(bill(option(), month(requests=2_000_000)), "requests") == 0
    assert amount_of(bill(option(), month(requests=2_000_001)), "requests") == Decimal("0.0000004")
    assert amount_of(bill(option(), month(requests=2_000_000), terms=BARE), "requests") == Decimal("0.8")


@pytest.mark.parametrize(("mean_ms", "billed_s"), [(100, "1000"), (101, "2000"), (200, "2000"), (1, "1000")])
def test_time_is_rounded_up_to_100_ms(mean_ms: float, billed_s: str) -> None:
    usage = packing.usage(Workload(Decimal(10_000)), option(), SCALING[pricing.REQUEST], timing(mean_ms))
    assert usage.billed_s == Decimal(billed_s)


def test_an_instance_is_billed_for_a_minute_at_least() -> None:
    scaling = SCALING[pricing.INSTANCE]
    assert (scaling.minimum_ms, scaling.round_ms, scaling.billing) == (60_000, 100, "instance")
    one = packing.usage(Workload(Decimal(1)), option(pricing.JOB), SCALING[pricing.JOB], timing(100))
    assert one.billed_s >= 60


def test_requests_share_an_instance() -> None:
    """What runs at once on one instance is billed once: 20 at a time take less than one at a time, and no less than a 20th."""
    workload, quick = Workload(Decimal(10_000_000)), Timing(400, 20, 0, "as given")
    alone = packing.usage(workload, option(concurrency=1), SCALING[pricing.REQUEST], quick).billed_s
    shared = packing.usage(workload, option(concurrency=20), SCALING[pricing.REQUEST], quick).billed_s
    assert alone == 4_000_000
    assert alone / 20 <= shared < alone


def test_a_minimum_instance_waits_at_the_idle_rate() -> None:
    kept = option(min_instances=1)
    found = bill(kept, month(kept_idle_s=str(SECONDS_PER_MONTH)), "us-central1")
    assert found.total == found.fixed == SECONDS_PER_MONTH * (Decimal("0.0000025") + Decimal("0.0000025") / 2)
    assert cents(found.total) == Decimal("9.86")


def test_a_minimum_instance_at_work_is_not_idle() -> None:
    """The fixed part is the month without a request; what requests add is the difference of the two rates."""
    kept, busy = option(min_instances=1), Decimal(100_000)
    usage = month(requests=1000, kept_active_s="100000", kept_idle_s=str(SECONDS_PER_MONTH - busy))
    found = bill(kept, usage, "us-central1", BARE)
    idle, active = Decimal("0.0000025") * Decimal("1.5"), Decimal("0.000024") + Decimal("0.0000025") / 2
    assert found.fixed == SECONDS_PER_MONTH * idle
    assert found.total == (SECONDS_PER_MONTH - busy) * idle + busy * active + 1000 * Decimal("0.0000004")


def test_instance_based_billing_has_no_requests_and_its_own_free_tier() -> None:
    usage = month(requests=10_000_000, billed_s="1000000")
    found = bill(option(pricing.INSTANCE), usage)
    assert {line.quantity.meter for line in found.lines} == {"cpu-instance", "memory-instance"}
    assert found.total == Decimal("18") - Decimal("4.32") + Decimal("1") - Decimal("0.90")
    kept = bill(option(pricing.INSTANCE, min_instances=2), month(kept_active_s="5", kept_idle_s=str(2 * SECONDS_PER_MONTH - 5)))
    assert kept.fixed == 2 * SECONDS_PER_MONTH * Decimal("0.000019") - Decimal("5.22")
    assert kept.variable == 0


def test_jobs_cost_what_instances_cost() -> None:
    usage = month(requests=1000, billed_s="60000")
    assert bill(option(pricing.JOB), usage).total == bill(option(pricing.INSTANCE), usage).total
    kept = month(requests=1000, kept_active_s="60000", kept_idle_s=str(SECONDS_PER_MONTH - 60_000))
    assert bill(option(pricing.JOB, min_instances=1), kept).total == bill(option(pricing.JOB), usage).total


def test_london_has_the_price_of_its_tier() -> None:
    """A trimmed copy of the catalogue says 0.0000252 for it, against two other sources."""
    assert bill(option(pricing.INSTANCE), month(billed_s="1000"), "europe-west2", BARE).lines[0].amount == Decimal("0.0216")


@pytest.mark.parametrize(("commitment", "cpu"), [("flexible-1y", "0.00001296"), ("flexible-3y", "0.00000972")])
def test_flexible_commitments_are_for_instances(commitment: str, cpu: str) -> None:
    terms = Terms(has_free_tier=False, commitment=commitment)
    assert bill(option(pricing.INSTANCE), month(billed_s="1"), terms=terms).lines[0].amount == Decimal(cpu)
    assert bill(option(), month(billed_s="1"), terms=terms).lines[0].amount == Decimal("0.000024")


def test_neighbours() -> None:
    """A registry, secrets, a schedule are there without requests; traffic and logs are not."""
    traits = (("image_mb", "1000"), ("schedules", "1"), ("secrets", "7"))
    gib = 1024**3
    workload = Workload(Decimal(1_000_000), bytes_out=gib // 1000, log_bytes=gib // 10_000)
    usage = month(requests=1_000_000, starts=3000)
    found = bill(option(traits=traits), usage, workload=workload, has_image=True)
    fixed = {line.quantity.meter: cents(line.amount) for line in found.lines if line.quantity.is_fixed}
    assert fixed == {"registry": Decimal("0.04"), "secrets": Decimal("0.06"), "scheduler": 0}
    assert [line.quantity.is_fixed for line in found.lines] == sorted(
        (line.quantity.is_fixed for line in found.lines), reverse=True
    )
    assert cents(amount_of(found, "egress")) == Decimal("120.00")  # 1,000 GiB
    assert cents(amount_of(found, "logs")) == Decimal("25.00")  # 100 GiB, half of them free
    assert amount_of(found, "secret-access") == 11_000 * Decimal("0.000003")


@pytest.mark.parametrize(("gib", "usd"), [(1024, "122.88"), (1025, "122.99"), (10_240, "1136.64"), (10_241, "1136.72")])
def test_traffic_has_tiers(gib: int, usd: str) -> None:
    found = bill(option(), month(requests=gib), workload=Workload(Decimal(gib), bytes_out=1024**3))
    assert amount_of(found, "egress") == Decimal(usd)


def test_alert_policies_have_no_known_price() -> None:
    found = bill(option(traits=(("alarms", "2"),)), month(requests=1))
    assert (found.missing, found.total) == (("alarms",), None)


def test_an_unknown_region_has_a_near_one() -> None:
    with pytest.raises(PriceError, match="unknown region 'europe-wst1'") as caught:
        Tariff(book(), "europe-wst1")
    assert "europe-west1" in str(caught.value.hint)


def test_absurd_traffic_stays_exact() -> None:
    usage = month(requests=10**15, billed_s="400000000000000")
    assert bill(option(), usage, terms=BARE).total == Decimal("400000000000000") * Decimal("0.00002525") + Decimal("400000000")


def test_what_cannot_be_deployed_says_why() -> None:
    deployable = {product.key for product in pricing.PRODUCTS if product.is_deployable}
    assert deployable == {pricing.REQUEST, pricing.INSTANCE}
    assert pricing.PRODUCTS[0].key == pricing.REQUEST
    assert all(product.note for product in pricing.PRODUCTS if not product.is_deployable)
