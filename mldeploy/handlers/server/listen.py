"""Listening sockets: bound here, or inherited from a supervisor that keeps them open across restarts."""

from __future__ import annotations

import errno
import socket

BACKLOG = 1024
_MAX_PORT = 65535
# Descriptors that are not connections: the model, its libraries, logs, what a hook opens.
_RESERVED_DESCRIPTORS = 48


class ListenError(Exception):
    """The address cannot be listened on; the message says why and what to do."""


def bind(host: str, port: int) -> socket.socket:
    """A socket listening on `host`:`port` (0: any free port). From here on, connections queue in the kernel."""
    if port > _MAX_PORT:
        raise ListenError(f"port {port} does not exist; give one up to {_MAX_PORT} with --port (0: any free one)")
    try:
        name = host.encode() if host.isascii() else host  # text would import the IDNA codec, which plain names do not need
        family, kind, _, _, address = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    except (OSError, UnicodeError) as error:
        raise ListenError(f"cannot listen on {host!r}: {error}; give an address of this machine with --host") from error
    sock = socket.socket(family, kind)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(address)
        sock.listen(BACKLOG)
    except OSError as error:
        sock.close()
        raise ListenError(_explain(host, port, error)) from error
    sock.setblocking(False)
    return sock


def inherit(fd: int) -> socket.socket:
    """The listening socket that was passed on as file descriptor `fd`."""
    try:
        sock = socket.socket(fileno=fd)
        is_listening = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    except OSError as error:
        raise ListenError(f"file descriptor {fd} is not a listening socket: {error}") from error
    if not is_listening:
        sock.close()
        raise ListenError(f"file descriptor {fd} is a socket that does not listen")
    sock.setblocking(False)
    return sock


def affordable_connections(wanted: int) -> int:
    """How many connections the limit on open files allows, up to `wanted`; raises that limit as far as it may."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = wanted + _RESERVED_DESCRIPTORS
    if soft < needed <= hard or soft < hard < needed:
        soft = min(needed, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return max(1, min(wanted, soft - _RESERVED_DESCRIPTORS))


def describe(sock: socket.socket) -> str:
    """The socket's address as a URL."""
    host, port = sock.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _explain(host: str, port: int, error: OSError) -> str:
    code = error.errno
    if code == errno.EADDRINUSE:
        return f"port {port} on {host} is in use; stop what listens there or give another port with --port (0: any free one)"
    if code == errno.EACCES:
        return f"port {port} needs privileges; give one above 1023 with --port"
    if code == errno.EADDRNOTAVAIL:
        return f"{host} is not an address of this machine; give one with --host"
    return f"cannot listen on {host}:{port}: {error}"
