"""Cost and carbon by region, as two bars a region: the best regions of each cloud, ranked by the one or by the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from mldeploy.cost.document_shape import Document, RegionRow
from mldeploy.cost.report import wording
from mldeploy.cost.report.room import Room
from mldeploy.cost.report.wording import looks
from mldeploy.drawing import svg
from mldeploy.drawing.scale import Scale

By = Literal["cost", "carbon"]
BY: tuple[By, ...] = ("cost", "carbon")
PER_CLOUD = 8
_TOP = 48.0


def _cost(row: RegionRow) -> tuple[float, float, str]:
    unknown = float("inf")
    return (row["total_usd"] or 0.0, unknown if row["carbon_g_per_1k"] is None else row["carbon_g_per_1k"], row["region"])


def _carbon(row: RegionRow) -> tuple[float, float, str]:
    cost, carbon, region = _cost(row)
    return carbon, cost, region


def ranked(document: Document, by: By) -> list[RegionRow]:
    """The regions to draw: of each cloud the best `PER_CLOUD`; those without a known total (or carbon, where it decides) are
    left out."""
    known = [row for row in document["regions"] if row["total_usd"] is not None]
    if by == "carbon":
        known = [row for row in known if row["carbon_g_per_1k"] is not None]
    taken: dict[str, int] = {}
    found = []
    for row in sorted(known, key=_cost if by == "cost" else _carbon):
        taken[row["cloud"]] = taken.get(row["cloud"], 0) + 1
        if taken[row["cloud"]] <= PER_CLOUD:
            found.append(row)
    return found


def height(rows: Sequence[RegionRow], room: Room) -> float:
    return _TOP + len(rows) * (38 if room.is_narrow else 22) + 8


def plot(document: Document, rows: Sequence[RegionRow], room: Room, by: By) -> str:
    """The plot; `rows` are not empty."""
    names = 0.0 if room.is_narrow else 200.0
    middle = names + (room.width - names) / 2
    costs = Scale(0, max(row["total_usd"] or 0 for row in rows) or 1, names, middle - 72)
    carbons = Scale(0, max(row["carbon_g_per_1k"] or 0 for row in rows) or 1, middle + 4, room.width - 56)
    head = [
        svg.text(costs.start, _TOP - 8, "dollars a month", "value" if by == "cost" else ""),
        svg.text(carbons.start, _TOP - 8, "gCO₂e per 1,000", "value" if by == "carbon" else ""),
    ]
    look = looks(document)
    marks = [
        mark for number, row in enumerate(rows) for mark in _bars(number, row, look[row["cloud"]].css, costs, carbons, room)
    ]
    label = f"Cost a month and carbon of {len(rows)} regions, ranked by {by}; the table below has the figures"
    width = room.width
    is_cut = len(rows) < len(document["regions"])
    title = f"Regions by {by}{f', {PER_CLOUD} of each cloud' if is_cut else ''}"
    return svg.frame(title, label, head + marks, left=0, width=width, height=height(rows, room))


def _bars(number: int, row: RegionRow, css: str, costs: Scale, carbons: Scale, room: Room) -> list[str]:
    step = 38 if room.is_narrow else 22
    top = _TOP + number * step
    name = svg.text(0, top + 12, f"{row['cloud']} {row['region']}", f"own {css}")
    y = top + 17 if room.is_narrow else top + 2
    return [
        name,
        _bar(costs, row["total_usd"], y, css, wording.money(row["total_usd"])),
        _bar(carbons, row["carbon_g_per_1k"], y, f"{css} pale", wording.grams(row["carbon_g_per_1k"])),
    ]


def _bar(scale: Scale, value: float | None, y: float, css: str, words: str) -> str:
    width = scale.at(value or 0) - scale.start
    rect = f'<rect class="bar {css}" x="{scale.start:.1f}" y="{y:.1f}" width="{max(width, 1):.1f}" height="13" rx="2"/>'
    return (rect if value is not None else "") + svg.text(scale.start + width + 5, y + 11, words, "value")
