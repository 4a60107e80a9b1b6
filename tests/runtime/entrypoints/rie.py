"""The real Lambda runtime client under AWS's real runtime interface emulator, bare: no container, no cloud.

    binary() ─▶ the emulator, from the wheel it ships in            Emulator(command, environment) ─invoke(event)─▶ Invocation

The emulator takes one request at a time and panics on concurrent ones; it starts the function with the first invocation.
"""

from __future__ import annotations

import http.client
import json
import os
import platform
import signal
import socket
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import platformdirs

# The emulator is in no index of its own; AWS's SAM CLI brings it along.
PIN = "aws-sam-cli==1.170.0 --hash=sha256:24ebaf5ecba38dc1758089968cb89ab61e124b84e92a344fc7a2771a47f4d0bf"
HANDLER = "mldeploy.providers.aws.entry.lambda_function.handler"
START_S = 20.0
_ATTEMPTS = 4


class Missing(Exception):
    """The emulator cannot be had here; the message says how to get it."""


def binary() -> Path:
    """The emulator, kept in the user's cache. Raises Missing."""
    arch = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}.get(platform.machine().lower(), "")
    name = f"aws-lambda-rie-{arch}"
    cached = platformdirs.user_cache_path("mldeploy") / "rie" / name
    if sys.platform != "linux" or not arch:
        raise Missing("AWS's runtime interface emulator runs on Linux only")
    if not cached.exists():
        _fetch(name, cached)
    return cached


def _fetch(name: str, target: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        requirement = Path(folder, "requirements.txt")
        requirement.write_text(PIN + "\n")
        command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--require-hashes", "--only-binary", ":all:"]
        done = subprocess.run(
            [*command, "-d", folder, "-r", str(requirement)], capture_output=True, text=True, timeout=300, check=False
        )
        wheels = list(Path(folder).glob("*.whl"))
        if done.returncode or not wheels:
            last = (done.stderr.strip().splitlines() or ["no output"])[-1]
            raise Missing(f"no {name}: pip download --no-deps {PIN.split()[0]} fails ({last})")
        target.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(wheels[0]) as wheel:
            data = wheel.read(f"samcli/local/rapid/{name}")
        fresh = target.with_name(f".{name}.{os.getpid()}")
        fresh.write_bytes(data)
        fresh.chmod(0o755)
        fresh.replace(target)


class Invocation(NamedTuple):
    """What an invocation came to. `document` is its JSON, or None where the answer is none."""

    status: int
    document: Any
    text: str

    @property
    def is_error(self) -> bool:
        """What the Invoke API says with X-Amz-Function-Error."""
        return isinstance(self.document, dict) and "errorType" in self.document


class Emulator:
    """One function. `invoke` is one request at a time; `log` is what it wrote."""

    def __init__(self, environment: Mapping[str, str], *, timeout_s: int = 30, command: Sequence[str] = ()) -> None:
        self._command = tuple(command) or (sys.executable, "-P", "-m", "awslambdaric", HANDLER)
        own = {
            "AWS_LAMBDA_FUNCTION_NAME": "f",
            "AWS_LAMBDA_FUNCTION_TIMEOUT": str(timeout_s),
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
        }
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "MLDEPLOY_"))}
        self._environment = {**kept, **own, **environment}
        self._log = tempfile.NamedTemporaryFile(prefix="rie-", suffix=".log")  # noqa: SIM115 - closed with the emulator
        for _ in range(_ATTEMPTS):  # somebody else may take a free port first
            self._start()
            if self._is_up():
                return
        text = self.log
        self.close()
        raise RuntimeError(f"the emulator did not start:\n{text}")

    def _start(self) -> None:
        self.port, runtime_port = _free_port(), _free_port()
        self._connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        self._process = subprocess.Popen(
            [
                str(binary()),
                *("--runtime-interface-emulator-address", f"127.0.0.1:{self.port}"),
                *("--runtime-api-address", f"127.0.0.1:{runtime_port}"),
                *self._command,
            ],
            env=self._environment,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def __enter__(self) -> Emulator:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def log(self) -> str:
        """Everything that emulator and function have written."""
        return Path(self._log.name).read_text(errors="replace")

    def invoke(self, event: Any) -> Invocation:
        """One invocation, as the Invoke API does it."""
        return self.invoke_raw(json.dumps(event).encode())

    def invoke_raw(self, payload: bytes) -> Invocation:
        """The same with a payload that is JSON already."""
        headers = {"content-type": "application/json"}
        self._connection.request("POST", "/2015-03-31/functions/function/invocations", payload, headers)
        response = self._connection.getresponse()
        text = response.read().decode()
        try:
            return Invocation(response.status, json.loads(text), text)
        except ValueError:
            return Invocation(response.status, None, text)

    def close(self) -> None:
        """End the emulator and the function."""
        self._connection.close()
        for number in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(self._process.pid, number)
            except ProcessLookupError:
                break
            try:
                self._process.wait(3)
            except subprocess.TimeoutExpired:
                continue
        self._process.wait()
        self._log.close()

    def _is_up(self) -> bool:
        """Whether it listens; False once it has ended."""
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            try:
                self._connection.connect()
            except ConnectionRefusedError:
                if self._process.poll() is not None:
                    return False
                time.sleep(0.005)
            else:
                time.sleep(0.005)
                return self._process.poll() is None
        return False


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])
