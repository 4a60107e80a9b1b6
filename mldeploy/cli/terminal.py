"""One output stream and what it can do: colours, width, a live line. It decides nothing about content.

Results go to stdout, progress and errors to stderr; each stream is asked on its own whether it is a terminal.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import TextIO

_CODES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}


def wants_color(stream: TextIO, environ: Mapping[str, str], *, is_off: bool) -> bool:
    """Colours only on a terminal, and never with --no-color, NO_COLOR (https://no-color.org) or TERM=dumb."""
    if is_off or environ.get("NO_COLOR") or environ.get("TERM") == "dumb":
        return False
    return stream.isatty()


def printable(text: str) -> str:
    """`text` without control characters: what a server answers must not steer the reader's terminal."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


class Terminal:
    """A stream with optional colours. `is_live` says whether a line may be redrawn in place."""

    def __init__(self, stream: TextIO, *, color: bool = False, is_live: bool = False) -> None:
        self.stream = stream
        self.color = color
        self.is_live = is_live

    @classmethod
    def of(cls, stream: TextIO, *, no_color: bool) -> Terminal:
        """What `stream` turns out to be in this process."""
        is_live = stream.isatty() and os.environ.get("TERM") != "dumb"
        return cls(stream, color=wants_color(stream, os.environ, is_off=no_color), is_live=is_live)

    @property
    def width(self) -> int:
        """Columns at hand; 80 where nobody says."""
        try:
            return os.get_terminal_size(self.stream.fileno()).columns or 80
        except (OSError, ValueError):
            return 80

    def style(self, text: str, *names: str) -> str:
        """`text` in the colours `names`, or unchanged when this stream has none."""
        if not self.color or not text:
            return text
        return f"\x1b[{';'.join(_CODES[name] for name in names)}m{text}\x1b[0m"

    def line(self, text: str = "") -> None:
        """Write one line and flush it, so that a pipe's reader sees it when it happens."""
        self.stream.write(text + "\n")
        self.stream.flush()

    def live(self, text: str) -> None:
        """Redraw the current line with `text`, cut to the width. Only where `is_live`."""
        room = self.width - 1
        shown = text if len(text) <= room else text[: room - 1] + "…"
        self.stream.write("\r\x1b[2K" + shown)
        self.stream.flush()

    def clear_live(self) -> None:
        """Remove what `live` drew."""
        self.stream.write("\r\x1b[2K")
        self.stream.flush()


def prepare_streams() -> None:
    """Let no character that the locale lacks (a bar, a dot) turn a result into an error."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")
