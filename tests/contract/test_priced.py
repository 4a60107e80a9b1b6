"""What every provider with prices holds, whichever it is; a further one is picked up by itself."""

from __future__ import annotations

import time
from collections.abc import Iterator
from decimal import Decimal

import pytest

from mldeploy.cost import packing
from mldeploy.cost.billing import Tariff, Terms
from mldeploy.cost.contract import Priced
from mldeploy.cost.curve import parse
from mldeploy.cost.estimate import estimate, grid
from mldeploy.cost.timing import Given
from mldeploy.cost.values import Option, Product
from mldeploy.cost.workload import Workload
from mldeploy.errors import SpecError
from mldeploy.providers import registry

PRICED = {name: found for name in registry.names() if isinstance(found := registry.get(name), Priced)}
WORKLOAD = Workload(Decimal(3_000_000), bytes_in=100_000, bytes_out=2_000, log_bytes=400)
TIMINGS = Given(120, 60, 2000)


@pytest.fixture(params=sorted(PRICED))
def provider(request: pytest.FixtureRequest) -> Priced:
    return PRICED[request.param]


def options(provider: Priced) -> Iterator[tuple[Product, Option]]:
    for product in provider.products():
        for option in provider.sizes(product.key):
            yield product, option


def test_the_clouds_that_are_built_in_have_prices() -> None:
    assert len(PRICED) >= 3


def test_the_first_product_is_what_up_deploys(provider: Priced) -> None:
    first = provider.products()[0]
    assert first.is_deployable
    assert all(product.note for product in provider.products() if not product.is_deployable)
    assert len({product.key for product in provider.products()}) == len(provider.products())


def test_sizes_are_whole_and_differ(provider: Priced) -> None:
    found = [option for _, option in options(provider)]
    assert len(set(found)) == len(found)
    for product, option in options(provider):
        assert (option.provider, option.product) == (provider.name, product.key)
        assert option.memory_mb > 0
        assert option.cpu > 0
        assert option.concurrency >= 1
        assert option.min_instances >= 0


def test_the_default_option_is_priced_at_the_default_region(provider: Priced) -> None:
    region = provider.region_of(None)
    product = provider.products()[0]
    option = provider.option(product.key, None, None)
    found = estimate(provider, option, Workload(Decimal(3_000_000)), TIMINGS, Tariff(provider.prices(), region), region)
    assert found.problem == ""
    assert found.total is not None
    assert found.total > 0
    assert found.carbon_g_per_1k is None or found.carbon_g_per_1k > 0
    assert set(provider.spec_keys(option))


def test_a_size_that_no_instance_has_or_holds_is_told(provider: Priced) -> None:
    for product in provider.products():
        if product.is_deployable:
            with pytest.raises(SpecError) as raised:
                provider.option(product.key, None, 10_000_000)
            assert raised.value.hint or raised.value.problems, product.key


def test_meters_are_those_of_the_book(provider: Priced) -> None:
    meters = provider.prices().meters
    for product, option in options(provider):
        usage = packing.usage(WORKLOAD, option, product.scaling, Given(120, 60, 2000).at(option))  # type: ignore[arg-type]
        quantities = provider.quantities(option, usage, WORKLOAD)
        assert quantities
        assert {each.meter for each in quantities} <= set(meters)
        are_fixed = [each.is_fixed for each in quantities]
        assert are_fixed == sorted(are_fixed, reverse=True), "the fixed part comes first, through tiers and free units"
        assert all(each.how for each in quantities), "--explain needs each amount's arithmetic"


def test_what_is_fixed_does_not_depend_on_the_traffic(provider: Priced) -> None:
    """But for what a kept instance does with it."""
    for product, option in options(provider):
        if option.min_instances or product.scaling.always:
            continue
        fixed = [
            [(each.meter, each.amount) for each in provider.quantities(option, usage, workload) if each.is_fixed]
            for workload in (Workload(Decimal(1)), WORKLOAD)
            for usage in [packing.usage(workload, option, product.scaling, Given(120).at(option))]  # type: ignore[arg-type]
        ]
        assert fixed[0] == fixed[1], option


def test_no_option_costs_less_for_more(provider: Priced) -> None:
    region = provider.region_of(None)
    tariff = Tariff(provider.prices(), region, Terms())
    for _, option in options(provider):
        totals = [
            estimate(provider, option, Workload(Decimal(10) ** power), TIMINGS, tariff, region).total for power in range(3, 12)
        ]
        known = [total for total in totals if total is not None]
        assert known == sorted(known), option


def test_without_free_tier_nothing_is_cheaper(provider: Priced) -> None:
    region = provider.region_of(None)
    free, paid = (Tariff(provider.prices(), region, Terms(has_free_tier=each)) for each in (True, False))
    for _, option in options(provider):
        with_free = estimate(provider, option, WORKLOAD, TIMINGS, free, region).total
        without = estimate(provider, option, WORKLOAD, TIMINGS, paid, region).total
        if with_free is not None and without is not None:
            assert 0 <= with_free <= without


def test_carbon_is_of_regions_that_there_are(provider: Priced) -> None:
    book = provider.carbon()
    assert book.grids
    assert set(book.grids) <= set(provider.prices().regions)
    assert 0 < book.min_watts < book.max_watts < 20
    assert 1 <= book.pue < 2


def test_every_rate_has_a_source_with_a_date(provider: Priced) -> None:
    book = provider.prices()
    for region in book.regions:
        for rate in book.tariff(region).values():
            assert rate.source.url.startswith("https://")
            assert rate.source.title
            assert "2019" < rate.source.date < "2100"


def test_all_clouds_regions_and_sizes_in_a_moment() -> None:
    """A guard against waste, not a benchmark: 0.1 s on a quiet core; twelve times as much is let pass on a busy one."""
    workload = Workload(Decimal(30_000_000), parse({"peak_hour": 14, "night": 0.1, "weekend": 0.5}))
    regions = {name: tuple(each.prices().regions) for name, each in PRICED.items()}
    started_s = time.process_time()
    found = list(grid(PRICED.values(), workload, TIMINGS, regions=regions, sizes="all"))
    assert time.process_time() - started_s < 1.2
    assert len(found) > 5000
