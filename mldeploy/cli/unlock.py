"""`mldeploy unlock`: remove a lock that a command which is gone has left."""

from __future__ import annotations

import click

from mldeploy.cli import target as targets
from mldeploy.cli.recorded import stacked
from mldeploy.cli.session import Session
from mldeploy.cli.verb import verb


@verb(
    "unlock",
    click.Option(["--force"], is_flag=True, help="Also when the holder may still be at work. Its update can break."),
    targets.name_option(),
)
def command(session: Session, force: bool, name: str | None) -> None:
    """Remove a lock that was left behind.

    Only a lock whose holder is gone is removed; one that may be held (exit code 4) names its holder. Not needed after a crash
    on this machine: the next command finds that out by itself.
    """
    target = targets.find(session, name)
    driver = stacked(target, "unlock")
    if force and not session.confirm(f"Break the lock of {target.title}?", refusal="breaking a lock needs a yes"):
        session.result({"unlocked": False, "name": target.name, "stage": target.stage}, ["Nothing was unlocked."])
        return
    removed = driver.unlock(session.report, is_forced=force)
    text = f"{target.title}: unlocked" if removed else f"{target.title}: not locked"
    session.result({"unlocked": removed, "name": target.name, "stage": target.stage, "provider": target.cloud}, [text])
