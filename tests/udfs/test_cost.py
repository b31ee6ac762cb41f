"""REAL_COST and COST_... as a cell sees them."""

import doctest

import pytest

import udfs.cost
import udfs.cost_fills
from xlplugin.errors import (
    DomainError,
    EmptyBaseError,
    ErrorValue,
    InputError,
    MissingError,
    NotFoundError,
    ShapeError,
)
from xlplugin.worksheet.calling import call
from xlplugin.worksheet.explain import REASON_CODES
from xlplugin.worksheet.registry import load

REGISTRY = load()
FILLS = ["fund_code", "side", "quantity", "trade_price", "vwap_market"]


def in_a_cell(name, *arguments, **options):
    return call(REGISTRY[name], *arguments, **options)


@pytest.mark.parametrize("module", [udfs.cost, udfs.cost_fills])
def test_the_examples_in_the_wizard_texts_run(module):
    assert doctest.testmod(module).failed == 0


def test_one_fund_gives_a_cell_and_a_list_gives_a_column():
    assert in_a_cell("REAL_COST", 0.001, 0, 0, 0, 0, 0) == [[0.001]]
    assert in_a_cell("REAL_COST", [[0.001], [0.002]], 0, 0, 0, 0, 0) == [[0.001], [0.002]]


def test_a_missing_component_is_not_zero():
    with pytest.raises(MissingError, match="lending"):
        in_a_cell("REAL_COST", 0.001, 0, 0, 0, 0, [[None]])
    with pytest.raises(MissingError, match="row 2 is blank"):
        in_a_cell("REAL_COST", [[0.001], [None]], 0, 0, 0, 0, 0)
    with pytest.raises(ShapeError):
        in_a_cell("REAL_COST", [[0.001], [0.002]], [[0.0]] * 3, 0, 0, 0, 0)


@pytest.mark.parametrize("buy", ["BUY", "買", "買付", 1, "1"])
@pytest.mark.parametrize("name", ["COST_SLIPPAGE", "COST_EFFECTIVE_SPREAD"])
def test_a_purchase_may_be_written_in_words_or_as_plus_one(name, buy):
    if buy == "1":
        with pytest.raises(InputError, match=r"\+1, -1, BUY or SELL"):
            in_a_cell(name, buy, 101, 100)
        return
    assert in_a_cell(name, buy, 101, 100)[0][0] > 0
    assert in_a_cell(name, "売", 101, 100)[0][0] < 0


def test_a_column_of_sides_meets_one_price():
    block = in_a_cell("COST_SLIPPAGE", [["BUY"], ["SELL"]], 101, 100)
    assert block[0][0] == -block[1][0]
    with pytest.raises(MissingError, match="row 2 is blank"):
        in_a_cell("COST_SLIPPAGE", [["BUY"], [None]], 101, 100)


def test_errors_are_those_of_the_catalogue():
    for error, name, arguments in (
        (DomainError, "COST_SPREAD", (101, 100)),
        (EmptyBaseError, "COST_VWAP", ([[100.0]], [[0.0]])),
        (EmptyBaseError, "COST_IMPACT", (1, 0, 0.02)),
        (DomainError, "COST_FORWARD", (150, 0, 0.05, 0)),
        (DomainError, "COST_DIVIDEND_TAX", (0.02, 10)),
        (DomainError, "COST_LENDING", (0.001, 1.5)),
        (DomainError, "COST_GAP", (0, 0, 0, 1.5)),
        (EmptyBaseError, "COST_BREAKEVEN", (0.01, 0)),
        (EmptyBaseError, "COST_PER_UNIT", (19, 16500, 0)),
        (InputError, "COST_HEDGE", ("low", 0.05)),
    ):
        with pytest.raises(error):
            in_a_cell(name, *arguments)


def test_route_words_are_understood_in_japanese():
    assert in_a_cell("COST_DIVIDEND_TAX", 0.015, 0.1, None, None, "累積") == [[pytest.approx(0.0015)]]


def test_fills_are_summed_by_fund_in_order_of_first_appearance():
    fills = [
        FILLS,
        ["1306", "買", 100.0, 2502.0, 2501.0],
        [2558.0, "BUY", 10.0, 20100.0, 20000.0],
        ["1306", "SELL", 300.0, 2500.0, 2501.0],
    ]
    quotes = [["fund_code", "quoted_spread"], ["1306", 0.0004], ["1306", 0.0006], ["1306", None]]
    table = in_a_cell("COST_FILLS", fills, quotes)
    assert [row[0] for row in table[1:]] == ["1306", "2558"]
    one, other = (dict(zip(table[0], row, strict=True)) for row in table[1:])
    assert one["slippage"] == pytest.approx(1 / 2501)
    assert one["quoted_spread"] == pytest.approx(0.0005)
    assert other["quoted_spread"] is ErrorValue.NA
    assert (one["status"], other["status"]) == ("OK", "OK")


def test_a_fund_with_an_unreadable_fill_says_why_and_stops_no_other():
    fills = [
        FILLS,
        ["A", "hold", 100.0, 10.0, 10.0],
        ["A", "BUY", 0.0, None, -1.0],
        ["B", "BUY", 1.0, 10.0, 10.0],
    ]
    table = in_a_cell("COST_FILLS", fills)
    rows = {row[0]: dict(zip(table[0], row, strict=True)) for row in table[1:]}
    assert rows["A"]["reason"] == "BAD_PRICE; BAD_QUANTITY; BAD_SIDE; NO_PRICE"
    assert set(rows["A"]["reason"].split("; ")) <= REASON_CODES
    assert rows["A"]["slippage"] is ErrorValue.NA
    assert rows["B"]["status"] == "OK"


def test_japanese_fills_give_japanese_titles():
    table = in_a_cell(
        "COST_FILLS",
        [["コード", "売買", "数量", "約定単価", "市場VWAP"], ["1306", "買", 1.0, 10.0, 10.0]],
        titles="en",
    )
    assert table[0][:2] == ["ファンドコード", "約定VWAP"]


def test_an_empty_log_and_a_missing_column_are_named():
    with pytest.raises(MissingError, match="no rows"):
        in_a_cell("COST_FILLS", [FILLS, [None] * 5])
    with pytest.raises(NotFoundError, match="vwap_market"):
        in_a_cell("COST_FILLS", [FILLS[:4], ["A", "BUY", 1.0, 10.0]])
