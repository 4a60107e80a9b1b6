"""Where state goes and what encrypts it; who owns a deployment; which engine is taken."""

from __future__ import annotations

import os
import stat
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mldeploy.errors import DeployError, ProviderError
from mldeploy.progress import SilentReporter
from mldeploy.spec.loaded import LoadedSpec
from mldeploy.spec.model import StateSection
from mldeploy.stacks import backend, engine, owner, records, secret_values
from mldeploy.stacks.backend import GENERATED, GIVEN, Backend
from mldeploy.stacks.records import Record

if TYPE_CHECKING:
    from toy_rig import Toy


def said(loaded: LoadedSpec, **state: str) -> LoadedSpec:
    return replace(loaded, spec=loaded.spec.model_copy(update={"state": StateSection(**state)}))


def test_by_default_it_is_this_machine_with_a_key_of_ours(state: Path, loaded: LoadedSpec) -> None:
    chosen = backend.choose(loaded, None)
    assert chosen == Backend(f"file://{state}/stacks", "passphrase", GENERATED)
    environment = chosen.environment()
    key = Path(environment[backend.PASSPHRASE_FILE])
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert len(key.read_text()) >= 40
    assert chosen.environment()[backend.PASSPHRASE_FILE] == str(key)
    assert key.read_text() not in str(environment)
    assert stat.S_IMODE((state / "stacks").stat().st_mode) == 0o700
    assert backend.PASSPHRASE in chosen.hidden


def test_the_users_passphrase_is_respected_and_never_empty(
    state: Path, loaded: LoadedSpec, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(backend.PASSPHRASE, "")
    with pytest.raises(ProviderError, match="is empty, which encrypts nothing"):
        backend.choose(loaded, None).environment()
    monkeypatch.setenv(backend.PASSPHRASE, "mine")
    chosen = backend.choose(loaded, None)
    assert chosen.passphrase == GIVEN
    assert backend.PASSPHRASE_FILE not in chosen.environment()
    monkeypatch.delenv(backend.PASSPHRASE)
    with pytest.raises(ProviderError, match="a passphrase of yours, and none is given"):
        chosen.environment()
    monkeypatch.setenv(backend.PASSPHRASE_FILE, str(tmp_path / "none"))
    with pytest.raises(ProviderError, match="cannot be read"):
        chosen.environment()
    (tmp_path / "none").write_text("\n")
    with pytest.raises(ProviderError, match="is empty"):
        chosen.environment()


def test_what_was_chosen_is_kept(state: Path, loaded: LoadedSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    first = backend.choose(loaded, None)
    monkeypatch.setenv(backend.PASSPHRASE, "mine")
    monkeypatch.setenv("PULUMI_BACKEND_URL", "s3://elsewhere")
    assert backend.choose(loaded, first) == first
    with pytest.raises(DeployError, match=r"the spec says state\.backend: s3://other"):
        backend.choose(said(loaded, backend="s3://other"), first)


def test_shared_state_needs_something_that_others_have_too(state: Path, loaded: LoadedSpec) -> None:
    with pytest.raises(ProviderError, match="nothing says what encrypts"):
        backend.choose(said(loaded, backend="s3://states"), None)
    key = backend.choose(said(loaded, backend="s3://states", secrets_provider="keys://one"), None)
    assert (key.secrets_provider, key.passphrase, key.is_local) == ("keys://one", "", False)
    assert backend.choose(said(loaded, backend="https://api.pulumi.com"), None).secrets_provider == "default"


def test_the_users_login_is_found_only_where_it_is_needed(
    state: Path, loaded: LoadedSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = backend.choose(said(loaded, backend="https://api.pulumi.com"), None)
    assert "PULUMI_HOME" not in service.environment()
    monkeypatch.setenv("PULUMI_ACCESS_TOKEN", "t")
    assert service.environment()["PULUMI_HOME"] == str(state / "pulumi")
    assert "t" not in service.environment().values()


def test_a_relative_folder_is_the_specs(state: Path, loaded: LoadedSpec) -> None:
    assert backend.choose(said(loaded, backend="file://./kept"), None).url == f"file://{loaded.root / 'kept'}"


def test_a_spec_of_its_own_backend_works_on_the_engine(toy: Toy, tmp_path: Path) -> None:
    loaded = said(toy.loaded, backend="file://./kept")
    (toy.loaded.root / "kept").mkdir()
    toy.loaded, toy.driver = loaded, replace(toy.driver, loaded=loaded)
    assert toy.up().values["state"] == f"file://{toy.loaded.root}/kept"
    assert list((toy.loaded.root / "kept" / ".pulumi").rglob("toystack.dev.service.json"))
    records.forget(toy.driver._deployment.at)
    assert toy.driver.outputs() is not None, "another machine finds it by the spec alone"
    assert toy.driver.destroy(toy.report) is True


def test_a_wrong_passphrase_is_told(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(backend.PASSPHRASE, "one")
    toy.up()
    monkeypatch.setenv(backend.PASSPHRASE, "two")
    with pytest.raises(ProviderError, match="encrypted with another passphrase"):
        toy.up(memory_mb=1024)


def git(folder: Path, *args: str) -> None:
    subprocess.run(["git", "-C", folder, *args], check=True, capture_output=True)


@pytest.mark.parametrize(
    ("remote", "identity"),
    [
        ("https://ada:t0ken@host.test/ada/models.git", "host.test/ada/models/digits"),
        ("git@host.test:ada/models.git", "host.test/ada/models/digits"),
        ("ssh://git@host.test/ada/models", "host.test/ada/models/digits"),
    ],
)
def test_a_project_is_its_remote_and_the_place_in_it(tmp_path: Path, remote: str, identity: str) -> None:
    folder = tmp_path / "digits"
    folder.mkdir()
    git(tmp_path, "init")
    git(tmp_path, "remote", "add", "origin", remote)
    assert owner.of(folder) == identity


def test_without_a_remote_it_is_machine_and_folder(state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "desk")
    assert owner.of(tmp_path) == f"desk:{tmp_path}"


def cli(folder: Path, version: str) -> Path:
    place = folder / "bin" / "pulumi"
    place.parent.mkdir(parents=True)
    place.write_text(f"#!/bin/sh\necho {version}\n")
    place.chmod(0o755)
    return place


def test_a_missing_or_old_engine_is_refused_with_the_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(engine.ENVIRONMENT_NAME, str(tmp_path / "none"))
    with pytest.raises(ProviderError, match="is not installed at MLDEPLOY_PULUMI_HOME=") as caught:
        engine.find()
    assert caught.value.hint == engine.INSTALL_HINT
    old = cli(tmp_path / "old", "v3.90.1")
    monkeypatch.setenv(engine.ENVIRONMENT_NAME, str(tmp_path / "old"))
    with pytest.raises(ProviderError, match=f"{old} is 3.90.1; 3.210.0 is needed"):
        engine.find()
    [finding] = engine.checks()
    assert not finding.is_ok
    assert finding.remedy == "mldeploy doctor --install"


def test_the_first_that_is_new_enough_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(engine.ENVIRONMENT_NAME, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    cli(tmp_path / "old", "v3.90.1")
    monkeypatch.setenv("PATH", f"{tmp_path / 'old' / 'bin'}{os.pathsep}/usr/bin{os.pathsep}/bin")
    newer = cli(tmp_path / ".pulumi" / "versions" / engine.PINNED, f"v{engine.PINNED}")
    assert engine.find() == newer
    assert [finding.message for finding in engine.checks()] == [f"{engine.PINNED} at {newer}"]


def test_installing_takes_the_sdks_own_way_and_says_what_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    asked = []

    def install(root: Path, version: str) -> None:
        asked.append((root, version))
        raise subprocess.CalledProcessError(1, "install.sh", output=b"no route to get.pulumi.com")

    monkeypatch.setattr("mldeploy.stacks.automation.install", install)
    with pytest.raises(ProviderError, match=r"could not be installed: no route to get\.pulumi\.com"):
        engine.install(SilentReporter())
    assert asked == [(tmp_path / "mldeploy" / "pulumi" / f"v{engine.PINNED}", engine.PINNED)]


def test_a_damaged_record_is_no_record(state: Path) -> None:
    at = records.paths("toystack", "digits", "dev")
    records.write(at, Record("digits", "dev", Backend("file:///x", "passphrase", GENERATED), records.DEPLOYED))
    assert records.read(at) is not None
    for text in ("", "[]", "{}", '{"format": 2}', '{"format": 1, "what": 1}'):
        at.record.write_text(text)
        assert records.read(at) is None
    assert list(records.known("toystack")) == []


def test_every_missing_secret_is_named_at_once(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("value\n")
    assert secret_values.given({"A": "file:token", "B": "vault:x"}, tmp_path) == {"A": "value"}
    with pytest.raises(DeployError) as caught:
        secret_values.given({"A": "env:SURELY_NOT_SET", "B": "file:nowhere"}, tmp_path)
    assert "SURELY_NOT_SET is not set" in caught.value.message
    assert "nowhere cannot be read" in caught.value.message
