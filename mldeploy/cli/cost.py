"""`mldeploy cost`: what the spec costs a month on each cloud, and the cheapest configuration that is fast enough."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import click

from mldeploy.cli import cost_flags
from mldeploy.cli.exits import UsageError
from mldeploy.cli.money import usd
from mldeploy.cli.session import Session
from mldeploy.cli.verb import verb
from mldeploy.errors import GateError

if TYPE_CHECKING:
    from mldeploy.cli.cost_run import Outcome


class BudgetError(GateError):
    """The month costs more than it may. `details` is the comparison, for --json."""

    def __init__(self, message: str, hint: str, details: dict[str, Any]) -> None:
        super().__init__(message, hint)
        self.details = details


@verb(
    "cost",
    *cost_flags.shared_options(),
    click.Option(["--budget"], type=cost_flags.Finite(min=0), metavar="USD", help="Exit code 3 when a month costs more."),
    click.Option(
        ["--apply", "is_apply"], is_flag=True, help="Write the chosen configuration into the spec; needs one --cloud."
    ),
    click.Option(
        ["--refresh", "is_refresh"], is_flag=True, help="Make the price books anew from the clouds' price APIs; no more."
    ),
)
def command(session: Session, budget: float | None, is_apply: bool, is_refresh: bool, **options: Any) -> int:
    """Estimate a month: fixed, variable, for each 1,000.

    What the spec deploys, on each cloud or on --cloud (several: A,B). With --slo-ms or --apply every size that `up` can
    deploy is looked at, and the cheapest one of each cloud is chosen that meets the goal. The traffic comes from the flags or
    the spec's `workload`, the time of a request from `mldeploy bench --sweep` unless it is given. No cloud is asked.
    """
    from mldeploy.cli import cost_apply, cost_output, cost_run

    if is_refresh:
        return _refresh(session)
    asked = cost_flags.Asked(**cost_flags.as_json(options, is_json=session.settings.is_json))
    if is_apply and (not session.settings.cloud or "," in session.settings.cloud):
        raise UsageError("--apply writes the configuration of one cloud", "say which: --cloud NAME")
    is_open = asked.slo_ms is not None or asked.memory_mb is not None or is_apply
    found = cost_run.run(session, asked, "deployable" if is_open else "as written")
    _check_budget(session, found, budget, is_json=asked.format == "json" and asked.output is None, asked=asked)
    written = cost_apply.apply_choice(session, found) if is_apply else ()
    cost_output.show_all(session, found, asked, {"applied": [asdict(each) for each in written]} if is_apply else {})
    if is_apply:
        for line in cost_apply.lines(written, found):
            session.report.write(line)
    return 0


def _check_budget(session: Session, found: Outcome, budget: float | None, *, is_json: bool, asked: cost_flags.Asked) -> None:
    """Raises BudgetError, after the table is shown, for the first cloud that costs more, or whose cost is not known."""
    from mldeploy.cli import cost_output

    if budget is None:
        return
    over = "; ".join(_over(found, Decimal(repr(budget))))
    if not over:
        return
    if not is_json:
        cost_output.show_all(session, found, asked)
    hint = "a smaller size, another region, or a larger --budget; `mldeploy cost --explain` shows what costs what"
    raise BudgetError(f"over the budget of {usd(budget)} a month: {over}", hint, {"comparison": found.document})


def _over(found: Outcome, budget: Decimal) -> Iterator[str]:
    for each in found.comparison.choices:
        total = each.estimate.total if each.estimate is not None else None
        if total is None:
            yield f"{each.provider} is unknown ({each.reason})"
        elif total > budget:
            yield f"{each.provider} costs {usd(total)}"


def _refresh(session: Session) -> int:
    from mldeploy.cli import cost_market, cost_refresh

    found = cost_refresh.refresh(session, cost_market.priced(session))
    books = [
        {"provider": each.provider, "date": each.book.date.isoformat() if each.book else None, "fault": each.fault}
        for each in found
    ]
    session.result({"books": books}, cost_refresh.lines(found))
    return 1 if any(each.book is None for each in found) else 0
