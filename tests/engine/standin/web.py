"""A small HTTP server with routes: what the control plane's API and the services' front door are made of."""

from __future__ import annotations

import json
import re
import ssl
import threading
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class Asked:
    """One request. Header names are lower case; `found` holds the named groups of the route."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    target: str = ""
    found: Mapping[str, str] = field(default_factory=dict)

    def json(self) -> Any:
        """The body as JSON, {} when there is none."""
        return json.loads(self.body) if self.body else {}


@dataclass(frozen=True)
class Answer:
    """What goes back. A body that is not bytes is sent as JSON."""

    body: Any = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


Handler = Callable[[Asked], Answer]


class Routes:
    """Method and path pattern -> handler; the first that fits is taken."""

    def __init__(self) -> None:
        self._routes: list[tuple[str, re.Pattern[str], Handler]] = []

    def add(self, method: str, pattern: str, handler: Handler) -> None:
        """`pattern` is a regular expression over the whole path."""
        self._routes.append((method, re.compile(pattern), handler))

    def __call__(self, asked: Asked) -> Answer:
        for method, pattern, handler in self._routes:
            fitting = pattern.fullmatch(asked.path)
            if method == asked.method and fitting:
                return handler(Asked(**{**vars(asked), "found": fitting.groupdict()}))
        return Answer({"error": {"code": 404, "message": f"the stand-in has no {asked.method} {asked.path}"}}, 404)


def serve(handle: Handler, port: int, tls: ssl.SSLContext | None = None) -> ThreadingHTTPServer:
    """Serve on 127.0.0.1 in a thread of its own until the process ends."""

    class OneRequest(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            parts = urlsplit(self.path)
            query = {name: values[-1] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
            headers = {name.lower(): value for name, value in self.headers.items()}
            asked = Asked(self.command, parts.path, query, headers, self.rfile.read(length), self.path)
            try:
                answer = handle(asked)
            except Exception:
                traceback.print_exc()
                answer = Answer({"error": {"code": 500, "message": traceback.format_exc()}}, 500)
            is_raw = isinstance(answer.body, bytes)
            body = answer.body if is_raw else json.dumps(answer.body).encode()
            self.send_response(answer.status)
            for name, value in ({} if is_raw else {"content-type": "application/json"} | dict(answer.headers)).items():
                self.send_header(name, value)
            if is_raw:
                for name, value in answer.headers.items():
                    self.send_header(name, value)
            self.send_header("content-length", str(len(body)))
            self.send_header("connection", "close")
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)
            self.close_connection = True

        def log_message(self, _: str, *arguments: Any) -> None:
            print(f"{self.command} {self.path} {arguments[1] if len(arguments) > 1 else ''}", flush=True)

    for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"):
        setattr(OneRequest, f"do_{method}", OneRequest._answer)
    server = ThreadingHTTPServer(("127.0.0.1", port), OneRequest)
    server.daemon_threads = True
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server
