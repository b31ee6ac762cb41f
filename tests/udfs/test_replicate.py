"""REPLICATE... as a cell sees them."""

import doctest

import pytest

import udfs.replicate
import udfs.replicate_trades
from xlplugin.errors import (
    DomainError,
    EmptyBaseError,
    ErrorValue,
    InfeasibleError,
    InputError,
    MissingError,
    NotFoundError,
    ShapeError,
    WordError,
)
from xlplugin.worksheet.calling import call
from xlplugin.worksheet.explain import REASON_CODES
from xlplugin.worksheet.registry import load

REGISTRY = load()
RISK = [[0.04, 0.018, 0.012], [0.018, 0.0625, 0.015], [0.012, 0.015, 0.09]]
INDEX = [[0.4], [0.4], [0.2]]


def in_a_cell(name, *arguments, **options):
    return call(REGISTRY[name], *arguments, **options)


def replicate(method, benchmark=INDEX, count=None, covariance=None, cell=None, limits=None, options=None):
    block = in_a_cell(
        "REPLICATE", method, benchmark, count, covariance, cell, limits, None, None, None, options
    )
    return [row[0] for row in block]


@pytest.mark.parametrize("module", [udfs.replicate, udfs.replicate_trades])
def test_the_examples_in_the_wizard_texts_run(module):
    assert doctest.testmod(module).failed == 0


def test_methods_are_named_in_japanese_too():
    assert replicate("完全法") == replicate("full")
    assert replicate("最適化法", covariance=RISK) == pytest.approx([0.4, 0.4, 0.2])
    with pytest.raises(WordError, match="full, stratified, optimized"):
        replicate("sampling")


def test_limits_are_found_by_their_titles_and_a_blank_is_no_limit():
    limits = [["上限", "remark"], [None, "x"], [None, "y"], [0.1, "z"]]
    weights = replicate("optimized", covariance=RISK, limits=limits)
    assert weights[2] == pytest.approx(0.1)
    assert sum(weights) == pytest.approx(1.0)


def test_a_wholly_blank_row_of_limits_keeps_its_place():
    weights = replicate("full", limits=[["upper"], [None], [0.3], [None]])
    assert weights == pytest.approx([0.7 * 2 / 3, 0.3, 0.7 / 3])


def test_more_rows_of_limits_than_names_are_refused():
    with pytest.raises(InputError, match="4 rows for 3 names"):
        replicate("full", limits=[["upper"], [1.0], [1.0], [1.0], [1.0]])


def test_an_unreadable_limit_is_named_by_row_and_column():
    with pytest.raises(InputError, match="limits, row 3, column upper"):
        replicate("full", limits=[["upper"], [1.0], ["high"], [1.0]])


def test_a_limit_on_groups_needs_groups_and_a_turnover_cap_needs_holdings():
    with pytest.raises(InputError, match="column group"):
        replicate("optimized", covariance=RISK, options=[["band", 0.01]])
    with pytest.raises(InputError, match="column current"):
        replicate("optimized", covariance=RISK, options=[["turnover", 0.1]])


def test_a_beta_band_moves_the_weights_towards_the_beta_of_the_index():
    table = [["ベータ", "upper"], [1.4, 0.0], [1.0, None], [0.6, None]]
    free = replicate("optimized", covariance=RISK, limits=table)
    held = replicate("optimized", covariance=RISK, limits=table, options=[["ベータ許容幅", 0.1]])
    # The index has a beta of 0.4 x 1.4 + 0.4 x 1.0 + 0.2 x 0.6 = 1.08.
    assert 1.08 - free[1] - 0.6 * free[2] > 0.2
    assert 1.08 - held[1] - 0.6 * held[2] == pytest.approx(0.1)
    with pytest.raises(InputError, match="column beta"):
        replicate("optimized", covariance=RISK, options=[["beta_band", 0.05]])


def test_what_each_method_needs_is_said():
    with pytest.raises(InputError, match="no risk model"):
        replicate("optimized")
    with pytest.raises(InputError, match="cell and count"):
        replicate("stratified")
    with pytest.raises(InputError, match="not a whole number"):
        replicate("optimized", count=1.5, covariance=RISK)
    with pytest.raises(MissingError, match="benchmark: row 2 is blank"):
        replicate("full", [[0.5], [None], [0.5]])
    with pytest.raises(ShapeError):
        replicate("optimized", covariance=[[0.04]])


def test_limits_that_clash_are_a_number_error_with_the_nearest_sum():
    with pytest.raises(InfeasibleError, match=r"nearest feasible sum is 0\.6") as caught:
        replicate("optimized", covariance=RISK, limits=[["upper"], [0.2], [0.2], [0.2]])
    assert caught.value.cell_error is ErrorValue.NUM


def test_cash_is_kept_and_small_weights_are_given_up():
    assert sum(replicate("optimized", covariance=RISK, options=[["現金比率", 0.05]])) == pytest.approx(0.95)
    weights = replicate("optimized", [[0.6], [0.39], [0.01]], covariance=RISK, options=[["min_weight", 0.05]])
    assert weights[2] == 0.0


def test_lots_of_one_size_or_one_for_each_name():
    one = in_a_cell("REPLICATE_LOTS", INDEX, 1e6, [[1000.0], [2000.0], [500.0]], 100)
    each = in_a_cell("REPLICATE_LOTS", INDEX, 1e6, [[1000.0], [2000.0], [500.0]], [[100.0]] * 3)
    assert one == each
    assert one[0] == ["shares", "value", "weight"]
    with pytest.raises(DomainError, match="amount"):
        in_a_cell("REPLICATE_LOTS", INDEX, 0, [[1000.0]] * 3, 100)
    with pytest.raises(MissingError, match="price: row 2 is blank"):
        in_a_cell("REPLICATE_LOTS", INDEX, 1e6, [[1000.0], [None], [500.0]], 100)


def test_a_covariance_turns_lots_to_least_tracking_error():
    price = [[3000.0], [2500.0], [1800.0]]
    squares = in_a_cell("REPLICATE_LOTS", INDEX, 1e6, price, 100)
    risk = in_a_cell("REPLICATE_LOTS", INDEX, 1e6, price, 100, RISK)

    def variance(table):
        active = [row[2] - target[0] for row, target in zip(table[1:], INDEX, strict=True)]
        return sum(a * b * RISK[i][j] for i, a in enumerate(active) for j, b in enumerate(active))

    assert variance(risk) <= variance(squares)


def test_futures_without_value_cannot_be_counted():
    with pytest.raises(EmptyBaseError):
        in_a_cell("REPLICATE_FUTURES", 1e6, 0, 1000)
    assert in_a_cell("REPLICATE_FUTURES", 1.5, 1, 1, 1, "切捨て")[1][0] == 1.0


POSITIONS = ["account", "code", "name", "quantity", "target_quantity", "price", "adv", "restricted"]


def trades(*rows, options=None):
    header, *found = in_a_cell("REPLICATE_TRADES", [POSITIONS, *rows], options)
    return [dict(zip(header, row, strict=True)) for row in found]


def test_orders_carry_days_and_the_reason_for_them():
    (row,) = trades(["A", "7203", "Toyota", 0.0, 1000.0, 3000.0, 1e7, None])
    assert (row["rank"], row["side"], row["lots"], row["days"]) == (1, "BUY", 10.0, 3.0)
    assert (row["status"], row["reason"]) == ("OK", "LARGE_ORDER")


def test_names_that_are_not_traded_are_shown_on_request():
    row = [None, "7203", None, 100.0, 200.0, 3000.0, None, "売却不可"]
    assert trades(row) == []
    (held,) = trades(row, options=[["全件表示", 1]])
    assert (held["side"], held["status"], held["reason"], held["rank"]) == (
        "HOLD",
        "HOLD",
        "RESTRICTED",
        None,
    )


def test_a_row_that_cannot_be_computed_is_always_shown_and_stops_no_other():
    found = trades(
        [None, "A", None, 100.0, None, 3000.0, None, None],
        [None, None, None, 100.0, 200.0, None, None, None],
        [None, "C", None, "many", 200.0, -1.0, None, None],
        [None, "D", None, 100.0, 200.0, 3000.0, None, None],
    )
    assert [row["status"] for row in found] == ["OK", "UNKNOWN", "UNKNOWN", "UNKNOWN"]
    assert [row["reason"] for row in found[1:]] == [
        "BAD_QUANTITY",
        "NO_CODE; NO_PRICE",
        "BAD_PRICE; BAD_QUANTITY",
    ]
    assert all(set(row["reason"].split("; ")) <= REASON_CODES for row in found[1:])
    assert found[1]["quantity"] is ErrorValue.NA


def test_columns_can_be_chosen_and_the_header_left_out():
    block = in_a_cell(
        "REPLICATE_TRADES",
        [POSITIONS, [None, "A", None, 0.0, 100.0, 10.0, None, None]],
        [["columns", "銘柄コード, quantity"], ["header", 0]],
    )
    assert block == [["A", 100.0]]


def test_a_missing_column_is_a_reference_error():
    with pytest.raises(NotFoundError, match="target_quantity"):
        in_a_cell("REPLICATE_TRADES", [["code", "price"], ["A", 1.0]])


def test_drift_of_nothing_is_refused():
    with pytest.raises(DomainError, match="nothing is left"):
        in_a_cell("REPLICATE_DRIFT", [[0.5], [0.5]], [[-1.0], [-1.0]])


def test_cells_without_a_count_leave_the_allocation_blank():
    table = in_a_cell("REPLICATE_CELLS", INDEX, [["x"], ["y"], ["x"]])
    assert [row[4] for row in table[1:]] == [None, None]
    with pytest.raises(DomainError, match="1 names cannot fill 2 cells"):
        in_a_cell("REPLICATE_CELLS", INDEX, [["x"], ["y"], ["x"]], None, 1)


def test_account_sizes_are_rows_in_the_order_given():
    table = in_a_cell("REPLICATE_MINIMUM", INDEX, [[3000.0], [2500.0], [1800.0]], 100, RISK, [[3e6], [1e6]])
    assert [row[0] for row in table[1:]] == [3e6, 1e6]
    assert table[1][1] < table[2][1]
    with pytest.raises(DomainError):
        in_a_cell("REPLICATE_MINIMUM", INDEX, [[1.0]] * 3, 1, RISK, [[0.0]])


UNIVERSE = [
    ["code", "weight", "sector", "price"],
    ["A", 0.4, "x", 3000.0],
    ["B", 0.4, "y", 2500.0],
    ["C", 0.2, "y", 1800.0],
]


def compared(*arguments):
    header, *rows = in_a_cell("REPLICATE_COMPARE", *arguments)
    return {row[0]: dict(zip(header, row, strict=True)) for row in rows}


def test_the_methods_stand_side_by_side_with_a_planning_figure():
    rows = compared(UNIVERSE, None, None, RISK, [["count", 2], ["te_multiplier", 1.3]])
    assert list(rows) == ["full", "stratified", "optimized", "core"]
    assert rows["full"]["te_forecast"] == 0.0
    assert rows["optimized"]["te_planning"] == pytest.approx(1.3 * rows["optimized"]["te_forecast"])
    assert rows["optimized"]["trade_cost"] is ErrorValue.NA


def test_restrictions_and_spreads_come_from_their_tables():
    restrictions = [["code", "rule"], ["B", "購入不可"], ["A", "do_not_sell"]]
    prices = [["code", "price", "spread"], ["A", 3000.0, 0.001], ["B", 2500.0, 0.001], ["C", 1800.0, 0.001]]
    rows = compared(UNIVERSE, restrictions, prices, RISK, [["count", 2], ["amount", 5e6], ["lot_size", 100]])
    assert rows["full"]["names"] == 2
    assert rows["full"]["te_forecast"] > 0
    assert rows["optimized"]["cash_pct"] > 0
    assert rows["optimized"]["trade_cost"] == pytest.approx(0.0005 * (1 - rows["optimized"]["cash_pct"]))


def test_a_method_that_is_not_possible_says_why():
    rows = compared([row[:2] for row in UNIVERSE], None, None, RISK, [["count", 2]])
    assert "cell" in rows["stratified"]["reason"]
    assert rows["stratified"]["names"] is ErrorValue.NA
    with pytest.raises(MissingError, match="risk"):
        compared(UNIVERSE)


def test_a_risk_handle_is_put_into_the_order_of_the_index():
    import numpy as np

    from xlplugin.worksheet.handles import Kept, keep

    order = [2, 0, 1]
    matrix = np.array(RISK)[np.ix_(order, order)]
    handle = keep(Kept("COVARIANCE", {"codes": np.array(["C", "A", "B"]), "matrix": matrix}))
    by_handle = compared(UNIVERSE, None, None, handle, [["count", 2]])
    by_cells = compared(UNIVERSE, None, None, RISK, [["count", 2]])
    assert by_handle["optimized"]["te_forecast"] == pytest.approx(by_cells["optimized"]["te_forecast"])
