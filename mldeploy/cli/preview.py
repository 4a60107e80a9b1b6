"""`mldeploy preview`: what `up` would make exist, before anything does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mldeploy.cli import target as targets
from mldeploy.cli.layout import table
from mldeploy.cli.session import Session
from mldeploy.cli.verb import verb

if TYPE_CHECKING:
    from mldeploy.plan import Plan


@verb("preview")
def command(session: Session) -> None:
    """Show what `up` would make exist.

    Packs the model (locally, cached) and changes nothing else. With -v also every setting and where its value comes from.
    """
    from mldeploy import deploy

    loaded = targets.load(session)
    plan = deploy.preview(loaded, session.settings.cloud_or_default, session.report)
    session.result(plan.to_dict(), _lines(plan, session))


def _lines(plan: Plan, session: Session) -> Iterator[str]:
    out = session.out
    yield out.style(f"{plan.name} → {plan.provider} · stage {plan.stage} · {plan.fingerprint[:7]}", "bold")
    for line in table([("  +", resource.kind, resource.name, resource.detail) for resource in plan.resources]):
        yield line.replace("+", out.style("+", "green"), 1)
    access = out.style("PUBLIC: anyone can call it", "red", "bold") if plan.access == "public" else plan.access
    yield f"    access  {access}"
    if session.settings.verbosity > 0:
        yield ""
        yield from table([("   ", entry.key, str(entry.value), entry.origin) for entry in plan.settings])
        yield from table([("   ", name, value, "environment") for name, value in plan.environment.items()])
        yield from table([("   ", name, reference, "secret") for name, reference in plan.secrets.items()])
    yield ""
    if plan.fixed_monthly_usd is not None:
        yield f"fixed     ${plan.fixed_monthly_usd} a month"
    yield f"next      mldeploy up{session.settings.flags()}"
