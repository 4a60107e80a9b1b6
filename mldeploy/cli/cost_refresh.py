"""`mldeploy cost --refresh`: price books from the providers' public price APIs. The old one stays if anything is off."""

from __future__ import annotations

import datetime
import gzip
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from mldeploy.cli.session import Session
from mldeploy.cost import shelf
from mldeploy.cost.book import PriceBook, PriceError
from mldeploy.cost.contract import Priced

_TIMEOUT_S = 60.0
_MOST_BYTES = 300_000_000
_SCHEMES = ("https://", "http://127.0.0.1:")  # the latter for a stand-in on this machine


@dataclass(frozen=True)
class Refreshed:
    """One provider: its new book, or why the old one stays."""

    provider: str
    book: PriceBook | None
    fault: str = ""


def fetch(url: str) -> bytes:
    """One document of a price API. Raises PriceError."""
    if not url.startswith(_SCHEMES):
        raise PriceError(f"{url}: prices are read over https only")
    request = urllib.request.Request(url, headers={"User-Agent": "mldeploy", "Accept-Encoding": "gzip"})  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:  # noqa: S310
            body: bytes = answer.read(_MOST_BYTES + 1)
            if len(body) > _MOST_BYTES:
                raise PriceError(f"{_shown(url)}: the answer has more than {_MOST_BYTES:,} bytes")
            return gzip.decompress(body) if answer.headers.get("Content-Encoding") == "gzip" else body
    except urllib.error.HTTPError as error:
        error.close()
        raise PriceError(f"{_shown(url)}: {error.code} {error.reason}", "the old book stays in use; try again later") from error
    except (OSError, EOFError) as error:
        reason = getattr(error, "reason", None) or error
        raise PriceError(f"{_shown(url)}: {reason}", "the old book stays in use; check the network") from error


def _shown(url: str) -> str:
    """Without the query, which may hold a key."""
    return url.partition("?")[0]


def refresh(session: Session, providers: dict[str, Priced]) -> list[Refreshed]:
    """One after the other; a provider that fails does not keep the next from being refreshed."""
    today = datetime.datetime.now(tz=datetime.UTC).date()
    return [_one(session, name, provider, today) for name, provider in providers.items()]


def _one(session: Session, name: str, provider: Priced, today: datetime.date) -> Refreshed:
    old = provider.prices()
    with session.report.step(name, "reading the price API") as step:
        try:
            book = shelf.write_book(name, provider.fetch_prices(fetch, today), old)
        except PriceError as error:
            step.done(f"the book of {old.date} stays")
            session.report.warn(error.message + (f"\n{error.hint}" if error.hint else ""))
            return Refreshed(name, None, error.message)
        step.done(f"{len(book.regions)} regions, {book.date}")
        return Refreshed(name, book)


def lines(found: Iterable[Refreshed]) -> Iterator[str]:
    """One line a provider."""
    for each in found:
        if each.book is None:
            yield f"{each.provider}: the old book stays in use"
        else:
            yield f"{each.provider}: prices of {each.book.date}, {len(each.book.regions)} regions"
