import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xlplugin.engines.replication.cells import allocate, cell_table
from xlplugin.engines.replication.request import METHODS, ReplicationRequest
from xlplugin.errors import DomainError, InfeasibleError, ShapeError

STRATIFIED = METHODS["stratified"]

cells = st.lists(st.tuples(st.floats(0.001, 1), st.integers(1, 9)), min_size=1, max_size=8)


@settings(deadline=None)
@given(cells, st.integers(0, 40))
def test_every_cell_gets_one_name_at_least_and_what_it_holds_at_most(table, extra):
    weights, names = zip(*table, strict=True)
    count = len(table) + extra
    given_out = allocate(weights, names, count)
    assert all(1 <= got <= held for got, held in zip(given_out, names, strict=True))
    assert sum(given_out) == min(count, sum(names))


@settings(deadline=None)
@given(st.lists(st.integers(1, 20), min_size=2, max_size=6))
def test_whole_quotas_are_given_out_as_they_are(shares):
    assert allocate([share / sum(shares) for share in shares], [100] * len(shares), sum(shares)) == shares


def test_the_largest_remainder_gets_the_odd_name():
    # Quotas 3.5, 2.1, 1.4 of 7: whole parts 3, 2, 1; the name left over goes to the remainder of 0.5.
    assert allocate([0.5, 0.3, 0.2], [10, 10, 10], 7) == [4, 2, 1]


def test_too_few_names_for_the_cells_are_refused():
    with pytest.raises(DomainError, match="2 names cannot fill 3 cells"):
        allocate([0.4, 0.3, 0.3], [1, 1, 1], 2)


def test_cells_come_in_order_of_first_appearance():
    table = cell_table(np.array([0.1, 0.2, 0.3, 0.4]), ["b", "a", "b", "a"], ["L", "L", "S", "L"])
    assert [(c.group, c.size, c.members) for c in table] == [
        ("b", "L", (0,)),
        ("a", "L", (1, 3)),
        ("b", "S", (2,)),
    ]
    with pytest.raises(ShapeError):
        cell_table(np.ones(2), ["a"])


def stratified(benchmark, cell, count, **limits):
    return STRATIFIED.weights(ReplicationRequest(np.array(benchmark), count, cells=cell, **limits))


def test_each_cell_keeps_its_index_weight_on_its_largest_names():
    weights = stratified([0.2, 0.3, 0.1, 0.4], ("a", "a", "b", "b"), 2)
    assert weights.tolist() == pytest.approx([0.0, 0.5, 0.0, 0.5])


def test_with_fewer_names_than_cells_the_smallest_joins_its_sector():
    # a|S (5 %) is the smallest cell: it joins a|L, although b|L (25 %) is smaller than a|L (70 %).
    weights = stratified([0.4, 0.3, 0.05, 0.25], ("a|L", "a|L", "a|S", "b|L"), 2)
    assert weights.tolist() == pytest.approx([0.75, 0.0, 0.0, 0.25])


def test_a_cell_without_a_tradable_name_joins_another_of_its_sector():
    weights = stratified([0.5, 0.1, 0.4], ("a|L", "a|S", "b|L"), 3, upper=np.array([np.inf, 0.0, np.inf]))
    assert weights.tolist() == pytest.approx([0.6, 0.0, 0.4])


def test_liquidity_chooses_inside_a_cell_and_the_index_weighs():
    weights = stratified([0.3, 0.2, 0.5], ("a", "a", "b"), 2, liquidity=np.array([1.0, 9.0, 1.0]))
    assert weights.tolist() == pytest.approx([0.0, 0.5, 0.5])


def test_a_name_that_must_be_held_comes_first():
    must = np.array([False, True, False])
    assert stratified([0.3, 0.2, 0.5], ("a", "a", "b"), 2, must_hold=must).tolist() == pytest.approx(
        [0, 0.5, 0.5]
    )
    with pytest.raises(InfeasibleError, match="3 must be held"):
        stratified([0.3, 0.2, 0.5], ("a", "a", "b"), 2, must_hold=np.array([True, True, True]))


def test_what_an_upper_limit_cuts_off_goes_to_the_other_names_held():
    weights = stratified([0.6, 0.3, 0.1], ("a", "b", "c"), 3, upper=np.array([0.4, np.inf, np.inf]))
    assert weights[0] == pytest.approx(0.4)
    assert weights[1:] == pytest.approx([0.45, 0.15])


def test_equal_names_are_taken_in_row_order():
    assert np.flatnonzero(stratified([0.25] * 4, ("a",) * 4, 2)).tolist() == [0, 1]
