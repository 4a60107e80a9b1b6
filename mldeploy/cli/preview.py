"""`mldeploy preview`: what `up` would make exist, before anything does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mldeploy.cli import target as targets
from mldeploy.cli.layout import table, wrapped_table
from mldeploy.cli.session import Session
from mldeploy.cli.verb import verb

if TYPE_CHECKING:
    from mldeploy.plan import Plan

UNLIMITED = 10_000  # a pipe has no width


@verb("preview")
def command(session: Session) -> None:
    """Show what `up` would make exist.

    Changes nothing and packs nothing: a model that is not packed yet is only identified, so what packing would find wrong with
    it is found by `up`. With -v also every setting and where its value comes from.
    """
    from mldeploy import deploy

    loaded = targets.load(session)
    plan = deploy.preview(loaded, session.settings.cloud_or_default, session.report)
    session.result(plan.to_dict(), _lines(plan, session))


def _lines(plan: Plan, session: Session) -> Iterator[str]:
    out = session.out
    yield out.style(f"{plan.name} → {plan.provider} · stage {plan.stage} · {plan.fingerprint[:7]}", "bold")
    width = out.width if out.is_live else UNLIMITED
    for line in wrapped_table([("  +", part.kind, part.name, part.detail) for part in plan.resources], width):
        yield line.replace("  +", "  " + out.style("+", "green"), 1) if line.startswith("  +") else line
    access = out.style("PUBLIC: no key is asked for", "red", "bold") if plan.access == "public" else plan.access
    yield f"    access  {access}"
    if session.settings.verbosity > 0:
        yield ""
        values = ["not set" if entry.value is None else str(entry.value) for entry in plan.settings]
        yield from table([("   ", e.key, value, e.origin) for e, value in zip(plan.settings, values, strict=True)])
        yield from table([("   ", name, value, "environment") for name, value in plan.environment.items()])
        yield from table([("   ", name, reference, "secret") for name, reference in plan.secrets.items()])
    yield ""
    if plan.fixed_monthly_usd is not None:
        yield f"fixed     ${plan.fixed_monthly_usd} a month"
    yield f"next      {session.settings.call('up')}"
