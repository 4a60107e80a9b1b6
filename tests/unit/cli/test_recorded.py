"""history, refresh, unlock, eject and the changes in preview, on a provider of this test's own that keeps a record."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from mldeploy.bundle.contract import Bundle
from mldeploy.cli.__main__ import main
from mldeploy.errors import DeployError, LockedError
from mldeploy.plan import Limits, Plan, PlannedResource
from mldeploy.progress import Reporter
from mldeploy.providers import registry
from mldeploy.providers.contract import Change, Endpoint, Event, Outputs, Preview, Status
from mldeploy.spec.loaded import LoadedSpec

CHANGES = (
    Change("create", "function", "digits-dev"),
    Change("update", "log group", "/logs/digits-dev", ("retention_days 7 → 30",)),
    Change("replace", "registry", "digits-dev", ("region a → b",)),
    Change("same", "role", "digits-dev"),
)


class RecordedDriver:
    """A driver with a record; what it was asked is kept in `asked`."""

    def __init__(self, name: str, stage: str) -> None:
        self.name, self.stage = name, stage
        self.asked: list[Any] = []

    def up(self, plan: Plan, bundle: Bundle, loaded: LoadedSpec, report: Reporter) -> Outputs:
        raise DeployError("not in this test")

    def status(self) -> Status:
        return Status("recorded", self.name, self.stage, "absent")

    def outputs(self) -> Outputs | None:
        return None

    def endpoint(self) -> Endpoint | None:
        return None

    def logs(self, *, follow: bool, since_s: float | None, tail: int | None) -> Iterator[str]:
        return iter(())

    def destroy(self, report: Reporter) -> bool:
        return False

    def preview(self, plan: Plan, bundle: Bundle, loaded: LoadedSpec, report: Reporter, *, is_offline: bool) -> Preview:
        return Preview(CHANGES, "offline" if is_offline else "the engine and the account", "private: signed requests only")

    def history(self, limit: int) -> tuple[Event, ...]:
        events = [Event(n, "up", "succeeded", "2026-11-21 10:00:00", 3.2, "2 created") for n in range(12, 0, -1)]
        return tuple(events[:limit])

    def refresh(self, report: Reporter) -> tuple[Change, ...]:
        return CHANGES[1:] if self.name == "drifted" else CHANGES[3:]

    def unlock(self, report: Reporter, *, is_forced: bool) -> bool:
        if self.name == "held" and not is_forced:
            raise LockedError("held-dev is locked by process 1 on elsewhere since 2026-11-21 10:00:00", "wait, or --force")
        return self.name == "held"

    def eject(self, loaded: LoadedSpec, bundle: Bundle, folder: Path, report: Reporter) -> tuple[Path, ...]:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "README.md").write_text("commands")
        return (folder / "README.md",)


class Settings(BaseModel):
    pass


class RecordedProvider:
    name = "recorded"
    title = "a provider with a record"
    Settings = Settings
    limits = Limits("recorded", {}, 1)

    def problems(self, loaded: LoadedSpec) -> Iterator[Any]:
        return iter(())

    def plan(self, loaded: LoadedSpec, bundle: Bundle) -> Plan:
        resources = (PlannedResource("function", "digits-dev", "1024 MB"),)
        return Plan("recorded", "digits", loaded.stage, bundle.fingerprint, loaded.spec.access, (), resources, {}, {})

    def checks(self) -> Iterator[Any]:
        return iter(())

    def driver(self, name: str, stage: str, loaded: LoadedSpec | None = None) -> RecordedDriver:
        return RecordedDriver(name, stage)

    def deployments(self) -> Iterator[Status]:
        return iter(())


@pytest.fixture(autouse=True)
def recorded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    real = registry.get
    monkeypatch.setattr(registry, "get", lambda name: RecordedProvider() if name == "recorded" else real(name))
    monkeypatch.setattr(registry, "names", lambda: ("local", "recorded"))
    monkeypatch.setenv("MLDEPLOY_STATE_DIR", str(tmp_path / "state"))


@pytest.fixture
def spec_file() -> str:
    return str(Path(__file__).parents[3] / "examples" / "digits" / "mldeploy.yaml")


def run(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int, str, str]:
    code = main([*args, "--cloud", "recorded"])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_history_lists_the_newest_first(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "history", "--name", "m", "-n", "2")
    assert code == 0
    rows = [line.split() for line in out.splitlines()]
    assert rows[0][:3] == ["no", "what", "result"]
    assert [row[0] for row in rows[1:]] == ["12", "11"]
    assert "3.2 s" in out


def test_history_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    document = json.loads(run(capsys, "history", "--name", "m", "--json")[1])
    assert len(document["events"]) == 10
    assert document["events"][0]["version"] == 12


@pytest.mark.parametrize("verb", ["history", "refresh", "unlock"])
def test_who_keeps_no_record_is_told_so(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([verb, "--name", "m", "--cloud", "local"]) == 2
    assert "local keeps no record" in capsys.readouterr().err


def test_drift_is_listed_with_its_reasons(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "refresh", "--name", "drifted")
    assert code == 0
    assert "2 resources drifted" in out
    assert "retention_days 7 → 30" in out
    assert "role" not in out
    assert "mldeploy up --cloud recorded" in out


def test_no_drift(capsys: pytest.CaptureFixture[str]) -> None:
    assert "no drift" in run(capsys, "refresh", "--name", "m")[1]


def test_unlock_names_a_holder_that_may_be_alive(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "unlock", "--name", "held")
    assert (code, out) == (4, "")
    assert "process 1 on elsewhere since" in err


def test_unlock_by_force_wants_a_yes(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, "unlock", "--name", "held", "--force")
    assert code == 2
    assert "needs a yes" in err
    assert run(capsys, "unlock", "--name", "held", "--force", "-y")[1] == "held · stage dev · recorded: unlocked\n"
    assert run(capsys, "unlock", "--name", "m")[1] == "m · stage dev · recorded: not locked\n"


@pytest.mark.parametrize(
    ("endpoint", "key"),
    [
        (Endpoint("https://m", {"x-api-key": "k"}), "k"),
        (Endpoint("https://m", {"authorization": "Bearer k"}), "k"),
        (Endpoint("https://m", sign=lambda _: {"x-functions-key": "k"}), "k"),
        (Endpoint("https://m", sign=lambda _: {"authorization": "Bearer a-token-of-mine"}), ""),
        (Endpoint("https://m"), ""),
    ],
)
def test_the_key_is_told_wherever_it_comes_from(
    endpoint: Endpoint, key: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    outputs = Outputs("recorded", "m", "dev", "f" * 64, "https://m", "", False)
    monkeypatch.setattr(RecordedDriver, "outputs", lambda _: outputs)
    monkeypatch.setattr(RecordedDriver, "endpoint", lambda _: endpoint)
    code, out, err = run(capsys, "outputs", "--name", "m", "--key")
    assert (code, out) == ((0, f"{key}\n") if key else (2, ""))
    assert "a-token-of-mine" not in err


def test_eject_writes_into_a_new_folder_only(capsys: pytest.CaptureFixture[str], spec_file: str, tmp_path: Path) -> None:
    code, out, _ = run(capsys, "eject", "-f", spec_file, "--out", str(tmp_path / "new"))
    assert code == 0
    assert "README.md" in out
    code, _, err = run(capsys, "eject", "-f", spec_file, "--out", str(tmp_path / "new"))
    assert code == 2
    assert "is not empty" in err


def test_eject_where_there_is_no_program(capsys: pytest.CaptureFixture[str], spec_file: str, tmp_path: Path) -> None:
    assert main(["eject", "-f", spec_file, "--out", str(tmp_path / "new"), "--cloud", "local"]) == 2
    assert "local has no program to write out" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


def test_build_where_no_image_runs(capsys: pytest.CaptureFixture[str], spec_file: str) -> None:
    assert main(["build", "-f", spec_file, "--cloud", "local"]) == 2
    assert "local runs no image" in capsys.readouterr().err


def test_preview_shows_what_would_change(capsys: pytest.CaptureFixture[str], spec_file: str) -> None:
    code, out, _ = run(capsys, "preview", "-f", spec_file, "--offline")
    assert code == 0
    assert "changes   1 to create, 1 to update, 1 to replace, 1 the same   (offline)" in out
    assert "region a → b" in out
    assert "access  private: signed requests only" in out
    document = json.loads(run(capsys, "preview", "-f", spec_file, "--json")[1])
    assert document["preview"]["basis"] == "the engine and the account"
    assert [change["action"] for change in document["preview"]["changes"]] == ["create", "update", "replace", "same"]


def test_a_first_preview_is_one_list(
    capsys: pytest.CaptureFixture[str], spec_file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RecordedDriver, "preview", lambda *_, **__: Preview(CHANGES[:1], "offline"))
    out = run(capsys, "preview", "-f", spec_file)[1]
    assert "  +  function  digits-dev  1024 MB" in out
    assert out.count("digits-dev") == 1
    assert run(capsys, "preview", "-f", spec_file, "-v")[1].count("digits-dev") == 2


def test_doctor_counts_only_what_is_needed(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    from mldeploy.providers.contract import Finding

    lacking = [Finding("sdk", False, "not installed", "pip install it")]
    monkeypatch.setattr(RecordedProvider, "checks", lambda self: iter(lacking))
    assert main(["doctor"]) == 0
    assert "recorded: not ready on this machine; only needed to deploy there" in capsys.readouterr().out
    assert main(["doctor", "--cloud", "recorded"]) == 1
