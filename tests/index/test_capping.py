import itertools

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from xlplugin.errors import DomainError, EmptyBaseError, InfeasibleError, InputError, MissingError
from xlplugin.index.capping import (
    cap_factors,
    cap_groups,
    cap_test,
    cap_tiers,
    cap_weights,
    relative_entropy,
)

weights_of = st.lists(st.floats(0.001, 1.0), min_size=2, max_size=40).map(
    lambda values: np.array(values) / sum(values)
)
close = {"rtol": 1e-9, "atol": 1e-12}


@given(weights_of, st.floats(0.01, 1.0))
@settings(deadline=None)
def test_no_name_is_above_the_cap_and_the_weights_sum_to_one(weights, cap):
    assume(cap * len(weights) >= 1.0)
    capped = cap_weights(weights, cap)
    assert capped.sum() == pytest.approx(1.0, abs=1e-12)
    assert capped.max() <= cap + 1e-12
    assert capped.min() >= 0.0


@given(weights_of, st.floats(0.01, 1.0))
@settings(deadline=None)
def test_capping_again_changes_nothing(weights, cap):
    assume(cap * len(weights) >= 1.0)
    once = cap_weights(weights, cap)
    np.testing.assert_allclose(cap_weights(once, cap), once, **close)


@given(weights_of, st.floats(0.02, 1.0), st.randoms())
@settings(deadline=None)
def test_the_order_of_the_rows_does_not_matter_when_capping(weights, cap, random):
    assume(cap * len(weights) >= 1.0)
    order = list(range(len(weights)))
    random.shuffle(order)
    assert cap_weights(weights[order], cap).tolist() == cap_weights(weights, cap)[order].tolist()


@given(weights_of, st.floats(0.02, 1.0))
@settings(deadline=None)
def test_uncapped_names_keep_the_ratios_of_the_parent(weights, cap):
    assume(cap * len(weights) >= 1.0)
    capped = cap_weights(weights, cap)
    free = capped < cap - 1e-9
    ratio = capped[free] / weights[free]
    assert ratio.size == 0 or ratio.max() - ratio.min() <= 1e-9 * ratio.max()


@given(weights_of, st.floats(0.02, 1.0))
@settings(deadline=None)
def test_freezing_name_by_name_ends_at_the_same_weights(weights, cap):
    """An independent version: freeze what exceeds, scale the rest, repeat."""
    assume(cap * len(weights) >= 1.0 + 1e-9)
    frozen = np.zeros(len(weights), dtype=bool)
    slow = np.array(weights)
    for _ in range(len(weights) + 1):
        breach = (slow > cap) & ~frozen
        if not breach.any():
            break
        frozen |= breach
        slow[frozen] = cap
        slow[~frozen] = weights[~frozen] / weights[~frozen].sum() * (1.0 - cap * frozen.sum())
    np.testing.assert_allclose(cap_weights(weights, cap), slow, rtol=1e-9, atol=1e-11)


def test_caps_that_cannot_hold_the_index_are_refused_with_their_sum():
    with pytest.raises(InfeasibleError, match=r"sum to 0\.9"):
        cap_weights(np.array([0.5, 0.3, 0.2]), 0.3)


def test_a_name_without_weight_gives_no_room_under_the_caps():
    with pytest.raises(InfeasibleError, match="less than 1"):
        cap_weights(np.array([0.6, 0.4, 0.0]), 0.4)


def test_share_lines_of_one_issuer_share_its_cap_in_proportion():
    # A and a are one issuer of 0.6; capped at 0.5 its lines keep 2 to 1: 1/3 and 1/6.
    capped = cap_weights(np.array([0.4, 0.2, 0.4]), 0.5, ["A", "A", "B"])
    np.testing.assert_allclose(capped, [1 / 3, 1 / 6, 0.5], **close)


def test_a_blank_issuer_is_an_issuer_of_its_own():
    capped = cap_weights(np.array([0.4, 0.4, 0.2]), 0.4, ["", "", "C"])
    np.testing.assert_allclose(capped, [0.4, 0.4, 0.2], **close)


def test_two_lines_of_one_issuer_with_different_caps_are_refused():
    with pytest.raises(InputError, match="row 2"):
        cap_weights(np.array([0.5, 0.3, 0.2]), np.array([0.5, 0.4, 1.0]), ["A", "A", "B"])


def test_a_missing_weight_is_not_zero():
    with pytest.raises(MissingError, match="row 2"):
        cap_weights(np.array([0.5, np.nan]), 0.6)


def test_a_negative_cap_is_refused():
    with pytest.raises(DomainError):
        cap_weights(np.array([0.5, 0.5]), np.array([-0.1, 1.0]))


# -- two tiers -----------------------------------------------------------------------------------

small = st.lists(st.integers(1, 60), min_size=3, max_size=7).map(lambda v: np.array(v) / sum(v))
limits = st.tuples(
    st.sampled_from([0.2, 0.3, 0.4, 0.5]),
    st.sampled_from([0.05, 0.1, 0.15, 0.2]),
    st.sampled_from([0.3, 0.4, 0.5, 0.6, 0.8]),
)


def brute_force(weights, single, threshold, aggregate):
    """The nearest weights over every set of large issuers, solved by an independent optimiser."""
    from scipy.optimize import linprog, minimize

    n, best = len(weights), None
    for large in itertools.chain.from_iterable(itertools.combinations(range(n), k) for k in range(n + 1)):
        cap = np.array([single if i in large else min(threshold, single) for i in range(n)])
        rows = np.array([[1.0 if i in large else 0.0 for i in range(n)]])
        feasible = linprog(
            np.zeros(n),
            A_ub=rows,
            b_ub=[aggregate],
            A_eq=np.ones((1, n)),
            b_eq=[1],
            bounds=[(0.0, c) for c in cap],
        )
        if feasible.status != 0:
            continue
        found = minimize(
            lambda x: np.sum(x * np.log(np.maximum(x, 1e-300) / weights)),
            np.maximum(feasible.x, 1e-9),
            jac=lambda x: np.log(np.maximum(x, 1e-300) / weights) + 1.0,
            bounds=[(1e-12, c) for c in cap],
            constraints=[
                {"type": "eq", "fun": lambda x: x.sum() - 1.0, "jac": lambda x: np.ones(n)},
                {
                    "type": "ineq",
                    "fun": lambda x, r=rows[0]: aggregate - r @ x,
                    "jac": lambda x, r=rows[0]: -r,
                },
            ],
            method="SLSQP",
            options={"maxiter": 400, "ftol": 1e-13},
        )
        value = (
            found.fun
            if found.success
            else np.sum(feasible.x * np.log(np.maximum(feasible.x, 1e-300) / weights))
        )
        best = value if best is None else min(best, value)
    return best


@given(small, limits)
@settings(deadline=None, max_examples=40)
def test_two_tiers_are_solved_whenever_any_weights_respect_them(weights, rule):
    single, threshold, _ = rule
    assume(threshold <= single)
    nearest = brute_force(weights, *rule)
    if nearest is None:
        with pytest.raises(InfeasibleError, match="aggregate"):
            cap_tiers(weights, *rule)
        return
    capped = cap_tiers(weights, *rule)
    assert all(test.passed for test in cap_test(capped, *rule))
    # Least relative entropy: no set of large issuers, however chosen, comes nearer to the parent.
    assert relative_entropy(capped, weights) <= nearest + 1e-6


@given(weights_of, limits)
@settings(deadline=None)
def test_two_tiers_hold_keep_the_order_and_are_idempotent(weights, rule):
    try:
        capped = cap_tiers(weights, *rule)
    except InfeasibleError:
        return
    assert all(test.passed for test in cap_test(capped, *rule))
    order = np.argsort(-weights, kind="stable")
    assert (np.diff(capped[order]) <= 1e-12).all()
    np.testing.assert_allclose(cap_tiers(capped, *rule), capped, rtol=1e-8, atol=1e-10)


@given(weights_of, limits, st.randoms())
@settings(deadline=None)
def test_the_order_of_the_rows_does_not_matter_for_two_tiers(weights, rule, random):
    order = list(range(len(weights)))
    random.shuffle(order)
    try:
        capped = cap_tiers(weights, *rule)
    except InfeasibleError:
        return
    # Equal issuers are told apart by their row, so only the list of weights is the same then.
    again = np.sort(cap_tiers(weights[order], *rule))
    np.testing.assert_allclose(again, np.sort(capped), rtol=1e-12, atol=1e-15)


def test_an_issuer_exactly_at_the_threshold_is_not_large():
    weights = np.array([0.05] * 20)
    assert cap_tiers(weights, 0.10, 0.05, 0.40).tolist() == pytest.approx(weights.tolist())


def test_an_infeasible_rule_names_the_smallest_aggregate_that_would_do():
    # 10 issuers: with k large ones, 1 - (10 - k) * 0.05 must fit into k * 0.10, so k = 10 and 1.0.
    with pytest.raises(InfeasibleError, match="smallest aggregate that can hold is 1"):
        cap_tiers(np.full(10, 0.1), 0.10, 0.05, 0.40)


def test_the_select_sector_mechanism_leaves_a_compliant_list_alone():
    weights = np.array([0.20, 0.18] + [0.031] * 20)
    capped = cap_tiers(weights, 0.23, 0.048, 0.50, target=0.45, low=0.045, trigger=0.24)
    np.testing.assert_allclose(capped, weights, **close)


def test_the_select_sector_mechanism_is_idempotent():
    weights = np.array([0.28, 0.26, 0.22] + [0.01] * 24)
    rule = {"target": 0.45, "low": 0.045, "trigger": 0.24}
    once = cap_tiers(weights, 0.23, 0.048, 0.50, **rule)
    np.testing.assert_allclose(cap_tiers(once, 0.23, 0.048, 0.50, **rule), once, **close)


def test_the_select_sector_mechanism_says_what_the_low_tier_can_hold():
    with pytest.raises(InfeasibleError, match=r"largest low tier they can hold is 0\.09"):
        cap_tiers(np.array([0.4, 0.4, 0.1, 0.1]), 0.5, 0.2, 0.5, target=0.45, low=0.045)


def test_a_trigger_without_the_mechanism_is_refused():
    with pytest.raises(InputError, match="give target as well"):
        cap_tiers(np.array([0.5, 0.5]), 0.5, 0.5, 1.0, trigger=0.6)


def test_a_low_tier_above_the_threshold_is_refused():
    with pytest.raises(DomainError, match="low"):
        cap_tiers(np.array([0.5, 0.5]), 0.5, 0.05, 1.0, low=0.2)


# -- groups --------------------------------------------------------------------------------------


@given(
    st.lists(st.tuples(st.floats(0.01, 1.0), st.sampled_from("ABC")), min_size=3, max_size=15),
    st.floats(0.3, 1.0),
    st.floats(0.15, 1.0),
)
@settings(deadline=None, max_examples=25)
@pytest.mark.filterwarnings("ignore:Solution may be inaccurate")  # it is still a bound
def test_group_caps_give_the_weights_of_least_entropy(rows, group_cap, cap):
    import cvxpy as cp

    weights = np.array([w for w, _ in rows])
    weights /= weights.sum()
    groups = [g for _, g in rows]
    names = sorted(set(groups))
    room = sum(min(group_cap, cap * groups.count(g)) for g in names)
    assume(abs(room - 1.0) > 1e-3)
    if room < 1.0:
        with pytest.raises(InfeasibleError, match="together can hold"):
            cap_groups(weights, groups, group_cap, cap)
        return
    capped = cap_groups(weights, groups, group_cap, cap)
    x = cp.Variable(len(weights))
    sums = [cp.sum(x[[i for i, g in enumerate(groups) if g == name]]) <= group_cap for name in names]
    problem = cp.Problem(cp.Minimize(cp.sum(cp.rel_entr(x, weights))), [cp.sum(x) == 1, x <= cap, *sums])
    problem.solve(solver=cp.CLARABEL)
    # Ours holds every cap and is at least as near to the parent; so nothing is better.
    assert capped.max() <= cap + 1e-12
    assert all(capped[[g == name for g in groups]].sum() <= group_cap + 1e-12 for name in names)
    assert relative_entropy(capped, weights) <= problem.value + 1e-7
    np.testing.assert_allclose(cap_groups(capped, groups, group_cap, cap), capped, rtol=1e-9, atol=1e-11)


def test_a_group_that_is_not_listed_has_no_cap():
    capped = cap_groups(np.array([0.6, 0.2, 0.2]), ["A", "B", "B"], {"A": 0.4})
    np.testing.assert_allclose(capped, [0.4, 0.3, 0.3], **close)


def test_a_table_of_caps_for_no_group_at_all_is_refused():
    with pytest.raises(InputError, match="no row belongs to X"):
        cap_groups(np.array([0.5, 0.5]), ["A", "B"], {"X": 0.4})


def test_a_name_without_a_group_is_refused_with_its_row():
    with pytest.raises(MissingError, match="row 2"):
        cap_groups(np.array([0.5, 0.5]), ["A", ""], 0.6)


def test_factors_turn_the_parent_into_the_capped_weights():
    parent = np.array([0.6, 0.3, 0.1])
    capped = cap_weights(parent, 0.5)
    factors = cap_factors(parent, capped)
    assert factors.max() == 1.0
    np.testing.assert_allclose(parent * factors / (parent * factors).sum(), capped, **close)


def test_a_name_without_parent_weight_has_no_factor():
    with pytest.raises(EmptyBaseError, match="row 2"):
        cap_factors(np.array([1.0, 0.0]), np.array([0.5, 0.5]))


def test_a_breach_is_reported_by_the_rule_that_is_broken():
    # Issuer A holds 0.12 + 0.03: above single 0.10, and 0.15 + 0.09 large together.
    tests = cap_test(np.array([0.12, 0.03, 0.09, 0.76]), 0.8, 0.05, 0.9, ["A", "A", "B", "C"])
    assert [(t.rule, t.passed) for t in tests] == [
        ("SUM", True),
        ("SINGLE", True),
        ("AGGREGATE", False),
        ("COUNT_ABOVE", True),
    ]
    assert tests[3].actual == 3.0
