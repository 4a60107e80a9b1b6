"""Which deployment a command means: the one of the spec at hand, or with `--name` any, spec or not."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mldeploy.cli.exits import UsageError
from mldeploy.cli.session import Session
from mldeploy.errors import DeployError, MldeployError, SpecError

if TYPE_CHECKING:
    from mldeploy.providers.contract import Driver, Endpoint, Status
    from mldeploy.spec.loaded import LoadedSpec


def name_option() -> click.Option:
    """`--name`, for commands that work on a deployment whose spec may be gone."""
    return click.Option(["--name"], metavar="NAME", help="A deployment by its name, without a spec.")


@dataclass(frozen=True)
class Target:
    """One deployment. `loaded` is None when it was named instead of described."""

    name: str
    stage: str
    cloud: str
    loaded: LoadedSpec | None

    @property
    def driver(self) -> Driver:
        from mldeploy import deploy

        return deploy.driver(self.name, self.stage, self.cloud, self.loaded)

    @property
    def title(self) -> str:
        return f"{self.name} · stage {self.stage} · {self.cloud}"

    def endpoint(self, session: Session) -> Endpoint:
        """How to call it. Raises DeployError when nothing is deployed."""
        found = self.driver.endpoint()
        if found is None:
            raise self.absent(session)
        return found

    def absent(self, session: Session) -> DeployError:
        """The error that says that nothing is deployed, and how to change that."""
        following = session.settings.call("up") if self.loaded else "mldeploy status"
        return DeployError(f"{self.title}: nothing is deployed", following)


def has_spec(session: Session) -> bool:
    """Whether a spec is given or lies here or above."""
    from mldeploy import spec

    if session.settings.file is not None:
        return True
    try:
        spec.find(Path.cwd())
    except SpecError:
        return False
    return True


def load(session: Session) -> LoadedSpec:
    """Read the spec, as the first step of a command."""
    from mldeploy import deploy

    with session.report.step("spec", "reading") as step:
        loaded = deploy.load_spec(session.settings.file, session.settings.stage)
        step.done(f"{loaded.file} · {loaded.spec.name} · stage {loaded.stage}")
    warn(session, loaded)
    return loaded


def warn(session: Session, loaded: LoadedSpec) -> None:
    """Say what is allowed in the spec, but probably not meant."""
    for problem in loaded.warnings:
        key = f"{problem.path}: " if problem.path else ""
        session.report.warn(f"{problem.where}  {key}{problem.message}\n{problem.fix}".rstrip())


def find(session: Session, name: str | None) -> Target:
    """The deployment that `--name`, or else the spec, means."""
    settings = session.settings
    if name is not None:
        return Target(name, settings.stage_or_default, settings.cloud_or_default, None)
    if not has_spec(session):
        raise UsageError(
            "no mldeploy.yaml here or in a folder above", "give -f FILE, or --name NAME (`mldeploy status` lists them)"
        )
    from mldeploy import deploy

    loaded = deploy.load_spec(settings.file, settings.stage)
    return Target(loaded.spec.name, loaded.stage, settings.cloud_or_default, loaded)


def standing(target: Target) -> str:
    """How a deployment stands now, in half a sentence; for the line that an interrupt prints."""
    try:
        status: Status = target.driver.status()
    except MldeployError:  # the cloud cannot be asked just now; what is certain is how to go on
        return "run the same command again to go on"
    if status.state == "absent":
        return f"{target.name} is not deployed; run the same command again to go on"
    at = f" at {status.url}" if status.url else ""
    return f"{target.name} is {status.state}{at}; run the same command again to go on"


def relative(path: Path) -> str:
    """`path` as one would type it here."""
    try:
        text = os.path.relpath(path)
    except ValueError:
        return str(path)
    return text if len(text) < len(str(path)) else str(path)
