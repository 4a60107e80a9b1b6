"""One request at a time over one keep-alive connection, each timed from its first byte sent to the last byte of its answer."""

from __future__ import annotations

import socket
import time

from mldeploy.bench.load import answer_end
from mldeploy.errors import DeployError


class Line:
    """A keep-alive connection that sends the same request again and again, and times each answer."""

    def __init__(self, address: tuple[str, int], request: bytes, timeout_s: float = 120.0) -> None:
        self._request = request
        self._socket = socket.create_connection(address, timeout_s)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self) -> float:
        """Milliseconds to the whole answer. Raises OSError when none comes, DeployError when it is no success."""
        started_s = time.perf_counter()
        self._socket.sendall(self._request)
        data = bytearray()
        while answer_end(data) is None:
            chunk = self._socket.recv(262_144)
            if not chunk:
                raise ConnectionResetError("the connection was closed before the answer")
            data += chunk
        taken_ms = (time.perf_counter() - started_s) * 1e3
        if data[9:12] != b"200":
            raise DeployError(f"the answer was {bytes(data[9:12]).decode('latin-1')}, not 200", "mldeploy invoke shows it")
        return taken_ms

    def close(self) -> None:
        self._socket.close()

    def __enter__(self) -> Line:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()
