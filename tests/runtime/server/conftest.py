"""Server processes as a supervisor starts them: inherited sockets, a control line, settings, and never left behind."""

from __future__ import annotations

import os
import resource
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest


class Process:
    """A running `python -m mldeploy.handlers`. `port` is its public one; `control` the supervisor's end of the line."""

    def __init__(self, popen: subprocess.Popen[bytes], port: int, control: socket.socket | None, log: Path) -> None:
        self.popen = popen
        self.port = port
        self._control = control
        self._log = log

    @property
    def control(self) -> socket.socket:
        assert self._control
        return self._control

    def control_line(self) -> bytes:
        self.control.settimeout(20)
        line = b""
        while not line.endswith(b"\n"):
            byte = self.control.recv(1)
            assert byte, f"the control line ended after {line!r}:\n{self.output()}"
            line += byte
        return line

    def raw(self, method: str, path: str, body: bytes = b"") -> bytes:
        """The whole answer to one request on a connection of its own."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as sock:
            sock.sendall(
                b"%s %s HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Type: application/json\r\n"
                b"Content-Length: %d\r\n\r\n%s" % (method.encode(), path.encode(), len(body), body)
            )
            data = b""
            while part := sock.recv(65536):
                data += part
        return data

    def call(self, method: str, path: str, body: bytes = b"") -> bytes:
        """The body of an answer that must be 200."""
        answer = self.raw(method, path, body)
        assert answer.startswith(b"HTTP/1.1 200"), answer
        return answer.partition(b"\r\n\r\n")[2]

    def output(self) -> str:
        return self._log.read_text()

    def cpu_seconds(self) -> float:
        fields = Path(f"/proc/{self.popen.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def end(self) -> None:
        if self.popen.poll() is None:
            self.popen.terminate()
            try:
                self.popen.wait(10)
            except subprocess.TimeoutExpired:
                self.popen.kill()
                self.popen.wait()
        if self._control:
            self._control.close()


@pytest.fixture
def spawn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Process]]:
    """Start a process on a bundle; without `is_controlled`, wait until it is ready. Keywords in capitals are settings."""
    started: list[Process] = []
    root = tmp_path_factory.mktemp("logs")

    def start(
        bundle: Path,
        *,
        public: socket.socket | None = None,
        private: socket.socket | None = None,
        is_controlled: bool = False,
        is_waited_for: bool = True,
        is_output_closed: bool = False,
        descriptors: int = 0,
        **settings: str,
    ) -> Process:
        own = public or socket.create_server(("127.0.0.1", 0), backlog=256)
        fds = {"--listen-fd": own.fileno()} | ({"--private-fd": private.fileno()} if private else {})
        ours, theirs = socket.socketpair() if is_controlled else (None, None)
        if theirs:
            fds["--control-fd"] = theirs.fileno()
        log = root / f"{len(started)}.log"
        words = [word for flag, fd in fds.items() for word in (flag, str(fd))]
        limit = (lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors))) if descriptors else None
        with log.open("wb") as sink:
            popen = subprocess.Popen(
                [sys.executable, "-m", "mldeploy.handlers", str(bundle), *words],
                pass_fds=tuple(fds.values()),
                stdout=subprocess.PIPE if is_output_closed else sink,
                stderr=sink,
                preexec_fn=limit,
                env=os.environ | settings,
            )
        if popen.stdout:
            popen.stdout.close()
        process = Process(popen, own.getsockname()[1], ours, log)
        started.append(process)
        if theirs:
            theirs.close()
        if not public:
            own.close()
        deadline = time.monotonic() + 30
        while is_waited_for and not is_controlled and not process.raw("GET", "/v2/health/ready").startswith(b"HTTP/1.1 200"):
            assert popen.poll() is None, process.output()
            assert time.monotonic() < deadline, process.output()
            time.sleep(0.02)
        return process

    yield start
    for process in started:
        process.end()
