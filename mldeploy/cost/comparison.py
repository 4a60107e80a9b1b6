"""What follows from a table of estimates: the choice on each cloud, the front, break-evens, and when an always-on option wins.

estimates ─┬─ choice.choose ─▶ chosen ─┬─ CostOf(option) ─ breakeven ─▶ break-evens, always_on
           └─ ranking.front ─▶ front   └─ sampled ─▶ curves
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import combinations

from mldeploy.cost import breakeven, choice, ranking
from mldeploy.cost.billing import Tariff
from mldeploy.cost.choice import Choice
from mldeploy.cost.contract import Priced
from mldeploy.cost.document_rows import option_id
from mldeploy.cost.estimate import Estimate, estimate
from mldeploy.cost.timing import Timings
from mldeploy.cost.values import Option
from mldeploy.cost.workload import Workload

DRAWN = tuple(rate for rate in breakeven.RATES if 1_000 <= rate <= 10**10)
"""The rates between which a curve is drawn; break-evens are looked for in all of `breakeven.RATES`."""


@dataclass(frozen=True)
class Market:
    """Everything that an estimate needs besides the option: who prices it, for which workload, under which terms."""

    providers: Mapping[str, Priced]
    workload: Workload
    timings: Timings
    tariff: Callable[[str, str], Tariff]
    """Provider's name and region to tariff."""

    def estimate(self, option: Option, region: str, requests: Decimal | None = None) -> Estimate:
        workload = self.workload if requests is None else replace(self.workload, requests=requests)
        tariff = self.tariff(option.provider, region)
        return estimate(self.providers[option.provider], option, workload, self.timings, tariff, region)


class CostOf:
    """What one option in one region costs a month, by requests a month; each rate is reckoned once."""

    def __init__(self, market: Market, option: Option, region: str) -> None:
        self.name = option_id(option, region)
        self._market, self._option, self._region = market, option, region
        self._known: dict[Decimal, Decimal | None] = {}

    def __call__(self, requests: Decimal) -> Decimal | None:
        if requests not in self._known:
            found = self._market.estimate(self._option, self._region, requests)
            self._known[requests] = found.total if ranking.is_known(found) else None
        return self._known[requests]


@dataclass(frozen=True, slots=True)
class BreakEven:
    """From `crossing.requests` on, `above` is the cheaper one; `below` is the one before, None where both were the same."""

    a: Estimate
    b: Estimate
    crossing: breakeven.Crossing

    @property
    def above(self) -> Estimate:
        return self.a if self.crossing.above == "a" else self.b

    @property
    def below(self) -> Estimate | None:
        return {"a": self.a, "b": self.b}.get(self.crossing.below)


@dataclass(frozen=True, slots=True)
class AlwaysOn:
    """On one cloud: the rate from which on an option with an instance always there is cheaper than `other`, the cheapest
    without one. None: it never is."""

    estimate: Estimate
    other: Estimate
    requests: Decimal | None


@dataclass(frozen=True)
class Comparison:
    """All of it, best first. `estimates` are the rows: what was given, and the always-on options beside the chosen ones."""

    estimates: tuple[Estimate, ...]
    choices: tuple[Choice, ...]
    front: tuple[Estimate, ...]
    break_evens: tuple[BreakEven, ...]
    always_on: tuple[AlwaysOn, ...]
    curves: Mapping[str, Sequence[tuple[Decimal, Decimal]]]

    @property
    def chosen(self) -> tuple[Estimate, ...]:
        return tuple(each.estimate for each in self.choices if each.estimate is not None)


def compare(
    market: Market,
    estimates: Iterable[Estimate],
    *,
    slo_ms: float | None = None,
    order: ranking.Order = "cost",
    pairs: Sequence[tuple[Estimate, Estimate]] = (),
    is_open: bool = True,
) -> Comparison:
    """`pairs` are options whose break-evens are wanted; by default every two of the chosen ones. With `is_open` an option with
    one instance kept may be chosen, too; else only what is among `estimates`."""
    given = tuple(estimates)
    rows = _by_id([*given, *(_kept(market, given, slo_ms) if is_open else ())])
    choices = choice.choose(rows.values(), slo_ms, order)
    costs = _Costs(market)
    always_on = tuple(_each_always_on(market, costs, tuple(rows.values()), slo_ms))
    rows |= _by_id(found for each in always_on for found in (each.estimate, each.other))
    chosen = [each.estimate for each in choices if each.estimate is not None]
    wanted = pairs or list(combinations(chosen, 2))
    drawn = _by_id([*chosen, *(each.estimate for each in always_on), *(each for pair in pairs for each in pair)])
    return Comparison(
        estimates=ranking.ranked(rows.values(), order),
        choices=choices,
        front=ranking.front(rows.values()),
        break_evens=tuple(BreakEven(a, b, at) for a, b in wanted for at in breakeven.crossings(costs.of(a), costs.of(b))),
        always_on=always_on,
        curves={name: tuple(_points(costs.of(each))) for name, each in drawn.items()},
    )


def is_always_on(each: Estimate) -> bool:
    """Whether an instance is there, and paid for, without a single request."""
    return each.option.min_instances > 0 or each.product.scaling.always > 0


class _Costs:
    """One `CostOf` an option, so that what was reckoned for one pair serves the next."""

    def __init__(self, market: Market) -> None:
        self._market = market
        self._made: dict[str, CostOf] = {}

    def of(self, each: Estimate) -> CostOf:
        name = option_id(each.option, each.region)
        if name not in self._made:
            self._made[name] = CostOf(self._market, each.option, each.region)
        return self._made[name]


def _by_id(estimates: Iterable[Estimate]) -> dict[str, Estimate]:
    return {option_id(each.option, each.region): each for each in estimates}


def _scaling_to_zero(estimates: Iterable[Estimate], slo_ms: float | None) -> Iterator[Estimate]:
    """What starts an instance only when it is needed, can be deployed, and is fast enough once it is warm."""
    for each in estimates:
        if is_always_on(each) or not each.product.is_deployable or not ranking.is_known(each):
            continue
        warm_ms = ranking.warm_ms(each)
        if slo_ms is None or (warm_ms is not None and warm_ms <= slo_ms):
            yield each


def _kept(market: Market, given: Sequence[Estimate], slo_ms: float | None) -> Iterator[Estimate]:
    """The cheapest size of each product and region that is fast enough once it is warm, with one instance kept."""
    first: dict[tuple[str, str, str], Estimate] = {}
    for each in _scaling_to_zero(given, slo_ms):
        best = first.setdefault((each.provider, each.region, each.product.key), each)
        if (each.total or 0) < (best.total or 0):
            first[each.provider, each.region, each.product.key] = each
    for each in first.values():
        yield market.estimate(replace(each.option, min_instances=1), each.region)


def _each_always_on(market: Market, costs: _Costs, rows: Sequence[Estimate], slo_ms: float | None) -> Iterator[AlwaysOn]:
    """One a cloud: for its cheapest option that scales to zero."""
    first: dict[str, Estimate] = {}
    for each in ranking.ranked(_scaling_to_zero(rows, slo_ms)):
        first.setdefault(each.provider, each)
    for other in first.values():
        found = _always_on(market, costs, other, rows)
        if found is not None:
            yield found


def _always_on(market: Market, costs: _Costs, other: Estimate, rows: Sequence[Estimate]) -> AlwaysOn | None:
    """Against `other`: itself with an instance kept, and the cheapest of each product of its cloud and region that is always
    on. None where none of them has a known price."""
    kept = market.estimate(replace(other.option, min_instances=1), other.region)
    near = [each for each in rows if (each.provider, each.region) == (other.provider, other.region) and is_always_on(each)]
    first: dict[str, Estimate] = {}
    for each in ranking.ranked(near):
        first.setdefault(each.product.key, each)
    able = [each for each in [kept, *first.values()] if ranking.is_known(each) and each.product.is_deployable]
    if not able:
        return None
    rate = breakeven.wins_above(breakeven.lowest([costs.of(each) for each in able]), costs.of(other))
    at = market.workload.requests if rate is None else rate
    best = min(able, key=lambda each: cost if (cost := costs.of(each)(at)) is not None else Decimal("Infinity"))
    return AlwaysOn(best, other, rate)


def _points(cost: CostOf) -> Iterator[tuple[Decimal, Decimal]]:
    for rate in DRAWN:
        usd = cost(rate)
        if usd is not None:
            yield rate, usd
