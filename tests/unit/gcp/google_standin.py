"""STAND-IN for Google's REST APIs, its token endpoint and its metadata server, on 127.0.0.1. It answers what a test tells it,
404 otherwise, and remembers what it was asked. The tokens are signed by nobody: Google alone could verify them."""

from __future__ import annotations

import base64
import json
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

SERVICES = (
    "artifactregistry",
    "billingbudgets",
    "cloudfunctions",
    "cloudresourcemanager",
    "cloudscheduler",
    "eventarc",
    "iam",
    "iamcredentials",
    "logging",
    "monitoring",
    "run",
    "secretmanager",
    "serviceusage",
    "storage",
)
EMAIL = "deployer@shop-1.iam.gserviceaccount.com"
LIFE_S = 3600


@dataclass(frozen=True)
class Asked:
    """One request."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Google:
    """`tell` sets an answer: a status and a JSON document, or a function of the request that gives both."""

    url: str
    asked: list[Asked] = field(default_factory=list)
    answers: dict[tuple[str, str], Any] = field(default_factory=dict)
    now_s: float = 1_800_000_000.0

    def tell(self, method: str, path: str, answer: Any, status: int = 200) -> None:
        self.answers[method, path] = answer if callable(answer) else (status, answer)

    def of(self, method: str, path: str) -> list[Asked]:
        return [each for each in self.asked if each.method == method and re.fullmatch(path, each.path)]

    def answer(self, asked: Asked) -> tuple[int, Any]:
        self.asked.append(asked)
        for (method, path), found in reversed(self.answers.items()):
            if method == asked.method and re.fullmatch(path, asked.path):
                return found(asked) if callable(found) else found
        return 404, {"error": {"code": 404, "status": "NOT_FOUND", "message": f"no {asked.path}"}}

    def token(self, asked: Asked) -> tuple[int, Any]:
        """What a service account's key, or a federated identity, is exchanged for."""
        form = parse_qs(asked.body.decode())
        claims = json.loads(_decoded(form["assertion"][0].split(".")[1])) if "assertion" in form else {}
        if "target_audience" in claims:
            return 200, {"id_token": self.identity(claims["target_audience"], claims["iss"])}
        return 200, {"access_token": "access-1", "expires_in": LIFE_S, "token_type": "Bearer"}

    def identity(self, audience: str, email: str, life_s: float = LIFE_S) -> str:
        import time

        body = {"aud": audience, "email": email, "exp": int(time.time() + life_s), "iss": "https://accounts.google.com"}
        return ".".join(
            base64.urlsafe_b64encode(part).decode().rstrip("=") for part in (b"{}", json.dumps(body).encode(), b"x")
        )


def claims(token: str) -> dict[str, Any]:
    return json.loads(_decoded(token.split(".")[1]))  # type: ignore[no-any-return]


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def serve() -> tuple[Google, Callable[[], None]]:
    """A running stand-in, and how to end it."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    google = Google(f"http://127.0.0.1:{server.server_port}")
    google.tell("POST", "/token", google.token)

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, document = google.answer(Asked(self.command, parts.path, parse_qs(parts.query), headers, body))
            is_text = isinstance(document, str)
            data = document.encode() if isinstance(document, str) else json.dumps(document).encode()
            self.send_response(status)
            self.send_header("content-type", "text/html" if is_text else "application/json")
            self.send_header("metadata-flavor", "Google")
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            self._answer()

        def log_message(self, *_: Any) -> None:
            pass

    server.RequestHandlerClass = Handler  # type: ignore[assignment]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()

    def end() -> None:
        server.shutdown()
        server.server_close()
        thread.join()

    return google, end


_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def key_file(google: Google, folder: Path) -> Path:
    """A service account's key file whose tokens come from the stand-in."""
    pem = _KEY.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    document = {
        "type": "service_account",
        "project_id": "shop-1",
        "private_key_id": "k1",
        "private_key": pem,
        "client_email": EMAIL,
        "client_id": "1",
        "token_uri": f"{google.url}/token",
    }
    path = folder / "key.json"
    path.write_text(json.dumps(document))
    return path
