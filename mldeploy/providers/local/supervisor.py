"""The supervisor of one deployment: a process of its own that makes what runs match desired.json, and writes observed.json.

    python -m mldeploy.providers.local.supervisor FOLDER        (started by the driver; secrets come through stdin)

It owns the public socket, the log and the secrets; it restarts a crashed release, switches over without a refused connection
(the new release accepts before the old one drains), drops a candidate whose claimant died, and ends when its folder is removed
or nothing is left to serve. One thread; it reads desired.json when woken through its inbox and, if nobody does, every second.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from mldeploy import __version__
from mldeploy.errors import MldeployError
from mldeploy.providers.local import process, records
from mldeploy.providers.local.inbox import Inbox, Secrets, parse
from mldeploy.providers.local.listeners import Listeners
from mldeploy.providers.local.logs import LogWriter, stamp
from mldeploy.providers.local.records import Desired, Observed, Paths
from mldeploy.providers.local.slot import TERMINATE_GRACE_S, Ground, Slot
from mldeploy.state import Lock

TICK_S = 1.0
ALIVE_WAIT_S = 2.0
STOP_POLL_S = 0.01


class Supervisor:
    """Which releases there are, and which of them should serve; each one's life is its Slot's."""

    def __init__(self, at: Paths, secrets: Secrets, alive: Lock) -> None:
        self.is_stopping = False
        self._at = at
        self._alive = alive
        self._secrets = dict(secrets)
        self._ground = Ground(at, LogWriter(at.log), Listeners(), selectors.DefaultSelector())
        self._inbox = Inbox(at.inbox)
        self._slots: dict[str, Slot] = {}
        self._desired: Desired | None = None
        self._recorded: Observed | None = None
        self._complaint = ""
        self._next_look_s = 0.0
        self._identity = process.identity(os.getpid())
        self._since = stamp(time.time())

    def run(self, wake_up: int) -> None:
        """Until a signal, the end of its folder, or nothing left to do. `wake_up` is readable after each signal."""
        selector = self._ground.selector
        selector.register(self._inbox, selectors.EVENT_READ, self._receive)
        selector.register(wake_up, selectors.EVENT_READ, lambda: _empty(wake_up))
        self._ground.say(f"started, process {os.getpid()}")
        self._tick()
        while not self.is_stopping:
            due_s = min(self._next_look_s, *(slot.due_s() for slot in self._slots.values()), float("inf"))
            for key, _ in selector.select(max(0.0, due_s - time.monotonic())):
                handle: Callable[[], None] = key.data
                handle()
            self._tick()
        self._stop()

    def _receive(self) -> None:
        for secrets in self._inbox.receive():
            self._secrets.update(secrets)
            self._next_look_s = 0.0
            self._recorded = None  # whoever asks may have lost the record

    def _tick(self) -> None:
        now_s = time.monotonic()
        if now_s >= self._next_look_s:
            self._look(now_s)
        self._reconcile(now_s)
        for slot in self._slots.values():
            slot.advance(now_s)
        self._reconcile(now_s)  # what has just come into service lets the one before it go
        self._ground.listeners.close_except({slot.port for slot in self._slots.values()})
        self._record(now_s)

    def _look(self, now_s: float) -> None:
        """Read desired.json. One that is missing or damaged leaves everything as it is."""
        self._next_look_s = now_s + TICK_S
        if not self._alive.is_current():
            self._ground.say("its folder was removed; ending")
            self.is_stopping = True
            return
        try:
            self._desired = records.read_desired(self._at, lambda text: None) or self._desired
        except MldeployError as error:
            if error.message != self._complaint:
                self._complaint = error.message
                self._ground.say(error.message)

    def _reconcile(self, now_s: float) -> None:
        """Make the slots those that are wanted. What serves stays until its successor serves."""
        desired = self._desired
        if desired is None:
            return
        wanted = {}
        for release, is_serve in ((desired.serve, True), (desired.candidate, False)):
            if release is not None and release.id in self._secrets:
                if release.id not in self._slots:
                    self._slots[release.id] = Slot(release, self._secrets[release.id], self._ground)
                slot = wanted[release.id] = self._slots[release.id]
                slot.is_serve = slot.is_serve or is_serve
        if desired.candidate and desired.claimant and not process.is_alive(*desired.claimant):
            self._abandon(wanted.pop(desired.candidate.id, None))
        is_replaced = desired.serve is not None and desired.serve.id in wanted and wanted[desired.serve.id].phase == "serving"
        for slot in [*self._slots.values()]:
            if slot.release.id not in wanted and (is_replaced or not slot.is_serve):
                slot.retire(now_s)
                if slot.is_gone:
                    del self._slots[slot.release.id], self._secrets[slot.release.id]

    def _abandon(self, slot: Slot | None) -> None:
        """The command that started this candidate is gone. Without it, and with nothing in service, there is nothing to do."""
        if slot is not None and not slot.is_retired:
            self._ground.say(f"{slot} was left by the command that started it")
        if not any(other.is_serve for other in self._slots.values()):
            self.is_stopping = True

    def _record(self, now_s: float) -> None:
        generation = self._desired.generation if self._desired else 0
        states = tuple(slot.state(now_s) for slot in self._slots.values())
        observed = Observed(os.getpid(), self._identity, __version__, self._since, generation, states)
        if observed != self._recorded and not self.is_stopping:
            with contextlib.suppress(MldeployError):  # a full disk stops no one from being served; the next tick tries again
                records.write_observed(self._at, observed)
                self._recorded = observed

    def _stop(self) -> None:
        """Let every runtime finish what it has begun, for a moment, then end them all."""
        self._ground.say("stops")
        now_s = time.monotonic()
        slots = self._slots.values()
        for slot in slots:
            slot.retire(now_s)
        while time.monotonic() < now_s + TERMINATE_GRACE_S and not all(slot.is_ended() for slot in slots):
            time.sleep(STOP_POLL_S)
        for slot in slots:
            slot.kill()
        self._ground.listeners.close_except(set())
        self._ground.selector.close()
        self._ground.log.close()
        self._inbox.close()


def _empty(descriptor: int) -> None:
    with contextlib.suppress(BlockingIOError):
        os.read(descriptor, 4096)


def main(folder: str) -> int:
    """Run until done. 0, also when another supervisor already has this folder."""
    at = Paths(Path(folder))
    secrets = parse(sys.stdin.buffer.read())
    if secrets is None:  # the driver died before it had said everything
        return 0
    alive = Lock(at.alive, process.identity(os.getpid()))
    try:
        alive.acquire(ALIVE_WAIT_S)
    except MldeployError as error:
        sys.stderr.write(f"supervisor: {error.message}\n")
        return 0
    read_end, write_end = os.pipe()
    os.set_blocking(read_end, False)
    os.set_blocking(write_end, False)
    supervisor = Supervisor(at, secrets, alive)

    def stop(number: int, frame: object) -> None:
        supervisor.is_stopping = True

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    signal.set_wakeup_fd(write_end)
    supervisor.run(read_end)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
