"""`mldeploy history`: what was done to a deployment, and how it went."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from mldeploy.cli import target as targets
from mldeploy.cli.layout import seconds, table
from mldeploy.cli.recorded import stacked
from mldeploy.cli.session import Session
from mldeploy.cli.terminal import printable
from mldeploy.cli.verb import verb

if TYPE_CHECKING:
    from mldeploy.providers.contract import Event


@verb(
    "history",
    click.Option(["-n", "--limit"], type=click.IntRange(min=1), default=10, metavar="N", help="At most N. Default: 10."),
    targets.name_option(),
)
def command(session: Session, limit: int, name: str | None) -> None:
    """Show the deployment's updates, newest first."""
    target = targets.find(session, name)
    events = stacked(target, "history").history(limit)
    document = {"name": target.name, "stage": target.stage, "provider": target.cloud, "events": [asdict(e) for e in events]}
    session.result(document, _table(events, target.title, session))


def _table(events: Sequence[Event], title: str, session: Session) -> list[str]:
    if not events:
        return [f"{title}: no history"]
    rows = [("no", "what", "result", "started", "took", "changes")]
    for event in events:
        took = seconds(event.duration_s) if event.duration_s is not None else ""
        rows.append((str(event.version), event.kind, event.result, event.started, took, printable(event.summary)))
    header, *lines = table(rows, right=(0, 4))
    return [session.out.style(header, "dim"), *lines]
