"""Instances that take more requests than they have processors for, against the simulation of single requests.

Tolerances: see docs/cost-model.md. A simulation of R requests on average knows the load to 1/√R (0.7 %); of cold starts and
lives only few are seen, known to ± 3·√n and ± 3·√Σlife².
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from math import exp, log, sqrt
from typing import NamedTuple

import pytest
from cost_simulation import Month, Simulation, equal, exponential, uneven
from hypothesis import given, settings
from hypothesis import strategies as st

from mldeploy.cost import packing, sharing
from mldeploy.cost.curve import parse
from mldeploy.cost.instances import blocked
from mldeploy.cost.values import HOURS_PER_MONTH, SECONDS_PER_MONTH, Option, Scaling, Timing, Usage
from mldeploy.cost.workload import HOURS_PER_WEEK, Workload

DRAWS = {"exponential": exponential, "equal": equal, "uneven": uneven}
REQUESTS = 20_000
AT_LEAST_S = 3000.0
"""In durations: long enough that the empty beginning, and what is still under way at the end, do not matter."""


class Near(NamedTuple):
    """How far the model may be from the simulation, beyond what chance explains; parts of what was seen."""

    active: float
    alive: float
    slower: float
    cold: float


NEAR = {
    "exponential": Near(0.025, 0.04, 0.045, 0.25),
    "equal": Near(0.045, 0.05, 0.055, 0.35),
    "uneven": Near(0.03, 0.2, 0.055, 1.0),
}

STEADY = [  # load, room, processors, kept for (in durations), start (in durations)
    (0.01, 2, 1.0, 0, 0),
    (0.01, 20, 1.0, 900, 3),
    (0.01, 10, 4.0, 100, 0),
    (0.3, 10, 1.0, 0, 0),
    (0.3, 10, 1.0, 20, 0),
    (0.5, 2, 1.0, 5, 0),
    (0.9, 4, 1.0, 20, 0),
    (0.9, 10, 1.0, 100, 0),
    (0.9, 20, 1.5, 0, 0),
    (1.5, 10, 1.0, 0, 0),
    (1.5, 10, 1.0, 900, 0),
    (1.5, 20, 4.0, 5, 0),
    (3.0, 4, 1.0, 5, 0),
    (3.0, 10, 2.5, 100, 0),
    (3.0, 20, 4.0, 20, 0),
    (8.0, 2, 1.0, 20, 0),
    (8.0, 10, 1.0, 5, 0),
    (8.0, 10, 4.0, 900, 0),
    (20.0, 10, 1.0, 100, 0),
    (20.0, 5, 2.5, 0, 0),
    (50.0, 10, 1.0, 20, 0),
    (50.0, 20, 4.0, 5, 0),
]


def simulated(load: float, room: int, processors: float, keep_s: float, start_s: float, draw: str) -> tuple[Month, float]:
    length_s = max(REQUESTS / load, AT_LEAST_S, 30 * keep_s)
    return Simulation([load], DRAWS[draw](1.0), room, keep_s, start_s, hour_s=length_s, processors=processors).run(), length_s


def packed(load: float, room: int, processors: float, scaling: Scaling, start_s: float = 0.0, kept: int = 0) -> Usage:
    workload = Workload(Decimal(load * SECONDS_PER_MONTH))
    option = Option("toy", "toy", 1024, processors, room, kept)
    return packing.usage(workload, option, scaling, Timing(1000, 1000, start_s * 1000, ""))


@pytest.mark.parametrize("draw", DRAWS)
@pytest.mark.parametrize(("load", "room", "processors", "keep_s", "start_s"), STEADY)
def test_steady_traffic(load: float, room: int, processors: float, keep_s: float, start_s: float, draw: str) -> None:
    seen, length_s = simulated(load, room, processors, keep_s, start_s, draw)
    part = length_s / SECONDS_PER_MONTH
    busier = seen.requests / (load * length_s)  # than it should have been, by chance
    active = packed(load, room, processors, Scaling("active", keep_s=keep_s, is_start_billed=False), start_s)
    living = packed(load, room, processors, Scaling("instance", keep_s=keep_s), start_s)

    near = NEAR[draw]
    worked = (seen.billed_s(seen.works) - seen.cold * start_s) / busier
    assert float(active.billed_s) * part == pytest.approx(worked, rel=near.active)
    ended = [end - born for born, end in seen.lives if end - born < length_s / 2]
    lived = seen.billed_s(seen.lives)
    assert abs(float(living.billed_s) * part - lived) < near.alive * lived + 3 * sqrt(sum(life * life for life in ended))
    assert active.slowdown == pytest.approx((seen.taken_s - seen.cold * start_s) / seen.done, rel=near.slower)
    starts = float(active.cold_starts) * part
    assert abs(starts - seen.cold) < near.cold * seen.cold + 3 * sqrt(max(starts, seen.cold)) + living.peak_instances


@pytest.mark.parametrize(
    ("load", "room", "processors", "most"), [(0.9, 4, 1.0, 1), (3, 10, 1.0, 2), (3, 10, 1.0, 4), (9, 6, 2.5, 3)]
)
@pytest.mark.parametrize("draw", DRAWS)
def test_what_max_instances_turn_away(load: float, room: int, processors: float, most: int, draw: str) -> None:
    seen = Simulation([load], DRAWS[draw](1.0), room, 60, hour_s=40_000 / load, processors=processors, most=most).run()
    assert blocked(load, 1.0, room, processors, most) == pytest.approx(seen.refused / seen.requests, abs=0.01)


@pytest.mark.parametrize(("rate", "least_ms"), [(0.5, 0), (2, 1000), (6, 0), (10, 0)])
@pytest.mark.parametrize("draw", ["exponential", "equal"])
def test_rounding_of_pieces_that_hold_several_requests(rate: float, least_ms: int, draw: str) -> None:
    """130 ms on average, one processor: a piece lasts until all that came meanwhile is done."""
    length_s = 20_000 / rate
    seen = Simulation([rate], DRAWS[draw](0.13), 10, 1e9, hour_s=length_s, processors=1.0).run()
    scaling, timing = Scaling("active", 100, least_ms, keep_s=1e9), Timing(130, 130, 0, "")
    usage = packing.usage(Workload(Decimal(rate * SECONDS_PER_MONTH)), Option("toy", "toy", 1024, 1.0, 10), scaling, timing)
    billed = seen.billed_s(seen.works, 0.1, least_ms / 1000) / length_s
    assert float(usage.billed_s) / SECONDS_PER_MONTH == pytest.approx(billed, rel=0.08)


@pytest.mark.parametrize("kept", [1, 2, 5])
def test_kept_instances_serve_first(kept: int) -> None:
    load, room, processors = 2.5, 8, 1.0
    seen = Simulation([load], exponential(1.0), room, 20, kept=kept, hour_s=20_000, processors=processors).run()
    usage = packed(load, room, processors, Scaling("active", keep_s=20), kept=kept)
    part = 20_000 / SECONDS_PER_MONTH
    assert float(usage.kept_active_s) * part == pytest.approx(seen.billed_s(seen.kept_works), rel=0.03)
    assert float(usage.billed_s) * part == pytest.approx(seen.billed_s(seen.works), rel=0.05, abs=30)
    assert usage.kept_active_s + usage.kept_idle_s == kept * SECONDS_PER_MONTH


def test_a_week_with_nights_and_a_weekend() -> None:
    shape = parse({"peak_hour": 14, "width_h": 14, "night": 0.02, "weekend": 0.3})
    rates = [0.5 * part for part in shape]  # up to a load of 3 of one processor
    seen = Simulation(rates, exponential(2.0), 6, 300, 3.0, processors=1.0).run()
    workload, option = Workload(Decimal(0.5 * SECONDS_PER_MONTH), shape), Option("toy", "toy", 1024, 1.0, 6)
    timing, weeks = Timing(2000, 2000, 3000, ""), HOURS_PER_MONTH / HOURS_PER_WEEK
    active = packing.usage(workload, option, Scaling("active", keep_s=300), timing)
    living = packing.usage(workload, option, Scaling("instance", keep_s=300), timing)
    assert float(active.billed_s) == pytest.approx(seen.billed_s(seen.works) * weeks, rel=0.02)
    assert float(living.billed_s) == pytest.approx(seen.billed_s(seen.lives) * weeks, rel=0.03)
    assert active.slowdown == pytest.approx(seen.taken_s / seen.done / 2.0, rel=0.03)


@pytest.mark.parametrize("load", [0.01, 0.7, 1.0, 4.0, 30.0])
@pytest.mark.parametrize(("room", "processors"), [(2, 1.0), (10, 1.0), (10, 2.5), (300, 4.0)])
def test_the_first_instance_is_exact(load: float, room: int, processors: float) -> None:
    """P(n) ∝ load^n / Π min(j, p), in logarithms."""
    logs = [0.0]
    for number in range(1, room + 1):
        logs.append(logs[-1] + log(load / min(number, processors)))
    parts = [exp(each - max(logs)) for each in logs]
    chances = [part / sum(parts) for part in parts]
    first = next(iter(sharing.chain(load / 3.0, 3.0, room, processors, 60.0)))
    assert first.empty == pytest.approx(chances[0], abs=1e-9)
    assert first.held == pytest.approx(sum(n * chance for n, chance in enumerate(chances)), rel=1e-6)
    assert first.carried == pytest.approx(load * (1 - chances[-1]), rel=1e-6)
    assert first.works_per_s == pytest.approx(load / 3.0 * chances[0], abs=1e-9)
    assert first.gone == pytest.approx(chances[0] * exp(-load / 3.0 * 60), abs=1e-9)


@settings(max_examples=100, deadline=None)
@given(
    load=st.floats(1e-9, 1e15),
    room=st.integers(2, 200),
    share=st.floats(0.01, 0.99),
    duration_s=st.floats(0.001, 1000),
    keep_s=st.floats(0, 1e5),
)
def test_all_the_work_is_done_once(load: float, room: int, share: float, duration_s: float, keep_s: float) -> None:
    processors = max(1.0, share * room)
    found = [*sharing.levels(load / duration_s, duration_s, room, processors, keep_s)]
    assert sum(level.instances * level.carried for level in found) == pytest.approx(load, rel=1e-6)
    for level in found:
        assert -1e-12 <= level.gone <= level.empty + 1e-9 <= 1 + 2e-9
        assert 0 <= level.starts_per_s <= level.works_per_s + 1e-12
        assert level.carried - 1e-9 <= level.held <= room + 1e-9
        assert level.carried <= processors * (1 - level.empty) + 1e-9  # nothing works faster than it can


def test_with_one_processor_an_instance_works_for_as_long_as_there_is_work() -> None:
    for load in (0.2, 1.5, 12.0, 400.0):
        found = sharing.levels(load, 1.0, 10, 1.0, 60)
        assert sum(level.instances * (1 - level.empty) for level in found) == pytest.approx(load)


@pytest.mark.parametrize(("room", "processors"), [(2, 1.0), (10, 2.5), (80, 1.0)])
def test_beyond_many_instances_the_figures_go_on(room: int, processors: float) -> None:
    """What is stretched begins where what is counted ends, and is near to what would be counted."""
    large = sharing.LARGE * processors
    scaling = Scaling("instance", keep_s=100)
    below, above = (packed(large * by, room, processors, scaling) for by in (1 - 1e-6, 1 + 1e-6))
    assert float(below.billed_s) == pytest.approx(float(above.billed_s), rel=1e-4)
    assert below.slowdown == pytest.approx(above.slowdown, rel=1e-4)
    far = 8 * large
    counted = sharing.chain(far, 1.0, room, processors, 100.0)
    stretched = [*sharing.levels(far, 1.0, room, processors, 100.0)]
    for figure in ("gone", "empty"):
        one, other = (sum(level.instances * (1 - getattr(level, figure)) for level in each) for each in (counted, stretched))
        assert other == pytest.approx(one, rel=0.02)


def test_one_replica_does_what_one_replica_can() -> None:
    """A million requests of 40 ms of one vCPU are 1.5 % of it: where it takes ten at once, there is no need of a second."""
    option = Option("toy", "toy", 2048, 1.0, 10)
    scaling = Scaling("instance", 1000, keep_s=300)
    usage = packing.usage(Workload(Decimal(1_000_000)), option, scaling, Timing(40, 40, 0, ""))
    assert 0.99 < float(usage.billed_s) / SECONDS_PER_MONTH < 1.001
    assert usage.peak_instances == 1
    assert usage.slowdown == pytest.approx(1 / (1 - 1_000_000 * 0.04 / SECONDS_PER_MONTH), rel=1e-6)
    alone = packing.usage(Workload(Decimal(1_000_000)), replace(option, concurrency=1), scaling, Timing(40, 40, 0, ""))
    assert float(alone.billed_s) > 1.5 * float(usage.billed_s)  # each overlap is a second instance, for five minutes
