"""The line to the supervisor: one end of a socket pair, text lines both ways.

in    accept    begin with the public socket          out   ready {"load_ms": 21.4}
      drain     finish what is open, then exit              failed <one line>
      (end)     the supervisor is gone: as drain
"""

from __future__ import annotations

import socket
from collections.abc import Callable

from mldeploy.handlers.server.loop import READ, Loop

_MAX_LINE_BYTES = 4096


class Control:
    """Calls `on_accept` and `on_drain`, each at the line that asks for it."""

    def __init__(self, fd: int) -> None:
        self._socket = socket.socket(fileno=fd)
        self._socket.setblocking(False)
        self._pending = b""

    def attach(self, loop: Loop, on_accept: Callable[[], None], on_drain: Callable[[], None]) -> None:
        self._loop = loop
        self._on_accept = on_accept
        self._on_drain = on_drain
        loop.watch(self._socket, READ, self._read)

    def send(self, line: str) -> None:
        """Tell the supervisor; if it is gone, its end of file will say so."""
        try:
            self._socket.send(" ".join(line.split()).encode() + b"\n")
        except OSError:
            return

    def close(self) -> None:
        self._socket.close()

    def _read(self, _events: int) -> None:
        try:
            data = self._socket.recv(_MAX_LINE_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        *lines, self._pending = (self._pending + data).split(b"\n")
        for line in lines:
            if line.strip() == b"accept":
                self._on_accept()
            elif line.strip() == b"drain":
                self._on_drain()
        if not data or len(self._pending) > _MAX_LINE_BYTES:
            self._loop.forget(self._socket)
            self._on_drain()
