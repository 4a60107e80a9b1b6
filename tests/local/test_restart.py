"""A release that crashes: it is started again, callers wait meanwhile, and a crash loop is told from bad luck."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path
from typing import Any

import pytest
from machine import ask, until, up

from mldeploy.errors import DeployError, SmokeError
from mldeploy.providers.local.driver import LocalDriver

DRIVER = LocalDriver("m", "dev")


def crash(url: str) -> None:
    with pytest.raises(ConnectionError):
        ask(url, "crash")


def test_callers_wait_in_the_queue_while_it_restarts(home: Path) -> None:
    outputs = up(home)
    crash(outputs.url)
    answers: list[Any] = []
    callers = [threading.Thread(target=lambda: answers.append(ask(outputs.url)["pid"])) for _ in range(20)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert len(answers) == 20
    assert set(answers) != {outputs.values["pid"]}
    status = until(lambda: now if (now := DRIVER.status()).values["restarts"] else None)
    assert status.state == "serving"
    assert status.detail == "restarted once; last: exited with status 3"


def test_it_is_restarted_after_each_kind_of_end(home: Path) -> None:
    outputs = up(home)
    for number, word in ((signal.SIGKILL, "SIGKILL"), (signal.SIGSEGV, "SIGSEGV"), (signal.SIGTERM, "SIGTERM")):
        pid = until(lambda: DRIVER.status().values["pid"])
        os.kill(pid, number)
        until(lambda pid=pid: DRIVER.status().state == "serving" and DRIVER.status().values["pid"] != pid)
        assert word in DRIVER.status().detail
    assert ask(outputs.url)
    assert DRIVER.status().values["restarts"] == 3


def test_up_right_after_a_crash_waits_for_the_restart_and_changes_nothing(home: Path) -> None:
    outputs = up(home)
    os.kill(outputs.values["pid"], signal.SIGKILL)
    again = up(home)
    assert ask(again.url)["pid"] == again.values["pid"] != outputs.values["pid"]
    assert not again.changed


def test_a_crash_loop_is_reported_with_the_last_log_lines_and_mended_by_up(home: Path) -> None:
    marker = home / "broken"
    script = home / "runtime.py"
    script.write_text(f"""
import os, sys
if os.path.exists({str(marker)!r}):
    print("line before the end", flush=True)
    sys.exit(9)
os.execv(sys.executable, [sys.executable, "-S", {str(Path(__file__).with_name("fake_runtime.py"))!r}, *sys.argv[1:]])
""")
    import sys

    command = (sys.executable, "-S", str(script))
    outputs = up(home, command=command, local={"crash_loop_after": 2})
    marker.touch()
    os.kill(outputs.values["pid"], signal.SIGKILL)
    status = until(lambda: now if (now := DRIVER.status()).state == "failing" else None)
    assert status.detail.startswith("crash loop: restarted ")
    assert "last: exited with status 9\n  log  line before the end" in status.detail
    with pytest.raises(DeployError, match=r"did not start: exited with status 9\n  log  line before the end"):
        up(home, 1, command=command, local={"crash_loop_after": 2})
    assert DRIVER.status().state == "failing"
    marker.unlink()
    mended = up(home, 1, command=command, local={"crash_loop_after": 2})
    assert mended.changed
    assert DRIVER.status().state == "serving"
    assert ask(mended.url)["pid"] == mended.values["pid"]


def test_a_crash_loop_keeps_trying_and_recovers_by_itself(home: Path) -> None:
    import sys

    marker = home / "broken"
    script = home / "runtime.py"
    script.write_text(f"""
import os, sys
if os.path.exists({str(marker)!r}):
    sys.exit(75)
os.execv(sys.executable, [sys.executable, "-S", {str(Path(__file__).with_name("fake_runtime.py"))!r}, *sys.argv[1:]])
""")
    outputs = up(home, command=(sys.executable, "-S", str(script)), local={"crash_loop_after": 1})
    marker.touch()
    os.kill(outputs.values["pid"], signal.SIGKILL)
    until(lambda: "asked to be restarted" in DRIVER.status().detail)
    assert DRIVER.status().state == "failing"
    marker.unlink()
    assert ask(outputs.url)["model"] == "m"


def test_an_unready_release_is_replaced_by_up(home: Path) -> None:
    outputs = up(home, env={"FAKE": "ignore-drain"})
    os.kill(outputs.values["pid"], signal.SIGSTOP)
    try:
        from mldeploy.providers.local import driver

        driver.READY_PROBE_S, before = 0.2, driver.READY_PROBE_S
        again = up(home, env={"FAKE": "ignore-drain"})
    finally:
        driver.READY_PROBE_S = before
        os.kill(outputs.values["pid"], signal.SIGKILL)
    assert again.changed
    assert again.values["pid"] != outputs.values["pid"]


def test_a_release_that_is_never_ready_for_callers_fails_its_smoke_test(home: Path) -> None:
    with pytest.raises(SmokeError, match="GET /v2/health/ready: expected status 200, got 503"):
        up(home, env={"FAKE": "unready"})


def test_a_runtime_that_cannot_be_started_is_named(home: Path) -> None:
    with pytest.raises(DeployError, match=r"did not start: .*No such file or directory: '/not/there'"):
        up(home, command=("/not/there",))


def test_the_last_words_are_kept_without_a_line_end_and_at_any_length(home: Path) -> None:
    import sys

    script = home / "runtime.py"
    script.write_text("import sys\nsys.stdout.write('x' * 300_000 + '\\nand then')\nsys.stdout.flush()\nsys.exit(4)\n")
    with pytest.raises(DeployError, match=r"exited with status 4\n(  log  x+\n)+  log  and then$") as caught:
        up(home, command=(sys.executable, "-S", str(script)))
    assert len(caught.value.message) < 20_000, "long lines are cut in the message"


def test_a_release_that_only_talks_is_no_reason_to_refuse_its_logs(home: Path) -> None:
    outputs = up(home)
    for number in range(50):
        ask(outputs.url, f"print line {number}")
    until(lambda: any(line.endswith("line 49") for line in DRIVER.logs(follow=False, since_s=None, tail=5)))
    lines = [line for line in DRIVER.logs(follow=False, since_s=60, tail=None) if " line " in line]
    assert [int(line.rpartition(" ")[2]) for line in lines] == list(range(50))
    follower = DRIVER.logs(follow=True, since_s=None, tail=1)
    assert next(follower).endswith("line 49")
    ask(outputs.url, "print followed")
    assert next(follower).endswith("followed")
    follower.close()  # type: ignore[attr-defined]
