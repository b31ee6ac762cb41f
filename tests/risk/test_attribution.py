import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xlplugin.errors import DomainError, InputError, ShapeError, WordError
from xlplugin.risk.attribution import (
    brinson,
    cash_drag,
    currency_attribution,
    factor_attribution,
    linked_effects,
    tracking_difference_items,
)

seeds = st.integers(0, 10**6)


def sectors(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 8))
    weights = rng.dirichlet(np.ones(n)), rng.dirichlet(np.ones(n))
    return *weights, rng.normal(0, 0.1, n), rng.normal(0, 0.1, n)


@settings(deadline=None)
@given(seeds, st.sampled_from(["FACHLER", "BHB"]))
def test_the_three_effects_sum_to_the_return_gap(seed, model):
    wp, wb, rp, rb = sectors(seed)
    rows = brinson(wp, wb, rp, rb, model)
    assert rows[-1].total == pytest.approx(wp @ rp - wb @ rb, abs=1e-14)
    for name in ("allocation", "selection", "interaction", "total"):
        assert sum(getattr(row, name) for row in rows[:-1]) == pytest.approx(
            getattr(rows[-1], name), abs=1e-14
        )


@settings(deadline=None)
@given(seeds)
def test_holding_the_index_sectors_leaves_selection_only(seed):
    _, wb, rp, rb = sectors(seed)
    total = brinson(wb, wb, rp, rb)[-1]
    assert (total.allocation, total.interaction) == (0.0, 0.0)


def test_a_sector_that_earns_what_the_index_earns_has_no_allocation_effect_under_fachler():
    # One sector at the return of the whole index: over- or underweighting it is neutral.
    rows = brinson(np.array([0.7, 0.3]), np.array([0.5, 0.5]), np.array([0.1, 0.1]), np.array([0.1, 0.1]))
    assert rows[-1].allocation == pytest.approx(0.0, abs=1e-17)


@settings(deadline=None)
@given(seeds, st.integers(1, 24))
def test_linked_effects_sum_exactly_to_the_gap_of_the_compounded_returns(seed, periods):
    rng = np.random.default_rng(seed)
    rp, rb = rng.uniform(-0.2, 0.2, periods), rng.uniform(-0.2, 0.2, periods)
    rb[rng.random(periods) < 0.2] = 0.0
    rp[0] = rb[0]  # a month without a gap: the limit of the coefficient
    split = rng.normal(size=(periods, 3))
    effects = np.column_stack([split, (rp - rb) - split.sum(axis=1)])
    gap = np.prod(1 + rp) - np.prod(1 + rb)
    assert linked_effects(rp, rb, effects).sum() == pytest.approx(gap, abs=1e-12)


def test_months_that_are_nearly_equal_link_as_well_as_equal_ones():
    rp = np.array([0.01, 0.02])
    close = linked_effects(rp, rp + np.array([1e-15, -1e-15]), np.ones((2, 1)))
    equal = linked_effects(rp, rp, np.ones((2, 1)))
    assert close == pytest.approx(equal, rel=1e-12)


def test_one_period_is_its_own_link():
    assert linked_effects(
        np.array([0.1]), np.array([0.2]), np.array([[0.3, -0.4]])
    ).tolist() == pytest.approx([0.3, -0.4])


items = st.dictionaries(
    st.sampled_from(["ter", "other", "execution", "dividend", "hedge", "lending", "cash", "sampling"]),
    st.floats(-0.05, 0.05),
    max_size=8,
)


@settings(deadline=None)
@given(items, st.floats(-0.1, 0.1))
def test_items_and_residual_sum_to_the_tracking_difference(given_items, total):
    rows = tracking_difference_items(given_items, total)
    *parts, (last, value, _) = rows
    assert (last, value) == ("total", total)
    assert sum(part for _, part, _ in parts) == pytest.approx(total, abs=1e-15)
    assert [item for item, _, _ in parts] == [*given_items, "residual"]
    for item, part, share in parts:
        if item in ("ter", "other", "execution", "dividend", "hedge"):
            assert part == -given_items[item]
        if total:
            assert share == pytest.approx(part / total)


def test_without_a_difference_there_are_no_shares():
    assert all(
        share is None for _, _, share in tracking_difference_items({"ter": 0.001, "lending": 0.001}, 0.0)
    )


def test_an_unknown_item_is_refused_with_the_list_of_known_ones():
    with pytest.raises(InputError, match="'fees' is not known; use ter"):
        tracking_difference_items({"fees": 0.1}, 0.0)


@settings(deadline=None)
@given(seeds)
def test_without_a_hedge_the_parts_compound_to_the_home_return(seed):
    rng = np.random.default_rng(seed)
    w, r, e = rng.dirichlet(np.ones(3)), rng.normal(0, 0.1, 3), rng.normal(0, 0.1, 3)
    rows = currency_attribution(w, r, e)
    assert rows[-1].total == pytest.approx(w @ ((1 + r) * (1 + e) - 1))
    assert rows[-1].hedge == 0.0


def test_a_full_hedge_leaves_the_local_return_the_cross_term_and_the_cost():
    # By hand: 0.08 local, -0.05 currency, cost 0.04: 0.08 - 0.05*1.08 + 0.05 - 0.04 = 0.036.
    assert currency_attribution(np.ones(1), np.array([0.08]), np.array([-0.05]), 1, 0.04)[
        -1
    ].total == pytest.approx(0.036)


@settings(deadline=None)
@given(seeds)
def test_factor_and_specific_parts_sum_to_the_active_return(seed):
    rng = np.random.default_rng(seed)
    n, k = 9, 3
    exposures, f, u, a = rng.normal(size=(n, k)), rng.normal(size=k), rng.normal(size=n), rng.normal(size=n)
    parts = factor_attribution(exposures.T @ a, f, a, u)
    assert parts[-1] == pytest.approx(a @ (exposures @ f + u))
    assert parts[:-1].sum() == pytest.approx(parts[-1])


def test_cash_helps_when_the_index_falls():
    assert cash_drag(0.02, -0.10, 0.0) > 0
    assert cash_drag([0.02, 0.0], 0.1, 0.0).tolist() == pytest.approx([-0.002, 0.0])


@pytest.mark.parametrize(
    ("error", "call"),
    [
        (ShapeError, lambda: brinson(np.ones(2), np.ones(2), np.ones(2), np.ones(3))),
        (WordError, lambda: brinson(np.ones(1), np.ones(1), np.ones(1), np.ones(1), "OTHER")),
        (ShapeError, lambda: linked_effects(np.ones(2), np.ones(2), np.ones((3, 1)))),
        (DomainError, lambda: linked_effects(np.array([-1.0]), np.array([0.0]), np.ones((1, 1)))),
        (ShapeError, lambda: factor_attribution(np.ones(2), np.ones(3), np.ones(1), np.ones(1))),
        (ShapeError, lambda: currency_attribution(np.ones(2), np.ones(2), np.ones(2), np.ones(3))),
    ],
)
def test_inputs_outside_their_domain_are_refused(error, call):
    with pytest.raises(error):
        call()
