"""What a provider adds to be priced: its book, its products, what their meters count. A provider without it has no price.

All of it is pure and offline but `fetch_prices`; importing it must be cheap, and the book is read when it is asked for.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from typing import Any, Protocol, runtime_checkable

from mldeploy.cost.book import PriceBook
from mldeploy.cost.carbon import CarbonBook
from mldeploy.cost.values import Option, Product, Quantity, Usage
from mldeploy.cost.workload import Workload
from mldeploy.spec.loaded import LoadedSpec


class Pricing(Protocol):
    """The answers; a module can give them (`priced_by`)."""

    def prices(self) -> PriceBook:
        """The price book in use: the refreshed one of this machine where there is one, else the one that ships."""

    def carbon(self) -> CarbonBook:
        """What the regions' grids emit, and what the machines draw."""

    def products(self) -> tuple[Product, ...]:
        """What can be compared, what `up` deploys by default first."""

    def sizes(self, product: str) -> tuple[Option, ...]:
        """Configurations of a product that the cloud offers, smallest first, with the product's own defaults."""

    def option(self, product: str, loaded: LoadedSpec | None, memory_mb: int | None) -> Option:
        """The configuration of `product` that a spec asks for, or the default one; `memory_mb` goes before the spec's. Raises
        SpecError for a size that the cloud does not offer, with the closest ones."""

    def product_of(self, loaded: LoadedSpec) -> str:
        """The product that a spec deploys."""

    def region_of(self, loaded: LoadedSpec | None) -> str:
        """The region that a spec deploys to, or the default one."""

    def option_of(self, program: Mapping[str, Any]) -> tuple[Option, str]:
        """The option and the region of a plan's program document, planned or recorded."""

    def quantities(self, option: Option, usage: Usage, workload: Workload) -> tuple[Quantity, ...]:
        """What the meters count in a month, fixed quantities first."""

    def spec_keys(self, option: Option) -> Mapping[str, Any]:
        """The dotted spec keys that make a deployment of this option: {"resources.memory_mb": 512}."""

    def fetch_prices(self, fetch: Callable[[str], bytes], today: datetime.date) -> str:
        """The text of a new price book from the provider's public price API; `fetch` gets a URL. Raises PriceError."""


@runtime_checkable
class Priced(Pricing, Protocol):
    """A provider that can tell its bill before there is one."""

    name: str
    title: str
