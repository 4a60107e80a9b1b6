"""The options that `cost` and `compare` share, and what they come to: `Asked`. Numbers are read here, with their words.

--requests 3M · 40/s · 250k/day          --region NAME,NAME · all          --curve 1,1,2,… (24 or 168 numbers)
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from math import isfinite
from pathlib import Path
from typing import Any, Literal

import click

from mldeploy.cost.values import SECONDS_PER_MONTH

Format = Literal["table", "json", "csv", "md", "html", "svg"]
FORMATS = ("table", "json", "csv", "md", "html", "svg")
ALL_REGIONS = "all"
MOST_REQUESTS = Decimal(10) ** 18

_SCALES = {"": 1, "k": 10**3, "m": 10**6, "b": 10**9, "g": 10**9, "t": 10**12}
_PERIODS_S = {"": SECONDS_PER_MONTH, "month": SECONDS_PER_MONTH, "day": 86_400, "h": 3600, "s": 1}
_COUNT = re.compile(
    r"(?P<number>[0-9][0-9_,]*(?:\.[0-9]+)?(?:e\+?[0-9]{1,3})?)\s*(?P<scale>[kmbgt]?)(?:/(?P<per>[a-z]+))?", re.I
)
_FILE = click.Path(dir_okay=False, path_type=Path)


@dataclass(frozen=True)
class Asked:
    """What was asked for. None: not said; then the spec or the default decides."""

    requests: Decimal | None = None
    curve: str | None = None
    duration_ms: float | None = None
    cpu_ms: float | None = None
    start_ms: float | None = None
    cold_share: float | None = None
    bytes_in: int | None = None
    bytes_out: int | None = None
    log_bytes: int | None = None
    from_live: bool = False
    region: tuple[str, ...] = ()
    product: tuple[str, ...] = ()
    memory_mb: int | None = None
    slo_ms: float | None = None
    sort: Literal["cost", "carbon", "latency"] = "cost"
    no_free_tier: bool = False
    commitment: tuple[str, ...] = ()
    format: Format = "table"
    output: Path | None = None
    is_all: bool = False
    explain: bool = False


def count(text: str) -> Decimal:
    """ "3M", "250k/day", "40/s" as a number a month. Raises ValueError that says what is wrong."""
    match = _COUNT.fullmatch(text.strip())
    if match is None or (match["per"] or "").lower() not in _PERIODS_S:
        raise ValueError(f"'{text}' is no number of requests; write 3M, 250k/day or 40/s")
    try:
        number = Decimal(re.sub("[_,]", "", match["number"]))
    except InvalidOperation as error:
        raise ValueError(f"'{text}' is no number") from error
    number = number * _SCALES[match["scale"].lower()] * SECONDS_PER_MONTH / _PERIODS_S[(match["per"] or "").lower()]
    if not 1 <= number <= MOST_REQUESTS:
        raise ValueError(f"'{text}': a month has at least 1 and at most 10^18 requests")
    return number


class Finite(click.FloatRange):
    """A number in a range; neither nan nor inf, which no comparison with the bounds refuses."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        number = super().convert(value, param, ctx)
        if not isfinite(number):
            self.fail(f"'{value}' is no number that can be reckoned with", param, ctx)
        return number


def _requests(ctx: click.Context, param: click.Parameter, value: str | None) -> Decimal | None:
    if value is None:
        return None
    try:
        return count(value)
    except ValueError as error:
        raise click.BadParameter(str(error), ctx, param) from error


def _names(ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[str, ...]:
    return tuple(dict.fromkeys(word.strip() for word in (value or "").split(",") if word.strip()))


def shared_options() -> list[click.Parameter]:
    """Fresh options, in the order in which --help lists them."""
    more_than_0 = Finite(min=0, min_open=True)
    size = click.IntRange(min=0)
    return [
        click.Option(["--requests"], metavar="N", callback=_requests, help="Requests a month: 3M, 250k/day, 40/s."),
        click.Option(["--curve"], metavar="N,N,…", help="Traffic by hour: 24 numbers (a day) or 168 (a week)."),
        click.Option(["--duration-ms"], type=more_than_0, metavar="MS", help="Time of one request, at every size."),
        click.Option(["--cpu-ms"], type=more_than_0, metavar="MS", help="Processor time in it. Default: all of it."),
        click.Option(["--start-ms"], type=Finite(min=0), metavar="MS", help="Time of a cold start. Default: 0."),
        click.Option(["--cold-share"], type=Finite(0, 1), metavar="N", help="Share of requests that meet one, 0 to 1."),
        click.Option(["--bytes-in"], type=size, metavar="N", help="Bytes of one request."),
        click.Option(["--bytes-out"], type=size, metavar="N", help="Bytes of one answer."),
        click.Option(["--log-bytes"], type=size, metavar="N", help="Bytes that one request logs."),
        click.Option(["--from-live"], is_flag=True, help="Take times and traffic from the deployment's own log."),
        click.Option(
            ["--region"], metavar="NAME,…", callback=_names, help="Regions, or all. Default: each cloud's of the spec."
        ),
        click.Option(["--product"], metavar="NAME,…", callback=_names, help="Only these ways to run, by their names."),
        click.Option(["--memory-mb"], type=click.IntRange(min=1), metavar="MB", help="Only this size."),
        click.Option(["--slo-ms"], type=more_than_0, metavar="MS", help="Goal for the 95th percentile of latency."),
        click.Option(["--sort"], type=click.Choice(["cost", "carbon", "latency"]), default="cost", help="Default: cost."),
        click.Option(["--no-free-tier"], is_flag=True, help="As if the free tiers were used up by something else."),
        click.Option(["--commitment"], metavar="NAME,…", callback=_names, help="Committed-use discounts, by their keys."),
        click.Option(
            ["--format"],
            type=click.Choice(FORMATS),
            default="table",
            metavar="FORM",
            help=f"{', '.join(FORMATS)}. Default: table.",
        ),
        click.Option(["-o", "--output"], type=_FILE, metavar="FILE", help="Write it there instead of stdout."),
        click.Option(["-a", "--all", "is_all"], is_flag=True, help="Every size and row, not only those worth a look."),
        click.Option(["--explain"], is_flag=True, help="Every figure down to its rate, source and date."),
    ]


def as_json(options: Mapping[str, Any], *, is_json: bool) -> dict[str, Any]:
    """--json is --format json, where no other form was asked for."""
    return {**options, "format": "json"} if is_json and options["format"] == "table" else dict(options)
