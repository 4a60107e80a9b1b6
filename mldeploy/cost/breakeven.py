"""At how many requests a month two options cost the same, and from which rate on an always-on one wins.

    cost(requests) of a ─┐
    cost(requests) of b ─┴─ sampled on log-spaced rates ─▶ sign changes ─bisection on whole requests─▶ Crossing…

Free tiers, price tiers and whole instances make both curves piecewise, so there may be several crossings, in 1…10^12 requests.
A dip of the difference between samples is searched for its lowest point, so that two crossings close together are seen, too.
Differences of less than half a cent a month count as none: nobody pays them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

Cost = Callable[[Decimal], Decimal | None]
"""Dollars a month at a number of requests a month; None where the option cannot serve them or the price is not known."""

LOWEST, HIGHEST = Decimal(1), Decimal(10) ** 12
PER_DECADE = 8
SAME_USD = Decimal("0.005")

_NARROWINGS = 24


@dataclass(frozen=True, slots=True)
class Crossing:
    """From `requests` a month on, at `usd`, another one is cheaper: "a" or "b". `below` it may be "": both the same."""

    requests: Decimal
    usd: Decimal
    below: str
    above: str


def rates(lowest: Decimal = LOWEST, highest: Decimal = HIGHEST, per_decade: int = PER_DECADE) -> tuple[Decimal, ...]:
    """Whole numbers of requests, evenly spaced by their logarithm, both ends included."""
    step, at = Decimal(10) ** (Decimal(1) / per_decade), lowest
    found = []
    while at < highest:
        found.append(at.to_integral_value())
        at *= step
    return tuple(dict.fromkeys([*found, highest]))


RATES = rates()


def crossings(a: Cost, b: Cost, at: Sequence[Decimal] = RATES) -> tuple[Crossing, ...]:
    """Every rate at which the cheaper of the two changes, lowest first. Where one of them has no price there is none."""
    samples = [(rate, _difference(a, b, rate)) for rate in at]
    samples = sorted({**dict(samples), **dict(_dips(a, b, samples))}.items())
    found: list[Crossing] = []
    last: tuple[Decimal, str] | None = None
    for rate, difference in samples:
        if difference is None:
            last = None
            continue
        cheaper = _cheaper(difference)
        if last is not None and cheaper and cheaper != last[1]:
            found.append(_crossing(a, b, last, (rate, cheaper)))
        if last is None or cheaper:
            last = rate, cheaper
        elif not last[1]:
            last = rate, ""
    return tuple(found)


def wins_above(a: Cost, b: Cost, at: Sequence[Decimal] = RATES) -> Decimal | None:
    """The rate from which on `a` is never the dearer one again, and cheaper at some; None where there is none. The first rate:
    it never is dearer at all."""
    known = [rate for rate in at if _difference(a, b, rate) is not None]
    found = crossings(a, b, known)
    if found:
        return found[-1].requests if found[-1].above == "a" else None
    is_cheaper = any(_cheaper(_difference(a, b, rate) or Decimal(0)) == "a" for rate in known)
    return known[0] if is_cheaper else None


def lowest(costs: Iterable[Cost]) -> Cost:
    """The cheapest of several at each rate."""
    several = tuple(costs)

    def cost(requests: Decimal) -> Decimal | None:
        return min((usd for each in several if (usd := each(requests)) is not None), default=None)

    return cost


def _difference(a: Cost, b: Cost, rate: Decimal) -> Decimal | None:
    """Below zero where a is cheaper."""
    of_a, of_b = a(rate), b(rate)
    return None if of_a is None or of_b is None else of_a - of_b


def _cheaper(difference: Decimal) -> str:
    return "" if abs(difference) < SAME_USD else "a" if difference < 0 else "b"


def _crossing(a: Cost, b: Cost, last: tuple[Decimal, str], now: tuple[Decimal, str]) -> Crossing:
    """The first whole rate in (last, now] at which `now`'s option is ahead; by half a cent where both were the same before."""
    low, high = last[0], now[0]

    def is_beyond(rate: Decimal) -> bool:
        difference = _difference(a, b, rate)
        if difference is None:
            return False
        if not last[1]:
            return _cheaper(difference) == now[1]
        return difference < 0 if now[1] == "a" else difference > 0

    while high - low > 1:
        middle = ((low + high) / 2).to_integral_value(rounding="ROUND_FLOOR")
        if is_beyond(middle):
            high = middle
        else:
            low = middle
    return Crossing(high, a(high) or Decimal(0), last[1], now[1])


def _dips(a: Cost, b: Cost, samples: Sequence[tuple[Decimal, Decimal | None]]) -> Iterable[tuple[Decimal, Decimal]]:
    """Where the cheaper one's lead shrinks and grows again without being lost at a sample: the rate at which it is smallest."""
    for (low, before), (_, here), (high, after) in zip(samples, samples[1:], samples[2:], strict=False):
        if before is None or here is None or after is None or not _cheaper(before) == _cheaper(here) == _cheaper(after) != "":
            continue
        if abs(here) < min(abs(before), abs(after)):
            yield from _lowest_point(a, b, low, high, -1 if here < 0 else 1)


def _lowest_point(a: Cost, b: Cost, low: Decimal, high: Decimal, sign: int) -> Iterable[tuple[Decimal, Decimal]]:
    """Ternary search for the least lead between two rates."""
    for _ in range(_NARROWINGS):
        third = ((high - low) / 3).to_integral_value()
        if third < 1:
            break
        left, right = low + third, high - third
        of_left, of_right = _difference(a, b, left), _difference(a, b, right)
        if of_left is None or of_right is None:
            return
        for rate, difference in ((left, of_left), (right, of_right)):
            if difference * sign < 0:
                yield rate, difference
                return
        low, high = (low, right) if of_left * sign < of_right * sign else (left, high)
