"""All plots in one SVG file: for slides and for READMEs, where no script runs."""

from __future__ import annotations

import re
from html import escape
from importlib.resources import files

from mldeploy.cost.document_shape import Document
from mldeploy.cost.report import cost_plot, latency_plot, region_plot
from mldeploy.cost.report.room import WIDE, WIDE_PLAIN
from mldeploy.drawing import svg as pieces
from mldeploy.drawing import theme

_MARGIN = 20.0
_LINE, _NOTE = 74, 112


def style() -> str:
    """What the plots need, in the page and alone."""
    return theme.COLOURS + theme.PLOT + (files(__package__) / "plot.css").read_text(encoding="utf-8")


def svg(document: Document) -> str:
    """The answer, then each plot that the document has figures for, one below the other."""
    drawn = []
    if curves := cost_plot.drawn(document):
        drawn.append((cost_plot.plot(document, curves, WIDE), WIDE.height))
        if notes := _notes(document):
            drawn.append(notes)
    if rows := latency_plot.shown(document):
        drawn.append((latency_plot.plot(document, rows, WIDE_PLAIN), WIDE_PLAIN.height))
    if regions := region_plot.ranked(document, "cost"):
        drawn.append((region_plot.plot(document, regions, WIDE, "cost"), region_plot.height(regions, WIDE)))
    answer = _lines(document["answer"], _LINE)
    y = 24.0 + 20 * len(answer)
    head = [
        f'<text class="answer" x="{_MARGIN}" y="{30 + 20 * number}">{escape(words)}</text>'
        for number, words in enumerate(answer)
    ]
    body = []
    for plot, height in drawn:
        body.append(plot.replace("<svg ", f'<svg x="{_MARGIN}" y="{y:g}" width="{WIDE.width}" height="{height:g}" ', 1))
        y += height + 12
    foot = pieces.text(_MARGIN, y + 14, f"{prices(document)} · {document['date']}")
    width, height = WIDE.width + 2 * _MARGIN, y + 28
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}" height="{height:g}">'
        f'<style>{style()}</style><rect class="paper" width="100%" height="100%"/>{"".join(head + body)}{foot}</svg>\n'
    )


def prices(document: Document) -> str:
    """ "prices of 2026-08-31 to 2026-11-21"."""
    dates = sorted({book["date"] for book in document["books"]})
    return f"prices of {' to '.join(dict.fromkeys((dates[0], dates[-1])))}" if dates else "no prices"


def _notes(document: Document) -> tuple[str, float] | None:
    """What the numbers in the first plot mean, and how high that is."""
    said = [f"{number}  {each['text']}" for number, each in enumerate(document["break_evens"], 1)]
    lines = [words for text in said for words in _lines(text, _NOTE)]
    height = 18.0 * len(lines) + 6
    marks = "".join(pieces.text(0, 12 + 18 * number, words) for number, words in enumerate(lines))
    return (f'<svg viewBox="0 0 {WIDE.width:g} {height:g}">{marks}</svg>', height) if lines else None


def _lines(words: str, most: int) -> list[str]:
    """Broken at blanks, as an SVG does not do by itself."""
    return [found.strip() for found in re.findall(rf"\S.{{0,{most}}}(?=\s|$)|\S+", words)]
