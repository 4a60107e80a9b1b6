"""How values are laid out as text: durations, sizes, bars, tables, labelled lines. Pure functions from values to strings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

LABEL_WIDTH = 10
_EIGHTHS = " ▏▎▍▌▋▊▉"


def seconds(value: float) -> str:
    """0.1 s · 12 s · 2 min 5 s."""
    if value < 9.95:
        return f"{value:.1f} s"
    whole = round(value)
    return f"{whole} s" if whole < 60 else f"{whole // 60} min {whole % 60} s"


def milliseconds(value: float) -> str:
    """0.07 · 0.8 · 12: two figures that matter, no unit."""
    if value < 0.1:
        return f"{value:.2f}"
    return f"{value:.1f}" if value < 9.95 else f"{value:.0f}"


def size(count: float) -> str:
    """Bytes for people: 310 B · 4 kB · 9.5 MB."""
    if count < 1000:
        return f"{count:.0f} B"
    for unit in ("kB", "MB"):
        count /= 1000
        if count < 999.5:
            return f"{count:.1f} {unit}" if count < 9.95 and unit != "kB" else f"{count:.0f} {unit}"
    return f"{count / 1000:.1f} GB"


def count(number: int, noun: str) -> str:
    """1 problem · 3 problems."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def bar(share: float, width: int = 30) -> str:
    """A bar of `share` (0..1, clipped) of `width` columns, drawn in eighths of a column."""
    eighths = round(min(max(share, 0.0), 1.0) * width * 8)
    return "█" * (eighths // 8) + _EIGHTHS[eighths % 8].strip()


def text_width(text: str) -> int:
    """Columns that `text` takes: two for wide characters, none for combining ones."""
    if text.isascii():
        return len(text)
    import unicodedata

    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def pad(text: str, width: int, *, right: bool = False) -> str:
    """`text` filled with spaces to `width` columns (on the left side when `right`-aligned)."""
    fill = " " * max(0, width - text_width(text))
    return fill + text if right else text + fill


def table(rows: Iterable[Sequence[str]], *, right: Sequence[int] = (), gap: int = 2) -> list[str]:
    """Rows of cells as aligned lines. Columns in `right` are right-aligned; nothing is cut."""
    cells = [list(row) for row in rows]
    if not cells:
        return []
    widths = [max(text_width(row[i]) for row in cells) for i in range(len(cells[0]))]
    space = " " * gap
    return [space.join(pad(cell, widths[i], right=i in right) for i, cell in enumerate(row)).rstrip() for row in cells]


def wrapped_table(rows: Iterable[Sequence[str]], width: int) -> list[str]:
    """As `table`, with the last column broken between words where a line would be wider than `width`."""
    import textwrap

    cells = [list(row) for row in rows]
    heads = table([[*row[:-1], "|"] for row in cells])
    lines = []
    for head, row in zip(heads, cells, strict=True):
        indent = len(head) - 1
        first, *rest = textwrap.wrap(row[-1], max(20, width - indent), break_long_words=False) or [""]
        lines += [head[:-1] + first, *(" " * indent + line for line in rest)]
    return lines


def labelled(label: str, text: str, width: int = LABEL_WIDTH) -> list[str]:
    """`label     text`, with further lines of `text` under its first."""
    first, *rest = text.split("\n")
    return [pad(label, width) + first, *(" " * width + line for line in rest)]
