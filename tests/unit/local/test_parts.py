"""The small parts: restarts, listeners, references, inbox, processes, pruning, checks, settings, plan."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from mldeploy.bundle.contract import Bundle
from mldeploy.errors import DeployError
from mldeploy.providers.local import checks, inbox, plan, process, pruning, records, references
from mldeploy.providers.local.inbox import Inbox, UnheardError
from mldeploy.providers.local.listeners import Listeners, PortInUseError
from mldeploy.providers.local.records import Desired, Paths, Release
from mldeploy.providers.local.restart import FIRST_DELAY_S, LONGEST_DELAY_S, STABLE_S, Restarts
from mldeploy.providers.local.runtime import memory_limit_bytes
from mldeploy.providers.local.settings import LocalSettings
from mldeploy.spec.loaded import LoadedSpec, Mark
from mldeploy.spec.model import ModelSpec
from mldeploy.state import bundle_store

RELEASE = Release("r", "d", "f" * 64, "/b", ("x",), {}, {}, 0, False, 0, 30.0, 60.0, 3)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MLDEPLOY_STATE_DIR", str(tmp_path / "state"))
    return tmp_path


# ── restarts ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_delay_doubles_up_to_its_longest() -> None:
    restarts = Restarts(3)
    delays = [restarts.crashed(0.0, None) for _ in range(40)]
    assert delays[:3] == [FIRST_DELAY_S, 2 * FIRST_DELAY_S, 4 * FIRST_DELAY_S]
    assert delays[-1] == LONGEST_DELAY_S
    assert delays == sorted(delays)
    assert restarts.total == 40


def test_a_crash_loop_is_so_many_in_a_row_and_ends_with_stable_service() -> None:
    restarts = Restarts(2)
    restarts.crashed(0.0, None)
    assert not restarts.is_failing(0.0, None)
    restarts.crashed(1.0, 0.5)
    assert restarts.is_failing(1.0, None)
    assert restarts.is_failing(2.0, 1.5)
    assert not restarts.is_failing(1.5 + STABLE_S, 1.5)
    assert restarts.crashed(2.0 + STABLE_S, 1.5) == 2.0 + STABLE_S + FIRST_DELAY_S
    assert not restarts.is_failing(2.0 + STABLE_S, None)


# ── listeners ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_free_port_is_picked_and_kept_for_the_next_release() -> None:
    listeners = Listeners()
    first = listeners.get(RELEASE)
    assert first.getsockname()[0] == "127.0.0.1"
    assert listeners.get(RELEASE) is first
    assert listeners.get(RELEASE._replace(port=first.getsockname()[1], is_port_fixed=True)) is first
    listeners.close_except({first.getsockname()[1]})
    assert first.fileno() >= 0
    listeners.close_except(set())
    assert first.fileno() == -1


def test_a_remembered_port_gives_way_and_a_chosen_one_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    listeners = Listeners()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PortInUseError, match=f"port {port} is in use by another process"):
            listeners.get(RELEASE._replace(port=port, is_port_fixed=True))
        assert listeners.get(RELEASE._replace(port=port)).getsockname()[1] != port
    listeners.close_except(set())

    def refuse(*args: object, **kwargs: object) -> socket.socket:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(socket, "create_server", refuse)
    with pytest.raises(PortInUseError, match="port 80 cannot be opened: Permission denied"):
        listeners.get(RELEASE._replace(port=80, is_port_fixed=True))
    with pytest.raises(PortInUseError, match=r"no port of 127.0.0.1 is free"):
        listeners.get(RELEASE)


# ── references ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("reference", "is_known"),
    [("env:A", True), ("file:a", True), ("env:", False), ("file: ", False), ("vault:a", False), ("A", False), ("", False)],
)
def test_known_references(reference: str, is_known: bool) -> None:
    assert references.is_known(reference) is is_known


def test_values_come_from_the_environment_and_from_files(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THERE", "v")
    (home / "file").write_bytes("wört\r\n".encode())
    wanted = {"A": "env:THERE", "B": f"file:{home / 'file'}", "K": references.GENERATED_KEY}
    assert references.given(wanted) == {"A": "v", "B": "wört"}


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "cannot be read: No such file"), (b"\xff\xfe", "is not UTF-8"), (b"a\0b", "holds a NUL byte")],
)
def test_a_bad_secret_file_is_named_without_its_content(home: Path, content: bytes | None, message: str) -> None:
    if content is not None:
        (home / "file").write_bytes(content)
    with pytest.raises(DeployError, match=f"secret B: .*{message}"):
        references.given({"B": f"file:{home / 'file'}"})


def test_a_relative_file_means_the_spec_s_folder(home: Path) -> None:
    assert references.absolute("file:a/b", home) == f"file:{home}/a/b"
    assert references.absolute("file:/a/b", home) == "file:/a/b"
    assert references.absolute("env:A", home) == "env:A"


def test_the_generated_key_is_made_where_it_may_be(home: Path) -> None:
    at = Paths(home)
    wanted = {"K": references.GENERATED_KEY, "T": "env:T"}
    assert references.generated(wanted, at, may_make=False) == {}
    key = references.generated(wanted, at, may_make=True)
    assert len(key["K"]) >= 32
    assert references.generated(wanted, at, may_make=False) == key
    assert references.generated({"T": "env:T"}, at, may_make=True) == {}
    at.key.write_bytes(b"\xff")
    assert references.generated(wanted, at, may_make=True) != key


def test_the_digest_changes_with_the_values_and_the_salt() -> None:
    digests = {references.digest({"A": "1"}, "s"), references.digest({"A": "2"}, "s"), references.digest({"A": "1"}, "t")}
    assert len(digests) == 3
    assert references.digest({}, "s") == ""
    assert references.digest({"A": "1", "B": "2"}, "s") == references.digest({"B": "2", "A": "1"}, "s")


# ── inbox ───────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_messages_arrive_whole_and_a_spoiled_one_spoils_no_other(tmp_path: Path) -> None:
    box = Inbox(tmp_path / "inbox")
    inbox.send(tmp_path / "inbox", {"r": {"A": "1\n2"}})
    with (tmp_path / "inbox").open("wb", buffering=0) as killed:
        killed.write(b'\n{"r": {"A": "ha')
    assert box.receive() == [{"r": {"A": "1\n2"}}]
    inbox.send(tmp_path / "inbox", {})
    with (tmp_path / "inbox").open("wb", buffering=0) as odd:
        odd.write(b'[1]\n{"r": 1}\n')
    assert box.receive() == [{}]
    assert box.receive() == []
    box.close()


def test_nobody_listening_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UnheardError, match="No such file"):
        inbox.send(tmp_path / "inbox", {})
    Inbox(tmp_path / "inbox").close()
    with pytest.raises(UnheardError, match="does not take messages"):
        inbox.send(tmp_path / "inbox", {})
    (tmp_path / "file").write_text("")
    with pytest.raises(UnheardError, match="not a FIFO"):
        inbox.send(tmp_path / "file", {})
    monkeypatch.setattr(inbox, "SEND_TIMEOUT_S", 0.1)
    box = Inbox(tmp_path / "inbox")
    with pytest.raises(UnheardError, match="nobody reads it"):
        inbox.send(tmp_path / "inbox", {"r": {"A": "x" * 10_000_000}})
    box.close()


# ── processes ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(params=[True, False], ids=["proc", "ps"])
def either_way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "IS_LINUX", request.param)


@pytest.mark.usefixtures("either_way")
def test_a_process_is_itself_until_it_ends() -> None:
    child = os.posix_spawn(sys.executable, [sys.executable, "-c", "import time; time.sleep(60)"], os.environ)
    started = process.identity(child)
    assert started
    assert process.is_alive(child, started)
    assert not process.is_alive(child, "another start")
    assert not process.is_alive(child, "")
    process.send(child, "another start", signal.SIGKILL)
    assert not process.wait_gone(child, started, 0.05)
    process.end(child, started, 5.0)
    assert not process.is_alive(child, started)
    assert process.identity(child) == ""
    process.send(child, started, signal.SIGKILL)
    assert not process.is_alive(0, "x")


def test_one_that_ignores_sigterm_is_killed() -> None:
    code = "import signal, time; signal.signal(15, signal.SIG_IGN); print(1, flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        process.end(child.pid, process.identity(child.pid), 0.1)
        child.returncode = -9  # collected already


def test_a_zombie_does_not_run() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        deadline_s = time.monotonic() + 10
        while process.identity(child.pid):
            assert time.monotonic() < deadline_s
            time.sleep(0.01)


def test_marked_processes_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", "input()"], stdin=subprocess.PIPE, env={**os.environ, process.FOLDER_VARIABLE: str(tmp_path)}
    ) as child:
        while not (found := process.marked(tmp_path)):
            time.sleep(0.01)
        assert found == [(child.pid, process.identity(child.pid))]
        assert process.marked(tmp_path / "other") == []
        monkeypatch.setattr(process, "IS_LINUX", False)
        assert process.marked(tmp_path) == []
        child.kill()


def test_the_memory_limit_leaves_room_for_stacks() -> None:
    assert memory_limit_bytes(512, 4) > 512 * 1024 * 1024
    assert memory_limit_bytes(512, 5) - memory_limit_bytes(512, 4) == 8 * 1024 * 1024


# ── pruning ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def stored(name: str) -> Path:
    folder = bundle_store() / name
    folder.mkdir(parents=True)
    (folder / "bundle.json").write_text("{}")
    return folder


def test_history_keeps_the_last_three() -> None:
    history: tuple[str, ...] = ()
    for bundle in ("a", "b", "c", "d", "b"):
        history = pruning.remember(bundle, history)
    assert history == ("b", "d", "c")


def test_only_what_nobody_refers_to_goes(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept, candidate, let_go, fresh, odd = (stored(name) for name in ("kept", "candidate", "let-go", "fresh", "odd"))
    (odd / "bundle.json").unlink()
    at = records.paths("m", "dev")
    at.folder.mkdir(parents=True)
    desired = Desired("m", "dev", 1, None, RELEASE._replace(bundle=str(candidate)), None, (str(kept),))
    records.write_desired(at, desired)
    records.paths("n", "dev").folder.mkdir()
    assert pruning.prune([str(let_go), str(kept), str(candidate)]) == [let_go]
    monkeypatch.setattr(pruning, "FRESH_S", -1.0)
    assert pruning.prune([]) == [fresh]
    assert sorted(path.name for path in bundle_store().iterdir()) == ["candidate", "kept", "odd"]
    pruning.touch(kept)
    pruning.touch(home / "missing")


def test_a_newer_record_stops_the_pruning(home: Path) -> None:
    let_go = stored("let-go")
    at = records.paths("m", "dev")
    at.folder.mkdir(parents=True)
    at.desired.write_text('{"schema": 9}')
    assert pruning.prune([str(let_go)]) == []
    assert let_go.exists()


def test_no_store_is_nothing_to_prune(home: Path) -> None:
    assert pruning.prune([]) == []


# ── checks ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_this_machine_is_fine(home: Path) -> None:
    findings = list(checks.checks())
    titles = ["Python", "ONNX Runtime", "serving libraries", "state folder", "free disk", "port", "memory limit"]
    assert [finding.title for finding in findings] == titles
    assert [finding.title for finding in findings if not finding.is_ok] == []
    assert not any(finding.remedy for finding in findings)


def test_what_is_wrong_has_a_remedy(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> str:
        raise PackageNotFoundError(name)

    found = [checks._python((3, 10)), checks._engine(missing)]
    monkeypatch.setitem(checks.SERVING_LIBRARIES, "not-there", "not_there")
    found.append(checks._libraries())
    (home / "file").write_text("")
    found += checks._state(home / "file" / "inner")
    monkeypatch.setattr(checks, "LOW_DISK_BYTES", 10**18)
    found.append(list(checks._state(home / "state"))[1])
    assert all(not finding.is_ok and finding.remedy for finding in found), found
    assert "pip install not-there" in found[2].remedy


def test_a_full_disk_is_found(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(**kwargs: Any) -> Any:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checks.tempfile, "TemporaryFile", full)
    (finding,) = checks._state(home / "state")
    assert "No space left" in finding.message


def test_what_is_only_slower_or_absent_elsewhere_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    from mldeploy.handlers.engines import ort_api

    def unavailable() -> None:
        raise ort_api.LeanUnavailable("no such wheel")

    monkeypatch.setattr(ort_api, "open_installed", unavailable)
    assert "stock binding (no lean engine: no such wheel)" in checks._engine().message
    assert "only on Linux" in checks._memory_limit(is_linux=False).message
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert "another one will be taken" in checks._port(range(port, port + 1)).message


# ── settings and plan ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "block", [{"prot": 1}, {"port": 0}, {"port": 70000}, {"max_body_mb": 0}, {"port": "80"}, {"host": "0.0.0.0"}]
)
def test_settings_refuse_what_they_do_not_know(block: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        LocalSettings.model_validate(block)


def loaded(marks: dict[str, Mark] | None = None, **sections: Any) -> LoadedSpec:
    spec = ModelSpec.model_validate({"version": 1, "name": "m", "model": {"path": "m.onnx"}, **sections})
    return LoadedSpec(spec, "mldeploy.yaml", Path("/spec"), "prod", marks or {})


BUNDLE = Bundle(Path("/b"), "m", "9f3c1e2" + "0" * 57, "onnx", (), ())


def test_the_plan_says_what_and_why() -> None:
    marks = {
        "resources.memory_mb": Mark(9, 3),
        "clouds.local.port": Mark(12, 5, "prod"),
        "resources.min_instances": Mark(10, 3),
    }
    spec = loaded(
        marks,
        resources={"memory_mb": 512, "min_instances": 1, "ephemeral_mb": 100},
        access="key",
        env={"A": "b"},
        clouds={"local": {"port": 9000}},
        secrets={"T": None, "F": "file:f"},
        tags={"team": "x"},
    )
    made = plan.plan(spec, BUNDLE)
    assert made == plan.plan(spec, BUNDLE)
    origins = {entry.key: entry.origin for entry in made.settings}
    assert origins["resources.memory_mb"] == "mldeploy.yaml:9"
    assert origins["clouds.local.port"] == "stage prod (mldeploy.yaml:12)"
    assert origins["resources.timeout_s"] == "provider default"
    assert origins["resources.min_instances"] == "mldeploy.yaml:10; not enforced locally"
    assert origins["resources.ephemeral_mb"] == "provider default; not enforced locally"
    assert made.environment == {
        "A": "b",
        "MLDEPLOY_STAGE": "prod",
        "MLDEPLOY_ACCESS": "key",
        "MLDEPLOY_TIMEOUT_S": "30",
        "MLDEPLOY_MAX_BODY_BYTES": "6291456",
    }
    assert made.secrets == {"MLDEPLOY_API_KEY": "generated:key", "T": "env:T", "F": "file:/spec/f"}
    assert made.fixed_monthly_usd == "0.00"
    kinds = {resource.kind: resource for resource in made.resources}
    assert kinds["port"].name == "127.0.0.1:9000"
    assert "callers need the key" in kinds["port"].detail
    assert "512 MiB" in kinds["process"].detail
    assert kinds["note"].detail == "min_instances, ephemeral_mb"


def test_the_plan_of_a_bare_spec() -> None:
    made = plan.plan(loaded(resources={"concurrency": 3}), BUNDLE)
    kinds = {resource.kind: resource for resource in made.resources}
    assert kinds["port"].name == "127.0.0.1, the first free port from 8080 on"
    assert "memory not limited · 30 s · concurrency 3" in kinds["process"].detail
    assert "note" not in kinds
    assert made.environment["MLDEPLOY_CONCURRENCY"] == "3"
    assert made.setting("clouds.local.port") is None


def test_a_secret_that_this_machine_cannot_resolve_is_a_problem() -> None:
    spec = loaded({"secrets.V": Mark(7, 3)}, secrets={"V": "vault:path", "E": "env:E", "N": None})
    (problem,) = plan.problems(spec)
    assert (problem.line, problem.path) == (7, "secrets.V")
    assert "vault:path" not in problem.message
    assert "env:… or file:…" in problem.fix


def test_importing_the_package_is_cheap() -> None:
    code = "import sys, mldeploy.providers.local.supervisor; print(sorted({'pydantic', 'yaml', 'numpy'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"


def test_the_provider_is_whole() -> None:
    from mldeploy.providers.local.provider import provider

    assert provider.name == "local"
    assert provider.problems(loaded()) is not None
    assert provider.plan(loaded(), BUNDLE).name == "m"
    assert provider.driver("m", "dev").name == "m"
    assert provider.checks() is not None
