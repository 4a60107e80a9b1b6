"""Files replaced as a whole, and locks that go with their holder."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from mldeploy import state
from mldeploy.errors import DeployError, LockedError
from mldeploy.state import Lock, bundle_store, make_folder, state_dir, write_atomically


def test_the_folder_is_the_one_asked_for_else_the_platform_s(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLDEPLOY_STATE_DIR", str(tmp_path / "here"))
    assert state_dir() == tmp_path / "here"
    assert bundle_store() == tmp_path / "here" / "bundles"
    monkeypatch.setenv("MLDEPLOY_STATE_DIR", "relative")
    assert state_dir().is_absolute()
    monkeypatch.delenv("MLDEPLOY_STATE_DIR")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "xdg"))
    assert state_dir().name == "mldeploy"
    assert not (tmp_path / "here").exists(), "asking creates nothing"


def test_a_file_is_replaced_for_this_user_alone(tmp_path: Path) -> None:
    path = tmp_path / "record"
    path.write_bytes(b"old")
    path.chmod(0o644)
    write_atomically(path, b"new")
    write_atomically(path, b"newer", is_durable=False)
    assert path.read_bytes() == b"newer"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("number", "hint"),
    [(errno.ENOSPC, "free some space"), (errno.EROFS, "make it writable"), (errno.EACCES, "make it writable")],
)
def test_a_disk_that_refuses_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, hint: str
) -> None:
    path = tmp_path / "record"
    path.write_bytes(b"old")

    def refuse(descriptor: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(state.os, "fsync", refuse)
    with pytest.raises(DeployError, match=f"the state folder cannot be used: {path}: {os.strerror(number)}") as caught:
        write_atomically(path, b"new")
    assert hint in (caught.value.hint or "")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DeployError, match="Not a directory"):
        make_folder(tmp_path / "file" / "inner")
    with pytest.raises(DeployError, match="Not a directory"):
        write_atomically(tmp_path / "file" / "inner", b"")
    with pytest.raises(DeployError):
        Lock(tmp_path / "file" / "inner" / "lock").acquire()
    (tmp_path / "folder").mkdir()
    with pytest.raises(DeployError, match="Is a directory"):
        Lock(tmp_path / "folder").acquire()


def test_a_lock_is_exclusive_and_names_its_holder(tmp_path: Path) -> None:
    lock = Lock(tmp_path / "m.dev" / "lock", "mark")
    assert not lock.is_held()
    assert lock.signature() is None
    with lock.held():
        other = Lock(lock.path)
        assert other.is_held()
        assert lock.is_current()
        assert not other.is_current()
        assert other.signature() == (os.getpid(), "mark")
        told: list[str] = []
        with pytest.raises(LockedError, match=f"m.dev is locked by process {os.getpid()} on .* since ") as caught:
            other.acquire(0.12, told.append)
        assert caught.value.exit_code == 4
        assert len(told) == 1, "told once, however long it waits"
    assert not lock.is_held()
    other.acquire()
    other.release()
    other.release()


def test_an_unreadable_lock_text_is_another_process(tmp_path: Path) -> None:
    lock = Lock(tmp_path / "lock")
    lock.path.write_text("{")
    assert lock.holder() == "another process"
    assert lock.signature() is None


def test_a_killed_holder_leaves_no_lock(tmp_path: Path) -> None:
    take = f"from mldeploy.state import *; Lock(Path({str(tmp_path / 'lock')!r})).acquire()"
    code = f"{take}; print(1, flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        lock = Lock(tmp_path / "lock")
        assert lock.is_held()
        holder.kill()
        holder.wait()
    lock.acquire(5)
    lock.release()


def test_a_waiter_notices_that_the_folder_was_removed(tmp_path: Path) -> None:
    first = Lock(tmp_path / "m.dev" / "lock")
    first.acquire()
    second = Lock(first.path)
    is_waiting = threading.Event()
    waiter = threading.Thread(target=second.acquire, args=(10.0, lambda who: is_waiting.set()))
    waiter.start()
    is_waiting.wait(5)
    shutil.rmtree(first.path.parent)
    assert not first.is_current()
    first.release()
    waiter.join(10)
    assert second.is_current()
    second.release()


def test_a_lock_whose_file_vanishes_between_opening_and_locking_is_asked_for_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = Lock(tmp_path / "lock")
    real = state.fcntl.flock
    calls: list[int] = []

    def remove_first(descriptor: int, flags: int) -> None:
        real(descriptor, flags)
        calls.append(flags)
        if len(calls) == 1:
            lock.path.unlink()

    monkeypatch.setattr(state.fcntl, "flock", remove_first)
    lock.acquire(1.0)
    assert lock.is_current()
    assert len(calls) == 2
    lock.release()


def test_a_file_system_without_locks_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(descriptor: int, flags: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(state.fcntl, "flock", refuse)
    with pytest.raises(DeployError, match="No locks available"):
        Lock(tmp_path / "lock").acquire()
