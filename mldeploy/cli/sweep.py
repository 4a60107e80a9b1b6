"""`mldeploy bench --sweep`: the spec's model at the sizes that the clouds sell, kept for `cost` and `compare`.

providers with prices ─sizes─▶ places ─▶ an engine and an image? ─yes─▶ throttled ─┐
                                                                 └no──▶ modelled ──┴─▶ measurements.save
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from mldeploy.cli.exits import UsageError
from mldeploy.cli.layout import milliseconds, table
from mldeploy.cli.payload import Payload
from mldeploy.cli.session import Session
from mldeploy.cli.target import Target
from mldeploy.errors import MldeployError, ProviderError
from mldeploy.progress import SilentReporter

if TYPE_CHECKING:
    from mldeploy.bench.measure import Call
    from mldeploy.bench.sweep import Chosen, Place, Seen
    from mldeploy.bench.sweep_docker import Image
    from mldeploy.bundle.contract import Bundle
    from mldeploy.cost.contract import Priced
    from mldeploy.cost.measurements import Point, Sweep
    from mldeploy.cost.values import Option
    from mldeploy.image.engine import Engine
    from mldeploy.spec.loaded import LoadedSpec


BUSY = 0.5
"""A load above this part of the cores is in the way of a measurement."""


@dataclass(frozen=True)
class Wanted:
    """What the command line asks for. `memory_mb` empty: a choice of all sizes."""

    memory_mb: tuple[int, ...]
    starts: int
    busy_s: float


@dataclass(frozen=True)
class Way:
    """How places are measured, and what it is called in the result. `images`: how each cloud's own image is asked."""

    measure: Callable[[Place], Seen]
    method: str
    images: Mapping[str, str] = field(default_factory=dict)


def run(session: Session, target: Target, payload: Payload, wanted: Wanted) -> None:
    """Sweep, keep the result, show it. Raises UsageError, and what packing and measuring raise."""
    from mldeploy import deploy
    from mldeploy.bench import machine, sweep
    from mldeploy.cost import measurements

    loaded = target.loaded
    if loaded is None:
        raise UsageError("--sweep needs a spec", "give -f FILE instead of --name")
    chosen = _choose(session, wanted)
    session.after_interrupt = lambda: "the measurement is incomplete and was thrown away; no container is left"
    circumstances, date = machine.machine(), machine.today()
    if float(circumstances["load before"]) > float(circumstances["cores"]) * BUSY:
        session.report.warn(
            f"this machine is busy (load {circumstances['load before']} on {circumstances['cores']} cores): "
            "times will be longer than they need to be"
        )
    deploy.check(loaded, session.settings.cloud_or_default)
    bundle = deploy.pack(loaded, session.report)
    with ExitStack() as stack:
        way = _way(session, loaded, bundle, payload, wanted, [place.provider for place in chosen.places], stack)
        points = sweep.run(chosen.places, way.measure, session.report)
    made = measurements.Sweep(
        fingerprint=bundle.fingerprint,
        name=target.name,
        date=date,
        machine=" · ".join(
            (
                circumstances["processor"],
                f"{circumstances['cores']} cores",
                circumstances["system"],
                f"load before {circumstances['load before']}",
            )
        ),
        method=way.method,
        points=points,
    )
    path = measurements.save(made)
    document = {**asdict(made), "file": str(path), "images": way.images, "too_large": chosen.too_large}
    session.result(document, _lines(session, made, way.images))


def _choose(session: Session, wanted: Wanted) -> Chosen:
    from mldeploy.bench import sweep
    from mldeploy.handlers.config import available_cores

    options = list(_options(_priced(session)))
    known = sorted({option.memory_mb for option in options})
    unknown = [size for size in wanted.memory_mb if size not in known]
    if unknown:
        near = sorted(sorted(known, key=lambda size: abs(size - unknown[0]))[:3])
        raise UsageError(f"--sizes {unknown[0]}: no cloud sells this size", f"near it are {', '.join(map(str, near))} MB")
    chosen = sweep.choose(options, available_cores(), wanted.memory_mb)
    if not chosen.places:
        raise UsageError(
            f"every size asked for wants more than this machine's {available_cores()} processors",
            "name smaller --sizes, or measure on a larger machine",
        )
    if chosen.too_large:
        session.report.note(
            f"{chosen.too_large} sizes want more than this machine's {available_cores()} processors and are left out; "
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


def _way(
    session: Session,
    loaded: LoadedSpec,
    bundle: Bundle,
    payload: Payload,
    wanted: Wanted,
    clouds: list[str],
    stack: ExitStack,
) -> Way:
    """In containers where that can be, else by the model; why not is said."""
    from mldeploy.bench import sweep_docker
    from mldeploy.bench.measure import Call
    from mldeploy.bench.sweep_container import remove_left
    from mldeploy.image.engine import connect

    call = Call("http://127.0.0.1", "/predict", payload.body, payload.content_type, {})
    try:
        engine = connect()
    except ProviderError as error:
        return _modelled(session, loaded, call, wanted, error.message)
    stack.callback(engine.close)
    remove_left(engine)
    images = _images(session, loaded, bundle, list(dict.fromkeys(clouds)))
    if not images:
        return _modelled(session, loaded, call, wanted, "no cloud's image could be built here")
    measure = partial(_throttled, engine, images, call, wanted)
    manners = {image.provider: image.manner for image in images.values()}
    others = [cloud for cloud in dict.fromkeys(clouds) if cloud not in images]
    stood_in = f"; sizes of {' and '.join(others)} in {next(iter(images))}'s image" if others else ""
    return Way(measure, f"{sweep_docker.METHOD}{stood_in}", manners)


def _throttled(engine: Engine, images: dict[str, Image], call: Call, wanted: Wanted, place: Place) -> Seen:
    """With the cloud's own image, or that of another where its own could not be built: the runtime in it is the same."""
    from mldeploy.bench import sweep_docker

    image = images.get(place.provider) or next(iter(images.values()))
    return sweep_docker.measure(engine, image, call, place, wanted.starts, wanted.busy_s)


def _images(session: Session, loaded: LoadedSpec, bundle: Bundle, clouds: list[str]) -> dict[str, Image]:
    """Each cloud's own image of this spec, as far as it can be built on this machine."""
    from mldeploy import deploy, image
    from mldeploy.bench.sweep_docker import Image
    from mldeploy.providers import registry

    found: dict[str, Image] = {}
    for cloud in clouds:
        try:
            deploy.check(loaded, cloud)
            plan = registry.get(cloud).plan(loaded, bundle)
            if plan.image is not None:
                found[cloud] = Image.of(plan, image.build(plan, bundle, loaded, session.report))
        except MldeployError as error:
            first = error.message.splitlines()[0]
            session.report.warn(f"{cloud}'s own image cannot be measured here: {first}")
    return found


def _modelled(session: Session, loaded: LoadedSpec, call: Call, wanted: Wanted, reason: str) -> Way:
    from dataclasses import replace

    from mldeploy.bench import sweep_model
    from mldeploy.cli.serving import prepare
    from mldeploy.deploy import DEFAULT_CLOUD

    session.report.warn(f"{reason}; so times are modelled from one process's processor time, not measured under limits")
    serving = prepare(loaded, DEFAULT_CLOUD, SilentReporter())  # packed already
    own = replace(call, headers=serving.headers)
    profile = sweep_model.profile(serving.bundle, serving.environ, own, wanted.starts, wanted.busy_s, session.report)
    return Way(partial(sweep_model.modelled, profile), f"{sweep_model.METHOD} ({reason})")


def _lines(session: Session, made: Sweep, images: Mapping[str, str]) -> Iterator[str]:
    out = session.out
    fitting = [point for point in made.points if not point.is_out_of_memory]
    yield out.style(f"{made.name} at {len(made.points)} sizes, {len(made.points) - len(fitting)} of them too small", "bold")
    yield ""
    header, *rows = table((HEADER, *map(_row, made.points)), right=range(1, len(HEADER)))
    yield out.style(header, "dim")
    yield from rows
    yield ""
    yield "times in ms of one request on an instance at rest; busy: the mean back to back, when the share is used up"
    manners = (f"{cloud}'s image {manner}" for cloud, manner in images.items())
    yield out.style(" · ".join((made.method, *manners, made.date)), "dim")
    yield out.style(made.machine, "dim")
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
