"""One option in one region: what a month costs, how long a request takes, what it emits, or why that is not known.

grid: options ─timings.at, packing.usage, provider.quantities─▶ once per option ─┐
      regions ─Tariff─▶ once per region ─────────────────────────────────────────┴─bill─▶ Estimate
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Literal, NamedTuple

from mldeploy.cost import carbon, packing
from mldeploy.cost.billing import Bill, Tariff, Terms
from mldeploy.cost.carbon import CarbonBook
from mldeploy.cost.contract import Priced
from mldeploy.cost.timing import Timings, slowed, under_load
from mldeploy.cost.values import Option, Product, Quantity, Timing, Usage
from mldeploy.cost.workload import Workload
from mldeploy.errors import SpecError
from mldeploy.plan import Limits
from mldeploy.spec.loaded import LoadedSpec

LIST_PRICE = Terms()
REFUSED = 0.01
"""An option whose instances turn away more than this share of the busiest hour's requests does not do the work."""


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
        """Dollars per 1,000 predictions."""
        total = self.total
        return None if total is None or self.usage is None or not self.usage.requests else total / self.usage.requests * 1000


class _Counted(NamedTuple):
    """What of an estimate does not depend on the region."""

    timing: Timing | None
    usage: Usage | None
    quantities: tuple[Quantity, ...]
    energy_kwh: float
    problem: str


def estimate(provider: Priced, option: Option, workload: Workload, timings: Timings, tariff: Tariff, region: str) -> Estimate:
    """One option in one region."""
    product = next(each for each in provider.products() if each.key == option.product)
    book = provider.carbon()
    return _priced(
        provider, product, option, _counted(provider, product, option, workload, timings, book), tariff, region, book
    )


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
    for provider in providers:
        book, footprint = provider.prices(), provider.carbon()
        agreed = terms if isinstance(terms, Terms) else terms.get(provider.name, LIST_PRICE)
        wanted = regions[provider.name] if provider.name in regions else (provider.region_of(loaded),)
        tariffs = [Tariff(book, region, agreed) for region in wanted]
        for product in provider.products():
            if products is not None and product.key not in products:
                continue
            for option in _options(provider, product.key, sizes, loaded):
                counted = _counted(provider, product, option, workload, timings, footprint)
                for tariff in tariffs:
                    yield _priced(provider, product, option, counted, tariff, tariff.region, footprint)


def _options(provider: Priced, product: str, sizes: Literal["planned", "all"], loaded: LoadedSpec | None) -> Sequence[Option]:
    if sizes == "planned":
        return (provider.option(product, loaded, None),)
    offered = provider.sizes(product)
    if loaded is None:
        return offered
    try:
        planned: Option | None = provider.option(product, loaded, None)
    except SpecError:
        planned = None  # the spec's own size is not for this product; the offered ones are
    found = {(each.memory_mb, each.cpu): each for each in (_as_asked(size, planned, loaded) for size in offered)}
    if planned is not None:
        found[planned.memory_mb, planned.cpu] = planned
    return sorted(found.values(), key=lambda each: (each.cpu, each.memory_mb))


def _as_asked(size: Option, planned: Option | None, loaded: LoadedSpec) -> Option:
    """An offered size with what the spec asks of any size: how many are kept, how many requests they take, what is around."""
    asked = loaded.spec.resources
    takes_more = size.concurrency > 1 and asked.concurrency is not None
    return replace(
        size,
        concurrency=asked.concurrency if takes_more and asked.concurrency else size.concurrency,
        min_instances=max(size.min_instances, asked.min_instances or 0),  # a product may always keep one
        max_instances=size.max_instances if asked.max_instances is None else asked.max_instances,
        ephemeral_mb=size.ephemeral_mb if planned is None else planned.ephemeral_mb,
        traits=size.traits if planned is None else tuple(sorted({**dict(size.traits), **dict(planned.traits)}.items())),
    )


def _counted(
    provider: Priced, product: Product, option: Option, workload: Workload, timings: Timings, book: CarbonBook
) -> _Counted:
    found = timings.at(option)
    if found is None:
        return _Counted(None, None, (), 0.0, timings.problem(option) or "how long a request takes is not known")
    timing = under_load(found, workload.met_per_s)
    problem = _too_long(provider, option, timing) or _too_much(option, workload, product, timing)
    if problem:
        return _Counted(timing, None, (), 0.0, problem)
    usage = packing.usage(workload, option, product.scaling, timing)
    timing = slowed(timing, usage.slowdown)
    problem = _too_long(provider, option, timing)
    if problem:
        return _Counted(timing, None, (), 0.0, problem)
    energy = carbon.energy_kwh(book, option, usage, workload)
    return _Counted(timing, usage, provider.quantities(option, usage, workload), energy, "")


def _too_long(provider: Priced, option: Option, timing: Timing) -> str:
    """Why a request is given up before it is done; empty when it is not."""
    limits: Limits | None = getattr(provider, "limits", None)
    limit = limits.by_key.get("resources.timeout_s") if limits else None
    longest_s = float(option.trait("timeout_s") or (limit.high if limit and limit.high else "inf"))
    if timing.mean_ms <= longest_s * 1000:
        return ""
    return f"a request takes {timing.mean_ms / 1000:,.6g} s, longer than the timeout of {longest_s:g} s"


def _too_much(option: Option, workload: Workload, product: Product, timing: Timing) -> str:
    """Why the instances cannot do the work; empty when they can."""
    refused = packing.refused(workload, option, product.scaling, timing)
    if refused <= REFUSED:
        return ""
    return (
        f"too much traffic: of {workload.peak_per_s:,.4g} requests a second in the busiest hour, {refused:.0%} find all "
        f"{option.max_instances:,} instances busy"
    )


def _priced(
    provider: Priced, product: Product, option: Option, counted: _Counted, tariff: Tariff, region: str, book: CarbonBook
) -> Estimate:
    name, title = provider.name, provider.title
    timing, usage, quantities, energy, problem = counted
    if usage is None:
        return Estimate(name, title, product, option, region, timing, problem=problem)
    bill = tariff.bill(quantities)
    if bill.missing:
        problem = f"no price is known in {region} for {', '.join(dict.fromkeys(bill.missing))}"
    emitted = carbon.g_per_1k(book, region, energy, float(usage.requests)) if usage.requests else None
    return Estimate(name, title, product, option, region, timing, usage, bill, emitted, problem)
