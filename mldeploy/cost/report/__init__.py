"""The comparison to look at: one self-contained page, or its plots alone as one SVG.

    Document ─┬─ cost_plot, latency_plot, region_plot ─┬─▶ svg(document)
              └─ tables, page.css, page.js ────────────┴─▶ html(document)

The page is whole without scripts; `page.js` adds the readouts, the sorting and the switch of colours to what is there. Both
functions are pure: the same document makes the same bytes.
"""

from __future__ import annotations

from mldeploy.cost.report.page import html
from mldeploy.cost.report.plots import svg

__all__ = ["html", "svg"]
