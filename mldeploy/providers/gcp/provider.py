"""The provider object of `gcp`: data and thin methods; each method imports the part that does the work."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from mldeploy.bundle.contract import Bundle
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
    from mldeploy.cost.book import PriceBook
    from mldeploy.cost.carbon import CarbonBook
    from mldeploy.cost.values import Option, Product, Quantity, Usage
    from mldeploy.cost.workload import Workload
    from mldeploy.stacks.driver import StackDriver


class GcpProvider:
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

    def prices(self) -> PriceBook:
        from mldeploy.providers.gcp import pricing

        return pricing.prices()

    def carbon(self) -> CarbonBook:
        from mldeploy.providers.gcp import pricing

        return pricing.carbon()

    def products(self) -> tuple[Product, ...]:
        from mldeploy.providers.gcp import pricing

        return pricing.PRODUCTS

    def sizes(self, product: str) -> tuple[Option, ...]:
        from mldeploy.providers.gcp import options

        return options.sizes(product)

    def option(self, product: str, loaded: LoadedSpec | None, memory_mb: int | None) -> Option:
        from mldeploy.providers.gcp import options

        return options.option(product, loaded, memory_mb)

    def product_of(self, loaded: LoadedSpec) -> str:
        from mldeploy.providers.gcp import options

        return options.product_of(loaded)

    def region_of(self, loaded: LoadedSpec | None) -> str:
        from mldeploy.providers.gcp import options

        return options.region_of(loaded)

    def option_of(self, program: Mapping[str, Any]) -> tuple[Option, str]:
        from mldeploy.providers.gcp import options

        return options.option_of(program)

    def quantities(self, option: Option, usage: Usage, workload: Workload) -> tuple[Quantity, ...]:
        from mldeploy.providers.gcp import pricing

        return pricing.quantities(option, usage, workload)

    def spec_keys(self, option: Option) -> Mapping[str, Any]:
        from mldeploy.providers.gcp import options

        return options.spec_keys(option)

    def fetch_prices(self, fetch: Callable[[str], bytes], today: datetime.date) -> str:
        from mldeploy.providers.gcp import price_api

        return price_api.fetch_prices(fetch, today)


provider: Provider = GcpProvider()
