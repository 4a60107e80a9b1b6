"""What a stream can do, and what a server's text may do to it."""

from __future__ import annotations

import io
import os
import pty
import sys

import pytest

from mldeploy.cli import terminal
from mldeploy.cli.terminal import Terminal, printable, wants_color


class Tty(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("environ", "is_off", "expected"),
    [
        ({}, False, True),
        ({"NO_COLOR": "1"}, False, False),
        ({"NO_COLOR": ""}, False, True),
        ({"TERM": "dumb"}, False, False),
        ({}, True, False),
    ],
)
def test_colours_only_where_wanted(environ: dict[str, str], is_off: bool, expected: bool) -> None:
    assert wants_color(Tty(), environ, is_off=is_off) is expected
    assert wants_color(io.StringIO(), environ, is_off=is_off) is False


def test_style() -> None:
    assert Terminal(io.StringIO()).style("x", "red") == "x"
    assert Terminal(io.StringIO(), color=True).style("x", "red", "bold") == "\x1b[31;1mx\x1b[0m"
    assert Terminal(io.StringIO(), color=True).style("", "red") == ""


def test_answers_cannot_steer_the_terminal() -> None:
    assert printable("tiger \x1b[2Jcat\r\n") == "tiger �[2Jcat��"


def test_live_line_is_cut_to_the_width(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Tty()
    term = Terminal(stream, is_live=True)
    term.live("x" * 100)
    assert stream.getvalue() == "\r\x1b[2K" + "x" * 78 + "…"
    term.clear_live()
    assert stream.getvalue().endswith("\r\x1b[2K")


def test_width_of_a_real_terminal_and_of_none() -> None:
    ours, theirs = pty.openpty()
    try:
        with os.fdopen(os.dup(theirs), "w") as stream:
            assert Terminal.of(stream, no_color=False).is_live
            assert Terminal(stream).width > 0
    finally:
        os.close(ours)
        os.close(theirs)
    assert Terminal(io.StringIO()).width == 80


def test_streams_replace_what_the_locale_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    terminal.prepare_streams()
    sys.stdout.write("█")
    sys.stdout.flush()
    assert raw.getvalue() == b"?"
