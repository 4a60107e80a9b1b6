"""The comparison in the form that was asked for: a table to read, or json, csv, md, html, svg; to stdout or into a file.

All forms show one document (`mldeploy.cost.document`), so that no two of them can differ.
"""

from __future__ import annotations

import csv
import io
import json
import textwrap
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mldeploy.cli import cost_explain
from mldeploy.cli.cost_flags import Asked, Format
from mldeploy.cli.exits import UsageError
from mldeploy.cli.files import write_whole
from mldeploy.cli.layout import count, labelled, milliseconds, table
from mldeploy.cli.money import unit_price, usd
from mldeploy.cli.session import Session
from mldeploy.cli.terminal import Terminal
from mldeploy.cost.document_shape import Document, OptionRow

if TYPE_CHECKING:
    from mldeploy.cli.cost_run import Outcome

HEADER = ("cloud", "region", "runs as", "size", "fixed", "variable", "per month", "per 1k", "p95", "gCO₂e/1k", "")
_RIGHT = range(4, 10)
_DISPENSABLE = (5, 4, 9)
"""Columns that a narrow terminal does without, the first of them first."""

_LABEL, _WIDTH = 12, 108
_CSV = ["id", "cloud", "region", "product", "memory_mb", "cpu", "concurrency", "min_instances"]
_CSV += ["fixed_usd", "variable_usd", "total_usd", "per_1k_usd", "free_tier_usd", "mean_ms", "p95_ms", "carbon_g_per_1k"]
_CSV += ["is_deployable", "is_on_front", "is_cheapest", "is_measured", "timing_origin", "problem"]


def show_all(session: Session, found: Outcome, asked: Asked, more: Mapping[str, Any] | None = None) -> None:
    """Give the result: to stdout, or into --output. `more` goes into the json document."""
    if asked.explain and asked.format not in ("table", "json"):
        raise UsageError(f"--explain has no {asked.format} form", "use --format table or json")
    written = "\n".join(_whole(session, found, asked, more or {}))
    if asked.output is None:
        session.out.line(written)
        return
    write_whole(asked.output, written + "\n")
    session.report.write("\n".join(labelled("wrote", str(asked.output))))


def _whole(session: Session, found: Outcome, asked: Asked, more: Mapping[str, Any]) -> Iterator[str]:
    explained = found.comparison.chosen or found.comparison.estimates[:1]
    if asked.format == "table":
        yield from table_lines(session.out, found.document, found.shown)
        for each in explained if asked.explain else ():
            yield ""
            yield from cost_explain.lines(each, found.stalls)
    elif asked.format == "json":
        whole = {
            **found.document,
            **more,
            **({"explained": cost_explain.document(explained, found.stalls)} if asked.explain else {}),
        }
        yield json.dumps(whole, indent=2, ensure_ascii=False)
    else:
        yield text(found.document, asked.format, found.shown).rstrip("\n")


def text(document: Document, form: Format, shown: Collection[str]) -> str:
    """The document in one of the forms that are files by nature."""
    if form == "csv":
        return _csv(document)
    if form == "md":
        return _markdown(document, shown)
    from mldeploy.cost import report

    return report.html(document) if form == "html" else report.svg(document)


def cells(row: OptionRow) -> tuple[str, ...]:
    """One row as it is read."""
    is_known = row["total_usd"] is not None and not row["problem"]
    return (
        row["cloud"],
        row["region"],
        row["product"],
        row["config"],
        usd(row["fixed_usd"]) if is_known else "",
        usd(row["variable_usd"]) if is_known else "",
        usd(row["total_usd"]) if is_known else "unknown",
        unit_price(row["per_1k_usd"]) if is_known else "",
        _latency(row),
        _grams(row["carbon_g_per_1k"]),
        _note(row),
    )


def _grams(grams: float | None) -> str:
    """Two figures that matter, whole ones all: 0.0016 · 5.1 · 1,250."""
    if grams is None:
        return ""
    return f"{grams:,.0f}" if grams >= 10 else f"{grams:.2g}"


def _latency(row: OptionRow) -> str:
    """A given time is marked: it is no percentile of this size."""
    time_ms = row["mean_ms"] if row["p95_ms"] is None else row["p95_ms"]
    if time_ms is None:
        return ""
    shown = milliseconds(time_ms) if time_ms < 999.5 else f"{time_ms:,.0f}"
    return f"{shown} ms" if row["is_measured"] else f"~{shown} ms"


def _note(row: OptionRow) -> str:
    """Why there is no price, else what to know about it."""
    if row["problem"]:
        return row["problem"]
    notes = ["chosen"] if row["is_cheapest"] else ["front"] if row["is_on_front"] else []
    notes += [mark for mark in row["marks"] if mark != "not-deployable"]
    if not row["is_deployable"]:
        notes.append(f"for comparison only: {row['note']}" if row["note"] else "for comparison only")
    return ", ".join(notes)


def table_lines(out: Terminal, document: Document, shown: Collection[str]) -> Iterator[str]:
    yield out.style(document["answer"], "bold")
    yield ""
    rows = [HEADER, *(cells(row) for row in document["options"] if row["id"] in shown)]
    header, *lines = _fitting(rows, out.width if out.is_live else None)
    yield out.style(header, "dim")
    cheapest = [row["is_cheapest"] for row in document["options"] if row["id"] in shown]
    for line, is_cheapest in zip(lines, cheapest, strict=True):
        yield out.style(line, "green") if is_cheapest else line
    left = len(document["options"]) - len(lines)
    if left > 0:
        yield out.style(f"and {count(left, 'more row')}: --all, or --format csv", "dim")
    yield ""
    yield from _paragraphs("break-even", [found["text"] for found in document["break_evens"]])
    yield from _paragraphs("assumes", document["assumptions"])
    yield from _paragraphs("prices", [_books(document)])


def _paragraphs(label: str, texts: Sequence[str]) -> Iterator[str]:
    """Broken between words; further lines of a text are indented."""
    for number, told in enumerate(texts):
        lines = textwrap.wrap(told, _WIDTH, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)
        yield from labelled("" if number else label, "\n".join(lines), _LABEL)


def _books(document: Document) -> str:
    return " · ".join(f"{book['provider']} {book['date']}" for book in document["books"])


def _fitting(rows: Sequence[Sequence[str]], width: int | None) -> list[str]:
    """As a table; on a terminal that is too narrow without the columns that one can do without."""
    dropped: list[int] = []
    while True:
        columns = [n for n in range(len(HEADER)) if n not in dropped]
        lines = table([[row[n] for n in columns] for row in rows], right=[i for i, n in enumerate(columns) if n in _RIGHT])
        if width is None or len(dropped) == len(_DISPENSABLE) or max(map(len, lines)) <= width:
            return lines
        dropped.append(_DISPENSABLE[len(dropped)])


def _csv(document: Document) -> str:
    file = io.StringIO()
    writer = csv.DictWriter(file, _CSV, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(dict(row) for row in document["options"])
    return file.getvalue()


def _markdown(document: Document, shown: Collection[str]) -> str:
    """A table as GitHub reads it, with the answer before it and the assumptions behind."""
    heads = [*HEADER[:-1], "note"]
    rows = [cells(row) for row in document["options"] if row["id"] in shown]
    lines = [document["answer"], "", f"| {' | '.join(heads)} |"]
    lines.append("|" + "|".join("---:" if n in _RIGHT else "---" for n in range(len(heads))) + "|")
    lines += [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in rows]
    told = [found["text"] for found in document["break_evens"]]
    lines += ["", *(f"- {each}" for each in [*told, *document["assumptions"], f"prices: {_books(document)}"])]
    return "\n".join(lines) + "\n"
