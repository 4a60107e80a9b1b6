"""Which sizes are measured, what a share of a processor does to a request, and what a sweep makes of it."""

from __future__ import annotations

import math
import os
import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mldeploy.bench import sweep
from mldeploy.bench.measure import Call
from mldeploy.bench.sweep import Place, Seen, choose, point
from mldeploy.bench.sweep_model import PERIOD_MS, Profile, Took, modelled, profile, stretched
from mldeploy.cost.measurements import Point, Sweep
from mldeploy.cost.values import Option
from mldeploy.progress import SilentReporter

PLACE = Place("here", "small", 512, 0.25)


def options(provider: str, *sizes: tuple[int, float], product: str = "small") -> list[Option]:
    return [Option(provider, product, memory_mb, cpu) for memory_mb, cpu in sizes]


MANY = options("here", *((128 * step, step / 8) for step in range(1, 41)))


def test_few_places_are_all_measured_smallest_share_first() -> None:
    chosen = choose(options("here", (512, 0.5), (256, 0.25), (1024, 0.5)), 2)
    assert [(place.cpu, place.memory_mb) for place in chosen.places] == [(0.25, 256), (0.5, 512), (0.5, 1024)]


def test_many_are_thinned_evenly_with_the_ends_kept() -> None:
    shares = [place.cpu for place in choose(MANY, 4, most=6).places]
    assert shares[0] == 1 / 8
    assert shares[-1] == 4
    assert len(shares) == 6
    ratios = [after / before for before, after in pairwise(shares)]
    assert max(ratios) / min(ratios) < 1.5


def test_what_wants_more_processors_than_there_are_is_counted_and_left_out() -> None:
    chosen = choose(MANY, 2)
    assert max(place.cpu for place in chosen.places) == 2
    assert chosen.too_large == 24


def test_each_provider_has_its_share_of_places_and_products_share_sizes() -> None:
    both = [*MANY, *options("there", *((256 * step, step / 4) for step in range(1, 17))), *options("here", (128, 1 / 8))]
    places = choose(both, 4, most=10).places
    assert [place.provider for place in places] == ["here"] * 5 + ["there"] * 5
    assert len(set(places)) == len(places)


def test_named_sizes_are_all_measured() -> None:
    assert [place.memory_mb for place in choose(MANY, 4, [256, 1280, 1408], most=2).places] == [256, 1280, 1408]


def test_nothing_fits() -> None:
    assert choose(MANY, 0.01).places == ()


def simulated(took: Took, share: float, phase_ms: float, tick_ms: float = 0.005) -> float:
    """The kernel's quota, tick by tick."""
    speed, now_ms, done_ms = took.cpu_ms / took.wall_ms, phase_ms, 0.0
    quota_ms, period = share * PERIOD_MS, 0
    while done_ms < took.cpu_ms:
        if math.floor(now_ms / PERIOD_MS) > period:
            period, quota_ms = math.floor(now_ms / PERIOD_MS), share * PERIOD_MS
        if quota_ms > 0:
            done_ms += speed * tick_ms
            quota_ms -= speed * tick_ms
        now_ms += tick_ms
    return now_ms - phase_ms


@pytest.mark.parametrize("share", [0.07, 0.25, 0.5, 0.9, 1.5])
@pytest.mark.parametrize("cpu_ms", [1.0, 9.0, 40.0, 130.0])
@pytest.mark.parametrize("phase_ms", [0.0, 33.0, 97.0])
def test_the_model_is_the_kernels_quota(share: float, cpu_ms: float, phase_ms: float) -> None:
    for wall_ms in (cpu_ms, cpu_ms / 1.9, cpu_ms + 5):
        took = Took(wall_ms, cpu_ms)
        # A tick of 0.005 ms may carry over into one more period only at its very edge; the cases above are off it.
        assert stretched(took, share, phase_ms) == pytest.approx(simulated(took, share, phase_ms), abs=0.2)


TIMES = st.floats(0.01, 5000, allow_nan=False)


@settings(deadline=None)
@given(wall_ms=TIMES, speed=st.floats(0.01, 4), share=st.floats(0.02, 8), phase_ms=st.floats(0, 99.99))
def test_a_limit_never_makes_faster_nor_slower_than_it_must(
    wall_ms: float, speed: float, share: float, phase_ms: float
) -> None:
    took = Took(wall_ms, wall_ms * speed)
    found = stretched(took, share, phase_ms)
    assert found >= wall_ms * (1 - 1e-9)
    assert found >= (took.cpu_ms - share * PERIOD_MS * 2) / share * (1 - 1e-9)
    assert found <= max(wall_ms, took.cpu_ms / share + PERIOD_MS) * (1 + 1e-9)
    assert stretched(took, max(share, speed), phase_ms) == pytest.approx(wall_ms)


def test_a_small_request_is_not_slowed_at_rest_but_back_to_back() -> None:
    taken = Profile(tuple([Took(2.0, 2.0)] * 60), Took(1.8, 1.8), (Took(300, 250),), 90)
    seen = modelled(taken, PLACE)
    assert sorted(seen.quiet_ms)[30] == 2.0
    assert seen.busy_ms == pytest.approx(7.2)
    assert seen.starts_ms[0] > 850  # 250 ms of processor time are ten quotas of 25 ms
    assert modelled(taken, PLACE) == seen
    assert modelled(taken, replace(PLACE, cpu=2.0)).starts_ms == (300,)


def test_a_process_that_is_larger_than_the_size_is_out_of_memory() -> None:
    taken = Profile((Took(2, 2),), Took(2, 2), (Took(9, 9),), 600)
    found = point(PLACE, modelled(taken, PLACE))
    assert found.is_out_of_memory
    assert (found.requests, found.mean_ms, found.p95_ms, found.peak_memory_mb) == (0, 0, None, 600)


def test_the_figures_of_a_place() -> None:
    found = point(PLACE, Seen((4.0, 1.0, 2.0, 3.0), 8.0, 1.5, (30.0, 10.0, 20.0), 77.0))
    assert (found.mean_ms, found.p50_ms, found.requests, found.busy_ms, found.cpu_ms) == (2.5, 2.5, 4, 8, 1.5)
    assert (found.start_ms, found.peak_memory_mb, found.provider, found.cpu) == (20, 77, "here", 0.25)
    assert found.p95_ms == pytest.approx(3.85)


def test_pauses_come_from_the_seed_and_are_longer_than_a_period(monkeypatch: pytest.MonkeyPatch) -> None:
    rounds: list[list[float]] = []
    for _ in range(2):
        slept: list[float] = []
        monkeypatch.setattr(time, "sleep", slept.append)
        assert sweep.quiet(lambda: 1.0) == (1.0,) * sweep.MOST_REQUESTS
        rounds.append(slept)
    assert rounds[0] == rounds[1]
    assert len(set(rounds[0])) == sweep.MOST_REQUESTS
    assert min(rounds[0]) * 1000 >= PERIOD_MS


def test_a_slow_model_ends_a_phase_by_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = [0.0]

    def ask() -> float:
        now_s[0] += 20
        return 20_000.0

    monkeypatch.setattr(time, "monotonic", lambda: now_s[0])
    monkeypatch.setattr(time, "sleep", lambda _: None)
    assert len(sweep.quiet(ask)) == sweep.LEAST_REQUESTS
    assert len(sweep.busy(ask, 3.0)) == sweep.LEAST_REQUESTS


def test_an_interrupt_goes_through() -> None:
    def measure(place: Place) -> Seen:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sweep.run((PLACE,), measure, SilentReporter())


def test_a_real_process_is_profiled(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep, "PAUSE_S", (0.0, 0.001))
    call = Call("http://127.0.0.1", "/predict", b'{"inputs": [[1, 2]]}', "application/json", {})
    taken = profile(bundle, os.environ, call, 2, 0.2, SilentReporter())
    assert len(taken.requests) == sweep.MOST_REQUESTS
    assert len(taken.starts) == 2
    assert 0 < taken.busy.cpu_ms <= taken.busy.wall_ms * (os.cpu_count() or 1)
    assert all(start.cpu_ms > 10 for start in taken.starts)
    assert 10 < taken.peak_memory_mb < 1000
    small = modelled(taken, Place("here", "small", 512, 0.01))
    assert small.busy_ms == pytest.approx(max(taken.busy.wall_ms, taken.busy.cpu_ms * 100))
    assert small.starts_ms[0] > 1000


def test_some_sizes_measured_again_leave_the_others() -> None:
    def of(method: str, *sizes: tuple[int, float], machine: str = "m") -> Sweep:
        points = tuple(Point("here", "small", memory_mb, 0.5, mean_ms=mean_ms) for memory_mb, mean_ms in sizes)
        return Sweep("f", "digits", "2026-11-21", machine, method, points)

    old = of("Docker", (256, 9.0), (512, 5.0))
    found = sweep.merged(old, of("Docker", (384, 7.0), (512, 4.0)))
    assert [(each.memory_mb, each.mean_ms) for each in found.points] == [(256, 9), (384, 7), (512, 4)]
    for other in (of("modelled", (384, 7.0)), of("Docker", (384, 7.0), machine="another")):
        assert sweep.merged(old, other) is other
    assert sweep.merged(None, old) is old
