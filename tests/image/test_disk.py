"""A disk that is full while packages are fetched (a real one, small): a clear error, nothing left, the next run goes on."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from mldeploy import state
from mldeploy.errors import DeployError
from mldeploy.image import pins, wheels
from mldeploy.progress import SilentReporter

TARGET = wheels.Target("3.13", "x86_64")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MB. Mounting one takes root."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("a small disk cannot be mounted here: run as root")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_stops_the_fetching_and_leaves_nothing(small_disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(state.ENVIRONMENT_NAME, str(small_disk))
    chosen = pins.group("pillow")  # 7 MB
    with pytest.raises(DeployError) as caught, SilentReporter().step("") as step:
        wheels.fetch(chosen, TARGET, step)
    assert "space" in caught.value.message
    assert "MLDEPLOY_STATE_DIR" in str(caught.value.hint)
    left = [path for path in small_disk.rglob("*") if path.is_file() or path.name.startswith(".partial")]
    assert left == []
    subprocess.run(["mount", "-o", "remount,size=64m", str(small_disk)], check=True)
    with SilentReporter().step("") as step:
        assert len(wheels.fetch(chosen, TARGET, step)) == 1


def test_a_damaged_wheel_is_fetched_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(state.ENVIRONMENT_NAME, str(tmp_path))
    chosen = pins.group("orjson")
    with SilentReporter().step("") as step:
        (path,) = wheels.fetch(chosen, TARGET, step)
        whole = path.read_bytes()
        path.write_bytes(whole[:-1] + b"x")
        assert wheels.fetch(chosen, TARGET, step) == (path,)
    assert path.read_bytes() == whole


def test_another_hash_is_never_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(state.ENVIRONMENT_NAME, str(tmp_path))
    (pin,) = pins.group("orjson")
    wrong = pins.Pin(pin.name, pin.version, ("0" * 64,), pin.group)
    with pytest.raises(Exception, match="hash") as caught, SilentReporter().step("") as step:
        wheels.fetch((wrong,), TARGET, step)
    assert type(caught.value).__name__ == "GateError"
    assert list(tmp_path.rglob("*.whl")) == []
