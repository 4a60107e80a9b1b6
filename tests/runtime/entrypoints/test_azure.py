"""Azure's entry point in the real Functions Python worker library: the whole corpus, keys, timers, failures, the probe.

The Functions host itself is in no package registry: azure_host.py stands in for it.
"""

from __future__ import annotations

import base64
import http.client
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
PLAIN = b'{"inputs": [[1, 2, 3]]}'
JSON = (("content-type", "application/json"),)
# The real host's server hands over "%zz" as a valid escape of "%": nothing is left to tell it from a client that sent that.
MANGLED = "malformed escape"


def _load(name: str) -> Any:
    spec = importlib.util.spec_from_file_location(f"azure_{name}", HERE / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


corpus = _load("corpus")
wire = _load("plain_http")
worker = _load("azure_worker")


@pytest.fixture(scope="module")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Start (once for each set of settings) the stand-in host on our app."""
    worker.environment()
    root = worker.site(tmp_path_factory.mktemp("wwwroot"))
    logs = tmp_path_factory.mktemp("azure-logs")
    folder = corpus.bundles(tmp_path_factory.mktemp("azure-bundles"))
    running: dict[tuple[Any, ...], Any] = {}

    def get(name: str, keys: dict[str, Any] | None = None, **settings: str) -> Any:
        key = (name, json.dumps(keys), *sorted(settings.items()))
        if key not in running:
            port = wire.free_port()
            file = None
            if keys is not None:
                file = logs / f"{len(running)}.keys.json"
                file.write_text(json.dumps(keys))
            environment = {"MLDEPLOY_BUNDLE": str(folder(name)), **settings}
            ready = None if settings.get("MLDEPLOY_AZURE_AUTH_LEVEL") else 200
            log = logs / f"{len(running)}.log"
            running[key] = wire.start(worker.command(root, port, file), environment, log, port, ready=ready)
        return running[key]

    get.folder, get.root = folder, root  # type: ignore[attr-defined]
    yield get
    for one in running.values():
        one.stop()


def test_the_corpus(serve: Any) -> None:
    cases = [case for case in corpus.CORPUS if case.name != MANGLED]
    found = corpus.run_corpus("azure", lambda case: serve(case.bundle, **corpus.settings(case)).ask(case), serve.folder, cases)
    assert found == []


def test_a_malformed_escape_is_just_another_path(serve: Any) -> None:
    (case,) = [case for case in corpus.CORPUS if case.name == MANGLED]
    assert serve(case.bundle, **corpus.settings(case)).ask(case).status == 404


def test_a_body_in_chunks_is_refused_with_the_reason(serve: Any) -> None:
    """The real host would drop it, and the model be asked about nothing."""
    connection = http.client.HTTPConnection("127.0.0.1", serve("plain").port, timeout=30)
    connection.request("POST", "/predict", iter([PLAIN]), dict(JSON), encode_chunked=True)
    answer = connection.getresponse()
    assert answer.status == 400
    assert "Content-Length" in json.loads(answer.read())["detail"]
    connection.close()


def test_one_slow_prediction_keeps_nobody_waiting(serve: Any, tmp_path: Path) -> None:
    bundle = shutil.copytree(serve.folder("hooked"), tmp_path / "slow")
    text = (bundle / "hook.py").read_text()
    slow = "    import time\n    time.sleep(1.5 if len(text) > 100 else 0)\n    return"
    (bundle / "hook.py").write_text(text.replace("    return", slow))
    port = wire.free_port()
    settings = {"MLDEPLOY_BUNDLE": str(bundle), "MLDEPLOY_CONCURRENCY": "2", "MLDEPLOY_QUEUE": "1"}
    server = wire.start(worker.command(serve.root, port), settings, tmp_path / "log", port)
    try:
        body = json.dumps({"inputs": "x" * 101}).encode()
        with ThreadPoolExecutor(4) as pool:
            slow_ones = [pool.submit(server.send, "POST", "/predict", JSON, body) for _ in range(4)]
            live = server.send("GET", "/v2/health/live", timeout_s=1.0)
            statuses = sorted(one.result().status for one in slow_ones)
        assert live.status == 200
        assert statuses == [200, 200, 200, 429]
    finally:
        server.stop()


def test_function_level_keys(serve: Any) -> None:
    keys = {"master": "m" * 20, "host": "h" * 20, "functions": {"http": "f" * 20, "other": "o" * 20}}
    server = serve("plain", keys, MLDEPLOY_AZURE_AUTH_LEVEL="function")
    assert server.send("GET", "/metadata").status == 401
    assert server.send("GET", "/metadata", (("x-functions-key", "o" * 20),)).status == 401
    for given in ("f" * 20, "h" * 20, "m" * 20):
        assert server.send("GET", "/metadata", (("x-functions-key", given),)).status == 200
    assert server.send("GET", f"/metadata?code={'f' * 20}").status == 200
    assert server.send("POST", f"/predict?code={'f' * 20}", JSON, PLAIN).status == 200


BINDINGS = """
import importlib.util, json, pathlib, sys
spec = importlib.util.spec_from_file_location("azure_host", sys.argv[1])
host = importlib.util.module_from_spec(spec)
spec.loader.exec_module(host)
worker = host.Worker(pathlib.Path(sys.argv[2]))
print(json.dumps({name: worker.bindings(name) for name in worker.functions}))
"""


def bindings(serve: Any, **settings: str) -> dict[str, list[dict[str, Any]]]:
    """Every function's bindings as the worker reports them to the host."""
    done = subprocess.run(
        [str(worker.environment()), "-c", BINDINGS, str(worker.HOST), str(serve.root)],
        env=os.environ | {"MLDEPLOY_BUNDLE": str(serve.folder("plain")), **settings},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, list[dict[str, Any]]] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_only_what_is_configured_is_indexed(serve: Any) -> None:
    found = bindings(serve)
    assert set(found) == {"http"}
    (route,) = [binding for binding in found["http"] if binding["type"] == "httpTrigger"]
    assert (route["route"], route["authLevel"]) == ("{*path}", "ANONYMOUS")
    assert set(route["methods"]) == {"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"}


def test_bindings_of_a_queue_and_a_timer(serve: Any) -> None:
    schedule = {"MLDEPLOY_SCHEDULE": "0 0 6 * * *", "MLDEPLOY_SCHEDULE_BODY": "{}"}
    found = bindings(serve, MLDEPLOY_STORAGE_ACCOUNT="shop", **schedule)
    assert set(found) == {"http", "messages", "schedule"}
    (queue,) = found["messages"]
    assert queue["type"] == "queueTrigger"
    assert (queue["queueName"], queue["connection"]) == ("mldeploy-objects", "AzureWebJobsStorage")
    (timer,) = found["schedule"]
    assert (timer["type"], timer["schedule"], timer["runOnStartup"]) == ("timerTrigger", "0 0 6 * * *", False)


def test_bindings_of_a_blob_trigger(serve: Any) -> None:
    settings = {"MLDEPLOY_TRIGGER_CONTAINER": "shop", "MLDEPLOY_TRIGGER_PREFIX": "in/", "MLDEPLOY_TRIGGER_SUFFIX": ".png"}
    found = {binding["name"]: binding for binding in bindings(serve, **settings, MLDEPLOY_TRIGGER_CONNECTION="Own")["objects"]}
    assert set(found) == {"blob", "answer", "refusal"}
    assert {binding["connection"] for binding in found.values()} == {"Own"}
    assert (found["blob"]["type"], found["blob"]["source"]) == ("blobTrigger", "EventGrid")
    assert found["blob"]["path"] == "shop/in/{name}.png"
    assert found["answer"]["path"] == "shop/results/in/{name}.png.json"
    assert found["refusal"]["path"] == "shop/results/in/{name}.png.error.json"


def test_a_blob_trigger_writes_its_answer(serve: Any, tmp_path: Path) -> None:
    shop = tmp_path / "blobs/shop/in"
    shop.mkdir(parents=True)
    (shop / "good.png").write_bytes(corpus.picture("PNG"))
    (shop / "bad.png").write_bytes(b"no picture")
    (shop / "large.png").write_bytes(b"x" * 5001)
    (tmp_path / "blobs/shop/results").mkdir()
    (tmp_path / "blobs/shop/results/in.png.json").write_bytes(b"{}")
    keys = tmp_path / "keys.json"
    keys.write_text(json.dumps({"master": "m" * 20}))
    settings = {
        "MLDEPLOY_BUNDLE": str(serve.folder("colour")),
        "MLDEPLOY_TRIGGER_CONTAINER": "shop",
        "MLDEPLOY_MAX_BODY_BYTES": "5000",
    }
    port = wire.free_port()
    server = wire.start(worker.command(serve.root, port, keys, tmp_path / "blobs"), settings, tmp_path / "log", port)
    try:
        for key in ("in/good.png", "in/bad.png", "in/large.png", "results/in.png.json"):
            body = json.dumps({"input": f"shop/{key}"}).encode()
            answer = server.send("POST", "/admin/functions/objects", (("x-functions-key", "m" * 20),), body)
            assert answer.status == 202, answer.body
    finally:
        server.stop()
    written = {
        str(path.relative_to(tmp_path / "blobs/shop/results")) for path in (tmp_path / "blobs/shop/results/in").rglob("*")
    }
    assert written == {"in/good.png.json", "in/bad.png.error.json", "in/large.png.error.json"}
    results = tmp_path / "blobs/shop/results/in"
    assert json.loads((results / "good.png.json").read_bytes())["predictions"][0][0]["label"] == "green"
    assert json.loads((results / "bad.png.error.json").read_bytes())["status"] == 422
    assert json.loads((results / "large.png.error.json").read_bytes())["status"] == 413


def test_a_timer_asks_its_request(serve: Any) -> None:
    keys = {"master": "m" * 20}
    settings = {"MLDEPLOY_SCHEDULE": "0 0 6 * * *", "MLDEPLOY_ACCESS": "key", "MLDEPLOY_API_KEY": "k" * 20}
    good = serve("plain", keys, **settings, MLDEPLOY_SCHEDULE_BODY='{"inputs": [[1, 2, 3]]}')
    master = (("x-functions-key", "m" * 20),)
    assert good.send("POST", "/admin/functions/schedule", master, b"{}").status == 202
    lines = [json.loads(line) for line in good.log.read_text().splitlines() if line.startswith("{")]
    assert [line["status"] for line in lines if line.get("route") == "predict"] == [200]
    bad = serve("plain", keys, **settings, MLDEPLOY_SCHEDULE_BODY='{"inputs": 1}')
    answer = bad.send("POST", "/admin/functions/schedule", master, b"{}")
    assert answer.status == 500
    assert b"the scheduled request was answered 422" in answer.body


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"MLDEPLOY_BUNDLE": "/nowhere/at/all"}, "/nowhere/at/all"),
        ({"MLDEPLOY_AZURE_AUTH_LEVEL": "admin"}, "MLDEPLOY_AZURE_AUTH_LEVEL='admin' must be one of anonymous, function"),
        ({"MLDEPLOY_SCHEDULE": "0 6 * * *", "MLDEPLOY_SCHEDULE_BODY": "1"}, "must have six fields"),
        ({"MLDEPLOY_SCHEDULE": "0 0 6 * * *"}, "needs MLDEPLOY_SCHEDULE_BODY as JSON"),
        ({"MLDEPLOY_TRIGGER_CONTAINER": "a", "MLDEPLOY_STORAGE_ACCOUNT": "b"}, "would predict each blob twice"),
        ({"MLDEPLOY_TIMEOUT_S": "soon"}, "MLDEPLOY_TIMEOUT_S='soon' is not a number"),
    ],
)
def test_a_broken_app_is_an_indexing_error_with_the_reason(serve: Any, settings: dict[str, str], said: str) -> None:
    done = indexed(serve, {"MLDEPLOY_BUNDLE": str(serve.folder("plain")), **settings})
    assert done.returncode == 1
    assert said in done.stderr


def test_a_broken_model_is_an_indexing_error_with_the_reason(serve: Any, tmp_path: Path) -> None:
    broken = shutil.copytree(serve.folder("plain"), tmp_path / "broken")
    (broken / "model.onnx").write_bytes(b"no model")
    done = indexed(serve, {"MLDEPLOY_BUNDLE": str(broken)})
    assert done.returncode == 1
    assert f"cannot serve {broken}" in done.stderr


def indexed(serve: Any, settings: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = worker.command(serve.root, wire.free_port())
    return subprocess.run(command, env=os.environ | settings, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("version", ["azure-functions 2.x", "azure-functions of this Python"])
def test_the_probe_asks_through_the_function(serve: Any, version: str) -> None:
    """Both major versions of azure-functions: 2.x beside the worker, 1.x on a Python before 3.13."""
    python = str(worker.environment()) if version.endswith("2.x") else sys.executable
    lines = [
        {"method": "POST", "path": "/predict", "headers": dict(JSON), "body": base64.b64encode(PLAIN).decode()},
        {"method": "GET", "path": "/v2/health/ready?x=1"},
        {"method": "GET", "path": "/v2/%2e%2e/x"},
    ]
    done = subprocess.run(
        [python, "-m", "mldeploy.providers.azure.entry.probe"],
        input="".join(json.dumps(line) + "\n" for line in lines),
        env=os.environ | {"MLDEPLOY_BUNDLE": str(serve.folder("plain"))},
        cwd=serve.root,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    ready, predicted, live, refused = (json.loads(line) for line in done.stdout.splitlines())
    assert ready == {"ready": True}
    assert json.loads(base64.b64decode(predicted["body"]))["outputs"] == {"y": [[4, 5]]}
    assert (live["status"], refused["status"]) == (200, 400)
