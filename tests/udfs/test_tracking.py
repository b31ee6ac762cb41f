"""TRACKING_... and ACTIVE_SHARE as a cell sees them."""

import datetime as dt
import doctest

import pytest

import udfs.tracking
from xlplugin.errors import (
    DomainError,
    EmptyBaseError,
    ErrorValue,
    InputError,
    MissingError,
    PassedOnError,
    ShapeError,
    WordError,
)
from xlplugin.worksheet.calling import call
from xlplugin.worksheet.registry import load

REGISTRY = load()
NA = ErrorValue.NA
RISK = [[0.04, 0.018, 0.012], [0.018, 0.0625, 0.015], [0.012, 0.015, 0.09]]
W, B = [[0.5], [0.5], [0.0]], [[0.4], [0.4], [0.2]]


def in_a_cell(name, *arguments, **options):
    return call(REGISTRY[name], *arguments, **options)


def test_the_examples_in_the_wizard_texts_run():
    assert doctest.testmod(udfs.tracking).failed == 0


def test_a_row_and_a_column_of_returns_give_the_same():
    column, row = [[0.01], [-0.02], [0.015]], [[0.01, -0.02, 0.015]]
    assert in_a_cell("TRACKING_ERROR", column, row) == [[0.0]]


def test_method_words_are_understood_in_japanese_and_in_any_case():
    p, b = [[0.01], [-0.02], [0.015]], [[0.0], [0.0], [0.0]]
    assert in_a_cell("TRACKING_ERROR", p, b, 12, "二乗平均") == in_a_cell("TRACKING_ERROR", p, b, 12, "rms")
    assert in_a_cell("TRACKING_DIFFERENCE", p, b, 12, "全期間") == in_a_cell(
        "TRACKING_DIFFERENCE", p, b, 12, "TOTAL"
    )


def test_an_omitted_frequency_is_monthly():
    p, b = [[0.01], [-0.02], [0.015]], [[0.0], [0.01], [0.0]]
    assert in_a_cell("TRACKING_ERROR", p, b) == in_a_cell("TRACKING_ERROR", p, b, None, None)
    assert in_a_cell("TRACKING_ERROR", p, b) == in_a_cell("TRACKING_ERROR", p, b, 12, "STD")


def test_a_blank_return_is_not_zero():
    with pytest.raises(MissingError, match="row 2 is blank"):
        in_a_cell("TRACKING_ERROR", [[0.01], [None]], [[0.0], [0.0]])


def test_an_error_among_the_returns_is_handed_on():
    with pytest.raises(PassedOnError) as caught:
        in_a_cell("TRACKING_ERROR", [[0.01], ["#DIV/0!"]], [[0.0], [0.0]])
    assert caught.value.cell_error is ErrorValue.DIV0


def test_lists_of_two_lengths_and_unknown_words_are_refused():
    with pytest.raises(ShapeError, match="index: expected 2, got 3"):
        in_a_cell("TRACKING_DIFFERENCE", [[0.0]] * 2, [[0.0]] * 3)
    with pytest.raises(WordError, match="STD, POP, RMS, RESID"):
        in_a_cell("TRACKING_ERROR", [[0.0]] * 2, [[0.0]] * 2, 12, "MAD")


def test_the_table_has_four_rows_and_blanks_where_the_history_is_short():
    days = [[dt.date(2025 + k // 12, k % 12 + 1, 28)] for k in range(14)]
    levels = [[100.0 + k] for k in range(14)]
    table = in_a_cell("TRACKING_TABLE", days, levels, levels)
    assert [row[0] for row in table] == ["period", "1Y", "3Y", "5Y", "SINCE"]
    assert table[1][3] == 0.0
    assert table[2][1:] == [NA] * 5
    assert in_a_cell("TRACKING_TABLE", days, levels, levels, titles="ja")[0][0] == "期間"


def test_dates_may_be_serial_numbers_of_the_sheet():
    days = [[46022.0], [46053.0], [46081.0]]  # 2025-12-31, 2026-01-31, 2026-02-28
    table = in_a_cell("TRACKING_TABLE", days, [[1.0], [1.1], [1.2]], [[1.0], [1.0], [1.0]])
    assert table[4][1] > 0


def test_a_model_is_a_covariance_or_the_whole_factor_form():
    exposures, factors, specific = [[1.0], [1.0], [1.0]], [[0.04]], [[0.01], [0.02], [0.03]]
    full = [[0.05, 0.04, 0.04], [0.04, 0.06, 0.04], [0.04, 0.04, 0.07]]
    [[by_factors]] = in_a_cell("TRACKING_RISK", W, B, None, exposures, factors, specific)
    [[by_matrix]] = in_a_cell("TRACKING_RISK", W, B, full)
    assert by_factors == pytest.approx(by_matrix)
    with pytest.raises(InputError, match="no risk model"):
        in_a_cell("TRACKING_RISK", W, B)
    with pytest.raises(InputError, match="no risk model"):
        in_a_cell("TRACKING_RISK", W, B, None, exposures)
    with pytest.raises(InputError, match="factor form"):
        in_a_cell("TRACKING_RISK", W, B, full, None, None, None, "FACTOR")


def test_groups_come_in_order_of_first_appearance_and_may_cancel():
    table = in_a_cell("TRACKING_CONTRIBUTION", [[0.5], [0.3], [0.2]], B, RISK, [["z"], ["z"], ["a"]])
    assert len(table) == 3
    assert table[1][0] == pytest.approx(0.0)
    assert table[1][1] is NA
    with pytest.raises(EmptyBaseError):
        in_a_cell("TRACKING_CONTRIBUTION", B, B, RISK)


def test_an_optimised_refill_never_costs_more_than_pro_rata():
    flags = [["○"], ["×"], [None]]
    prorata = in_a_cell("TRACKING_EXCLUSION", B, flags, RISK)
    optimized = in_a_cell("TRACKING_EXCLUSION", B, flags, RISK, "最適化")
    assert optimized[1][0] < prorata[1][0]
    assert optimized[2] == [0.0, 0.0]
    # By hand: names 2 and 3 alone; at the optimum the slope S a is equal for both.
    assert optimized[1][0] == pytest.approx(0.0915, abs=2e-4)


def test_the_first_rows_of_a_rolling_figure_are_not_available():
    rolled = in_a_cell("TRACKING_ROLLING", [[0.01], [0.02], [0.01]], [[0.0]] * 3, 2)
    assert rolled[0] == [NA]
    assert rolled[1][0] > 0
    with pytest.raises(DomainError):
        in_a_cell("TRACKING_ROLLING", [[0.01], [0.02]], [[0.0]] * 2, 1)


def test_one_forecast_serves_all_periods():
    active = [[0.001], [-0.002], [0.0015]]
    assert in_a_cell("TRACKING_BIAS", active, 0.0015) == in_a_cell("TRACKING_BIAS", active, [[0.0015]] * 3)


def test_a_covariance_above_the_size_of_a_sheet_is_refused_with_advice():
    n = 801
    weights = [[1.0 / n]] * n
    matrix = [[0.04 if i == j else 0.0 for j in range(n)] for i in range(n)]
    with pytest.raises(InputError, match=r"at most 800 x 800\. Give the factor form"):
        in_a_cell("TRACKING_RISK", weights, weights, matrix)


def test_the_factor_form_has_no_such_limit():
    n = 1000
    weights, index = [[2.0 / n]] * (n // 2) + [[0.0]] * (n // 2), [[1.0 / n]] * n
    [[risk]] = in_a_cell("TRACKING_RISK", weights, index, None, [[1.0]] * n, [[0.04]], [[0.09]] * n)
    assert risk == pytest.approx((n * (1 / n) ** 2 * 0.09) ** 0.5)


def test_no_active_weight_is_no_active_share():
    assert in_a_cell("ACTIVE_SHARE", B, B) == [[0.0]]
