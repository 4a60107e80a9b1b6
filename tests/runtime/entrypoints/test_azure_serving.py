"""The runtime behind the worker's event loop: a slow load, a full queue, a load that fails late. In this Python, no worker."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mldeploy.providers.azure.entry.serving import LoadError, Sent, Serving

PREDICT = Sent("POST", "/predict", "", {"content-type": "application/json"}, b'{"inputs": "two words"}', "i-1")
READY = Sent("GET", "/v2/health/ready", "", {}, b"", "i-2")

Bundle = Callable[[str], Path]


def slow_bundle(bundle: Bundle, folder: Path, before: str, within: str = "") -> Path:
    """A bundle whose hook does something while it is imported, and while it works."""
    copy = shutil.copytree(bundle("hooked"), folder / "slow")
    text = (copy / "hook.py").read_text().replace("    return", f"    {within}\n    return" if within else "    return")
    (copy / "hook.py").write_text(f"{before}\n{text}")
    return copy


def test_requests_wait_for_a_model_that_loads_longer_than_indexing_may_take(bundle: Bundle, tmp_path: Path) -> None:
    folder = slow_bundle(bundle, tmp_path, "import time; time.sleep(1)")
    serving = Serving({"MLDEPLOY_BUNDLE": str(folder)}, max_indexing_s=0.01)

    async def ask() -> tuple[int, int]:
        return (await serving.answer(READY)).status, (await serving.answer(PREDICT)).status

    assert asyncio.run(ask()) == (503, 200)


def test_a_full_queue_is_told_so(bundle: Bundle, tmp_path: Path) -> None:
    folder = slow_bundle(bundle, tmp_path, "import time", "time.sleep(0.5)")
    environ = {"MLDEPLOY_BUNDLE": str(folder), "MLDEPLOY_CONCURRENCY": "1", "MLDEPLOY_QUEUE": "1", "MLDEPLOY_POOL": "pool"}
    serving = Serving(environ)

    async def ask() -> list[int]:
        answers = await asyncio.gather(*(serving.answer(PREDICT) for _ in range(3)), serving.answer(READY))
        refused = [answer for answer in answers if answer.status == 429]
        assert [dict(answer.headers)["retry-after"] for answer in refused] == ["1"]
        assert json.loads(refused[0].body)["detail"] == "2 predictions are running or waiting"
        return sorted(answer.status for answer in answers)

    assert asyncio.run(ask()) == [200, 200, 200, 429]


def test_time_in_the_queue_counts(bundle: Bundle, tmp_path: Path) -> None:
    folder = slow_bundle(bundle, tmp_path, "import time", "time.sleep(1.0)")
    environ = {
        "MLDEPLOY_BUNDLE": str(folder),
        "MLDEPLOY_CONCURRENCY": "1",
        "MLDEPLOY_POOL": "pool",
        "MLDEPLOY_TIMEOUT_S": "1.8",
    }
    serving = Serving(environ)

    async def ask() -> list[int]:
        return [answer.status for answer in await asyncio.gather(*(serving.answer(PREDICT) for _ in range(3)))]

    assert asyncio.run(ask()) == [200, 504, 504]


def test_a_failure_while_indexing_is_raised(bundle: Bundle, tmp_path: Path) -> None:
    folder = slow_bundle(bundle, tmp_path, "raise SystemExit('no licence')")
    with pytest.raises(LoadError, match=f"cannot serve {folder}: .*no licence"):
        Serving({"MLDEPLOY_BUNDLE": str(folder)})


def test_a_failure_after_indexing_ends_the_worker(bundle: Bundle, tmp_path: Path) -> None:
    folder = slow_bundle(bundle, tmp_path, "import time; time.sleep(1); raise RuntimeError('no licence')")
    script = (
        "import os, time\nfrom mldeploy.providers.azure.entry.serving import Serving\n"
        "Serving(os.environ, max_indexing_s=0.01)\ntime.sleep(30)\n"
    )
    environ = os.environ | {"MLDEPLOY_BUNDLE": str(folder)}
    done = subprocess.run([sys.executable, "-c", script], env=environ, capture_output=True, text=True, timeout=25)
    assert done.returncode == 1
    assert f"cannot serve {folder}" in done.stderr
    assert "no licence" in done.stderr


def test_lines_carry_a_level_and_the_platforms_id(bundle: Bundle, caplog: pytest.LogCaptureFixture) -> None:
    serving = Serving({"MLDEPLOY_BUNDLE": str(bundle("plain")), "MLDEPLOY_STAGE": "prod"})
    asyncio.run(serving.answer(PREDICT))
    serving.runtime.log.event("warning", "odd")
    told = [(record.levelno, json.loads(record.message)) for record in caplog.records if record.name == "mldeploy"]
    (level, line) = next(pair for pair in told if pair[1]["event"] == "request")
    assert level == logging.INFO
    assert (line["request_id"], line["stage"], line["status"]) == ("i-1", "prod", 422)
    assert told[-1][0] == logging.WARNING
