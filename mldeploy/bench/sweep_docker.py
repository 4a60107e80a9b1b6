"""A sweep in a container engine: the plan's own image, in a container with the processor share and the memory of each size.

    Image (built, and how it is asked) + Place ─measure─▶ Seen

An image with a server of ours is asked over HTTP, on a loopback port; one that a platform's own front calls is asked through
its probe, on the container's standard streams, with no network. Both are shut in as the gates do it. The share is a quota of
the kernel's (period 100 ms), memory a limit without swap; a container that is killed for memory is a finding. Each container
is removed when it has been measured, whatever happens.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mldeploy.bench import sweep
from mldeploy.bench.measure import Call
from mldeploy.bench.sweep import Place, Seen
from mldeploy.bench.sweep_container import Container, OutOfMemoryError, Shell
from mldeploy.bench.sweep_talk import HttpTalk, StreamTalk, Talk
from mldeploy.image.assembly import recipe_of
from mldeploy.image.contract import BuiltImage
from mldeploy.image.engine import Engine
from mldeploy.image.gates import confinement
from mldeploy.plan import Plan

METHOD = "Docker, CPU and memory limits"
STARTS_S = 20.0
"""Starts of one place end after this long, with one at least."""
WARM_UP = 5


@dataclass(frozen=True)
class Image:
    """A built image. `port` is where its own server listens; None: it is asked through `probe`."""

    provider: str
    name: str
    probe: tuple[str, ...]
    port: int | None
    settings: Mapping[str, Any]

    @property
    def manner(self) -> str:
        return "over HTTP" if self.port is not None else "through its probe"

    @classmethod
    def of(cls, plan: Plan, built: BuiltImage) -> Image:
        """The image of a plan. One whose entry point is its base's own is asked through its probe: what stands before our code
        there is the platform's."""
        recipe = recipe_of(plan)
        port = recipe.port if recipe.entrypoint else None
        return cls(plan.provider, f"{built.name}:{built.tag}", recipe.probe, port, confinement(plan, recipe))


def measure(engine: Engine, image: Image, call: Call, place: Place, starts: int, busy_s: float) -> Seen:
    """What `place` does with this image: started `starts` times, then asked. Raises DeployError when it does not answer."""
    taken: list[float] = []
    until_s = time.monotonic() + STARTS_S
    peak_mb: float | None = None
    try:
        while True:
            is_last = len(taken) + 1 >= starts or time.monotonic() > until_s
            with Container(engine, _shell(image, place)) as container, _talk(image, call, container) as talk:
                taken.append(talk.first())
                peak_mb = container.peak_mb()
                if is_last:
                    return _asked(container, talk, tuple(taken), busy_s)
    except OutOfMemoryError:
        return Seen(peak_memory_mb=peak_mb, is_out_of_memory=True)


def _asked(container: Container, talk: Talk, starts: tuple[float, ...], busy_s: float) -> Seen:
    for _ in range(WARM_UP):
        talk.ask()
    quiet = sweep.quiet(talk.ask)
    before_ns = container.processor_ns()
    busy = sweep.busy(talk.ask, busy_s)
    used_ns = container.processor_ns() - before_ns
    return Seen(
        quiet_ms=quiet,
        busy_ms=sum(busy) / len(busy),
        cpu_ms=used_ns / 1e6 / len(busy),
        starts_ms=starts,
        peak_memory_mb=container.peak_mb(),
    )


def _shell(image: Image, place: Place) -> Shell:
    memory = f"{place.memory_mb}m"
    limits = {"nano_cpus": round(place.cpu * 1e9), "mem_limit": memory, "memswap_limit": memory}
    return Shell(image.name, image.probe, image.port, {**image.settings, **limits})


def _talk(image: Image, call: Call, container: Container) -> Talk:
    return StreamTalk(container, call) if image.port is None else HttpTalk(container, call)
