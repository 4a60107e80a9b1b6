"""The engine's own lock on a stack: who holds it, whether they live, and how a dead one's is removed.

The engine locks a stack while it works and leaves the lock behind when it is killed. Its refusal names the holder:

    file:///…/locks/…/1f0c.json: created by ada@workstation (pid 4711) at 2026-11-21T09:30:00+01:00
"""

from __future__ import annotations

import os
import re
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from mldeploy.errors import LockedError
from mldeploy.progress import Reporter
from mldeploy.stacks.automation import EngineFailure, Stack

ORPHAN_WAIT_S = 60.0  # an engine whose mldeploy was killed finishes what is under way, then goes
POLL_S = 0.5
_OWNER = re.compile(r"created by (?P<user>[^@\s]*)@(?P<host>\S+) \(pid (?P<pid>\d+)\) at (?P<since>\S+)")

T = TypeVar("T")


@dataclass(frozen=True)
class Owner:
    """Who holds a lock, as the engine wrote it down."""

    user: str
    host: str
    pid: int
    since: str

    @property
    def is_here(self) -> bool:
        return self.host == socket.gethostname()

    @property
    def is_alive(self) -> bool:
        """Whether it may still be at work. On another machine nobody can tell from here."""
        return not self.is_here or _runs(self.pid)

    @property
    def is_orphan(self) -> bool:
        """An engine on this machine whose mldeploy is gone; it is about to end."""
        return self.is_here and _is_orphan(self.pid)

    def __str__(self) -> str:
        return f"{self.user} on {self.host} (process {self.pid}) since {self.since}"


def owner_of(text: str) -> Owner | None:
    """The holder that a refusal names; of several the first that may live."""
    found = [Owner(m["user"], m["host"], int(m["pid"]), m["since"]) for m in _OWNER.finditer(text)]
    return next((owner for owner in found if owner.is_alive), found[0] if found else None)


def cleared(stack: Stack, work: Callable[[], T], report: Reporter) -> T:
    """`work`, which takes the engine's lock; a lock whose holder is dead is removed and the work begun again.

    Raises LockedError when the holder lives, or may live on another machine."""
    deadline_s = time.monotonic() + ORPHAN_WAIT_S
    has_told = False
    while True:
        try:
            return work()
        except EngineFailure as failure:
            if not failure.is_locked:
                raise
            owner = owner_of(failure.text)
            if owner is None or (owner.is_alive and not (owner.is_orphan and time.monotonic() < deadline_s)):
                raise LockedError(
                    f"{stack.name} of {stack.project} is locked by {owner or 'another update'}",
                    "wait until that is done; if it is gone for good: mldeploy unlock --force",
                ) from failure
            if owner.is_alive:
                if not has_told:
                    report.note(f"waiting for the engine of a killed run (process {owner.pid}) to finish")
                    has_told = True
                time.sleep(POLL_S)
                continue
            report.warn(f"{stack.name}: removed the lock of {owner}, which is gone")
            stack.cancel()


def _runs(pid: int) -> bool:
    """Whether that process lives and is an engine; numbers are used again."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    state = _stat(pid)
    if state is None:
        return True  # no /proc on this system: take its word
    name, kind, _ = state
    return "pulumi" in name and kind not in ("Z", "X")


def _is_orphan(pid: int) -> bool:
    """Whether the process that started it is gone, so that the system's first process (or systemd) has it now."""
    state = _stat(pid)
    if state is None:
        return False
    parent = _stat(state[2])
    return state[2] == 1 or (parent is not None and parent[0] == "systemd")


def _stat(pid: int) -> tuple[str, str, int] | None:
    """Name, state and parent of a process, from /proc."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    name, _, rest = text.partition("(")[2].rpartition(")")
    fields = rest.split()
    return name, fields[0], int(fields[1])
