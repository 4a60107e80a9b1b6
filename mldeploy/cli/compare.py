"""`mldeploy compare`: clouds × regions × configurations for one model, and where one starts to be cheaper than another."""

from __future__ import annotations

from typing import Any

import click

from mldeploy.cli import cost_flags
from mldeploy.cli.session import Session
from mldeploy.cli.verb import verb


def _pair(ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[str, ...]:
    words = tuple(word.strip() for word in (value or "").split(",") if word.strip())
    if words and len(words) != 2:
        raise click.BadParameter(f"'{value}': name two options, such as CLOUD/512MB,CLOUD/1024MB", ctx, param)
    return words


@verb(
    "compare",
    *cost_flags.shared_options(),
    click.Option(
        ["--break-even", "pair"],
        metavar="A,B",
        callback=_pair,
        help="Break-evens of these two, by parts of their ids: CLOUD/512MB,PRODUCT. Default: the chosen.",
    ),
)
def command(session: Session, pair: tuple[str, ...], **options: Any) -> None:
    """Compare clouds, regions and sizes for one model.

    Every size of everything that a cloud runs a model on, also what `up` cannot deploy, which is marked. The table shows what
    is worth a look: the best of each cloud, region and product, and the front of cost against latency; --all shows the rest.

    \b
      mldeploy compare --requests 3M --slo-ms 300
      mldeploy compare --region all --sort carbon
      mldeploy compare --format html -o cost.html
    """
    from mldeploy.cli import cost_output, cost_run

    asked = cost_flags.Asked(**cost_flags.as_json(options, is_json=session.settings.is_json))
    cost_output.show_all(session, cost_run.run(session, asked, "everything", pair), asked)
