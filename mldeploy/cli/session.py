"""One run of one command: its settings, its two streams, its reporter, and the state an interrupt would leave things in.

A command hands its result over once: as a document for `--json`, else as lines for a person. Nothing else writes to stdout.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from typing import Any

from mldeploy.cli.globals import Settings
from mldeploy.cli.steps import TerminalReporter
from mldeploy.cli.terminal import Terminal


def nothing_changed() -> str:
    return "nothing was changed"


class Session:
    """What a command works with. `after_interrupt` says, in half a sentence, how things stand after a Ctrl-C."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.out = Terminal.of(sys.stdout, no_color=settings.is_plain)
        self.err = Terminal.of(sys.stderr, no_color=settings.is_plain)
        is_quiet = settings.verbosity < 0 or (settings.is_json and settings.verbosity == 0)
        self.report = TerminalReporter(self.err, is_quiet=is_quiet, is_verbose=settings.verbosity > 0)
        self.after_interrupt: Callable[[], str] = nothing_changed

    @property
    def is_interactive(self) -> bool:
        """Whether a person can be asked: both ends are terminals, and no machine output was asked for."""
        return sys.stdin.isatty() and sys.stderr.isatty() and not self.settings.is_json

    def result(self, document: Any, lines: Iterable[str]) -> None:
        """Give the result: `document` with --json, else `lines`."""
        if self.settings.is_json:
            self.document(document)
            return
        for line in lines:
            self.out.line(line)

    def document(self, value: Any) -> None:
        """Write `value` as the one JSON document on stdout."""
        import json

        self.out.line(json.dumps(value, indent=2, ensure_ascii=False, default=str))

    def confirm(self, question: str, *, refusal: str) -> bool:
        """Ask on stderr; True with -y. Where nobody can be asked it raises UsageError with `refusal`."""
        from mldeploy.cli.exits import UsageError

        if self.settings.is_yes:
            return True
        if not self.is_interactive:
            raise UsageError(refusal, "add -y to go ahead without being asked")
        self.err.stream.write(f"{question} [y/N] ")
        self.err.stream.flush()
        return sys.stdin.readline().strip().lower() in {"y", "yes"}
