"""Scales, ticks and labels of plots."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mldeploy.drawing import scale, svg


@given(st.floats(1e-3, 1e5), st.floats(1, 1e4))
def test_ticks_enclose_the_values(low: float, ratio: float) -> None:
    found = scale.ticks(low, low * ratio)
    assert found == sorted(set(found))
    assert found[0] <= low
    assert found[-1] >= low * ratio * (1 - 1e-9)


@given(st.floats(0.1, 1e7))
def test_linear_ticks_start_at_nothing(high: float) -> None:
    found = scale.linear_ticks(high)
    assert found[0] == 0
    assert found[-1] >= high * (1 - 1e-9)
    assert 2 <= len(found) <= 7


def test_linear_ticks_of_nothing() -> None:
    assert scale.linear_ticks(0) == [0.0, 1.0]


def test_labels_at_the_curves_ends_do_not_overlap() -> None:
    labels = svg.end_labels([(50, "a", "s1"), (51, "b", "s2")], 0)
    places = [float(label.partition('y="')[2].partition('"')[0]) for label in labels]
    assert places[1] - places[0] >= 15


def test_labels_stay_above_the_bottom() -> None:
    labels = svg.end_labels([(98, "a", "s1"), (99, "b", "s2"), (100, "c", "s3")], 0, bottom=100)
    places = [float(label.partition('y="')[2].partition('"')[0]) for label in labels]
    assert places == [70, 85, 100]


@given(st.floats(1e-6, 1e6), st.floats(1.01, 1e18), st.integers(3, 12))
def test_logarithmic_ticks_stay_within_and_are_few(low: float, ratio: float, most: int) -> None:
    found = scale.log_ticks(low, low * ratio, most)
    assert found == sorted(found)
    assert len(found) <= most
    assert all(low <= value <= low * ratio for value in found)


def test_logarithmic_ticks_thin_out_evenly() -> None:
    assert scale.log_ticks(1, 100, 9) == [1, 2, 5, 10, 20, 50, 100]
    assert scale.log_ticks(1, 1e6, 9) == [1, 10, 100, 1e3, 1e4, 1e5, 1e6]
    assert scale.log_ticks(1, 1e12, 7) == [1, 1e2, 1e4, 1e6, 1e8, 1e10, 1e12]


def test_a_scale_keeps_what_is_outside_at_its_ends() -> None:
    log = scale.Scale(1, 100, 10, 30, is_log=True)
    assert [log.at(value) for value in (0, 1, 10, 100, 1000)] == [10, 10, 20, 30, 30]
    down = scale.Scale(0, 4, 100, 0)
    assert [down.at(value) for value in (-1, 1, 4)] == [100, 75, 0]
    assert scale.Scale(5, 5, 0, 10, is_log=True).at(5) == 0
