"""Object events of Azure: Event Grid's messages through the real worker library, blobs in the real Azurite.

The stand-in host fires the queue function with a message, as the host's own admin API does; there is no Event Grid here.
"""

from __future__ import annotations

import base64
import importlib.util
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mldeploy.handlers.objects import ObjectEvent, Stored, Transient
from mldeploy.providers.azure.entry.blobs import Blobs

HERE = Path(__file__).parent
MASTER = "m" * 20


def _load(name: str) -> Any:
    spec = importlib.util.spec_from_file_location(f"azure_events_{name}", HERE / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


corpus = _load("corpus")
wire = _load("plain_http")
worker = _load("azure_worker")
storage = _load("azure_storage")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    storage.binary()
    running = storage.Store(tmp_path_factory.mktemp("azurite"), wire.free_port())
    try:
        running.create("shop", "answers")
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="module")
def fire(store: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Deliver a message to the app; the host's answer. The app predicts pictures."""
    worker.environment()
    root = tmp_path_factory.mktemp("events")
    keys = root / "keys.json"
    keys.write_text(json.dumps({"master": MASTER}))
    settings = {
        **store.environment,
        "MLDEPLOY_BUNDLE": str(corpus.bundles(root / "bundles")("colour")),
        "MLDEPLOY_RESULTS_PREFIX": "out/",
        "MLDEPLOY_MAX_BODY_BYTES": "5000",
        "MLDEPLOY_ACCESS": "key",
        "MLDEPLOY_API_KEY": "k" * 20,
    }
    site = worker.site(root / "wwwroot")
    port = wire.free_port()
    running = wire.start(worker.command(site, port, keys), settings, root / "log", port)

    def deliver(message: Any) -> Any:
        body = json.dumps({"input": message if isinstance(message, str) else json.dumps(message)}).encode()
        return running.send("POST", "/admin/functions/messages", (("x-functions-key", MASTER),), body)

    yield deliver
    running.stop()


def test_a_blob_is_answered_with_a_blob(fire: Any, store: Any) -> None:
    key = "in/für dich & €.png"
    assert fire(store.put("shop", key, corpus.picture("PNG"), "image/png")).status == 202
    body, kind = store.get("shop", f"out/{key}.json")
    assert kind == "application/json"
    assert json.loads(body)["predictions"][0][0]["label"] == "green"
    path, header = store.asked[0]
    assert "client_id=client-1" in path
    assert header == "header-of-the-platform"


def test_a_message_that_is_still_encoded_is_read(fire: Any, store: Any) -> None:
    told = json.dumps(store.put("shop", "in/encoded.png", corpus.picture("PNG"), "application/octet-stream"))
    assert fire(base64.b64encode(told.encode()).decode()).status == 202
    assert store.get("shop", "out/in/encoded.png.json") is not None


def test_what_cannot_be_predicted_is_written_down(fire: Any, store: Any) -> None:
    assert fire(store.put("shop", "in/bad.png", b"no picture", "image/png")).status == 202
    body, kind = store.get("shop", "out/in/bad.png.error.json")
    assert kind == "application/problem+json"
    assert json.loads(body)["status"] == 422


@pytest.mark.parametrize("is_told", [True, False])
def test_what_is_too_large_is_written_down(fire: Any, store: Any, is_told: bool) -> None:
    told = store.put("shop", f"in/large-{is_told}.png", b"x" * 5001, "image/png")
    if not is_told:
        del told["data"]["contentLength"]
    assert fire(told).status == 202
    assert json.loads(store.get("shop", f"out/in/large-{is_told}.png.error.json")[0])["status"] == 413


def test_a_blob_that_was_overwritten_waits_for_its_own_event(fire: Any, store: Any) -> None:
    first = store.put("shop", "in/twice.png", b"no picture", "image/png")
    second = store.put("shop", "in/twice.png", corpus.picture("PNG"), "image/png")
    assert fire(first).status == 202
    assert store.get("shop", "out/in/twice.png.error.json") is None
    assert fire(second).status == 202
    assert store.get("shop", "out/in/twice.png.json") is not None


@pytest.mark.parametrize(
    "told",
    [
        storage.event("shop", "out/in/x.png.json", contentLength=5),
        storage.event("shop", "in/gone.png", contentLength=5, eTag="0x1"),
        storage.event("shop", "in/x.png", "Microsoft.Storage.BlobDeleted"),
    ],
)
def test_other_events_are_done_with(fire: Any, told: Any) -> None:
    assert fire(told).status == 202


@pytest.mark.parametrize("message", ["", "no event", '{"id": 1}', '{"eventType": "Microsoft.Storage.BlobCreated"}'])
def test_what_is_no_event_fails_so_that_it_is_put_aside(fire: Any, message: str) -> None:
    answer = fire(message)
    assert answer.status == 500
    assert b"EventError" in answer.body


def test_what_the_store_or_the_identity_does_not_do_is_tried_again(store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", store.environment["SSL_CERT_FILE"])
    blobs = Blobs(store.endpoint, store.environment)
    blobs.write("shop", "own/a.json", b"{}", "application/json")
    assert blobs.read(ObjectEvent("shop", "own/a.json"), 1) == Stored(b"{}", "application/json", "")
    assert blobs.read(ObjectEvent("shop", "own/a.json", version="0x1"), 1) is None
    with pytest.raises(Transient, match=r"cannot write nowhere/k: 404 .*ContainerNotFound"):
        blobs.write("nowhere", "k", b"", "text/plain")
    with pytest.raises(Transient, match="there is no managed identity here"):
        Blobs(store.endpoint, {}).write("shop", "k", b"", "text/plain")
    with pytest.raises(Transient, match=r"identity endpoint 127\.0\.0\.1:1 gave no token"):
        Blobs(store.endpoint, {"IDENTITY_ENDPOINT": "http://127.0.0.1:1/msi"}).write("shop", "k", b"", "text/plain")
    with pytest.raises(Transient, match=r"127\.0\.0\.1:1 cannot be reached"):
        Blobs("https://127.0.0.1:1/account", store.environment).write("shop", "k", b"", "text/plain")


def test_a_missing_role_is_named(store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", store.environment["SSL_CERT_FILE"])
    monkeypatch.setattr(Blobs, "token", lambda self: "no-token-at-all")
    with pytest.raises(Transient, match=r"40[13] .*Storage Blob Data Contributor on the container"):
        Blobs(store.endpoint, store.environment).write("shop", "k", b"", "text/plain")
