"""One release in the supervisor's hands, from its first start to its end: its process (none between restarts) and its crashes.

starting ─▶ ready ─▶ serving ─▶ draining ─▶ (gone)          a release that should serve waits and starts again when it ends;
    └──────────┴────────┴─▶ waiting | failed                a candidate that ends has failed
"""

from __future__ import annotations

import contextlib
import selectors
import signal
import time
from collections.abc import Mapping
from typing import NamedTuple

from mldeploy.providers.local.listeners import Listeners, PortInUseError
from mldeploy.providers.local.logs import LogWriter, stamp
from mldeploy.providers.local.records import Paths, Release, ReleaseState
from mldeploy.providers.local.restart import Restarts
from mldeploy.providers.local.runtime import RuntimeProcess

LOG_PAUSE_S = 0.025  # after a read, so that a flood of log lines is moved in large pieces
TERMINATE_GRACE_S = 3.0
DRAIN_MARGIN_S = 10.0


class Ground(NamedTuple):
    """What all releases of a deployment share."""

    at: Paths
    log: LogWriter
    listeners: Listeners
    selector: selectors.BaseSelector

    def say(self, text: str) -> None:
        """A line of the supervisor's own in the log."""
        self.log.write(f"supervisor: {text}\n".encode())


class Slot:
    """`is_serve`: it should serve (a candidate should only be ready). `is_retired`: it is on its way out."""

    def __init__(self, release: Release, secrets: Mapping[str, str], ground: Ground) -> None:
        self.release = release
        self.is_serve = False
        self.is_retired = False
        self.port = release.port
        self._secrets = secrets
        self._ground = ground
        self._running: RuntimeProcess | None = None
        self._restarts = Restarts(release.crash_loop_after)
        self._has_failed = False
        self._act_by_s = 0.0  # with a process: when it must be ready; without one: when it is started again
        self._listen_again_s: float | None = None  # when to read more of its output
        self._serving_since_s: float | None = None
        self._error = ""
        self._tail: tuple[str, ...] = ()
        self._since = stamp(time.time())

    def __str__(self) -> str:
        return f"release {self.release.fingerprint[:7]}"

    @property
    def phase(self) -> str:
        """starting | ready | serving | draining | waiting | failed."""
        if self._running is not None:
            return self._running.phase
        return "failed" if self._has_failed else "waiting"

    @property
    def is_gone(self) -> bool:
        """Whether it was retired and its process has ended."""
        return self.is_retired and self._running is None

    def due_s(self) -> float:
        """When `advance` has something to do without an event; infinity when only an event matters."""
        if self._listen_again_s is not None:
            return self._listen_again_s
        return self._act_by_s if self._running is None and self.is_serve else float("inf")

    def state(self, now_s: float) -> ReleaseState:
        """What the observed record says about it."""
        running = self._running
        return ReleaseState(
            id=self.release.id,
            fingerprint=self.release.fingerprint,
            phase=self.phase,
            pid=running.pid if running else 0,
            started=running.started if running else "",
            port=self.port,
            private_port=running.private_port if running else 0,
            restarts=self._restarts.total,
            is_failing=self._restarts.is_failing(now_s, self._serving_since_s),
            error=self._error,
            tail=self._tail,
            since=self._since,
        )

    # ── its way ─────────────────────────────────────────────────────────────────────────────────────────────────────────

    def advance(self, now_s: float) -> None:
        """Do what is due: start, collect what has ended, put into service, enforce the deadlines."""
        running = self._running
        if running is None:
            if not self.is_retired and now_s >= self._act_by_s and (self.is_serve or not self._has_failed):
                self._start(now_s)
            return
        if self._listen_again_s is not None and now_s >= self._listen_again_s:
            self._watch_output(running)
        status = running.poll()
        if status is not None:
            self._collect(running, status, now_s)
        elif running.phase == "ready" and self.is_serve:
            running.accept()
            self._serving_since_s = now_s
            self._ground.say(f"{self} serves on port {running.public_port}")
        elif running.phase == "starting" and now_s >= self._act_by_s:
            limit_s = self.release.start_timeout_s
            running.failure = running.failure or f"not ready within {limit_s:g} s (clouds.local.start_timeout_s)"
            running.signal(signal.SIGKILL)
        elif running.kill_at_s is not None and now_s >= running.kill_at_s:
            running.signal(signal.SIGKILL)

    def retire(self, now_s: float) -> None:
        """Let it go: a serving one drains first. It is gone when its process has ended."""
        if self.is_retired:
            return
        self.is_retired = True
        if self.phase == "serving" and self._running is not None:
            self._ground.say(f"{self} drains")
            self._running.drain(now_s + self.release.timeout_s + DRAIN_MARGIN_S)
        elif self._running is not None:
            self._running.terminate(now_s + TERMINATE_GRACE_S)

    def _start(self, now_s: float) -> None:
        try:
            listener = self._ground.listeners.get(self.release)
            running = RuntimeProcess(self.release, listener, self._secrets, self._ground.at, self._ground.log.write)
        except (OSError, PortInUseError) as error:
            self._ended(str(error), (), now_s)
            return
        self._running, self.port = running, running.public_port
        self._act_by_s = now_s + self.release.start_timeout_s
        self._ground.selector.register(running.control, selectors.EVENT_READ, lambda: self._hear(running))
        self._watch_output(running)
        self._ground.say(f"{self} starts, process {running.pid}")

    def _hear(self, running: RuntimeProcess) -> None:
        before = running.phase
        if not running.hear():
            self._ground.selector.unregister(running.control)
        if running.phase != before:
            self._ground.say(f"{self} is ready")

    def _watch_output(self, running: RuntimeProcess) -> None:
        self._listen_again_s = None
        self._ground.selector.register(running.output, selectors.EVENT_READ, lambda: self._move_output(running))

    def _move_output(self, running: RuntimeProcess) -> None:
        self._ground.selector.unregister(running.output)
        if running.drain_output():
            self._listen_again_s = time.monotonic() + LOG_PAUSE_S

    def _collect(self, running: RuntimeProcess, status: int, now_s: float) -> None:
        """The process has ended: take its last words, then decide."""
        running.hear()
        running.drain_output()
        for item in (running.control, running.output):
            with contextlib.suppress(KeyError):
                self._ground.selector.unregister(item)
        running.close()
        self._running = self._listen_again_s = None
        if self.is_retired:
            self._ground.say(f"{self} has ended")
        else:
            self._ended(running.reason(status), tuple(running.tail), now_s)

    def _ended(self, error: str, tail: tuple[str, ...], now_s: float) -> None:
        self._ground.say(f"{self}: {error}")
        self._error, self._tail = error, tail
        if self.is_serve:
            self._act_by_s = self._restarts.crashed(now_s, self._serving_since_s)
            self._serving_since_s = None
            self._ground.say(f"{self} restarts in {self._act_by_s - now_s:.1f} s (restart {self._restarts.total})")
        else:
            self._has_failed = True

    # ── the end of all ──────────────────────────────────────────────────────────────────────────────────────────────────

    def is_ended(self) -> bool:
        """Whether its process has ended; what it still prints goes to the log meanwhile."""
        if self._running is not None:
            self._running.drain_output()
        return self._running is None or self._running.poll() is not None

    def kill(self) -> None:
        """End its process now, if it has not ended."""
        if self._running is not None:
            self._running.signal(signal.SIGKILL)
            self._running.wait()
            self._running.drain_output()
            self._running.close()
            self._running = None
