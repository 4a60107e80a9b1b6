"""Cost against p95 latency: one point an option, the Pareto front as a line, the latency goal as a bound."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from mldeploy.cost.document_shape import Document, OptionRow
from mldeploy.cost.report import wording
from mldeploy.cost.report.room import Room
from mldeploy.cost.report.wording import Look, looks
from mldeploy.drawing import svg
from mldeploy.drawing.scale import Scale, log_ticks

_MOST_POINTS = 300
MOST_TIMES = 20
_LEAST_USD = 0.01


def shown(document: Document) -> list[OptionRow]:
    """The options with a known total and p95: the front and the chosen ones, then others in their order; of those that would
    lie on each other the first, and none far dearer than all that is told. Empty where all times are about the same."""
    known = [row for row in document["options"] if row["total_usd"] is not None and row["p95_ms"] and not row["problem"]]
    if len({_place(p95(row)) for row in known}) < 2:
        return []
    told = [row for row in known if row["is_on_front"] or row["is_cheapest"]]
    limit = max(usd(row) for row in told) * MOST_TIMES if told else math.inf
    found = {(row["cloud"], row["is_deployable"], _place(p95(row)), _place(usd(row))): row for row in reversed(told)}
    for row in known:
        if usd(row) <= limit:
            found.setdefault((row["cloud"], row["is_deployable"], _place(p95(row)), _place(usd(row))), row)
    return [*found.values()][:_MOST_POINTS]


def _place(value: float) -> int:
    """The same for values that are within 2 % of each other, or nearly."""
    return round(math.log(max(value, _LEAST_USD)) / 0.02)


def usd(row: OptionRow) -> float:
    return row["total_usd"] or 0.0


def p95(row: OptionRow) -> float:
    return row["p95_ms"] or 0.0


def plot(document: Document, rows: Sequence[OptionRow], room: Room) -> str:
    """The plot; `rows` are not empty."""
    x, y = _scales(document, rows, room)
    look = looks(document)
    front = sorted((row for row in rows if row["is_on_front"]), key=p95)
    marks = [*_grid(x, y, room), *_goal(document, x, room)]
    if len(front) > 1:
        marks.append(svg.curve(_steps(front, x, y), "front"))
    ranked = sorted(rows, key=lambda row: row["is_on_front"])
    marks += [_point(row, look[row["cloud"]], x, y) for row in ranked]
    label = f"Cost a month against p95 latency of {len(rows)} options, {len(front)} on the front; figures in the table below"
    return room.frame("Dollars a month, by p95 latency", label, marks, x, y, "latency")


def _scales(document: Document, rows: Sequence[OptionRow], room: Room) -> tuple[Scale, Scale]:
    times = [p95(row) for row in rows] + ([document["slo_ms"]] if document["slo_ms"] else [])
    costs = [max(usd(row), _LEAST_USD) for row in rows]
    return (
        Scale(min(times) / 1.25, max(times) * 1.25, *room.x, is_log=True),
        Scale(max(min(costs) / 1.4, _LEAST_USD), max(costs) * 1.4, *room.y, is_log=True),
    )


def _steps(front: Sequence[OptionRow], x: Scale, y: Scale) -> list[tuple[float, float]]:
    """Between two points of the front nothing better is known than the slower one's cost at the faster one's time."""
    places: list[tuple[float, float]] = []
    for row in front:
        at, height = x.at(p95(row)), y.at(usd(row))
        if places:
            places.append((at, places[-1][1]))
        places.append((at, height))
    return places


def _grid(x: Scale, y: Scale, room: Room) -> list[str]:
    most = 6 if room.is_narrow else 9
    marks = [svg.row(*room.x, y.at(cost), wording.axis_money(cost)) for cost in log_ticks(y.low, y.high, most)]
    marks.append(svg.line("grid", x.start, y.start, x.end, y.start))
    marks += [svg.text(x.at(at), y.start + 18, wording.compact(at), anchor="middle") for at in log_ticks(x.low, x.high, most)]
    return [*marks, svg.text(room.left, y.start + 36, "p95 of one request, ms; left and low is better")]


def _goal(document: Document, x: Scale, room: Room) -> list[str]:
    goal = document["slo_ms"]
    if not goal:
        return []
    at, (bottom, top) = x.at(goal), room.y
    anchor = "end" if at > (x.start + x.end) / 2 else "start"
    words = svg.text(at + (-5 if anchor == "end" else 5), top - 5, f"goal: {wording.millis(goal)}", "value", anchor)
    return [svg.line("asked", at, bottom, at, top), words]


def _point(row: OptionRow, look: Look, x: Scale, y: Scale) -> str:
    css = " ".join(
        name
        for name, holds in (
            ("point", True),
            (look.css, True),
            ("best", row["is_on_front"]),
            ("chosen", row["is_cheapest"]),
            ("faint", not row["is_deployable"]),
        )
        if holds
    )
    words = f"{wording.name(row)}: {wording.money(row['total_usd'])} a month, p95 {wording.millis(row['p95_ms'])}"
    mark = shape(look.shape, x.at(p95(row)), y.at(usd(row)), 6.5 if row["is_on_front"] or row["is_cheapest"] else 4.5)
    return f'<g class="{css}"><title>{escape(words)}</title>{mark}</g>'


def shape(kind: str, x: float, y: float, r: float) -> str:
    """A cloud's mark, of equal weight in every shape."""
    if kind == "circle":
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{r:g}"/>'
    if kind == "square":
        r *= 0.9
        return f'<rect x="{x - r:.1f}" y="{y - r:.1f}" width="{2 * r:.1f}" height="{2 * r:.1f}"/>'
    r *= 1.25
    low = 0.65 * r
    corners = (
        [(0.0, -r), (0.92 * r, low), (-0.92 * r, low)] if kind == "triangle" else [(0.0, -r), (r, 0.0), (0.0, r), (-r, 0.0)]
    )
    places = " L".join(f"{x + dx:.1f},{y + dy:.1f}" for dx, dy in corners)
    return f'<path d="M{places} Z"/>'
