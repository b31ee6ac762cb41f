import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xlplugin.core.arrays import broadcast, exact_sum, same_length, square
from xlplugin.errors import InputError, ShapeError


@settings(deadline=None)
@given(st.lists(st.floats(-1e6, 1e6), min_size=2), st.randoms())
def test_a_sum_is_the_same_in_every_order(values, random):
    shuffled = values[:]
    random.shuffle(shuffled)
    assert exact_sum(values) == exact_sum(shuffled)


def test_a_scalar_is_repeated_beside_a_vector():
    a, b = broadcast(a=2.0, b=[1.0, 3.0])
    assert a.tolist() == [2.0, 2.0]
    assert b.tolist() == [1.0, 3.0]


def test_scalars_alone_stay_scalars():
    assert broadcast(a=2.0, b=1.0)[0].shape == ()


def test_vectors_of_two_lengths_are_refused_by_name():
    with pytest.raises(ShapeError, match=r"b: expected 2, got 3"):
        broadcast(a=[1.0, 2.0], b=[1.0, 2.0, 3.0])
    with pytest.raises(ShapeError, match="b:"):
        same_length(a=np.ones(2), b=np.ones(3))


def test_a_matrix_of_another_size_is_refused():
    with pytest.raises(ShapeError, match=r"expected 2 x 2, got 3 x 3"):
        square("covariance", np.eye(3), 2)


def test_an_unsymmetric_matrix_is_refused_with_the_pair_of_cells():
    with pytest.raises(InputError, match=r"row 1, column 2 holds 0\.5 but row 2, column 1 holds 0"):
        square("covariance", np.array([[1.0, 0.5], [0.0, 1.0]]))
