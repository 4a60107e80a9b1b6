"""`Priced` for a provider whose answers are in a module of its own: imported with the first question, so that nobody else pays.

provider.quantities(…) ─▶ provider.pricing().quantities(…)
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import datetime
    from collections.abc import Callable, Mapping

    from mldeploy.cost.book import PriceBook
    from mldeploy.cost.carbon import CarbonBook
    from mldeploy.cost.contract import Pricing
    from mldeploy.cost.values import Option, Product, Quantity, Usage
    from mldeploy.cost.workload import Workload
    from mldeploy.spec.loaded import LoadedSpec


class PricedBy(ABC):
    """What each method means is said in `contract.Pricing`."""

    @abstractmethod
    def pricing(self) -> Pricing:
        """The module that answers."""

    def prices(self) -> PriceBook:
        return self.pricing().prices()

    def carbon(self) -> CarbonBook:
        return self.pricing().carbon()

    def products(self) -> tuple[Product, ...]:
        return self.pricing().products()

    def sizes(self, product: str) -> tuple[Option, ...]:
        return self.pricing().sizes(product)

    def option(self, product: str, loaded: LoadedSpec | None, memory_mb: int | None) -> Option:
        return self.pricing().option(product, loaded, memory_mb)

    def product_of(self, loaded: LoadedSpec) -> str:
        return self.pricing().product_of(loaded)

    def region_of(self, loaded: LoadedSpec | None) -> str:
        return self.pricing().region_of(loaded)

    def option_of(self, program: Mapping[str, Any]) -> tuple[Option, str]:
        return self.pricing().option_of(program)

    def quantities(self, option: Option, usage: Usage, workload: Workload) -> tuple[Quantity, ...]:
        return self.pricing().quantities(option, usage, workload)

    def spec_keys(self, option: Option) -> Mapping[str, Any]:
        return self.pricing().spec_keys(option)

    def fetch_prices(self, fetch: Callable[[str], bytes], today: datetime.date) -> str:
        return self.pricing().fetch_prices(fetch, today)
