"""What the engine relies on in its calculator, and every trap it works around.

Each trap (E01 to E30 of the specification) is held here as it is today. When an upgrade of
formualizer changes one, the failing test says which part of our layer can go.
"""

from __future__ import annotations

import datetime as dt
import math
import threading
import time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import formualizer as fz
import numpy as np
import pytest

from tests.workbook.books import changed, minimal
from xlplugin.errors import DomainError
from xlplugin.workbook import PackageError
from xlplugin.workbook.calc import Calculator, Formualizer
from xlplugin.workbook.known import EXCEL, LACKING
from xlplugin.workbook.view import view_package

if TYPE_CHECKING:
    from collections.abc import Callable

MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
NOON = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)


def calc(formula: str, **functions: Callable[..., Any]) -> Any:
    book = fz.Workbook()
    book.add_sheet("S")
    for name, function in functions.items():
        book.register_function(name, function)
    book.set_formula("S", 1, 1, formula)
    return book.evaluate_cell("S", 1, 1)


def load(sheet_data: str, book: str = "", **functions: Callable[..., Any]) -> Any:
    opened = fz.Workbook.from_bytes(minimal(sheet_data, book=book))
    for name, function in functions.items():
        opened.register_function(name, function)
    opened.evaluate_all()
    return opened


def kind(value: Any) -> str:
    return value["kind"] if isinstance(value, dict) else f"value {value!r}"


def seen(arguments: list[Any]) -> Callable[..., float]:
    def call(*given: Any) -> float:
        arguments.append(given)
        return 1.0

    return call


def spill(rows: float, columns: float) -> list[list[float]]:
    return [[10.0 * i + j for j in range(int(columns))] for i in range(int(rows))]


# -- traps -----------------------------------------------------------------------------------------


def test_e01_tables_of_a_file_are_not_imported() -> None:
    from tests.workbook.books import simple

    data = simple(
        {"A2": 1, "D1": "=SUM(T[v])"}, tables={"A1:A2": {"name": "T", "columns": [{"header": "v"}]}}
    )
    book = fz.Workbook.from_bytes(data)
    book.evaluate_all()
    assert kind(book.get_value("S", 1, 4)) == "Name"


@pytest.mark.parametrize(
    ("formula", "answer"), [("=ROWS(T)", "Name"), ("=INDEX(T[v],2)", "Ref"), ("=T[[#Headers],[v]]", "NImpl")]
)
def test_e02_added_tables_are_understood_in_part(formula: str, answer: str) -> None:
    book = fz.Workbook()
    book.add_sheet("S")
    book.add_table("T", "S", (1, 1, 3, 2), ["k", "v"])
    book.set_formula("S", 5, 5, formula)
    assert kind(book.evaluate_cell("S", 5, 5)) == answer


def test_e03_an_argument_left_out_arrives_as_zero() -> None:
    arguments: list[Any] = []
    for formula in ("=F(1,,3)", "=F(,2)", "=F(1,)"):
        calc(formula, F=seen(arguments))
    assert arguments == [(1.0, 0.0, 3.0), (0.0, 2.0), (1.0, 0.0)]


def test_e04_single_is_unknown_and_the_operator_works() -> None:
    assert kind(calc("=_xlfn.SINGLE(F())", F=lambda: [[1, 2]])) == "Name"
    assert calc("=@F()", F=lambda: [[1, 2]]) == 1.0


def test_e05_a_fixed_array_is_taken_for_a_dynamic_one() -> None:
    book = load(
        '<row r="1"><c r="A1"><f t="array" ref="A1:A3">B1:B2*2</f></c><c r="B1"><v>1</v></c></row>'
        '<row r="2"><c r="B2"><v>2</v></c></row>'
    )
    assert [book.get_value("S", row, 1) for row in (1, 2, 3)] == [2.0, 4.0, None]


def test_e06_an_old_spill_cell_blocks_the_new_spill() -> None:
    book = load(
        '<row r="1"><c r="A1"><f t="array" ref="A1:A2">SP(2,1)</f><v>0</v></c></row>'
        '<row r="2"><c r="A2"><v>9</v></c></row>',
        SP=spill,
    )
    assert kind(book.get_value("S", 1, 1)) == "Spill"


def test_e07_a_single_cell_arrives_as_a_scalar() -> None:
    arguments: list[Any] = []
    for formula in ("=F(B1:B1)", "=F({5})", "=F(FILTER({1;2},{1;0}))"):
        calc(formula, F=seen(arguments))
    assert arguments == [(None,), (5.0,), (1.0,)]


def test_e08_a_function_registered_after_an_evaluation_stays_unknown() -> None:
    book = fz.Workbook()
    book.add_sheet("S")
    book.set_formula("S", 1, 1, "=F()")
    book.evaluate_all()
    book.register_function("F", lambda: 1.0)
    book.evaluate_all()
    assert kind(book.get_value("S", 1, 1)) == "Name"


def test_e09_an_interrupt_in_a_function_is_swallowed() -> None:
    def interrupted() -> float:
        raise KeyboardInterrupt

    assert kind(calc("=F()", F=interrupted)) == "Value"


def test_e10_the_date_system_of_the_file_is_ignored() -> None:
    data = '<row r="1"><c r="A1"><f>DATE(2024,1,5)</f></c></row>'
    book = load(data, '<workbookPr date1904="1"/>')
    book.set_temporal_egress("serial")
    assert book.get_value("S", 1, 1) == 45296.0
    calculator = Formualizer()
    sheet = f"<worksheet {MAIN}><sheetData>{data}</sheetData></worksheet>"
    calculator.load(view_package([("S", sheet)], [], None), date1904=True, clock=NOON)
    calculator.evaluate()
    assert calculator.values("S", (1, 1, 1, 1)) == [[43834.0]]


def test_e11_escapes_of_texts_are_not_decoded() -> None:
    book = load('<row r="1"><c r="A1" t="str"><v>_x0041_b</v></c><c r="B1"><f>LEN(A1)</f></c></row>')
    assert book.get_value("S", 1, 2) == 8.0


def test_e12_hidden_rows_are_counted() -> None:
    rows = (
        '<row r="1"><c r="A1"><v>1</v></c><c r="B1"><f>SUBTOTAL(109,A1:A3)</f></c></row>'
        '<row r="2" hidden="1"><c r="A2"><v>1</v></c></row><row r="3"><c r="A3"><v>1</v></c></row>'
    )
    assert load(rows).get_value("S", 1, 2) == 3.0


@pytest.mark.parametrize(
    ("rows", "columns", "answer"), [(5000, 3, "Spill"), (10_001, 1, "Spill"), (5000, 2, "value 0.0")]
)
def test_e13_a_result_above_ten_thousand_cells_does_not_spill(rows: int, columns: int, answer: str) -> None:
    book = fz.Workbook()
    book.add_sheet("S")
    book.register_function("SP", spill)
    book.set_formula("S", 1, 1, f"=SP({rows},{columns})")
    book.set_formula("S", 1, 9, f"=SUM(SP({rows},{columns}))")
    book.evaluate_all()
    assert kind(book.get_value("S", 1, 1)) == answer
    assert book.get_value("S", 1, 9) == sum(map(sum, spill(rows, columns)))


def test_e14_an_input_into_a_spill_is_overwritten() -> None:
    book = fz.Workbook()
    book.add_sheet("S")
    book.register_function("SP", spill)
    book.set_formula("S", 1, 1, "=SP(3,1)")
    book.evaluate_all()
    book.set_value("S", 2, 1, 99.0)
    book.evaluate_all()
    assert kind(book.get_value("S", 1, 1)) == "value 0.0"


@pytest.mark.parametrize(
    ("result", "answer"),
    [
        (np.array([1.0, 2.0]), "Value"),
        (((1.0, 2.0), (3.0, 4.0)), "Value"),
        ([[1.0, 2.0], [3.0]], "Value"),
        ([1.0, 2.0], "Value"),
        (Decimal("1.5"), "Value"),
        ({1.0}, "Value"),
        ([], "value None"),
        ([[]], "value None"),
        (None, "value 0.0"),
    ],
)
def test_e15_results_of_unusual_types_are_not_converted(result: object, answer: str) -> None:
    assert kind(calc("=F()", F=lambda: result)) == answer


def test_e15_nan_and_infinity_leak() -> None:
    assert math.isnan(calc("=F()", F=lambda: math.nan))
    assert math.isinf(calc("=F()", F=lambda: math.inf))


@pytest.mark.parametrize(
    "text", ["OFFSET(S!$A$1,0,0,2,1)", "U(S!$A$1)", "_xlfn.ANCHORARRAY(S!$A$1)", "S!A1", "S!$A$1,S!$A$2"]
)
def test_e16_names_that_are_formulas_are_unknown(text: str) -> None:
    names = f'<definedNames><definedName name="n">{text}</definedName></definedNames>'
    book = load('<row r="1"><c r="A1"><v>1</v></c><c r="B1"><f>SUM(n)</f></c></row>', names, U=lambda v: v)
    assert kind(book.get_value("S", 1, 2)) == "Name"


def test_e17_a_plain_formula_spills() -> None:
    book = load(
        '<row r="1"><c r="A1"><f>B1:B2*2</f></c><c r="B1"><v>1</v></c></row>'
        '<row r="2"><c r="B2"><v>2</v></c></row>'
    )
    assert book.get_value("S", 2, 1) == 4.0


LACKED = """=MMULT({1,2;3,4},{1;1}) =WRAPROWS({1,2,3},2) =EXPAND({1,2},2,2) =MINVERSE({1,2;3,4})
=VALUE("1,234.5") =--"1,000" =XLOOKUP({"b";"a"},{"a";"b"},{1;2}) =AGGREGATE(14,6,{1,2,3},1)""".split()


@pytest.mark.parametrize("formula", LACKED)
def test_e18_functions_the_calculator_lacks_or_answers_otherwise(formula: str) -> None:
    assert kind(calc(formula)) in ("Name", "Value", "Na", "NImpl")


@pytest.mark.parametrize(
    ("formula", "excel"),
    [
        ('=TEXT(46346,"ggge")', "令和8"),
        ('=TEXT(1.5,"# ?/?")', "1 1/2"),
        ('=TEXT(5,"[>3]""big"";""small""")', "big"),
    ],
)
def test_e18_formats_that_are_printed_otherwise(formula: str, excel: str) -> None:
    assert calc(formula) != excel


def test_e19_one_reference_to_another_book_stops_everything() -> None:
    with pytest.raises(fz.ExcelEvaluationError, match="Sheet1"):
        load('<row r="1"><c r="A1"><f>[1]Sheet1!$A$1</f></c><c r="B1"><f>1+1</f></c></row>')


def test_e20_doubles_are_compared_exactly() -> None:
    assert calc("=0.1+0.2=0.3") is False
    assert calc("=1.1-1-0.1") == 1.1 - 1 - 0.1


def test_e21_numbers_join_texts_with_seventeen_digits() -> None:
    assert calc('="a"&1/3') == "a0.3333333333333333"


def test_e22_a_syntax_error_stays_in_its_cell() -> None:
    book = load('<row r="1"><c r="A1"><f>SUM((1</f></c><c r="B1"><f>1+1</f></c></row>')
    assert kind(book.get_value("S", 1, 1)) == "Error"
    assert book.get_value("S", 1, 2) == 2.0


def test_e23_a_circle_is_named() -> None:
    book = load('<row r="1"><c r="A1"><f>B1</f></c><c r="B1"><f>A1</f></c><c r="C1"><f>C1+1</f></c></row>')
    assert [kind(book.get_value("S", 1, column)) for column in (1, 2, 3)] == ["Circ"] * 3


@pytest.mark.parametrize("formula", ["=SUM(S:S!B1)", "=SUM(B1:C1 C1:D1)", "=SUM((A2,A3))"])
def test_e24_references_of_several_ranges_are_not_calculated(formula: str) -> None:
    assert kind(calc(formula)) == "NImpl"


def test_e25_other_spellings_of_a_function_are_unknown() -> None:
    assert kind(calc("=_xll.F(1)", F=lambda v: v)) == "Name"


def test_e26_a_function_may_not_touch_its_own_workbook() -> None:
    book = fz.Workbook()
    book.add_sheet("S")
    book.register_function("F", lambda: book.set_value("S", 9, 9, 1.0))
    book.set_formula("S", 1, 1, "=F()")
    book.evaluate_all()
    assert kind(book.get_value("S", 1, 1)) == "Value"


def test_e27_a_built_in_is_replaced_only_on_request() -> None:
    book = fz.Workbook()
    with pytest.raises(Exception, match="VALUE"):
        book.register_function("VALUE", lambda text: 1.0)
    book.register_function("VALUE", lambda text: 1.0, allow_override_builtin=True)


def test_e28_a_sum_of_blanks_is_minus_zero() -> None:
    assert math.copysign(1.0, calc("=SUBTOTAL(9,B1)")) == -1.0


def test_e29_a_let_name_may_not_read_as_a_cell() -> None:
    assert kind(calc("=LET(b7,2,b7*2)")) == "Value"


def test_e30_a_calculation_has_a_time_limit_and_can_be_cancelled() -> None:
    config = fz.EvaluationConfig()
    config.max_eval_time_ms = 50
    book = fz.Workbook(config=fz.WorkbookConfig(eval_config=config))
    book.add_sheet("S")
    book.register_function("SLOW", lambda v: time.sleep(0.03) or 1.0)  # type: ignore[func-returns-value]
    for row in range(1, 40):
        book.set_formula("S", row, 1, f"=SLOW({row})")
    with pytest.raises(fz.ExcelEvaluationError):
        book.evaluate_all()
    other = fz.Workbook()
    other.add_sheet("S")
    other.register_function("SLOW", lambda v: time.sleep(0.03) or 1.0)  # type: ignore[func-returns-value]
    for row in range(1, 60):
        other.set_formula("S", row, 1, f"=SLOW({row})")
    timer = threading.Timer(0.1, other.cancel)
    timer.start()
    with pytest.raises(fz.ExcelEvaluationError):
        other.evaluate_all()
    timer.join()


def _renaming(name: str) -> Callable[[str], str]:
    return lambda text: text.replace('"S"', f'"{name}"')


def test_e31_a_sheet_called_sheet1_in_other_letters_loses_its_formulas() -> None:
    row = '<c r="A1"><f>B1&amp;"!"</f></c><c r="B1" t="str"><v>P</v></c><c r="C1"><f>1+1</f></c>'
    body = f'<worksheet {MAIN}><sheetData><row r="1">{row}</row></sheetData></worksheet>'
    for name, answer in {"sheet1": "value None", "Sheet1": "value 2.0", "data": "value 2.0"}.items():
        book = fz.Workbook.from_bytes(
            changed(view_package([("S", body)], [], None), "xl/workbook.xml", _renaming(name))
        )
        book.evaluate_all()
        assert kind(book.get_value(name, 1, 3)) == answer
    calculator = Formualizer()
    calculator.load(view_package([("sheet1", body)], [], None), date1904=False, clock=NOON)
    calculator.evaluate()
    assert calculator.values("sheet1", (1, 1, 1, 3)) == [["P!", "P", 2.0]]


def test_e32_a_shared_string_with_a_reading_is_lost() -> None:
    from tests.workbook.books import parts_of, simple, value, zipped

    data = simple({"A1": "東京", "B1": '=A1&"!"'})
    parts = parts_of(data)
    reading = '<rPh sb="0" eb="2"><t>トウキョウ</t></rPh><phoneticPr fontId="1"/>'.encode()
    strings = parts["xl/sharedStrings.xml"].replace(b"</t></si>", b"</t>" + reading + b"</si>", 1)
    data = zipped({**parts, "xl/sharedStrings.xml": strings})
    assert value(data, "B1") == "東京!"
    assert value(data, "A1") == "東京"


def test_e33_a_range_from_bottom_to_top_stops_everything() -> None:
    with pytest.raises(fz.ExcelEvaluationError):
        load('<row r="1"><c r="A1"><f>SUMIFS(B2:B1,C2:C1,1)</f></c></row>')


# -- what works and is not built again -----------------------------------------------------------


@pytest.mark.parametrize(
    ("formula", "answer"),
    [
        ("=SUM(A2:INDEX(A2:A4,2))", 3.0),
        ("=SUMIFS(A2:A4,B2:B4,\"*b\")", 5.0),
        ("=IFERROR(1/0,7)", 7.0),
        ("=AGGREGATE(9,6,A2:A4)", 6.0),
        ("=_xlfn.LET(_xlpm.x,2,_xlpm.x*3)", 6.0),
        ("=SUM(_xlfn._xlws.SORT(A2:A4))", 6.0),
        ("=SUM(F(IF(TRUE,A2:A4,0)))", 6.0),
        ("=SUM(F(CHOOSE(1,A2:A4)))", 6.0),
        ("=SUM(F(OFFSET(A2,0,0,3,1)))", 6.0),
        ("=ROUND(XIRR({-100,110},{45000,45365}),6)", 0.1),
        ("=SUM(A:A)", 6.0),
    ],
)  # fmt: skip
def test_what_the_calculator_does_itself(formula: str, answer: float) -> None:
    text = formula[1:].replace("&", "&amp;").replace("<", "&lt;")
    rows = '<row r="1"><c r="D1"><f>' + text + "</f></c></row>"
    rows += "".join(
        f'<row r="{n}"><c r="A{n}"><v>{n - 1}</v></c><c r="B{n}" t="str"><v>{word}</v></c></row>'
        for n, word in ((2, "ac"), (3, "ab"), (4, "ab"))
    )
    assert load(rows, F=lambda v: v).get_value("S", 1, 4) == pytest.approx(answer)


def test_each_function_cell_is_called_once() -> None:
    arguments: list[Any] = []
    load(
        '<row r="1"><c r="A1"><f>F(1)</f></c><c r="B1"><f>F(1)</f></c><c r="C1"><f>A1+B1</f></c></row>',
        F=seen(arguments),
    )
    assert len(arguments) == 2


def test_every_function_of_excel_is_known_or_listed_as_lacking() -> None:
    """A name the calculator does not know answers #NAME? whatever its arguments."""
    book = fz.Workbook()
    book.add_sheet("S")
    unknown = set()
    for name in sorted(EXCEL):
        answers = set()
        for given in ("", "1", "1,1", "1,1,1"):
            book.set_formula("S", 5, 5, f"={name}({given})")
            answers.add(kind(book.evaluate_cell("S", 5, 5)))
        if answers == {"Name"}:
            unknown.add(name)
    # FORMULATEXT answers with the lowered text, which nobody wants to see.
    assert unknown == LACKING - {"FORMULATEXT"}


# -- the interface ---------------------------------------------------------------------------------

ADAPTERS: list[type[Formualizer]] = [Formualizer]
adapters = pytest.mark.parametrize("adapter", ADAPTERS, ids=lambda a: a.__name__)


def ready(adapter: type[Calculator], rows: str, **functions: Callable[..., Any]) -> Calculator:
    calculator = adapter()
    view = view_package([("S", f"<worksheet {MAIN}><sheetData>{rows}</sheetData></worksheet>")], [], None)
    calculator.load(view, date1904=False, clock=NOON)
    for name, function in functions.items():
        calculator.register(name, function)
    return calculator


@adapters
def test_values_come_as_rows_and_nothing_beyond_the_used_range(adapter: type[Calculator]) -> None:
    calculator = ready(adapter, '<row r="1"><c r="A1"><v>1</v></c><c r="B1"><f>A1&amp;"x"</f></c></row>')
    calculator.evaluate()
    assert calculator.values("S", (1, 1, 2, 3)) == [[1.0, "1x", None], [None, None, None]]


@adapters
def test_literals_and_blocks_can_be_set_before_the_evaluation(adapter: type[Calculator]) -> None:
    calculator = ready(adapter, '<row r="1"><c r="D1"><f>SUM(A1:B3)</f></c></row>')
    calculator.set("S", 1, 1, 5.0)
    calculator.set_block("S", 2, 1, [[1.0, 2.0], ["x", True]])
    calculator.evaluate()
    assert calculator.values("S", (1, 4, 1, 4)) == [[8.0]]


@adapters
def test_the_extent_of_a_spill_is_known_at_its_first_cell_only(adapter: type[Calculator]) -> None:
    calculator = ready(adapter, '<row r="1"><c r="A1"><f>SP(2,3)</f></c></row>', SP=spill)
    calculator.evaluate()
    assert calculator.spill("S", 1, 1) == (1, 1, 2, 3)
    assert calculator.spill("S", 2, 2) is None
    assert calculator.spill("S", 9, 9) is None


@adapters
def test_the_clock_is_the_one_that_was_given(adapter: type[Calculator]) -> None:
    calculator = ready(adapter, '<row r="1"><c r="A1"><f>TODAY()</f></c><c r="B1"><f>NOW()</f></c></row>')
    calculator.evaluate()
    assert calculator.values("S", (1, 1, 1, 2)) == [[46346.0, 46346.5]]


@adapters
def test_a_view_that_is_broken_is_refused_with_a_sentence(adapter: type[Calculator]) -> None:
    with pytest.raises(PackageError, match="The file is damaged: a worksheet"):
        ready(adapter, '<row r="1"><c r="A1"><v>1</c></row>')


@adapters
def test_a_refusal_of_the_whole_calculation_is_a_sentence(adapter: type[Calculator]) -> None:
    calculator = ready(adapter, '<row r="1"><c r="A1"><f>[1]Sheet1!$A$1</f></c></row>')
    with pytest.raises(DomainError, match="The calculation was stopped"):
        calculator.evaluate()
