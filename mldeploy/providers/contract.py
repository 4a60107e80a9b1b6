"""What a cloud is to the rest of the product. A provider is data and a few methods; it never imports another provider.

Built-ins and third parties register alike, in the entry-point group `mldeploy.providers`: name -> an object that satisfies
`Provider`. Importing that object must be cheap: no SDK, no network.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from pydantic import BaseModel

from mldeploy.bundle.contract import Bundle
from mldeploy.errors import Problem
from mldeploy.plan import Limits, Plan
from mldeploy.progress import Reporter
from mldeploy.spec.loaded import LoadedSpec


@dataclass(frozen=True)
class Endpoint:
    """Where a deployment answers and what a caller must send. `visibility` is one line for a person."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    visibility: str = ""


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
        """Remove everything. Returns False when there was nothing to remove."""


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

    def driver(self, name: str, stage: str) -> Driver:
        """The effects side for one deployment."""

    def deployments(self) -> Iterable[Status]:
        """Every deployment of this provider known on this machine (for `status` without a spec)."""
