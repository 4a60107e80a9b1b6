"""The moments at which a deployment can die: before and after each thing that a provider plugin does to the cloud.

    test ─act.json─▶ folder ◀─crossings─ plugin       at the chosen crossing the plugin signals the process that the test named

After "after" the cloud has the resource and the engine has not heard of it: the moment that hurts most.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

ENVIRONMENT_NAME = "MLDEPLOY_TEST_BOUNDARY"
PATIENCE_S = 30.0
QUIET_S = 0.3


@dataclass(frozen=True)
class Act:
    """Send `number` to `pid` at the `at`-th crossing (from 1, counted from when the act was set) of this phase.

    With `is_total` the engine dies in the same moment, as in a power cut; else it lives on for as long as it wants.
    """

    pid: int
    at: int
    phase: str = "after"
    number: int = signal.SIGKILL
    is_total: bool = False


@dataclass(frozen=True)
class Boundary:
    """One folder that a test and the plugins of its engine share."""

    folder: Path

    @property
    def crossings(self) -> list[tuple[str, str, str]]:
        """(phase, operation, urn) of everything so far."""
        path = self.folder / "crossings"
        lines = path.read_text().splitlines() if path.exists() else []
        return [(phase, operation, urn) for phase, operation, urn in (line.split(" ", 2) for line in lines)]

    def set(self, act: Act) -> None:
        """Count from now on, and act once."""
        (self.folder / "crossings").unlink(missing_ok=True)
        partial = self.folder / "act.partial"
        partial.write_text(json.dumps(asdict(act)))
        partial.rename(self.folder / "act.json")

    def clear(self) -> bool:
        """Forget the act; True when it had not happened."""
        path = self.folder / "act.json"
        is_left = path.exists()
        path.unlink(missing_ok=True)
        (self.folder / "crossings").unlink(missing_ok=True)
        return is_left

    def cross(self, phase: str, operation: str, urn: str) -> None:
        """Note the crossing, and act when it is the one."""
        with self._locked():
            with (self.folder / "crossings").open("a") as file:
                file.write(f"{phase} {operation} {urn}\n")
            act = self._due(phase)
            if act is None:
                return
            if act.is_total:
                # Every other call waits for this lock, so that the engine has written down what it knows: what is tested is a
                # resource that nobody recorded, not half a file.
                time.sleep(QUIET_S)
                os.kill(os.getppid(), signal.SIGKILL)
            with contextlib.suppress(ProcessLookupError):
                os.kill(act.pid, act.number)
        if act.is_total:
            time.sleep(PATIENCE_S)  # nobody hears the answer; this process ends with the engine

    def _due(self, phase: str) -> Act | None:
        path = self.folder / "act.json"
        if not path.exists():
            return None
        act = Act(**json.loads(path.read_text()))
        if phase != act.phase or sum(crossed == phase for crossed, _, _ in self.crossings) != act.at:
            return None
        path.unlink()
        return act

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        with (self.folder / "lock").open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


@contextlib.contextmanager
def crossing(operation: str, urn: str) -> Iterator[None]:
    """Around one create, update or delete of a plugin."""
    folder = os.environ.get(ENVIRONMENT_NAME)
    boundary = Boundary(Path(folder)) if folder else None
    if boundary:
        boundary.cross("before", operation, urn)
    yield
    if boundary:
        boundary.cross("after", operation, urn)
