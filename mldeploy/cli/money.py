"""Amounts of money and of requests, for people. Nothing is rounded before it is shown."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

_CENT = Decimal("0.01")
_WORDS = ((15, "quadrillion"), (12, "trillion"), (9, "billion"), (6, "million"))


def usd(amount: Decimal | float | None) -> str:
    """$7.25 · $1,204.00 · $0.0024: cents, and two figures below a cent. None is unknown."""
    if amount is None:
        return "unknown"
    exact = amount if isinstance(amount, Decimal) else Decimal(repr(amount))
    sign, size = ("-" if exact < 0 else ""), abs(exact)
    if 0 < size < _CENT:
        places = 1 - size.adjusted()
        return f"{sign}${_rounded(size, places):f}"
    return f"{sign}${_rounded(size, 2):,f}"


def unit_price(amount: Decimal | float | None) -> str:
    """Of something small, so that prices can be told apart: $0.0024 · $0.121 · $3.50."""
    if amount is None:
        return "unknown"
    exact = amount if isinstance(amount, Decimal) else Decimal(repr(amount))
    if not exact or abs(exact) >= 1:
        return usd(exact)
    return f"${_rounded(exact, max(2, 2 - exact.adjusted())):f}"


def change(amount: Decimal) -> str:
    """+$0.42 · -$3.00 · no change."""
    shown = usd(amount)
    if shown == "$0.00":
        return "no change"
    return shown if shown.startswith("-") else f"+{shown}"


def _rounded(amount: Decimal, places: int) -> Decimal:
    """Half a cent is a cent; of any magnitude."""
    if amount.adjusted() + places > 26:
        return amount.to_integral_value(rounding=ROUND_HALF_UP)
    return amount.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)


def about(requests: Decimal) -> str:
    """A rate with three figures that matter: 410,000 · 41.2 million · 1.5 billion."""
    for power, word in _WORDS:
        if requests.adjusted() >= power:
            return f"{_figures(requests.scaleb(-power))} {word}"
    return _figures(requests)


def _figures(number: Decimal) -> str:
    places = 2 - number.adjusted() if number else 0
    short = number.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP) if places < 0 or number % 1 else number
    return f"{short.normalize():,f}"


def monthly(requests: Decimal) -> str:
    """All digits: 3,000,000 requests a month."""
    return f"{requests:,.0f} request{'' if requests == 1 else 's'} a month"
