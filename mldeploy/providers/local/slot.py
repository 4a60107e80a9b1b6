"""A release in the supervisor's hands: its process (none between restarts), its crashes, and what last went wrong."""

from __future__ import annotations

import time

from mldeploy.providers.local.logs import stamp
from mldeploy.providers.local.records import Release, ReleaseState
from mldeploy.providers.local.restart import Restarts
from mldeploy.providers.local.runtime import RuntimeProcess


class Slot:
    """One release. `is_serve`: it should serve (a candidate should only be ready). `is_retired`: it is on its way out.
    `has_failed`: it ended as a candidate, and a candidate gets no second chance.
    """

    def __init__(self, release: Release) -> None:
        self.release = release
        self.process: RuntimeProcess | None = None
        self.restarts = Restarts(release.crash_loop_after)
        self.is_serve = False
        self.is_retired = False
        self.has_failed = False
        self.act_by_s = 0.0  # with a process: when it must be ready; without one: when it is started again
        self.serving_since_s: float | None = None
        self.error = ""
        self.tail: tuple[str, ...] = ()
        self.port = release.port
        self._since = stamp(time.time())

    @property
    def phase(self) -> str:
        """starting | ready | serving | draining | waiting | failed."""
        if self.process is not None:
            return self.process.phase
        return "failed" if self.has_failed else "waiting"

    def __str__(self) -> str:
        return f"release {self.release.fingerprint[:7]}"

    def state(self, now_s: float) -> ReleaseState:
        """What the observed record says about it."""
        process = self.process
        return ReleaseState(
            id=self.release.id,
            fingerprint=self.release.fingerprint,
            phase=self.phase,
            pid=process.pid if process else 0,
            started=process.started if process else "",
            port=self.port,
            private_port=process.private_port if process else 0,
            restarts=self.restarts.total,
            is_failing=self.restarts.is_failing(now_s, self.serving_since_s),
            error=self.error,
            tail=self.tail,
            since=self._since,
        )
