"""Quantities times a tariff: a bill. Exact, in Decimal; the one place where money is made.

    amount(meter) = price over the tiers of what is left after the free quantity, − credit (never below zero)

A meter may come twice, fixed and variable: the fixed part is counted first, through tiers and allowance alike. A negative
amount takes back part of what was counted before (idle time of a kept instance in which it works after all). Several meters may
share one allowance. A rate that is missing makes the bill unknown; it is never taken for zero.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import NamedTuple

from mldeploy.cost.book import Allowance, Commitment, PriceBook, PriceError, Rate, Tier, nearest
from mldeploy.cost.values import Quantity

ZERO, ONE = Decimal(0), Decimal(1)


@dataclass(frozen=True, slots=True)
class Terms:
    """What an account has agreed to: whether the free allowances are still there, and a commitment's key."""

    has_free_tier: bool = True
    commitment: str = ""


class Line(NamedTuple):
    """One position. `free` units of `quantity` cost nothing; `credit` is money off; `amount` is what is left to pay."""

    quantity: Quantity
    rate: Rate
    free: Decimal
    credit: Decimal
    factor: Decimal
    amount: Decimal


@dataclass(frozen=True)
class Bill:
    """One month. `missing` names the meters without a known rate; such a bill has no total."""

    lines: tuple[Line, ...]
    missing: tuple[str, ...] = ()

    @cached_property
    def fixed(self) -> Decimal:
        return sum((line.amount for line in self.lines if line.quantity.is_fixed), ZERO)

    @cached_property
    def variable(self) -> Decimal:
        return sum((line.amount for line in self.lines if not line.quantity.is_fixed), ZERO)

    @property
    def total(self) -> Decimal | None:
        return None if self.missing else self.fixed + self.variable


class Tariff:
    """What one region charges under some terms, ready to price many options. Raises PriceError for an unknown region or
    commitment."""

    def __init__(self, book: PriceBook, region: str, terms: Terms = Terms()) -> None:
        self.region, self._rates = region, book.tariff(region)
        self._free: Mapping[str, Decimal] = {}
        self._pool = {meter: key for key, each in book.allowances.items() for meter in each.also}
        self._credit: Mapping[str, Decimal] = {}
        if terms.has_free_tier:
            self._free = {key: each.quantity for key, each in book.allowances.items() if not each.credit}
            self._credit = {key: _value(book, each) for key, each in book.allowances.items() if each.credit}
        commitment = _commitment(book, terms.commitment)
        self._factors = dict.fromkeys(commitment.meters, commitment.factor) if commitment else {}

    def bill(self, quantities: Iterable[Quantity]) -> Bill:
        """The month's bill for `quantities`."""
        lines: list[Line] = []
        missing: list[str] = []
        counted: dict[str, Decimal] = {}
        pooled: dict[str, Decimal] = {}
        credited: dict[str, Decimal] = {}
        for quantity in quantities:
            meter = quantity.meter
            rate = self._rates.get(meter)
            if rate is None:
                missing.append(meter)
                continue
            before = counted.get(meter, ZERO)
            after = counted[meter] = before + quantity.amount
            pool = self._pool.get(meter, meter)
            allowance = self._free.get(pool, ZERO)
            drawn = pooled.get(pool, ZERO)
            pooled[pool] = drawn + quantity.amount
            free = min(pooled[pool], allowance) - min(drawn, allowance)
            factor = self._factors.get(meter, ONE)
            # Tiers count what is used, free units included: a free tier is the first part of the first tier.
            gross = (_cost(rate.tiers, after) - _cost(rate.tiers, before)) if len(rate.tiers) > 1 else None
            if gross is None:
                gross = (quantity.amount - free) * rate.tiers[0].price * factor
            else:
                gross = (gross - free * rate.tiers[0].price) * factor
            credit = ZERO
            if meter in self._credit:
                credit = min(gross, self._credit[meter] - credited.get(meter, ZERO))
                credited[meter] = credited.get(meter, ZERO) + credit
            lines.append(Line(quantity, rate, free, credit, factor, gross - credit))
        return Bill(tuple(lines), tuple(missing))


def _cost(tiers: tuple[Tier, ...], amount: Decimal) -> Decimal:
    """What `amount` units cost when they are counted from the first."""
    total, reached = ZERO, ZERO
    for upto, price in tiers:
        if upto is None or amount <= upto:
            return total + (amount - reached) * price
        total += (upto - reached) * price
        reached = upto
    raise AssertionError("the last tier has no end")


def _value(book: PriceBook, allowance: Allowance) -> Decimal:
    """An allowance as money."""
    rate = book.tariff(allowance.credit).get(allowance.meter)
    if rate is None:
        raise PriceError(f"{book.path}: the allowance of {allowance.meter} is valued in {allowance.credit}, which has no rate")
    return allowance.quantity * rate.tiers[0].price


def _commitment(book: PriceBook, key: str) -> Commitment | None:
    if not key:
        return None
    if key not in book.commitments:
        raise PriceError(f"{book.provider}: unknown commitment '{key}'", nearest(key, book.commitments))
    return book.commitments[key]
