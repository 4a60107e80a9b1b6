"""Two plots as hand-written SVG: the latency curve by percentile, and throughput by concurrency.

Colours come from CSS variables, so that one file follows the reader's dark or light setting.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from mldeploy.bench.load import Level
from mldeploy.bench.measure import Report

WIDTH, HEIGHT = 720, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 112, 38, 46
_SERIES = ("--s1", "--s2", "--s3", "--s4", "--s5", "--s6")

STYLE = """
svg { --ink: #1c2430; --soft: #5b6675; --line: #d9dee6; --s1: #2563a8; --s2: #0e8a6c; --s3: #c2620a; --s4: #a3367f;
  --s5: #6b5bd0; --s6: #7a7f1d; font: 12px system-ui, sans-serif; }
@media (prefers-color-scheme: dark) { svg { --ink: #e7ebf0; --soft: #9aa6b5; --line: #303a47; --s1: #6cb2ff; --s2: #4fd0ae;
  --s3: #ffab5c; --s4: #f08ccd; --s5: #b3a7ff; --s6: #d2d75c; } }
svg text { fill: var(--soft); } svg text.title { fill: var(--ink); font-size: 14px; font-weight: 600; }
svg text.value { fill: var(--ink); }
svg .grid { stroke: var(--line); stroke-width: 1; } svg .curve { fill: none; stroke-width: 2.2; stroke-linejoin: round; }
"""


def ticks(low: float, high: float) -> list[float]:
    """Round values 1, 2, 5 · 10ⁿ on a logarithmic axis, within and just around [low, high]."""
    first, last = math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 1
    every = [step * 10.0**power for power in range(first, last + 1) for step in (1, 2, 5)]
    inner = [value for value in every if low <= value <= high]
    below = max((value for value in every if value <= low), default=every[0])
    above = min((value for value in every if value >= high), default=every[-1])
    return sorted({below, *inner, above})


def linear_ticks(high: float) -> list[float]:
    """0 to just above `high` in three to six round steps."""
    if high <= 0:
        return [0.0, 1.0]
    raw = high / 4
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= raw)
    return [step * number for number in range(math.ceil(high / step) + 1)]


def _tail_place(share: float) -> float:
    """0..1 along an axis that stretches the tail: each further nine takes the same room."""
    return min(1.0, -math.log10(max(1 - share / 100, 1e-3)) / 3)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:g}"


def _grid_line(y: float, value: float) -> str:
    return (
        f'<line class="grid" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{_number(value)}</text>'
    )


def _frame(title: str, label: str, marks: Sequence[str], height: int = HEIGHT) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(label)}">'
        f'<text class="title" x="{_LEFT}" y="20">{escape(title)}</text>{"".join(marks)}</svg>'
    )


def latency(levels: Sequence[Level]) -> str:
    """Latency in ms by percentile, one curve a concurrency; both axes stretched where the tail is."""
    shown = [level for level in levels if level.curve_ms]
    if not shown:
        return _frame("Latency", "no successful answers", [f'<text x="{_LEFT}" y="60">no successful answers</text>'])
    values = [max(ms, 1e-3) for level in shown for _, ms in level.curve_ms]
    scale = ticks(min(values), max(values))
    low, high = math.log10(scale[0]), math.log10(scale[-1])
    span = (high - low) or 1.0
    right, bottom = WIDTH - _RIGHT, HEIGHT - _BOTTOM

    def x(share: float) -> float:
        return _LEFT + _tail_place(share) * (right - _LEFT)

    def y(ms: float) -> float:
        return bottom - (math.log10(max(ms, 1e-3)) - low) / span * (bottom - _TOP)

    marks = [_grid_line(y(value), value) for value in scale]
    marks += [
        f'<text x="{x(share):.1f}" y="{bottom + 18}" text-anchor="middle">p{share:g}</text>'
        for share in (0, 50, 75, 90, 95, 99, 99.9)
    ]
    marks.append(f'<text x="{_LEFT}" y="{bottom + 36}">percentile; first byte sent to last byte received</text>')
    ends = []
    for level, color in zip(shown, _SERIES, strict=False):
        points = " ".join(f"{x(share):.1f},{y(ms):.1f}" for share, ms in level.curve_ms if share <= 99.9)
        marks.append(f'<polyline class="curve" style="stroke:var({color})" points="{points}"/>')
        ends.append((y(level.curve_ms[-2][1]), f"{level.concurrency} at once", color))
    marks += _end_labels(ends, right + 8)
    return _frame("Latency, ms", "Latency by percentile for each concurrency", marks)


def _end_labels(ends: list[tuple[float, str, str]], x: float) -> list[str]:
    """A label at each curve's end, moved apart where they would overlap."""
    labels, last = [], -math.inf
    for y, text, color in sorted(ends):
        last = max(y + 4, last + 15)
        labels.append(f'<text x="{x}" y="{last:.1f}" style="fill:var({color})">{escape(text)}</text>')
    return labels


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
        color = _SERIES[number % len(_SERIES)]
        marks.append(
            f'<rect x="{x:.1f}" y="{bottom - height:.1f}" width="{width:.1f}" height="{height:.1f}" rx="3" '
            f'style="fill:var({color})"/>'
            f'<text class="value" x="{x + width / 2:.1f}" y="{bottom - height - 6:.1f}" text-anchor="middle">'
            f"{_number(level.per_second)}</text>"
            f'<text x="{x + width / 2:.1f}" y="{bottom + 18}" text-anchor="middle">{level.concurrency}</text>'
        )
    marks.append(f'<text x="{_LEFT}" y="{bottom + 36}">requests at once</text>')
    return _frame("Answers a second", "Throughput for each concurrency", marks)


def standalone(report: Report) -> str:
    """Both plots in one SVG file."""
    inner = [
        plot.replace("<svg ", f'<svg x="0" y="{number * HEIGHT}" width="{WIDTH}" height="{HEIGHT}" ', 1)
        for number, plot in enumerate((latency(report.levels), throughput(report.levels)))
    ]
    paper = "<rect width='100%' height='100%' class='paper'/>"
    paper_style = ".paper { fill: #fff } @media (prefers-color-scheme: dark) { .paper { fill: #12171e } }"
    caption = escape(f"{report.name} · {report.provider} · {report.date}")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {2 * HEIGHT + 24}" width="{WIDTH}">'
        f"<style>{STYLE}{paper_style}</style>{paper}{''.join(inner)}"
        f'<text x="{_LEFT}" y="{2 * HEIGHT + 10}">{caption}</text></svg>\n'
    )
