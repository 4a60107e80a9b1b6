"""`mldeploy outputs`: the URL and whatever else a deployment reports, for people and for scripts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import click

from mldeploy.cli import target as targets
from mldeploy.cli.exits import UsageError, closest
from mldeploy.cli.layout import table
from mldeploy.cli.session import Session
from mldeploy.cli.target import Target
from mldeploy.cli.verb import verb
from mldeploy.providers.contract import Call


@verb(
    "outputs",
    click.Argument(["output"], required=False),
    click.Option(["--key", "is_key"], is_flag=True, help="Print the key that callers send (access: key)."),
    targets.name_option(),
)
def command(session: Session, output: str | None, is_key: bool, name: str | None) -> None:
    """Show the URL and other outputs.

    With OUTPUT only that value, as plain text:

    \b
      curl -s "$(mldeploy outputs url)/metadata"
    """
    target = targets.find(session, name)
    outputs = target.driver.outputs()
    if outputs is None:
        raise target.absent(session)
    if is_key:
        key = _key(target, session)
        session.result({"key": key}, [key])
        return
    document = asdict(outputs)
    flat: dict[str, Any] = {**{k: v for k, v in document.items() if k not in ("values", "changed")}, **outputs.values}
    if output is None:
        session.result(document, table([(k, str(v)) for k, v in flat.items()]))
        return
    if output not in flat:
        close = closest(output, flat)
        raise UsageError(
            f"no output '{output}'" + (f"; did you mean '{close}'?" if close else ""), "one of: " + ", ".join(flat)
        )
    session.result({output: flat[output]}, [str(flat[output])])


def _key(target: Target, session: Session) -> str:
    """The key as a caller on this machine has it. Raises UsageError where none is needed or known."""
    endpoint = target.endpoint(session)
    scheme, _, key = endpoint.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        key = _named_key(endpoint.headers)
    if not key and endpoint.sign is not None:  # a bearer token made for one call is a person's own, and no key to hand on
        key = _named_key(endpoint.sign(Call("GET", "/")))
    if not key:
        raise UsageError(f"{target.title}: no key is needed, or this machine does not know it", "see `access` in the spec")
    return key


def _named_key(headers: Mapping[str, str]) -> str:
    return next((value for name, value in headers.items() if name.endswith(("-key", "_key"))), "")
