"""What a provider adds so that a workflow can deploy to it without a long-lived key. A provider without it has no workflow.

All of it is data: one pinned action that trades the job's OpenID Connect token for short-lived credentials.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from mldeploy.spec.loaded import LoadedSpec


@dataclass(frozen=True)
class Action:
    """A published action, pinned: `sha` is the full commit, `version` its tag for people."""

    name: str
    sha: str
    version: str

    @property
    def uses(self) -> str:
        return f"{self.name}@{self.sha} # {self.version}"


@dataclass(frozen=True)
class Login:
    """How a job signs in. `inputs` are those of the action, `environment` is what later steps of the job need besides.

    `variables` are the GitHub variables that both name, each with what it is, for people; none of them is a secret.
    """

    action: Action
    inputs: Mapping[str, str]
    variables: Mapping[str, str]
    environment: Mapping[str, str] = field(default_factory=dict)


@runtime_checkable
class Keyless(Protocol):
    """A provider that a workflow can sign in to."""

    name: str
    title: str

    def login(self, loaded: LoadedSpec) -> Login:
        """The sign-in for the spec's stage. Pure."""


def variable(name: str) -> str:
    """The expression that reads a GitHub variable."""
    return f"${{{{ vars.{name} }}}}"
