"""Estimates over a toy cloud: what is known, why the rest is not, and that nothing is reckoned twice."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from mldeploy.cost.billing import Tariff, Terms
from mldeploy.cost.book import PriceBook, PriceError
from mldeploy.cost.carbon import CarbonBook, Grid
from mldeploy.cost.contract import Priced
from mldeploy.cost.estimate import Estimate, estimate, grid
from mldeploy.cost.measurements import Point, Sweep
from mldeploy.cost.timing import Given, Measured
from mldeploy.cost.values import SECONDS_PER_MONTH, Option, Product, Quantity, Scaling, Usage
from mldeploy.cost.workload import Workload
from mldeploy.errors import SpecError
from mldeploy.plan import Limit, Limits
from mldeploy.spec.loaded import LoadedSpec
from mldeploy.spec.model import ModelSection, ModelSpec, Resources

MONTH = Workload(Decimal(1_000_000))


class Toy:
    """A cloud with one product by request and one by instance; it counts how often it is asked."""

    name, title = "toy", "Toy Cloud"
    limits = Limits("Toy Cloud", {"resources.timeout_s": Limit(high=60)}, 10**6)

    def __init__(self, book: PriceBook) -> None:
        self._book = book
        self.counted: list[Option] = []

    def prices(self) -> PriceBook:
        return self._book

    def carbon(self) -> CarbonBook:
        source = self._book.sources["page"]
        return CarbonBook("toy", 1.0, 3.0, 1.2, source, {"north": Grid(400.0, source)})

    def products(self) -> tuple[Product, ...]:
        return (
            Product("calls", "Calls", Scaling("request", keep_s=300)),
            Product("hosts", "Hosts", Scaling("instance", keep_s=300), is_deployable=False, note="for comparison"),
        )

    def sizes(self, product: str) -> tuple[Option, ...]:
        places = 1 if product == "calls" else 8
        return tuple(Option("toy", product, mb, mb / 1024, places, traits=(("endpoint", "url"),)) for mb in (512, 1024, 4096))

    def option(self, product: str, loaded: LoadedSpec | None, memory_mb: int | None) -> Option:
        asked = loaded.spec.resources if loaded else Resources()
        size = memory_mb or asked.memory_mb or 1024
        if size % 256:
            raise SpecError(f"{size} MB is not offered", "closest: 512")
        kept = asked.min_instances or 0
        return Option("toy", product, size, size / 1024, asked.concurrency or 1, kept, traits=(("endpoint", "http"),))

    def product_of(self, loaded: LoadedSpec) -> str:
        return "calls"

    def region_of(self, loaded: LoadedSpec | None) -> str:
        return "north"

    def option_of(self, program: Mapping[str, Any]) -> tuple[Option, str]:
        return self.sizes("calls")[0], "north"

    def quantities(self, option: Option, usage: Usage, workload: Workload) -> tuple[Quantity, ...]:
        self.counted.append(option)
        gb_s = usage.billed_s * option.memory_mb / 1024
        return (Quantity("disk", Decimal(1), True), Quantity("compute", gb_s), Quantity("requests", usage.requests))

    def spec_keys(self, option: Option) -> Mapping[str, Any]:
        return {"resources.memory_mb": option.memory_mb}

    def fetch_prices(self, fetch: Callable[[str], bytes], today: date) -> str:
        raise PriceError("the toy cloud has no price API")


@pytest.fixture
def toy(toy_book: PriceBook) -> Toy:
    return Toy(toy_book)


def spec(**resources: Any) -> LoadedSpec:
    written = ModelSpec(version=1, name="digits", model=ModelSection(path="m.onnx"), resources=Resources(**resources))
    return LoadedSpec(written, "mldeploy.yaml", Path(), "dev", {})


def test_the_toy_is_priced(toy: Toy) -> None:
    assert isinstance(toy, Priced)


def test_one_estimate_by_hand(toy: Toy, toy_book: PriceBook) -> None:
    tariff = Tariff(toy_book, "north", Terms(has_free_tier=False))
    found = estimate(toy, toy.sizes("calls")[0], MONTH, Given(2.0), tariff, "north")
    # 1,000,000 × 2 ms × 0.5 GB = 1,000 GB-s at $0.01, $0.20 of requests, a GB-month of disk.
    assert (found.fixed, found.variable, found.total) == (Decimal("0.10"), Decimal("10.20"), Decimal("10.30"))
    assert found.per_1k == Decimal("0.0103")
    assert found.problem == ""
    # 2,000 s on half a vCPU of 2 W and 0.5 GB.
    grams = 1.2 * (2000 / 3600 * (0.5 * 2 / 1000 + 0.5 * 0.000392)) * 400 / 1000
    assert found.carbon_g_per_1k == pytest.approx(grams)


def test_what_has_no_price_is_unknown_and_says_of_what(toy: Toy, toy_book: PriceBook) -> None:
    found = estimate(toy, toy.sizes("calls")[0], MONTH, Given(2.0), Tariff(toy_book, "west"), "west")
    assert found.total is found.fixed is found.variable is found.per_1k is None
    assert found.problem == "no price is known in west for compute"
    assert found.carbon_g_per_1k is None


def test_a_duration_over_the_timeout_is_told(toy: Toy, toy_book: PriceBook) -> None:
    tariff = Tariff(toy_book, "north")
    assert estimate(toy, toy.sizes("calls")[0], MONTH, Given(60_000), tariff, "north").problem == ""
    found = estimate(toy, toy.sizes("calls")[0], MONTH, Given(60_001), tariff, "north")
    assert found.problem == "a request takes 60.001 s, longer than the timeout of 60 s"
    assert found.total is None
    own = replace(toy.sizes("calls")[0], traits=(("timeout_s", "5"),))
    assert "timeout of 5 s" in estimate(toy, own, MONTH, Given(6000), tariff, "north").problem


def test_too_much_traffic_for_max_instances_is_told(toy: Toy, toy_book: PriceBook) -> None:
    few = replace(toy.sizes("calls")[0], max_instances=2)
    found = estimate(toy, few, Workload(Decimal(100_000_000)), Given(200), Tariff(toy_book, "north"), "north")
    assert found.problem.startswith(
        "too much traffic: of 38.05 requests a second in the busiest hour, 77% find all 2 instances"
    )


def test_requests_that_share_a_processor_take_longer(toy: Toy, toy_book: PriceBook) -> None:
    """One vCPU, room for eight, a load of a half: a queue of eight, in which a request takes nearly twice as long."""
    host, tariff = toy.sizes("hosts")[1], Tariff(toy_book, "north")
    half = Workload(Decimal(2 * SECONDS_PER_MONTH))
    found = estimate(toy, host, half, Given(250), tariff, "north")
    chances = [0.5**n for n in range(9)]
    factor = sum(n * chance for n, chance in enumerate(chances)) / sum(chances[1:])
    assert found.usage is not None
    assert found.timing is not None
    assert found.usage.slowdown == pytest.approx(factor, rel=0.02)  # a few find it full, and go to a second one
    assert found.timing.mean_ms == pytest.approx(250 * found.usage.slowdown)
    assert found.timing.origin.endswith("for requests that share the processor")
    alone = estimate(toy, replace(host, concurrency=1), half, Given(250), tariff, "north")
    assert alone.timing == Given(250).at(host)


def test_what_is_too_slow_only_because_it_is_shared_is_told(toy: Toy, toy_book: PriceBook) -> None:
    host = replace(toy.sizes("hosts")[1], traits=(("timeout_s", "1"),))
    busy = Workload(Decimal(20 * SECONDS_PER_MONTH))  # 250 ms each: five instances, all of them full
    found = estimate(toy, host, busy, Given(250), Tariff(toy_book, "north"), "north")
    assert "longer than the timeout of 1 s" in found.problem
    assert found.total is None
    assert estimate(toy, replace(host, concurrency=2), busy, Given(250), Tariff(toy_book, "north"), "north").problem == ""


def test_out_of_memory_is_told(toy: Toy, toy_book: PriceBook) -> None:
    points = (Point("toy", "calls", 512, 0.5, is_out_of_memory=True), Point("toy", "calls", 1024, 1.0, 50, 49, 60, 70, 50, 900))
    timings = Measured(Sweep("f", "digits", "2026-11-21", "m", "in Docker", points))
    by_size = {each.option.memory_mb: each for each in grid([toy], MONTH, timings, regions={}, products=["calls"], sizes="all")}
    assert by_size[512].problem.startswith("out of memory")
    assert by_size[512].total is None
    assert by_size[1024].problem == ""
    assert by_size[1024].timing is not None
    assert by_size[1024].timing.p95_ms == 60


class TestGrid:
    def all(self, toy: Toy, **options: Any) -> list[Estimate]:
        return list(grid([toy], MONTH, Given(20.0), **{"regions": {"toy": ("north", "south")}, "sizes": "all", **options}))

    def test_products_sizes_and_regions(self, toy: Toy) -> None:
        found = self.all(toy)
        assert len(found) == 2 * 3 * 2
        assert len(toy.counted) == 2 * 3  # once an option, not once a region
        assert {each.region for each in found} == {"north", "south"}

    def test_each_is_the_same_as_alone(self, toy: Toy, toy_book: PriceBook) -> None:
        for each in self.all(toy):
            assert each == estimate(toy, each.option, MONTH, Given(20.0), Tariff(toy_book, each.region), each.region)

    def test_a_region_that_is_not_named_is_the_specs(self, toy: Toy) -> None:
        assert {each.region for each in self.all(toy, regions={})} == {"north"}

    def test_an_unknown_region_has_the_closest(self, toy: Toy) -> None:
        with pytest.raises(PriceError) as raised:
            self.all(toy, regions={"toy": ("nort",)})
        assert raised.value.hint == "did you mean north?"

    def test_products_may_be_chosen(self, toy: Toy) -> None:
        assert {each.product.key for each in self.all(toy, products=["hosts"])} == {"hosts"}

    def test_terms_may_differ_by_provider(self, toy: Toy) -> None:
        listed = self.all(toy, products=["calls"])
        committed = self.all(toy, products=["calls"], terms={"toy": Terms(commitment="one-year")})
        assert all(
            b.total < a.total for a, b in zip(listed, committed, strict=True) if a.total is not None and b.total is not None
        )
        assert self.all(toy, products=["calls"], terms={"other": Terms(commitment="one-year")}) == listed

    def test_planned_is_the_one_size_that_the_spec_has(self, toy: Toy) -> None:
        found = self.all(toy, sizes="planned", loaded=spec(memory_mb=768), regions={})
        assert [each.option.memory_mb for each in found] == [768, 768]

    def test_all_sizes_have_what_the_spec_asks_of_any(self, toy: Toy) -> None:
        found = self.all(toy, loaded=spec(memory_mb=768, min_instances=2, concurrency=4), regions={})
        calls = [each.option for each in found if each.product.key == "calls"]
        hosts = [each.option for each in found if each.product.key == "hosts"]
        assert [each.memory_mb for each in calls] == [512, 768, 1024, 4096]
        assert {each.min_instances for each in calls + hosts} == {2}
        assert {each.trait("endpoint") for each in calls + hosts} == {"http"}
        assert {each.concurrency for each in calls if each.memory_mb != 768} == {1}  # the product takes one at a time
        assert {each.concurrency for each in hosts} == {4}

    def test_a_size_that_is_not_offered(self, toy: Toy) -> None:
        with pytest.raises(SpecError, match="700 MB is not offered"):
            self.all(toy, sizes="planned", loaded=spec(memory_mb=700))
        assert len(self.all(toy, loaded=spec(memory_mb=700), regions={})) == 6

    def test_absurd_magnitudes_have_finite_bills(self, toy: Toy) -> None:
        for each in grid([toy], Workload(Decimal(10) ** 15), Given(20.0), regions={}, sizes="all"):
            assert each.total is not None
            assert each.total.is_finite()
            assert each.total > 10**8
