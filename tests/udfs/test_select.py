"""SELECT_... and LIQUIDITY_... as a cell sees them."""

import pytest

from xlplugin.errors import ErrorValue, InputError, NotFoundError, WordError
from xlplugin.worksheet.calling import call
from xlplugin.worksheet.registry import load

REGISTRY = load()
DATA = [
    ["コード", "ROE(%)", "市場"],
    ["7203", 0.12, "プライム"],
    ["6758", -0.02, "プライム"],
    ["130A", None, "グロース"],
]
RULES = [["項目", "演算子", "採用基準", "維持基準", "理由"]]


def in_a_cell(name, *arguments, **options):
    return call(REGISTRY[name], *arguments, **options)


def test_rules_and_data_may_be_japanese_and_the_header_is_then_too():
    block = in_a_cell(
        "SELECT_RULES",
        DATA,
        [*RULES, ["ROE", ">=", 0, None, "赤字"], ["市場", "IN", "プライム|スタンダード", None, None]],
        titles="ja",
    )
    assert block == [["合格", "理由"], [1.0, ""], [0.0, "赤字"], [ErrorValue.NA, "MISSING:ROE(%)"]]


def test_a_rule_without_a_code_is_named_by_its_field():
    block = in_a_cell("SELECT_RULES", DATA, [*RULES, ["市場", "=", "プライム", None, None]])
    assert block[3] == [0.0, "市場"]


def test_a_field_that_the_data_lack_is_named_with_its_row():
    with pytest.raises(InputError, match="row 2: the data has no column PBR"):
        in_a_cell("SELECT_RULES", DATA, [*RULES, ["PBR", ">", 0, None, None]])


def test_an_unknown_operator_names_the_choices():
    with pytest.raises(WordError, match="NOT_IN"):
        in_a_cell("SELECT_RULES", DATA, [*RULES, ["ROE", "=>>", 0, None, None]])


def test_a_rules_table_without_operators_is_not_found():
    with pytest.raises(NotFoundError, match="operator"):
        in_a_cell("SELECT_RULES", DATA, [["field", "entry"], ["ROE", 0]])


def test_incumbents_of_another_length_are_refused():
    with pytest.raises(InputError, match="incumbent"):
        in_a_cell("SELECT_RULES", DATA, [*RULES, ["ROE", ">=", 0, None, None]], [[1], [0]])


def test_a_buffer_keeps_a_constituent_that_has_slipped():
    metric = [[9.0], [8.0], [7.0]]
    assert in_a_cell("SELECT_RANK", metric, 2) == [[1.0], [1.0], [0.0]]
    assert in_a_cell("SELECT_RANK", metric, 2, [[1], [0], [1]], 1, 3) == [[1.0], [0.0], [1.0]]


def test_a_count_with_decimals_is_refused():
    with pytest.raises(InputError, match="whole number"):
        in_a_cell("SELECT_RANK", [[1.0], [2.0]], 1.5)
    with pytest.raises(InputError, match="rank_in"):
        in_a_cell("SELECT_RANK", [[1.0], [2.0]], 1, None, 0.5)


def test_a_blank_segment_is_a_newcomer():
    block = in_a_cell("SELECT_BANDS", [[60.0], [30.0], [10.0]], [[0.85]], [[1], [1], [None]], 0.1, 0.1)
    assert block == [[1.0], [1.0], [2.0]]  # 0.90 is inside 0.85 + 0.10 for the second


def test_packets_of_one_name_and_of_many():
    assert in_a_cell("SELECT_PACKET", 1, 0) == [[0.5]]
    assert in_a_cell("SELECT_PACKET", [[1.0], [0.5]], 0) == [[0.5], [0.0]]


def test_turnover_takes_the_argument_from():
    assert REGISTRY["SELECT_TURNOVER"].arguments[0].name == "from"
    assert in_a_cell("SELECT_TURNOVER", [[1.0], [0.0]], [[0.0], [1.0]]) == [[1.0]]


def test_atvr_without_days_says_so():
    with pytest.raises(InputError, match="trading days"):
        in_a_cell("LIQUIDITY_RATIO", [[1.0], [2.0]], 100.0, "ATVR")


def test_days_to_trade_of_many_names():
    assert in_a_cell("LIQUIDITY_DAYS", [[10.0], [20.0]], [[100.0], [100.0]], 0.2) == [[0.5], [1.0]]
    with pytest.raises(InputError, match="adv"):
        in_a_cell("LIQUIDITY_DAYS", [[10.0], [20.0]], [[100.0], [100.0], [1.0]])
