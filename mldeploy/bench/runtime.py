"""A runtime process under control: started on a bundle with a listening socket of ours, ready when it says so, then drained.

The socket listens before the runtime exists, so a caller may connect at once and waits instead of being refused. When this
process dies in any way, the control connection ends and the runtime drains by itself: nothing stays behind.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from mldeploy.errors import DeployError

BACKLOG = 1024


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 picks a free one. Raises DeployError when the port is taken or not allowed."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((host, port))
        made.listen(BACKLOG)
    except OSError as error:
        made.close()
        raise DeployError(
            f"cannot listen on {host}:{port}: {os.strerror(error.errno or 0)}",
            "choose another --port, or --port 0 for any that is free",
        ) from error
    return made


class RuntimeProcess:
    """One runtime. `output` is where its log goes (a file descriptor, or None for this terminal)."""

    def __init__(
        self, bundle: Path, environ: Mapping[str, str], *, host: str = "127.0.0.1", port: int = 0, output: int | None = None
    ) -> None:
        self._listener = listen(host, port)
        self.port: int = self._listener.getsockname()[1]
        self.url = f"http://{f'[{host}]' if ':' in host else host}:{self.port}"
        ours, theirs = socket.socketpair()
        self._control = ours
        self._received = b""
        self.spawned_s = time.perf_counter()
        command = [
            sys.executable,
            "-P",
            "-m",
            "mldeploy.handlers",
            str(bundle),
            "--listen-fd",
            str(self._listener.fileno()),
            "--control-fd",
            str(theirs.fileno()),
        ]
        try:
            self._process = subprocess.Popen(
                command,
                env=dict(environ),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=(self._listener.fileno(), theirs.fileno()),
            )
        finally:
            theirs.close()

    @property
    def pid(self) -> int:
        return self._process.pid

    def accept(self) -> None:
        """Let it take connections, as soon as it can."""
        self._control.sendall(b"accept\n")

    def wait_ready(self, timeout_s: float = 120.0) -> dict[str, Any]:
        """What it says when it is ready. Raises DeployError with its reason when it fails, ends, or is not ready in time."""
        deadline_s = time.monotonic() + timeout_s
        while True:
            line, found, rest = self._received.partition(b"\n")
            if found:
                self._received = rest
                word, _, text = line.decode("utf-8", "replace").partition(" ")
                if word == "ready":
                    value = json.loads(text) if text else {}
                    return value if isinstance(value, dict) else {}
                if word == "failed":
                    raise DeployError(f"the model did not load: {text}")
                continue
            self._control.settimeout(max(0.001, deadline_s - time.monotonic()))
            try:
                chunk = self._control.recv(4096)
            except TimeoutError:
                raise DeployError(f"the model did not load within {timeout_s:g} s") from None
            if not chunk:
                raise DeployError(f"the runtime ended with exit code {self._process.wait()} while loading the model")
            self._received += chunk

    def wait(self, timeout_s: float | None = None) -> int | None:
        """Its exit code; None when it still runs after `timeout_s`."""
        try:
            return self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return None

    def drain(self, timeout_s: float = 35.0) -> int:
        """Answer what is open and end; killed when that takes longer than `timeout_s`. Returns its exit code."""
        self._control.close()
        code = self.wait(timeout_s)
        return self.kill() if code is None else code

    def kill(self) -> int:
        self._process.kill()
        return self._process.wait()

    def close(self) -> None:
        """End it if it still runs, and give the sockets back."""
        self._control.close()
        if self._process.poll() is None and self.wait(2.0) is None:
            self.kill()
        self._listener.close()

    def __enter__(self) -> RuntimeProcess:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()
