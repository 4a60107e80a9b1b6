"""The provider object of `local`: data and thin methods; each method imports the part that does the work."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pydantic import BaseModel

from mldeploy.bundle.contract import Bundle
from mldeploy.errors import Problem
from mldeploy.plan import Plan
from mldeploy.providers.contract import Finding, Provider, Status
from mldeploy.providers.local import plan as planning
from mldeploy.providers.local.driver import LocalDriver
from mldeploy.providers.local.settings import LocalSettings
from mldeploy.spec.loaded import LoadedSpec


class LocalProvider:
    """This machine as a cloud."""

    def __init__(self) -> None:
        self.name = planning.NAME
        self.title = "this machine"
        self.Settings: type[BaseModel] = LocalSettings
        self.limits = planning.LIMITS

    def problems(self, loaded: LoadedSpec) -> Iterable[Problem]:
        return planning.problems(loaded)

    def plan(self, loaded: LoadedSpec, bundle: Bundle) -> Plan:
        return planning.plan(loaded, bundle)

    def checks(self) -> Iterable[Finding]:
        from mldeploy.providers.local import checks

        return checks.checks()

    def driver(self, name: str, stage: str, loaded: LoadedSpec | None = None) -> LocalDriver:
        return LocalDriver(name, stage)

    def deployments(self) -> Iterator[Status]:
        from mldeploy.providers.local import records

        for folder in sorted(records.root().glob("*.*")):
            name, _, stage = folder.name.rpartition(".")
            status = LocalDriver(name, stage).status()
            if name and status.state != "absent":  # what a first up left that was killed is no deployment yet
                yield status


provider: Provider = LocalProvider()
