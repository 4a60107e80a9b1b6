"""`up`: what it starts, what it leaves alone, and what remains when it fails."""

from __future__ import annotations

import socket
import stat
from pathlib import Path
from typing import Any

import pytest
from machine import Remembering, ask, loaded_spec, processes_of, until, up

from mldeploy.errors import DeployError, SmokeError
from mldeploy.progress import SilentReporter
from mldeploy.providers.local import records
from mldeploy.providers.local.driver import LocalDriver
from mldeploy.providers.local.provider import provider
from mldeploy.state import bundle_store, state_dir

DRIVER = LocalDriver("m", "dev")
FAILS_SMOKE = [{"name": "one", "inputs": [1], "expect": {"outputs": {"y": [41.5]}}}]


def everything(folder: Path) -> dict[str, tuple[int, int]]:
    return {str(path): (path.stat().st_mtime_ns, path.stat().st_size) for path in folder.rglob("*")}


def serving() -> list[records.ReleaseState]:
    report = records.read_observed(DRIVER.at, lambda text: pytest.fail(text))
    assert report is not None
    return [state for state in report.releases if state.phase == "serving"]


def test_the_first_up_serves(home: Path) -> None:
    outputs = up(home, smoke=[{"inputs": [1], "expect": {"outputs": {"y": [1.00001]}}}])
    assert outputs.changed
    assert outputs.visibility == "private: this machine only"
    assert ask(outputs.url)["pid"] == outputs.values["pid"]
    assert DRIVER.outputs() == outputs.__class__(**{**outputs.__dict__, "changed": False})
    status = DRIVER.status()
    assert (status.state, status.url, status.fingerprint) == ("serving", outputs.url, outputs.fingerprint)
    assert [one.name for one in provider.deployments()] == ["m"]
    # session leader of its own: closing the terminal does not reach it
    with Path(f"/proc/{outputs.values['supervisor_pid']}/stat").open() as file:
        assert int(file.read().rpartition(")")[2].split()[3]) == outputs.values["supervisor_pid"]


def test_nothing_changed_touches_nothing(home: Path) -> None:
    first = up(home, smoke=[{"inputs": [1]}])
    until(lambda: "fake runtime begins" in DRIVER.at.log.read_text())
    before = everything(DRIVER.at.folder)
    second = up(home, smoke=[{"inputs": [1]}])
    assert not second.changed
    assert second.values == first.values
    assert everything(DRIVER.at.folder) == before


def test_a_new_release_takes_over_the_port(home: Path) -> None:
    first = up(home, 1)
    second = up(home, 2, env={"VALUE": "7"})
    assert second.changed
    assert (second.url, second.values["supervisor_pid"]) == (first.url, first.values["supervisor_pid"])
    assert ask(second.url)["outputs"] == {"y": [7.0]}
    until(lambda: len(processes_of(state_dir())) == 2)
    assert [state.fingerprint for state in serving()] == [second.fingerprint]


@pytest.mark.parametrize(
    "change",
    [{"env": {"VALUE": "2"}}, {"resources": {"timeout_s": 9}}, {"smoke": [{"inputs": [2]}]}, {"local": {"max_body_mb": 1}}],
    ids=["env", "timeout", "smoke", "setting"],
)
def test_a_changed_setting_is_a_new_release(home: Path, change: dict[str, Any]) -> None:
    first = up(home)
    second = up(home, **change)
    assert second.changed
    assert second.values["pid"] != first.values["pid"]


@pytest.mark.parametrize(
    ("fake", "message"),
    [
        ("crash-at-start", "exited with status 1\n  log  fake runtime begins\n  log  Traceback: boom"),
        ("say-failed", "the model file is damaged"),
        ("hang-at-start", "not ready within 0.5 s"),
        ("out-of-memory", "out of memory: limit 4096 MiB"),
        ("stuck", "exited|hung|smoke|ended"),
    ],
)
def test_a_first_up_that_fails_leaves_nothing(home: Path, fake: str, message: str) -> None:
    import re

    with pytest.raises(DeployError, match=re.escape(message) if "|" not in message else message) as caught:
        up(home, env={"FAKE": fake}, resources={"memory_mb": 4096}, local={"start_timeout_s": 0.5 if "hang" in fake else 10})
    assert caught.value.hint
    assert not DRIVER.at.folder.exists()
    assert processes_of(state_dir()) == []
    assert DRIVER.status().state == "absent"


def test_a_first_up_that_fails_its_smoke_test_leaves_nothing(home: Path) -> None:
    with pytest.raises(SmokeError, match=r"smoke request 1 \(one\): outputs.y\[0\]: expected 41.5 ± 0.0001, got 1.0"):
        up(home, smoke=FAILS_SMOKE)
    assert not DRIVER.at.folder.exists()
    assert processes_of(state_dir()) == []


@pytest.mark.parametrize("fake", ["crash-at-start", "hang-at-start", "crash-after-ready", ""])
def test_the_old_release_serves_on_when_the_new_one_fails(home: Path, fake: str) -> None:
    first = up(home, 1)
    with pytest.raises((DeployError, SmokeError)):
        up(home, 2, env={"FAKE": fake}, smoke=FAILS_SMOKE, local={"start_timeout_s": 0.5})
    assert ask(first.url)["pid"] == first.values["pid"]
    assert DRIVER.status().state == "serving"
    assert DRIVER.status().fingerprint == first.fingerprint
    until(lambda: len(processes_of(state_dir())) == 2)
    assert not up(home, 1).changed


def test_a_candidate_that_dies_while_it_is_asked_is_reported_with_its_log(home: Path) -> None:
    with pytest.raises(SmokeError, match=r"no answer after .*\nthe release ended: exited with status 3\n(.*\n)*.*about to"):
        up(home, smoke=[{"inputs": "crash"}])


def test_a_rejected_candidate_that_ignores_its_end_is_killed(home: Path) -> None:
    first = up(home, 1)
    with pytest.raises(SmokeError, match=r"expected 41\.5"):
        up(home, 2, env={"FAKE": "ignore-drain"}, smoke=FAILS_SMOKE)
    until(lambda: len(processes_of(state_dir())) == 2)
    assert ask(first.url)["pid"] == first.values["pid"]


def test_an_interrupt_rolls_back(home: Path) -> None:
    class Interrupting(SilentReporter):
        def step(self, name: str, text: str = "") -> Any:
            if name == "smoke":
                raise KeyboardInterrupt
            return super().step(name, text)

    first = up(home, 1)
    with pytest.raises(KeyboardInterrupt):
        up(home, 2, report=Interrupting())
    until(lambda: len(processes_of(state_dir())) == 2)
    assert ask(first.url)["pid"] == first.values["pid"]


def test_models_and_stages_stand_side_by_side(home: Path) -> None:
    up(home, 1, env={"VALUE": "1"})
    up(home, 1, env={"VALUE": "2"}, stage="prod")
    up(home, 1, env={"VALUE": "3"}, name="other")
    answers = {(one.name, one.stage): ask(one.url)["outputs"]["y"] for one in provider.deployments()}
    assert answers == {("m", "dev"): [1.0], ("m", "prod"): [2.0], ("other", "dev"): [3.0]}


def test_the_chosen_port_is_used_and_can_be_changed(home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as two:
        ports = one.getsockname()[1], two.getsockname()[1]
    first = up(home, local={"port": ports[0]})
    assert first.url == f"http://127.0.0.1:{ports[0]}"
    second = up(home, local={"port": ports[1]})
    assert second.url == f"http://127.0.0.1:{ports[1]}"
    assert ask(second.url)["pid"] == second.values["pid"]

    def is_closed() -> bool:
        try:
            socket.create_connection(("127.0.0.1", ports[0]), timeout=1).close()
        except ConnectionRefusedError:
            return True
        return False

    until(is_closed)
    assert up(home).url == second.url, "a port once taken is kept"


def test_a_chosen_port_in_use_is_an_error(home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(DeployError, match=f"port {port} is in use by another process; set clouds.local.port"):
            up(home, local={"port": port})
        assert not DRIVER.at.folder.exists()
        first = up(home)
        with pytest.raises(DeployError, match="in use"):
            up(home, local={"port": port})
        assert ask(first.url)["pid"] == first.values["pid"]


def test_the_port_is_kept_over_a_restart_of_the_supervisor_unless_somebody_took_it(home: Path) -> None:
    from mldeploy.providers.local import supervision

    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    up(home, local={"port": port})
    first = up(home)
    supervision.end(DRIVER.at)
    second = up(home)
    assert second.url == first.url == f"http://127.0.0.1:{port}"
    supervision.end(DRIVER.at)
    with socket.create_server(("127.0.0.1", int(first.url.rpartition(":")[2]))):
        assert up(home).url != first.url


def test_secrets_reach_the_runtime_and_no_file(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN_SOURCE", "s3cret-value")
    (home / "password").write_text("pa55word-value\n")
    sections: dict[str, Any] = {"secrets": {"TOKEN": "env:TOKEN_SOURCE", "TOKEN_SOURCE": None, "PASSWORD": "file:password"}}
    first = up(home, **sections)
    environment = ask(first.url, "environment")["environment"]
    assert (environment["TOKEN"], environment["TOKEN_SOURCE"]) == ("s3cret-value", "s3cret-value")
    assert environment["PASSWORD"] == "pa55word-value"
    for path in DRIVER.at.folder.rglob("*"):
        if path.is_file():
            text = path.read_bytes()
            assert b"s3cret" not in text
            assert b"pa55" not in text, path
    command_lines = [Path(f"/proc/{pid}/cmdline").read_bytes() for pid in processes_of(state_dir())]
    assert not any(b"s3cret" in line or b"pa55" in line for line in command_lines)
    assert not up(home, **sections).changed
    monkeypatch.setenv("TOKEN_SOURCE", "another")
    second = up(home, **sections)
    assert second.changed
    assert ask(second.url, "environment")["environment"]["TOKEN"] == "another"


def test_a_crashed_release_has_its_secrets_again(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "s3cret-value")
    outputs = up(home, secrets={"TOKEN": "env:TOKEN"})
    monkeypatch.delenv("TOKEN")
    with pytest.raises(ConnectionError):
        ask(outputs.url, "crash")
    assert ask(outputs.url, "environment")["environment"]["TOKEN"] == "s3cret-value"


def test_a_missing_secret_is_named(home: Path) -> None:
    with pytest.raises(DeployError, match="secret TOKEN: the environment variable NOT_THERE is not set") as caught:
        up(home, secrets={"TOKEN": "env:NOT_THERE"})
    assert caught.value.hint == "export NOT_THERE=… and run the command again"
    assert not DRIVER.at.folder.exists()


def test_the_runtime_sees_a_cloud_s_environment(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEFT_IN_MY_SHELL", "1")
    answer = ask(up(home, env={"OWN": "x"}, resources={"concurrency": 3}).url, "environment")
    environment = answer["environment"]
    assert "LEFT_IN_MY_SHELL" not in environment
    assert environment["OWN"] == "x"
    assert environment["MLDEPLOY_CONCURRENCY"] == "3"
    assert environment["MLDEPLOY_TIMEOUT_S"] == "30"
    assert environment["MLDEPLOY_MAX_BODY_BYTES"] == str(6 * 1024 * 1024)
    assert answer["cwd"] == environment["TMPDIR"] == str(DRIVER.at.scratch)


def test_a_generated_key_is_made_once_and_kept_for_this_user(home: Path) -> None:
    outputs = up(home, access="key")
    endpoint = DRIVER.endpoint()
    assert endpoint is not None
    key = endpoint.headers["authorization"].removeprefix("Bearer ")
    assert len(key) >= 32
    assert key not in repr(endpoint)
    assert key not in str(outputs)
    assert stat.S_IMODE(DRIVER.at.key.stat().st_mode) == 0o600
    assert ask(outputs.url, "environment")["environment"]["MLDEPLOY_API_KEY"] == key
    assert not up(home, access="key").changed
    up(home, 2, access="key")
    again = DRIVER.endpoint()
    assert again is not None
    assert again.headers == endpoint.headers
    assert key.encode() not in DRIVER.at.desired.read_bytes() + DRIVER.at.observed.read_bytes() + DRIVER.at.log.read_bytes()


def test_an_own_key_is_used_and_read_again_where_the_caller_has_it(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", "mine")
    up(home, access="key", secrets={"MLDEPLOY_API_KEY": "env:MY_KEY"})
    endpoint = DRIVER.endpoint()
    assert endpoint is not None
    assert endpoint.headers == {"authorization": "Bearer mine"}
    monkeypatch.delenv("MY_KEY")
    endpoint = DRIVER.endpoint()
    assert endpoint is not None
    assert endpoint.headers == {}


def test_old_bundles_go_and_the_last_three_stay(home: Path) -> None:
    for number in range(1, 6):
        up(home, number)
    assert len(list(bundle_store().iterdir())) == 3
    up(home, 9, stage="prod")
    assert len(list(bundle_store().iterdir())) == 4


def test_destroy_is_thorough_and_idempotent(home: Path) -> None:
    assert not DRIVER.destroy(SilentReporter())
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    outputs = up(home, local={"port": port})
    assert DRIVER.destroy(SilentReporter())
    assert processes_of(state_dir()) == []
    assert not DRIVER.at.folder.exists()
    assert not DRIVER.destroy(SilentReporter())
    assert (DRIVER.outputs(), DRIVER.endpoint(), DRIVER.status().state) == (None, None, "absent")
    with pytest.raises(ConnectionRefusedError):
        ask(outputs.url)
    with pytest.raises(DeployError, match="not deployed"):
        DRIVER.logs(follow=False, since_s=None, tail=None)


def test_destroy_ends_runtimes_whose_supervisor_is_dead_and_that_do_not_drain(home: Path) -> None:
    import os
    import signal

    outputs = up(home, env={"FAKE": "ignore-drain"})
    os.kill(outputs.values["pid"], signal.SIGSTOP)  # it will not notice that its supervisor is gone
    os.kill(outputs.values["supervisor_pid"], signal.SIGKILL)
    assert DRIVER.destroy(SilentReporter())
    assert processes_of(state_dir()) == []


def test_a_second_up_waits_and_then_names_the_holder(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    from mldeploy.errors import LockedError
    from mldeploy.providers.local import driver
    from mldeploy.state import Lock

    monkeypatch.setattr(driver, "LOCK_WAIT_S", 0.2)
    report = Remembering()
    message = f"m.dev is locked by process {os.getpid()} on .* since"
    with Lock(DRIVER.at.lock).held(), pytest.raises(LockedError, match=message) as caught:
        up(home, report=report)
    assert caught.value.exit_code == 4
    assert report.notes
    assert "waiting for process" in report.notes[0]


def test_removing_the_state_folder_by_hand_ends_what_it_described(home: Path) -> None:
    import shutil

    up(home)
    shutil.rmtree(DRIVER.at.folder)
    until(lambda: processes_of(state_dir()) == [])
    assert ask(up(home).url)


def test_smoke_requests_go_to_the_candidate_alone(home: Path) -> None:
    first = up(home, 1)
    loaded = loaded_spec(home, smoke=[{"inputs": "print asked"}])
    assert loaded.spec.smoke
    second = up(home, 2, smoke=[{"inputs": "print asked"}])
    lines = until(lambda: [one for one in DRIVER.logs(follow=False, since_s=None, tail=None) if "asked" in one])
    assert len(lines) == 1
    assert first.values["pid"] != second.values["pid"]
