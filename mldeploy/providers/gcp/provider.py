"""The provider object of `gcp`: data and thin methods; each method imports the part that does the work."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from pydantic import BaseModel

from mldeploy.bundle.contract import Bundle
from mldeploy.cost.priced_by import PricedBy
from mldeploy.errors import Problem
from mldeploy.plan import Plan
from mldeploy.providers.contract import Finding, Provider, Status
from mldeploy.providers.gcp import plan as planning
from mldeploy.providers.gcp import rules
from mldeploy.providers.gcp.limits import LIMITS, NAME, TITLE
from mldeploy.providers.gcp.settings import GcpSettings
from mldeploy.spec.loaded import LoadedSpec

if TYPE_CHECKING:
    from mldeploy.ci.contract import Login
    from mldeploy.cost.contract import Pricing
    from mldeploy.stacks.driver import StackDriver


class GcpProvider(PricedBy):
    """Google Cloud Run."""

    def __init__(self) -> None:
        self.name = NAME
        self.title = TITLE
        self.Settings: type[BaseModel] = GcpSettings
        self.limits = LIMITS

    def problems(self, loaded: LoadedSpec) -> Iterable[Problem]:
        return rules.problems(loaded)

    def plan(self, loaded: LoadedSpec, bundle: Bundle) -> Plan:
        return planning.plan(loaded, bundle)

    def checks(self) -> Iterable[Finding]:
        from mldeploy.providers.gcp import checks

        return checks.checks()

    def driver(self, name: str, stage: str, loaded: LoadedSpec | None = None) -> StackDriver:
        from mldeploy.providers.gcp.cloud import GcpCloud
        from mldeploy.stacks.driver import StackDriver

        return StackDriver(GcpCloud(), name, stage, self.plan, loaded)

    def deployments(self) -> Iterator[Status]:
        from mldeploy.providers.gcp.cloud import GcpCloud
        from mldeploy.stacks.driver import deployments

        yield from deployments(GcpCloud())

    def login(self, loaded: LoadedSpec) -> Login:
        from mldeploy.providers.gcp import ci

        return ci.login(loaded)

    def pricing(self) -> Pricing:
        from mldeploy.providers.gcp import priced

        return priced


provider: Provider = GcpProvider()
