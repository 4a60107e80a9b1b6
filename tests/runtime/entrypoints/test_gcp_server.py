"""Google Cloud Run's entry point as a process: the whole corpus, start-up, the log, the probe."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
COMMAND = (sys.executable, "-P", "-m", "mldeploy.providers.gcp.entry.server")
PLAIN = b'{"inputs": [[1, 2, 3]]}'
JSON = (("content-type", "application/json"),)

Serve = Callable[..., Any]


def _load(name: str) -> Any:
    import importlib.util

    spec = importlib.util.spec_from_file_location(f"gcp_{name}", HERE / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


corpus = _load("corpus")
wire = _load("plain_http")


@pytest.fixture(scope="module")
def serve(bundle: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serve]:
    """Start (once for each set of settings) the server as the container does."""
    root = tmp_path_factory.mktemp("gcp")
    folder = corpus.bundles(tmp_path_factory.mktemp("gcp-bundles"))
    running: dict[tuple[Any, ...], Any] = {}

    def get(name: str, **settings: str) -> Any:
        key = (name, *sorted(settings.items()))
        if key not in running:
            port = wire.free_port()
            environment = {"HOST": "127.0.0.1", "PORT": str(port), "MLDEPLOY_BUNDLE": str(folder(name)), **settings}
            running[key] = wire.start(COMMAND, environment, root / f"{len(running)}.log", port)
        return running[key]

    get.folder = folder  # type: ignore[attr-defined]
    yield get
    for one in running.values():
        one.stop()


def test_the_corpus(serve: Any) -> None:
    found = corpus.run_corpus(
        "gcp-server", lambda case: serve(case.bundle, **corpus.settings(case)).ask(case), serve.folder, corpus.CORPUS
    )
    assert found == []


@pytest.mark.parametrize("port", ["http", "65536", "-1", "80 80"])
def test_a_bad_port_is_named(port: str, bundle: Callable[[str], Path]) -> None:
    done = subprocess.run(
        COMMAND,
        env=os.environ | {"PORT": port, "MLDEPLOY_BUNDLE": str(bundle("plain"))},
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == 1
    assert f"PORT={port!r} is not a port number" in done.stderr


def test_a_broken_bundle_ends_the_container_with_the_reason(tmp_path: Path) -> None:
    environment = os.environ | {"PORT": "0", "HOST": "127.0.0.1", "MLDEPLOY_BUNDLE": str(tmp_path / "none")}
    done = subprocess.run(COMMAND, env=environment, capture_output=True, text=True, timeout=30)
    assert done.returncode == 1
    assert "cannot serve" in done.stderr
    assert str(tmp_path / "none") in done.stderr


def test_without_a_trigger_there_is_no_event_route(serve: Any) -> None:
    answer = serve("plain").send("POST", "/events/objects", JSON, b"{}")
    assert answer.status == 404


def test_log_lines_are_what_cloud_logging_reads(serve: Any) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    server = serve("plain", GOOGLE_CLOUD_PROJECT="shop-1", MLDEPLOY_STAGE="prod")
    said = {
        "with": ("traceparent", f"00-{trace}-00f067aa0ba902b7-01"),
        "old": ("x-cloud-trace-context", f"{trace[::-1]}/1;o=1"),
        "without": ("x-cloud-trace-context", "nonsense"),
    }
    for request_id, header in said.items():
        server.send("POST", "/predict", (*JSON, header, ("x-request-id", request_id)), PLAIN)
    by_id = {line["request_id"]: line for line in log_lines(server, len(said)) if line.get("path") == "/predict"}
    assert all(line["severity"] == line["level"].upper() for line in by_id.values())
    name = "logging.googleapis.com/trace"
    assert by_id["with"][name] == f"projects/shop-1/traces/{trace}"
    assert by_id["old"][name] == f"projects/shop-1/traces/{trace[::-1]}"
    assert name not in by_id["without"]


def log_lines(server: Any, predictions: int) -> list[Any]:
    """What was logged, once that many predictions are in it: lines are written after the answers."""
    for _ in range(200):
        lines = [json.loads(line) for line in server.log.read_text().splitlines() if line.startswith("{")]
        if sum(line.get("path") == "/predict" for line in lines) >= predictions:
            return lines
        time.sleep(0.02)
    raise AssertionError(f"only these lines were logged: {lines}")


def test_the_probe_asks_through_the_server(serve: Any) -> None:
    lines = [
        {"method": "POST", "path": "/predict", "headers": dict(JSON), "body": base64.b64encode(PLAIN).decode()},
        {"method": "GET", "path": "/v2/health/ready"},
        {"method": "GET", "path": "/v2/%2e%2e/x"},
        {"nothing": 1},
    ]
    done = subprocess.run(
        (*COMMAND[:-1], "mldeploy.providers.gcp.entry.probe"),
        input="".join(json.dumps(line) + "\n" for line in lines),
        env=os.environ | {"MLDEPLOY_BUNDLE": str(serve.folder("plain"))},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    ready, predicted, live, refused, bad = (json.loads(line) for line in done.stdout.splitlines())
    assert ready == {"ready": True}
    assert predicted["status"] == 200
    assert json.loads(base64.b64decode(predicted["body"]))["outputs"] == {"y": [[4, 5]]}
    assert live["status"] == 200
    assert refused["status"] == 400
    assert "error" in bad


def test_the_probe_of_a_broken_bundle_fails(tmp_path: Path) -> None:
    done = subprocess.run(
        (*COMMAND[:-1], "mldeploy.providers.gcp.entry.probe"),
        env=os.environ | {"MLDEPLOY_BUNDLE": str(tmp_path)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert "cannot serve" in done.stderr
