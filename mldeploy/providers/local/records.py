"""The two records of a local deployment, and the names of everything else in its folder.

    desired.json    written by the CLI: which releases should run            CLI ──▶ supervisor
    observed.json   written by the supervisor: what does run                 supervisor ──▶ CLI
    inbox           a FIFO that wakes the supervisor and hands it secrets, which are never written to disk
    lock, alive     held by the CLI at work, and by the living supervisor
    key             the generated API key (0600)         logs/    the log         scratch/    the runtimes' working folder

A record that is damaged counts as absent, with a warning; one of a newer schema is an error, because guessing could destroy it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from mldeploy.errors import DeployError
from mldeploy.state import state_dir, write_atomically

SCHEMA = 1
Record = TypeVar("Record")
Warn = Callable[[str], None]


class Release(NamedTuple):
    """One thing to run: a bundle with its settings. `digest` covers all that matters for "nothing changed".

    `secrets` maps names to references; `port` is the public port asked for, and `is_port_fixed` whether the user chose it.
    `memory_mb` 0 means no limit. `start_timeout_s` and `crash_loop_after` tell the supervisor when to say that it fails.
    """

    id: str
    digest: str
    fingerprint: str
    bundle: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    secrets: Mapping[str, str]
    port: int
    is_port_fixed: bool
    memory_mb: int
    timeout_s: float
    start_timeout_s: float
    crash_loop_after: int


class Desired(NamedTuple):
    """What should run. `serve` None means: keep what serves. `claimant` (pid, identity) looks after the candidate."""

    name: str
    stage: str
    generation: int
    serve: Release | None
    candidate: Release | None
    claimant: tuple[int, str] | None
    history: tuple[str, ...]  # bundle folders of the last releases put into service, newest first


class ReleaseState(NamedTuple):
    """One release as it runs. `phase`: starting | ready | serving | draining | waiting (to restart) | failed | unneeded.

    `error` is the last failure in a sentence and `tail` the last log lines before it. `is_failing` marks a crash loop.
    """

    id: str
    fingerprint: str
    phase: str
    pid: int
    started: str
    port: int
    private_port: int
    restarts: int
    is_failing: bool
    error: str
    tail: tuple[str, ...]
    since: str


class Observed(NamedTuple):
    """What does run, as of `generation` of the desired record."""

    pid: int
    started: str
    version: str
    since: str
    generation: int
    releases: tuple[ReleaseState, ...]

    def release(self, release_id: str) -> ReleaseState | None:
        return next((release for release in self.releases if release.id == release_id), None)


class Paths(NamedTuple):
    """Where things are in one deployment's folder."""

    folder: Path

    @property
    def desired(self) -> Path:
        return self.folder / "desired.json"

    @property
    def observed(self) -> Path:
        return self.folder / "observed.json"

    @property
    def inbox(self) -> Path:
        return self.folder / "inbox"

    @property
    def lock(self) -> Path:
        return self.folder / "lock"

    @property
    def alive(self) -> Path:
        return self.folder / "alive"

    @property
    def key(self) -> Path:
        return self.folder / "key"

    @property
    def log(self) -> Path:
        return self.folder / "logs" / "current.log"

    @property
    def scratch(self) -> Path:
        return self.folder / "scratch"


def root() -> Path:
    """The folder of all local deployments."""
    return state_dir() / "local"


def paths(name: str, stage: str) -> Paths:
    """The folder of one deployment. A name and a stage hold no dot, so that no two deployments meet in one folder."""
    return Paths(root() / f"{name}.{stage}")


def _object(path: Path, warn: Warn) -> dict[str, Any] | None:
    try:
        document = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError) as error:
        warn(f"{path} cannot be read ({error}); going on as if it were not there")
        return None
    if not isinstance(document, dict):
        warn(f"{path} does not hold a record; going on as if it were not there")
        return None
    schema = document.get("schema")
    if isinstance(schema, int) and schema > SCHEMA:
        raise DeployError(
            f"{path} was written by a newer mldeploy (record schema {schema}; this one reads {SCHEMA})",
            "use that newer mldeploy: pip install --upgrade mldeploy",
        )
    return document


def _read(path: Path, warn: Warn, parse: Callable[[dict[str, Any]], Record]) -> Record | None:
    document = _object(path, warn)
    if document is None:
        return None
    try:
        return parse(document)
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        warn(f"{path} is damaged ({type(error).__name__}: {error}); going on as if it were not there")
        return None


def _release(row: dict[str, Any] | None) -> Release | None:
    if row is None:
        return None
    release = Release(**{**row, "command": tuple(row["command"])})
    texts = (
        release.id,
        release.digest,
        release.fingerprint,
        release.bundle,
        *release.command,
        *release.environment.keys(),
        *release.environment.values(),
        *release.secrets.keys(),
        *release.secrets.values(),
    )
    if not all(isinstance(text, str) for text in texts):
        raise TypeError("a text of the release is not a text")
    return release._replace(
        port=int(release.port),
        memory_mb=int(release.memory_mb),
        timeout_s=float(release.timeout_s),
        start_timeout_s=float(release.start_timeout_s),
        crash_loop_after=int(release.crash_loop_after),
    )


def _desired(row: dict[str, Any]) -> Desired:
    claimant = row["claimant"]
    return Desired(
        name=str(row["name"]),
        stage=str(row["stage"]),
        generation=int(row["generation"]),
        serve=_release(row["serve"]),
        candidate=_release(row["candidate"]),
        claimant=(int(claimant[0]), str(claimant[1])) if claimant else None,
        history=tuple(str(bundle) for bundle in row["history"]),
    )


def _observed(row: dict[str, Any]) -> Observed:
    states = (ReleaseState(**{**state, "tail": tuple(state["tail"])}) for state in row["releases"])
    releases = tuple(
        s._replace(pid=int(s.pid), port=int(s.port), private_port=int(s.private_port), restarts=int(s.restarts)) for s in states
    )
    return Observed(
        int(row["pid"]), str(row["started"]), str(row["version"]), str(row["since"]), int(row["generation"]), releases
    )


def read_desired(at: Paths, warn: Warn) -> Desired | None:
    """The CLI's record. Raises DeployError only for a newer schema."""
    return _read(at.desired, warn, _desired)


def read_observed(at: Paths, warn: Warn) -> Observed | None:
    """The supervisor's record; it may be of a supervisor that no longer lives."""
    return _read(at.observed, warn, _observed)


def write_desired(at: Paths, desired: Desired) -> None:
    """Durable: a power cut keeps the old record or the new one. Raises DeployError."""
    row = desired._replace(serve=_plain(desired.serve), candidate=_plain(desired.candidate))  # type: ignore[arg-type]
    write_atomically(at.desired, _json(row._asdict()))


def write_observed(at: Paths, observed: Observed) -> None:
    """Not durable: after a power cut nothing runs any more. Raises DeployError."""
    rows = {**observed._asdict(), "releases": [state._asdict() for state in observed.releases]}
    write_atomically(at.observed, _json(rows), is_durable=False)


def _plain(release: Release | None) -> dict[str, Any] | None:
    return None if release is None else release._asdict()


def _json(row: dict[str, Any]) -> bytes:
    return json.dumps({"schema": SCHEMA, **row}, indent=1, ensure_ascii=False).encode()
