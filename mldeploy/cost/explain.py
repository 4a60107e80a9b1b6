"""One estimate down to its rates: every amount as arithmetic that can be done again by hand, with the source and its date.

Bill.lines ─▶ Position(how much, times what, less what = amount; source) … ─▶ fixed + variable = total
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from mldeploy.cost.billing import Bill, Line, Terms
from mldeploy.cost.book import Allowance, Commitment, PriceBook, Source, Tier

ZERO, ONE = Decimal(0), Decimal(1)


@dataclass(frozen=True, slots=True)
class Position:
    """One line of a bill. `how` is how the quantity came about, `arithmetic` how the amount did. `also` is what else the amount
    rests on: what is free, what is discounted, in words and with its source."""

    title: str
    how: str
    arithmetic: str
    amount: Decimal
    is_fixed: bool
    source: Source
    note: str = ""
    also: tuple[tuple[str, Source], ...] = ()


def positions(bill: Bill, book: PriceBook, terms: Terms) -> tuple[Position, ...]:
    """Every line of `bill`, in its order; it was made from `book` under `terms`."""
    found = []
    free = {meter: each for key, each in book.allowances.items() for meter in (key, *each.also)}
    counted: dict[str, Decimal] = {}
    for line in bill.lines:
        meter = line.quantity.meter
        before = counted.get(meter, ZERO)
        counted[meter] = before + line.quantity.amount
        rate = line.rate
        found.append(
            Position(
                title=rate.meter.title,
                how=line.quantity.how,
                arithmetic=_arithmetic(line, before),
                amount=line.amount,
                is_fixed=line.quantity.is_fixed,
                source=rate.source,
                note=rate.note,
                also=tuple(_also(line, free, book.commitments.get(terms.commitment))),
            )
        )
    return tuple(found)


def _also(line: Line, free: Mapping[str, Allowance], commitment: Commitment | None) -> Iterator[tuple[str, Source]]:
    allowance = free.get(line.quantity.meter)
    if allowance is not None and (line.free or line.credit):
        valued = f", valued at the price of {allowance.credit}" if allowance.credit else ""
        shared = ", shared with other meters" if allowance.also else ""
        yield f"{plain(allowance.quantity)} {line.rate.meter.unit} a month are free{valued}{shared}", allowance.source
    if commitment is not None and line.factor != ONE:
        yield f"{commitment.title}: × {plain(commitment.factor)}", commitment.source


def _arithmetic(line: Line, before: Decimal) -> str:
    """ "(540,000 − 400,000 free) GB-s × $0.0000166667": what `billing.Tariff.bill` did, in its order."""
    amount, unit = plain(line.quantity.amount), line.rate.meter.unit
    pieces = list(_pieces(line.rate.tiers, before, before + line.quantity.amount))
    first = line.rate.tiers[0].price
    if len(pieces) <= 1:
        price = pieces[0][1] if pieces else first
        left = f"({amount} − {plain(line.free)} free)" if line.free else amount
        text = f"{left} {unit} × ${plain(price)}"
        if line.free and price != first:  # what is free counts as the first part of the first tier
            text = f"{amount} {unit} × ${plain(price)} − {plain(line.free)} free × ${plain(first)}"
    else:
        text = f"{unit}: " + " + ".join(f"{plain(size)} × ${plain(price)}" for size, price in pieces)
        if line.free:
            text += f" − {plain(line.free)} free × ${plain(first)}"
    if line.factor != ONE:
        text = f"({text}) × {plain(line.factor)} committed use"
    return text + (f" − ${plain(line.credit)} free-tier credit" if line.credit else "")


def _pieces(tiers: tuple[Tier, ...], low: Decimal, high: Decimal) -> Iterator[tuple[Decimal, Decimal]]:
    """How much of [low, high) falls into each tier, and its price."""
    reached = ZERO
    for upto, price in tiers:
        end = high if upto is None else min(high, upto)
        size = end - max(low, reached)
        if size > 0:
            yield size, price
        if upto is None or high <= upto:
            return
        reached = upto


def plain(number: Decimal) -> str:
    """All digits of a number that has few, else nine of them; never an exponent: 540,000 · 0.0000166667 · 1,234.56789."""
    digits = number.normalize()
    if len(digits.as_tuple().digits) > 9 and digits != digits.to_integral_value():
        digits = _rounded(digits)
    return f"{digits:,f}"


def _rounded(number: Decimal) -> Decimal:
    """To nine significant digits, but whole units are all kept."""
    places = max(0, 8 - number.adjusted())
    return round(number, places).normalize()
