"""`mldeploy bench --sweep`: the spec's model at the sizes that the clouds sell, kept for `cost` and `compare`.

providers with prices ─sizes─▶ places ─▶ an engine and an image? ─yes─▶ throttled ─┐
                                                                 └no──▶ modelled ──┴─▶ measurements.save
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import asdict
from typing import TYPE_CHECKING

from mldeploy.cli.exits import UsageError
from mldeploy.cli.layout import count, milliseconds, table
from mldeploy.cli.payload import Payload
from mldeploy.cli.session import Session
from mldeploy.cli.sweep_way import Wanted as Wanted
from mldeploy.cli.sweep_way import connected, processors, way
from mldeploy.cli.target import Target
from mldeploy.errors import ProviderError

if TYPE_CHECKING:
    from mldeploy.bench.sweep import Chosen
    from mldeploy.cost.contract import Priced
    from mldeploy.cost.measurements import Point, Sweep
    from mldeploy.cost.values import Option


BUSY = 0.5
"""A load above this part of the cores is in the way of a measurement."""


def run(session: Session, target: Target, payload: Payload, wanted: Wanted) -> None:
    """Sweep, keep the result, show it. Raises UsageError, and what packing and measuring raise."""
    from mldeploy import deploy
    from mldeploy.bench import machine, sweep
    from mldeploy.bench.measure import Call
    from mldeploy.cost import measurements

    loaded = target.loaded
    if loaded is None:
        raise UsageError("--sweep needs a spec", "give -f FILE instead of --name")
    options = list(_options(_priced(session)))
    session.after_interrupt = lambda: "the measurement is incomplete and was thrown away; no container is left"
    call = Call("http://127.0.0.1", "/predict", payload.body, payload.content_type, {})
    with ExitStack() as stack:
        engine = connected(stack)
        chosen = _choose(session, options, wanted, processors(engine))
        facts, date = machine.machine(), machine.today()
        _look_at(session, facts)
        deploy.check(loaded, session.settings.cloud_or_default)
        bundle = deploy.pack(loaded, session.report)
        clouds = [place.provider for place in chosen.places]
        chosen_way = way(session, loaded, bundle, call, wanted, clouds, engine)
        points = sweep.run(chosen.places, chosen_way.measure, session.report)
    described = f"{facts['processor']} · {facts['cores']} cores · {facts['system']}"
    made = measurements.Sweep(bundle.fingerprint, target.name, date, described, chosen_way.method, points)
    path = measurements.save(_kept(session, made, is_whole=not wanted.memory_mb and session.settings.cloud is None))
    document = {**asdict(made), "file": str(path), "images": chosen_way.images, "too_large": chosen.too_large}
    document["load_before"] = float(facts["load before"])
    session.result(document, _lines(session, made, chosen_way.images, facts["load before"]))


def _look_at(session: Session, facts: Mapping[str, str]) -> None:
    """Warn when other work is in the way of a measurement."""
    if float(facts["load before"]) > float(facts["cores"]) * BUSY:
        session.report.warn(
            f"this machine is busy (load {facts['load before']} on {facts['cores']} cores): "
            "times will be longer than they need to be"
        )


def _kept(session: Session, made: Sweep, *, is_whole: bool) -> Sweep:
    """What is kept: the measurement; one of some sizes together with what was measured of the others before."""
    from mldeploy.bench.sweep import merged
    from mldeploy.cost import measurements
    from mldeploy.cost.book import PriceError

    try:
        old = None if is_whole else measurements.find(made.fingerprint)
    except PriceError as error:
        session.report.warn(f"{error.message}; it is replaced")
        old = None
    together = merged(old, made)
    if old is not None and len(together.points) == len(made.points) and len(old.points) > len(made.points):
        session.report.note(f"the measurement of {old.date} was made in another way or on another machine: it is replaced")
    return together


def _choose(session: Session, options: list[Option], wanted: Wanted, cores: int) -> Chosen:
    """The places to measure at. Raises UsageError when a size is not sold, or none fits this machine."""
    from mldeploy.bench import sweep

    known = sorted({option.memory_mb for option in options})
    unknown = [size for size in wanted.memory_mb if size not in known]
    if unknown:
        near = sorted(sorted(known, key=lambda size: abs(size - unknown[0]))[:3])
        raise UsageError(f"--sizes {unknown[0]}: no cloud sells this size", f"near it are {', '.join(map(str, near))} MB")
    chosen = sweep.choose(options, cores, wanted.memory_mb)
    if not chosen.places:
        raise UsageError(
            f"every size asked for wants more than this machine's {cores} processors",
            "name smaller --sizes, or measure on a larger machine",
        )
    if chosen.too_large:
        session.report.note(
            f"{chosen.too_large} sizes want more than this machine's {cores} processors and are left out; "
            "for them the largest measured share stands in"
        )
    return chosen


def _priced(session: Session) -> list[Priced]:
    """The chosen cloud, or every one that has prices."""
    from mldeploy.cost.contract import Priced
    from mldeploy.providers import registry

    chosen = session.settings.cloud
    found = []
    for name in (chosen,) if chosen else registry.names():
        try:
            provider: object = registry.get(name)
        except ProviderError as error:
            if chosen:
                raise
            session.report.warn(f"{name} is left out: {error.message}")
            continue
        if isinstance(provider, Priced):
            found.append(provider)
    if not found:
        raise UsageError(f"{chosen or 'no installed provider'} sells no sizes to sweep over", "choose another --cloud")
    return found


def _options(providers: list[Priced]) -> Iterator[Option]:
    """The sizes of what can be deployed; what is there for comparison alone takes the nearest of these."""
    for provider in providers:
        for product in provider.products():
            if product.is_deployable:
                yield from provider.sizes(product.key)


def _lines(session: Session, made: Sweep, images: Mapping[str, str], load: str) -> Iterator[str]:
    out = session.out
    fitting = [point for point in made.points if not point.is_out_of_memory]
    too_small = len(made.points) - len(fitting)
    yield out.style(f"{made.name} at {count(len(made.points), 'size')}, {too_small or 'none'} too small", "bold")
    yield ""
    header, *rows = table((HEADER, *map(_row, made.points)), right=range(1, len(HEADER)))
    yield out.style(header, "dim")
    yield from rows
    yield ""
    yield "times in ms of one request on an instance at rest; busy: the mean back to back, when the share is used up"
    manners = (f"{cloud}'s image {manner}" for cloud, manner in images.items())
    yield out.style(" · ".join((made.method, *manners, made.date)), "dim")
    yield out.style(f"{made.machine} · load before {load}", "dim")
    if session.settings.verbosity >= 0:
        yield ""
        yield f"  {session.settings.call('compare')}"


HEADER = ("cloud", "memory", "vCPU", "p50", "p95", "p99", "busy", "processor", "start", "peak MB")


def _row(point: Point) -> tuple[str, ...]:
    peak = "" if point.peak_memory_mb is None else f"{point.peak_memory_mb:.0f}"
    size = (point.provider, f"{point.memory_mb}", f"{point.cpu:.3g}")
    if point.is_out_of_memory:
        return (*size, "out of memory", "", "", "", "", "", peak)
    times = (point.p50_ms, point.p95_ms, point.p99_ms, point.busy_ms, point.cpu_ms, point.start_ms)
    return (*size, *("" if time is None else milliseconds(time) for time in times), peak)
