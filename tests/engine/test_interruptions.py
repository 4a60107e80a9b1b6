"""Whatever stops a deployment, a plain `up` goes on: SIGKILL at every boundary, Ctrl-C, a lock that somebody holds.

aws: the real provider on moto; gcp, azure: STAND-INS.
"""

from __future__ import annotations

import os
import signal
import time

import pytest
from engine_lab.lab import Lab, finish
from plugin.boundary import Act

MOST_BOUNDARIES = 60
STOP_S = 120.0


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
    assert number >= 2  # resources that are made side by side die together
    _assert_whole(lab)


def test_interrupted_by_the_user(lab: Lab) -> None:
    status = lab.up_until(2, "after", number=signal.SIGINT)
    assert status == 130
    lab.up()
    _assert_whole(lab)


def test_locked_by_somebody_who_lives(lab: Lab) -> None:
    process = lab.start("up", "--cloud", lab.cloud, "--json")
    lab.boundary.set(Act(process.pid, at=1, number=signal.SIGSTOP))
    try:
        _await_act(lab)
        told = lab.up(code=4)
        assert f"process {process.pid}" in told["error"]["message"]
    finally:
        os.kill(process.pid, signal.SIGCONT)
    assert finish(process).returncode == 0
    _assert_whole(lab)


def _await_act(lab: Lab) -> None:
    """Until the process has been stopped in the middle of its work."""
    deadline = time.monotonic() + STOP_S
    while (lab.boundary.folder / "act.json").exists():
        assert time.monotonic() < deadline, "it did not come to the boundary"
        time.sleep(0.05)
