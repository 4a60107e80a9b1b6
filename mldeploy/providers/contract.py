"""What a cloud is to the rest of the product. A provider is data and a few methods; it never imports another provider.

Built-ins and third parties register alike, in the entry-point group `mldeploy.providers`: name -> an object that satisfies
`Provider`. Importing that object must be cheap: no SDK, no network.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from pydantic import BaseModel

from mldeploy.bundle.contract import Bundle
from mldeploy.errors import Problem
from mldeploy.plan import Limits, Plan
from mldeploy.progress import Reporter
from mldeploy.spec.loaded import LoadedSpec


@dataclass(frozen=True)
class Call:
    """One HTTP request to an endpoint. `path` is below the endpoint's URL, with its query; header names are lower case."""

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True)
class Reply:
    """The answer to a `Call`. Header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Endpoint:
    """Where a deployment answers and what a caller must send. `visibility` is one line for a person.

    `headers` go with every call. `sign` gives the headers that one call needs besides (a signature over it, a token); it may
    ask the cloud. `send` replaces HTTP to `url` where a deployment is reached through the cloud's own API; it takes the call
    and the seconds to wait, and raises OSError when no answer comes.
    """

    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    visibility: str = ""
    sign: Callable[[Call], Mapping[str, str]] | None = field(default=None, repr=False)
    send: Callable[[Call, float], Reply] | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Outputs:
    """What `up` and `outputs` report. `changed` is False when everything was already as planned.

    `values` are further named outputs (log file, pid, resource ids); never a secret.
    """

    provider: str
    name: str
    stage: str
    fingerprint: str
    url: str
    visibility: str
    changed: bool
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Status:
    """One deployment as it is now. `state`: "serving" | "starting" | "failing" | "stopped" | "absent"."""

    provider: str
    name: str
    stage: str
    state: str
    detail: str = ""
    fingerprint: str = ""
    url: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Finding:
    """One line of `doctor`: a check's title, whether it is fine, what was found, and how to mend it (empty when fine)."""

    title: str
    is_ok: bool
    message: str
    remedy: str = ""


@dataclass(frozen=True)
class Change:
    """One resource in a preview or a refresh. `action`: "create" | "update" | "replace" | "delete" | "same".

    `reasons` are the properties that differ, in words ("memory_mb 1024 → 2048"); a secret's value never appears.
    """

    action: str
    kind: str
    name: str
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True)
class Preview:
    """What `up` would change. `basis` says how it is known ("the engine and the account", "the program and the last known
    state; offline"). `visibility` is how the endpoint will be reached."""

    changes: tuple[Change, ...]
    basis: str
    visibility: str = ""


@dataclass(frozen=True)
class Event:
    """One entry of `history`, newest first. `result`: "succeeded" | "failed" | "in-progress"."""

    version: int
    kind: str
    result: str
    started: str
    duration_s: float | None
    summary: str = ""


class Driver(Protocol):
    """The effects on one deployment (name, stage) at one provider. Every method may be repeated safely."""

    def up(self, plan: Plan, bundle: Bundle, loaded: LoadedSpec, report: Reporter) -> Outputs:
        """Make it so: start, wait for ready, run the smoke requests, switch over. Raises SmokeError (the old release keeps
        serving), LockedError, DeployError. Nothing changed: returns outputs with changed=False and touches nothing."""

    def status(self) -> Status:
        """Never raises for an absent deployment: state "absent"."""

    def outputs(self) -> Outputs | None:
        """None when nothing is deployed."""

    def endpoint(self) -> Endpoint | None:
        """How to call it, with the credentials that a caller on this machine has; None when nothing is deployed."""

    def logs(self, *, follow: bool, since_s: float | None, tail: int | None) -> Iterator[str]:
        """Log lines, oldest first, without line ends. `follow` goes on until the caller stops iterating."""

    def destroy(self, report: Reporter) -> bool:
        """Remove everything. Returns False when there was nothing to remove. Raises DeployError that lists what is left."""


@runtime_checkable
class Stacked(Protocol):
    """What the driver of a provider with recorded state can do besides. Who has no such state lacks these methods."""

    def preview(self, plan: Plan, bundle: Bundle, loaded: LoadedSpec, report: Reporter, *, is_offline: bool) -> Preview:
        """What `up` would change. With `is_offline` it asks neither the cloud nor an engine."""

    def history(self, limit: int) -> tuple[Event, ...]:
        """The last updates, newest first; empty when there is none."""

    def refresh(self, report: Reporter) -> tuple[Change, ...]:
        """Compare the record with the cloud, take the cloud's word, and say what had drifted."""

    def unlock(self, report: Reporter, *, is_forced: bool) -> bool:
        """Remove a lock whose holder is gone; False when there is none. Raises LockedError when the holder lives (or may live,
        on another machine) unless `is_forced`."""


@runtime_checkable
class Ejectable(Protocol):
    """A provider whose deployment can be written out as a plain program."""

    def eject(self, loaded: LoadedSpec, bundle: Bundle, folder: Path, report: Reporter) -> tuple[Path, ...]:
        """Write a program and an image context into the empty `folder`, with no import of mldeploy; the files written.
        A preview of it on the same stack shows no change."""


class Provider(Protocol):
    """A cloud. `Settings` validates its `clouds.<name>` block; `limits` are checked before anything is built."""

    name: str
    title: str
    Settings: type[BaseModel]
    limits: Limits

    def problems(self, loaded: LoadedSpec) -> Iterable[Problem]:
        """Rules beyond `limits` that this spec breaks. Pure, offline."""

    def plan(self, loaded: LoadedSpec, bundle: Bundle) -> Plan:
        """What will exist. Pure: no network, no clock, no files."""

    def checks(self) -> Iterable[Finding]:
        """What `mldeploy doctor` looks at for this provider."""

    def driver(self, name: str, stage: str, loaded: LoadedSpec | None = None) -> Driver:
        """The effects side for one deployment. `loaded` is its spec where there is one at hand; it may say where state is."""

    def deployments(self) -> Iterable[Status]:
        """Every deployment of this provider known on this machine (for `status` without a spec)."""
