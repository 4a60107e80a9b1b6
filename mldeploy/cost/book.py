"""Price books: dated rates with one source a row, as `providers/<cloud>/prices.toml` keeps them. What is not there is unknown.

    PriceBook ─tariff(region)─▶ {meter: Rate(tiers, source)}        allowances, commitments

A region's own row wins over one for all regions. `book_file` reads them from TOML.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

from mldeploy.errors import MldeployError

STALE_DAYS = 90
EVERYWHERE = "*"
CONFIDENCES = ("api", "page", "third-party", "derived")


class PriceError(MldeployError):
    """A price book is missing, damaged, or does not know what it is asked."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Source:
    """Where a figure comes from. `confidence`: the provider's price API, the provider's page, a third party, or derived."""

    key: str
    title: str
    url: str
    date: str
    confidence: str


@dataclass(frozen=True, slots=True)
class Meter:
    key: str
    title: str
    unit: str


class Tier(NamedTuple):
    """`price` of each unit up to `upto` units a month in all (None: without end)."""

    upto: Decimal | None
    price: Decimal


@dataclass(frozen=True, slots=True)
class Rate:
    """What one meter costs in one region."""

    meter: Meter
    region: str
    tiers: tuple[Tier, ...]
    source: Source
    note: str = ""


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is free each month. With `credit` it is money: `quantity` at the first price of that region. Meters in `also` draw
    on the same allowance, in the order in which a bill counts them."""

    meter: str
    quantity: Decimal
    source: Source
    credit: str = ""
    note: str = ""
    also: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Commitment:
    """A discount for a promise of use: prices of `meters` times `factor`."""

    key: str
    title: str
    meters: frozenset[str]
    factor: Decimal
    source: Source


@dataclass(frozen=True)
class PriceBook:
    """One provider's prices. `path` is where it was read from, for messages; `passed_over` says why a refreshed book of this
    machine is not the one in use, where there is one."""

    provider: str
    date: datetime.date
    currency: str
    regions: Mapping[str, str]
    meters: Mapping[str, Meter]
    sources: Mapping[str, Source]
    rates: Mapping[str, Mapping[str, Rate]]
    allowances: Mapping[str, Allowance]
    commitments: Mapping[str, Commitment]
    path: str = ""
    everywhere: Mapping[str, Rate] = field(default_factory=dict, repr=False)
    passed_over: str = field(default="", compare=False)

    def tariff(self, region: str) -> Mapping[str, Rate]:
        """Every rate that is known in `region`, by meter. Raises PriceError with the closest names for an unknown region."""
        if region not in self.regions:
            raise PriceError(f"{self.provider}: unknown region '{region}'", nearest(region, self.regions))
        return {**self.everywhere, **self.rates.get(region, {})}

    def age_days(self, today: datetime.date) -> int:
        return (today - self.date).days

    def is_stale(self, today: datetime.date) -> bool:
        return self.age_days(today) > STALE_DAYS


def nearest(word: str, known: Iterable[str]) -> str:
    """A hint: what was probably meant, else all that is known."""
    from difflib import get_close_matches

    names = sorted(known)
    near = get_close_matches(word, names, n=3, cutoff=0.5)
    return f"did you mean {' or '.join(near)}?" if near else f"known are: {', '.join(names) or 'none'}"
