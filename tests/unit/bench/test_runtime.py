"""A runtime process under control, on a real bundle."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mldeploy.bench.measure import Call, cold_and_memory, first_answer_ms, floor, levels, run_client
from mldeploy.bench.memory import memory_bytes
from mldeploy.bench.runtime import RuntimeProcess, listen
from mldeploy.errors import DeployError
from mldeploy.progress import SilentReporter

BODY = b'{"inputs": [[1, 2]]}'


def call(url: str = "http://127.0.0.1:1", body: bytes = BODY) -> Call:
    return Call(url, "/predict", body, "application/json", {})


def quiet(bundle: Path) -> RuntimeProcess:
    return RuntimeProcess(bundle, os.environ, output=subprocess.DEVNULL)


def test_it_says_when_it_is_ready_and_drains(bundle: Path) -> None:
    with quiet(bundle) as runtime:
        assert isinstance(runtime.wait_ready(), dict)
        runtime.accept()
        assert first_answer_ms(runtime, call()) > 0
        assert memory_bytes(runtime.pid)["rss"] > 1_000_000
        assert runtime.wait(0.01) is None
        assert runtime.drain() == 0
    assert memory_bytes(runtime.pid) == {}


def test_a_caller_may_connect_before_it_is_ready(bundle: Path) -> None:
    with quiet(bundle) as runtime:
        runtime.accept()
        assert 1 < first_answer_ms(runtime, call()) < 60_000


def test_a_bundle_that_does_not_load_says_why(tmp_path: Path) -> None:
    with quiet(tmp_path) as runtime, pytest.raises(DeployError, match=r"the model did not load|ended with exit code"):
        runtime.wait_ready()


def test_not_ready_in_time(bundle: Path) -> None:
    with quiet(bundle) as runtime, pytest.raises(DeployError, match="within"):
        runtime.wait_ready(0.001)


def test_it_ends_when_its_owner_dies(bundle: Path) -> None:
    code = (
        "import os, subprocess, sys\nfrom pathlib import Path\nfrom mldeploy.bench.runtime import RuntimeProcess\n"
        "runtime = RuntimeProcess(Path(sys.argv[1]), os.environ, output=subprocess.DEVNULL)\n"
        "runtime.wait_ready()\nruntime.accept()\nprint(runtime.pid, flush=True)\nos.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(bundle)], capture_output=True, text=True, check=False)
    pid = int(done.stdout)
    deadline = time.monotonic() + 20
    while memory_bytes(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert memory_bytes(pid) == {}


def test_a_port_in_use_is_named() -> None:
    with listen("127.0.0.1", 0) as taken, pytest.raises(DeployError, match=r"cannot listen on 127.0.0.1:") as caught:
        listen("127.0.0.1", taken.getsockname()[1])
    assert "--port" in (caught.value.hint or "")


def test_levels_cold_starts_and_memory(bundle: Path) -> None:
    with quiet(bundle) as runtime:
        runtime.accept()
        runtime.wait_ready()
        found = levels(call(runtime.url), (1, 2), 0.3, SilentReporter())
    assert [level.concurrency for level in found] == [1, 2]
    assert all(level.requests > 0 and level.errors == {} for level in found)
    assert found[0].percentiles_ms["p50"] <= found[0].percentiles_ms["p99"]
    cold, memory = cold_and_memory(bundle, os.environ, call(), 2, SilentReporter())
    assert len(cold.samples_ms) == 2
    assert memory.ready["rss"] > 1_000_000
    assert memory.loaded["rss"] > 1_000_000


def test_error_answers_are_counted_and_not_timed(bundle: Path) -> None:
    with quiet(bundle) as runtime:
        runtime.accept()
        runtime.wait_ready()
        level = run_client(call(runtime.url, b'{"inputs": "no"}').job(1, 0.2))
        with pytest.raises(DeployError, match="was 4"):
            first_answer_ms(runtime, call(body=b"{}"))
    assert level.requests == 0
    assert level.percentiles_ms == {}
    assert level.errors["HTTP 422"] > 0


def test_the_floor_needs_no_model() -> None:
    level = floor(call(body=b"x" * 300_000), 200, 0.2)
    assert level.requests > 0
    assert level.errors == {}


def test_nobody_there() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(DeployError, match="does not answer"):
        run_client(call(f"http://127.0.0.1:{port}").job(1, 0.1))


def test_a_server_that_closes_before_the_answer(bundle: Path) -> None:
    with quiet(bundle) as runtime:
        runtime.wait_ready()
        runtime.accept()
        runtime.drain()
        with pytest.raises((DeployError, OSError)):
            first_answer_ms(runtime, call(), 0.5)
