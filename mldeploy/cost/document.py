"""The comparison as one JSON document: what `--format json` prints, and all that the report needs.

    Estimate… ─┐
    curves ────┼─ document ─▶ Document (plain dicts, lists, texts and numbers) ─▶ json.dumps · report.html · report.svg
    break-evens┘

An option is named by one text, `option_id`, in every part of the document. Bills are spelled out for the options that are drawn
or marked.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

from mldeploy.cost.billing import Terms
from mldeploy.cost.book import PriceBook
from mldeploy.cost.carbon import CarbonBook
from mldeploy.cost.document_rows import (
    bill_rows,
    book_row,
    commitments,
    config,
    number,
    option_id,
    option_row,
    region_rows,
    source_rows,
    workload_part,
)
from mldeploy.cost.document_shape import BreakEven, Curve, Document
from mldeploy.cost.workload import Workload

if TYPE_CHECKING:
    import datetime

    from mldeploy.cost.estimate import Estimate

__all__ = ["BreakEven", "Document", "config", "document", "number", "option_id"]
VERSION = 1


def document(
    estimates: Sequence[Estimate],
    *,
    answer: str,
    today: datetime.date,
    workload: Workload,
    terms: Terms,
    books: Mapping[str, PriceBook],
    carbon: Mapping[str, CarbonBook],
    assumptions: Iterable[str] = (),
    curves: Mapping[str, Iterable[tuple[Decimal, Decimal]]] | None = None,
    break_evens: Iterable[BreakEven] = (),
    front: Collection[str] = (),
    cheapest: Collection[str] = (),
    regional: Sequence[Estimate] | None = None,
    slo_ms: float | None = None,
) -> Document:
    """The whole comparison. `estimates` are the table's rows, in its order; `regional` are those that the regions are judged by
    (default: the same). `front` and `cheapest` are option ids, as are the keys of `curves`; books are by provider."""
    named = [(option_id(each.option, each.region), each) for each in estimates]
    evens = list(break_evens)
    curves = curves or {}
    totals = {name: each.total for name, each in named if name in curves and not each.problem}
    at = workload.requests
    drawn = {name: _curve(points, at, totals.get(name), evens, name) for name, points in curves.items()}
    told = {*front, *cheapest, *drawn}
    bills = {name: bill_rows(each) for name, each in named if name in told}
    return Document(
        version=VERSION,
        answer=answer,
        date=today.isoformat(),
        has_free_tier=terms.has_free_tier,
        commitment=", ".join(dict.fromkeys(of.title for _, of in commitments(estimates, books))),
        slo_ms=slo_ms,
        workload=workload_part(workload),
        assumptions=list(assumptions),
        options=[option_row(name, each, books, name in front, name in cheapest) for name, each in named],
        bills=bills,
        curves=[Curve(option_id=name, points=points) for name, points in drawn.items()],
        break_evens=evens,
        regions=region_rows(estimates if regional is None else regional, books),
        books=[book_row(book, today) for book in books.values()],
        sources=source_rows(estimates, books, carbon),
    )


def _curve(
    points: Iterable[tuple[Decimal, Decimal]], at: Decimal, total: Decimal | None, evens: Iterable[BreakEven], name: str
) -> list[tuple[float, float]]:
    """The curve through its points, the estimate itself and the break-evens, so that all figures of a document agree."""
    found = {number(requests): number(usd) for requests, usd in points}
    met = [(each["requests"], each["usd"]) for each in evens if name in (each["a"], each["b"])]
    found |= {requests: usd for requests, usd in met if found and min(found) <= requests <= max(found)}
    if total is not None:
        found[number(at)] = number(total)
    return sorted((requests, usd) for requests, usd in found.items() if requests > 0)
