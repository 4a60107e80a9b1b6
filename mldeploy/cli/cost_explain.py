"""`--explain`: an estimate down to its rates, each with its source and date.

variable    requests: 3,000,000 requests
            (3,000,000 − 1,000,000 free) requests × $0.0000002 = $0.40
            title of the source, 2026-11-21, page  https://…
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Any

from mldeploy.cli.cost_market import Stalls
from mldeploy.cli.layout import pad
from mldeploy.cli.money import unit_price, usd
from mldeploy.cost import explain
from mldeploy.cost.book import Source
from mldeploy.cost.carbon import MEMORY_KWH_PER_GB_H, NETWORK_KWH_PER_GB, UTILISATION, CarbonBook
from mldeploy.cost.document_rows import config, option_id
from mldeploy.cost.estimate import Estimate
from mldeploy.cost.explain import Position, plain

_LABEL = 12


def lines(each: Estimate, market: Stalls) -> Iterator[str]:
    """All that the figures of one row rest on."""
    carbon = market.carbon[each.provider]
    yield f"{each.provider} {each.region} · {each.product.title} · {config(each.option)}"
    yield from _usage(each)
    if each.problem:
        yield f"  {pad('problem', _LABEL)}{each.problem}"
    for position in _positions(each, market):
        yield from _position(position)
    for meter in each.bill.missing if each.bill is not None else ():
        yield f"  {pad('unknown', _LABEL)}{meter}: no rate for {each.region} is known, so there is no total"
    if each.total is not None:
        yield f"  {pad('total', _LABEL)}{usd(each.fixed)} fixed + {usd(each.variable)} variable = {usd(each.total)} a month"
        if each.per_1k is not None:
            yield f"  {pad('', _LABEL)}{unit_price(each.per_1k)} for each 1,000 predictions"
    yield from _carbon(each, carbon)


def _usage(each: Estimate) -> Iterator[str]:
    timing, usage = each.timing, each.usage
    if timing is not None:
        tail = f", p95 {timing.p95_ms:,.4g} ms" if timing.p95_ms is not None else ""
        yield f"  {pad('time', _LABEL)}{timing.mean_ms:,.4g} ms on average{tail}: {timing.origin}"
    if usage is not None:
        yield (
            f"  {pad('usage', _LABEL)}{plain(usage.requests)} requests, {plain(usage.cold_starts)} cold starts, "
            f"instances: {usage.peak_instances:,} exist in the busiest hour, {usage.mean_instances:,.3g} exist on average"
        )


def _position(position: Position) -> Iterator[str]:
    source = position.source
    kind = "fixed" if position.is_fixed else "variable"
    yield f"  {pad(kind, _LABEL)}{position.title}" + (f": {position.how}" if position.how else "")
    yield f"  {pad('', _LABEL)}{position.arithmetic} = {usd(position.amount)}"
    note = f" ({position.note})" if position.note else ""
    yield f"  {pad('', _LABEL)}{_named(source)}{note}"
    for what, other in position.also:
        yield f"  {pad('', _LABEL)}{what}: {_named(other)}"


def _named(source: Source) -> str:
    return f"{source.title}, {source.date}, {source.confidence}  {source.url}"


def _carbon(each: Estimate, book: CarbonBook) -> Iterator[str]:
    if each.carbon_g_per_1k is None:
        yield f"  {pad('carbon', _LABEL)}unknown: no figure for the grid of {each.region}"
        return
    grid = book.grids[each.region]
    watts = book.min_watts + UTILISATION * (book.max_watts - book.min_watts)
    energy = f"PUE {book.pue:g} × (vCPU-h × {watts:.3g} W + GB-h × {MEMORY_KWH_PER_GB_H:g} kWh)"
    moved = f"GB moved × {NETWORK_KWH_PER_GB:g} kWh"
    yield f"  {pad('carbon', _LABEL)}{each.carbon_g_per_1k:,.3g} g CO₂e for each 1,000 predictions"
    yield f"  {pad('', _LABEL)}({energy} + {moved}) × {grid.g_per_kwh:g} g/kWh"
    for source in dict.fromkeys((book.machine_source, grid.source)):
        yield f"  {pad('', _LABEL)}{_named(source)}"


def document(estimates: Iterable[Estimate], market: Stalls) -> dict[str, list[dict[str, Any]]]:
    """The same for machines: the positions by option id, amounts as exact texts."""
    return {option_id(each.option, each.region): [*_rows(each, market)] for each in estimates if each.bill is not None}


def _positions(each: Estimate, market: Stalls) -> tuple[Position, ...]:
    if each.bill is None:
        return ()
    return explain.positions(each.bill, market.books[each.provider], market.terms[each.provider])


def _rows(each: Estimate, market: Stalls) -> Iterator[dict[str, Any]]:
    for position in _positions(each, market):
        yield {
            "title": position.title,
            "how": position.how,
            "arithmetic": position.arithmetic,
            "amount_usd": str(position.amount),
            "is_fixed": position.is_fixed,
            "note": position.note,
            "source": asdict(position.source),
            "also": [{"what": what, "source": asdict(source)} for what, source in position.also],
        }
