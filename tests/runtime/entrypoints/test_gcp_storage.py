"""Tokens and requests to Cloud Storage, against small servers of the test's own on the loopback address."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from mldeploy.handlers.objects import ObjectEvent, Stored, Transient
from mldeploy.providers.gcp.entry.storage import Storage

EVENT = ObjectEvent("shop", "in/für dich?&.png", 3, "17")


class Spoken(BaseHTTPRequestHandler):
    """Answers what the server was told to, and remembers what it was asked."""

    def do_GET(self) -> None:
        server: Any = self.server
        size = int(self.headers.get("content-length", "0"))
        server.seen.append((self.command, self.path, dict(self.headers.items()), self.rfile.read(size)))
        status, headers, body = server.told
        self.send_response(status)
        for name, value in {**headers, "content-length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET  # noqa: N815

    def log_message(self, *args: Any) -> None:
        return


@pytest.fixture
def server() -> Iterator[Any]:
    running: Any = ThreadingHTTPServer(("127.0.0.1", 0), Spoken)
    running.seen = []
    running.told = (200, {}, b"")
    running.host = f"127.0.0.1:{running.server_port}"
    thread = threading.Thread(target=running.serve_forever)
    thread.start()
    yield running
    running.shutdown()
    thread.join()
    running.server_close()


def store(server: Any) -> Storage:
    return Storage({"STORAGE_EMULATOR_HOST": server.host})


def test_an_object_is_read_as_it_is_stored_and_no_further(server: Any) -> None:
    server.told = (200, {"Content-Type": "image/png", "Content-Encoding": "gzip"}, b"123456")
    assert store(server).read(EVENT, 4) == Stored(b"12345", "image/png", "gzip")
    method, path, headers, _ = server.seen[0]
    assert (method, path) == ("GET", "/storage/v1/b/shop/o/in%2Ff%C3%BCr%20dich%3F%26.png?alt=media&generation=17")
    assert headers["accept-encoding"] == "gzip"
    assert "authorization" not in {name.lower() for name in headers}


def test_an_answer_is_written(server: Any) -> None:
    store(server).write("answers", "out/a b.json", b"{}", "application/json")
    method, path, headers, body = server.seen[0]
    assert (method, path) == ("POST", "/upload/storage/v1/b/answers/o?uploadType=media&name=out%2Fa%20b.json")
    assert headers["content-type"] == "application/json"
    assert body == b"{}"


@pytest.mark.parametrize("status", [404, 410])
def test_an_object_that_is_gone_is_none(server: Any, status: int) -> None:
    server.told = (status, {}, b"")
    assert store(server).read(EVENT, 4) is None


def test_a_missing_permission_says_which_role(server: Any) -> None:
    server.told = (403, {}, b"denied")
    with pytest.raises(Transient, match=r"cannot read gs://shop/.*403 denied; give .* roles/storage\.objectViewer"):
        store(server).read(EVENT, 4)
    with pytest.raises(Transient, match=r"cannot write gs://shop/k: 403 .* roles/storage\.objectUser"):
        store(server).write("shop", "k", b"", "x/y")


def test_a_store_that_is_not_there_is_tried_again() -> None:
    with pytest.raises(Transient, match="cannot be reached"):
        Storage({"STORAGE_EMULATOR_HOST": "http://127.0.0.1:1"}).read(EVENT, 4)


def test_the_token_is_asked_for_once(server: Any) -> None:
    server.told = (200, {}, json.dumps({"access_token": "t-1", "expires_in": 3599, "token_type": "Bearer"}).encode())
    storage = Storage({"GCE_METADATA_HOST": server.host})
    assert [storage.token(), storage.token()] == ["t-1", "t-1"]
    assert len(server.seen) == 1
    _, path, headers, _ = server.seen[0]
    assert path == "/computeMetadata/v1/instance/service-accounts/default/token"
    assert headers["metadata-flavor"] == "Google"


def test_a_token_that_ends_soon_is_not_kept(server: Any) -> None:
    server.told = (200, {}, b'{"access_token": "t-1", "expires_in": 59}')
    storage = Storage({"GCE_METADATA_HOST": server.host})
    storage.token()
    storage.token()
    assert len(server.seen) == 2


@pytest.mark.parametrize("body", [b"", b"{}", b"[]"])
def test_no_token_is_tried_again(server: Any, body: bytes) -> None:
    server.told = (200, {}, body)
    with pytest.raises(Transient, match="gave no token"):
        Storage({"GCE_METADATA_HOST": server.host}).token()
