"""Stops runs whose time is up: one sleeping thread an engine, started by the first run that has a limit.

A run costs two dictionary operations. The thread sleeps until the earliest deadline it knows and is woken only by a run that
must end before that; with one and the same limit for all runs it wakes at most once per limit.
"""

from __future__ import annotations

from _thread import allocate_lock
from collections.abc import Callable
from time import monotonic
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    import threading

Run = TypeVar("Run")

_NEVER = float("inf")
_LONGEST_SLEEP_S = 3600.0  # what every platform can wait in one go


class Watchdog(Generic[Run]):
    """Calls `stop(run)` once for each watched run that is still there at its deadline. `stop` must be quick and thread-safe."""

    def __init__(self, stop: Callable[[Run], object]) -> None:
        self._stop = stop
        self._lock = allocate_lock()
        self._deadlines: dict[Run, float] = {}
        self._wakes_at = _NEVER
        self._closed = False
        self._changed: threading.Condition | None = None
        self._thread: threading.Thread | None = None

    def watch(self, run: Run, limit_s: float) -> None:
        """Have `run` stopped `limit_s` seconds from now, unless it is unwatched before."""
        deadline = monotonic() + limit_s
        with self._lock:
            self._deadlines[run] = deadline
            if deadline < self._wakes_at:
                self._wakes_at = deadline
                self._rouse()

    def unwatch(self, run: Run) -> bool:
        """Forget `run`. True if it was stopped; after that, `stop` is no longer running for it."""
        with self._lock:
            return self._deadlines.pop(run, None) is None

    def close(self) -> None:
        """End the thread. Runs that are still watched are not stopped any more."""
        with self._lock:
            self._closed = True
            if self._changed:
                self._changed.notify()
        if self._thread:
            self._thread.join()

    def _rouse(self) -> None:
        if self._changed:
            self._changed.notify()
            return
        import threading  # not before it is needed: a cold start does without

        self._changed = threading.Condition(self._lock)
        self._thread = threading.Thread(target=self._watch_over, args=(self._changed,), name="mldeploy-watchdog", daemon=True)
        self._thread.start()

    def _watch_over(self, changed: threading.Condition) -> None:
        with changed:
            while not self._closed:
                now = monotonic()
                for run in [run for run, deadline in self._deadlines.items() if deadline <= now]:
                    del self._deadlines[run]
                    self._stop(run)
                self._wakes_at = min(self._deadlines.values(), default=_NEVER)
                changed.wait(None if self._wakes_at == _NEVER else min(self._wakes_at - now, _LONGEST_SLEEP_S))
