"""One estimate down to its rates: every amount as arithmetic that can be done again by hand, with the source and its date.

Bill.lines ─▶ Position(how much, times what, less what = amount; source) … ─▶ fixed + variable = total
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from mldeploy.cost.billing import Bill, Line
from mldeploy.cost.book import Source, Tier

ZERO, ONE = Decimal(0), Decimal(1)


@dataclass(frozen=True, slots=True)
class Position:
    """One line of a bill. `how` is how the quantity came about, `arithmetic` how the amount did."""

    title: str
    how: str
    arithmetic: str
    amount: Decimal
    is_fixed: bool
    source: Source
    note: str = ""


def positions(bill: Bill) -> tuple[Position, ...]:
    """Every line of `bill`, in its order."""
    found = []
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
            )
        )
    return tuple(found)


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
