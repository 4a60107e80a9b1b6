"""The paper that a plot has: one for wide windows, one for phones. Both are drawn, the page shows the one that fits."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from mldeploy.drawing import svg
from mldeploy.drawing.scale import Scale


@dataclass(frozen=True, slots=True)
class Room:
    """Width and height of the whole, margins around the plot itself. On a phone names go below the plot, not beside it."""

    width: float
    height: float
    left: float
    right: float
    top: float = 46
    bottom: float = 46
    is_narrow: bool = False

    @property
    def x(self) -> tuple[float, float]:
        return self.left, self.width - self.right

    @property
    def y(self) -> tuple[float, float]:
        """From the bottom up, as values rise."""
        return self.height - self.bottom, self.top

    def frame(self, title: str, label: str, marks: Sequence[str], x: Scale, y: Scale, kind: str) -> str:
        """The plot with what a script needs to know of its scales."""
        scales = {name: [of.low, of.high, of.start, of.end, of.is_log] for name, of in (("x", x), ("y", y))}
        extra = f' data-plot="{kind}" data-scales="{escape(json.dumps(scales))}"'
        return svg.frame(title, label, marks, left=0, width=self.width, height=self.height, extra=extra)


WIDE = Room(720, 380, left=58, right=178)
WIDE_PLAIN = Room(720, 360, left=58, right=24)
NARROW = Room(340, 320, left=62, right=14, is_narrow=True)
