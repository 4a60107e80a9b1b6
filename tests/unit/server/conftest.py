"""The server's parts in this process: the real loop on a thread, real sockets, and a runtime that does as its request says."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from mldeploy.handlers.account import Account
from mldeploy.handlers.config import ServingConfig
from mldeploy.handlers.message import Request, Response
from mldeploy.handlers.problems import PROBLEMS
from mldeploy.handlers.server.loop import Loop
from mldeploy.handlers.server.protocol import Connection
from mldeploy.handlers.server.service import Service
from mldeploy.handlers.server.stream import Acceptor


def _request(body: str = "", *, target: str = "/predict", method: str = "POST", headers: str = "") -> bytes:
    data = body.encode()
    return (f"{method} {target} HTTP/1.1\r\nHost: h\r\nContent-Length: {len(data)}\r\n{headers}\r\n").encode() + data


def _read_answer(sock: socket.socket, *, is_head: bool = False) -> tuple[int, dict[str, str], bytes]:
    """One answer, and not a byte more."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        byte = sock.recv(1)
        if not byte:
            raise EOFError(head)
        head += byte
    lines = head.decode("latin-1").split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines[1:-2])
    body, size = b"", 0 if is_head else int(headers.get("content-length", 0))
    while len(body) < size:
        part = sock.recv(size - len(body))
        if not part:
            raise EOFError(body)
        body += part
    return int(lines[0].split(" ")[1]), headers, body


class FakeRuntime:
    """Answers POST /predict with what the body asks for: "echo x", "sleep 0.1", "hold" (until `release`), "big 1000"."""

    def __init__(self, config: ServingConfig) -> None:
        self.config = config
        self.metrics = SimpleNamespace(queued=None)
        self.is_heavy = True
        self.is_ready = True
        self.handled: list[Request] = []
        self.accounted: list[Request] = []
        self.dropped: list[Request] = []
        self.rejected: list[tuple[str, str]] = []
        self.release = threading.Event()

    def is_prediction(self, request: Request) -> bool:
        return request.path == "/predict"

    def handle(self, request: Request) -> Response:
        self.handled.append(request)
        word, _, rest = request.body.decode("latin-1").partition(" ")
        if word == "sleep":
            time.sleep(float(rest))
        if word == "hold":
            self.release.wait(10)
        if word == "bug":
            raise RuntimeError("the runtime promised not to")
        body = b"x" * int(rest) if word == "big" else request.path.encode() + b" " + request.body
        return Response(200, (("content-type", "text/plain"),), body)

    def answer(self, request: Request) -> tuple[Response, Account]:
        response = self.handle(request)
        return response, Account(lambda: self.accounted.append(request), lambda: self.dropped.append(request))

    def reject(
        self,
        slug: str,
        detail: str,
        request_id: str = "",
        headers: tuple[tuple[str, str], ...] = (),
        *,
        method: str = "",
        path: str = "",
        received_s: float = 0.0,
        bytes_in: int = 0,
    ) -> Response:
        self.rejected.append((slug, detail))
        return Response(PROBLEMS[slug][0], (("content-type", "application/problem+json"), *headers), slug.encode())


class Running:
    """A service on a loop of its own."""

    request = staticmethod(_request)
    answer = staticmethod(_read_answer)

    def __init__(self, runtime: FakeRuntime) -> None:
        self.runtime = runtime
        self.failures: list[BaseException] = []
        self.exhausted = threading.Event()
        self.loop = Loop(self.failures.append)
        self.service = Service(runtime, self.loop, self.exhausted.set)  # type: ignore[arg-type]
        self.sockets = {private: socket.create_server(("127.0.0.1", 0)) for private in (False, True)}
        for private, sock in self.sockets.items():
            sock.setblocking(False)
            Acceptor(self.loop, sock, lambda client, private=private: Connection(self.service, client, private))  # type: ignore[misc]
        self.thread = threading.Thread(target=self.loop.run)
        self.thread.start()

    def call(self, function: Callable[[], Any]) -> Any:
        """Run on the loop's thread and wait for the result."""
        done, result = threading.Event(), []

        def run() -> None:
            result.append(function())
            done.set()

        self.loop.call_threadsafe(run)
        assert done.wait(5)
        return result[0]

    def connect(self, private: bool = False) -> socket.socket:
        return socket.create_connection(self.sockets[private].getsockname(), timeout=5)

    def until(self, condition: Callable[[], object], seconds: float = 5) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, "it never came true"
            time.sleep(0.005)

    def stop(self) -> None:
        self.runtime.release.set()
        self.loop.call_threadsafe(self.loop.stop, 0)
        self.thread.join(5)
        self.service.pool.close()
        for connection in list(self.service.connections):
            connection.stream.abort()
            connection.stream._sock.close()
        for sock in self.sockets.values():
            sock.close()
        self.loop._selector.close()
        self.loop._waker.close()
        self.loop._wakened.close()


@pytest.fixture
def running() -> Iterator[Callable[..., Running]]:
    """Start a service; keyword arguments are ServingConfig's, and `heavy=False` for a light model."""
    started: list[Running] = []

    def start(*, heavy: bool = True, loaded: bool = True, **settings: Any) -> Running:
        runtime = FakeRuntime(ServingConfig(**{"concurrency": 1, "queue": 2, "timeout_s": 5.0} | settings))
        runtime.is_heavy = heavy
        server = Running(runtime)
        started.append(server)
        if loaded:
            server.call(server.service.loaded)
        return server

    yield start
    for server in started:
        server.stop()
        assert server.failures == [] or server.failures == getattr(server, "expected_failures", None)
