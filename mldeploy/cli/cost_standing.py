"""What a deployment costs without a single request, and how that differs from what is deployed; for `preview` and `up`.

Plan.program ────────────┐
program of the record ───┴─provider.option_of─▶ Option ─ nothing asked of it ─▶ Bill ─▶ "fixed  $7.88 a month (+$7.88 …)"

It informs and never stops anything: where prices cannot be told, it says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from mldeploy.cli.money import change, unit_price, usd
from mldeploy.cost.billing import Bill, Tariff
from mldeploy.cost.contract import Priced
from mldeploy.cost.values import SECONDS_PER_MONTH, Option, Scaling, Usage
from mldeploy.cost.workload import Workload
from mldeploy.errors import MldeployError

if TYPE_CHECKING:
    from mldeploy.cost.estimate import Estimate
    from mldeploy.plan import Plan
    from mldeploy.spec.loaded import LoadedSpec

ZERO = Decimal(0)


@dataclass(frozen=True)
class Standing:
    """What is planned, and what is deployed where something is. `month` is the estimate for the spec's workload, if it has one.
    `fault` says why nothing can be told."""

    planned: Bill | None = None
    deployed: Bill | None = None
    month: Estimate | None = None
    before: Estimate | None = None
    date: str = ""
    fault: str = ""

    def lines(self) -> Iterator[str]:
        """The fixed cost first, then the month."""
        if self.fault:
            yield f"fixed     unknown: {self.fault}"
        if self.planned is None:
            return
        if self.planned.missing:
            yield f"fixed     unknown: no rate for {', '.join(self.planned.missing)}"
        else:
            yield f"fixed     {usd(self.planned.fixed)} a month{self._delta()}   ({self.date} prices)"
        if self.month is not None and self.month.total is not None and not self.month.problem:
            each = f" · {unit_price(self.month.per_1k)} for each 1,000 predictions" if self.month.per_1k is not None else ""
            yield f"month     {usd(self.month.total)} at the spec's workload{self._delta_of_month()}{each}"
        elif self.month is not None:
            yield f"month     unknown at the spec's workload: {self.month.problem or 'a rate is missing'}"

    def _delta(self) -> str:
        if self.planned is None or self.deployed is None or self.deployed.missing:
            return ""
        return f" ({change(self.planned.fixed - self.deployed.fixed)} against what is deployed)"

    def _delta_of_month(self) -> str:
        if self.month is None or self.before is None or self.month.total is None or self.before.total is None:
            return ""
        return f" ({change(self.month.total - self.before.total)})"

    def document(self) -> dict[str, Any]:
        """For --json; amounts are exact texts, unknown ones null."""

        def fixed(bill: Bill | None) -> str | None:
            return None if bill is None or bill.missing else str(bill.fixed)

        def total(each: Estimate | None) -> str | None:
            return None if each is None or each.total is None else str(each.total)

        return {
            "fixed_monthly_usd": fixed(self.planned),
            "deployed_fixed_monthly_usd": fixed(self.deployed),
            "monthly_usd": total(self.month),
            "deployed_monthly_usd": total(self.before),
            "prices_date": self.date,
            "fault": self.fault,
        }


def standing(plan: Plan, loaded: LoadedSpec) -> Standing | None:
    """None for a cloud that sends no bill. Raises nothing that a price could be the reason of."""
    from mldeploy.providers import registry

    provider: object = registry.get(plan.provider)
    if not isinstance(provider, Priced):
        return None
    try:
        option, region = provider.option_of(plan.program)
        book = provider.prices()
        tariff = Tariff(book, region)
        was = _deployed(provider, loaded)
        month, before = _months(provider, loaded, option, region, was)
        return Standing(
            planned=fixed_bill(provider, option, tariff),
            deployed=fixed_bill(provider, was[0], Tariff(book, was[1])) if was is not None else None,
            month=month,
            before=before,
            date=book.date.isoformat(),
        )
    except MldeployError as error:
        return Standing(fault=error.message)


def fixed_bill(provider: Priced, option: Option, tariff: Tariff) -> Bill:
    """A month without a request: what is kept waits all the time. Only its fixed part means anything."""
    scaling = next(product.scaling for product in provider.products() if product.key == option.product)
    return tariff.bill(provider.quantities(option, _idle(option, scaling), Workload(ZERO)))


def _idle(option: Option, scaling: Scaling) -> Usage:
    kept = max(option.min_instances, scaling.always)
    return Usage(ZERO, ZERO, ZERO, Decimal(kept * SECONDS_PER_MONTH), ZERO, kept, float(kept))


def _deployed(provider: Priced, loaded: LoadedSpec) -> tuple[Option, str] | None:
    """What this machine remembers of the last deployment. Asks neither cloud nor engine."""
    from mldeploy.stacks import records

    record = records.read(records.paths(provider.name, loaded.spec.name, loaded.stage))
    document = (record.applied or record.document) if record is not None and record.phase != records.DESTROYING else {}
    if not document:
        return None
    try:
        return provider.option_of(document)
    except (KeyError, TypeError, ValueError):  # a record of another version
        return None


def _months(
    provider: Priced, loaded: LoadedSpec, option: Option, region: str, was: tuple[Option, str] | None
) -> tuple[Estimate | None, Estimate | None]:
    """The month for the spec's workload, planned and deployed; None without a workload or a known time of a request."""
    from mldeploy.cli import cost_workload
    from mldeploy.cli.cost_flags import Asked
    from mldeploy.cli.exits import UsageError
    from mldeploy.cost.estimate import estimate

    workload = cost_workload.written(loaded)
    if workload is None:
        return None, None
    try:
        timings = cost_workload.timings(Asked(), workload, loaded)
    except UsageError:
        return None, None
    book = provider.prices()
    month = estimate(provider, option, workload, timings, Tariff(book, region), region)
    before = estimate(provider, was[0], workload, timings, Tariff(book, was[1]), was[1]) if was is not None else None
    return month, before
