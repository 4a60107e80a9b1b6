"""Whatever stops a deployment, a plain `up` goes on: SIGKILL at every boundary, Ctrl-C, a lock that somebody holds.

aws: the real provider on moto; gcp, azure: STAND-INS.
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest
from machine.lab import Lab, finish

MOST_BOUNDARIES = 60


def _assert_whole(lab: Lab) -> None:
    """It answers, nothing is left to do, and destroy leaves nothing."""
    assert lab.on_cloud("invoke", "[[1, 2]]")["outputs"] == {"y": [[2.0, 4.0]]}
    lab.boundary.clear()
    assert lab.up()["changed"] is False
    assert lab.boundary.crossings == []
    lab.on_cloud("destroy", "-y")
    assert lab.hands.everything() == []


@pytest.mark.parametrize("is_total", [False, True], ids=["cli", "power cut"])
def test_killed_at_every_boundary(lab: Lab, is_total: bool) -> None:
    """Each run is killed at its first boundary of the other kind; so the runs go through all of them, one after another, and
    every one but the first begins with what a killed one left."""
    for number in range(MOST_BOUNDARIES):
        phase = "after" if number % 2 == 0 else "before"
        status = lab.up_until(1 if phase == "after" else 2, phase, is_total=is_total)
        if status is None:
            break
        assert status == -signal.SIGKILL
    else:
        pytest.fail(f"not done after {MOST_BOUNDARIES} runs")
    assert number > 3
    _assert_whole(lab)


def test_interrupted_by_the_user(lab: Lab) -> None:
    status = lab.up_until(2, "after", number=signal.SIGINT)
    assert status == 130
    lab.up()
    _assert_whole(lab)


def test_locked_by_somebody_who_lives(lab: Lab) -> None:
    process = lab.start("up", "--cloud", lab.cloud, "--json")
    _await_lock(lab, process.pid)
    told = lab.up(code=4)
    assert f"process {process.pid}" in told["error"]["message"]
    assert finish(process).returncode == 0
    _assert_whole(lab)


def _await_lock(lab: Lab, pid: int) -> None:
    """Until that process holds the deployment's lock."""
    state = Path(lab.environment["MLDEPLOY_STATE_DIR"])
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        locks = list(state.glob(f"{lab.cloud}/*/lock"))
        if locks and f'"pid": {pid}' in locks[0].read_text():
            return
        os.kill(pid, 0)
        time.sleep(0.05)
    raise TimeoutError("no lock was taken")
