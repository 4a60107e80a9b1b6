"""What is estimated: which products and sizes of which cloud, and which two of the rows are meant by a word.

--product, --memory-mb, what the spec deploys ─▶ products ─option, or grid─▶ Estimate…
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Literal

from mldeploy.cli.cost_flags import Asked
from mldeploy.cli.cost_market import Stalls
from mldeploy.cli.exits import UsageError
from mldeploy.cli.session import Session
from mldeploy.cost import ranking
from mldeploy.cost.book import nearest
from mldeploy.cost.comparison import Market
from mldeploy.cost.contract import Priced
from mldeploy.cost.document_rows import option_id
from mldeploy.cost.estimate import Estimate, grid
from mldeploy.cost.timing import Given
from mldeploy.errors import SpecError

if TYPE_CHECKING:
    from mldeploy.spec.loaded import LoadedSpec

Breadth = Literal["as written", "deployable", "everything"]
"""What is estimated on each cloud: what the spec deploys; every size of what `up` can deploy; of what it cannot, too. One given
time says nothing of other sizes: with it only the planned ones are looked at, unless all are asked for."""


def estimates(
    session: Session, asked: Asked, breadth: Breadth, market: Market, found: Stalls, loaded: LoadedSpec | None
) -> list[Estimate]:
    """All rows. A product that cannot have what is asked for is left out and says so; if nothing is left, that is the error.
    Raises UsageError, SpecError."""
    _check_products(asked.product, found.providers.values())
    made: list[Estimate] = []
    refused: list[tuple[str, SpecError]] = []
    for provider in found.providers.values():
        for product in _products(asked, breadth, provider, loaded):
            try:
                made += _of_product(asked, breadth, market, found, loaded, provider, product)
            except SpecError as error:
                refused.append((f"{provider.name} {product}", error))
    if not made and len({name.split()[0] for name, _ in refused}) == 1:
        raise refused[0][1]
    for name, refusal in refused:
        said = refusal.problems[0].message if refusal.problems else refusal.message
        session.report.warn(f"{name} is left out: {said}")
    if not made:
        raise UsageError("nothing is left to compare", "drop a filter: --cloud, --region, --product or --memory-mb")
    return made


def _of_product(
    asked: Asked,
    breadth: Breadth,
    market: Market,
    found: Stalls,
    loaded: LoadedSpec | None,
    provider: Priced,
    product: str,
) -> Iterator[Estimate]:
    if asked.memory_mb is not None:
        option = provider.option(product, loaded, asked.memory_mb)
        return (market.estimate(option, region) for region in found.regions[provider.name])
    is_sized = breadth != "as written" and (asked.is_all or not isinstance(market.timings, Given))
    return grid(
        [provider],
        market.workload,
        market.timings,
        regions=found.regions,
        products=[product],
        sizes="all" if is_sized else "planned",
        terms=found.terms,
        loaded=loaded,
    )


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


def two(estimates: Sequence[Estimate], pair: Sequence[str]) -> tuple[Estimate, Estimate]:
    """The cheapest option that each word fits: "CLOUD/512MB" has parts of an option's id."""
    a, b = (_fitting(estimates, word) for word in pair)
    if a is b:
        raise UsageError(
            f"'{pair[0]}' and '{pair[1]}' mean the same option, {_name(a)}", "say more of each: --format json has the ids"
        )
    return a, b


def _fitting(estimates: Sequence[Estimate], word: str) -> Estimate:
    parts = word.split("/")
    found = [each for each in estimates if all(part in _name(each).split("/") for part in parts)]
    if not found:
        known = {part for each in estimates for part in _name(each).split("/")}
        wrong = next((part for part in parts if part not in known), word)
        raise UsageError(f"no option fits '{word}'", f"'{wrong}': {nearest(wrong, known)}")
    return ranking.ranked(found)[0]


def _name(each: Estimate) -> str:
    return option_id(each.option, each.region)
