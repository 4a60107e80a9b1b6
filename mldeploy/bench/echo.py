"""A server that answers every request at once with bytes of a given length: the floor that client and loopback set.

`python -m mldeploy.bench.echo FD LENGTH` serves on the inherited listening socket FD until its stdin ends.
"""

from __future__ import annotations

import asyncio
import socket
import sys


class Echo(asyncio.Protocol):
    """Counts request bytes by their content-length and answers with the same bytes each time."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer
        self._missing = 0
        self._head = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        if self._missing:
            self._missing -= len(data)
        else:
            self._head += data
            head, found, body = self._head.partition(b"\r\n\r\n")
            if not found:
                return
            length = head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0]
            self._missing = int(length or 0) - len(body)
        if self._missing <= 0:
            self._missing = 0
            self._head = b""
            assert isinstance(self._transport, asyncio.WriteTransport)  # noqa: S101 - narrows the type of a TCP transport
            self._transport.write(self._answer)


async def serve(listener: socket.socket, length: int) -> None:
    """Serve until stdin ends."""
    loop = asyncio.get_running_loop()
    body = b"x" * length
    answer = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: %d\r\n\r\n" % len(body) + body
    server = await loop.create_server(lambda: Echo(answer), sock=listener)
    async with server:
        await loop.run_in_executor(None, sys.stdin.buffer.read)


def main() -> int:
    descriptor, length = int(sys.argv[1]), int(sys.argv[2])
    asyncio.run(serve(socket.socket(fileno=descriptor), length))
    return 0


if __name__ == "__main__":
    sys.exit(main())
