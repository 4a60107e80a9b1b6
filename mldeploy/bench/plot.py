"""Two plots as hand-written SVG: the latency curve by percentile, and throughput by concurrency."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from mldeploy.bench.load import Level
from mldeploy.bench.measure import Report
from mldeploy.drawing import svg, theme
from mldeploy.drawing.scale import Scale, linear_ticks, ticks

WIDTH, HEIGHT = 720, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 112, 38, 46


def _tail_place(share: float) -> float:
    """0..1 along an axis that stretches the tail: each further nine takes the same room."""
    return min(1.0, -math.log10(max(1 - share / 100, 1e-3)) / 3)


def _grid_line(y: float, value: float) -> str:
    return svg.row(_LEFT, WIDTH - _RIGHT, y, svg.figure(value))


def _frame(title: str, label: str, marks: Sequence[str]) -> str:
    return svg.frame(title, label, marks, left=_LEFT, width=WIDTH, height=HEIGHT)


def latency(levels: Sequence[Level]) -> str:
    """Latency in ms by percentile, one curve a concurrency; both axes stretched where the tail is."""
    shown = [level for level in levels if level.curve_ms]
    if not shown:
        return _frame("Latency", "no successful answers", [f'<text x="{_LEFT}" y="60">no successful answers</text>'])
    values = [max(ms, 1e-3) for level in shown for _, ms in level.curve_ms]
    scale = ticks(min(values), max(values))
    right, bottom = WIDTH - _RIGHT, HEIGHT - _BOTTOM
    height = Scale(scale[0], scale[-1], bottom, _TOP, is_log=True)

    def x(share: float) -> float:
        return _LEFT + _tail_place(share) * (right - _LEFT)

    marks = [_grid_line(height.at(value), value) for value in scale]
    marks += [svg.text(x(share), bottom + 18, f"p{share:g}", anchor="middle") for share in (0, 50, 75, 90, 95, 99, 99.9)]
    marks.append(svg.text(_LEFT, bottom + 36, "percentile; first byte sent to last byte received"))
    ends = []
    for level, color in zip(shown, svg.SERIES, strict=False):
        marks.append(svg.curve(((x(share), height.at(ms)) for share, ms in level.curve_ms if share <= 99.9), color))
        ends.append((height.at(level.curve_ms[-2][1]), f"{level.concurrency} at once", color))
    marks += svg.end_labels(ends, right + 8)
    return _frame("Latency, ms", "Latency by percentile for each concurrency", marks)


def throughput(levels: Sequence[Level]) -> str:
    """Successful answers a second, one bar a concurrency."""
    scale = linear_ticks(max((level.per_second for level in levels), default=0.0))
    right, bottom = WIDTH - _RIGHT, HEIGHT - _BOTTOM
    slot = (right - _LEFT) / max(1, len(levels))
    marks = [_grid_line(bottom - value / scale[-1] * (bottom - _TOP), value) for value in scale]
    for number, level in enumerate(levels):
        height = level.per_second / scale[-1] * (bottom - _TOP)
        width = min(72.0, slot * 0.6)
        x = _LEFT + slot * (number + 0.5) - width / 2
        middle, top = x + width / 2, bottom - height
        marks += [
            f'<rect class="bar {svg.SERIES[number % len(svg.SERIES)]}" x="{x:.1f}" y="{top:.1f}" '
            f'width="{width:.1f}" height="{height:.1f}" rx="3"/>',
            svg.text(middle, top - 6, svg.figure(level.per_second), "value", "middle"),
            svg.text(middle, bottom + 18, f"{level.concurrency}", anchor="middle"),
        ]
    marks.append(svg.text(_LEFT, bottom + 36, "requests at once"))
    return _frame("Answers a second", "Throughput for each concurrency", marks)


def standalone(report: Report) -> str:
    """Both plots in one SVG file."""
    inner = [
        plot.replace("<svg ", f'<svg x="0" y="{number * HEIGHT}" width="{WIDTH}" height="{HEIGHT}" ', 1)
        for number, plot in enumerate((latency(report.levels), throughput(report.levels)))
    ]
    paper = "<rect width='100%' height='100%' class='paper'/>"
    caption = escape(f"{report.name} · {report.provider} · {report.date}")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {2 * HEIGHT + 24}" width="{WIDTH}">'
        f"<style>{theme.COLOURS}{theme.PLOT}</style>{paper}{''.join(inner)}"
        f'<text x="{_LEFT}" y="{2 * HEIGHT + 10}">{caption}</text></svg>\n'
    )
