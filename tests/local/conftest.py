"""Every test of the local provider has a state folder of its own, and leaves no process behind."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import machine

from mldeploy.progress import SilentReporter
from mldeploy.providers.local.driver import LocalDriver
from mldeploy.providers.local.records import root


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of the spec; the state folder is beside it."""
    state = tmp_path / "state"
    monkeypatch.setenv("MLDEPLOY_STATE_DIR", str(state))
    spec = tmp_path / "spec"
    spec.mkdir()
    with machine.no_process_survives(state):
        yield spec
        state.chmod(0o700) if state.exists() else None
        for folder in root().glob("*.*"):
            name, _, stage = folder.name.rpartition(".")
            LocalDriver(name, stage).destroy(SilentReporter())
