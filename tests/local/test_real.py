"""The real runtime on real bundles: a switch-over under load, crashes under load, and the limits that a cloud would enforce."""

from __future__ import annotations

import http.client
import json
import os
import signal
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from machine import until
from onnx import TensorProto, helper, numpy_helper

from mldeploy.bundle import pack
from mldeploy.errors import DeployError
from mldeploy.progress import SilentReporter
from mldeploy.providers.contract import Outputs, Status
from mldeploy.providers.local import plan as planning
from mldeploy.providers.local.driver import LocalDriver
from mldeploy.spec import load
from mldeploy.state import bundle_store


def write_model(path: Path, factor: float) -> None:
    """y = factor * x, for rows of three."""
    matrix = numpy_helper.from_array(np.eye(3, dtype=np.float32) * factor, "w")
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        "scale",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["rows", 3])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["rows", 3])],
        [matrix],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10), path)


HOOK = """
import time
import numpy as np

def load(model_dir):
    return np.ones({megabytes} << 17)

def predict(model, inputs):
    x = inputs["x"]
    if x[0, 0] == 1.0:
        time.sleep(30)
    if x[0, 0] == 2.0:
        return {{"y": np.ones(1 << 29)[:1].reshape(1, 1).astype(np.float32)}}
    return {{"y": x}}
"""


def up_text(home: Path, text: str) -> Outputs:
    (home / "mldeploy.yaml").write_text(text)
    loaded = load(home / "mldeploy.yaml")
    bundle = pack(loaded, bundle_store())
    return LocalDriver("scale", "dev").up(planning.plan(loaded, bundle), bundle, loaded, SilentReporter())


def up_factor(home: Path, factor: float, more: str = "") -> Outputs:
    write_model(home / "model.onnx", factor)
    return up_text(
        home,
        f"""
version: 1
name: scale
model: {{path: model.onnx}}
smoke: [{{inputs: [[1, 2, 3]], expect: {{outputs: {{y: [[{factor}, {2 * factor}, {3 * factor}]]}}}}}}]
{more}
""",
    )


def up_hook(home: Path, resources: str, megabytes: int = 1) -> Outputs:
    (home / "hook.py").write_text(HOOK.format(megabytes=megabytes))
    return up_text(
        home,
        f"""
version: 1
name: scale
model:
  format: python
  hook: hook.py
  inputs: [{{name: x, dtype: FP32, shape: [-1, 1]}}]
  outputs: [{{name: y, dtype: FP32, shape: [-1, 1]}}]
resources: {{{resources}}}
env: {{MLDEPLOY_STUCK_GRACE_S: "0.1"}}
""",
    )


def post(connection: http.client.HTTPConnection, body: Any, headers: dict[str, str] | None = None) -> tuple[int, Any]:
    connection.request("POST", "/predict", json.dumps(body), {"content-type": "application/json", **(headers or {})})
    response = connection.getresponse()
    return response.status, json.loads(response.read())


def ask_once(url: str, body: Any, headers: dict[str, str] | None = None) -> tuple[int, Any]:
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=30)
    try:
        return post(connection, body, headers)
    finally:
        connection.close()


class Load:
    """Callers in threads: half of them keep their connection, half open one for each request. Every failure is kept."""

    def __init__(self, url: str, callers: int = 6) -> None:
        self.address = url.removeprefix("http://")
        self.answers: Counter[float] = Counter()
        self.failures: list[str] = []
        self._is_over = threading.Event()
        self._threads = [threading.Thread(target=self._call, args=(n % 2 == 0,)) for n in range(callers)]

    def _call(self, is_kept: bool) -> None:
        connection = http.client.HTTPConnection(self.address, timeout=30)
        while not self._is_over.is_set():
            try:
                status, answer = post(connection, {"inputs": [[1, 0, 0]]})
                assert status == 200, answer
                self.answers[answer["outputs"]["y"][0][0]] += 1
            except Exception as error:
                self.failures.append(f"{'kept' if is_kept else 'fresh'}: {error!r}")
                connection.close()
            if not is_kept:
                connection.close()
        connection.close()

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._is_over.set()
        for thread in self._threads:
            thread.join()


def test_switching_over_under_load_fails_no_request(home: Path) -> None:
    url = up_factor(home, 1).url
    with Load(url) as load_now:
        until(lambda: load_now.answers[1.0] > 100)
        for factor in (2.0, 3.0, 4.0):
            assert up_factor(home, factor).url == url
            until(lambda factor=factor: load_now.answers[factor] > 100)
    assert load_now.failures == []
    assert set(load_now.answers) == {1.0, 2.0, 3.0, 4.0}
    assert sum(load_now.answers.values()) > 400


def test_a_rejected_release_is_never_seen_by_callers(home: Path) -> None:
    outputs = up_factor(home, 1)
    with Load(outputs.url) as load_now:
        write_model(home / "model.onnx", 2)
        with pytest.raises(Exception, match=r"outputs.y\[0\]\[0\]: expected 9.0 ± 0.0001, got 2.0"):
            up_text(
                home,
                """
version: 1
name: scale
model: {path: model.onnx}
smoke: [{inputs: [[1, 0, 0]], expect: {outputs: {y: [[9.0, 0, 0]]}}}]
""",
            )
        until(lambda: load_now.answers[1.0] > 100)
    assert load_now.failures == []
    assert set(load_now.answers) == {1.0}


def test_a_kill_under_load_refuses_no_connection(home: Path) -> None:
    outputs = up_factor(home, 1)
    with Load(outputs.url) as load_now:
        until(lambda: load_now.answers[1.0] > 50)
        os.kill(outputs.values["pid"], signal.SIGKILL)
        done = load_now.answers[1.0]
        until(lambda: load_now.answers[1.0] > done + 100)
    # What was in the killed process is lost; nothing else is, and nobody was refused.
    assert len(load_now.failures) <= 12
    assert not [failure for failure in load_now.failures if "Refused" in failure]


def test_the_body_limit_is_enforced_and_named(home: Path) -> None:
    url = up_factor(home, 1, "clouds: {local: {max_body_mb: 0.001}}").url
    status, problem = ask_once(url, {"inputs": [[1, 2, 3]] * 500})
    assert status == 413
    assert "1048" in json.dumps(problem)


def test_the_time_limit_is_enforced_and_a_stuck_runtime_replaced(home: Path) -> None:
    outputs = up_hook(home, "timeout_s: 0.3, concurrency: 1")
    driver = LocalDriver("scale", "dev")

    def is_restarted() -> Status | None:
        # One stuck worker is replaced; with one more than the concurrency stuck, only a new process helps.
        assert ask_once(outputs.url, {"inputs": [[1.0]]})[0] in (503, 504)
        status = driver.status()
        return status if status.values["restarts"] else None

    status = until(is_restarted, 30)
    assert "hung past its timeout" in status.detail
    assert ask_once(outputs.url, {"inputs": [[3.0]]}) == (200, {"model": "scale", "outputs": {"y": [[3.0]]}})


def test_a_model_that_does_not_fit_the_memory_limit_is_named_so(home: Path) -> None:
    with pytest.raises(DeployError, match=r"out of memory: limit 256 MiB \(resources.memory_mb\)") as caught:
        up_hook(home, "memory_mb: 256", megabytes=600)
    assert "raise resources.memory_mb" in (caught.value.hint or "")
    assert up_hook(home, "memory_mb: 1024", megabytes=600).changed


def test_a_request_over_the_memory_limit_fails_alone(home: Path) -> None:
    url = up_hook(home, "memory_mb: 512").url
    status, _ = ask_once(url, {"inputs": [[2.0]]})
    assert status == 500
    assert ask_once(url, {"inputs": [[3.0]]})[0] == 200


def test_the_smallest_limit_is_enough_for_a_small_model(home: Path) -> None:
    url = up_factor(home, 1, "resources: {memory_mb: 64}").url
    assert ask_once(url, {"inputs": [[1, 2, 3]] * 1000})[0] == 200


def test_the_key_is_asked_for(home: Path) -> None:
    url = up_factor(home, 1, "access: key").url
    assert ask_once(url, {"inputs": [[1, 2, 3]]})[0] == 401
    endpoint = LocalDriver("scale", "dev").endpoint()
    assert endpoint is not None
    assert ask_once(url, {"inputs": [[1, 2, 3]]}, dict(endpoint.headers))[0] == 200


def test_nothing_changed_is_fast_and_so_is_the_first_up(home: Path) -> None:
    up_factor(home, 1)
    started_s = time.perf_counter()
    assert not up_factor(home, 1).changed
    assert time.perf_counter() - started_s < 5.0  # measured: 0.01 s; the bound only catches a wait
