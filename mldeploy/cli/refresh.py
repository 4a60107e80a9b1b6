"""`mldeploy refresh`: what has changed in the cloud behind the record's back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from mldeploy.cli import change_lines
from mldeploy.cli import target as targets
from mldeploy.cli.layout import count
from mldeploy.cli.recorded import stacked
from mldeploy.cli.session import Session
from mldeploy.cli.verb import verb

if TYPE_CHECKING:
    from mldeploy.providers.contract import Change


@verb("refresh", targets.name_option())
def command(session: Session, name: str | None) -> None:
    """Compare the record with the cloud.

    What was changed or deleted by hand is listed, and the record takes the cloud's word. Nothing in the cloud is touched; `up`
    then makes it as the spec says again.
    """
    target = targets.find(session, name)
    changes = stacked(target, "refresh").refresh(session.report)
    document = {"name": target.name, "stage": target.stage, "provider": target.cloud, "drift": [asdict(c) for c in changes]}
    session.result(document, _lines(changes, target.title, session))


def _lines(changes: Sequence[Change], title: str, session: Session) -> Iterator[str]:
    drifted = [change for change in changes if change.action != "same"]
    if not drifted:
        yield session.out.style(f"{title}: no drift", "green", "bold")
        return
    yield session.out.style(f"{title}: {count(len(drifted), 'resource')} drifted", "yellow", "bold")
    yield from change_lines.lines(drifted, session.out)
    yield ""
    yield f"  {session.settings.call('up')}"
