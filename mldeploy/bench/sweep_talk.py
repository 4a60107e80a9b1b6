"""How a container of a sweep is asked, each request timed: over HTTP, or on its standard streams in the probe's protocol."""

from __future__ import annotations

import contextlib
import json
import socket
import time
from base64 import b64encode
from types import TracebackType
from typing import Any, Protocol

from mldeploy.bench.load import request_bytes
from mldeploy.bench.measure import Call
from mldeploy.bench.sweep_container import Container
from mldeploy.bench.sweep_line import Line
from mldeploy.errors import DeployError
from mldeploy.image.engine import hang_up

START_S = 240.0
ANSWER_S = 120.0
_POLL_S = 0.003
_LOOKS_S = 0.1


class Talk(Protocol):
    """A context manager around one container."""

    def first(self) -> float:
        """Start the container; milliseconds from then to its first answer. Raises OutOfMemoryError or DeployError."""

    def ask(self) -> float:
        """Milliseconds of one request. Raises OutOfMemoryError or DeployError."""

    def __enter__(self) -> Talk: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None: ...


class HttpTalk:
    """To the image's own server, on the port of this machine that leads to it."""

    def __init__(self, container: Container, call: Call) -> None:
        self._container = container
        self._request = request_bytes(call.job(1, 0))
        self._line: Line | None = None

    def first(self) -> float:
        """Until the server listens, connections are refused or closed at once: it is asked again, every few milliseconds."""
        self._container.start()
        address = self._container.address()
        looked_s = time.perf_counter()
        while True:
            with contextlib.suppress(OSError):
                self._line = Line(address, self._request, ANSWER_S)
                self._line.ask()
                return (time.perf_counter() - self._container.started_s) * 1e3
            now_s = time.perf_counter()
            self._close()
            if now_s - looked_s > _LOOKS_S:
                self._container.look()
                looked_s = now_s
            if now_s - self._container.started_s > START_S:
                raise self._container.failure(f"no answer within {START_S:g} s")
            time.sleep(_POLL_S)

    def ask(self) -> float:
        try:
            if self._line is None:
                raise OSError("it was not started")
            return self._line.ask()
        except OSError as error:
            raise self._container.lost(error) from error

    def _close(self) -> None:
        if self._line is not None:
            self._line.close()
            self._line = None

    def __enter__(self) -> HttpTalk:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._close()


class StreamTalk:
    """To the image's probe: one JSON line in, one out (`handlers/probe.py`). The engine passes them on in frames."""

    def __init__(self, container: Container, call: Call) -> None:
        document = {
            "method": "POST",
            "path": call.path,
            "headers": {"content-type": call.content_type, **call.headers},
            "body": b64encode(call.body).decode("ascii"),
        }
        self._request = json.dumps(document).encode("ascii") + b"\n"
        self._container = container
        self._stream: Any = None
        self._socket: socket.socket | None = None
        self._received = bytearray()

    def first(self) -> float:
        self._stream = self._container.attach()
        self._socket = getattr(self._stream, "_sock", self._stream)
        self._container.start()
        ready = self._line(START_S)
        if json.loads(ready) != {"ready": True}:
            raise self._container.failure(f"it says {ready[:200]!r} instead of being ready")
        self.ask()
        return (time.perf_counter() - self._container.started_s) * 1e3

    def ask(self) -> float:
        started_s = time.perf_counter()
        try:
            if self._socket is None:
                raise OSError("it was not started")
            self._socket.sendall(self._request)
        except OSError as error:
            raise self._container.lost(error) from error
        line = self._line(ANSWER_S)
        taken_ms = (time.perf_counter() - started_s) * 1e3
        status = json.loads(line).get("status")
        if status != 200:
            raise DeployError(f"the answer was {status}, not 200", "mldeploy build asks the image without limits")
        return taken_ms

    def _line(self, timeout_s: float) -> bytes:
        """The next line of standard output. Raises OutOfMemoryError or DeployError when there is none."""
        until_s = time.monotonic() + timeout_s
        while (end := self._received.find(b"\n")) < 0:
            try:
                head = self._exactly(8, until_s)
                self._received += self._exactly(int.from_bytes(head[4:8], "big"), until_s)
            except OSError as error:
                raise self._container.lost(error) from error
        line = bytes(self._received[:end])
        del self._received[: end + 1]
        return line

    def _exactly(self, count: int, until_s: float) -> bytes:
        data = bytearray()
        while len(data) < count and self._socket is not None:
            self._socket.settimeout(max(0.001, until_s - time.monotonic()))
            piece = self._socket.recv(count - len(data))
            if not piece:
                raise ConnectionResetError("the container ended")
            data += piece
        return bytes(data)

    def __enter__(self) -> StreamTalk:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        hang_up(self._stream, self._socket)
