"""The effects: one runtime process for each deployment, and a small record of it."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mldeploy.bundle.contract import Bundle
from mldeploy.errors import DeployError
from mldeploy.plan import Plan
from mldeploy.progress import Reporter
from mldeploy.providers.contract import Endpoint, Outputs, Status
from mldeploy.smoke import run_smoke
from mldeploy.spec.loaded import LoadedSpec
from mldeploy.state import state_dir, write_atomically

READY_WITHIN_S = 60.0
VISIBILITY = "private: this machine only"


def box() -> Path:
    return state_dir() / "toy"


def known() -> list[tuple[str, str]]:
    """Every deployment: its name and stage."""
    names = [path.stem.rpartition(".") for path in sorted(box().glob("*.json"))]
    return [(name, stage) for name, _, stage in names]


class ToyDriver:
    """One deployment. The record says which process serves, from which bundle."""

    def __init__(self, name: str, stage: str) -> None:
        self.name = name
        self.stage = stage
        self.file = box() / f"{name}.{stage}.json"
        self.log = box() / f"{name}.{stage}.log"

    def up(self, plan: Plan, bundle: Bundle, loaded: LoadedSpec, report: Reporter) -> Outputs:
        old = self._record()
        wanted = json.loads(json.dumps(plan.to_dict()))
        if old is not None and old["plan"] == wanted and _is_alive(old["pid"]):
            return self._outputs(old, changed=False)
        box().mkdir(parents=True, exist_ok=True)
        with report.step("serve", "starting") as step:
            process, port = self._start(bundle, plan)
            url = f"http://127.0.0.1:{port}"
            try:
                _wait(process, port)
                step.done(url)
                run_smoke(loaded, Endpoint(url), report)
            except BaseException:
                _stop(process.pid)
                raise
        record = {"pid": process.pid, "url": url, "fingerprint": bundle.fingerprint, "plan": wanted}
        write_atomically(self.file, json.dumps(record).encode())
        if old is not None:
            _stop(old["pid"])
        return self._outputs(record, changed=True)

    def _start(self, bundle: Bundle, plan: Plan) -> tuple[subprocess.Popen[bytes], int]:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        command = [sys.executable, "-m", "mldeploy.handlers", str(bundle.root), "--port", str(port)]
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                command,
                env={**os.environ, **plan.environment},
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        return process, port

    def status(self) -> Status:
        record = self._record()
        if record is None:
            return Status("toy", self.name, self.stage, "absent")
        state = "serving" if _is_alive(record["pid"]) else "stopped"
        return Status("toy", self.name, self.stage, state, f"pid {record['pid']}", record["fingerprint"], record["url"])

    def outputs(self) -> Outputs | None:
        record = self._record()
        return self._outputs(record, changed=False) if record else None

    def endpoint(self) -> Endpoint | None:
        record = self._record()
        return Endpoint(record["url"], visibility=VISIBILITY) if record else None

    def logs(self, *, follow: bool, since_s: float | None, tail: int | None) -> Iterator[str]:
        lines = self.log.read_text().splitlines() if self.log.is_file() else []
        yield from lines if tail is None else lines[len(lines) - min(tail, len(lines)) :]

    def destroy(self, report: Reporter) -> bool:
        record = self._record()
        if record is not None:
            _stop(record["pid"])
        for path in (self.file, self.log):
            path.unlink(missing_ok=True)
        return record is not None

    def _record(self) -> dict[str, Any] | None:
        return json.loads(self.file.read_text()) if self.file.is_file() else None

    def _outputs(self, record: dict[str, Any], *, changed: bool) -> Outputs:
        values = {"pid": record["pid"], "log": str(self.log)}
        return Outputs("toy", self.name, self.stage, record["fingerprint"], record["url"], VISIBILITY, changed, values)


def _is_alive(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def _wait(process: subprocess.Popen[bytes], port: int) -> None:
    """Until the runtime is ready. Raises DeployError when it ends or takes too long."""
    deadline = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise DeployError(f"the runtime ended with exit code {process.returncode}", "mldeploy logs --cloud toy")
        with contextlib.suppress(OSError, http.client.HTTPException):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            try:
                connection.request("GET", "/v2/health/ready")
                if connection.getresponse().status == 200:
                    return
            finally:
                connection.close()
        time.sleep(0.02)
    raise DeployError(f"the runtime was not ready within {READY_WITHIN_S:g} s", "mldeploy logs --cloud toy")


def _stop(pid: int) -> None:
    """Ask the process to drain, and wait for its end; one that stays is killed."""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, sign)
        for _ in range(500):
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
            if not _is_alive(pid):
                return
            time.sleep(0.02)
