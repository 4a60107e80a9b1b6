"""`mldeploy preview`: what `up` would make exist, before anything does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from mldeploy.cli import change_lines
from mldeploy.cli import target as targets
from mldeploy.cli.layout import table, wrapped_table
from mldeploy.cli.session import Session
from mldeploy.cli.verb import verb

if TYPE_CHECKING:
    from mldeploy.cli.cost_standing import Standing
    from mldeploy.plan import Plan
    from mldeploy.providers.contract import Preview

UNLIMITED = 10_000  # a pipe has no width


@verb("preview", click.Option(["--offline"], is_flag=True, help="Ask neither the cloud nor an engine."))
def command(session: Session, offline: bool) -> None:
    """Show what `up` would make exist.

    Changes nothing and packs nothing: a model that is not packed yet is only identified, so what packing would find wrong with
    it is found by `up`. For a cloud also what a month costs at least, and what `up` would create, update, replace or delete;
    without an account, or with --offline, that is told from the last known state. With -v also every setting and where its
    value comes from.
    """
    from mldeploy import deploy
    from mldeploy.cli.cost_standing import standing

    loaded = targets.load(session)
    plan = deploy.preview(loaded, session.settings.cloud_or_default, session.report)
    changes = deploy.changes(loaded, plan, session.report, is_offline=offline)
    cost = standing(plan, loaded)
    document = {**plan.to_dict(), "preview": asdict(changes) if changes is not None else None}
    if cost is not None:
        document |= {"fixed_monthly_usd": cost.document()["fixed_monthly_usd"], "cost": cost.document()}
    session.result(document, _lines(plan, cost, changes, session))


def _lines(plan: Plan, cost: Standing | None, preview: Preview | None, session: Session) -> Iterator[str]:
    out = session.out
    yield out.style(f"{plan.name} → {plan.provider} · stage {plan.stage} · {plan.fingerprint[:7]}", "bold")
    if cost is not None:
        yield from cost.lines()
        yield ""
    width = out.width if out.is_live else UNLIMITED
    is_new = preview is None or all(change.action == "create" for change in preview.changes)
    mark = "+" if is_new else "·"  # where something exists the marks belong to the changes below
    for line in wrapped_table([(f"  {mark}", part.kind, part.name, part.detail) for part in plan.resources], width):
        yield line.replace(f"  {mark}", "  " + out.style(mark, "green"), 1) if line.startswith(f"  {mark}") else line
    yield f"    access  {_access(plan, preview, session)}"
    if session.settings.verbosity > 0:
        yield from _settings(plan)
    yield ""
    if preview is not None:
        yield f"changes   {change_lines.summary(preview.changes)}   ({preview.basis.splitlines()[0]})"
        if not is_new or session.settings.verbosity > 0:
            yield from change_lines.lines(preview.changes, out)
        yield ""
    if cost is None and plan.fixed_monthly_usd is not None:
        yield f"fixed     ${plan.fixed_monthly_usd} a month"
    yield f"next      {session.settings.call('up')}"


def _access(plan: Plan, preview: Preview | None, session: Session) -> str:
    """A public endpoint must not be overlooked."""
    if plan.access == "public":
        return session.out.style("PUBLIC: no key is asked for", "red", "bold")
    return preview.visibility or plan.access if preview is not None else plan.access


def _settings(plan: Plan) -> Iterator[str]:
    yield ""
    values = ["not set" if entry.value is None else str(entry.value) for entry in plan.settings]
    yield from table([("   ", e.key, value, e.origin) for e, value in zip(plan.settings, values, strict=True)])
    yield from table([("   ", name, value, "environment") for name, value in plan.environment.items()])
    yield from table([("   ", name, reference, "secret") for name, reference in plan.secrets.items()])
