"""Colours and type of plots and pages, light and dark. The reader's system decides, `data-theme` on the root goes before it.

Every colour of a text has a contrast of at least 4.5 to its paper.
"""

from __future__ import annotations

_LIGHT = (
    "--paper: #fff; --card: #f6f7f9; --ink: #1c2430; --soft: #5b6675; --line: #d9dee6; --s1: #2563a8; --s2: #0b7a5f; "
    "--s3: #b4560a; --s4: #a3367f; --s5: #6b5bd0; --s6: #6c7018; --s7: #b3261e; --s8: #52606d;"
)
_DARK = (
    "--paper: #12171e; --card: #1a212a; --ink: #e7ebf0; --soft: #9aa6b5; --line: #303a47; --s1: #6cb2ff; --s2: #4fd0ae; "
    "--s3: #ffab5c; --s4: #f08ccd; --s5: #b3a7ff; --s6: #d2d75c; --s7: #ff8f85; --s8: #aab6c3;"
)

COLOURS = f"""
:root {{ color-scheme: light dark; {_LIGHT} }}
@media (prefers-color-scheme: dark) {{ :root:not([data-theme=light]) {{ {_DARK} }} }}
:root[data-theme=light] {{ color-scheme: light; }} :root[data-theme=dark] {{ color-scheme: dark; {_DARK} }}
{" ".join(f".s{number} {{ --own: var(--s{number}); }}" for number in range(1, 9))}
"""

PLOT = """
svg { font: 12px system-ui, sans-serif; }
svg text { fill: var(--soft); } svg text.title { fill: var(--ink); font-size: 14px; font-weight: 600; }
svg text.value { fill: var(--ink); } svg text.own { fill: var(--own); }
svg .grid { stroke: var(--line); stroke-width: 1; } svg .bar { fill: var(--own); }
svg .curve { fill: none; stroke: var(--own); stroke-width: 2.2; stroke-linejoin: round; }
svg .paper { fill: var(--paper); }
"""

PAGE = """
body { margin: 0 auto; max-width: 46rem; padding: 2.5rem 1.25rem; background: var(--paper); color: var(--ink);
  font: 16px/1.55 system-ui, sans-serif; }
h1 { font-size: 1.5rem; line-height: 1.3; margin: 0 0 .5rem; } h2 { font-size: 1.05rem; margin: 2.2rem 0 .4rem; }
p { margin: .3rem 0; } .soft { color: var(--soft); } svg { width: 100%; height: auto; margin-top: 1rem; }
.wide { overflow-x: auto; } table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: .35rem .6rem .35rem 0; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; } th { color: var(--soft); font-weight: 500; }
td.text { text-align: left; white-space: normal; }
"""
