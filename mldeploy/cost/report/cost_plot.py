"""Cost against monthly requests, on logarithmic axes: one curve an option, break-evens as numbered marks.

A bill is straight between the points of its curve, so values between them are read along that line.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from html import escape
from itertools import pairwise

from mldeploy.cost.document_shape import BreakEven, Document, OptionRow
from mldeploy.cost.report import wording
from mldeploy.cost.report.room import Room
from mldeploy.cost.report.wording import Look, looks
from mldeploy.drawing import svg
from mldeploy.drawing.scale import Scale, log_ticks

_LEAST_USD = 0.01
_AROUND, _NEAR = 100.0, 1e4
_MOST_POINTS, _STEP = 160, 0.15
Point = tuple[float, float]


class Drawn:
    """One curve as it is shown: its option, the visible points, colour and dash."""

    def __init__(self, row: OptionRow, points: list[Point], look: Look, dash: int) -> None:
        self.row, self.points, self.look, self.dash = row, points, look, dash

    @property
    def css(self) -> str:
        return f"{self.look.css} dash{self.dash}"


def drawn(document: Document) -> list[Drawn]:
    """The curves within the window, of options that are in the document."""
    rows = {row["id"]: row for row in document["options"]}
    shown = [curve for curve in document["curves"] if curve["option_id"] in rows and len(curve["points"]) > 1]
    if not shown:
        return []
    low, high = window(document)
    found, seen, look = [], dict[str, int](), looks(document)
    for curve in shown:
        row = rows[curve["option_id"]]
        points = clip(curve["points"], low, high)
        if len(points) > 1:
            dash = seen[row["cloud"]] = seen.get(row["cloud"], -1) + 1
            found.append(Drawn(row, points, look[row["cloud"]], dash % 4))
    return found


def window(document: Document) -> Point:
    """The requests shown: around the workload, with the break-evens not too far from it, as far as the curves reach."""
    reach = [at for curve in document["curves"] for at, _ in curve["points"]]
    own = min(max(document["workload"]["requests"], min(reach)), max(reach))
    evens = [each["requests"] for each in document["break_evens"] if own / _NEAR <= each["requests"] <= own * _NEAR]
    low = min([own / _AROUND, *(at / 3 for at in evens)])
    high = max([own * _AROUND, *(at * 3 for at in evens)])
    return max(min(reach), 10.0 ** math.floor(math.log10(low))), min(max(reach), 10.0 ** math.ceil(math.log10(high)))


def value_at(points: Sequence[Point], at: float) -> float | None:
    """The cost between two points; None beyond the curve's ends."""
    for (x1, y1), (x2, y2) in pairwise(points):
        if x1 <= at <= x2:
            return y1 if x2 == x1 else y1 + (y2 - y1) * (at - x1) / (x2 - x1)
    return None


def clip(points: Sequence[Point], low: float, high: float) -> list[Point]:
    """The part of a curve within [low, high], with its values at the borders, thinned where it is very dense."""
    inner = [point for point in points if low < point[0] < high]
    step = math.ceil(len(inner) / _MOST_POINTS) or 1
    ends = [(at, value_at(points, at)) for at in (low, high)]
    first, last = ([(at, value)] if value is not None else [] for at, value in ends)
    return [*first, *inner[::step], *last]


def plot(document: Document, curves: Sequence[Drawn], room: Room) -> str:
    """The plot; `curves` are not empty."""
    x, y = scales(curves, room)
    title = "Dollars a month, by requests a month"
    label = f"Cost a month against requests a month, {len(curves)} options; the table below has the figures"
    marks = [*_grid(x, y, room), *_workload(document, x, room)]
    marks += [svg.curve(((x.at(at), y.at(usd)) for at, usd in _smooth(each.points)), each.css) for each in curves]
    marks += [_break_even(number, each, x, y) for number, each in within(document, x)]
    if not room.is_narrow:
        ends = [(y.at(each.points[-1][1]), wording.short_name(each.row, each.dash == 0), each.look.css) for each in curves]
        marks += svg.end_labels(ends, room.x[1] + 8, bottom=y.start + 4)
    return room.frame(title, label, marks, x, y, "cost")


def _smooth(points: Sequence[Point]) -> Iterator[Point]:
    """Points so near each other that a straight bill looks as it is on logarithmic axes: bent."""
    for (x1, y1), (x2, y2) in pairwise(points):
        steps = math.ceil(math.log(x2 / x1) / _STEP) or 1
        for number in range(steps):
            at = x1 * (x2 / x1) ** (number / steps)
            yield at, y1 if x2 == x1 else y1 + (y2 - y1) * (at - x1) / (x2 - x1)
    yield points[-1]


def scales(curves: Sequence[Drawn], room: Room) -> tuple[Scale, Scale]:
    at = [point[0] for each in curves for point in each.points]
    usd = [max(point[1], _LEAST_USD) for each in curves for point in each.points]
    low, high = min(usd), max(usd)
    if high < low * 10:
        low, high = max(low / 3, _LEAST_USD), high * 3
    return Scale(min(at), max(at), *room.x, is_log=True), Scale(low, high, *room.y, is_log=True)


def within(document: Document, x: Scale) -> list[tuple[int, BreakEven]]:
    """The break-evens that the plot can show, by the number they have in the list below it."""
    return [(n, each) for n, each in enumerate(document["break_evens"], 1) if x.low <= each["requests"] <= x.high]


def _grid(x: Scale, y: Scale, room: Room) -> list[str]:
    most = 6 if room.is_narrow else 9
    marks = [svg.row(*room.x, y.at(usd), _axis_money(usd)) for usd in log_ticks(y.low, y.high, most)]
    marks.append(svg.line("grid", x.start, y.start, x.end, y.start))
    marks += [svg.text(x.at(at), y.start + 18, wording.compact(at), anchor="middle") for at in log_ticks(x.low, x.high, most)]
    return [*marks, svg.text(room.left, y.start + 36, "requests a month")]


def _axis_money(usd: float) -> str:
    """A cent stands for all that is less, and for free."""
    return f"≤ {wording.axis_money(usd)}" if usd <= _LEAST_USD else wording.axis_money(usd)


def _workload(document: Document, x: Scale, room: Room) -> list[str]:
    requests = document["workload"]["requests"]
    if not x.low <= requests <= x.high:
        return []
    at, (bottom, top) = x.at(requests), room.y
    anchor = "end" if at > (x.start + x.end) / 2 else "start"
    nudge = -5 if anchor == "end" else 5
    return [
        svg.line("asked", at, bottom, at, top),
        svg.text(at + nudge, top - 5, f"yours: {wording.compact(requests)}", "value", anchor),
    ]


def _break_even(number: int, each: BreakEven, x: Scale, y: Scale) -> str:
    at, usd = x.at(each["requests"]), y.at(each["usd"])
    title = f"<title>{escape(each['text'])}</title>"
    circle = f'<circle cx="{at:.1f}" cy="{usd:.1f}" r="8.5"/>'
    return f'<g class="even">{title}{circle}{svg.text(at, usd + 4, str(number), anchor="middle")}</g>'
