"""The public sockets of a deployment: bound by the supervisor, shared by its runtimes, never closed while one of them serves.

Because the socket outlives each runtime, a caller that connects during a restart or a switch-over waits in the kernel's queue
instead of being refused.
"""

from __future__ import annotations

import errno
import socket

from mldeploy.providers.local.records import Release

HOST = "127.0.0.1"
FIRST_PORT = 8080
LAST_PORT = 8179
BACKLOG = 1024


class PortInUseError(Exception):
    """The port that the user asked for cannot be bound; the message says why."""


class Listeners:
    """Listening sockets by port."""

    def __init__(self) -> None:
        self._by_port: dict[int, socket.socket] = {}

    def get(self, release: Release) -> socket.socket:
        """The socket for this release: the one it names, else the one that is open, else a newly bound one.

        Raises PortInUseError when the user chose the port and it is taken; a port that was only remembered gives way.
        """
        if release.port in self._by_port:
            return self._by_port[release.port]
        if not release.is_port_fixed and self._by_port:
            return next(reversed(self._by_port.values()))
        if release.is_port_fixed:
            return self._keep(_bind_fixed(release.port))
        wanted = [release.port] if release.port else []
        for port in [*wanted, *range(FIRST_PORT, LAST_PORT + 1), 0]:
            try:
                return self._keep(_bind(port))
            except OSError:
                continue
        raise PortInUseError("no port of 127.0.0.1 is free")

    def _keep(self, listener: socket.socket) -> socket.socket:
        self._by_port[listener.getsockname()[1]] = listener
        return listener

    def close_except(self, ports: set[int]) -> None:
        """Close every socket that no release uses any more."""
        for port in set(self._by_port) - ports:
            self._by_port.pop(port).close()


def _bind(port: int) -> socket.socket:
    return socket.create_server((HOST, port), backlog=BACKLOG)


def _bind_fixed(port: int) -> socket.socket:
    try:
        return _bind(port)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise PortInUseError(
                f"port {port} is in use by another process; set clouds.local.port to a free one, or leave it out"
            ) from None
        raise PortInUseError(f"port {port} cannot be opened: {error.strerror}") from error
