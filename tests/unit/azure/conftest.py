"""A stand-in for Azure's HTTP services: it answers what a test puts there and remembers what it was asked.

It also plays the managed identity service, which is how azure-identity gets tokens here: the real library, no account.
"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

sys.path.append(str(Path(__file__).parents[2] / "stacks" / "azure"))

from mldeploy.providers.azure.client import AzureClient

VARIABLES = (
    "AZURE_SUBSCRIPTION_ID", "ARM_SUBSCRIPTION_ID", "AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_CLIENT_SECRET",
    "ARM_CLIENT_ID", "ARM_TENANT_ID", "ARM_CLIENT_SECRET", "ARM_USE_OIDC", "ARM_USE_MSI", "MSI_ENDPOINT",
    "AZURE_FEDERATED_TOKEN_FILE",
)  # fmt: skip


@dataclass(frozen=True)
class Asked:
    """One request: the method, the host that was meant, the path, the query, the headers, the body."""

    method: str
    host: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


Answering = Callable[[Asked], tuple[int, Any, dict[str, str]]]


@dataclass
class StandIn:
    """Answers by (method, host, path); without one it says 404 as Azure does."""

    url: str = ""
    asked: list[Asked] = field(default_factory=list)
    answers: dict[tuple[str, str, str], list[Answering]] = field(default_factory=dict)
    token_status: int = 200

    def put(self, method: str, host: str, path: str, body: Any = None, status: int = 200, **headers: str) -> None:
        """What is answered there; several answers are given one after the other, the last one again and again."""
        said = {name.replace("_", "-"): value for name, value in headers.items()}
        self.answers.setdefault((method, host, path), []).append(lambda asked: (status, body, said))

    def arm(self, path: str, body: Any = None, status: int = 200, method: str = "GET", **headers: str) -> None:
        self.put(method, "management.azure.com", path, body, status, **headers)

    def refuse(self, method: str, host: str, path: str, status: int, code: str, message: str) -> None:
        self.put(method, host, path, {"error": {"code": code, "message": message}}, status)

    def sent(self, method: str, host: str) -> list[Asked]:
        return [asked for asked in self.asked if (asked.method, asked.host) == (method, host)]

    def answer(self, asked: Asked) -> tuple[int, Any, dict[str, str]]:
        if asked.path == "/token":
            resource = asked.query["resource"][0]
            if self.token_status != 200:
                return self.token_status, {"error": "invalid_request", "error_description": "AADSTS700082: expired"}, {}
            return 200, {"access_token": f"token for {resource}", "expires_on": "4102444800", "token_type": "Bearer"}, {}
        self.asked.append(asked)
        found = self.answers.get((asked.method, asked.host, asked.path))
        if not found:
            return 404, {"error": {"code": "ResourceNotFound", "message": f"no {asked.path}"}}, {}
        return (found.pop(0) if len(found) > 1 else found[0])(asked)


@pytest.fixture
def azure(monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    """The stand-in, with this process pointed at it."""
    stand_in = StandIn()

    class Handler(BaseHTTPRequestHandler):
        def _any(self) -> None:
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            _, host, *rest = parts.path.split("/")
            is_token = parts.path == "/token"
            path = parts.path if is_token else "/" + "/".join(rest)
            headers = {name.lower(): value for name, value in self.headers.items()}
            asked = Asked(self.command, "" if is_token else host, path, parse_qs(parts.query), headers, body)
            status, answer, said = stand_in.answer(asked)
            data = answer if isinstance(answer, bytes) else b"" if answer is None else json.dumps(answer).encode()
            self.send_response(status)
            for name, value in {"content-length": str(len(data)), "content-type": "application/json", **said}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        def do_GET(self) -> None:
            self._any()

        def do_POST(self) -> None:
            self._any()

        def do_PUT(self) -> None:
            self._any()

        def do_DELETE(self) -> None:
            self._any()

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    stand_in.url = f"http://127.0.0.1:{server.server_address[1]}"
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MLDEPLOY_AZURE_ENDPOINT", stand_in.url)
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"{stand_in.url}/token")
    monkeypatch.setenv("IDENTITY_HEADER", "stand-in")
    yield stand_in
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def waited() -> list[float]:
    """How long the client wanted to wait, each time."""
    return []


@pytest.fixture
def client(azure: StandIn, waited: list[float]) -> AzureClient:
    return AzureClient(sleep=waited.append)


@pytest.fixture
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*VARIABLES, "IDENTITY_ENDPOINT", "MLDEPLOY_AZURE_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
