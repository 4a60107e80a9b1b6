"""A price book back as text, in the form that `book_file` reads: what a refresh from a provider's price API writes.

parse(text(book), path) == book        regions of one price share a row
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping

from mldeploy.cost.book import EVERYWHERE, PriceBook, Rate, Tier
from mldeploy.cost.book_file import VERSION


def text(book: PriceBook) -> str:
    """The whole document, in an order that depends on the book alone."""
    return "\n".join(_lines(book)) + "\n"


def _lines(book: PriceBook) -> Iterator[str]:
    yield f"version = {VERSION}"
    yield f"provider = {_quoted(book.provider)}"
    yield f"date = {_quoted(book.date.isoformat())}"
    yield f"currency = {_quoted(book.currency)}"
    for source in book.sources.values():
        yield f"\n[sources.{_quoted(source.key)}]"
        yield from _pairs({"title": source.title, "url": source.url, "date": source.date, "confidence": source.confidence})
    yield "\n[regions]"
    yield from _pairs(book.regions)
    yield "\n[meters]"
    for meter in book.meters.values():
        yield f"{_quoted(meter.key)} = {{ title = {_quoted(meter.title)}, unit = {_quoted(meter.unit)} }}"
    for (meter_key, source_key, tiers, note), regions in _rows(book).items():
        yield "\n[[rates]]"
        yield from _pairs({"meter": meter_key, "source": source_key})
        yield f"regions = [{', '.join(map(_quoted, regions))}]"
        yield _price(tiers)
        yield from _pairs({"note": note} if note else {})
    for allowance in book.allowances.values():
        yield "\n[[allowances]]"
        yield from _pairs(
            {"meter": allowance.meter, "quantity": f"{allowance.quantity:f}", "source": allowance.source.key}
            | ({"credit": allowance.credit} if allowance.credit else {})
            | ({"note": allowance.note} if allowance.note else {})
        )
        if allowance.also:
            yield f"also = [{', '.join(map(_quoted, allowance.also))}]"
    for each in book.commitments.values():
        yield "\n[[commitments]]"
        yield from _pairs({"key": each.key, "title": each.title, "factor": f"{each.factor:f}", "source": each.source.key})
        yield f"meters = [{', '.join(map(_quoted, sorted(each.meters)))}]"


def _rows(book: PriceBook) -> dict[tuple[str, str, tuple[Tier, ...], str], list[str]]:
    """Rates that differ in nothing but the region, together."""
    rows: dict[tuple[str, str, tuple[Tier, ...], str], list[str]] = {}
    for region, rates in {EVERYWHERE: book.everywhere, **book.rates}.items():
        for rate in rates.values():
            rows.setdefault(_row(rate), []).append(region)
    return dict(sorted(rows.items(), key=lambda row: (row[0][0], row[1])))


def _row(rate: Rate) -> tuple[str, str, tuple[Tier, ...], str]:
    return rate.meter.key, rate.source.key, rate.tiers, rate.note


def _price(tiers: Iterable[Tier]) -> str:
    found = list(tiers)
    if len(found) == 1:
        return f"price = {_quoted(f'{found[0].price:f}')}"
    parts = (
        f"{{ price = {_quoted(f'{price:f}')} }}"
        if upto is None
        else f"{{ upto = {_quoted(f'{upto:f}')}, price = {_quoted(f'{price:f}')} }}"
        for upto, price in found
    )
    return f"tiers = [{', '.join(parts)}]"


def _pairs(values: Mapping[str, str]) -> Iterator[str]:
    return (f"{_quoted(key)} = {_quoted(value)}" for key, value in values.items())


def _quoted(value: str) -> str:
    """A TOML basic string; JSON's escapes are among TOML's."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
