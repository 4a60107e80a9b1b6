"""The pieces of a plot as SVG text. Colours are classes (`s1` to `s8`), so that one file follows the reader's light or dark and
a page may forbid inline styles."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from html import escape

SERIES = ("s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8")


def frame(title: str, label: str, marks: Sequence[str], *, left: float, width: float, height: float, extra: str = "") -> str:
    """A whole plot: `marks` under a title that starts at `left`. A screen reader says `label`; `extra` are attributes."""
    box = f'viewBox="0 0 {width:g} {height:g}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {box} role="img" aria-label="{escape(label)}"{extra}>'
        f'<text class="title" x="{left:g}" y="20">{escape(title)}</text>{"".join(marks)}</svg>'
    )


def line(css: str, x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line class="{css}" x1="{x1:.1f}" x2="{x2:.1f}" y1="{y1:.1f}" y2="{y2:.1f}"/>'


def text(x: float, y: float, words: str, css: str = "", anchor: str = "start") -> str:
    named = f' class="{css}"' if css else ""
    turned = f' text-anchor="{anchor}"' if anchor != "start" else ""
    return f'<text{named} x="{x:.1f}" y="{y:.1f}"{turned}>{escape(words)}</text>'


def row(x1: float, x2: float, y: float, words: str) -> str:
    """A horizontal grid line with its value to the left."""
    return line("grid", x1, y, x2, y) + text(x1 - 8, y + 4, words, anchor="end")


def curve(points: Iterable[tuple[float, float]], css: str) -> str:
    places = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline class="curve {css}" points="{places}"/>'


def end_labels(ends: Iterable[tuple[float, str, str]], x: float, bottom: float = math.inf) -> list[str]:
    """A label at each curve's end, `(y, words, class)`, moved apart where they would overlap, and up where they would pass
    `bottom`."""
    places: list[float] = []
    ranked = sorted(ends)
    for y, _, _ in ranked:
        places.append(max(y + 4, places[-1] + 15) if places else y + 4)
    limit = bottom
    for number in range(len(places) - 1, -1, -1):
        places[number] = min(places[number], limit)
        limit = places[number] - 15
    return [text(x, place, words, f"own {css}") for place, (_, words, css) in zip(places, ranked, strict=True)]


def figure(value: float) -> str:
    """A value at an axis: "1,200", "0.5"."""
    return f"{value:,.0f}" if value >= 10 else f"{value:g}"
