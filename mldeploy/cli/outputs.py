"""`mldeploy outputs`: the URL and whatever else a deployment reports, for people and for scripts."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import click

from mldeploy.cli import target as targets
from mldeploy.cli.exits import UsageError, closest
from mldeploy.cli.layout import table
from mldeploy.cli.session import Session
from mldeploy.cli.verb import verb


@verb("outputs", click.Argument(["key"], required=False), targets.name_option())
def command(session: Session, key: str | None, name: str | None) -> None:
    """Show the URL and other outputs.

    With KEY only that value, as plain text:

    \b
      curl -s "$(mldeploy outputs url)/metadata"
    """
    target = targets.find(session, name)
    outputs = target.driver.outputs()
    if outputs is None:
        raise target.absent(session)
    document = asdict(outputs)
    flat: dict[str, Any] = {**{k: v for k, v in document.items() if k not in ("values", "changed")}, **outputs.values}
    if key is None:
        session.result(document, table([(k, str(v)) for k, v in flat.items()]))
        return
    if key not in flat:
        close = closest(key, flat)
        raise UsageError(f"no output '{key}'" + (f"; did you mean '{close}'?" if close else ""), "one of: " + ", ".join(flat))
    session.result({key: flat[key]}, [str(flat[key])])
