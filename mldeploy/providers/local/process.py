"""Operating-system processes by identity: a pid alone is reused, a pid with its start time is not.

An identity is text: on Linux the boot id and the start time in ticks, elsewhere what `ps` prints as the start time. Nothing
here raises for a process that is gone.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

IS_LINUX = sys.platform == "linux"
# Marks every runtime with the folder of its deployment, so that one whose supervisor died unrecorded is still found.
FOLDER_VARIABLE = "MLDEPLOY_LOCAL_FOLDER"
_POLL_S = 0.01


def identity(pid: int) -> str:
    """When this process started, as text to compare; "" when there is no such process (or only its zombie)."""
    if IS_LINUX:
        return _identity_from_proc(pid)
    return _identity_from_ps(pid)


def _identity_from_proc(pid: int) -> str:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""
    # The command name may hold spaces and brackets; after its last bracket the state is the first field, the start the 20th.
    fields = stat.rpartition(")")[2].split()
    return "" if fields[0] in "ZX" else f"{boot}/{fields[19]}"


def _identity_from_ps(pid: int) -> str:
    done = subprocess.run(["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    state, _, started = done.stdout.strip().partition(" ")
    return "" if state.startswith("Z") else started.strip()


def is_alive(pid: int, started: str) -> bool:
    """Whether the very process that had this identity still runs."""
    _reap(pid)
    return pid > 0 and started != "" and identity(pid) == started


def _reap(pid: int) -> None:
    """Collect the process if it is a dead child of ours; a stranger is left alone."""
    if pid > 0:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)


def send(pid: int, started: str, number: int) -> None:
    """Send a signal to that very process, silently if it is gone."""
    if is_alive(pid, started):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def wait_gone(pid: int, started: str, timeout_s: float) -> bool:
    """Wait for the process to end. Returns whether it did."""
    deadline_s = time.monotonic() + timeout_s
    while is_alive(pid, started):
        if time.monotonic() >= deadline_s:
            return False
        time.sleep(_POLL_S)
    return True


def end(pid: int, started: str, grace_s: float) -> None:
    """SIGTERM, a grace, then SIGKILL; returns when the process is gone."""
    send(pid, started, signal.SIGTERM)
    if not wait_gone(pid, started, grace_s):
        send(pid, started, signal.SIGKILL)
        wait_gone(pid, started, 5.0)


def marked(folder: Path) -> list[tuple[int, str]]:
    """Every runtime of the deployment in `folder` by its environment: (pid, identity). Linux only; empty elsewhere."""
    mark = f"{FOLDER_VARIABLE}={folder}".encode()
    found = []
    for entry in Path("/proc").glob("[0-9]*") if IS_LINUX else ():
        with contextlib.suppress(OSError):
            if mark in (entry / "environ").read_bytes().split(b"\0"):
                found.append((int(entry.name), identity(int(entry.name))))
    return found
