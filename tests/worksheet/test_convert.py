import datetime as dt
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xlplugin.errors import (
    DomainError,
    ErrorValue,
    InputError,
    MissingError,
    NotFoundError,
    PassedOnError,
    WordError,
)
from xlplugin.worksheet import convert, tables
from xlplugin.worksheet.kinds import (
    Choice,
    Column,
    Help,
    Kind,
    Option,
    OptionSchema,
    Spill,
    TableSchema,
)
from xlplugin.worksheet.registry import Argument, WorksheetFunction

HELP = Help("Something", "何か")


def argument(kind, **more):
    return Argument("x", kind, HELP, **more)


def read(kind, raw, **more):
    return convert.read(argument(kind, **more), raw)


# -- single cells, in every form a host delivers -------------------------------------------------


@pytest.mark.parametrize("raw", [None, "", float("nan"), {"basicValue": None}, np.float64("nan")])
def test_every_form_of_an_empty_cell_is_empty(raw):
    assert convert.cell(raw) is None


@pytest.mark.parametrize("raw", ["#N/A", {"type": "Error", "basicValue": "#N/A"}, ErrorValue.NA])
def test_every_form_of_an_error_is_that_error(raw):
    assert convert.cell(raw) is ErrorValue.NA


@pytest.mark.parametrize("raw", [3, 3.0, Decimal(3), np.float64(3), np.int64(3), [[3]], ((3.0,),), [3]])
def test_every_form_of_a_number_is_a_float(raw):
    value = read(Kind.NUMBER, raw)
    assert (type(value), value) == (float, 3.0)


def test_a_required_empty_cell_is_missing_and_an_optional_one_is_the_default():
    with pytest.raises(MissingError, match="x: the cell is empty"):
        read(Kind.NUMBER, "")
    assert read(Kind.NUMBER, "", default=12.0) == 12.0
    assert read(Kind.NUMBER, convert.OMITTED, default=12.0) == 12.0


def test_text_where_a_number_is_expected_is_refused():
    with pytest.raises(InputError, match="x: expected a number, got 'abc'"):
        read(Kind.NUMBER, "abc")


def test_an_error_argument_is_passed_on_as_it_is():
    with pytest.raises(PassedOnError) as caught:
        read(Kind.NUMBER, "#DIV/0!")
    assert caught.value.cell_error is ErrorValue.DIV0


def test_a_number_outside_its_bounds_is_a_domain_error():
    bounded = Argument("x", Kind.NUMBER, Help("A share", "割合", between=(0, 1)))
    with pytest.raises(DomainError, match=r"x: 1\.5 is not between 0 and 1"):
        convert.read(bounded, 1.5)


@pytest.mark.parametrize(
    "raw",
    [
        46384.0,
        dt.date(2026, 12, 28),
        dt.datetime(2026, 12, 28, 15, 0),  # noqa: DTZ001  (Excel knows no time zone)
        "2026-12-28",
        "2026/12/28",
        46384.75,
    ],
)
def test_every_form_of_a_date_is_that_date(raw):
    # 46384: DATEVALUE("2026-12-28") in Excel's 1900 date system.
    assert read(Kind.DAY, raw) == dt.date(2026, 12, 28)


@pytest.mark.parametrize("raw", [60.0, -1.0, "28.12.2026", "2026-13-01", True, 3e6])
def test_what_is_no_date_is_refused(raw):
    with pytest.raises(InputError, match="expected a date"):
        read(Kind.DAY, raw)


@given(st.dates(min_value=dt.date(1900, 3, 1), max_value=dt.date(9999, 12, 31)))
def test_a_serial_number_and_its_date_are_inverse(day):
    assert convert.from_serial(convert.serial(day)) == day


@pytest.mark.parametrize("raw", [True, 1.0, "TRUE", "はい", "有", "○", "１"])
def test_every_form_of_yes_is_true(raw):
    assert read(Kind.FLAG, raw) is True


@pytest.mark.parametrize("raw", [False, 0.0, "FALSE", "いいえ", "無", "×"])
def test_every_form_of_no_is_false(raw):
    assert read(Kind.FLAG, raw) is False


def test_a_flag_that_is_neither_is_refused():
    with pytest.raises(InputError, match="expected 1 or 0"):
        read(Kind.FLAG, 2.0)


@given(st.decimals(min_value=Decimal("-1e12"), max_value=Decimal("1e12"), places=4))
def test_money_is_exactly_the_decimal_that_the_user_typed(amount):
    # Up to 15 significant digits, which is all that Excel keeps.
    if len(amount.as_tuple().digits) <= 15:
        assert read(Kind.DECIMAL, float(amount)) == amount


def test_a_choice_takes_japanese_words_and_ignores_case():
    choice = Choice("CAP", "EQUAL")
    assert [read(Kind.TEXT, w, choice=choice) for w in ("cap", "時価総額", "均等")] == ["CAP", "CAP", "EQUAL"]
    with pytest.raises(WordError, match="x: 'other' is not known; use one of CAP, EQUAL"):
        read(Kind.TEXT, "other", choice=choice)


# -- vectors and matrices ------------------------------------------------------------------------


@pytest.mark.parametrize("raw", [[[1.0], [2.0]], [[1.0, 2.0]], [1.0, 2.0], ((1, 2),)])
def test_a_column_and_a_row_are_the_same_vector(raw):
    assert read(Kind.VECTOR, raw).tolist() == [1.0, 2.0]


def test_a_rectangle_is_no_vector():
    with pytest.raises(InputError, match="expected one column or one row, got 2 rows x 2 columns"):
        read(Kind.VECTOR, [[1.0, 2.0], [3.0, 4.0]])


def test_a_blank_in_a_vector_is_missing_and_its_row_is_named():
    with pytest.raises(MissingError, match="x: row 2 is blank"):
        read(Kind.VECTOR, [[1.0], [None], [3.0]])


def test_a_blank_is_kept_as_nan_where_the_argument_says_so():
    values = read(Kind.VECTOR, [[1.0], [""], ["#N/A"]], keeps_blanks=True)
    assert values[0] == 1.0
    assert np.isnan(values[1:]).all()


def test_text_in_a_matrix_is_refused_with_its_place():
    with pytest.raises(InputError, match="x: row 2, column 1 holds 'b'; expected a number"):
        read(Kind.MATRIX, [[1.0, 2.0], ["b", 4.0]])


def test_one_cell_is_a_scalar_where_scalar_or_vector_is_taken():
    assert read(Kind.NUMBERS, [[2.0]]).shape == ()
    assert read(Kind.NUMBERS, [[2.0], [3.0]]).shape == (2,)


def test_numbers_among_labels_read_as_codes():
    assert read(Kind.LABELS, [[7203.0], ["銀行"], [None]]) == ("7203", "銀行", "")


# -- tables ----------------------------------------------------------------------------------------


def lots(rows):
    return convert.read_table(convert.block(rows), tables.LOTS, "lots")


def test_headers_are_found_in_any_spelling_order_and_language():
    table = lots(
        [["平均取得単価（円）", "Security", "ﾛｯﾄ", "QUANTITY", "銘柄コード"], [100, "x", "L1", 5, 7203.0]]
    )
    assert (table["unit_cost"], table["lot"], table["quantity"], table["code"]) == (
        [Decimal(100)],
        ["L1"],
        [Decimal(5)],
        ["7203"],
    )
    assert table.japanese


def test_wholly_blank_rows_are_skipped_and_rows_keep_their_numbers():
    table = lots([["code", "quantity"], ["A", 1], ["", None], ["B", 2]])
    assert table.row_numbers == [2, 4]


def test_a_missing_required_column_is_a_reference_error_that_names_it_in_both_languages():
    with pytest.raises(NotFoundError, match="lots: the column quantity / 数量 is missing; found code, cost"):
        lots([["code", "cost"], ["A", 1]])


def test_a_range_without_its_header_row_is_a_reference_error_with_the_remedy():
    with pytest.raises(NotFoundError, match=r"no known header .* lots\[#All\]"):
        lots([["A", 1], ["B", 2]])


def test_two_columns_of_one_meaning_are_refused():
    with pytest.raises(InputError, match="'quantity' and '株数' both mean quantity; remove one"):
        lots([["code", "quantity", "株数"], ["A", 1, 2]])


def test_an_error_cell_inside_a_table_leaves_its_row_and_says_why():
    table = lots([["code", "quantity"], ["A", "#N/A"], ["B", 2]])
    assert table["quantity"] == [None, Decimal(2)]
    assert table.problem(2, "quantity") == "the cell holds #N/A"


def test_an_unreadable_cell_of_a_strict_table_is_an_error_that_names_the_row():
    with pytest.raises(InputError, match="carry, row 3, column amount: expected a number, got 'x'"):
        convert.read_table(convert.block([["year", "amount"], [2024, 5], [2025, "x"]]), tables.CARRY, "carry")


def test_an_open_table_keeps_columns_it_does_not_know():
    schema = TableSchema("DATA", "データ", (Column("code", (), Kind.CODE),), open=True)
    table = convert.read_table(convert.block([["code", "size", "esg"], ["A", 1, "x"]]), schema, "data")
    assert (table["size"], table["esg"]) == ([1.0], ["x"])


@given(st.permutations(["code", "quantity", "cost", "acquired", "account"]))
def test_the_order_of_columns_never_matters(order):
    row = {"code": "A", "quantity": 3.0, "cost": 7.0, "acquired": "2026-01-05", "account": "K"}
    table = lots([list(order), [row[key] for key in order]])
    assert (table["code"], table["quantity"], table["cost"], table["acquired"], table["account"]) == (
        ["A"],
        [Decimal(3)],
        [Decimal(7)],
        [dt.date(2026, 1, 5)],
        ["K"],
    )


# -- options ---------------------------------------------------------------------------------------

SCHEMA = OptionSchema(
    (
        Option("tax_rate", ("税率",), Kind.NUMBER, between=(0, 1)),
        Option("rebuy", ("買戻し",), Kind.TEXT, "NEXT_DAY", Choice("NONE", "NEXT_DAY", "SAME_DAY")),
    )
)


def options(rows):
    return read(Kind.OPTIONS, rows, default=None, options=SCHEMA)


def test_options_are_found_in_both_languages_and_a_header_is_allowed():
    assert options([["name", "value"], ["税率", 0.2], ["rebuy", "同日"]]) == {
        "tax_rate": 0.2,
        "rebuy": "SAME_DAY",
    }


def test_an_unknown_option_is_refused_and_the_known_ones_are_listed():
    with pytest.raises(WordError, match="'rate' is not known; use one of tax_rate, rebuy"):
        options([["rate", 0.2]])


def test_an_option_given_twice_is_refused():
    with pytest.raises(InputError, match="tax_rate is given twice"):
        options([["tax_rate", 0.2], ["税率", 0.3]])


def test_a_blank_option_takes_its_default():
    assert options([["tax_rate", None], [None, None]]) == {}


# -- results ---------------------------------------------------------------------------------------


def write(value, columns=None, settings=None, *, japanese=False):
    function = WorksheetFunction("F_N", "Test", HELP, HELP, (), len, columns or {}, "test")
    return convert.write(value, function, settings or {}, japanese=japanese)


def test_a_one_dimensional_result_becomes_a_column():
    assert write(np.array([1.0, 2.0])) == [[1.0], [2.0]]


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), np.float64("nan")])
def test_a_result_never_holds_nan_or_infinity(bad):
    assert write([[1.0, bad]]) == [[1.0, ErrorValue.NUM]]


def test_a_ragged_result_is_a_programming_error():
    with pytest.raises(TypeError, match="all of one length"):
        write([[1.0], [1.0, 2.0]])


def test_numbers_of_every_kind_leave_as_floats():
    assert write([[Decimal("1.5"), np.int64(2), 3]]) == [[1.5, 2.0, 3.0]]


SPILL = Spill(("code", "loss"), [["A", 5.0], ["B", 6.0]])


def test_named_columns_bring_a_header_in_the_language_of_the_call():
    titles = {"code": "銘柄コード", "loss": "損失"}
    assert write(SPILL, titles)[0] == ["code", "loss"]
    assert write(SPILL, titles, japanese=True)[0] == ["銘柄コード", "損失"]


def test_the_options_header_and_columns_shape_the_result():
    titles = {"code": "銘柄コード", "loss": "損失"}
    assert write(SPILL, titles, {"header": False}) == [["A", 5.0], ["B", 6.0]]
    assert write(SPILL, titles, {"columns": "損失, code"}) == [["loss", "code"], [5.0, "A"], [6.0, "B"]]
    with pytest.raises(WordError, match="'gain' is not known"):
        write(SPILL, titles, {"columns": "gain"})


def test_a_result_without_rows_and_header_still_has_one_row():
    assert write(Spill(("code", "loss"), []), settings={"header": False}) == [["", ""]]
