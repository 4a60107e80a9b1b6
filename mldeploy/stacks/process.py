"""A child process that can be ended in order: its output is read as it comes, and Ctrl-C goes to it through us."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Callable
from typing import IO, Any

_LAST_WORDS_S = 5.0


class Lines(threading.Thread):
    """Reads a pipe to its end, so that the child never waits for us."""

    def __init__(self, pipe: IO[str] | None, on_line: Callable[[str], Any] | None) -> None:
        super().__init__(daemon=True)
        self._pipe, self._on_line, self._lines = pipe, on_line, list[str]()
        self.start()

    def run(self) -> None:
        for line in self._pipe or ():
            self._lines.append(line.rstrip())
            if self._on_line is not None:
                self._on_line(line.rstrip())

    def text(self) -> str:
        """All of it. Whoever inherited the pipe and lives on is not waited for."""
        self.join(_LAST_WORDS_S)
        return "\n".join(self._lines)


def wait(process: subprocess.Popen[str]) -> bool:
    """Until it has ended; whether Ctrl-C came meanwhile. The first goes on to it, the second kills it and its own."""
    interrupts = 0
    while True:
        try:
            process.wait()
            return interrupts > 0
        except KeyboardInterrupt:
            interrupts += 1
            with contextlib.suppress(ProcessLookupError):
                if interrupts == 1:
                    os.kill(process.pid, signal.SIGINT)
                else:
                    os.killpg(process.pid, signal.SIGKILL)
