"""How the CLI reports progress (it implements `progress.Reporter`): one line a step, with a running clock on a terminal.

    bundle    9f3c1e2 · onnx · preprocessing compiled into the graph          0.4 s

A step that raises becomes `service   FAILED after 41 s`; the cause is printed by whoever catches the error.
"""

from __future__ import annotations

import threading
import time
from contextlib import AbstractContextManager
from types import TracebackType

from mldeploy.cli.layout import LABEL_WIDTH, labelled, pad, seconds, text_width
from mldeploy.cli.terminal import Terminal, printable
from mldeploy.progress import Step

LINE_WIDTH = 74
LIVE_AFTER_S = 0.5
_REDRAW_S = 0.1
INVALID = 2


class TerminalStep:
    """A step on the terminal. The clock thread only exists where a line can be redrawn."""

    def __init__(self, reporter: TerminalReporter, name: str, text: str) -> None:
        self._reporter = reporter
        self.name = name
        self._text = text
        self._started_s = 0.0
        self._ended = threading.Event()
        self._clock: threading.Thread | None = None

    def update(self, text: str) -> None:
        self._text = text

    done = update

    def line(self, text: str) -> None:
        self._reporter.write("\n".join(labelled("", text)))

    @property
    def elapsed_s(self) -> float:
        return time.monotonic() - self._started_s

    def __enter__(self) -> TerminalStep:
        self._started_s = time.monotonic()
        self._reporter.enter(self)
        if self._reporter.terminal.is_live:
            self._clock = threading.Thread(target=self._tick, daemon=True)
            self._clock.start()
        return self

    def _tick(self) -> None:
        delay = LIVE_AFTER_S
        while not self._ended.wait(delay):
            self._reporter.draw_live(f"{pad(self.name, LABEL_WIDTH)}{self._text}  {seconds(self.elapsed_s)}")
            delay = _REDRAW_S

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._ended.set()
        if self._clock is not None:
            self._clock.join()
        terminal = self._reporter.terminal
        if kind is None:
            self._reporter.write(_finished(self.name, self._text, self.elapsed_s, terminal))
            self._reporter.leave(self)
        elif getattr(kind, "exit_code", 1) == INVALID:
            self._reporter.erase()  # bad input is no failed step; its problems are printed instead
        elif issubclass(kind, KeyboardInterrupt):
            self._reporter.write(pad(self.name, LABEL_WIDTH) + f"interrupted after {seconds(self.elapsed_s)}")
        else:
            failed = terminal.style("FAILED", "red", "bold")
            self._reporter.write(pad(self.name, LABEL_WIDTH) + f"{failed} after {seconds(self.elapsed_s)}")


def _finished(name: str, text: str, elapsed_s: float, terminal: Terminal) -> str:
    head = pad(name, LABEL_WIDTH) + printable(text)
    gap = " " * max(2, LINE_WIDTH - text_width(head))
    return head + gap + terminal.style(f"{seconds(elapsed_s):>6}", "dim")


class TerminalReporter:
    """Draws on `terminal`; `is_quiet` leaves only warnings, `is_verbose` keeps the passing notes.

    A reader that went away (closed stderr) must not stop a deployment half-way: writing then becomes silent.
    """

    def __init__(self, terminal: Terminal, *, is_quiet: bool = False, is_verbose: bool = False) -> None:
        self.terminal = terminal
        self._is_quiet = is_quiet
        self._is_verbose = is_verbose
        self._steps: list[TerminalStep] = []
        self._is_drawn = False
        self._lock = threading.Lock()

    def step(self, name: str, text: str = "") -> AbstractContextManager[Step]:
        return TerminalStep(self, name, text)

    @property
    def current(self) -> str:
        """The name of the step under way, or of the one that failed last; "" when all are done."""
        return self._steps[-1].name if self._steps else ""

    def enter(self, step: TerminalStep) -> None:
        self._steps.append(step)

    def leave(self, step: TerminalStep) -> None:
        self._steps.remove(step)

    def note(self, text: str) -> None:
        """Within a step a note is what it is doing just now: it passes, unless -v keeps it. Elsewhere it is a line."""
        if self._steps:
            self._steps[-1].update(text)
        if not self._steps or self._is_verbose:
            self.write("\n".join(labelled("", text)))

    def warn(self, text: str) -> None:
        label = self.terminal.style("warning", "yellow") + " " * (LABEL_WIDTH - len("warning"))
        first, *rest = labelled("", text)
        self._put("\n".join([label + first[LABEL_WIDTH:], *rest]))

    def write(self, text: str) -> None:
        """One finished line, above whatever is drawn live. Silent with -q."""
        if not self._is_quiet:
            self._put(text)

    def draw_live(self, text: str) -> None:
        if self._is_quiet:
            return
        with self._lock:
            self._is_drawn = True
            self.terminal.live(printable(text))

    def erase(self) -> None:
        """Remove what is drawn live."""
        with self._lock:
            if self._is_drawn:
                self.terminal.clear_live()
                self._is_drawn = False

    def _put(self, text: str) -> None:
        with self._lock:
            try:
                if self._is_drawn:
                    self.terminal.clear_live()
                    self._is_drawn = False
                self.terminal.line(text)
            except BrokenPipeError:
                self._is_quiet = True
