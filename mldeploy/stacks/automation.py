"""The engine at work. The only module that imports `pulumi.automation`; what leaves it are plain values and `EngineFailure`.

    Stack.up(program) ──▶ engine process ◀── our own program over gRPC
                              └─▶ events ─▶ on_event

The engine runs in a process group of its own, so that Ctrl-C reaches it once and through us: the first ends it in order (what
is under way is finished and recorded), the second kills it. Either way KeyboardInterrupt follows when it has ended.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pulumi.automation as auto
from pulumi.automation.errors import create_command_error
from semver import VersionInfo

from mldeploy.stacks.process import Lines, wait

Event = Any  # pulumi.automation's EngineEvent; `events` reads it by its attributes
OnEvent = Callable[[Event], None]
_NOWHERE = "urn:pulumi:{0.name}::{0.project}::mldeploy:index:None::none"


class EngineFailure(Exception):
    """The engine ended with an error. `text` is all that it said; `is_locked`: because somebody else is at work."""

    def __init__(self, text: str, *, is_locked: bool = False, is_missing: bool = False) -> None:
        super().__init__(text)
        self.text = text
        self.is_locked = is_locked
        self.is_missing = is_missing


def install(root: Path, version: str) -> None:
    """The SDK's own installer. Raises OSError and CalledProcessError."""
    auto.PulumiCommand.install(root=str(root), version=VersionInfo.parse(version))


class Command(auto.PulumiCommand):
    """The CLI as a process that we can end in order. `hidden` are variables that it must not inherit."""

    def __init__(self, place: Path, version: str, hidden: Iterable[str] = ()) -> None:
        # The base class would ask the CLI for its version again: `engine.find` has done so.
        self.command = str(place)
        self.version = VersionInfo.parse(version)
        self._hidden = frozenset(hidden)

    def run(
        self,
        args: list[str],
        cwd: str,
        additional_env: Mapping[str, str],
        on_output: Callable[[str], Any] | None = None,
        on_error: Callable[[str], Any] | None = None,
    ) -> auto.CommandResult:
        """One command, to its end. Raises auto.CommandError, and KeyboardInterrupt after the engine has ended."""
        environment = {name: value for name, value in os.environ.items() if name not in self._hidden}
        environment |= {**additional_env, "PULUMI_AUTOMATION_API": "true"}
        environment["PATH"] = os.pathsep.join([str(Path(self.command).parent), os.environ.get("PATH", "")])
        with subprocess.Popen(
            [self.command, "--non-interactive", *args],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=cwd,
            env=environment,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        ) as process:
            output, errors = Lines(process.stdout, on_output), Lines(process.stderr, on_error)
            is_interrupted = wait(process)
            result = auto.CommandResult(output.text(), errors.text(), process.returncode)
        if is_interrupted:
            raise KeyboardInterrupt
        if result.code != 0:
            raise create_command_error(result)
        return result


class _Attached(auto.Stack):
    """A stack that is there. The base class starts the engine four times more for an update: to select the stack, and to ask
    for its outputs and summary. We name the stack in every command, and read the state once."""

    def __init__(self, name: str, workspace: auto.Workspace) -> None:
        self.name = name
        self.workspace = workspace

    def outputs(self) -> auto.OutputMap:
        return {}

    def info(self, show_secrets: bool = True) -> auto.UpdateSummary:
        return auto.UpdateSummary("", datetime.now(UTC), "", {}, {}, "")


@dataclass(frozen=True)
class Stack:
    """One Pulumi stack. `environment` goes to every command; nothing secret is ever in an argument."""

    command: Command
    project: str
    name: str
    folder: Path
    environment: Mapping[str, str]
    secrets_provider: str

    # ── being there ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def prepare(self, config: Mapping[str, str] | None) -> None:
        """Write the project's file and this stack's configuration (None: as it is). An existing stack's encryption is kept."""
        workspace = self._workspace(None)
        backend = auto.ProjectBackend(self.environment["PULUMI_BACKEND_URL"])
        workspace.save_project_settings(auto.ProjectSettings(name=self.project, runtime="python", backend=backend))
        if config is not None:
            settings = self._settings()
            settings.config = dict(config) or None
            workspace.save_stack_settings(self.name, settings)

    def _settings(self) -> auto.StackSettings:
        with contextlib.suppress(FileNotFoundError):
            return self._workspace(None).stack_settings(self.name)
        return auto.StackSettings()

    def exists(self) -> bool:
        try:
            self._run("stack", "select", "--stack", self.name)
        except EngineFailure as failure:
            if failure.is_missing:
                return False
            raise
        return True

    def create(self) -> None:
        self._run("stack", "init", self.name, "--secrets-provider", self.secrets_provider)

    def remove(self) -> None:
        """Forget the stack and its history; its resources must be gone."""
        self._run("stack", "rm", "--yes", self.name)

    # ── working ─────────────────────────────────────────────────────────────────────────────────────────────────────────

    def up(self, program: Callable[[], None], on_event: OnEvent) -> dict[str, Any]:
        """Make it so; the state that is recorded then, as `export` gives it."""
        with _translated():
            self._open(program).up(on_event=on_event, color="never", suppress_progress=True)
        return self.export()

    def preview(self, program: Callable[[], None], on_event: OnEvent) -> None:
        with _translated():
            self._open(program).preview(on_event=on_event, color="never", suppress_progress=True)

    def refresh(self, on_event: OnEvent) -> None:
        with _translated():
            self._open(None).refresh(on_event=on_event, color="never", suppress_progress=True)

    def destroy(self, on_event: OnEvent) -> None:
        with _translated():
            self._open(None).destroy(on_event=on_event, color="never", suppress_progress=True)

    def export(self) -> dict[str, Any]:
        """The recorded state; secrets stay encrypted. Raises EngineFailure with `is_missing` where there is no such stack."""
        document = json.loads(self._run("stack", "export", "--stack", self.name))
        return document if isinstance(document, dict) else {}

    def replace_state(self, document: Mapping[str, Any]) -> None:
        """Put `document`, as `export` gave it and then mended, in the place of the recorded state."""
        file = self.folder / f".{self.name}.import.json"
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            with os.fdopen(descriptor, "w") as opened:
                json.dump(document, opened)
            self._run("stack", "import", "--file", str(file), "--stack", self.name)
        finally:
            file.unlink(missing_ok=True)

    def cancel(self) -> None:
        """Remove whatever lock there is."""
        self._run("cancel", "--yes", "--stack", self.name)

    def lock(self) -> str | None:
        """What the engine would say of whoever holds the stack; None when nobody does. Changes no resource."""
        if self.environment["PULUMI_BACKEND_URL"].startswith("file://"):
            return self._lock_files() or None
        try:
            # There is no command that only asks. This one takes the lock before it finds that there is no such resource.
            self._run("destroy", "--yes", "--skip-preview", "--stack", self.name, "--target", _NOWHERE.format(self))
        except EngineFailure as failure:
            return failure.text if failure.is_locked else None
        return None

    def _lock_files(self) -> str:
        root = Path(self.environment["PULUMI_BACKEND_URL"].removeprefix("file://").partition("?")[0]).expanduser()
        folder = root / ".pulumi" / "locks" / "organization" / self.project / self.name
        said = []
        for file in sorted(folder.glob("*.json")):
            with contextlib.suppress(OSError, ValueError, KeyError):
                who = json.loads(file.read_text())
                said.append(f"created by {who['username']}@{who['hostname']} (pid {who['pid']}) at {who['timestamp']}")
        return "\n".join(said)

    def history(self, limit: int) -> list[dict[str, Any]]:
        """The last updates as the engine writes them, newest first."""
        found = json.loads(self._run("stack", "history", "--json", "--stack", self.name, "--page-size", str(limit)) or "[]")
        return found if isinstance(found, list) else []

    def _open(self, program: Callable[[], None] | None) -> auto.Stack:
        return _Attached(self.name, self._workspace(program))

    def _workspace(self, program: Callable[[], None] | None) -> auto.LocalWorkspace:
        return auto.LocalWorkspace(
            work_dir=str(self.folder),
            program=program,
            env_vars=dict(self.environment),
            secrets_provider=self.secrets_provider,
            pulumi_command=self.command,
        )

    def _run(self, *args: str) -> str:
        with _translated():
            result = self.command.run([*args], str(self.folder), self.environment)
        return str(result.stdout)


@contextlib.contextmanager
def _translated() -> Any:
    try:
        yield
    except auto.CommandError as error:
        is_locked = isinstance(error, auto.ConcurrentUpdateError)
        raise EngineFailure(str(error), is_locked=is_locked, is_missing=isinstance(error, auto.StackNotFoundError)) from error
