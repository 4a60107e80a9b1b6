"""From what was asked to the comparison: spec and flags ─▶ workload, times, market ─▶ estimates ─▶ Comparison ─▶ Document."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from mldeploy.cli import cost_words, cost_workload
from mldeploy.cli import target as targets
from mldeploy.cli.cost_flags import Asked
from mldeploy.cli.cost_market import Stalls, stalls
from mldeploy.cli.exits import UsageError
from mldeploy.cli.session import Session
from mldeploy.cost import document as documents
from mldeploy.cost import ranking
from mldeploy.cost.book import nearest
from mldeploy.cost.comparison import Comparison, Market, compare
from mldeploy.cost.document_shape import BreakEven, Document
from mldeploy.cost.estimate import Estimate, grid
from mldeploy.cost.timing import Given
from mldeploy.errors import SpecError

if TYPE_CHECKING:
    from mldeploy.cost.contract import Priced
    from mldeploy.spec.loaded import LoadedSpec

Breadth = Literal["as written", "deployable", "everything"]
"""What is estimated on each cloud: what the spec deploys; every size of what `up` can deploy; of what it cannot, too. One given
time says nothing of other sizes: with it only the planned ones are looked at, unless all are asked for."""


@dataclass(frozen=True)
class Outcome:
    """What a command shows and acts on. `shown` are the ids of the rows worth a look."""

    loaded: LoadedSpec | None
    stalls: Stalls
    market: Market
    comparison: Comparison
    document: Document
    shown: frozenset[str]


def run(session: Session, asked: Asked, breadth: Breadth, pair: Sequence[str] = ()) -> Outcome:
    """All of it. `pair` are two words for options whose break-evens are wanted. Raises UsageError, SpecError, PriceError."""
    today = datetime.datetime.now(tz=datetime.UTC).date()
    loaded = targets.load(session) if targets.has_spec(session) else None
    found = stalls(session, asked, loaded, today)
    workload, timings = cost_workload.gather(session, asked, loaded)
    market = Market(found.providers, workload, timings, found.tariff)
    is_sized = breadth != "as written" and (asked.is_all or not isinstance(timings, Given))
    estimates = list(_estimates(session, asked, breadth, market, found, loaded, is_sized=is_sized))
    if not estimates:
        raise UsageError("nothing is left to compare", "drop a filter: --cloud, --region, --product or --memory-mb")
    pairs = (_two(estimates, pair),) if pair else ()
    comparison = compare(market, estimates, slo_ms=asked.slo_ms, order=asked.sort, pairs=pairs, is_open=breadth != "as written")
    shown = frozenset(_id(each) for each in (comparison.estimates if asked.is_all else _worth(comparison, breadth)))
    return Outcome(loaded, found, market, comparison, _document(asked, market, found, comparison, shown, today), shown)


def _id(each: Estimate) -> str:
    return documents.option_id(each.option, each.region)


def _estimates(
    session: Session,
    asked: Asked,
    breadth: Breadth,
    market: Market,
    found: Stalls,
    loaded: LoadedSpec | None,
    *,
    is_sized: bool,
) -> Iterator[Estimate]:
    """With `is_sized` every size. A cloud that cannot have what the spec asks for is left out and says so; if it is the only
    one, that is the error."""
    _check_products(asked.product, found.providers.values())
    is_only = len(found.providers) == 1
    for name, provider in found.providers.items():
        products = list(_products(asked, breadth, provider, loaded))
        try:
            if asked.memory_mb is not None:
                options = [provider.option(product, loaded, asked.memory_mb) for product in products]
                yield from (market.estimate(option, region) for option in options for region in found.regions[name])
            else:
                yield from grid(
                    [provider],
                    market.workload,
                    market.timings,
                    regions=found.regions,
                    products=products,
                    sizes="all" if is_sized else "planned",
                    terms=found.terms,
                    loaded=loaded,
                )
        except SpecError as error:
            if is_only:
                raise
            said = error.problems[0].message if error.problems else error.message
            session.report.warn(f"{name} is left out: {said}")


def _products(asked: Asked, breadth: Breadth, provider: Priced, loaded: LoadedSpec | None) -> Iterator[str]:
    every = provider.products()
    if asked.product:
        yield from (product.key for product in every if product.key in asked.product)
    elif breadth == "as written":
        yield provider.product_of(loaded) if loaded is not None else every[0].key
    else:
        yield from (product.key for product in every if product.is_deployable or breadth == "everything")


def _check_products(asked: Sequence[str], providers: Iterable[Priced]) -> None:
    known = {product.key for provider in providers for product in provider.products()}
    for key in asked:
        if key not in known:
            raise UsageError(f"unknown product '{key}'", nearest(key, known))


def _two(estimates: Sequence[Estimate], pair: Sequence[str]) -> tuple[Estimate, Estimate]:
    """The cheapest option that each word fits: "CLOUD/512MB" has parts of an option's id."""
    a, b = (_fitting(estimates, word) for word in pair)
    if a is b:
        raise UsageError(
            f"'{pair[0]}' and '{pair[1]}' mean the same option, {_id(a)}", "say more of each: --format json has the ids"
        )
    return a, b


def _fitting(estimates: Sequence[Estimate], word: str) -> Estimate:
    parts = word.split("/")
    found = [each for each in estimates if all(part in _id(each).split("/") for part in parts)]
    if not found:
        known = {part for each in estimates for part in _id(each).split("/")}
        wrong = next((part for part in parts if part not in known), word)
        raise UsageError(f"no option fits '{word}'", f"'{wrong}': {nearest(wrong, known)}")
    return ranking.ranked(found)[0]


def _worth(comparison: Comparison, breadth: Breadth) -> Iterator[Estimate]:
    """The best of each cloud, region and product, the front, the chosen, and the always-on options beside them."""
    seen: set[tuple[str, str, str]] = set()
    for each in comparison.estimates:
        place = each.provider, each.region, each.product.key
        if place not in seen:
            seen.add(place)
            yield each
    yield from comparison.front
    yield from comparison.chosen
    yield from (each.estimate for each in comparison.always_on if breadth != "as written")


def _document(
    asked: Asked, market: Market, found: Stalls, comparison: Comparison, shown: frozenset[str], today: datetime.date
) -> Document:
    """Every row, or without --all those worth a look and all sizes where something was chosen."""
    places = {(each.provider, each.region) for each in comparison.chosen}
    rows = [e for e in comparison.estimates if asked.is_all or _id(e) in shown or (e.provider, e.region) in places]
    chosen = comparison.chosen or tuple(each for each in comparison.estimates if _id(each) in shown)
    told = [
        BreakEven(
            a=_id(e.a),
            b=_id(e.b),
            requests=float(e.crossing.requests),
            usd=float(e.crossing.usd),
            text=cost_words.break_even(e),
        )
        for e in comparison.break_evens
    ]
    told += [
        BreakEven(
            a=_id(each.estimate),
            b=_id(each.other),
            requests=float(each.requests),
            usd=float(market.estimate(each.estimate.option, each.estimate.region, each.requests).total or 0),
            text=cost_words.always_on(each),
        )
        for each in comparison.always_on
        if each.requests is not None
    ]
    never = [cost_words.always_on(each) for each in comparison.always_on if each.requests is None]
    return documents.document(
        rows,
        answer=cost_words.answer(comparison, market.workload, asked.slo_ms, asked.sort),
        today=today,
        workload=market.workload,
        terms=next(iter(found.terms.values())),
        books=found.books,
        carbon=found.carbon,
        assumptions=[*cost_words.assumptions(market.workload, found, chosen, is_all=asked.is_all), *never],
        curves=comparison.curves,
        break_evens=told,
        front=[_id(each) for each in comparison.front],
        cheapest=[_id(each) for each in comparison.chosen],
        regional=comparison.estimates,
        slo_ms=asked.slo_ms,
    )
