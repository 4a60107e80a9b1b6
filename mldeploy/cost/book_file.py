"""A price book as it is written down, `providers/<cloud>/prices.toml`: one source a row, and what is not there is unknown.

    version = 1                  provider = "aws"          date = "2026-11-21"          currency = "USD"
    [sources.S1]                 title, url, date, confidence: "api" | "page" | "third-party" | "derived"
    [regions]                    us-east-1 = "N. Virginia"
    [meters]                     compute-x86 = { title = "duration, x86_64", unit = "GB-s" }
    [[rates]]                    meter, source, regions = [...] or ["*"], price = "0.20" or tiers = [{ upto, price }, { price }]
    [[allowances]]               meter, quantity, source, note; credit = REGION: it is money, at that region's first price;
                                 also = [...]: meters that draw on the same allowance
    [[commitments]]              key, title, meters, factor, source

Numbers are strings, so that no price passes through a binary float. Every fault is told by its place; a book with a fault is
not used at all.
"""

from __future__ import annotations

import datetime
import tomllib
from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from mldeploy.cost.book import (
    CONFIDENCES,
    EVERYWHERE,
    Allowance,
    Commitment,
    Meter,
    PriceBook,
    PriceError,
    Rate,
    Source,
    Tier,
)

VERSION = 1


def parse(text: str, path: str) -> PriceBook:
    """The book written in `text`. Raises PriceError that names the place in `path`."""
    try:
        written = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PriceError(f"{path}: this is no price book: {error}", "mldeploy cost --refresh makes it anew") from error
    return _Reader(path, written).book()


class _Reader:
    """Reads one document; `where` is the place that a message names."""

    def __init__(self, path: str, written: Mapping[str, Any]) -> None:
        self._path, self._written = path, written

    def book(self) -> PriceBook:
        if self._written.get("version") != VERSION:
            raise self._fault("version", f"{self._written.get('version')!r} is not {VERSION}")
        sources = {key: self._source(key, row) for key, row in self._table("sources").items()}
        meters = {
            key: Meter(key, self._text(row, "title", f"meters.{key}"), self._text(row, "unit", f"meters.{key}"))
            for key, row in self._table("meters").items()
        }
        regions = {str(key): str(title) for key, title in self._table("regions").items()}
        rates: dict[str, dict[str, Rate]] = {}
        for number, row in enumerate(self._rows("rates")):
            for rate in self._rates(f"rates[{number}]", row, meters, sources, regions):
                if rate.meter.key in rates.setdefault(rate.region, {}):
                    raise self._fault(f"rates[{number}]", f"{rate.meter.key} in {rate.region} has a price already")
                rates[rate.region][rate.meter.key] = rate
        return PriceBook(
            provider=self._text(self._written, "provider", ""),
            date=self._date(self._written, "date", ""),
            currency=self._text(self._written, "currency", ""),
            regions=regions,
            meters=meters,
            sources=sources,
            rates={region: rates.get(region, {}) for region in regions},
            allowances={each.meter: each for each in self._allowances(meters, sources, regions)},
            commitments={each.key: each for each in self._commitments(meters, sources)},
            path=self._path,
            everywhere=rates.get(EVERYWHERE, {}),
        )

    def _source(self, key: str, row: Mapping[str, Any]) -> Source:
        where = f"sources.{key}"
        confidence = self._text(row, "confidence", where)
        if confidence not in CONFIDENCES:
            raise self._fault(where, f"confidence '{confidence}' is none of {', '.join(CONFIDENCES)}")
        date = self._date(row, "date", where).isoformat()
        return Source(key, self._text(row, "title", where), self._text(row, "url", where), date, confidence)

    def _rates(
        self,
        where: str,
        row: Mapping[str, Any],
        meters: Mapping[str, Meter],
        sources: Mapping[str, Source],
        regions: Mapping[str, str],
    ) -> Iterable[Rate]:
        meter = self._known(row, "meter", where, meters)
        source = self._known(row, "source", where, sources)
        tiers = tuple(self._tiers(where, row))
        for region in row.get("regions") or ():
            if region != EVERYWHERE and region not in regions:
                raise self._fault(where, f"the region '{region}' is not in [regions]")
            yield Rate(meter, region, tiers, source, str(row.get("note", "")))
        if not row.get("regions"):
            raise self._fault(where, "it has no regions")

    def _tiers(self, where: str, row: Mapping[str, Any]) -> Iterable[Tier]:
        if ("price" in row) == ("tiers" in row):
            raise self._fault(where, "it wants either a price or tiers")
        if "price" in row:
            yield Tier(None, self._number(row, "price", where))
            return
        reached = Decimal(0)
        for number, tier in enumerate(row["tiers"]):
            place = f"{where}.tiers[{number}]"
            is_last = number == len(row["tiers"]) - 1
            if is_last != ("upto" not in tier):
                raise self._fault(place, "every tier but the last has an upto")
            upto = None if is_last else self._number(tier, "upto", place)
            if upto is not None and upto <= reached:
                raise self._fault(place, "its upto is not above the one before")
            reached = upto or reached
            yield Tier(upto, self._number(tier, "price", place))

    def _allowances(
        self, meters: Mapping[str, Meter], sources: Mapping[str, Source], regions: Mapping[str, str]
    ) -> Iterable[Allowance]:
        for number, row in enumerate(self._rows("allowances")):
            where = f"allowances[{number}]"
            credit = str(row.get("credit", ""))
            if credit and credit not in regions:
                raise self._fault(where, f"the region '{credit}' is not in [regions]")
            meter = self._known(row, "meter", where, meters).key
            source = self._known(row, "source", where, sources)
            also = tuple(row.get("also") or ())
            if (credit and also) or not meters.keys() >= set(also):
                raise self._fault(where, f"also names no meters, or money: {', '.join(map(str, also))}")
            quantity = self._number(row, "quantity", where)
            yield Allowance(meter, quantity, source, credit, str(row.get("note", "")), also)

    def _commitments(self, meters: Mapping[str, Meter], sources: Mapping[str, Source]) -> Iterable[Commitment]:
        for number, row in enumerate(self._rows("commitments")):
            where = f"commitments[{number}]"
            named = frozenset(row.get("meters") or ())
            if not named or not named <= meters.keys():
                raise self._fault(where, f"unknown meters: {', '.join(sorted(named - meters.keys())) or 'none is named'}")
            source = self._known(row, "source", where, sources)
            factor = self._number(row, "factor", where)
            yield Commitment(self._text(row, "key", where), self._text(row, "title", where), named, factor, source)

    def _known(self, row: Mapping[str, Any], key: str, where: str, known: Mapping[str, Any]) -> Any:
        name = self._text(row, key, where)
        if name not in known:
            raise self._fault(where, f"unknown {key} '{name}'")
        return known[name]

    def _number(self, row: Mapping[str, Any], key: str, where: str) -> Decimal:
        text = self._text(row, key, where)
        try:
            number = Decimal(text)
        except InvalidOperation:
            number = Decimal("NaN")
        if not number.is_finite() or number < 0:
            raise self._fault(where, f"{key} '{text}' is no price")
        return number

    def _text(self, row: Mapping[str, Any], key: str, where: str) -> str:
        value = row.get(key)
        if not isinstance(value, str) or not value:
            raise self._fault(f"{where}.{key}" if where else key, "a text is missing here")
        return value

    def _date(self, row: Mapping[str, Any], key: str, where: str) -> datetime.date:
        try:
            return datetime.date.fromisoformat(self._text(row, key, where))
        except ValueError as error:
            raise self._fault(f"{where}.{key}" if where else key, "a date is written like 2026-11-21") from error

    def _table(self, name: str) -> Mapping[str, Any]:
        table = self._written.get(name)
        if not isinstance(table, dict) or not table:
            raise self._fault(name, "this table is missing")
        return table

    def _rows(self, name: str) -> list[Mapping[str, Any]]:
        rows = self._written.get(name, [])
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise self._fault(name, "this is no list of tables")
        return rows

    def _fault(self, where: str, what: str) -> PriceError:
        return PriceError(f"{self._path}: {where}: {what}", "mldeploy cost --refresh makes the book anew")
