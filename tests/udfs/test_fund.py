"""FUND_... and CORE_SATELLITE as a cell sees them."""

import datetime as dt
import doctest

import pytest

import udfs.fund
from xlplugin.errors import DomainError, ErrorValue, MissingError, ShapeError
from xlplugin.worksheet.calling import call
from xlplugin.worksheet.explain import explain
from xlplugin.worksheet.registry import load

REGISTRY = load()
NA = ErrorValue.NA


def in_a_cell(name, *arguments, **options):
    return call(REGISTRY[name], *arguments, **options)


def test_the_examples_in_the_wizard_texts_run():
    assert doctest.testmod(udfs.fund).failed == 0


def test_a_blank_net_asset_value_is_not_available():
    with pytest.raises(MissingError, match="nav: row 2 is blank"):
        in_a_cell("FUND_TOTAL_RETURN", [[10000.0], [None]], [[0.0], [0.0]])


def test_a_return_of_capital_above_the_distribution_is_refused():
    with pytest.raises(DomainError, match="row 2: 300 is above the distribution"):
        in_a_cell("FUND_TOTAL_RETURN", [[10000.0], [9900.0]], [[0.0], [200.0]], 0.2, [[0.0], [300.0]])


def test_years_are_rows_and_an_incomplete_one_is_left_out():
    days = [[dt.date(2024, 12, 30)], [dt.date(2025, 12, 30)], [dt.date(2026, 6, 30)]]
    table = in_a_cell(
        "FUND_TRACKING", days, [[100.0], [109.4], [120.0]], [[0.0]] * 3, [[100.0], [110.0], [130.0]]
    )
    assert len(table) == 2
    assert table[1][3] == pytest.approx(-0.006)
    with pytest.raises(MissingError, match="complete calendar year"):
        in_a_cell("FUND_TRACKING", days[1:], [[1.0]] * 2, [[0.0]] * 2, [[1.0]] * 2)


def test_funds_are_ranked_in_their_groups_and_small_groups_have_no_quartile():
    td = [[-0.001], [-0.002], [-0.003], [-0.004], [-0.001]]
    table = in_a_cell("FUND_RANK", td, [["a"], ["a"], ["a"], ["a"], ["b"]])
    assert [row[2] for row in table[1:]] == [1, 2, 3, 4, NA]
    assert [row[0] for row in table[1:]] == [1, 2, 3, 4, 1]


def test_costs_are_ranked_the_other_way_round():
    cost = [[0.001], [0.002], [0.003], [0.004]]
    assert [row[2] for row in in_a_cell("FUND_RANK", cost, None, 0)[1:]] == [1, 2, 3, 4]


def test_every_decision_is_explained_in_both_languages():
    for word in ("KEEP", "WATCH", "STOP_BUYING", "REPLACE"):
        assert explain(word, "ja")
        assert explain(word, "en")


def test_a_decision_needs_three_peers_and_one_row_of_them_per_audit():
    with pytest.raises(MissingError, match="three peers"):
        in_a_cell("FUND_DECISION", [[-0.004]], [[-0.001, -0.002]])
    with pytest.raises(ShapeError):
        in_a_cell("FUND_DECISION", [[-0.004], [-0.005]], [[-0.001, -0.002, -0.003]])


def test_no_better_peer_no_break_even():
    row = in_a_cell("FUND_DECISION", [[-0.001]], [[-0.002, -0.003, -0.004]])[1]
    assert (row[0], row[4]) == ("KEEP", NA)


def test_a_mark_above_the_scale_is_refused():
    with pytest.raises(DomainError, match="the mark 6 is not between 0 and 5"):
        in_a_cell("FUND_SCORE", [[5.0], [6.0]])


def test_hedged_and_unhedged_are_each_measured_against_their_own_index():
    hedged, unhedged = [[0.01], [-0.005], [0.012]], [[0.02], [-0.03], [0.03]]
    table = in_a_cell("FUND_HEDGE", hedged, unhedged, hedged, [[0.021], [-0.03], [0.031]])
    assert table[1][3] == pytest.approx(0.0)
    assert table[2][3] < 0
    assert table[3][3] == pytest.approx(-table[2][3])
    with pytest.raises(ShapeError):
        in_a_cell("FUND_HEDGE", hedged, unhedged[:2])


def test_without_any_risk_only_the_share_is_missing():
    table = in_a_cell("CORE_SATELLITE", [[1.0]], [[0.0]], [[0.002]])
    assert table[1] == [0.0, 0.002, ErrorValue.DIV0]
