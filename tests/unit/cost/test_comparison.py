"""The comparison over a toy provider whose bill is known in closed form; a stand-in, not a cloud."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from mldeploy.cost import choice, ranking
from mldeploy.cost.billing import Tariff
from mldeploy.cost.book import Meter, PriceBook, Rate, Source, Tier
from mldeploy.cost.carbon import CarbonBook, Grid
from mldeploy.cost.comparison import DRAWN, Comparison, Market, compare
from mldeploy.cost.contract import Priced
from mldeploy.cost.document_rows import option_id
from mldeploy.cost.estimate import Estimate, estimate
from mldeploy.cost.timing import Given
from mldeploy.cost.values import Option, Product, Quantity, Scaling, Usage
from mldeploy.cost.workload import Workload

SOURCE = Source("label", "The label on the box", "https://example.org/box", "2026-11-21", "page")
BY_REQUEST, RENTED = Product("by-request", "By request", Scaling("request")), Product("rented", "Rented", Scaling("instance"))
FOR_SHOW = Product("for-show", "For show", Scaling("request"), is_deployable=False, note="it is in the window")
KEPT_USD, REQUEST_USD = Decimal(20), Decimal("0.000010")
RENTED_USD = Decimal("0.000002")


class Toy:
    """Each request costs so much; an instance kept costs $20 a month, and requests are cheaper there."""

    def __init__(self, name: str = "toy", factor: str = "1") -> None:
        self.name, self.title = name, name.title()
        self._factor = Decimal(factor)

    def prices(self) -> PriceBook:
        meters = {key: Meter(key, key, key) for key in ("request", "kept", "kept-request", "unsold")}
        prices = {"request": REQUEST_USD, "kept": KEPT_USD, "kept-request": RENTED_USD}
        rates = {key: Rate(meters[key], "*", (Tier(None, usd * self._factor),), SOURCE) for key, usd in prices.items()}
        regions = {"nursery": "Nursery", "attic": "Attic"}
        book = PriceBook(
            self.name, datetime.date(2026, 11, 21), "USD", regions, meters, {"label": SOURCE}, {"attic": {}}, {}, {},
            everywhere=rates,
        )  # fmt: skip
        return replace(book, rates={region: {} for region in regions})

    def carbon(self) -> CarbonBook:
        return CarbonBook(self.name, 1.0, 3.0, 1.1, SOURCE, {"nursery": Grid(100.0, SOURCE)})

    def products(self) -> tuple[Product, ...]:
        return BY_REQUEST, FOR_SHOW

    def quantities(self, option: Option, usage: Usage, workload: Workload) -> tuple[Quantity, ...]:
        if option.product == "for-show" and option.memory_mb == 64:
            return (Quantity("unsold", usage.requests),)
        if not option.min_instances:
            return (Quantity("request", usage.requests),)
        return Quantity("kept", Decimal(option.min_instances), is_fixed=True), Quantity("kept-request", usage.requests)

    def sizes(self, product: str) -> tuple[Option, ...]:
        raise NotImplementedError

    def option(self, product: str, loaded: object, memory_mb: int | None) -> Option:
        return Option(self.name, product, memory_mb or 512, 1.0)

    def product_of(self, loaded: object) -> str:
        return "by-request"

    def region_of(self, loaded: object) -> str:
        return "nursery"

    def option_of(self, program: Mapping[str, Any]) -> tuple[Option, str]:
        raise NotImplementedError

    def spec_keys(self, option: Option) -> Mapping[str, Any]:
        return {}

    def fetch_prices(self, fetch: object, today: object) -> str:
        raise NotImplementedError


def market(requests: int = 1_000_000, start_ms: float = 0.0, *toys: Toy, cold_share: float | None = None) -> Market:
    providers: dict[str, Priced] = {each.name: each for each in toys or (Toy(),)}
    books = {name: each.prices() for name, each in providers.items()}
    workload = Workload(Decimal(requests), duration_ms=100.0, cold_share=cold_share)
    return Market(providers, workload, Given(100.0, start_ms=start_ms), lambda name, region: Tariff(books[name], region))


def rows(at: Market, product: str = "by-request", memory_mb: int = 512) -> list[Estimate]:
    return [at.estimate(Option(name, product, memory_mb, 1.0), "nursery") for name in at.providers]


def compared(at: Market, **more: Any) -> Comparison:
    return compare(at, rows(at), **more)


def test_the_toy_is_a_priced_provider() -> None:
    assert isinstance(Toy(), Priced)


def test_an_instance_kept_wins_from_where_algebra_says() -> None:
    """10 µ$ a request against $20 and 2 µ$ a request: 2,500,000 requests a month."""
    (found,) = compared(market()).always_on
    assert found.requests == 2_500_001
    assert found.estimate.option.min_instances == 1
    assert found.other.option.min_instances == 0


@pytest.mark.parametrize(("requests", "kept"), [(2_400_000, 0), (2_600_000, 1)])
def test_the_kept_one_is_chosen_where_it_is_cheaper(requests: int, kept: int) -> None:
    found = compared(market(requests))
    assert found.chosen[0].option.min_instances == kept
    assert found.estimates[0] == found.chosen[0]


def test_what_is_written_is_not_replaced_by_something_else() -> None:
    found = compared(market(50_000_000), is_open=False)
    assert found.chosen[0].option.min_instances == 0
    assert found.always_on[0].requests == 2_500_001


def test_an_instance_kept_meets_a_goal_that_cold_starts_break() -> None:
    """A tenth of the requests waits a second for a start; on an instance that is kept the toy's own share is as given."""
    cold = market(1000, 1000.0, cold_share=0.10)
    found = compared(cold, slo_ms=300)
    assert found.choices[0].estimate is None
    assert "as more than 5 % of the requests meet a cold start" in found.choices[0].reason
    warm = market(1000, 1000.0, cold_share=0.05)
    assert compared(warm, slo_ms=300).chosen


def test_break_evens_are_between_the_chosen_of_two_clouds() -> None:
    """Half the price of everything from the start: no crossing. Kept on one, by request on the other: one crossing."""
    at = market(50_000_000, 0.0, Toy("toy"), Toy("half", "0.5"))
    assert compared(at).break_evens == ()
    kept = at.estimate(Option("toy", "by-request", 512, 1.0, min_instances=1), "nursery")
    half = rows(at)[1]
    found = compare(at, rows(at), pairs=[(kept, half)])
    (only,) = found.break_evens
    assert only.crossing.requests == 6_666_667  # 20 + 2 µ$ × n = 5 µ$ × n
    assert (only.below, only.above) == (half, kept)


def test_curves_are_of_what_is_named_and_are_the_estimates() -> None:
    at = market(10_000)
    found = compared(at)
    named = {option_id(each.option, each.region): each for each in found.estimates}
    assert set(found.curves) <= set(named)
    for name, points in found.curves.items():
        assert [rate for rate, _ in points] == list(DRAWN)
        rate, usd = points[len(points) // 2]
        each = named[name]
        workload, tariff = replace(at.workload, requests=rate), at.tariff("toy", each.region)
        again = estimate(at.providers["toy"], each.option, workload, at.timings, tariff, each.region)
        assert again.total == usd


def test_a_missing_rate_is_in_no_choice() -> None:
    at = market()
    (unsold,) = rows(at, "for-show", 64)
    assert unsold.total is None
    found = compare(at, [*rows(at), unsold])
    assert unsold in found.estimates
    assert unsold not in found.chosen
    assert unsold not in found.front
    assert compare(at, [unsold]).choices[0].estimate is None


def test_a_region_without_a_grid_has_no_carbon_and_comes_last() -> None:
    at = market()
    attic = at.estimate(Option("toy", "by-request", 512, 1.0), "attic")
    assert attic.carbon_g_per_1k is None
    assert ranking.ranked([attic, *rows(at)], "carbon")[-1] == attic
    assert choice.choose([attic, *rows(at)], None, "carbon")[0].estimate == rows(at)[0]


def test_absurd_rates_are_exact() -> None:
    at = market(10**15)
    assert rows(at)[0].total == Decimal(10**15) * REQUEST_USD
