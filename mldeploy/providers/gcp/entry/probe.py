"""`python3 -P -m mldeploy.providers.gcp.entry.probe`: ask the entry point inside its image (protocol: handlers/probe.py).

The server is started as the platform starts it, but on a loopback port, and every request goes through it.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from http.client import HTTPConnection, HTTPException
from time import monotonic, sleep

from mldeploy.handlers import probe
from mldeploy.handlers.message import Request, Response

_LOOPBACK = "127.0.0.1"
_START_S = 300.0
_TICK_S = 0.02
_TIMEOUT_S = 600.0
_OF_THE_CONNECTION = ("connection", "content-length", "date")


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind((_LOOPBACK, 0))
        return int(sock.getsockname()[1])


def forward(port: int, request: Request) -> Response:
    """The server's answer. Raises OSError or HTTPException."""
    connection = HTTPConnection(_LOOPBACK, port, timeout=_TIMEOUT_S)
    try:
        target = f"{request.path}?{request.query}" if request.query else request.path
        connection.request(request.method, target, request.body or None, request.headers)
        answer = connection.getresponse()
        headers = tuple((name.lower(), value) for name, value in answer.getheaders())
        return Response(answer.status, tuple(pair for pair in headers if pair[0] not in _OF_THE_CONNECTION), answer.read())
    finally:
        connection.close()


def wait(server: subprocess.Popen[bytes], port: int) -> bool:
    """Whether the server became ready."""
    until_s = monotonic() + _START_S
    while server.poll() is None and monotonic() < until_s:
        try:
            if forward(port, Request("GET", "/v2/health/ready", "", {}, b"")).status == 200:
                return True
        except (OSError, HTTPException):
            pass
        sleep(_TICK_S)
    return False


def main() -> int:
    answers = probe.take_stdout()
    port = free_port()
    environ = os.environ | {"HOST": _LOOPBACK, "PORT": str(port)}
    command = [sys.executable, "-P", "-m", "mldeploy.providers.gcp.entry.server"]
    server = subprocess.Popen(command, stdin=subprocess.DEVNULL, env=environ)
    try:
        if not wait(server, port):
            return server.poll() or 1  # it has said why
        probe.serve(lambda request: forward(port, request), answers)
        return 0
    finally:
        server.terminate()
        server.wait(10)


if __name__ == "__main__":
    sys.exit(main())
