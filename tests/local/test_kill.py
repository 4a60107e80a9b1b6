"""SIGKILL at any moment, of the command, the supervisor or the runtime; then `up` converges and nothing is left over."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
from machine import ask, processes_of, until, up

from mldeploy.errors import MldeployError
from mldeploy.progress import SilentReporter
from mldeploy.providers.contract import Outputs
from mldeploy.providers.local import process, records, supervision
from mldeploy.providers.local.driver import LocalDriver
from mldeploy.state import state_dir

DRIVER = LocalDriver("m", "dev")
VICTIM = str(Path(__file__).with_name("victim.py"))


def victim(home: Path, kill_at: int, number: int) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, VICTIM, str(kill_at), str(number), str(home)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def up_at_a_rare_port(home: Path) -> Outputs:
    """A port that no test beside this one takes in a moment of absence; remembered afterwards, not fixed."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    up(home, 1, local={"port": port})
    return up(home, 1, env={"VALUE": "1"}, smoke=[{"inputs": 1}])


def kill(pid: int) -> None:
    """SIGKILL, and wait until the kernel has carried it out: on a busy machine that takes a moment."""
    started = process.identity(pid)
    process.send(pid, started, signal.SIGKILL)
    assert process.wait_gone(pid, started, 10.0)


def converge(home: Path, number: int) -> None:
    outputs = up(home, number, env={"VALUE": str(number)}, smoke=[{"inputs": 1}])
    assert ask(outputs.url)["outputs"] == {"y": [float(number)]}  # what is reported serves, and nothing else does
    until(lambda: len(processes_of(state_dir())) == 2)  # one supervisor, one runtime
    assert DRIVER.status().state == "serving"
    assert not up(home, number, env={"VALUE": str(number)}, smoke=[{"inputs": 1}]).changed
    left = [path.name for path in DRIVER.at.folder.iterdir() if path.name.startswith(".")]
    assert left == [], "what a killed writer left is overwritten and renamed by the next"


@pytest.mark.parametrize("start", [1, 2, 3], ids=["steps-1-4-7", "steps-2-5-8", "steps-3-6-9"])
@pytest.mark.parametrize("is_first", [True, False], ids=["first-up", "next-up"])
def test_the_command_is_killed_at_every_step(home: Path, is_first: bool, start: int) -> None:
    url = "" if is_first else up(home, 1, env={"VALUE": "1"}, smoke=[{"inputs": 1}]).url
    done = victim(home, 0, 2)
    assert done.returncode == 0, done.stderr
    last = int(done.stdout)
    assert last > 15
    for kill_at in range(start, last + 1, 3):
        if is_first:
            DRIVER.destroy(SilentReporter())
        else:
            converge(home, 1)
        done = victim(home, kill_at, 2)
        assert done.returncode == -signal.SIGKILL, (kill_at, done.stderr)
        if not is_first:
            assert ask(url)["outputs"]["y"][0] in (1.0, 2.0), "somebody serves all the time"
        converge(home, 2)


def test_a_candidate_whose_command_was_killed_is_stopped_without_another_command(home: Path) -> None:
    first = up(home, 1, env={"VALUE": "1"}, smoke=[{"inputs": 1}])
    command = [sys.executable, VICTIM, "0", "2", str(home)]
    running = subprocess.Popen(command, env={**os.environ, "FAKE": ""}, stdout=subprocess.DEVNULL)
    until(lambda: (desired := records.read_desired(DRIVER.at, print)) is not None and desired.candidate is not None)
    running.kill()
    running.wait()
    until(lambda: len(processes_of(state_dir())) == 2)
    assert ask(first.url)["pid"]


def test_the_supervisor_is_killed_while_a_command_waits_for_it(home: Path) -> None:
    up(home, 1, env={"VALUE": "1"}, smoke=[{"inputs": 1}])
    for delay_ms in range(0, 240, 20):
        number = 2 if delay_ms % 40 else 3
        command = [sys.executable, VICTIM, "0", str(number), str(home)]
        running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        until(lambda: records.read_desired(DRIVER.at, print) is not None)
        time.sleep(0.15 + delay_ms / 1000)
        supervisor = supervision.pid(DRIVER.at)
        if supervisor is not None:
            kill(supervisor)
        running.communicate(timeout=60)
        converge(home, number)


def test_the_supervisor_is_killed_while_it_serves(home: Path) -> None:
    outputs = up_at_a_rare_port(home)
    kill(outputs.values["supervisor_pid"])
    until(lambda: DRIVER.status().state == "stopped")
    assert "up` starts it again" in DRIVER.status().detail
    reported = DRIVER.outputs()
    assert reported is not None
    assert reported.url == outputs.url
    converge(home, 1)
    assert DRIVER.status().url == outputs.url, "the port is kept"


def test_after_the_supervisor_died_a_release_that_fails_does_not_replace_the_one_before(home: Path) -> None:
    outputs = up(home, 1, env={"VALUE": "1"})
    kill(outputs.values["supervisor_pid"])
    with pytest.raises(MldeployError):
        up(home, 2, env={"FAKE": "crash-at-start"})

    def answer() -> object:
        with suppress(OSError):  # the killed supervisor's runtime may still be letting go of the port
            return ask(outputs.url).get("outputs")
        return None

    until(lambda: answer() == {"y": [1.0]})
    assert DRIVER.status().fingerprint == outputs.fingerprint


def test_after_the_supervisor_died_the_one_before_stays_stopped_when_its_secret_is_gone(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from machine import Remembering

    monkeypatch.setenv("TOKEN", "t")
    outputs = up(home, 1, secrets={"TOKEN": "env:TOKEN"})
    kill(outputs.values["supervisor_pid"])
    monkeypatch.delenv("TOKEN")
    report = Remembering()
    with pytest.raises(MldeployError):
        up(home, 2, env={"FAKE": "crash-at-start"}, report=report)
    assert "stays stopped: secret TOKEN" in report.warnings[0]
    assert DRIVER.status().state == "stopped"
    assert DRIVER.status().fingerprint == outputs.fingerprint
    assert up(home, 2).changed


def test_a_reboot_leaves_records_of_processes_that_are_now_others(home: Path) -> None:
    outputs = up_at_a_rare_port(home)
    report = records.read_observed(DRIVER.at, print)
    assert report is not None
    supervision.end(DRIVER.at)
    # The pids now belong to a stranger: this very test.
    stranger = os.getpid()
    states = tuple(state._replace(pid=stranger) for state in report.releases)
    records.write_observed(DRIVER.at, report._replace(pid=stranger, releases=states))
    DRIVER.at.alive.write_text(f'{{"pid": {stranger}, "mark": "before", "host": "h", "since": "s"}}')
    assert DRIVER.status().state == "stopped"
    converge(home, 1)
    assert outputs.url == DRIVER.status().url


def test_two_supervisors_never_share_a_folder(home: Path) -> None:
    outputs = up(home, 1)
    command = [sys.executable, "-m", "mldeploy.providers.local.supervisor", str(DRIVER.at.folder)]
    done = subprocess.run(command, input="{}", capture_output=True, text=True, timeout=30)
    assert done.returncode == 0
    assert "is locked by process" in done.stderr
    assert ask(outputs.url)["pid"] == outputs.values["pid"]


def test_a_supervisor_whose_driver_died_before_it_spoke_ends_at_once(home: Path) -> None:
    command = [sys.executable, "-m", "mldeploy.providers.local.supervisor", str(DRIVER.at.folder)]
    assert subprocess.run(command, input='{"half', capture_output=True, text=True, timeout=30).returncode == 0
    assert not DRIVER.at.folder.exists()
