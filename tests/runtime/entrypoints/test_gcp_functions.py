"""A deployment from source under the real functions-framework: the whole corpus through `http`, and how it starts and fails."""

from __future__ import annotations

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
MAIN = "from mldeploy.providers.gcp.entry.functions import cloud_event, http\n"


def _load(name: str) -> Any:
    spec = importlib.util.spec_from_file_location(f"gcp_functions_{name}", HERE / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


corpus = _load("corpus")
wire = _load("plain_http")


def framework() -> str:
    """The framework's command."""
    found = shutil.which("functions-framework", path=str(Path(sys.executable).parent)) or shutil.which("functions-framework")
    if not found:
        pytest.skip("functions-framework is not installed: pip install 'functions-framework>=3.10'")
    return found


def command(source: Path, port: int) -> tuple[str, ...]:
    return (framework(), "--target", "http", "--source", str(source), "--host", "127.0.0.1", "--port", str(port))


@pytest.fixture(scope="module")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Start (once for each set of settings) the framework on a main.py that has our targets."""
    root = tmp_path_factory.mktemp("functions")
    (root / "main.py").write_text(MAIN)
    folder = corpus.bundles(tmp_path_factory.mktemp("functions-bundles"))
    running: dict[tuple[Any, ...], Any] = {}

    def get(name: str, **settings: str) -> Any:
        key = (name, *sorted(settings.items()))
        if key not in running:
            port = wire.free_port()
            environment = {"MLDEPLOY_BUNDLE": str(folder(name)), **settings}
            running[key] = wire.start(command(root / "main.py", port), environment, root / f"{len(running)}.log", port)
        return running[key]

    get.folder = folder  # type: ignore[attr-defined]
    yield get
    for one in running.values():
        one.stop()


def test_the_corpus(serve: Any) -> None:
    found = corpus.run_corpus(
        "gcp-functions", lambda case: serve(case.bundle, **corpus.settings(case)).ask(case), serve.folder, corpus.CORPUS
    )
    assert found == []


def test_many_threads_get_their_own_answers(serve: Any) -> None:
    """The model runs in forks of the process that imported it, with as many engine threads as there are cores."""
    server = serve("plain", MLDEPLOY_THREADS="2")

    def ask(number: int) -> Any:
        body = json.dumps({"inputs": [[number, 0, 1]]}).encode()
        return json.loads(server.send("POST", "/predict", (("content-type", "application/json"),), body).body)["outputs"]["y"]

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, range(200))) == [[[number + 1, 1]] for number in range(200)]


def test_an_answer_without_content_has_no_content_type(serve: Any) -> None:
    answer = serve("plain").send("OPTIONS", "/predict")
    assert (answer.status, answer.body) == (204, b"")
    assert "content-type" not in dict(answer.headers)


def run_to_the_end(bundle: Path, tmp_path: Path) -> subprocess.CompletedProcess[str]:
    (tmp_path / "main.py").write_text(MAIN)
    return subprocess.run(
        command(tmp_path / "main.py", wire.free_port()),
        env=os.environ | {"MLDEPLOY_BUNDLE": str(bundle)},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_a_folder_that_is_no_bundle_fails_the_start(tmp_path: Path) -> None:
    done = run_to_the_end(tmp_path / "none", tmp_path)
    assert done.returncode != 0
    assert str(tmp_path / "none") in done.stderr


def test_a_model_that_does_not_load_ends_the_server(tmp_path: Path, serve: Any) -> None:
    broken = shutil.copytree(serve.folder("plain"), tmp_path / "broken")
    (broken / "model.onnx").write_bytes(b"no model")
    done = run_to_the_end(broken, tmp_path)
    assert done.returncode != 0
    assert f"cannot serve {broken}" in done.stderr
