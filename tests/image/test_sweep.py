"""Sweeps in a real engine: a share of a processor, a limit of memory, what is found there, and that nothing stays behind.

The kernel's throttling is also what the model of `bench/sweep_model.py` is held against.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mldeploy.bench import sweep
from mldeploy.bench.measure import Call
from mldeploy.bench.sweep import Place
from mldeploy.bench.sweep_container import LABEL, mark, remove_left
from mldeploy.bench.sweep_docker import Image, measure
from mldeploy.bench.sweep_model import Profile, Took, modelled, profile
from mldeploy.cost import measurements
from mldeploy.errors import DeployError
from mldeploy.progress import SilentReporter

EXAMPLES = Path(__file__).parents[2] / "examples"
REQUESTS = {"digits": ("request.json", "application/json"), "imagenet": ("coffee.jpg", "image/jpeg")}
TINY = Place("here", "tiny", 128, 0.083)


def call(example: str) -> Call:
    file, content_type = REQUESTS[example]
    return Call("http://127.0.0.1", "/predict", (EXAMPLES / example / file).read_bytes(), content_type, {})


@pytest.fixture(autouse=True, scope="module")
def fewer_requests() -> Iterator[None]:
    """A third of a sweep's requests: enough for these tests' wide bounds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sweep, "MOST_REQUESTS", 20)
        yield


@pytest.fixture(autouse=True)
def nothing_is_left(engine: Any) -> Iterator[None]:
    """No container of a sweep that this process made is there after a test."""
    yield
    mine = {"label": f"{LABEL}={mark(os.getpid())}"}
    assert engine.api.containers(all=True, filters=mine) == []


@pytest.fixture(scope="module")
def image(made: Callable[[str, str], Any]) -> Callable[[str, str], Image]:
    def of(cloud: str, example: str) -> Image:
        found = made(cloud, example)
        return Image.of(found.plan, found.built)

    return of


def test_a_share_of_a_processor_is_what_back_to_back_requests_get(engine: Any, image: Callable[..., Image]) -> None:
    """About 10 ms of processor time on 0.083 of one: eight times and more for the clock. The rest of the machine may be busy,
    so that only the lower bound is sharp."""
    found = sweep.point(TINY, measure(engine, image("gcp", "imagenet"), call("imagenet"), TINY, 1, 2.0))
    assert not found.is_out_of_memory
    assert found.busy_ms is not None
    assert found.busy_ms >= found.cpu_ms / TINY.cpu * 0.8
    assert found.busy_ms <= found.cpu_ms / TINY.cpu * 2
    assert found.cpu_ms < found.mean_ms < found.busy_ms
    assert found.start_ms > 500  # a start takes 100 ms of processor time at least
    assert found.peak_memory_mb is not None
    assert 40 < found.peak_memory_mb < 128
    assert found.requests >= sweep.LEAST_REQUESTS
    assert found.p50_ms is not None
    assert found.p95_ms is not None
    assert found.p99_ms is not None
    assert found.p50_ms <= found.p95_ms <= found.p99_ms


@pytest.mark.parametrize("cloud", ["aws", "azure"])
def test_an_image_behind_a_platforms_front_is_asked_through_its_probe(
    cloud: str, engine: Any, image: Callable[..., Image]
) -> None:
    own = image(cloud, "digits")
    assert own.port is None
    place = Place(cloud, "half", 512, 0.5)
    found = sweep.point(place, measure(engine, own, call("digits"), place, 2, 0.5))
    assert 0 < found.cpu_ms < 5
    assert 0 < found.mean_ms < 100
    assert found.start_ms > 50


@pytest.mark.parametrize("cloud", ["gcp", "aws"])
def test_out_of_memory_is_a_finding(cloud: str, engine: Any, image: Callable[..., Image]) -> None:
    place = Place(cloud, "too small", 24, 0.5)
    found = sweep.point(place, measure(engine, image(cloud, "imagenet"), call("imagenet"), place, 1, 0.5))
    assert found.is_out_of_memory
    assert (found.requests, found.p95_ms) == (0, None)


@pytest.mark.parametrize("cloud", ["gcp", "aws"])
def test_an_image_that_cannot_answer_says_why(cloud: str, engine: Any, image: Callable[..., Image]) -> None:
    """Not every end is memory's: here the bundle is not where the environment says."""
    own = image(cloud, "digits")
    environment = {**own.settings["environment"], "MLDEPLOY_BUNDLE": "/nowhere"}
    lost = Image(own.provider, own.name, own.probe, own.port, {**own.settings, "environment": environment})
    with pytest.raises(DeployError, match=r"(?s)ended with exit code .*nowhere"):
        measure(engine, lost, call("digits"), Place(cloud, "half", 512, 0.5), 1, 0.5)


def test_an_answer_that_is_no_success_stops_the_sweep(engine: Any, image: Callable[..., Image]) -> None:
    wrong = Call("http://127.0.0.1", "/predict", b"{}", "application/json", {})
    for cloud in ("gcp", "aws"):
        with pytest.raises(DeployError, match="the answer was 4"):
            measure(engine, image(cloud, "digits"), wrong, Place(cloud, "half", 512, 0.5), 1, 0.5)


@pytest.fixture(scope="module")
def taken(made: Callable[[str, str], Any]) -> Profile:
    """The ImageNet example as a process of this machine's Python, without limits, and as if nothing else ran meanwhile: its
    times on the clock are its processor times, as it has one thread at work."""
    found = profile(made("gcp", "imagenet").bundle.root, os.environ, call("imagenet"), 1, 1.0, SilentReporter())
    alone = tuple(Took(each.cpu_ms, each.cpu_ms) for each in found.requests)
    return replace(found, requests=alone, busy=Took(found.busy.cpu_ms, found.busy.cpu_ms))


@pytest.mark.parametrize("share", [0.083, 0.333])
def test_the_model_agrees_with_the_throttled_container(
    share: float, taken: Profile, engine: Any, image: Callable[..., Image]
) -> None:
    """Back to back within a factor of 2, though two interpreters and whatever else this machine does come between: without the
    quota the model would be off by 3 and by 12. At rest the smaller share makes about four times of it; the larger one leaves
    it alone, so that there only a machine without other work would tell more than the lower bound."""
    place = Place("gcp", "small", 512, share)
    real = measure(engine, image("gcp", "imagenet"), call("imagenet"), place, 1, 2.0)
    model = modelled(taken, place)
    assert 1 / 2 < model.busy_ms / real.busy_ms < 2
    assert taken.busy.wall_ms < real.busy_ms / 2
    mean_ms, model_ms = (sum(times) / len(times) for times in (real.quiet_ms, model.quiet_ms))
    assert mean_ms > model_ms / 2.5
    if share < 0.1:
        assert mean_ms < model_ms * 2.5
        assert model_ms > taken.busy.wall_ms * 2.5


def spec_of(folder: Path, base: str) -> Path:
    """The digits example on the stand-in base, in a folder of its own."""
    shutil.copytree(EXAMPLES / "digits", folder / "digits")
    file = folder / "digits" / "mldeploy.yaml"
    file.write_text(f"{file.read_text()}\nclouds:\n  gcp: {{base: '{base}'}}\n")
    return file


def command(file: Path, *words: str) -> list[str]:
    own = [sys.executable, "-m", "mldeploy.cli", "-f", str(file), "--cloud", "gcp", "bench", "--sweep"]
    return [*own, "--cold", "1", "--duration", "0.2", *words]


def test_the_command_keeps_what_it_measured(base: str, tmp_path: Path, kept_state: Path) -> None:
    import json

    file = spec_of(tmp_path, base)
    done = subprocess.run(
        command(file, "--sizes", "256", "--json"), capture_output=True, text=True, check=False, timeout=240, cwd=file.parent
    )
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["method"] == "Docker, CPU and memory limits"
    assert document["images"] == {"gcp": "over HTTP"}
    kept = measurements.find(document["fingerprint"])
    assert kept is not None
    assert [point.memory_mb for point in kept.points] == [256] * len(document["points"])
    assert all(point.mean_ms > 0 and point.requests > 0 for point in kept.points)
    Path(document["file"]).unlink()


def test_an_interrupt_leaves_no_container_and_no_result(base: str, engine: Any, tmp_path: Path, kept_state: Path) -> None:
    file = spec_of(tmp_path, base)
    before = set((kept_state / "measurements").glob("*"))
    running = subprocess.Popen(
        command(file), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=file.parent, start_new_session=True
    )
    own = {"label": f"{LABEL}={mark(running.pid)}"}
    try:
        until_s = time.monotonic() + 120
        while not engine.api.containers(filters=own) and time.monotonic() < until_s and running.poll() is None:
            time.sleep(0.1)
        assert engine.api.containers(filters=own)
        time.sleep(1)
        running.send_signal(signal.SIGINT)
        _, said = running.communicate(timeout=60)
    finally:
        running.kill()
        running.wait()
    assert running.returncode == 130
    assert "thrown away; no container is left" in said
    assert engine.api.containers(all=True, filters=own) == []
    assert set((kept_state / "measurements").glob("*")) == before


def test_what_a_killed_sweep_left_is_removed_and_what_a_living_one_uses_is_not(engine: Any, base: str) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    made = {
        name: engine.api.create_container(base, command=["true"], labels={LABEL: label})["Id"]
        for name, label in (("left", mark(ended.pid)), ("used", mark(os.getpid())), ("elsewhere", "elsewhere:1"))
    }
    try:
        assert remove_left(engine) >= 1
        there = {each["Id"] for each in engine.api.containers(all=True, filters={"label": LABEL})}
        assert made["left"] not in there
        assert {made["used"], made["elsewhere"]} <= there
    finally:
        for container in made.values():
            engine.remove(container)
