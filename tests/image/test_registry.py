"""The registry's API as the clouds' registries speak it: a token from the realm that the challenge names. No Docker needed.

The registry here is a STAND-IN of a few lines; the real one (tests of pushing) has neither tokens nor indexes.
"""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

import pytest

from mldeploy.errors import DeployError, GateError, ProviderError
from mldeploy.image import gates, pushing, registry
from mldeploy.image.contract import Destination

USER, PASSWORD = "00000000-0000-0000-0000-000000000000", "short-lived"
MANIFEST = json.dumps({"mediaType": registry.MANIFESTS[0], "layers": [{"digest": "sha256:1"}]}).encode()
INDEX = json.dumps({"mediaType": registry.MANIFESTS[2], "manifests": []}).encode()


class Tokens(BaseHTTPRequestHandler):
    """Manifests for a bearer token; tokens for Basic credentials."""

    realm = "http://{host}/token"
    manifests: ClassVar = {"there": MANIFEST, "index": INDEX}

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        wanted = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        given = self.headers.get("authorization", "")
        if url.path == "/token":
            query = parse_qs(url.query)
            is_known = given == wanted and query["scope"] == ["repository:team/digits:pull"] and query["service"] == ["here"]
            self.answer(200 if is_known else 401, json.dumps({"access_token": "a-token"} if is_known else {}).encode())
        elif given != "Bearer a-token":
            challenge = f'Bearer realm="{self.realm.format(host=self.headers["host"])}",service="here",scope="x"'
            self.answer(401, b"{}", {"www-authenticate": challenge})
        else:
            tag = url.path.rpartition("/")[2]
            if tag == "broken":
                self.answer(500, b'{"errors":[{"code":"X","message":"it is broken"}]}')
            elif tag == "moved":
                self.answer(302, b"", {"location": "http://127.0.0.1:9/elsewhere"})
            else:
                self.answer(200 if tag in self.manifests else 404, self.manifests.get(tag, b"{}"))

    def answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"content-length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        return None


@pytest.fixture
def place() -> Iterator[Destination]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Tokens) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield Destination(f"127.0.0.1:{server.server_port}/team/digits", USER, PASSWORD)
        server.shutdown()
        thread.join(5)


def test_a_token_is_fetched_and_the_digest_is_of_the_bytes(place: Destination) -> None:
    found = registry.manifest(place, "there")
    assert found == registry.Manifest(f"sha256:{hashlib.sha256(MANIFEST).hexdigest()}", registry.MANIFESTS[0], ("sha256:1",))
    assert registry.manifest(place, "absent") is None


def test_wrong_credentials_are_refused_by_name(place: Destination) -> None:
    with pytest.raises(ProviderError) as caught:
        registry.manifest(Destination(place.repository, USER, "expired"), "there")
    assert "refuses access to team/digits as 0000" in caught.value.message
    assert "expired" not in caught.value.message, "the password is in the message"


def test_credentials_are_sent_to_no_realm_in_the_clear(place: Destination, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Tokens, "realm", "ftp://example.org/token")
    with pytest.raises(DeployError, match="not https"):
        registry.manifest(place, "there")


def test_a_redirect_is_not_followed_and_a_failure_is_told(place: Destination) -> None:
    with pytest.raises(DeployError, match="answers 302"):
        registry.manifest(place, "moved")
    with pytest.raises(DeployError, match="it is broken"):
        registry.manifest(place, "broken")


def test_an_index_does_not_pass_after_the_push(place: Destination) -> None:
    with pytest.raises(GateError, match="an index"):
        pushing.verified(place, "index")
    with pytest.raises(DeployError, match="after the push"):
        pushing.verified(place, "absent")
    assert gates.INDEXES[0] == registry.MANIFESTS[2]


def test_nobody_answers() -> None:
    with pytest.raises(DeployError, match="does not answer"):
        registry.manifest(Destination("127.0.0.1:9/x"), "t")


@pytest.mark.parametrize(
    ("repository", "split"),
    [
        ("127.0.0.1:5000/a/b", ("127.0.0.1:5000", "a/b")),
        ("1.dkr.ecr.eu-west-1.amazonaws.com/x", ("1.dkr.ecr.eu-west-1.amazonaws.com", "x")),
        ("localhost/x", ("localhost", "x")),
        ("user/x", ("registry-1.docker.io", "user/x")),
        ("x", ("registry-1.docker.io", "library/x")),
    ],
)
def test_a_repository_names_its_registry(repository: str, split: tuple[str, str]) -> None:
    assert registry.split(repository) == split


@pytest.mark.parametrize(
    ("host", "is_local"),
    [
        ("127.0.0.1:5000", True),
        ("127.8.0.1", True),
        ("localhost:5", True),
        ("[::1]:5", True),
        ("10.0.0.1:5000", False),
        ("example.org", False),
    ],
)
def test_plain_http_stays_on_this_machine(host: str, is_local: bool) -> None:
    assert registry.is_local(host) is is_local
