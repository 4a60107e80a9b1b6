"""Runs that are ended from outside, and what the next one makes of what they leave. Real engine, real signals, toy cloud."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from toystack_cloud import ToyCloud, names

from mldeploy.errors import LockedError
from mldeploy.stacks import locks
from mldeploy.stacks.recovery import adopt

if TYPE_CHECKING:
    from toy_rig import Toy

HERE = Path(__file__).parent
ALL = ["digits-dev", "digits-dev-fn", "digits-dev-fn-role", "digits-dev-fn-route", "digits-dev-secrets"]
WAIT_S = 40.0


def start(verb: str, toy: Toy) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, HERE / "run_toy.py", verb, toy.folder.parent], start_new_session=True)


def until(is_true: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + WAIT_S
    while not is_true():
        assert time.monotonic() < deadline_s, "it never came to that"
        time.sleep(0.02)


def lock_files(toy: Toy) -> list[Path]:
    return list((toy.folder.parent / "state" / "stacks").rglob("locks/**/*.json"))


def pending(toy: Toy) -> list[str]:
    """What the engine has written down as being created."""
    found = []
    for file in (toy.folder.parent / "state/stacks/.pulumi/stacks/digits").glob("*.json"):
        with contextlib.suppress(ValueError, OSError):
            latest = json.loads(file.read_text())["checkpoint"].get("latest") or {}
            found += [operation["resource"].get("inputs", {}).get("name") for operation in latest.get("pending_operations", ())]
    return found


def kill(process: subprocess.Popen[bytes], toy: Toy) -> None:
    """mldeploy, engine and plugins at one moment, as a machine that goes off does: none can put anything in order."""
    [file] = lock_files(toy)
    engine = json.loads(file.read_text())["pid"]
    os.kill(engine, signal.SIGSTOP)
    process.kill()
    for plugin in children(engine):
        os.kill(plugin, signal.SIGKILL)
    os.kill(engine, signal.SIGKILL)
    process.wait()


def children(pid: int) -> list[int]:
    return [int(child) for file in Path(f"/proc/{pid}/task").glob("*/children") for child in file.read_text().split()]


@pytest.mark.parametrize("name", ["digits-dev", "digits-dev-fn-role", "digits-dev-fn"])
@pytest.mark.parametrize("moment", ["before it exists", "after it exists"])
def test_a_killed_up_converges(toy: Toy, name: str, moment: str) -> None:
    slow = toy.folder / f"{name}.slow"
    slow.write_text("6")
    process = start("up", toy)
    until(lambda: name in (names() if moment == "after it exists" else pending(toy)))
    assert (name in names()) == (moment == "after it exists")
    kill(process, toy)
    slow.unlink()
    assert toy.driver.status().state == "failing"
    toy.report.said.clear()
    outputs = toy.up()
    assert any("removed the lock" in line for line in toy.report.said)
    assert any(line.startswith("recover: ") and name in line for line in toy.report.said)
    assert names() == ALL
    assert outputs.url == "toy://digits-dev-fn-route"
    assert not toy.up().changed
    assert lock_files(toy) == []


def test_only_mldeploy_is_killed(toy: Toy) -> None:
    """Its engine then ends by itself, in order or not."""
    slow = toy.folder / "digits-dev-fn.slow"
    slow.write_text("4")
    process = start("up", toy)
    until(lambda: "digits-dev-fn" in names())
    process.kill()
    process.wait()
    toy.up()
    assert names() == ALL
    assert not toy.up().changed
    assert lock_files(toy) == []


def test_a_killed_destroy_converges(toy: Toy) -> None:
    toy.up()
    process = start("destroy", toy)
    until(lambda: "digits-dev-fn-route" not in names())
    process.kill()
    process.wait()
    assert toy.driver.destroy(toy.report) is True
    assert names() == []


def test_ctrl_c_ends_the_engine_in_order(toy: Toy) -> None:
    slow = toy.folder / "digits-dev-fn.slow"
    slow.write_text("3")
    process = start("up", toy)
    until(lambda: "digits-dev-fn" in names())
    process.send_signal(signal.SIGINT)
    assert process.wait(WAIT_S) == 130
    assert lock_files(toy) == []
    slow.unlink()
    toy.report.said.clear()
    assert toy.up().changed
    assert names() == ALL
    assert not any("removed the lock" in line or line.startswith("recover") for line in toy.report.said)


def write_lock(toy: Toy, pid: int, host: str) -> None:
    folder = toy.folder.parent / "state/stacks/.pulumi/locks/organization/digits/toystack.dev.service"
    folder.mkdir(parents=True, exist_ok=True)
    who = {"pid": pid, "username": "ada", "hostname": host, "timestamp": "2026-11-21T09:30:00Z"}
    (folder / "0d2ad9f6-3b8e-4c53-9d75-5fbb2e2ff3a5.json").write_text(json.dumps(who))


def test_a_lock_of_another_machine_is_respected(toy: Toy) -> None:
    toy.up()
    write_lock(toy, 4711, "elsewhere")
    with pytest.raises(LockedError, match=r"ada on elsewhere \(process 4711\) since 2026-11-21T09:30:00Z"):
        toy.up(memory_mb=1024)
    with pytest.raises(LockedError, match="ada on elsewhere"):
        toy.driver.unlock(toy.report, is_forced=False)
    assert toy.driver.unlock(toy.report, is_forced=True) is True
    assert toy.driver.unlock(toy.report, is_forced=False) is False
    assert toy.up(memory_mb=1024).changed


def test_the_lock_of_a_dead_process_of_this_machine_is_removed(toy: Toy) -> None:
    toy.up()
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    write_lock(toy, gone.pid, socket.gethostname())
    toy.up(memory_mb=1024)
    assert any("removed the lock of ada" in line for line in toy.report.said)


def test_the_lock_of_a_live_engine_is_respected(toy: Toy, tmp_path: Path) -> None:
    toy.up()
    engine = tmp_path / "pulumi-that-sleeps"
    engine.symlink_to("/bin/sleep")
    process = subprocess.Popen([engine, "60"])
    try:
        write_lock(toy, process.pid, socket.gethostname())
        with pytest.raises(LockedError, match=f"process {process.pid}"):
            toy.up(memory_mb=1024)
    finally:
        process.kill()
        process.wait()


def test_a_number_that_was_used_again_is_no_engine() -> None:
    """This very process is alive, and no engine."""
    assert not locks.Owner("ada", socket.gethostname(), os.getpid(), "").is_alive
    assert locks.Owner("ada", "elsewhere", os.getpid(), "").is_alive


def entry(name: str, **more: Any) -> dict[str, Any]:
    urn = f"urn:pulumi:s::p::toystack:index:Function::{name}"
    return {"urn": urn, "custom": True, "type": "toystack:index:Function", "inputs": {"name": name}, **more}


def adopted(resources: list[dict[str, Any]], *pending: dict[str, Any]) -> tuple[list[dict[str, Any]], list[str], list[str]]:
    state = {"version": 3, "deployment": {"resources": resources, "pending_operations": list(pending)}}
    result, names_, lost = adopt(state, ToyCloud())
    assert "pending_operations" not in result["deployment"]
    assert "pending_operations" in state["deployment"], "the state that was given is changed"
    return result["deployment"]["resources"], names_, lost


def test_a_pending_create_is_taken_in_by_its_physical_name() -> None:
    resources, taken, lost = adopted([entry("a", id="a")], {"type": "creating", "resource": entry("b")})
    assert resources == [entry("a", id="a"), entry("b", id="b", outputs={})]
    assert (taken, lost) == (["function b"], [])


def test_a_pending_create_without_a_known_id_is_named() -> None:
    route = {**entry("r"), "type": "toystack:index:Route"}
    resources, taken, lost = adopted([], {"type": "creating", "resource": route})
    assert (resources, taken, lost) == ([], [], ["route r"])


def test_a_provider_that_was_being_set_up_is_the_engines_own() -> None:
    provider = {"urn": "urn:pulumi:s::p::pulumi:providers:toystack::default", "type": "pulumi:providers:toystack"}
    assert adopted([], {"type": "creating", "resource": provider}) == ([], [], [])


def test_other_pending_operations_are_dropped() -> None:
    kinds = ("updating", "deleting", "reading")
    resources, taken, lost = adopted([entry("a", id="a")], *({"type": kind, "resource": entry("a")} for kind in kinds))
    assert (resources, taken, lost) == ([entry("a", id="a")], [], [])


def test_what_a_pending_create_was_to_replace_stays_to_be_deleted() -> None:
    old = entry("a", id="old", outputs={"x": 1})
    resources, _, _ = adopted([old], {"type": "creating", "resource": entry("a")})
    assert resources == [entry("a", id="a", outputs={}), {**old, "delete": True}]


def test_what_was_deleted_before_its_replacement_is_replaced() -> None:
    old = entry("a", id="old", pendingReplacement=True)
    resources, _, _ = adopted([old], {"type": "creating", "resource": entry("a")})
    assert resources == [entry("a", id="a", outputs={})]
