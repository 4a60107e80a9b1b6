"""From a spec or a program document to an option and back, the sizes that are offered, and the books that ship."""

from __future__ import annotations

import datetime
import subprocess
import sys
from pathlib import Path

import azure_programs as ap
import pytest

from mldeploy.cost import book_file, book_text
from mldeploy.cost.contract import Priced
from mldeploy.cost.values import Option
from mldeploy.errors import SpecError
from mldeploy.providers.azure import pricing
from mldeploy.providers.azure.provider import provider
from mldeploy.providers.azure.quantities import CONSUMPTION, CONTAINER_APPS, FLEX, PREMIUM

SPECS = (
    "",
    "resources: {memory_mb: 512, concurrency: 4, max_instances: 3}\n",
    "resources: {min_instances: 2}\nclouds: {azure: {cpu: 0.75, region: westus2}}\n",
    "clouds: {azure: {schedule: {cron: '0 6 * * *', inputs: 1}, alarms: null}}\n",
    "clouds: {azure: {alarms: {errors: 1, throttles: 2, p95_ms: 300}}}\n",
    "resources: {timeout_s: 5}\n",
    "clouds: {azure: {plan: premium, alarms: {errors: 1, throttles: 2, p95_ms: 300}}}\n",
    "clouds: {azure: {plan: premium, premium_size: EP2, zone_redundant: true, region: eastus2}}\n",
)
DEPLOYABLE = [option for product in (CONTAINER_APPS, PREMIUM) for option in pricing.sizes(product)]


@pytest.fixture(autouse=True)
def _plain_machine(no_environment: None, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """The books that ship, whatever this machine has renewed."""
    monkeypatch.setenv("MLDEPLOY_STATE_DIR", str(tmp_path_factory.getbasetemp() / "nothing-renewed"))


def _name(option: Option) -> str:
    return f"{option.product} {option.memory_mb}"


def test_it_is_a_provider_with_prices() -> None:
    assert isinstance(provider, Priced)
    assert [product.key for product in provider.products()] == [CONTAINER_APPS, PREMIUM, FLEX, CONSUMPTION]
    assert [product.key for product in provider.products() if product.is_deployable] == [CONTAINER_APPS, PREMIUM]
    assert all("no container image" in product.note for product in provider.products() if not product.is_deployable)


@pytest.mark.parametrize("text", SPECS)
def test_what_a_spec_asks_for_is_what_its_program_deploys(tmp_path: Path, text: str) -> None:
    """The document of the plan is what is recorded; both ways to an option must meet."""
    loaded = ap.load(tmp_path, text)
    program = provider.plan(loaded, ap.bundle()).program
    product = provider.product_of(loaded)
    assert provider.option_of(program) == (provider.option(product, loaded, None), provider.region_of(loaded))


def test_alerts_are_counted_as_the_program_makes_them(tmp_path: Path) -> None:
    text = "resources: {timeout_s: 5}\nclouds: {azure: {plan: %s, alarms: {errors: 1, throttles: 2, p95_ms: 300}}}\n"
    found = [
        provider.option(product, ap.load(tmp_path / plan, text % plan), None).traits
        for plan, product in (("container_apps", CONTAINER_APPS), ("premium", PREMIUM))
    ]
    assert found == [
        (("log_alerts", "1"), ("metric_alerts", "2"), ("timeout_s", "5")),
        (("log_alerts", "1"), ("metric_alerts", "1"), ("timeout_s", "5")),
    ]


@pytest.mark.parametrize("option", DEPLOYABLE, ids=_name)
def test_what_is_applied_to_a_spec_makes_that_option(tmp_path: Path, option: Option) -> None:
    keys = provider.spec_keys(option)
    clouds = {key.rpartition(".")[2]: value for key, value in keys.items() if key.startswith("clouds.azure.")}
    resources = {key.rpartition(".")[2]: value for key, value in keys.items() if key.startswith("resources.")}
    loaded = ap.load(tmp_path, f"resources: {resources}\nclouds: {{azure: {clouds}}}\n")
    assert not list(provider.problems(loaded))
    assert provider.option(provider.product_of(loaded), loaded, None) == option


def test_what_is_applied_goes_before_a_size_that_is_written_already(tmp_path: Path) -> None:
    wanted = pricing.option(CONTAINER_APPS, None, 512)
    keys = {key: value for key, value in provider.spec_keys(wanted).items() if key.startswith("clouds.azure.")}
    assert keys == {"clouds.azure.plan": "container_apps", "clouds.azure.cpu": 0.25}


@pytest.mark.parametrize(
    ("product", "sizes"),
    [
        (CONTAINER_APPS, [(0.25 * step, 512 * step) for step in range(1, 17)]),
        (PREMIUM, [(1, 3584), (2, 7168), (4, 14336)]),
        (FLEX, [(0.25, 512), (1, 2048), (2, 4096)]),
        (CONSUMPTION, [(1, 128 * step) for step in range(1, 13)]),
    ],
)
def test_sizes_are_those_that_azure_has(product: str, sizes: list[tuple[float, int]]) -> None:
    assert [(option.cpu, option.memory_mb) for option in provider.sizes(product)] == sizes


def test_a_spec_is_seen_as_if_it_were_for_the_other_plan(tmp_path: Path) -> None:
    """So that plans can be compared for one spec."""
    loaded = ap.load(tmp_path, "resources: {memory_mb: 4096, concurrency: 3}\n")
    found = [provider.option(product, loaded, None) for product in (CONTAINER_APPS, PREMIUM, FLEX)]
    assert [(each.memory_mb, each.cpu, each.concurrency, each.min_instances) for each in found] == [
        (4096, 2.0, 3, 0),
        (7168, 2, 3, 1),
        (4096, 2.0, 3, 0),
    ]


def test_memory_that_is_given_goes_before_the_specs_vcpu(tmp_path: Path) -> None:
    loaded = ap.load(tmp_path, "clouds: {azure: {cpu: 2}}\n")
    assert (provider.option(CONTAINER_APPS, loaded, 512).cpu, provider.option(CONTAINER_APPS, loaded, None).cpu) == (0.25, 2)


@pytest.mark.parametrize(
    ("product", "memory_mb", "near"),
    [
        (CONTAINER_APPS, 700, "512 MB and 1024 MB"),
        (CONTAINER_APPS, 9000, "7680 MB and 8192 MB"),
        (PREMIUM, 20_000, "7168 MB and 14336 MB"),
        (FLEX, 5000, "2048 MB and 4096 MB"),
        (CONSUMPTION, 2048, "1408 MB and 1536 MB"),
    ],
)
def test_a_size_that_azure_does_not_offer_is_refused_with_the_closest(product: str, memory_mb: int, near: str) -> None:
    with pytest.raises(SpecError, match=f"{memory_mb} MB: .* has no such size") as caught:
        provider.option(product, None, memory_mb)
    assert caught.value.hint == f"the closest are {near}"


def test_a_size_in_the_spec_is_refused_at_its_place(tmp_path: Path) -> None:
    loaded = ap.load(tmp_path, "resources:\n  memory_mb: 700\n")
    with pytest.raises(SpecError, match=r"mldeploy\.yaml:\d+:3 resources\.memory_mb: 700 MB") as caught:
        provider.option(CONTAINER_APPS, loaded, None)
    assert caught.value.problems[0].path == "resources.memory_mb"


def test_vcpu_in_the_spec_that_azure_has_not_are_refused_at_their_place(tmp_path: Path) -> None:
    loaded = ap.load(tmp_path, "clouds:\n  azure:\n    cpu: 0.3\n")
    with pytest.raises(SpecError, match=r"clouds\.azure\.cpu: 512 MB with 0\.3 vCPU") as caught:
        provider.option(CONTAINER_APPS, loaded, None)
    assert caught.value.hint == "the closest are 512 MB with 0.25 vCPU and 1024 MB with 0.5 vCPU"


def test_an_unknown_product_is_told_with_the_closest() -> None:
    with pytest.raises(SpecError, match="no product 'container-app'") as caught:
        provider.option("container-app", None, None)
    assert "container-apps" in (caught.value.hint or "")


def test_the_default_region_has_prices() -> None:
    assert provider.region_of(None) in provider.prices().regions


def test_the_book_has_a_source_a_date_and_an_address_for_each_rate() -> None:
    book = provider.prices()
    rates = [rate for rates in (*book.rates.values(), book.everywhere) for rate in rates.values()]
    assert len(book.regions) == 25
    assert len(rates) > 150
    for rate in rates:
        assert rate.source.url.startswith("https://")
        assert " " not in rate.source.url
        assert datetime.date.fromisoformat(rate.source.date) <= book.date
    assert {source.key for source in book.sources.values()} == {
        *(rate.source.key for rate in rates),
        *(each.source.key for each in book.allowances.values()),
        *(each.source.key for each in book.commitments.values()),
    }


def test_every_region_scales_to_zero_with_known_rates() -> None:
    book = provider.prices()
    for region in book.regions:
        assert {"aca-vcpu", "aca-memory", "aca-requests", "registry", "egress"} <= book.tariff(region).keys()


def test_the_book_survives_being_written() -> None:
    book = provider.prices()
    assert book_file.parse(book_text.text(book), book.path) == book


def test_grids_are_grams_a_kilowatt_hour_and_unknown_where_not_sourced() -> None:
    book = provider.carbon()
    assert book.grids["northeurope"].g_per_kwh == 278.6
    assert book.grids["swedencentral"].g_per_kwh == 5.67
    assert "ukwest" not in book.grids
    assert (book.min_watts, book.max_watts, book.pue) == (0.74, 3.54, 1.185)
    assert set(book.grids) <= set(provider.prices().regions)


def test_asking_for_the_provider_reads_no_book_and_no_sdk() -> None:
    code = (
        "import sys; from mldeploy.providers.azure.provider import provider; provider.region_of;"
        "heavy = {'mldeploy.cost.book_file', 'pulumi', 'mldeploy.providers.azure.price_api'};"
        "print(sorted(heavy & sys.modules.keys()))"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert answer.stdout.strip() == "[]"
