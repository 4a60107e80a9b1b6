"""How a sweep measures here: in containers of the clouds' own images where that can be, else by the model; why not is said."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

from mldeploy.cli.session import Session
from mldeploy.errors import MldeployError, ProviderError
from mldeploy.progress import SilentReporter

if TYPE_CHECKING:
    from mldeploy.bench.measure import Call
    from mldeploy.bench.sweep import Place, Seen
    from mldeploy.bench.sweep_docker import Image
    from mldeploy.bundle.contract import Bundle
    from mldeploy.image.engine import Engine
    from mldeploy.spec.loaded import LoadedSpec


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


def connected(stack: ExitStack) -> Engine | str:
    """The container engine, held open by `stack`; or why there is none. What a killed sweep left in it is removed."""
    from mldeploy.bench.sweep_container import remove_left
    from mldeploy.image.engine import connect

    try:
        engine = connect()
    except ProviderError as error:
        return error.message
    stack.callback(engine.close)
    remove_left(engine)
    return engine


def processors(engine: Engine | str) -> int:
    """How many there are to share: the engine's (it may run elsewhere), else this process's."""
    from mldeploy.handlers.config import available_cores

    return available_cores() if isinstance(engine, str) else int(engine.info()["NCPU"])


def way(
    session: Session, loaded: LoadedSpec, bundle: Bundle, call: Call, wanted: Wanted, clouds: list[str], engine: Engine | str
) -> Way:
    """The way to measure the sizes of `clouds` with this engine, or without one."""
    from mldeploy.bench import sweep_docker

    if isinstance(engine, str):
        return _modelled(session, loaded, call, wanted, engine)
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
    from mldeploy.bench import sweep_model
    from mldeploy.cli.serving import prepare
    from mldeploy.deploy import DEFAULT_CLOUD

    session.report.warn(f"{reason}; so times are modelled from one process's processor time, not measured under limits")
    serving = prepare(loaded, DEFAULT_CLOUD, SilentReporter())  # packed already
    own = replace(call, headers=serving.headers)
    profile = sweep_model.profile(serving.bundle, serving.environ, own, wanted.starts, wanted.busy_s, session.report)
    return Way(partial(sweep_model.modelled, profile), f"{sweep_model.METHOD} ({reason})")
