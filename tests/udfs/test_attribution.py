"""ATTRIBUTION_... as a cell sees them."""

import doctest

import pytest

import udfs.attribution
from xlplugin.errors import ErrorValue, ShapeError, WordError
from xlplugin.worksheet.calling import call
from xlplugin.worksheet.registry import load

REGISTRY = load()


def in_a_cell(name, *arguments, **options):
    return call(REGISTRY[name], *arguments, **options)


def test_the_examples_in_the_wizard_texts_run():
    assert doctest.testmod(udfs.attribution).failed == 0


def test_the_last_row_of_an_attribution_holds_the_totals():
    table = in_a_cell("ATTRIBUTION_BRINSON", [[0.6], [0.4]], [[0.5], [0.5]], [[0.1], [0.0]], [[0.08], [0.02]])
    assert table[0] == ["allocation", "selection", "interaction", "total"]
    assert table[3][3] == pytest.approx(0.6 * 0.1 - 0.5 * 0.1)


def test_links_of_several_periods_come_in_one_row():
    block = in_a_cell("ATTRIBUTION_LINK", [[0.1], [0.0]], [[0.05], [0.02]], [[0.03, 0.02], [-0.02, 0.0]])
    assert len(block) == 1
    assert sum(block[0]) == pytest.approx(1.1 - 1.05 * 1.02)
    with pytest.raises(ShapeError):
        in_a_cell("ATTRIBUTION_LINK", [[0.1]], [[0.05]], [[0.03], [0.02]])


def test_items_may_be_named_in_japanese_and_keep_their_order():
    table = in_a_cell("ATTRIBUTION_TD", [["項目", "金額"], ["貸株", 0.0001], ["信託報酬", 0.001]], -0.002)
    assert [row[0] for row in table] == ["item", "lending", "ter", "residual", "total"]
    assert table[3][1] == pytest.approx(-0.002 - 0.0001 + 0.001)


def test_a_blank_amount_stays_in_the_residual():
    table = in_a_cell("ATTRIBUTION_TD", [["ter", 0.001], ["hedge", None]], -0.002)
    assert [row[0] for row in table[1:]] == ["ter", "residual", "total"]


def test_without_a_difference_there_is_no_share():
    assert in_a_cell("ATTRIBUTION_TD", [["ter", 0.001], ["lending", 0.001]], 0)[1][2] is ErrorValue.NA


def test_an_unknown_item_is_refused():
    with pytest.raises(WordError, match="fees"):
        in_a_cell("ATTRIBUTION_TD", [["fees", 0.001]], -0.002)


def test_one_cell_or_a_column_of_cash():
    assert in_a_cell("ATTRIBUTION_CASH", 0.02, 0.1, 0.0) == [[pytest.approx(-0.002)]]
    assert in_a_cell("ATTRIBUTION_CASH", [[0.02], [0.0]], 0.1, 0.0)[1] == [pytest.approx(0.0)]


def test_an_omitted_hedge_is_none():
    table = in_a_cell("ATTRIBUTION_FX", [[1.0]], [[0.08]], [[-0.05]])
    assert table[1] == table[2]
    assert table[1][2] == 0.0
