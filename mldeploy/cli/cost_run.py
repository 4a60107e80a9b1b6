"""From what was asked to the comparison: spec and flags ─▶ workload, times, market ─▶ estimates ─▶ Comparison ─▶ Document."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mldeploy.cli import cost_rows, cost_words, cost_workload
from mldeploy.cli import target as targets
from mldeploy.cli.cost_flags import ALL_REGIONS, Asked
from mldeploy.cli.cost_market import Stalls, stalls
from mldeploy.cli.session import Session
from mldeploy.cost import document as documents
from mldeploy.cost.comparison import Comparison, Market, compare
from mldeploy.cost.document_shape import BreakEven, Document
from mldeploy.cost.estimate import Estimate

if TYPE_CHECKING:
    from mldeploy.spec.loaded import LoadedSpec

_MOST_REGIONS = 5


@dataclass(frozen=True)
class Outcome:
    """What a command shows and acts on. `shown` are the ids of the rows worth a look."""

    loaded: LoadedSpec | None
    stalls: Stalls
    market: Market
    comparison: Comparison
    document: Document
    shown: frozenset[str]


def run(session: Session, asked: Asked, breadth: cost_rows.Breadth, pair: Sequence[str] = ()) -> Outcome:
    """All of it. `pair` are two words for options whose break-evens are wanted. Raises UsageError, SpecError, PriceError."""
    today = datetime.datetime.now(tz=datetime.UTC).date()
    loaded = targets.load(session) if targets.has_spec(session) else None
    found = stalls(session, asked, loaded, today)
    workload, timings = cost_workload.gather(session, asked, loaded)
    market = Market(found.providers, workload, timings, found.tariff)
    estimates = cost_rows.estimates(session, asked, breadth, market, found, loaded)
    pairs = (cost_rows.two(estimates, pair),) if pair else ()
    comparison = compare(market, estimates, slo_ms=asked.slo_ms, order=asked.sort, pairs=pairs, is_open=breadth != "as written")
    is_everywhere = ALL_REGIONS in asked.region
    told, shown = (
        frozenset(_id(each) for each in (comparison.estimates if asked.is_all else _worth(comparison, breadth, most)))
        for most in (None, _MOST_REGIONS if is_everywhere else None)
    )
    return Outcome(loaded, found, market, comparison, _document(asked, market, found, comparison, told, today), shown)


def _id(each: Estimate) -> str:
    return documents.option_id(each.option, each.region)


def _worth(comparison: Comparison, breadth: cost_rows.Breadth, most: int | None) -> Iterator[Estimate]:
    """The best of each cloud, region and product (of the `most` best regions), the front, the chosen, and the always-on options
    beside them."""
    seen: dict[tuple[str, str], set[str]] = {}
    for each in comparison.estimates:
        regions = seen.setdefault((each.provider, each.product.key), set())
        if each.region not in regions and (most is None or len(regions) < most):
            regions.add(each.region)
            yield each
    yield from comparison.front
    yield from comparison.chosen
    yield from (each.estimate for each in comparison.always_on if breadth != "as written")


def _document(
    asked: Asked, market: Market, found: Stalls, comparison: Comparison, worth: frozenset[str], today: datetime.date
) -> Document:
    """Every row, or without --all those worth a look and all sizes where something was chosen."""
    places = {(each.provider, each.region) for each in comparison.chosen}
    rows = [e for e in comparison.estimates if asked.is_all or _id(e) in worth or (e.provider, e.region) in places]
    chosen = comparison.chosen or tuple(each for each in comparison.estimates if _id(each) in worth)
    never = [cost_words.always_on(each) for each in comparison.always_on if each.requests is None]
    return documents.document(
        rows,
        answer=cost_words.answer(comparison, market.workload, asked.slo_ms, asked.sort, is_choice=len(worth) > 1),
        today=today,
        workload=market.workload,
        terms=next(iter(found.terms.values())),
        books=found.books,
        carbon=found.carbon,
        assumptions=[
            *cost_words.not_chosen(comparison),
            *cost_words.assumptions(market.workload, found, chosen, is_all=asked.is_all),
            *never,
        ],
        curves=comparison.curves,
        break_evens=list(_break_evens(market, comparison)),
        front=[_id(each) for each in comparison.front],
        cheapest=[_id(each) for each in comparison.chosen],
        regional=[*comparison.estimates, *_elsewhere(market, found, comparison)],
        slo_ms=asked.slo_ms,
    )


def _break_evens(market: Market, comparison: Comparison) -> Iterator[BreakEven]:
    """Between the chosen ones, then where an always-on option begins to win."""
    for found in comparison.break_evens:
        requests, usd = float(found.crossing.requests), float(found.crossing.usd)
        yield BreakEven(a=_id(found.a), b=_id(found.b), requests=requests, usd=usd, text=cost_words.break_even(found))
    for each in comparison.always_on:
        if each.requests is not None:
            there = market.estimate(each.estimate.option, each.estimate.region, each.requests)
            names = _id(each.estimate), _id(each.other)
            requests, usd = float(each.requests), float(there.total or 0)
            yield BreakEven(a=names[0], b=names[1], requests=requests, usd=usd, text=cost_words.always_on(each))


def _elsewhere(market: Market, found: Stalls, comparison: Comparison) -> Iterator[Estimate]:
    """What was chosen on each cloud, in all its regions that are not compared: where it runs is a choice, too."""
    for each in comparison.chosen:
        for region in found.books[each.provider].regions:
            if region not in found.regions[each.provider]:
                yield market.estimate(each.option, region)
