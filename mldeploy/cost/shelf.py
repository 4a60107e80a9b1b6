"""Where price books are kept: the one that ships with a provider, and the refreshed one of this machine, which wins when newer.

    providers/<cloud>/prices.toml (shipped)  ─┐
    state_dir()/prices/<provider>.toml       ─┴─read_book─▶ PriceBook          text ─write_book─▶ state_dir()/prices/

A refreshed book that is damaged, of another provider or older than the shipped one is passed over, and `passed_over` of the
book in use says so. A new book replaces an old one only when it is sound and looks like it: whatever had a price still has one,
of the same magnitude.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from mldeploy import state
from mldeploy.cost import book_file, carbon
from mldeploy.cost.book import PriceBook, PriceError
from mldeploy.cost.carbon import CarbonBook

LARGEST_CHANGE = 10
"""A price that changes by more than this factor is taken for a fault of the feed (a unit misread), not for a new price."""


def refreshed_path(provider: str) -> Path:
    return state.state_dir() / "prices" / f"{provider}.toml"


def read_book(provider: str, shipped: Traversable) -> PriceBook:
    """The price book in use, read once a process. Raises PriceError when the shipped one is damaged."""
    return _chosen(provider, _key(shipped), refreshed_path(provider))


def read_carbon(provider: str, shipped: Traversable) -> CarbonBook:
    """The carbon book that ships, read once a process. Raises PriceError when it is damaged."""
    return _carbon(provider, _key(shipped))


def write_book(provider: str, text: str, old: PriceBook | None = None) -> PriceBook:
    """Keep `text` as this machine's book of `provider`, in place of `old`; the file is replaced as a whole or not at all.

    Raises PriceError, and leaves everything as it was, when the text is no sound book or does not look like `old`.
    """
    path = refreshed_path(provider)
    fresh = book_file.parse(text, str(path))
    found = list(_doubts(provider, fresh, old))
    if found:
        shown = "; ".join(found[:3]) + (f"; and {len(found) - 3} more" if len(found) > 3 else "")
        raise PriceError(f"{provider}: the new price book is refused: {shown}", "the old book stays in use; try again later")
    state.make_folder(path.parent)
    state.write_atomically(path, text.encode())
    _chosen.cache_clear()
    return fresh


def _doubts(provider: str, fresh: PriceBook, old: PriceBook | None) -> Iterator[str]:
    """What speaks against `fresh`."""
    if fresh.provider != provider:
        yield f"it is of '{fresh.provider}'"
    if old is None:
        return
    if fresh.currency != old.currency:
        yield f"it is in {fresh.currency}, not {old.currency}"
    if fresh.date < old.date:
        yield f"it is of {fresh.date}, older than {old.date}"
    for region in old.regions:
        if region not in fresh.regions:
            yield f"the region {region} is gone"
            continue
        rates = fresh.tariff(region)
        for meter, before in old.tariff(region).items():
            if meter not in rates:
                yield f"{meter} in {region} has no price any more"
                continue
            now, was = rates[meter].tiers[0].price, before.tiers[0].price
            if not was / LARGEST_CHANGE <= now <= was * LARGEST_CHANGE:
                yield f"{meter} in {region} went from {was} to {now}"


def _key(shipped: Traversable) -> Any:
    """A resource as a key of a cache; the files of an installed package are paths, which are hashable."""
    return shipped


@cache
def _chosen(provider: str, shipped: Any, refreshed: Path) -> PriceBook:
    own = book_file.parse(shipped.read_text(encoding="utf-8"), str(shipped))
    if own.provider != provider:
        raise PriceError(f"{shipped}: this is the price book of '{own.provider}', not of '{provider}'")
    try:
        fresh = book_file.parse(refreshed.read_text(encoding="utf-8"), str(refreshed))
    except FileNotFoundError:
        return own
    except (OSError, UnicodeDecodeError) as error:
        said = f"{refreshed}: {error}"
    except PriceError as error:
        said = error.message
    else:
        if fresh.provider == provider and fresh.date >= own.date:
            return fresh
        is_other = fresh.provider != provider
        said = f"{refreshed}: " + (f"this is the price book of '{fresh.provider}'" if is_other else f"it is of {fresh.date}")
    return replace(own, passed_over=f"{said}; the book of {own.date} that ships is used")


@cache
def _carbon(provider: str, shipped: Any) -> CarbonBook:
    book = carbon.parse(shipped.read_text(encoding="utf-8"), str(shipped))
    if book.provider != provider:
        raise PriceError(f"{shipped}: this is the carbon book of '{book.provider}', not of '{provider}'")
    return book
