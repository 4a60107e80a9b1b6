"""Progress: one line a step, a clock on a terminal, silence where asked."""

from __future__ import annotations

import io
import re
import time

import pytest

from mldeploy.cli.steps import TerminalReporter
from mldeploy.cli.terminal import Terminal
from mldeploy.errors import DeployError, SpecError


def reporter(*, is_live: bool = False, is_quiet: bool = False) -> tuple[TerminalReporter, io.StringIO]:
    stream = io.StringIO()
    return TerminalReporter(Terminal(stream, is_live=is_live), is_quiet=is_quiet), stream


def test_a_step_is_one_line_with_its_time() -> None:
    report, stream = reporter()
    with report.step("bundle", "packing") as step:
        step.update("converting")
        step.done("9f3c1e2 · onnx")
    assert stream.getvalue() == "bundle    9f3c1e2 · onnx" + " " * 50 + " 0.0 s\n"
    assert report.current == ""


def test_a_long_text_keeps_a_gap_before_the_time() -> None:
    report, stream = reporter()
    with report.step("bundle", "x" * 90):
        pass
    assert stream.getvalue() == "bundle    " + "x" * 90 + "   0.0 s\n"


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (DeployError("no"), "serve     FAILED after 0.0 s\n"),
        (KeyboardInterrupt(), "serve     interrupted after 0.0 s\n"),
        (SpecError("no"), ""),
    ],
)
def test_a_step_that_raises(error: BaseException, line: str) -> None:
    report, stream = reporter()
    with pytest.raises(type(error)), report.step("serve"):
        raise error
    assert stream.getvalue() == line
    assert report.current == "serve"


def test_notes_and_warnings_are_indented_as_the_steps_are() -> None:
    report, stream = reporter()
    report.note("kept\nas it is")
    report.warn("constant output\nuse real rows")
    assert stream.getvalue() == "          kept\n          as it is\nwarning   constant output\n          use real rows\n"


@pytest.mark.parametrize("is_verbose", [False, True])
def test_a_note_within_a_step_passes_unless_verbose(is_verbose: bool) -> None:
    stream = io.StringIO()
    report = TerminalReporter(Terminal(stream), is_verbose=is_verbose)
    with report.step("bundle", "packing") as step:
        report.note("converting to ONNX")
        step.done("packed")
    assert ("converting to ONNX\n" in stream.getvalue()) is is_verbose


def test_quiet_still_warns() -> None:
    report, stream = reporter(is_quiet=True)
    with report.step("bundle"):
        report.note("nothing")
        report.draw_live("nothing")
        report.warn("something")
    assert stream.getvalue() == "warning   something\n"


def test_the_clock_runs_on_a_terminal_and_leaves_one_line() -> None:
    report, stream = reporter(is_live=True)
    with report.step("bundle", "packing") as step:
        time.sleep(0.75)
        report.warn("slow")
        step.done("packed")
    text = stream.getvalue()
    assert re.search(r"\r\x1b\[2Kbundle    packing  0\.\d s", text)
    assert "\r\x1b[2Kwarning   slow\n" in text
    last = text.rpartition("\x1b[2K")[2] if not text.endswith("\x1b[2K") else ""
    assert "bundle    packed" in text
    assert text.count("\n") == 2
    assert last.endswith(" s\n")


def test_bad_input_removes_the_running_clock() -> None:
    report, stream = reporter(is_live=True)

    def read() -> None:
        with report.step("spec", "reading"):
            time.sleep(0.6)
            raise SpecError("bad")

    with pytest.raises(SpecError):
        read()
    assert stream.getvalue().endswith("\r\x1b[2K")


def test_a_reader_that_went_away_does_not_stop_the_work() -> None:
    class Closed(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    report = TerminalReporter(Terminal(Closed()))
    with report.step("bundle"):
        report.warn("unheard")
    report.note("unheard")


def test_what_is_finished_within_a_step_stays_above_it() -> None:
    report, stream = reporter()
    with report.step("service", "looking") as step:
        step.line("created function digits-dev  3.2 s")
        step.done("1 created")
    assert stream.getvalue().splitlines()[0] == "          created function digits-dev  3.2 s"
    assert stream.getvalue().splitlines()[1].startswith("service   1 created")
