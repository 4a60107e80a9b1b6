"""The packing model against the simulation of single requests, where each of them has a processor (else: test_sharing).

Tolerances. With exponential durations the model's only assumption is the shape of the overflow (a Pascal variable): 4 %, of
which about half is the noise of 50,000 simulated requests. With equal durations overflow ends sooner than the model
thinks, which sees it through mean and variance alone: it may say up to 17 % too much, never more than 4 % too little. Cold
starts and lives are few: n starts are known to ± 3·√n, a sum of lives to ± 2·√Σlife², and that is allowed for besides.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from math import sqrt

import pytest
from cost_simulation import Draw, Simulation, equal, exponential

from mldeploy.cost import packing
from mldeploy.cost.curve import parse
from mldeploy.cost.values import HOURS_PER_MONTH, SECONDS_PER_MONTH, Option, Scaling, Timing
from mldeploy.cost.workload import HOURS_PER_WEEK, Workload


def option(concurrency: int = 1, kept: int = 0) -> Option:
    # A processor for each request that it takes.
    return Option("toy", "toy", 1024, float(concurrency), concurrency, kept)


def month(rates: Sequence[float]) -> Workload:
    mean = sum(rates) / len(rates)
    week = list(rates) if len(rates) == HOURS_PER_WEEK else [mean] * HOURS_PER_WEEK
    return Workload(Decimal(mean * SECONDS_PER_MONTH), parse(week))


STEADY = [  # requests/s, duration s, places, kept for s, start s
    (0.01, 0.2, 1, 300, 2),
    (10, 0.1, 1, 60, 0),
    (10, 0.5, 1, 60, 1),
    (2, 0.4, 4, 60, 2),
    (10, 0.4, 4, 60, 2),
    (50, 0.4, 4, 60, 0),
    (100, 0.2, 20, 60, 0),
    (5, 0.1, 80, 30, 1),
    (60, 0.8, 1, 30, 0),
]


@pytest.mark.parametrize(("rate", "duration_s", "places", "keep_s", "start_s"), STEADY)
@pytest.mark.parametrize(("draw", "too_much"), [(exponential, 0.04), (equal, 0.17)], ids=["exponential", "equal"])
def test_steady_traffic(
    rate: float, duration_s: float, places: int, keep_s: float, start_s: float, draw: Callable[[float], Draw], too_much: float
) -> None:
    length_s = max(50_000 / rate, 40 * keep_s)
    seen = Simulation([rate], draw(duration_s), places, keep_s, start_s, hour_s=length_s).run()
    timing = Timing(duration_s * 1000, duration_s * 1000, start_s * 1000, "")
    active = packing.usage(month([rate]), option(places), Scaling("active", keep_s=keep_s), timing)
    living = packing.usage(month([rate]), option(places), Scaling("instance", keep_s=keep_s), timing)
    part = length_s / SECONDS_PER_MONTH

    worked = seen.billed_s(seen.works)
    starts = float(active.cold_starts) * part
    unsure_starts = 3 * sqrt(max(starts, seen.cold)) + living.peak_instances
    assert -0.04 * worked < float(active.billed_s) * part - worked < too_much * worked + unsure_starts * start_s
    assert abs(starts - seen.cold) < 0.15 * seen.cold + unsure_starts
    ended = [end - born for born, end in seen.lives if end - born < length_s / 2]
    lived = seen.billed_s(seen.lives)
    assert abs(float(living.billed_s) * part - lived) < 0.04 * lived + 2 * sqrt(sum(life * life for life in ended))


@pytest.mark.parametrize(("step_ms", "least_ms"), [(100, 0), (100, 1000)])
@pytest.mark.parametrize(("rate", "places"), [(0.5, 1), (2, 4), (8, 10), (20, 10)])
def test_rounding_of_pieces_that_overlap(rate: float, places: int, step_ms: int, least_ms: int) -> None:
    """Equal durations of 130 ms: a piece is one request, or several that overlap."""
    length_s = 20_000 / rate
    seen = Simulation([rate], equal(0.13), places, 1e9, hour_s=length_s).run()
    scaling = Scaling("active", step_ms, least_ms, keep_s=1e9)
    usage = packing.usage(month([rate]), option(places), scaling, Timing(130, 130, 0, ""))
    billed = seen.billed_s(seen.works, step_ms / 1000, least_ms / 1000) / length_s
    assert float(usage.billed_s) / SECONDS_PER_MONTH == pytest.approx(billed, rel=0.08)


@pytest.mark.parametrize("kept", [1, 3, 6])
def test_kept_instances_serve_first(kept: int) -> None:
    """Erlang's formula gives their share of the requests exactly, whatever the durations are."""
    seen = Simulation([10.0], equal(0.4), 1, 60, kept=kept).run()
    usage = packing.usage(month([10.0]), option(1, kept), Scaling("request", keep_s=60), Timing(400, 400, 0, ""))
    share = float(usage.kept_active_s / (usage.kept_active_s + usage.billed_s))
    assert share == pytest.approx(seen.kept_requests / seen.requests, abs=0.01)
    assert usage.kept_active_s + usage.kept_idle_s == kept * SECONDS_PER_MONTH


def test_a_kept_instance_idles_only_while_there_is_no_other() -> None:
    seen = Simulation([0.3], equal(1.0), 2, 20, kept=1, hour_s=1e5).run()
    usage = packing.usage(month([0.3]), option(2, 1), Scaling("instance", keep_s=20), Timing(1000, 1000, 0, ""))
    moments = sorted([(at, step) for start, end in seen.kept_works + seen.lives for at, step in ((start, 1), (end, -1))])
    active, open_pieces, before = 0.0, 0, 0.0
    for at, step in moments:
        active += (at - before) * (open_pieces > 0)
        open_pieces, before = open_pieces + step, at
    assert float(usage.kept_active_s) / SECONDS_PER_MONTH == pytest.approx(active / 1e5, rel=0.05)


def test_a_week_with_nights_and_a_weekend() -> None:
    """Hours are packed one by one: the ramp between them costs cold starts, and instances that are kept after it."""
    shape = parse({"peak_hour": 14, "width_h": 14, "night": 0.02, "weekend": 0.3})
    rates = [0.2 * part for part in shape]
    seen = Simulation(rates, exponential(1.5), 2, 300, 3.0).run()
    timing = Timing(1500, 1500, 3000, "")
    workload = month(rates)
    weeks = HOURS_PER_MONTH / HOURS_PER_WEEK
    active = packing.usage(workload, option(2), Scaling("active", keep_s=300), timing)
    assert float(active.billed_s) == pytest.approx(seen.billed_s(seen.works) * weeks, rel=0.05)
    living = packing.usage(workload, option(2), Scaling("instance", keep_s=300), timing)
    assert float(living.billed_s) == pytest.approx(seen.billed_s(seen.lives) * weeks, rel=0.05)
    assert float(living.cold_starts) == pytest.approx(seen.cold * weeks, rel=0.15)
    # An average rate instead of the curve is far off: this is why hours are packed one by one.
    even = packing.usage(Workload(workload.requests), option(2), Scaling("instance", keep_s=300), timing)
    assert float(even.billed_s) > 1.15 * seen.billed_s(seen.lives) * weeks
