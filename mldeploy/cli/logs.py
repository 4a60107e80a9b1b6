"""`mldeploy logs`: the log of a deployment, once or as it grows."""

from __future__ import annotations

import json
import re
from typing import Any

import click

from mldeploy.cli import target as targets
from mldeploy.cli.log_line import readable
from mldeploy.cli.session import Session
from mldeploy.cli.terminal import printable
from mldeploy.cli.verb import verb

_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def _duration_s(ctx: click.Context, param: click.Parameter, value: str | None) -> float | None:
    """ "90", "30s", "10m", "2h" or "1d", in seconds."""
    if value is None:
        return None
    match = re.fullmatch(r"(\d{1,9}(?:\.\d{1,3})?)([smhd]?)", value)
    if match is None:
        raise click.BadParameter(f"'{value}' is not a duration; write 30s, 10m, 2h or 1d", ctx, param)
    return float(match[1]) * _UNITS_S[match[2] or "s"]


@verb(
    "logs",
    click.Option(["-f", "--follow"], is_flag=True, help="Go on with what comes, until Ctrl-C."),
    click.Option(["--since"], callback=_duration_s, metavar="10m", help="Not older than this (s, m, h, d)."),
    click.Option(["-n", "--tail"], type=click.IntRange(min=0), metavar="N", help="At most the last N lines."),
    click.Option(["--raw"], is_flag=True, help="The lines as they are; also what a pipe gets."),
    targets.name_option(),
)
def command(session: Session, follow: bool, since: float | None, tail: int | None, raw: bool, name: str | None) -> None:
    """Show the log.

    On a terminal the structured lines are laid out for reading; a pipe gets them as they are. --json gives one document, with
    -f one JSON object a line. The global -f (--file) has only its long name after this verb. Ctrl-C ends -f: exit code 0.
    """
    target = targets.find(session, name)
    if target.driver.status().state == "absent":
        raise target.absent(session)
    lines = target.driver.logs(follow=follow, since_s=since, tail=tail)
    if session.settings.is_json and not follow:
        session.document({"name": target.name, "stage": target.stage, "lines": [_record(line) for line in lines]})
        return
    is_raw = raw or not session.out.is_live
    try:
        for line in lines:
            if session.settings.is_json:
                session.out.line(json.dumps(_record(line), ensure_ascii=False))
            else:
                session.out.line(printable(line) if is_raw else readable(line, session.out))
    except KeyboardInterrupt:
        if not follow:
            raise


def _record(line: str) -> dict[str, Any]:
    """The line's own object, or a plain line as one."""
    try:
        value = json.loads(line)
    except ValueError:
        value = None
    return value if isinstance(value, dict) else {"message": line}
