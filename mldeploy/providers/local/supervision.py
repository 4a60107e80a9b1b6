"""The supervisor seen from a command: is it there, start it, wait for what it reports, end it and everything it started.

Whether it lives is asked of the kernel (it holds the lock `alive` as long as it does), never of a recorded pid.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from mldeploy.errors import DeployError
from mldeploy.providers.local import inbox, process, records
from mldeploy.providers.local.logs import read
from mldeploy.providers.local.records import Observed, Paths
from mldeploy.state import Lock, make_folder, state_error

POLL_S = 0.01
START_TIMEOUT_S = 15.0
END_GRACE_S = 6.0
ORPHAN_GRACE_S = 2.0
Found = TypeVar("Found")


class SupervisorEndedError(DeployError):
    """The supervisor ended while something was expected of it."""


def pid(at: Paths) -> int | None:
    """The living supervisor's process id, None when there is none."""
    alive = Lock(at.alive)
    deadline_s = time.monotonic() + 1.0
    while alive.is_held() and time.monotonic() < deadline_s:
        holder = alive.signature()
        if holder is not None and process.is_alive(*holder):
            return holder[0]
        time.sleep(POLL_S)  # one that has just taken the lock is about to sign it
    return None


def observed(at: Paths) -> Observed | None:
    """What the living supervisor reports; None when none lives or it has not reported yet."""
    supervisor = pid(at)
    report = records.read_observed(at, lambda text: None)
    return report if report is not None and report.pid == supervisor else None


def start(at: Paths, secrets: inbox.Secrets) -> None:
    """Start a supervisor in a session of its own and hand it the secrets. Raises DeployError.

    Its stdio is the log; its end of the pipe is its stdin, so that the secrets are in no argument and no file.
    """
    make_folder(at.log.parent)
    try:
        log = os.open(at.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise state_error(at.log, error) from error
    read_end, write_end = os.pipe()
    try:
        spawned = os.posix_spawn(
            sys.executable,
            [sys.executable, "-P", "-m", "mldeploy.providers.local.supervisor", str(at.folder)],
            _environment(),
            file_actions=[(os.POSIX_SPAWN_DUP2, read_end, 0), (os.POSIX_SPAWN_DUP2, log, 1), (os.POSIX_SPAWN_DUP2, log, 2)],
            setsid=True,
        )
    finally:
        os.close(read_end)
        os.close(log)
    with contextlib.suppress(BrokenPipeError), os.fdopen(write_end, "wb") as pipe:
        pipe.write(inbox.message(secrets).strip())
    report = await_report(
        at,
        lambda report: report,
        START_TIMEOUT_S,
        "the supervisor did not start",
        lives=lambda: process.is_alive(spawned, process.identity(spawned)),
    )
    if report.pid != spawned:
        # One that a killed command had started came up first; it serves as well, but does not know these secrets.
        inbox.send(at.inbox, secrets)


def _environment() -> dict[str, str]:
    """Ours; paths in it must mean the same wherever the supervisor and the runtimes work."""
    environment = dict(os.environ)
    entries = environment.get("PYTHONPATH", "").split(os.pathsep)
    return {**environment, "PYTHONPATH": os.pathsep.join(str(Path(entry).absolute()) for entry in entries if entry)}


def await_report(
    at: Paths,
    find: Callable[[Observed], Found | None],
    timeout_s: float,
    failure: str,
    *,
    lives: Callable[[], bool] | None = None,
) -> Found:
    """Wait until `find` finds something in what the supervisor reports. Raises SupervisorEndedError when it dies,
    DeployError when time is up."""
    deadline_s = time.monotonic() + timeout_s
    while True:
        report = observed(at)
        found = find(report) if report is not None else None
        if found is not None:
            return found
        is_gone = pid(at) is None if lives is None else not lives()
        if is_gone or time.monotonic() >= deadline_s:
            kind = SupervisorEndedError if is_gone else DeployError
            cause = "the supervisor has ended" if is_gone else f"waited {timeout_s:g} s"
            raise kind(f"{failure}: {cause}{tail_text(tuple(read(at.log, tail=5)))}", "run the command again")
        time.sleep(POLL_S)


def tail_text(lines: tuple[str, ...]) -> str:
    """The last log lines as they follow a message; "" when there are none."""
    return "".join(f"\n  log  {line}" for line in lines)


def end(at: Paths) -> bool:
    """End the supervisor and every runtime of this deployment, recorded or not. Returns whether anything ran."""
    report = records.read_observed(at, lambda text: None)
    supervisor = pid(at)
    if supervisor is not None:
        process.end(supervisor, process.identity(supervisor), END_GRACE_S)
    return end_orphans(at, report) or supervisor is not None


def end_orphans(at: Paths, report: Observed | None = None) -> bool:
    """End the runtimes that outlived their supervisor; they hold the port. Returns whether there was one."""
    report = report or records.read_observed(at, lambda text: None)
    recorded = [(release.pid, release.started) for release in report.releases] if report else []
    orphans = [orphan for orphan in {*recorded, *process.marked(at.folder)} if process.is_alive(*orphan)]
    for orphan in orphans:
        process.end(*orphan, ORPHAN_GRACE_S)
    return bool(orphans)
