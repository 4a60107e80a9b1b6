"""What a cloud says about the rights of its deployer. Frozen values and one small protocol; no cloud's words in here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from mldeploy.iam.trust import Trust


@dataclass(frozen=True)
class Asked:
    """One resource that a program declares: its Pulumi type, and its inputs as far as they are known before a deployment."""

    kind: str
    inputs: Mapping[str, Any]


@dataclass(frozen=True)
class Wide:
    """Actions that are granted on more than this deployment's own things, and why the cloud has nothing narrower."""

    actions: tuple[str, ...]
    on: str
    because: str


@dataclass(frozen=True)
class Policy:
    """`documents` by file name, in the form that the cloud's own tools take; `commands` apply them, for an administrator.

    `wide` names everything that is not bound to this deployment: nothing is granted widely that does not stand there.
    """

    documents: Mapping[str, Any]
    commands: tuple[str, ...]
    wide: tuple[Wide, ...]


@runtime_checkable
class Permitting(Protocol):
    """A cloud that knows what deploying needs."""

    def deployer_kinds(self) -> frozenset[str]:
        """Every Pulumi type that the table has a row for."""

    def deployer(self, document: Mapping[str, Any], asked: Iterable[Asked]) -> Policy:
        """The least policy that makes, changes, asks for and removes what is `asked`. Pure. Raises SpecError where the spec
        does not name the account, and DeployError for a type without a row."""


@runtime_checkable
class Bootstrapping(Permitting, Protocol):
    """A cloud that can be prepared for deploying without a long-lived key."""

    def bootstrap(self) -> Callable[[Mapping[str, Any]], None]:
        """The Pulumi program. Its outputs are the GitHub variables that a workflow reads, by their names; none is a secret.
        Imports the SDK: raises ImportError where it is not installed."""

    def bootstrap_document(self, document: Mapping[str, Any], policy: Policy, trust: Trust) -> dict[str, Any]:
        """What that program is given, from the deployment's document. Pure."""
