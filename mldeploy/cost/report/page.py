"""The report as one page: the answer, the plots with what they say in words, then every figure, assumption and source.

Nothing is loaded from elsewhere, and the page says so itself: its policy allows its own style and script by their hashes, and
nothing else. So there are no inline styles, and all that comes from the document is escaped.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Sequence
from functools import cache
from html import escape
from importlib.resources import files

from mldeploy.cost.document_shape import Document, OptionRow, RegionRow
from mldeploy.cost.report import cost_plot, facts, latency_plot, region_plot, tables, week_plot, wording
from mldeploy.cost.report.plots import style
from mldeploy.cost.report.region_plot import By
from mldeploy.cost.report.room import NARROW, WIDE, WIDE_PLAIN
from mldeploy.cost.report.wording import Look, looks
from mldeploy.drawing import theme

_LATENCY_WORDS = (
    "Filled: on the front, where nothing is both cheaper and faster. Outlined: chosen. Pale: for comparison only. "
    f"Options alike are drawn once; what costs over {latency_plot.MOST_TIMES} times the dearest of these is left out."
)


def html(document: Document) -> str:
    """The whole page."""
    css, script = _parts()
    allowed = f"style-src {_hash(css)}; script-src {_hash(script)}; img-src data:"
    policy = f"default-src 'none'; {allowed}; base-uri 'none'; form-action 'none'"
    title = escape(document["answer"] or "Cost before deployment")
    warned = "".join(f'<p class="warning">{escape(words)}</p>' for words in facts.warnings(document))
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="content-security-policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">'
        '<meta name="referrer" content="no-referrer"><link rel="icon" href="data:,">'
        f"<title>{title}</title><style>{css}</style></head><body>"
        f'<header><h1>{title}</h1><p class="soft">{escape(facts.subtitle(document))}</p>{warned}</header><main>'
        f"{_cost(document)}{_latency(document)}{_regions(document)}{_options(document)}{_grounds(document)}</main>"
        f'<script type="application/json" id="data">{_data(document)}</script><script>{script}</script></body></html>\n'
    )


@cache
def _parts() -> tuple[str, str]:
    """Style and script: constants of this package."""
    css, script = ((files(__package__) / name).read_text(encoding="utf-8") for name in ("page.css", "page.js"))
    return f"{theme.COLOURS}{theme.PAGE}{style()}{css}", script


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode('ascii')}'"


def _both(wide: str, narrow: str) -> str:
    """One of two, by the width of the window; the other is hidden from everybody."""
    return f'<div class="for-wide">{wide}</div><div class="for-narrow">{narrow}</div>'


def _section(key: str, title: str, *parts: str) -> str:
    head = f'<h2 id="{key}-title">{escape(title)}</h2>'
    return f'<section id="{key}" aria-labelledby="{key}-title">{head}{"".join(parts)}</section>'


def _fallback(summary: str, inner: str) -> str:
    return f"<details><summary>{escape(summary)}</summary>{inner}</details>"


def _cost(document: Document) -> str:
    curves = cost_plot.drawn(document)
    title = "Cost by requests"
    if not curves:
        return _section("cost", title, '<p class="soft">No option has a known cost to draw.</p>')
    legend = "".join(
        f'<li class="{each.look.css}" data-curve="{number}">'
        f"{_swatch(each.css)}{_value(document, each)}{tables.name(each.row)}</li>"
        for number, each in enumerate(curves)
    )
    at = wording.count(document["workload"]["requests"])
    evens = "".join(f"<li>{escape(each['text'])}</li>" for each in document["break_evens"])
    return _section(
        "cost",
        title,
        '<div class="plot">',
        _both(cost_plot.plot(document, curves, WIDE), cost_plot.plot(document, curves, NARROW)),
        f'</div><div class="readout" id="cost-readout"><p>At <b class="at">{at}</b> requests a month:</p>',
        f'<ul class="legend">{legend}</ul>{_ends(curves)}</div>',
        f'<h3>Break-evens</h3><ol class="evens">{evens}</ol>' if evens else "",
        _fallback("The same as a table", tables.curves(document, [(each.row, each.points) for each in curves])),
    )


def _ends(curves: Sequence[cost_plot.Drawn]) -> str:
    """Why some curves end early."""
    last = {each.points[-1][0] for each in curves}
    words = "A curve ends where its option takes no more requests, or where its cost is not known."
    return f'<p class="soft">{words}</p>' if len(last) > 1 else ""


def _value(document: Document, each: cost_plot.Drawn) -> str:
    """The readout as it is before anybody moves: at the workload's own requests."""
    usd = cost_plot.value_at(each.points, document["workload"]["requests"])
    return f"<b>{'–' if usd is None else wording.money(usd)}</b>"


def _swatch(css: str) -> str:
    line = f'<line class="curve {css}" x1="1" x2="27" y1="5" y2="5"/>'
    return f'<svg class="swatch" viewBox="0 0 28 10" aria-hidden="true">{line}</svg>'


def _latency(document: Document) -> str:
    rows = latency_plot.shown(document)
    title = "Cost by latency"
    if not rows:
        words = "Nothing to draw: no two options have known latencies that differ. mldeploy bench --sweep measures each size."
        return _section("latency", title, f'<p class="soft">{words}</p>')
    look = looks(document)
    clouds = {row["cloud"]: row["title"] for row in rows}
    legend = "".join(f"<li>{_mark(look[cloud])}<span>{escape(name)}</span></li>" for cloud, name in sorted(clouds.items()))
    front = sorted((row for row in rows if row["is_on_front"]), key=latency_plot.p95)
    best = "".join(f"<li>{_point_words(row, look[row['cloud']].css)}</li>" for row in front)
    return _section(
        "latency",
        title,
        '<div class="plot">',
        _both(latency_plot.plot(document, rows, WIDE_PLAIN), latency_plot.plot(document, rows, NARROW)),
        '</div><div class="readout" id="latency-readout"></div>',
        f'<ul class="legend">{legend}</ul><p class="soft">{_LATENCY_WORDS}</p>',
        _fallback(f"The front in words ({len(front)})", f"<ol>{best}</ol>") if front else "",
    )


def _mark(look: Look) -> str:
    mark = f'<g class="point best {look.css}">{latency_plot.shape(look.shape, 8, 8, 5.5)}</g>'
    return f'<svg class="mark" viewBox="0 0 16 16" aria-hidden="true">{mark}</svg>'


def _point_words(row: OptionRow, css: str) -> str:
    figures = f"<b>{wording.millis(row['p95_ms'])}</b>, <b>{wording.money(row['total_usd'])}</b>"
    return f'{figures} <span class="own {css}">{escape(wording.name(row))}</span>'


def _regions(document: Document) -> str:
    found = [(by, region_plot.ranked(document, by)) for by in region_plot.BY]
    shown = [(by, rows) for by, rows in found if rows]
    unknown = sum(1 for row in document["regions"] if row["total_usd"] is None)
    if not shown:
        return _section("regions", "Regions", '<p class="soft">No region has a known total.</p>')
    modes = "".join(
        f'<input class="seen" type="radio" name="by" id="by-{by}"{" checked" if by == shown[0][0] else ""}>'
        f'<label for="by-{by}">by {by}</label>'
        for by, _ in shown
    )
    plots = "".join(f'<div class="by-{by}">{_bars(document, by, rows)}</div>' for by, rows in shown)
    left = f'<p class="soft">Without a known total, and only in the table: {unknown:,}.</p>' if unknown else ""
    return _section(
        "regions",
        "Regions",
        f'<div class="choice">{modes}{plots}</div>{left}',
        _fallback(f"All regions as a table ({len(document['regions'])})", tables.regions(document)),
    )


def _bars(document: Document, by: By, rows: Sequence[RegionRow]) -> str:
    return _both(region_plot.plot(document, rows, WIDE_PLAIN, by), region_plot.plot(document, rows, NARROW, by))


def _options(document: Document) -> str:
    return _section("options", "Every option", tables.options(document))


def _grounds(document: Document) -> str:
    """What all of it rests on."""
    pairs = [*facts.workload(document), ("terms", facts.terms(document)), *facts.books(document)]
    pairs += [("timing", words) for words in facts.timings(document)]
    rows = [[tables.head_cell(name), tables.cell(words, css="text")] for name, words in pairs]
    known, said = tables.table(["", ""], rows, "pairs", "Workload and terms"), _list(document["assumptions"])
    return (
        _section("bills", "Where the figures come from", tables.bills(document))
        + _section("assumptions", "Assumptions", known, _week(document), said)
        + _section("sources", "Sources", tables.sources(document))
    )


def _week(document: Document) -> str:
    week = document["workload"]["hourly_per_s"]
    return _both(week_plot.plot(week, WIDE_PLAIN), week_plot.plot(week, NARROW)) if week else ""


def _list(lines: Iterable[str]) -> str:
    items = "".join(f"<li>{escape(words)}</li>" for words in lines)
    return f"<ul>{items}</ul>" if items else ""


def _data(document: Document) -> str:
    """What the script reads: the curves as they are drawn, the points of the second plot. `<` is written so that no text
    can end the element."""
    look = looks(document)
    curves = [
        {"name": wording.name(each.row), "css": each.look.css, "points": each.points} for each in cost_plot.drawn(document)
    ]
    points = [
        {
            "name": wording.name(row),
            "css": look[row["cloud"]].css,
            "ms": row["p95_ms"],
            "usd": row["total_usd"],
            "chosen": row["is_cheapest"],
            "carbon": row["carbon_g_per_1k"],
            "remarks": tables.remarks(row),
        }
        for row in latency_plot.shown(document)
    ]
    data = {"requests": document["workload"]["requests"], "curves": curves, "points": points, "evens": document["break_evens"]}
    return json.dumps(data, separators=(",", ":"), ensure_ascii=False).replace("<", "\\u003c").replace("\u2028", "\\u2028")
