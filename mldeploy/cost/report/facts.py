"""What the figures rest on, as sentences: the workload, the terms, the books and how old they are, the assumptions."""

from __future__ import annotations

from collections.abc import Iterator

from mldeploy.cost.document_shape import Document
from mldeploy.cost.report import wording
from mldeploy.cost.report.plots import prices


def subtitle(document: Document) -> str:
    """One line under the answer."""
    return f"{document['date']} · {prices(document)} · {terms(document)}"


def terms(document: Document) -> str:
    free = "free tiers counted" if document["has_free_tier"] else "free tiers not counted"
    return f"list prices in dollars, {document['commitment'] or 'no commitment'}, {free}"


def warnings(document: Document) -> list[str]:
    return [
        f"The {book['provider']} prices are {book['age_days']} days old: mldeploy cost --refresh"
        for book in document["books"]
        if book["is_stale"]
    ]


def workload(document: Document) -> Iterator[tuple[str, str]]:
    """The workload, each part with its name."""
    of = document["workload"]
    shape = (
        f"in a weekly curve with a peak of {of['peak_per_s']:,.4g} a second" if of["hourly_per_s"] else "the same at every hour"
    )
    yield "requests a month", f"{wording.count(of['requests'])}, {shape}"
    yield "duration", "as measured" if of["duration_ms"] is None else f"{of['duration_ms']:,.4g} ms, as given"
    yield "payload", f"{of['bytes_in']:,} bytes in, {of['bytes_out']:,} bytes out, {of['log_bytes']:,} bytes of log, a request"
    yield (
        "cold starts",
        "as the packing model tells" if of["cold_share"] is None else f"{of['cold_share']:.2%} of requests, as given",
    )
    if document["slo_ms"]:
        yield "latency goal", f"p95 of at most {wording.millis(document['slo_ms'])}"


def books(document: Document) -> Iterator[tuple[str, str]]:
    for book in document["books"]:
        stale = ", stale" if book["is_stale"] else ""
        yield f"{book['provider']} prices", f"of {book['date']}, {book['age_days']} days old{stale}, {book['currency']}"


def timings(document: Document) -> list[str]:
    """How the durations are known, once each."""
    return list(dict.fromkeys(row["timing_origin"] for row in document["options"] if row["timing_origin"]))[:12]
