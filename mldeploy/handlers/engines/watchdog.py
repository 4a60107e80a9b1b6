"""Stops runs whose time is up: one sleeping thread an engine, started by the first run that has a limit.

A run costs two dictionary operations. The thread sleeps until the earliest deadline it knows and is woken only by a run that
must end before that; with one and the same limit for all runs it wakes at most once per limit. It is a bare thread, because
threading.Thread.start() waits for ever when the new thread dies of too little memory before its first step.
"""

from __future__ import annotations

from _thread import allocate_lock, start_new_thread
from collections.abc import Callable
from time import monotonic
from typing import Generic, TypeVar

from mldeploy.handlers.engines import EngineError

Run = TypeVar("Run")

_NEVER = float("inf")
_LONGEST_SLEEP_S = 3600.0  # what every platform can wait in one go
_RETRY_S = 0.05


class Watchdog(Generic[Run]):
    """Calls `stop(run)` for each watched run that is still there at its deadline. `stop` must be quick and thread-safe."""

    def __init__(self, stop: Callable[[Run], object]) -> None:
        self._stop = stop
        self._lock = allocate_lock()  # guards what follows
        self._deadlines: dict[Run, float] = {}
        self._wakes_at = _NEVER
        self._is_alive = self._is_closed = False
        self._sleep = allocate_lock()  # the thread waits for it; released to wake the thread
        self._sleep.acquire()
        self._life = allocate_lock()  # held by the thread while it lives

    def watch(self, run: Run, limit_s: float) -> None:
        """Have `run` stopped in `limit_s` seconds, unless it is unwatched before. Raises EngineError: no thread for that."""
        deadline = monotonic() + limit_s
        with self._lock:
            if deadline < self._wakes_at:
                self._rouse()
            self._deadlines[run] = deadline

    def unwatch(self, run: Run) -> bool:
        """Forget `run`. True if it was stopped; after that, `stop` is no longer running for it."""
        with self._lock:
            return self._deadlines.pop(run, None) is None

    def close(self) -> None:
        """End the thread. Runs that are still watched are not stopped any more."""
        with self._lock:
            self._is_closed = True
            self._wake()
        with self._life:
            pass

    def _rouse(self) -> None:
        if self._is_alive:
            self._wake()
            return
        try:
            start_new_thread(self._watch_over, ())
        except (RuntimeError, MemoryError) as error:
            raise EngineError(f"a run with a time limit needs a thread: {error}") from error

    def _wake(self) -> None:
        if self._sleep.locked():
            self._sleep.release()

    def _watch_over(self) -> None:
        with self._lock:
            if self._is_alive or self._is_closed:  # runs that came before this thread's first step start others
                return
            self._is_alive = True
            self._life.acquire()
        try:
            while (sleep_s := self._stop_overdue()) >= 0:
                self._sleep.acquire(True, sleep_s)
        finally:  # closed, or dead of too little memory: the next run starts another
            with self._lock:
                self._is_alive, self._wakes_at = False, _NEVER
            self._life.release()

    def _stop_overdue(self) -> float:
        """How long there is nothing to do, in seconds; -1 to end."""
        with self._lock:
            if self._is_closed:
                return -1
            try:
                now = monotonic()
                for run in [run for run, deadline in self._deadlines.items() if deadline <= now]:
                    self._stop(run)
                    del self._deadlines[run]
            except MemoryError:
                return _RETRY_S
            self._wakes_at = min(self._deadlines.values(), default=_NEVER)
            return min(max(self._wakes_at - now, 0), _LONGEST_SLEEP_S)
