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
from mldeploy.providers.local.listeners import Listeners, PortInUseError
from mldeploy.providers.local.logs import LogWriter, stamp
from mldeploy.providers.local.records import Desired, Observed, Paths
from mldeploy.providers.local.runtime import RuntimeProcess
from mldeploy.providers.local.slot import Slot
from mldeploy.state import Lock

TICK_S = 1.0
LOG_PAUSE_S = 0.025  # after a read, so that a flood of log lines is moved in large pieces
TERMINATE_GRACE_S = 3.0
DRAIN_MARGIN_S = 10.0
ALIVE_WAIT_S = 2.0
STOP_POLL_S = 0.01


class Supervisor:
    """The state of the supervisor, and one method an event."""

    def __init__(self, at: Paths, secrets: Secrets, alive: Lock) -> None:
        self.at = at
        self.is_stopping = False
        self._alive = alive
        self._secrets = dict(secrets)
        self._log = LogWriter(at.log)
        self._selector = selectors.DefaultSelector()
        self._listeners = Listeners()
        self._inbox = Inbox(at.inbox)
        self._slots: dict[str, Slot] = {}
        self._desired: Desired | None = None
        self._recorded: Observed | None = None
        self._next_look_s = 0.0
        self._paused: dict[RuntimeProcess, float] = {}
        self._identity = process.identity(os.getpid())
        self._since = stamp(time.time())

    def say(self, text: str) -> None:
        """A line of its own in the log."""
        self._log.write(f"supervisor: {text}\n".encode())

    def run(self, wake_up: int) -> None:
        """Until a signal, the end of its folder, or nothing left to do. `wake_up` is readable after each signal."""
        self._selector.register(self._inbox, selectors.EVENT_READ, self._receive)
        self._selector.register(wake_up, selectors.EVENT_READ, lambda: _empty(wake_up))
        self.say(f"started, process {os.getpid()}")
        self._tick()
        while not self.is_stopping:
            for key, _ in self._selector.select(self._pause_s()):
                handle: Callable[[], None] = key.data
                handle()
            self._tick()
        self._stop()

    # ── what the commands want ──────────────────────────────────────────────────────────────────────────────────────────

    def _receive(self) -> None:
        for secrets in self._inbox.receive():
            self._secrets.update(secrets)
            self._next_look_s = 0.0
            self._recorded = None  # whoever asks may have lost the record

    def _look(self, now_s: float) -> None:
        """Read desired.json. One that is missing or damaged leaves everything as it is."""
        self._next_look_s = now_s + TICK_S
        if not self._alive.is_current():
            self.say("its folder was removed; ending")
            self.is_stopping = True
            return
        try:
            self._desired = records.read_desired(self.at, lambda text: None) or self._desired
        except MldeployError as error:
            self.say(error.message)

    def _reconcile(self, now_s: float) -> None:
        desired = self._desired
        if desired is None:
            return
        wanted = {}
        for release, is_serve in ((desired.serve, True), (desired.candidate, False)):
            if release is not None and release.id in self._secrets:
                slot = wanted[release.id] = self._slots.setdefault(release.id, Slot(release))
                slot.is_serve = slot.is_serve or is_serve
        if desired.candidate and desired.claimant and not process.is_alive(*desired.claimant):
            self._abandon(wanted.pop(desired.candidate.id, None))
        is_replaced = desired.serve is not None and desired.serve.id in wanted and wanted[desired.serve.id].phase == "serving"
        for slot in [*self._slots.values()]:
            if slot.release.id not in wanted and (is_replaced or not slot.is_serve):
                self._retire(slot, now_s)

    def _abandon(self, slot: Slot | None) -> None:
        """The command that started this candidate is gone. Without it, and with nothing in service, there is nothing to do."""
        if slot is not None and not slot.is_retired:
            self.say(f"{slot} was left by the command that started it")
        if not any(other.is_serve for other in self._slots.values()):
            self.is_stopping = True

    def _retire(self, slot: Slot, now_s: float) -> None:
        """Let it go: a serving one drains first, and it is forgotten once its process has ended."""
        running = slot.process
        if running is None:
            del self._slots[slot.release.id]
        elif not slot.is_retired and running.phase == "serving":
            self.say(f"{slot} drains")
            running.drain(now_s + slot.release.timeout_s + DRAIN_MARGIN_S)
        elif not slot.is_retired:
            running.terminate(now_s + TERMINATE_GRACE_S)
        slot.is_retired = True

    # ── processes ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def _start(self, slot: Slot, now_s: float) -> None:
        release = slot.release
        try:
            listener = self._listeners.get(release)
            running = RuntimeProcess(release, listener, self._secrets[release.id], self.at, self._log.write)
        except (OSError, PortInUseError) as error:
            self._ended(slot, str(error), (), now_s)
            return
        slot.process, slot.port = running, running.public_port
        slot.act_by_s = now_s + release.start_timeout_s
        self._selector.register(running.control, selectors.EVENT_READ, lambda: self._hear(slot, running))
        self._watch_output(running)
        self.say(f"{slot} starts, process {running.pid}")

    def _hear(self, slot: Slot, running: RuntimeProcess) -> None:
        before = running.phase
        if not running.hear():
            self._selector.unregister(running.control)
        if running.phase != before:
            self.say(f"{slot} is ready")

    def _watch_output(self, running: RuntimeProcess) -> None:
        self._selector.register(running.output, selectors.EVENT_READ, lambda: self._move_output(running))

    def _move_output(self, running: RuntimeProcess) -> None:
        self._selector.unregister(running.output)
        if running.drain_output():
            self._paused[running] = time.monotonic() + LOG_PAUSE_S

    def _collect(self, slot: Slot, running: RuntimeProcess, status: int, now_s: float) -> None:
        """The process has ended: take its last words, then decide."""
        running.hear()
        running.drain_output()
        for item in (running.control, running.output):
            with contextlib.suppress(KeyError):
                self._selector.unregister(item)
        self._paused.pop(running, None)
        running.close()
        slot.process = None
        if slot.is_retired:
            self.say(f"{slot} has ended")
        else:
            self._ended(slot, running.reason(status), tuple(running.tail), now_s)

    def _ended(self, slot: Slot, error: str, tail: tuple[str, ...], now_s: float) -> None:
        self.say(f"{slot}: {error}")
        slot.error, slot.tail = error, tail
        if slot.is_serve:
            slot.act_by_s = slot.restarts.crashed(now_s, slot.serving_since_s)
            slot.serving_since_s = None
            self.say(f"{slot} restarts in {slot.act_by_s - now_s:.1f} s (restart {slot.restarts.total})")
        else:
            slot.has_failed = True

    # ── time ────────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _tick(self) -> None:
        now_s = time.monotonic()
        if now_s >= self._next_look_s:
            self._look(now_s)
        self._reconcile(now_s)
        for slot in self._slots.values():
            self._advance(slot, now_s)
        self._reconcile(now_s)  # what has just come into service lets the one before it go
        for running, until_s in [*self._paused.items()]:
            if now_s >= until_s:
                del self._paused[running]
                self._watch_output(running)
        self._listeners.close_except({slot.port for slot in self._slots.values()})
        self._record(now_s)

    def _advance(self, slot: Slot, now_s: float) -> None:
        running = slot.process
        if running is None:
            if not slot.is_retired and now_s >= slot.act_by_s and (slot.is_serve or not slot.has_failed):
                self._start(slot, now_s)
            return
        status = running.poll()
        if status is not None:
            self._collect(slot, running, status, now_s)
        elif running.phase == "ready" and slot.is_serve:
            running.accept()
            slot.serving_since_s = now_s
            self.say(f"{slot} serves on port {running.public_port}")
        elif running.phase == "starting" and now_s >= slot.act_by_s:
            limit_s = slot.release.start_timeout_s
            running.failure = running.failure or f"not ready within {limit_s:g} s (clouds.local.start_timeout_s)"
            running.signal(signal.SIGKILL)
        elif running.kill_at_s is not None and now_s >= running.kill_at_s:
            running.signal(signal.SIGKILL)

    def _pause_s(self) -> float:
        """Until the next thing that is due without an event; everything else waits for the next look at the record."""
        due = [self._next_look_s, *self._paused.values()]
        due += [slot.act_by_s for slot in self._slots.values() if slot.process is None and slot.is_serve]
        return max(0.0, min(due) - time.monotonic())

    def _record(self, now_s: float) -> None:
        generation = self._desired.generation if self._desired else 0
        states = tuple(slot.state(now_s) for slot in self._slots.values())
        observed = Observed(os.getpid(), self._identity, __version__, self._since, generation, states)
        if observed != self._recorded and not self.is_stopping:
            with contextlib.suppress(MldeployError):  # a full disk stops no one from being served; the next tick tries again
                records.write_observed(self.at, observed)
                self._recorded = observed

    def _stop(self) -> None:
        """Let every runtime finish what it has begun, for a moment, then end them all."""
        self.say("stops")
        running = [slot.process for slot in self._slots.values() if slot.process is not None]
        for runtime in running:
            runtime.signal(signal.SIGTERM)
        deadline_s = time.monotonic() + TERMINATE_GRACE_S
        while time.monotonic() < deadline_s and any(runtime.poll() is None for runtime in running):
            for runtime in running:
                runtime.drain_output()
            time.sleep(STOP_POLL_S)
        for runtime in running:
            runtime.signal(signal.SIGKILL)
            runtime.wait()
            runtime.drain_output()
            runtime.close()
        self._listeners.close_except(set())
        self._inbox.close()
        self._selector.close()
        self._log.close()


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
