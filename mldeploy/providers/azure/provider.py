"""The provider object of `azure`: data and thin methods; each method imports the part that does the work."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from mldeploy.bundle.contract import Bundle
from mldeploy.errors import Problem
from mldeploy.plan import Plan
from mldeploy.providers.azure import rules
from mldeploy.providers.azure.limits import LIMITS
from mldeploy.providers.azure.settings import AzureSettings
from mldeploy.providers.azure.sizing import NAME
from mldeploy.providers.contract import Driver, Finding, Provider, Status
from mldeploy.spec.loaded import LoadedSpec

if TYPE_CHECKING:
    import datetime

    from mldeploy.ci.contract import Login
    from mldeploy.cost.book import PriceBook
    from mldeploy.cost.carbon import CarbonBook
    from mldeploy.cost.values import Option, Product, Quantity, Usage
    from mldeploy.cost.workload import Workload
    from mldeploy.providers.azure.cloud import AzureCloud


class AzureProvider:
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

    def prices(self) -> PriceBook:
        from mldeploy.providers.azure import pricing

        return pricing.prices()

    def carbon(self) -> CarbonBook:
        from mldeploy.providers.azure import pricing

        return pricing.carbon()

    def products(self) -> tuple[Product, ...]:
        from mldeploy.providers.azure import pricing

        return pricing.PRODUCTS

    def sizes(self, product: str) -> tuple[Option, ...]:
        from mldeploy.providers.azure import pricing

        return pricing.sizes(product)

    def option(self, product: str, loaded: LoadedSpec | None, memory_mb: int | None) -> Option:
        from mldeploy.providers.azure import pricing

        return pricing.option(product, loaded, memory_mb)

    def product_of(self, loaded: LoadedSpec) -> str:
        from mldeploy.providers.azure import pricing

        return pricing.product_of(loaded)

    def region_of(self, loaded: LoadedSpec | None) -> str:
        from mldeploy.providers.azure import pricing

        return pricing.region_of(loaded)

    def option_of(self, program: Mapping[str, Any]) -> tuple[Option, str]:
        from mldeploy.providers.azure import pricing

        return pricing.option_of(program)

    def quantities(self, option: Option, usage: Usage, workload: Workload) -> tuple[Quantity, ...]:
        from mldeploy.providers.azure import quantities

        return quantities.quantities(option, usage, workload)

    def spec_keys(self, option: Option) -> Mapping[str, Any]:
        from mldeploy.providers.azure import pricing

        return pricing.spec_keys(option)

    def fetch_prices(self, fetch: Callable[[str], bytes], today: datetime.date) -> str:
        from mldeploy.providers.azure import price_api

        return price_api.fetch_prices(self.prices(), fetch, today)


def _cloud(loaded: LoadedSpec | None) -> AzureCloud:
    from mldeploy.providers.azure.cloud import AzureCloud
    from mldeploy.providers.azure.document import subscription

    return AzureCloud(str(subscription(loaded).value))


provider: Provider = AzureProvider()
