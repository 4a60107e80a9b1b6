"""`mldeploy bench`: latency, throughput, cold start and memory of a deployment, with the circumstances of the measurement."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mldeploy.cli import payload as payloads
from mldeploy.cli import sweep as sweeps
from mldeploy.cli import target as targets
from mldeploy.cli.exits import UsageError
from mldeploy.cli.files import write_whole
from mldeploy.cli.http_call import post
from mldeploy.cli.invoke import check, default_payload
from mldeploy.cli.layout import labelled, pad, table
from mldeploy.cli.session import Session
from mldeploy.cli.target import Target
from mldeploy.cli.verb import verb

if TYPE_CHECKING:
    from mldeploy.bench.load import Level
    from mldeploy.bench.measure import Call, Report
    from mldeploy.cli.serving import Serving
    from mldeploy.providers.contract import Endpoint

_LONGEST_S = 60.0
_MOST_AT_ONCE = 256
_MOST_MB = 10_000_000
_FILE = click.Path(dir_okay=False, path_type=Path)


def _concurrencies(ctx: click.Context, param: click.Parameter, value: str) -> tuple[int, ...]:
    """ "1,2,4,8" as numbers."""
    words = [word.strip() for word in value.split(",")]
    if not all(word.isdecimal() and 1 <= int(word) <= _MOST_AT_ONCE for word in words):
        raise click.BadParameter(f"'{value}': give numbers from 1 to {_MOST_AT_ONCE}, such as 1,2,4,8", ctx, param)
    return tuple(dict.fromkeys(int(word) for word in words))


def _sizes(ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[int, ...]:
    """ "512,1024" as numbers of MB."""
    words = [word.strip() for word in value.split(",")] if value is not None else []
    if not all(word.isdecimal() and 0 < int(word) < _MOST_MB for word in words):
        raise click.BadParameter(f"'{value}': give memory sizes in MB, such as 512,1024", ctx, param)
    return tuple(dict.fromkeys(int(word) for word in words))


@verb(
    "bench",
    click.Argument(["data"], required=False),
    click.Option(
        ["-c", "--concurrency"],
        default="1,2,4,8",
        callback=_concurrencies,
        metavar="N,N",
        help="Requests at once, one measurement each. Default: 1,2,4,8.",
    ),
    click.Option(
        ["--duration"],
        type=click.FloatRange(0.1, _LONGEST_S),
        default=3.0,
        metavar="S",
        help="Seconds for each concurrency, at most 60. Default: 3.",
    ),
    click.Option(
        ["--cold"],
        type=click.IntRange(0, 50),
        default=5,
        metavar="N",
        help="Cold starts; 0: neither these nor memory. Default: 5.",
    ),
    click.Option(["--fresh"], is_flag=True, help="Measure a runtime started for this, not the deployment."),
    click.Option(["--sweep"], is_flag=True, help="Measure at the sizes that the clouds sell, for cost and compare."),
    click.Option(["--sizes"], callback=_sizes, metavar="MB,MB", help="With --sweep: these memory sizes alone."),
    click.Option(["--html"], type=_FILE, metavar="FILE", help="Also write a page with plots."),
    click.Option(["--svg"], type=_FILE, metavar="FILE", help="Also write the plots alone."),
    targets.name_option(),
)
def command(
    session: Session,
    data: str | None,
    concurrency: tuple[int, ...],
    duration: float,
    cold: int,
    fresh: bool,
    sweep: bool,
    sizes: tuple[int, ...],
    html: Path | None,
    svg: Path | None,
    name: str | None,
) -> int:
    """Measure latency, throughput, cold start and memory.

    Sends DATA (as for invoke; default: request.json or the first smoke request) again and again, at each concurrency in turn.
    Cold start and memory are those of the runtime on this machine, started from nothing. Exit code 1 when requests failed.

    With --sweep the spec's model is measured in Docker at the share of a processor and the memory of each size that the clouds
    (or --cloud) sell; without an engine, times are modelled from one process. The result is kept for cost and compare.
    """
    target = targets.find(session, name)
    payload = payloads.read(data) if data is not None else default_payload(target)
    if sweep:
        return _sweep(session, target, payload, (fresh, html, svg), sweeps.Wanted(sizes, cold or 1, duration))
    if sizes:
        raise UsageError("--sizes goes with --sweep", "add --sweep, or leave --sizes out")
    session.after_interrupt = lambda: "the measurement is incomplete and was thrown away; the deployment goes on"
    report = _measure(session, target, payload, Plan(concurrency, duration, cold, fresh))
    for path, render in ((html, "html"), (svg, "svg")):
        if path is not None:
            _write(path, render, report)
    session.result(asdict(report), _lines(session, report))
    return 1 if report.errors else 0


def _sweep(
    session: Session, target: Target, payload: payloads.Payload, unfit: tuple[object, ...], wanted: sweeps.Wanted
) -> int:
    if any(unfit):
        raise UsageError("--fresh, --html and --svg are of a measurement without --sweep", "leave them out")
    sweeps.run(session, target, payload, wanted)
    return 0


@dataclass(frozen=True)
class Plan:
    """What to measure: each concurrency for `duration_s`, then `cold` starts."""

    concurrency: tuple[int, ...]
    duration_s: float
    cold: int
    is_fresh: bool


def _measure(session: Session, target: Target, payload: payloads.Payload, plan: Plan) -> Report:
    from mldeploy.bench import machine, measure

    circumstances, date = machine.machine(), machine.today()
    with ExitStack() as stack:
        endpoint = None if plan.is_fresh else target.endpoint(session)
        serving = _serving(session, target, plan)
        if endpoint is None:
            if serving is None:
                raise UsageError("--fresh needs a spec", "give -f FILE instead of --name")
            endpoint = _fresh(serving, stack)
        check(post(endpoint, "/predict", payload, measure.TIMEOUT_S))
        call = measure.Call(endpoint.url, "/predict", payload.body, payload.content_type, _headers(endpoint, payload))
        levels = measure.levels(call, plan.concurrency, plan.duration_s, session.report)
    report = measure.Report(
        name=target.name,
        stage=target.stage,
        provider="fresh runtime" if plan.is_fresh else target.cloud,
        url=endpoint.url,
        request=payload.origin,
        request_bytes=len(payload.body),
        levels=levels,
        machine=circumstances,
        date=date,
        floor=_floor(call, levels[0].answer_bytes, session),
    )
    if serving is None or not plan.cold:
        return report
    own = replace(call, headers=serving.headers)
    cold, memory = measure.cold_and_memory(serving.bundle, serving.environ, own, plan.cold, session.report)
    return replace(report, cold=cold, memory=memory)


def _headers(endpoint: Endpoint, payload: payloads.Payload) -> Mapping[str, str]:
    """What every request of the measurement carries. A signature holds for minutes and for this very request.

    Raises UsageError where the endpoint has no URL to measure.
    """
    from mldeploy.providers.contract import Call

    if endpoint.send is not None:
        raise UsageError("this deployment has no URL to measure", "deploy it with one, or use --fresh")
    if endpoint.sign is None:
        return endpoint.headers
    headers = {**endpoint.headers, "content-type": payload.content_type}
    return {**endpoint.headers, **endpoint.sign(Call("POST", "/predict", headers, payload.body))}


def _serving(session: Session, target: Target, plan: Plan) -> Serving | None:
    """What cold starts and --fresh run; None when there is no spec to pack or nothing of that is wanted."""
    from mldeploy.cli.serving import prepare

    if target.loaded is None or not (plan.is_fresh or plan.cold):
        return None
    return prepare(target.loaded, target.cloud, session.report)


def _fresh(serving: Serving, stack: ExitStack) -> Endpoint:
    """A runtime of its own, for as long as `stack`."""
    from mldeploy.providers.contract import Endpoint

    runtime = stack.enter_context(serving.runtime(is_silent=True))
    runtime.accept()
    runtime.wait_ready()
    return Endpoint(runtime.url, serving.headers)


def _floor(call: Call, answer_bytes: int, session: Session) -> Level:
    from mldeploy.bench import measure

    with session.report.step("floor", "a server that does nothing") as step:
        level = measure.floor(call, answer_bytes)
        step.done("client and loopback alone")
    return level


def _write(path: Path, kind: str, report: Report) -> None:
    from mldeploy.bench import plot
    from mldeploy.bench import report as pages

    write_whole(path, pages.html(report) if kind == "html" else plot.standalone(report))


def _lines(session: Session, report: Report) -> Iterator[str]:
    from mldeploy.bench.report import caveats, figures, other_figures, sentence

    out = session.out
    yield out.style(sentence(report), "bold")
    yield ""
    header, *rows = table(figures(report.levels), right=range(7))
    yield out.style(header, "dim")
    yield from rows
    yield ""
    pairs = other_figures(report)
    width = max((len(title) for title, _ in pairs), default=0) + 2
    yield from (pad(title, width) + text for title, text in pairs)
    yield ""
    facts = report.machine
    yield out.style(
        f"{report.date} · {facts['processor']} · {facts['cores']} cores · Python {facts['python']} · "
        f"onnxruntime {facts['onnxruntime']} · load before {facts['load before']}",
        "dim",
    )
    for text in caveats(report):
        yield from (out.style(line, "dim") for line in labelled("", text, 0))
