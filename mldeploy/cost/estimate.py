"""One option in one region: what a month costs, how long a request takes, what it emits, or why that is not known.

grid: options ─timings.at, packing.usage, provider.quantities─▶ once per option ─┐
      regions ─Tariff─▶ once per region ─────────────────────────────────────────┴─bill─▶ Estimate
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from mldeploy.cost.billing import Bill, Tariff, Terms
from mldeploy.cost.contract import Priced
from mldeploy.cost.timing import Timings
from mldeploy.cost.values import Option, Product, Timing, Usage
from mldeploy.cost.workload import Workload
from mldeploy.spec.loaded import LoadedSpec

LIST_PRICE = Terms()


@dataclass(frozen=True, slots=True)
class Estimate:
    """`problem` says why there is no bill, or no total; then this is left out of any choice. Money is of one month."""

    provider: str
    title: str
    product: Product
    option: Option
    region: str
    timing: Timing | None = None
    usage: Usage | None = None
    bill: Bill | None = None
    carbon_g_per_1k: float | None = None
    problem: str = ""

    @property
    def fixed(self) -> Decimal | None:
        return None if self.bill is None or self.bill.missing else self.bill.fixed

    @property
    def variable(self) -> Decimal | None:
        return None if self.bill is None or self.bill.missing else self.bill.variable

    @property
    def total(self) -> Decimal | None:
        return None if self.bill is None else self.bill.total

    @property
    def per_1k(self) -> Decimal | None:
        """Dollars per 1,000 predictions; None also for a month without any."""
        total = self.total
        return None if total is None or self.usage is None or not self.usage.requests else total / self.usage.requests * 1000


def estimate(provider: Priced, option: Option, workload: Workload, timings: Timings, tariff: Tariff, region: str) -> Estimate:
    """One option in one region."""
    raise NotImplementedError


def grid(
    providers: Iterable[Priced],
    workload: Workload,
    timings: Timings,
    *,
    regions: Mapping[str, Sequence[str]],
    products: Collection[str] | None = None,
    sizes: Literal["planned", "all"] = "planned",
    terms: Terms | Mapping[str, Terms] = LIST_PRICE,
    loaded: LoadedSpec | None = None,
) -> Iterator[Estimate]:
    """Every product × size × region of `providers`, lazily, provider by provider.

    `regions`, and `terms` where they differ, by provider's name; one that is not named takes the region that the spec deploys
    to. `products`: keys to keep, None for all. `sizes`: the one that the spec (or the default) has, or all that the cloud
    offers. Raises PriceError for a region that a book does not know, SpecError for a size that a cloud does not offer.
    """
    raise NotImplementedError
