"""The provider object of `azure`: data and thin methods; each method imports the part that does the work."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from pydantic import BaseModel

from mldeploy.bundle.contract import Bundle
from mldeploy.cost.priced_by import PricedBy
from mldeploy.errors import Problem
from mldeploy.plan import Plan
from mldeploy.providers.azure import rules
from mldeploy.providers.azure.limits import LIMITS
from mldeploy.providers.azure.settings import AzureSettings
from mldeploy.providers.azure.sizing import NAME
from mldeploy.providers.contract import Driver, Finding, Provider, Status
from mldeploy.spec.loaded import LoadedSpec

if TYPE_CHECKING:
    from mldeploy.ci.contract import Login
    from mldeploy.cost.contract import Pricing
    from mldeploy.providers.azure.cloud import AzureCloud


class AzureProvider(PricedBy):
    """Microsoft Azure as a cloud."""

    def __init__(self) -> None:
        self.name = NAME
        self.title = LIMITS.title
        self.Settings: type[BaseModel] = AzureSettings
        self.limits = LIMITS

    def problems(self, loaded: LoadedSpec) -> Iterable[Problem]:
        return rules.problems(loaded)

    def plan(self, loaded: LoadedSpec, bundle: Bundle) -> Plan:
        from mldeploy.providers.azure import plan as planning

        return planning.plan(loaded, bundle)

    def checks(self) -> Iterable[Finding]:
        from mldeploy.providers.azure import checks

        return checks.checks()

    def driver(self, name: str, stage: str, loaded: LoadedSpec | None = None) -> Driver:
        from mldeploy.stacks.driver import StackDriver

        return StackDriver(_cloud(loaded), name, stage, self.plan, loaded)

    def deployments(self) -> Iterable[Status]:
        from mldeploy.stacks.driver import deployments

        return deployments(_cloud(None))

    def login(self, loaded: LoadedSpec) -> Login:
        from mldeploy.providers.azure import ci

        return ci.login(loaded)

    def pricing(self) -> Pricing:
        from mldeploy.providers.azure import priced

        return priced


def _cloud(loaded: LoadedSpec | None) -> AzureCloud:
    from mldeploy.providers.azure.cloud import AzureCloud
    from mldeploy.providers.azure.document import subscription

    return AzureCloud(str(subscription(loaded).value))


provider: Provider = AzureProvider()
