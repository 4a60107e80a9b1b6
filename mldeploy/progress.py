"""How long work reports what it is doing, without knowing who listens.

The conductor and the providers call a `Reporter`; the CLI supplies one that draws on a terminal, prints plain lines, or stays
silent for `--json`. A step that raises is reported as failed by the reporter's own context manager.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol


class Step(Protocol):
    """A step under way. `update` replaces the passing text; `done` sets the text that stays; `line` is a part of it that is
    finished already, kept as a line of its own."""

    def update(self, text: str) -> None: ...

    def line(self, text: str) -> None: ...

    def done(self, text: str) -> None: ...


class Reporter(Protocol):
    """Receives steps ("bundle", "serve", "smoke") and notes, in order."""

    def step(self, name: str, text: str = "") -> AbstractContextManager[Step]: ...

    def note(self, text: str) -> None: ...

    def warn(self, text: str) -> None: ...


class _SilentStep:
    def update(self, text: str) -> None:
        return None

    def line(self, text: str) -> None:
        return None

    def done(self, text: str) -> None:
        return None

    def __enter__(self) -> _SilentStep:
        return self

    def __exit__(self, *exc: object) -> None:
        return None


class SilentReporter:
    """Says nothing; for tests and for callers that only want the result."""

    def step(self, name: str, text: str = "") -> AbstractContextManager[Step]:
        return _SilentStep()

    def note(self, text: str) -> None:
        return None

    def warn(self, text: str) -> None:
        return None
