"""The traffic of a week, hour by hour, as one curve of steps."""

from __future__ import annotations

from collections.abc import Sequence

from mldeploy.cost.report import wording
from mldeploy.cost.report.room import Room
from mldeploy.drawing import svg
from mldeploy.drawing.scale import Scale, linear_ticks

HEIGHT = 190.0
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def plot(hourly_per_s: Sequence[float], room: Room) -> str:
    """`hourly_per_s`: requests a second in each hour of the week, Monday 00:00 first."""
    top, bottom = room.top - 10, HEIGHT - 26
    scale = linear_ticks(max(hourly_per_s), parts=3)
    x, y = Scale(0, len(hourly_per_s), *room.x), Scale(0, scale[-1], bottom, top)
    marks = [svg.row(*room.x, y.at(value), wording.compact(value)) for value in scale]
    marks += [svg.text(x.at(24 * day + 12), bottom + 18, name, anchor="middle") for day, name in enumerate(_DAYS)]
    steps = [(x.at(hour + end), y.at(value)) for hour, value in enumerate(hourly_per_s) for end in (0, 1)]
    marks.append(svg.curve(steps, "s1"))
    label = f"Requests a second in each hour of a week, at most {wording.compact(max(hourly_per_s))}"
    return svg.frame("Requests a second, by hour", label, marks, left=0, width=room.width, height=HEIGHT)
