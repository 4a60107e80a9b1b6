"""Who is compared, where, and under which terms: providers with prices, their books, regions, commitments.

--cloud ─▶ providers ─prices()─▶ books ─┬─ --region ─────▶ {provider: regions}
                                        └─ --commitment ─▶ {provider: Terms}
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from mldeploy.cli.cost_flags import ALL_REGIONS, Asked
from mldeploy.cli.exits import UsageError
from mldeploy.cli.session import Session
from mldeploy.cost.billing import Tariff, Terms
from mldeploy.cost.book import PriceBook, nearest
from mldeploy.cost.contract import Priced
from mldeploy.errors import ProviderError

if TYPE_CHECKING:
    from mldeploy.cost.carbon import CarbonBook
    from mldeploy.spec.loaded import LoadedSpec


@dataclass
class Stalls:
    """The providers that are compared, by name; their books are read when they are first asked for."""

    providers: Mapping[str, Priced]
    terms: Mapping[str, Terms]
    regions: Mapping[str, Sequence[str]]
    _tariffs: dict[tuple[str, str], Tariff] = field(default_factory=dict)

    @cached_property
    def books(self) -> dict[str, PriceBook]:
        return {name: provider.prices() for name, provider in self.providers.items()}

    @cached_property
    def carbon(self) -> dict[str, CarbonBook]:
        return {name: provider.carbon() for name, provider in self.providers.items()}

    def tariff(self, provider: str, region: str) -> Tariff:
        if (provider, region) not in self._tariffs:
            self._tariffs[provider, region] = Tariff(self.books[provider], region, self.terms[provider])
        return self._tariffs[provider, region]


def priced(session: Session) -> dict[str, Priced]:
    """The providers that --cloud names (several: a,b), else all that have prices. Raises UsageError for one that has none."""
    from mldeploy.providers import registry

    asked = [word.strip() for word in (session.settings.cloud or "").split(",") if word.strip()]
    found: dict[str, Priced] = {}
    for name in asked or registry.names():
        try:
            provider: object = registry.get(name)
        except ProviderError as error:
            if asked:
                raise
            session.report.warn(error.message)
            continue
        if isinstance(provider, Priced):
            found[name] = provider
        elif asked:
            raise UsageError(f"{name} has no prices", "choose a cloud that bills: --cloud NAME, or none for all of them")
    if not found:
        raise UsageError("no provider with prices is installed", "`mldeploy doctor` lists what is")
    return found


def stalls(session: Session, asked: Asked, loaded: LoadedSpec | None, today: datetime.date) -> Stalls:
    """Everything that prices are needed for. Warns of a book that is old."""
    providers = priced(session)
    books = {name: provider.prices() for name, provider in providers.items()}
    regions = _regions(asked.region, providers, books, loaded)
    kept = {name: provider for name, provider in providers.items() if name in regions}
    for name in kept:
        _warn(session, books[name], today)
    return Stalls(kept, _terms(asked, {name: books[name] for name in kept}), regions)


def _warn(session: Session, book: PriceBook, today: datetime.date) -> None:
    """Of a refreshed book that is damaged, and of one that is old."""
    if book.passed_over:
        session.report.warn(f"{book.passed_over}\nmldeploy cost --refresh --cloud {book.provider} makes it anew")
    if book.is_stale(today):
        session.report.warn(
            f"the prices of {book.provider} are {book.age_days(today)} days old ({book.date})\n"
            f"mldeploy cost --refresh --cloud {book.provider} reads them anew"
        )


def _regions(
    asked: Sequence[str], providers: Mapping[str, Priced], books: Mapping[str, PriceBook], loaded: LoadedSpec | None
) -> dict[str, Sequence[str]]:
    """Regions by provider; who has none of those that were asked for is left out. Raises UsageError for a name nobody knows."""
    if not asked:
        return {name: (provider.region_of(loaded),) for name, provider in providers.items()}
    if ALL_REGIONS in asked:
        return {name: tuple(book.regions) for name, book in books.items()}
    known = {region for book in books.values() for region in book.regions}
    for region in asked:
        if region not in known:
            raise UsageError(f"unknown region '{region}'", nearest(region, known))
    found = {name: tuple(region for region in asked if region in book.regions) for name, book in books.items()}
    return {name: regions for name, regions in found.items() if regions}


def _terms(asked: Asked, books: Mapping[str, PriceBook]) -> dict[str, Terms]:
    """Each provider's terms. Raises UsageError for a commitment nobody offers, or two of one provider."""
    chosen: dict[str, str] = {}
    for key in asked.commitment:
        owners = [name for name, book in books.items() if key in book.commitments]
        if not owners:
            raise UsageError(
                f"unknown commitment '{key}'", nearest(key, {one for book in books.values() for one in book.commitments})
            )
        for name in owners:
            if name in chosen:
                raise UsageError(f"{chosen[name]} and {key} are both of {name}", "give one commitment for each cloud")
            chosen[name] = key
    return {name: Terms(not asked.no_free_tier, chosen.get(name, "")) for name in books}
