"""Pipeline: what the workflows are made for. Everything in it is checked to be harmless inside a workflow.

A `${{` in a file's name would be run by GitHub as an expression; so names are held to plain characters.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from mldeploy.ci.contract import Login
from mldeploy.errors import SpecError

PULL_REQUEST = "pull-request"  # the GitHub environment of pull requests' own deployments
_PLAIN = {
    "file": re.compile(r"[A-Za-z0-9_][A-Za-z0-9._/-]*"),
    "branch": re.compile(r"[A-Za-z0-9_][A-Za-z0-9._/-]*"),
    "tags": re.compile(r"[A-Za-z0-9_*][A-Za-z0-9._/*-]*"),
    "runner": re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*"),
    "stage": re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*"),
    "install": re.compile(r"[A-Za-z0-9._/\[\],=<>!~@:+-]*"),
    "secret": re.compile(r"[A-Za-z_][A-Za-z0-9_]*"),
    "state": re.compile(r"[A-Za-z0-9._/:?=&@%+~-]+"),
}


@dataclass(frozen=True)
class Target:
    """One stage on one cloud. `install` is what pip is given, "" where mldeploy is on the runner already.

    An empty `backend` or `key` is read from a GitHub variable of the cloud's own. `secrets` are the variables that the spec's
    `env:` references name: the GitHub secrets of the same names are given to `up`, and to nothing else."""

    cloud: str
    title: str
    stage: str
    login: Login
    install: str
    backend: str = ""
    key: str = ""
    secrets: tuple[str, ...] = ()

    @property
    def reading(self) -> str:
        """The GitHub environment of jobs that only look: deploying may need a person's consent, looking must not."""
        return f"{self.stage}-preview"

    @property
    def backend_variable(self) -> str:
        return f"MLDEPLOY_STATE_{_upper(self.cloud)}"

    @property
    def key_variable(self) -> str:
        return f"MLDEPLOY_SECRETS_PROVIDER_{_upper(self.cloud)}"

    @property
    def variables(self) -> dict[str, str]:
        """Every GitHub variable that a job needs, with what it is."""
        found = dict(self.login.variables)
        if not self.backend:
            found[self.backend_variable] = "where the state is: s3://…, gs://…, azblob://…"
        if not self.key:
            found[self.key_variable] = "what encrypts secrets in it: awskms://…, gcpkms://…, azurekeyvault://…"
        return found


@dataclass(frozen=True)
class Pipeline:
    """`file` is the spec's path in the repository. `on_main` and `on_tag` are stages. `install` is for the jobs that need no
    cloud. A model with secrets is not served on the runner, which has none.

    Raises SpecError for what a workflow cannot hold."""

    model: str
    file: str
    targets: tuple[Target, ...]
    on_main: str
    on_tag: str
    install: str
    branch: str = "main"
    tags: str = "v*"
    runner: str = "ubuntu-24.04"
    is_served_on_runner: bool = True

    def __post_init__(self) -> None:
        given = [("file", self.file), ("branch", self.branch), ("tags", self.tags), ("runner", self.runner)]
        given += [("install", self.install), ("stage", self.on_main), ("stage", self.on_tag)]
        for target in self.targets:
            given += [
                ("stage", target.stage),
                ("install", target.install),
                *(("secret", name) for name in target.secrets),
                *(("state", value) for value in (target.backend, target.key) if value),
            ]
        for kind, value in given:
            if not _PLAIN[kind].fullmatch(value):
                raise SpecError(
                    f"{kind} {value!r} cannot stand in a workflow",
                    "use letters, digits and . _ - / alone, the first one a letter or digit",
                )

    def of(self, stage: str) -> tuple[Target, ...]:
        """One target a cloud."""
        return tuple(target for target in self.targets if target.stage == stage)

    @property
    def stages(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(target.stage for target in self.targets))


def _upper(cloud: str) -> str:
    return re.sub(r"\W", "_", cloud).upper()
