"""`preview`, with the engine and without; `refresh`, `history`, `status`: what is looked at and not changed."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from toystack_cloud import names, resource

from mldeploy.errors import DeployError, LockedError, ProviderError
from mldeploy.providers.contract import Change, Ejectable, Stacked
from mldeploy.stacks import engine
from mldeploy.stacks.driver import deployments
from mldeploy.state import Lock

if TYPE_CHECKING:
    from toy_rig import Toy

HERE = Path(__file__).parent
CREATES = [
    ("create", "repository", "digits-dev"),
    ("create", "secret store", "digits-dev-secrets"),
    ("create", "role", "digits-dev-fn-role"),
    ("create", "function", "digits-dev-fn"),
    ("create", "route", "digits-dev-fn-route"),
]


def brief(changes: tuple[Change, ...]) -> list[tuple[str, str, str]]:
    return [(change.action, change.kind, change.name) for change in changes]


@pytest.mark.parametrize("is_offline", [True, False])
def test_before_the_first_up_everything_is_new_and_nothing_is_made(toy: Toy, is_offline: bool) -> None:
    found = toy.preview(is_offline=is_offline)
    assert [line for line in toy.report.said if line.startswith("created")] == []
    assert sorted(brief(found.changes)) == sorted(CREATES)
    assert found.visibility == "private"
    assert names() == []
    assert toy.driver.status().state == "absent"
    assert not (toy.folder.parent / "state" / "toystack").exists()
    assert not (toy.folder.parent / "state" / "stacks").exists()


def test_the_engine_says_what_changes(toy: Toy) -> None:
    toy.up()
    assert {change.action for change in toy.preview().changes} == {"same"}
    toy.images.base = "another"
    found = toy.preview(memory_mb=1024, keep=5)
    by_name = {change.name: change for change in found.changes}
    assert found.basis == "the engine and the account"
    assert by_name["digits-dev"] == Change("update", "repository", "digits-dev", ("keep 3 → 5",))
    reasons = by_name["digits-dev-fn"].reasons
    assert "memorySize 512 → 1024" in reasons
    assert any(reason.endswith(f"→ new image {toy.images.tag(None, toy.bundle)[:12]}") for reason in reasons)  # type: ignore[arg-type]
    assert resource("digits-dev-fn")["memorySize"] == 512


def test_a_replacement_is_one(toy: Toy) -> None:
    toy.up()
    by_name = {change.name: change for change in toy.preview(service="other").changes}
    assert by_name["other"].action == "replace"
    assert "name digits-dev-fn → other" in by_name["other"].reasons


def test_offline_asks_nobody(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    toy.up()
    toy.cloud.calls.clear()

    def refuse(*_: Any) -> None:
        raise AssertionError("offline went to the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(subprocess, "Popen", refuse)
    monkeypatch.setattr("mldeploy.stacks.owner._git", lambda *_: "")
    assert {change.action for change in toy.preview(is_offline=True).changes} == {"same"}
    found = toy.preview(is_offline=True, memory_mb=1024)
    by_name = {change.name: change for change in found.changes}
    assert "memorySize 512 → 1024" in by_name["digits-dev-fn"].reasons
    assert found.basis == "the program and the last known state; offline"
    assert toy.cloud.calls == []


def test_no_secret_is_shown(toy: Toy) -> None:
    toy.up()
    for is_offline in (True, False):
        assert "a-secret-input" not in repr(toy.preview(is_offline=is_offline, keep=9))
    record = (toy.folder.parent / "state" / "toystack" / "digits.dev" / "record.json").read_text()
    assert "a-secret-input" not in record
    stored = [file for file in (toy.folder.parent / "state").rglob("*") if file.is_file()]
    assert len(stored) > 5
    assert [file for file in stored if b"a-secret-input" in file.read_bytes()] == []


def test_without_credentials_the_reason_is_told(toy: Toy) -> None:
    toy.cloud.is_signed_in = False
    assert toy.preview().basis == "the program and the last known state; no credentials for Toy Cloud"
    with pytest.raises(ProviderError, match="no credentials"):
        toy.up()
    assert not (toy.folder.parent / "state" / "toystack").exists()


def test_without_engine_the_reason_is_told(toy: Toy, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(engine.ENVIRONMENT_NAME, str(tmp_path / "nowhere"))
    assert "the Pulumi CLI is not installed" in toy.preview().basis
    with pytest.raises(ProviderError) as caught:
        toy.up()
    assert caught.value.hint == "mldeploy doctor --install"


def test_an_offline_preview_takes_less_than_three_seconds(toy: Toy) -> None:
    """In a fresh process: imports of ours and of the SDK included."""
    code = (
        f"import sys; sys.path.insert(0, {str(HERE)!r})\n"
        "from pathlib import Path\n"
        "from toy_rig import FINGERPRINT, Lines, Registry, plan_of, planned\n"
        "import time; started = time.process_time()\n"
        "from mldeploy import image, spec; from mldeploy.bundle.contract import Bundle\n"
        "image.tag = Registry().tag\n"
        "from mldeploy.stacks.driver import StackDriver; from toystack_cloud import ToyCloud\n"
        f"loaded = spec.load(Path({str(toy.loaded.root)!r}) / 'mldeploy.yaml', None, settings_models={{}})\n"
        "driver = StackDriver(ToyCloud(), 'digits', 'dev', planned, loaded)\n"
        "bundle = Bundle(Path('x'), 'digits', FINGERPRINT, 'onnx', (), ())\n"
        "found = driver.preview(plan_of(), bundle, loaded, Lines(), is_offline=True)\n"
        "assert len(found.changes) == 5; print(time.process_time() - started)"
    )
    spent_s = min(
        float(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout) for _ in range(2)
    )
    assert spent_s < 3.0


def test_drift_is_told_and_mended(toy: Toy) -> None:
    toy.up()
    assert toy.driver.refresh(toy.report) == ()
    file = toy.folder / "digits-dev-fn.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "memorySize": 128}))
    (toy.folder / "digits-dev-fn-route.json").unlink()
    drift = toy.driver.refresh(toy.report)
    assert sorted(brief(drift)) == [
        ("delete", "route", "digits-dev-fn-route"),
        ("update", "function", "digits-dev-fn"),
    ]
    assert next(change for change in drift if change.action == "update").reasons == ("memorySize 512 → 128",)
    assert toy.up().changed
    assert resource("digits-dev-fn")["memorySize"] == 512
    assert "digits-dev-fn-route" in names()


def test_history_is_newest_first(toy: Toy) -> None:
    assert toy.driver.history(5) == ()
    toy.up()
    toy.up(memory_mb=1024)
    events = toy.driver.history(10)
    assert [event.version for event in events] == list(range(len(events), 0, -1))
    assert {event.kind for event in events} == {"up"}
    assert {event.result for event in events} == {"succeeded"}
    assert events[-1].summary == "registry: 2 created"
    assert len(toy.driver.history(2)) == 2


def test_status_asks_the_cloud_and_deployments_nobody(toy: Toy) -> None:
    toy.up()
    assert [(status.name, status.stage, status.state) for status in deployments(toy.cloud)] == [("digits", "dev", "serving")]
    (toy.folder / "digits-dev-fn.json").unlink()
    status = toy.driver.status()
    assert (status.state, status.detail) == ("failing", "the function is gone")
    toy.cloud.is_signed_in = False
    assert "as last recorded" in toy.driver.status().detail
    assert next(iter(deployments(toy.cloud))).state == "serving"


def test_a_lost_record_is_made_anew_from_the_stacks(toy: Toy) -> None:
    before = toy.up()
    (toy.folder.parent / "state" / "toystack" / "digits.dev" / "record.json").unlink()
    after = toy.driver.outputs()
    assert (after.url, after.fingerprint, after.values) == (before.url, before.fingerprint, before.values)
    assert toy.driver.status().state == "serving"
    assert not toy.up().changed or "release" in before.values
    (toy.folder.parent / "state" / "toystack" / "digits.dev" / "record.json").unlink()
    assert toy.driver.destroy(toy.report) is True
    assert names() == []


def test_a_deployment_is_locked_while_somebody_works_on_it(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mldeploy.stacks.deployment.LOCK_WAIT_S", 0.1)
    toy.up()
    with Lock(toy.driver._deployment.at.lock).held(), pytest.raises(LockedError, match=r"digits\.dev is locked by process"):
        toy.up(memory_mb=1024)
    assert toy.up(memory_mb=1024).changed


def test_another_project_is_told_whose_it_is(toy: Toy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    toy.up()
    theirs = replace(toy.loaded, root=tmp_path)
    toy.driver = replace(toy.driver, loaded=theirs)
    toy.loaded = theirs
    for act in (toy.up, toy.preview, lambda: toy.driver.destroy(toy.report)):
        with pytest.raises(DeployError, match=f"from another project: .*{tmp_path.name}/project"):
            act()
    monkeypatch.setenv("MLDEPLOY_TAKE_OVER", "1")
    assert not toy.up().changed
    monkeypatch.delenv("MLDEPLOY_TAKE_OVER")
    assert not toy.up().changed


def test_access_by_key_makes_one_key_and_keeps_it(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOY_TOKEN", "one")
    secrets = {"TOKEN": "env:TOY_TOKEN", "VAULT": "toy:its-own", "MLDEPLOY_API_KEY": "generated:key"}
    first = toy.up(access="key", secrets=secrets)
    key = toy.cloud.stored["MLDEPLOY_API_KEY"]
    assert len(key) >= 40
    assert toy.cloud.stored == {"TOKEN": "one", "MLDEPLOY_API_KEY": key}
    assert not toy.up(access="key", secrets=secrets).changed
    assert toy.cloud.stored["MLDEPLOY_API_KEY"] == key
    monkeypatch.setenv("TOY_TOKEN", "two")
    second = toy.up(access="key", secrets=secrets)
    assert second.values["release"] != first.values["release"], "a new value makes a new release"
    state = b"".join(path.read_bytes() for path in (toy.folder.parent / "state").rglob("*") if path.is_file())
    assert key.encode() not in state
    monkeypatch.delenv("TOY_TOKEN")
    with pytest.raises(DeployError, match="secret TOKEN: the environment variable TOY_TOKEN is not set"):
        toy.up(access="key", secrets=secrets)


def test_a_key_is_made_where_the_plan_wants_one_and_nowhere_else(toy: Toy) -> None:
    toy.up(access="key")
    assert toy.cloud.stored == {}, "a platform with keys of its own"
    toy.up(access="private", secrets={"MLDEPLOY_API_KEY": "generated:key"})
    assert len(toy.cloud.stored["MLDEPLOY_API_KEY"]) >= 40


def test_a_platform_that_builds_gets_the_source(toy: Toy) -> None:
    assert toy.preview(is_image=False).changes, "before it is deployed"
    first = toy.up(is_image=False)
    assert len(resource("digits-dev-fn")["source"]) == 64
    assert not toy.up(is_image=False).changed
    for is_offline in (True, False):
        assert {change.action for change in toy.preview(is_image=False, is_offline=is_offline).changes} == {"same"}
    toy.images.base = "changed"
    for is_offline in (True, False):
        assert "update" in {change.action for change in toy.preview(is_image=False, is_offline=is_offline).changes}
    assert toy.up(is_image=False).values["release"] != first.values["release"]


def test_the_driver_is_all_that_a_stacked_provider_can_be(toy: Toy) -> None:
    assert isinstance(toy.driver, Stacked)
    assert isinstance(toy.driver, Ejectable)
    heavy = "('pulumi', 'docker', 'grpc')"
    code = f"import sys, mldeploy.stacks.driver; print([n for n in sys.modules if n.partition('_')[0] in {heavy}])"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"
