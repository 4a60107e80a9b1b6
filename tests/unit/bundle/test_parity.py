"""The verdicts on arrays."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mldeploy.bundle import parity

floats = hnp.arrays(np.float32, hnp.array_shapes(max_dims=3, max_side=4), elements=st.floats(-1e3, 1e3, width=32))


@given(floats)
def test_anything_equals_itself(array):
    found = parity.compare("y", array, array.copy())
    assert found.is_within
    assert found.largest == 0.0


@given(floats.filter(lambda a: a.size > 0), st.floats(1e4, 1e6))
def test_a_large_change_of_one_number_is_found_where_it_is(array, change):
    other = array.copy()
    other.flat[-1] += np.float32(change)
    found = parity.compare("y", array, other)
    assert not found.is_within
    assert found.where.startswith("y[")


def test_nan_and_infinity_must_stand_in_the_same_places():
    a = np.array([np.nan, np.inf, -np.inf, 1.0])
    assert parity.compare("y", a, a.copy()).is_within
    for bad in ([0.0, np.inf, -np.inf, 1.0], [np.nan, -np.inf, -np.inf, 1.0], [np.nan, np.inf, -np.inf, np.nan]):
        assert parity.compare("y", a, np.array(bad)).largest == np.inf


def test_shapes_strings_and_empties():
    assert "shape [3], expected [2]" in parity.compare("y", np.zeros(2), np.zeros(3)).where
    assert parity.compare("y", np.zeros((0, 2)), np.zeros((0, 2))).is_within
    words = np.array(["a", "b"], dtype=object)
    assert parity.compare("y", words, words.copy()).is_within
    assert parity.compare("y", words, np.array(["a", "c"], dtype=object)).where == "y[1]"


def test_tolerances():
    reference = np.array([0.0, 100.0])
    assert parity.tolerance(reference) == 0.1
    assert parity.tolerance(np.ones(3)) == parity.ABSOLUTE
    assert parity.tolerance(reference, given=0.5) == 0.5
    assert parity.tolerance(reference.astype(np.float16)) == 0.4
    assert parity.tolerance(np.array([np.nan])) == parity.ABSOLUTE


def test_the_worst_is_the_one_that_exceeds():
    within, beyond = parity.Difference(5.0, 10.0), parity.Difference(1.0, 0.1)
    assert parity.worst([within, beyond]) is beyond
    assert parity.worst([]).is_within


def test_classes_may_differ_where_the_reference_is_undecided():
    reference, got = np.array(["a", "b", "a"]), np.array(["b", "b", "b"])
    scores = np.array([[0.5, 0.50001], [0.1, 0.9], [0.9, 0.1]])
    assert parity.differing_classes(reference, got, scores, 1e-4).tolist() == [2]
    assert parity.differing_classes(reference, got, None, 1e-4).tolist() == [0, 2]
    assert parity.differing_classes(reference, got, np.zeros(3), 1e-4).tolist() == [0, 2]


def test_constant():
    assert parity.is_constant(np.ones((3, 2)))
    assert not parity.is_constant(np.ones((1, 2)))
    assert not parity.is_constant(np.array([[1, 2], [1, 3]]))
    assert not parity.is_constant(np.array(1.0))


class TestTopK:
    scores = np.array([[0.1, 0.7, 0.7, 0.2], [4.0, 3.0, 2.0, 1.0]], np.float32)

    def test_ties_may_stand_in_either_order(self):
        for first in ([1, 2], [2, 1]):
            found = parity.top_k_difference(
                self.scores, np.array([first, [0, 1]]), np.array([[0.7, 0.7], [4, 3]], np.float32), 2
            )
            assert found.is_within

    def test_a_wrong_index_is_found(self):
        found = parity.top_k_difference(self.scores, np.array([[1, 3], [0, 1]]), np.array([[0.7, 0.7], [4, 3]], np.float32), 2)
        assert not found.is_within
        assert found.where == "indices[0, 1]"

    def test_a_class_twice(self):
        found = parity.top_k_difference(self.scores, np.array([[1, 1], [0, 1]]), np.array([[0.7, 0.7], [4, 3]], np.float32), 2)
        assert found.where == "indices: a class appears twice"

    def test_another_shape(self):
        found = parity.top_k_difference(self.scores, np.array([[1], [0]]), np.array([[0.7], [4]], np.float32), 2)
        assert found.largest == np.inf
