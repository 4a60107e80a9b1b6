"""`mldeploy status`: what is running, of this spec or on the whole machine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from mldeploy.cli import target as targets
from mldeploy.cli.layout import count, pad, table
from mldeploy.cli.session import Session
from mldeploy.cli.terminal import Terminal, printable
from mldeploy.cli.verb import verb
from mldeploy.errors import ProviderError

if TYPE_CHECKING:
    from mldeploy.providers.contract import Status

_COLORS = {"serving": "green", "starting": "yellow", "failing": "red", "stopped": "yellow"}


@verb(
    "status",
    click.Option(["-a", "--all", "is_all"], is_flag=True, help="All deployments on this machine."),
    targets.name_option(),
)
def command(session: Session, is_all: bool, name: str | None) -> int:
    """Show what is running.

    Without a spec here, or with --all: every deployment known on this machine. Exit code 1 when a deployment is failing.
    """
    if is_all or (name is None and not targets.has_spec(session)):
        found = sorted(_everything(session), key=lambda s: (s.provider, s.name, s.stage))
        session.result([asdict(status) for status in found], _table(found, session.out))
    else:
        found = [targets.find(session, name).driver.status()]
        session.result(asdict(found[0]), _one(found[0], session))
    return 1 if any(status.state == "failing" for status in found) else 0


def _everything(session: Session) -> Iterator[Status]:
    from mldeploy.providers import registry

    for name in [session.settings.cloud] if session.settings.cloud else registry.names():
        try:
            yield from registry.get(name).deployments()
        except ProviderError as error:
            if session.settings.cloud:
                raise
            session.report.warn(error.message)


def _table(found: Sequence[Status], terminal: Terminal) -> list[str]:
    if not found:
        return ["nothing is deployed on this machine   next: mldeploy init, mldeploy up"]
    rows = [("name", "stage", "cloud", "state", "release", "url")]
    rows += [(s.name, s.stage, s.provider, s.state, s.fingerprint[:7], s.url) for s in found]
    header, *lines = table(rows)
    for i, status in enumerate(found):
        lines[i] = lines[i].replace(f"  {status.state} ", f"  {_colored(status.state, terminal)} ", 1)
    details = [f"{s.name} {s.stage}: {printable(s.detail)}" for s in found if s.state == "failing" and s.detail]
    return [terminal.style(header, "dim"), *lines, *details, terminal.style(count(len(found), "deployment"), "dim")]


def _one(status: Status, session: Session) -> list[str]:
    state = _colored(status.state, session.out)
    lines = [f"{status.name} · stage {status.stage} · {status.provider}   {state}" + (f"   {status.url}" if status.url else "")]
    facts = {"release": status.fingerprint[:7], **{key.replace("_", " "): str(value) for key, value in status.values.items()}}
    if status.state == "absent":
        facts["next"] = session.settings.call("up")
    width = max(len(key) for key in facts)
    lines += [f"  {pad(key, width)}  {printable(value)}" for key, value in facts.items() if value]
    if status.detail:
        lines += [f"  {line}" for line in map(printable, status.detail.splitlines())]
    return lines


def _colored(state: str, terminal: Terminal) -> str:
    return terminal.style(state, _COLORS[state]) if state in _COLORS else state
