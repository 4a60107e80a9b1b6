"""The load client: keeps `concurrency` requests open over keep-alive connections for a while and times each one.

It runs in a process of its own (`python -m mldeploy.bench.load`, one JSON job on stdin, one JSON result on stdout), so that its
work is not in the way of whoever else runs in the caller. One thread, raw sockets, no HTTP library: what is timed is from the
first byte written to the last byte read.
"""

from __future__ import annotations

import contextlib
import json
import selectors
import socket
import ssl
import sys
import time
from array import array
from dataclasses import asdict, dataclass, field
from urllib.parse import urlsplit

from mldeploy.bench.stats import CURVE, PERCENTILES, percentile

READ_BYTES = 262_144


@dataclass(frozen=True)
class Job:
    """What to send, how, and for how long. `warm_up_s` of it is not counted."""

    url: str
    path: str
    body_hex: str
    content_type: str
    headers: dict[str, str]
    concurrency: int
    duration_s: float
    warm_up_s: float = 0.3
    timeout_s: float = 30.0


@dataclass(frozen=True)
class Level:
    """What one concurrency gave. Latencies in ms over successful requests; `errors` counts what went wrong by name."""

    concurrency: int
    requests: int
    duration_s: float
    per_second: float
    percentiles_ms: dict[str, float]
    curve_ms: list[tuple[float, float]]
    errors: dict[str, int]
    answer_bytes: int = 0


@dataclass
class Samples:
    """What accumulates while the load runs."""

    latencies_s: array[float] = field(default_factory=lambda: array("d"))
    errors: dict[str, int] = field(default_factory=dict)
    answer_bytes: int = 0

    def fail(self, name: str) -> None:
        self.errors[name] = self.errors.get(name, 0) + 1


def request_bytes(job: Job) -> bytes:
    """The whole request, made once."""
    parts = urlsplit(job.url)
    body = bytes.fromhex(job.body_hex)
    headers = {"host": parts.netloc, "content-type": job.content_type, "content-length": str(len(body)), **job.headers}
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"POST {parts.path.rstrip('/')}{job.path} HTTP/1.1\r\n{head}\r\n".encode("latin-1") + body


def answer_end(data: bytearray) -> int | None:
    """Where the first answer in `data` ends, None while it is not complete. Raises ValueError on what is no answer."""
    head_end = data.find(b"\r\n\r\n")
    if head_end < 0:
        return None
    head = bytes(data[:head_end]).lower()
    if not head.startswith(b"http/1."):
        raise ValueError("not an HTTP/1 answer")
    if b"\r\ntransfer-encoding: chunked" in head:
        end = data.find(b"\r\n0\r\n\r\n", head_end)
        return None if end < 0 else end + 7
    _, found, rest = head.partition(b"\r\ncontent-length:")
    length = int(rest.split(b"\r\n", 1)[0]) if found else 0
    end = head_end + 4 + length
    return end if len(data) >= end else None


class Connection:
    """One keep-alive connection that sends the same request again and again."""

    def __init__(self, job: Job, request: bytes, selector: selectors.BaseSelector) -> None:
        self._job = job
        self._request = request
        self._selector = selector
        self._received = bytearray()
        self._unsent = memoryview(b"")
        self.started_s = 0.0
        self._socket = self._connect()

    def _connect(self) -> socket.socket:
        parts = urlsplit(self._job.url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        made = socket.create_connection((parts.hostname or "", port), timeout=self._job.timeout_s)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if parts.scheme == "https":
            made = ssl.create_default_context().wrap_socket(made, server_hostname=parts.hostname)
        made.setblocking(False)
        self._selector.register(made, selectors.EVENT_READ, self)
        return made

    def send(self) -> None:
        self.started_s = time.perf_counter()
        self._unsent = memoryview(self._request)
        self.write()

    def write(self) -> None:
        """Write what the socket takes; wait for room for the rest."""
        with contextlib.suppress(BlockingIOError, ssl.SSLWantWriteError):
            self._unsent = self._unsent[self._socket.send(self._unsent) :]
        wanted = selectors.EVENT_READ | selectors.EVENT_WRITE if self._unsent else selectors.EVENT_READ
        if self._selector.get_key(self._socket).events != wanted:
            self._selector.modify(self._socket, wanted, self)

    def read(self, samples: Samples) -> bool:
        """Take what is there. True when an answer is complete (and counted)."""
        while True:
            try:
                chunk = self._socket.recv(READ_BYTES)
            except (BlockingIOError, ssl.SSLWantReadError):
                return False
            if not chunk:
                raise ConnectionResetError("closed by the server")
            self._received += chunk
            end = answer_end(self._received)
            if end is not None:
                break
        elapsed_s = time.perf_counter() - self.started_s
        status = bytes(self._received[9:12])
        if status == b"200":
            samples.latencies_s.append(elapsed_s)
            samples.answer_bytes = end
        else:
            samples.fail(f"HTTP {status.decode('latin-1')}")
        is_closing = b"connection: close" in bytes(self._received[:end]).lower()
        del self._received[:end]
        if is_closing:
            self.renew()
        return True

    def renew(self) -> None:
        """A fresh connection in place of this one."""
        self.close()
        self._received.clear()
        self._socket = self._connect()

    def close(self) -> None:
        self._selector.unregister(self._socket)
        self._socket.close()


def drive(job: Job) -> Level:
    """Run the job: warm up, then measure. Raises OSError when the endpoint cannot be reached at all."""
    request = request_bytes(job)
    with selectors.DefaultSelector() as selector:
        connections = [Connection(job, request, selector) for _ in range(job.concurrency)]
        try:
            for connection in connections:
                connection.send()
            _run(job, selector, job.warm_up_s, Samples())
            samples = Samples()
            started_s = time.perf_counter()
            _run(job, selector, job.duration_s, samples)
            elapsed_s = time.perf_counter() - started_s
        finally:
            for connection in connections:
                connection.close()
    return level(job.concurrency, samples, elapsed_s)


def _run(job: Job, selector: selectors.BaseSelector, duration_s: float, samples: Samples) -> None:
    end_s = time.perf_counter() + duration_s
    while (left_s := end_s - time.perf_counter()) > 0:
        for key, events in selector.select(left_s):
            connection: Connection = key.data
            try:
                if events & selectors.EVENT_WRITE:
                    connection.write()
                if events & selectors.EVENT_READ and connection.read(samples):
                    connection.send()
            except (OSError, ValueError) as error:
                samples.fail(type(error).__name__)
                connection.renew()
                connection.send()
        now_s = time.perf_counter()
        for key in list(selector.get_map().values()):
            if now_s - key.data.started_s > job.timeout_s:
                samples.fail("timeout")
                key.data.renew()
                key.data.send()


def level(concurrency: int, samples: Samples, elapsed_s: float) -> Level:
    """The figures of one run."""
    ordered = sorted(latency * 1e3 for latency in samples.latencies_s)
    return Level(
        concurrency=concurrency,
        requests=len(ordered),
        duration_s=elapsed_s,
        per_second=len(ordered) / elapsed_s,
        percentiles_ms={f"p{share:g}": percentile(ordered, share) for share in PERCENTILES} if ordered else {},
        curve_ms=[(share, percentile(ordered, share)) for share in CURVE] if ordered else [],
        errors=samples.errors,
        answer_bytes=samples.answer_bytes,
    )


def main() -> int:
    """Read a job, run it, print its Level (or `{"failed": why}`)."""
    job = Job(**json.load(sys.stdin))
    try:
        result: dict[str, object] = asdict(drive(job))
    except OSError as error:
        result = {"failed": f"{error.strerror or error}"}
    json.dump(result, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
