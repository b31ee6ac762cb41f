import datetime as dt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xlplugin.cost.decisions import checklist_score, core_and_satellite, switch_decision
from xlplugin.cost.funds import (
    Decision,
    inclusive_percentile,
    rank_funds,
    total_return_index,
    yearly_tracking,
)
from xlplugin.errors import DomainError, EmptyBaseError, InputError, MissingError, ShapeError

navs = st.lists(st.floats(5000, 20000), min_size=2, max_size=12)
differences = st.lists(st.floats(-0.02, 0.01).map(lambda v: round(v, 5)), min_size=1, max_size=12)


@settings(deadline=None)
@given(navs, st.floats(0, 0.5))
def test_without_distributions_the_index_is_the_net_asset_value(levels, tax):
    nav = np.array(levels)
    assert total_return_index(nav, np.zeros_like(nav), tax) == pytest.approx(nav / nav[0])


@settings(deadline=None)
@given(navs, st.data())
def test_reinvesting_is_buying_units_with_every_distribution_after_tax(levels, data):
    nav = np.array(levels)
    paid = np.array(data.draw(st.lists(st.floats(0, 500), min_size=nav.size, max_size=nav.size)))
    special = paid * data.draw(st.floats(0, 1))
    tax = data.draw(st.floats(0, 0.5))
    units = 1.0
    for row in range(1, nav.size):
        net = paid[row] - tax * (paid[row] - special[row])
        units += units * net / nav[row]
    assert total_return_index(nav, paid, tax, special)[-1] == pytest.approx(units * nav[-1] / nav[0])


def test_a_return_of_capital_is_not_taxed():
    nav, paid = np.array([10000.0, 9800.0]), np.array([0.0, 200.0])
    assert total_return_index(nav, paid, 0.2, paid)[-1] == pytest.approx(1.0)
    assert total_return_index(nav, paid, 0.2)[-1] == pytest.approx(0.996)


def test_only_complete_years_are_compared():
    days = [dt.date(2022, 11, 30), dt.date(2022, 12, 30), dt.date(2023, 6, 30), dt.date(2023, 12, 15)]
    days += [dt.date(2023, 12, 29), dt.date(2024, 6, 28)]
    nav, index = np.array([90.0, 100, 105, 108, 109.4, 120]), np.array([90.0, 100, 106, 109, 110, 130])
    [year] = yearly_tracking(days, nav, np.zeros(6), index)
    assert (year.year, round(year.difference, 9)) == (2023, -0.006)


def test_a_year_without_its_december_is_left_out_and_so_is_the_next():
    days = [dt.date(2021, 12, 30), dt.date(2022, 11, 30), dt.date(2023, 12, 29), dt.date(2024, 12, 30)]
    assert [y.year for y in yearly_tracking(days, np.ones(4), np.zeros(4), np.ones(4))] == [2024]


def test_a_date_that_stands_twice_is_refused():
    days = [dt.date(2021, 12, 30), dt.date(2022, 12, 30), dt.date(2022, 12, 30)]
    with pytest.raises(InputError, match="row 3"):
        yearly_tracking(days, np.ones(3), np.zeros(3), np.ones(3))


@settings(deadline=None)
@given(differences, st.randoms())
def test_ranks_do_not_depend_on_the_order_and_turn_round_with_the_sign(values, random):
    td = np.array(values)
    order = list(range(td.size))
    random.shuffle(order)
    once = rank_funds(td)
    assert [once[k] for k in order] == rank_funds(td[order])
    assert rank_funds(-td, higher_is_better=False) == once


@settings(deadline=None)
@given(differences)
def test_quartiles_follow_the_ranks_and_numpys_percentile(values):
    td = np.array(values)
    ranks = rank_funds(td)
    for one, value in zip(ranks, td, strict=True):
        assert one.rank == 1 + int((td > value).sum())
        if td.size < 4:
            assert one.quartile is None
            assert one.percentile is None
        else:
            edges = [np.percentile(td, share) for share in (25, 50, 75)]
            expected = 4 - sum(value > edge + 1e-15 for edge in edges)
            assert one.quartile == expected or any(abs(value - edge) < 1e-12 for edge in edges)


@settings(deadline=None)
@given(st.lists(st.floats(-10, 10), min_size=1, max_size=20), st.floats(0, 1))
def test_the_inclusive_percentile_is_numpys(values, share):
    assert inclusive_percentile(values, share) == pytest.approx(np.percentile(values, 100 * share), abs=1e-12)


def test_groups_are_ranked_apart():
    td = np.array([-0.001, -0.009, -0.002, -0.008])
    assert [one.rank for one in rank_funds(td, ["a", "b", "a", "b"])] == [1, 2, 2, 1]


PEERS = np.array([[-0.002, -0.0022, -0.003], [-0.0019, -0.0024, -0.0031]])


@pytest.mark.parametrize(
    ("history", "terms", "expected"),
    [
        ([-0.0041, -0.0042], {}, Decision.REPLACE),
        ([-0.0021, -0.0042], {}, Decision.WATCH),
        ([-0.0041, -0.0020], {}, Decision.KEEP),
        ([-0.0041, -0.0042], {"unrealised_gain": 0.5}, Decision.STOP_BUYING),
        ([-0.0041, -0.0042], {"unrealised_gain": 0.5, "tax_rate": 0.0}, Decision.REPLACE),  # NISA
        ([-0.0041, -0.0042], {"unrealised_gain": -0.5}, Decision.REPLACE),  # a loss costs no tax
        ([-0.0041, -0.0042], {"switch_cost": 0.0116}, Decision.STOP_BUYING),
    ],
)
def test_a_fund_is_replaced_only_after_two_bad_audits_and_when_it_pays(history, terms, expected):
    assert switch_decision(np.array(history), PEERS, **terms).decision is expected


def test_the_first_audit_can_only_watch():
    assert switch_decision(np.array([-0.0042]), PEERS[1:]).decision is Decision.WATCH


def test_equal_funds_are_kept_although_all_stand_in_the_last_quartile():
    done = switch_decision(np.array([-0.002, -0.002]), np.full((2, 3), -0.002))
    assert (done.decision, done.breakeven_years) == (Decision.KEEP, None)


def test_the_value_of_deferral_makes_a_switch_cheaper():
    dear = switch_decision(np.array([-0.0041, -0.0042]), PEERS, unrealised_gain=0.2)
    cheap = switch_decision(np.array([-0.0041, -0.0042]), PEERS, unrealised_gain=0.2, deferral=0.6)
    assert cheap.one_off == pytest.approx(0.4 * dear.one_off)


def test_full_marks_are_a_hundred_and_none_are_nought():
    assert checklist_score(np.full(8, 5.0)) == 100.0
    assert checklist_score(np.zeros(8), np.arange(8.0)) == 0.0


def test_the_core_alone_carries_all_its_risk():
    blend = core_and_satellite(np.array([1.0, 0.0]), np.array([0.01, 0.1]), np.array([0.001, 0.01]))
    assert blend.tracking_error == pytest.approx(0.01)
    assert blend.satellite_share == pytest.approx(0.0)


def test_perfectly_correlated_parts_add_their_tracking_errors():
    blend = core_and_satellite(
        np.array([0.5, 0.5]), np.array([0.01, 0.03]), np.array([0.0, 0.0]), np.ones((2, 2))
    )
    assert blend.tracking_error == pytest.approx(0.02)


def test_no_risk_has_no_share():
    assert core_and_satellite(np.ones(1), np.zeros(1), np.zeros(1)).satellite_share is None


@pytest.mark.parametrize(
    ("error", "call"),
    [
        (DomainError, lambda: total_return_index(np.array([1.0, 0.0]), np.zeros(2))),
        (DomainError, lambda: total_return_index(np.ones(2), np.array([0.0, -1.0]))),
        (DomainError, lambda: total_return_index(np.ones(2), np.ones(2), 0.2, np.array([0.0, 2.0]))),
        (DomainError, lambda: total_return_index(np.ones(2), np.ones(2), 20)),
        (ShapeError, lambda: total_return_index(np.ones(2), np.ones(3))),
        (ShapeError, lambda: yearly_tracking([dt.date(2024, 12, 30)], np.ones(2), np.ones(2), np.ones(2))),
        (MissingError, lambda: yearly_tracking([dt.date(2024, 12, 30)], np.ones(1), np.ones(1), np.ones(1))),
        (DomainError, lambda: yearly_tracking([dt.date(2024, 12, 30)], np.ones(1), np.ones(1), np.zeros(1))),
        (ShapeError, lambda: rank_funds(np.ones(2), ["a"])),
        (MissingError, lambda: switch_decision(np.ones(1), np.ones((1, 2)))),
        (ShapeError, lambda: switch_decision(np.ones(1), np.ones((2, 3)))),
        (DomainError, lambda: switch_decision(np.ones(1), np.ones((1, 3)), tax_rate=20)),
        (DomainError, lambda: switch_decision(np.ones(1), np.ones((1, 3)), horizon=-1)),
        (DomainError, lambda: checklist_score(np.array([6.0]))),
        (DomainError, lambda: checklist_score(np.array([1.0]), None, 0)),
        (DomainError, lambda: checklist_score(np.array([1.0]), np.array([-1.0]))),
        (EmptyBaseError, lambda: checklist_score(np.array([1.0]), np.array([0.0]))),
        (DomainError, lambda: core_and_satellite(np.ones(1), -np.ones(1), np.ones(1))),
        (DomainError, lambda: core_and_satellite(np.ones(2), np.ones(2), np.ones(2), np.full((2, 2), 2.0))),
    ],
)
def test_inputs_outside_their_domain_are_refused(error, call):
    with pytest.raises(error):
        call()
