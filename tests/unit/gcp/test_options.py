"""From a spec, a size or a deployment to an option that can be priced, and back into a spec."""

from __future__ import annotations

import datetime
import time
from dataclasses import replace
from decimal import Decimal
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from gcp_bills import book, month, priced
from gcp_specs import load, planned

from mldeploy import validate
from mldeploy.cost import carbon
from mldeploy.cost.billing import Tariff
from mldeploy.cost.contract import Priced
from mldeploy.cost.estimate import grid
from mldeploy.cost.timing import Given
from mldeploy.cost.values import Option
from mldeploy.cost.workload import Workload
from mldeploy.errors import SpecError
from mldeploy.providers.gcp import pricing
from mldeploy.providers.gcp.limits import size_of
from mldeploy.providers.gcp.provider import provider

PRODUCTS = [product.key for product in pricing.PRODUCTS]
SPECS = {
    "": ("run-request", 1024, 1.0, 8),
    "resources: {memory_mb: 256, concurrency: 1}\nclouds: {gcp: {cpu: 0.167}}\n": ("run-request", 256, 0.167, 1),
    "resources: {memory_mb: 6000, min_instances: 2}\n": ("run-request", 6000, 2.0, 16),
    "clouds: {gcp: {cpu: 4, cpu_always_on: true, region: us-east4}}\n": ("run-instance", 2048, 4.0, 32),
}


def test_it_is_priced() -> None:
    assert isinstance(provider, Priced)
    assert priced.prices().provider == priced.carbon().provider == priced.name == "gcp"


@pytest.mark.parametrize("text", SPECS)
def test_a_spec_its_plan_and_its_keys_say_the_same(text: str, tmp_path: Path) -> None:
    loaded = load(text, tmp_path)
    product, memory_mb, cpu, concurrency = SPECS[text]
    chosen = priced.option(priced.product_of(loaded), loaded, None)
    assert (chosen.product, chosen.memory_mb, chosen.cpu, chosen.concurrency) == (product, memory_mb, cpu, concurrency)
    assert priced.option_of(planned(text, tmp_path).program) == (chosen, priced.region_of(loaded))


def test_what_stands_beside_it_is_counted_the_same_from_both(tmp_path: Path) -> None:
    text = (
        "access: key\nsecrets: {OWN: 'env:OWN', BARE: null, THEIRS: 'secretmanager:x'}\n"
        "clouds: {gcp: {alarms: {throttles: null, p95_ms: 300}}}\n"
    )
    chosen = priced.option("run-request", load(text, tmp_path), None)
    assert chosen.traits == (("alarms", "2"), ("secrets", "3"), ("timeout_s", "30"))
    assert priced.option_of(planned(text, tmp_path).program)[0] == chosen
    scheduled = planned("clouds: {gcp: {schedule: {cron: '0 6 * * *', inputs: [1]}}}\n", tmp_path).program
    assert priced.option_of(scheduled)[0].traits == (("schedules", "1"), ("timeout_s", "30"))


@pytest.mark.parametrize("product", PRODUCTS)
def test_sizes_are_offered_and_smallest_first(product: str) -> None:
    found = priced.sizes(product)
    assert len(found) >= 6
    assert [(each.cpu, each.memory_mb) for each in found] == sorted({(each.cpu, each.memory_mb) for each in found})
    for each in found:
        known = size_of(each.cpu)
        assert known is not None
        assert known.low_mb <= each.memory_mb <= known.high_mb
        assert each.concurrency == 1 or each.cpu >= 1
        assert product == "run-request" or (each.cpu >= 1 and each.memory_mb >= 512)


@pytest.mark.parametrize("product", ["run-request", "run-instance"])
def test_a_size_written_into_a_spec_is_deployed_as_that_size(product: str, tmp_path: Path) -> None:
    for number, size in enumerate(priced.sizes(product)):
        keys = priced.spec_keys(size)
        resources = {key.split(".")[-1]: value for key, value in keys.items() if key.startswith("resources.")}
        cloud = {key.split(".")[-1]: str(value).lower() for key, value in keys.items() if key.startswith("clouds.gcp.")}
        text = f"resources: {_flow(resources)}\nclouds: {{gcp: {_flow(cloud)}}}\n"
        loaded = load(text, tmp_path / str(number))
        assert validate.validate(loaded, provider) == ()
        assert priced.product_of(loaded) == product
        assert priced.option(product, loaded, None) == replace(size, traits=(("timeout_s", "30"),))


def _flow(values: dict[str, Any]) -> str:
    return "{" + ", ".join(f"{key}: {value}" for key, value in values.items()) + "}"


def test_what_cannot_be_deployed_has_no_keys() -> None:
    assert priced.spec_keys(priced.sizes("run-job")[0]) == priced.spec_keys(priced.sizes("run-l4")[0]) == {}


@pytest.mark.parametrize(
    ("product", "memory_mb", "said", "hint"),
    [
        ("run-request", 40_000, "8 vCPU takes 4096 to 32768 MiB", "32768 MiB"),
        ("run-request", 64, "1 vCPU takes 128 to 4096 MiB", "128 MiB, 256 MiB, 512 MiB"),
        ("run-instance", 256, "instance-based billing takes 1 vCPU and 512 MiB", "512 MiB"),
        ("run-job", 256, "instance-based billing takes 1 vCPU and 512 MiB", "512 MiB"),
        ("run-l4", 8192, "an L4 takes 4 vCPU and 16384 MiB", "16384 MiB"),
    ],
)
def test_a_size_that_there_is_not_has_near_ones(product: str, memory_mb: int, said: str, hint: str) -> None:
    with pytest.raises(SpecError, match=said) as caught:
        priced.option(product, None, memory_mb)
    assert hint in str(caught.value.hint)


def test_a_flag_goes_before_the_spec(tmp_path: Path) -> None:
    loaded = load("resources: {memory_mb: 512}\n", tmp_path)
    assert priced.option("run-request", loaded, 8192).memory_mb == 8192
    with pytest.raises(SpecError, match="1 vCPU takes 128 to 4096 MiB"):
        priced.option("run-request", load("clouds: {gcp: {cpu: 1}}\n", tmp_path), 8192)


def test_another_product_takes_the_size_of_the_spec_or_its_least(tmp_path: Path) -> None:
    """A comparison shows every product; only what the spec deploys has to fit as it is."""
    small = load("resources: {memory_mb: 256, concurrency: 1}\nclouds: {gcp: {cpu: 0.167}}\n", tmp_path)
    assert [(each.cpu, each.memory_mb) for each in (priced.option(key, small, None) for key in PRODUCTS)] == [
        (0.167, 256),
        (1.0, 512),
        (1.0, 512),
        (4.0, 16384),
    ]
    large = load("resources: {memory_mb: 20000}\n", tmp_path)
    assert {priced.option(key, large, None).memory_mb for key in PRODUCTS} == {20_000}
    off = load("resources: {memory_mb: 256}\nclouds: {gcp: {cpu_always_on: true}}\n", tmp_path)
    with pytest.raises(SpecError, match="512 MiB at least"):
        priced.option("run-instance", off, None)


def test_every_region_has_a_price_for_every_product_but_the_gpu() -> None:
    known = book()
    assert len(known.regions) == 43
    meters = {"cpu-request", "memory-request", "requests", "cpu-idle", "memory-idle", "cpu-instance", "memory-instance"}
    for region in known.regions:
        assert meters <= known.tariff(region).keys(), region
    assert [region for region in known.regions if "gpu-l4" in known.tariff(region)] == ["us-central1"]


def test_figures_of_third_parties_are_marked() -> None:
    known = book()
    told = {region: known.tariff(region)["cpu-request"].source.confidence for region in ("us-central1", "us-east1", "us-west2")}
    assert told == {"us-central1": "page", "us-east1": "derived", "us-west2": "third-party"}
    assert all(datetime.date.fromisoformat(source.date) <= known.date for source in known.sources.values())
    assert all(source.url.startswith("https://") for source in known.sources.values())


def test_the_books_know_the_same_regions() -> None:
    path = files("mldeploy.providers.gcp") / "carbon.toml"
    grids = carbon.parse(path.read_text(encoding="utf-8"), str(path)).grids
    assert grids.keys() <= book().regions.keys()
    assert book().regions.keys() - grids.keys() == {"me-central1", "us-west8"}
    assert grids["europe-west1"].g_per_kwh == 103.37


def test_all_sizes_in_all_regions_are_quick() -> None:
    """Quantities once a size, a tariff once a region; an upper bound ten times what it takes on an idle machine."""
    known = book()
    workload = Workload(Decimal(3_000_000), bytes_out=2000, log_bytes=300)
    began = time.process_time()
    usage = month(requests=3_000_000, billed_s="360000")
    quantities = [pricing.quantities(size, usage, workload) for key in PRODUCTS for size in priced.sizes(key)]
    bills = [Tariff(known, region).bill(each) for region in known.regions for each in quantities]
    assert time.process_time() - began < 2.0
    assert len(bills) == len(known.regions) * sum(len(priced.sizes(key)) for key in PRODUCTS)


def test_without_a_spec_it_is_the_default() -> None:
    assert priced.option("run-request", None, None) == Option("gcp", "run-request", 1024, 1.0, concurrency=8, max_instances=10)


def test_the_documentation_has_the_rates_of_the_book() -> None:
    page = (Path(__file__).parents[3] / "docs" / "cost-gcp.md").read_text(encoding="utf-8")
    known = book()
    tier_1, tier_2 = known.tariff("us-central1"), known.tariff("us-west2")
    for cpu, memory in (("cpu-request", "memory-request"), ("cpu-idle", "memory-idle"), ("cpu-instance", "memory-instance")):
        cells = [f"{tariff[cpu].tiers[0].price:f} · {tariff[memory].tiers[0].price:f}" for tariff in (tier_1, tier_2)]
        assert f"| {cells[0]} | {cells[1]} |" in page
    assert f"{tier_1['gpu-l4'].tiers[0].price} · {tier_1['gpu-l4-zonal'].tiers[0].price}" in page
    assert all(f"`{product.key}`" in page for product in pricing.PRODUCTS)
    assert all(f"`{key}`" in page for key in known.commitments)


def test_a_request_longer_than_the_timeout_of_the_spec_has_no_price(tmp_path: Path) -> None:
    loaded = load("resources: {timeout_s: 2.5}\n", tmp_path)
    workload = Workload(Decimal(1000))
    regions = {"gcp": ["europe-west1"]}
    short, long = (
        [each.problem for each in grid([priced], workload, Given(duration_ms), regions=regions, loaded=loaded)]
        for duration_ms in (2000, 3000)
    )
    assert short[:2] == ["", ""]
    assert all("longer than the timeout of 2.5 s" in problem for problem in long)
