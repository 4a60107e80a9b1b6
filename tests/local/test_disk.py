"""A state folder that refuses: a clear error, nothing half-written, and what served serves on."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from machine import Remembering, ask, processes_of, until, up

from mldeploy.errors import DeployError
from mldeploy.progress import SilentReporter
from mldeploy.providers.local import records, supervision
from mldeploy.providers.local.driver import LocalDriver
from mldeploy.providers.local.provider import provider
from mldeploy.state import state_dir

DRIVER = LocalDriver("m", "dev")


class Failing:
    """Makes the n-th of all calls of some functions raise OSError; counts them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, number: int, fail_at: int) -> None:
        self.calls = 0
        self._number = number
        self._fail_at = fail_at
        for owner, name in ((os, "open"), (os, "fsync"), (Path, "replace")):
            monkeypatch.setattr(owner, name, self._wrap(getattr(owner, name)))

    def _wrap(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            if function.__name__ == "open" and not args[1] & os.O_CREAT:
                return function(*args, **kwargs)  # reading fails on no disk
            self.calls += 1
            if self.calls == self._fail_at:
                raise OSError(self._number, os.strerror(self._number))
            return function(*args, **kwargs)

        return wrapper


def is_whole() -> bool:
    written = [path for path in (DRIVER.at.desired, DRIVER.at.observed) if path.exists()]
    return all(json.loads(path.read_bytes())["schema"] == 1 for path in written)


@pytest.mark.parametrize(("number", "word"), [(errno.ENOSPC, "No space left"), (errno.EROFS, "Read-only")])
def test_a_disk_that_refuses_at_any_moment(home: Path, number: int, word: str) -> None:
    first = up(home, 1, env={"VALUE": "1"})
    fail_at = 0
    while True:
        fail_at += 1
        with pytest.MonkeyPatch.context() as monkeypatch:
            failing = Failing(monkeypatch, number, fail_at)
            refused: list[DeployError] = []
            try:
                up(home, 2, env={"VALUE": "2"})
            except DeployError as error:
                refused.append(error)
        assert all(word in error.message and "MLDEPLOY_STATE_DIR" in (error.hint or "") for error in refused)
        if failing.calls < fail_at:
            break
        assert is_whole()
        assert ask(first.url)["outputs"]["y"][0] in (1.0, 2.0)
        assert up(home, 1, env={"VALUE": "1"}).fingerprint == first.fingerprint
    assert fail_at > 4


def test_a_first_up_on_a_folder_that_cannot_be_made(home: Path) -> None:
    state_dir().mkdir()
    (state_dir() / "local").write_text("in the way")
    with pytest.raises(DeployError, match=f"the state folder cannot be used: {state_dir()}/local/m.dev: Not a directory"):
        up(home)
    assert processes_of(state_dir()) == []
    (state_dir() / "local").unlink()


def test_a_log_that_cannot_be_written_is_named(home: Path) -> None:
    DRIVER.at.log.mkdir(parents=True)
    with pytest.raises(DeployError, match=r"current.log: Is a directory"):
        up(home)
    assert not DRIVER.at.folder.exists()


def test_a_supervisor_that_cannot_begin_is_reported_with_its_words(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONHOME", "/nowhere")
    with pytest.raises(DeployError, match="the supervisor did not start: the supervisor has ended\n  log  "):
        up(home)
    assert not DRIVER.at.folder.exists()


@pytest.mark.parametrize("damage", ["", "{", '{"schema": 1}', "[]"])
def test_damaged_records_while_it_serves_are_replaced_by_up(home: Path, damage: str) -> None:
    first = up(home, 1, env={"VALUE": "1"})
    DRIVER.at.desired.write_text(damage)
    DRIVER.at.observed.write_text(damage)
    assert DRIVER.status().state in ("starting", "absent", "stopped")
    report = Remembering()
    second = up(home, 2, env={"VALUE": "2"}, report=report)
    assert any("going on as if it were not there" in text for text in report.warnings)
    assert ask(second.url)["outputs"] == {"y": [2.0]}
    until(lambda: len(processes_of(state_dir())) == 2)
    assert second.values["supervisor_pid"] == first.values["supervisor_pid"]


def test_damaged_records_and_a_release_that_fails_keep_what_serves(home: Path) -> None:
    first = up(home, 1, env={"VALUE": "1"})
    DRIVER.at.desired.unlink()
    DRIVER.at.observed.write_text("{")
    with pytest.raises(DeployError, match="did not start"):
        up(home, 2, env={"FAKE": "crash-at-start"})
    assert ask(first.url)["outputs"] == {"y": [1.0]}
    assert DRIVER.status().state == "serving"
    assert DRIVER.outputs() is None, "the record of what it is was lost"


def test_damaged_records_after_it_was_stopped(home: Path) -> None:
    up(home)
    supervision.end(DRIVER.at)
    DRIVER.at.desired.write_text("{")
    assert DRIVER.status().state == "absent"
    assert up(home).changed


def test_a_newer_record_is_an_error_everywhere_but_in_the_list(home: Path) -> None:
    up(home)
    up(home, name="other")
    supervision.end(DRIVER.at)
    text = DRIVER.at.desired.read_text()
    DRIVER.at.desired.write_text(text.replace('"schema": 1', '"schema": 7'))
    with pytest.raises(DeployError, match="written by a newer mldeploy"):
        up(home)
    with pytest.raises(DeployError, match="written by a newer mldeploy"):
        DRIVER.outputs()
    states = {one.name: (one.state, one.detail) for one in provider.deployments()}
    assert states["other"][0] == "serving"
    assert states["m"][0] == "failing"
    assert "newer mldeploy" in states["m"][1]


def test_a_living_supervisor_keeps_what_it_has_when_the_record_is_newer(home: Path) -> None:
    outputs = up(home)
    DRIVER.at.desired.write_text('{"schema": 7}')
    until(lambda: any("newer mldeploy" in line for line in DRIVER.logs(follow=False, since_s=None, tail=None)))
    assert ask(outputs.url)["pid"] == outputs.values["pid"]
    assert DRIVER.destroy(SilentReporter())


def test_a_candidate_is_not_taken_for_a_deployment(home: Path) -> None:
    """Between the records of a killed first up and the next one."""
    up(home)
    supervision.end(DRIVER.at)
    desired = records.read_desired(DRIVER.at, print)
    assert desired is not None
    records.write_desired(DRIVER.at, desired._replace(serve=None, candidate=desired.serve))
    assert DRIVER.status().state == "absent"
    assert list(provider.deployments()) == []
    assert (DRIVER.outputs(), DRIVER.endpoint()) == (None, None)


def test_a_folder_that_cannot_be_removed_is_named(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import shutil

    up(home)
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", lambda path, ignore_errors: None)
        with pytest.raises(DeployError, match="could not be removed"):
            DRIVER.destroy(SilentReporter())
    assert processes_of(state_dir()) == []
