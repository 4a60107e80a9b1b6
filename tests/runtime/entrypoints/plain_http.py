"""Runtimes that speak HTTP, as processes, and the corpus asked of them as bytes on a connection.

start(command, environment, log) ─▶ Process(port) ─ask(case)─▶ Response
"""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from mldeploy.handlers.message import Response

START_S = 60.0


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


class Process(NamedTuple):
    """A runtime that listens on `port` of the loopback address and writes to `log`."""

    port: int
    process: subprocess.Popen[bytes]
    log: Path

    def ask(self, case: Any) -> Response:
        """The answer to a case of the corpus."""
        return self.send(case.method, case.target, case.fields, case.body)

    def send(
        self, method: str, target: str, fields: Sequence[tuple[str, str]] = (), body: bytes = b"", timeout_s: float = 30.0
    ) -> Response:
        """One request on a connection of its own, with exactly these header lines (and Host, and Content-Length for a body)."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout_s)
        try:
            connection.putrequest(method, target, skip_accept_encoding=True)
            for name, value in fields:
                connection.putheader(name, value)
            if body or method == "POST":
                connection.putheader("content-length", str(len(body)))
            connection.endheaders(body or None)
            answer = connection.getresponse()
            headers = tuple((name.lower(), value) for name, value in answer.getheaders())
            return Response(answer.status, headers, answer.read())
        finally:
            connection.close()

    def stop(self) -> None:
        """End it, by force when it does not go."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


def start(
    command: Sequence[str],
    environment: Mapping[str, str],
    log: Path,
    port: int,
    *,
    cwd: Path | None = None,
    ready: int | None = 200,
) -> Process:
    """Start a runtime that will listen on `port`; wait until its readiness probe has this status (None: until it answers)."""
    with log.open("wb") as sink:
        process = subprocess.Popen(
            list(command), stdout=sink, stderr=subprocess.STDOUT, env=os.environ | environment, cwd=cwd, start_new_session=True
        )
    running = Process(port, process, log)
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            status = running.send("GET", "/v2/health/ready").status
            if ready in (status, None):
                return running
        except (OSError, http.client.HTTPException):
            pass
        time.sleep(0.02)
    running.stop()
    raise AssertionError(f"not ready after {START_S} s, or ended ({process.returncode}):\n{log.read_text()}")
