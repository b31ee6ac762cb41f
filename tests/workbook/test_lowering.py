"""Stored formulas as the calculator sees them, and what comes out of it."""

from __future__ import annotations

import pytest

from tests.workbook.books import compiled, parts_of, run, simple, value
from xlplugin.workbook import TemplateError
from xlplugin.workbook.formula import table_of_spellings
from xlplugin.workbook.lowering import Lowering
from xlplugin.workbook.package import DefinedName
from xlplugin.workbook.structured import Table
from xlplugin.workbook.xmltext import xml

LOTS = Table("Lots", "ロット", (1, 1, 4, 2), has_header=True, has_totals=False, columns=("Code", "Cost"))
NAMES = [
    DefinedName("rate", "0.05", None),
    DefinedName("costs", "ロット!$B$2:$B$4", None),
    DefinedName("twice", "costs*2", None),
    DefinedName("four", "twice*2", None),
    DefinedName("left", "S!A1", None),
    DefinedName("local", "1+1", "S"),
    DefinedName("local", "5+5", None),
    DefinedName("loop", "loop+1", None),
    DefinedName("dbl", "_xlfn.LAMBDA(_xlpm.x,_xlpm.x*2)", None),
    DefinedName("_xlnm.Print_Area", "S!$A$1:$B$2", "S"),
]
LOWER = Lowering([LOTS], table_of_spellings(["HARVEST", "WHY"]), NAMES, {}, {"WHY"})


def lowered(formula: str, sheet: str = "S", row: int = 5, column: int = 3) -> str:
    return LOWER(formula, sheet, row, column, 7).text


@pytest.mark.parametrize(
    ("stored", "engine"),
    [
        ("SUM(A1:A3)", "SUM(A1:A3)"),
        ("SUM(Lots[Cost])", "SUM('ロット'!$B$2:$B$4)"),
        ("ROWS(Lots)", "ROWS('ロット'!$A$2:$B$4)"),
        ("Lots[#All]", "'ロット'!$A$1:$B$4"),
        ("twice+1", "(costs*2)+1"),
        ("four", "((costs*2)*2)"),
        ("rate*2", "rate*2"),  # one constant: the calculator knows it
        ("local", "(1+1)"),  # the sheet's own name wins
        ("T!local", "(5+5)"),
        ("S!local", "(1+1)"),
        ("left", "(S!C5)"),  # relative names move from A1 to the cell
        ("HARVEST(A1)", "HARVEST(7,A1)"),
        ("HARVEST()", "HARVEST(7)"),
        ("HARVEST( )", "HARVEST(7)"),
        ("_xll.HARVEST(A1)", "HARVEST(7,A1)"),
        ("_XLDUDF_DI_harvest(A1)", "HARVEST(7,A1)"),
        ("[1]!HARVEST(A1)", "HARVEST(7,A1)"),
        ("HARVEST(,2)", "HARVEST(7,__OMIT(),2)"),
        ("HARVEST(1,,3)", "HARVEST(7,1,__OMIT(),3)"),
        ("HARVEST(1,)", "HARVEST(7,1,__OMIT())"),
        ("SUM(HARVEST(1,,HARVEST(,2)),,3)", "SUM(HARVEST(7,1,__OMIT(),HARVEST(7,__OMIT(),2)),,3)"),
        ("HARVEST({1,2;3,4},)", "HARVEST(7,{1,2;3,4},__OMIT())"),
        ("WHY(T!$B$2)", 'WHY(7,"T!B2",T!$B$2)'),
        ("WHY(B2:B3)", 'WHY(7,"",B2:B3)'),
        ("_xlfn.SINGLE(A1:A9)", "A5"),  # row 5 of the range
        ("_xlfn.SINGLE(T!$B$1:$B$3)", "#VALUE!"),
        ("_xlfn.SINGLE(INDEX(A1:A9,2))", "@(INDEX(A1:A9,2))"),
        ("SUM(B9:A1)", "SUM(A1:B9)"),
        ("'[1]S'!A1+1", "#REF!+1"),
        ('"HARVEST(Lots[Cost],twice)"', '"HARVEST(Lots[Cost],twice)"'),
        ("'Lots'!A1+'twice'!A1", "'Lots'!A1+'twice'!A1"),
        ("Lots!A1", "Lots!A1"),  # a sheet that is called like a table
        ("[2]Book!A1", "#REF!Book!A1"),
        ("IF(A1+B1=C1,1,0)", "IF(__SAME(A1+B1,C1),1,0)"),
        ("A1=B1", "A1=B1"),
        ('A1&"x"=B1+1', '__SAME(A1&"x",B1+1)'),
        ("-1=A1", "-1=A1"),
        (
            "_xlfn.LAMBDA(_xlpm.a,_xlpm.b,_xlpm.a+_xlpm.b)(1,2)",
            "_xlfn.LET(_xlpm.a,1,_xlpm.b,2,_xlpm.a+_xlpm.b)",
        ),
        ("dbl(A1)", "_xlfn.LET(_xlpm.x,A1,_xlpm.x*2)"),
    ],
)
def test_a_stored_formula_becomes_plain_a1_text(stored: str, engine: str) -> None:
    assert lowered(stored) == engine


def test_a_column_without_table_belongs_to_the_table_of_the_cell() -> None:
    assert lowered("[Cost]*2", "ロット", 3, 2) == "$B$2:$B$4*2"
    assert lowered("Lots[[#This Row],[Cost]]", "ロット", 3, 2) == "$B$3"
    assert lowered("[Cost]", "S") == "#REF!"


def test_a_circle_of_names_ends() -> None:
    assert lowered("loop").count("+1") == 16


def test_the_tables_of_a_formula_are_noted_even_through_names() -> None:
    assert LOWER("SUM(Lots[Cost])", "S", 1, 1, 0).tables == {"LOTS"}
    assert LOWER("twice", "S", 1, 1, 0).tables == frozenset()


# -- through the calculator ------------------------------------------------------------------------

TABLES = {"A1:B4": {"name": "Lots", "columns": [{"header": "Code"}, {"header": "Cost"}]}}
CELLS = {"A2": "a", "A3": "b", "A4": "c", "B2": 1, "B3": 2, "B4": 4}


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("=SUM(Lots[Cost])", 7.0),
        ("=TEST_SHOWN(1,,3)", "1.0|~|3.0"),
        ("=TEST_SHOWN(,2)", "~|2.0"),
        ("=TEST_SHOWN(D9)", "-"),
        ("=TEST_SHOWN(Lots[Cost])", "3x1"),
        ("=TEST_SHOWN(B2)", "1.0"),
        ("=TEST_SHOWN(1/0)", "ErrorValue.DIV0"),
        ('=TEST_SHOWN("x",TRUE)', "x|True"),
        ("=total*2", 14.0),
        ("=picked", 4.0),
        ("=INDEX(twice,2)", 4.0),
        ("=DBL(21)", 42.0),
        ("=0.1+0.2=0.3", True),
        ("=0.1+0.2<>0.3", False),
        ("=1.1-1-0.1=0", False),
        ("=SUM(MAP(Lots[Cost],LAMBDA(x,x*total)))", 49.0),
        ("=REDUCE(0,Lots[Cost],LAMBDA(a,x,a+x))", 7.0),
        ("=SUM(SCAN(0,Lots[Cost],LAMBDA(a,x,a+x)))", 11.0),
        ("=SUM(BYROW(Lots[Cost],LAMBDA(r,SUM(r)*10)))", 70.0),
        ("=SUM(BYCOL(B2:C4,LAMBDA(c,SUM(c))))", 7.0),
        ("=SUM(MAKEARRAY(2,3,LAMBDA(r,c,r*10+c)))", 102.0),
        ("=LET(f,LAMBDA(x,x+1),SUM(MAP(B2:B4,f)))", 10.0),
        ("=SUM(MAP(B2:B4,DBL))", 14.0),
        ("=LET(k,10,SUM(MAP(B2:B4,LAMBDA(x,x*k))))", 70.0),
        ("=SUM(MAP(B2:B4,LAMBDA(x,SUM(MAP(B2:B4,LAMBDA(y,x*y))))))", 49.0),
        ("=SUM(MAP(B2:B4,LAMBDA(x,TEST_SUM(x,1))))", 10.0),
        ("=ROWS(REDUCE(B2,B3:B4,LAMBDA(a,x,VSTACK(a,x))))", 3.0),
        ("=LAMBDA(x,[y],IF(ISOMITTED(y),x,x+y))(5)", 5.0),
        ("=LAMBDA(x,[y],IF(ISOMITTED(y),x,x+y))(5,2)", 7.0),
        ("=SUM(MAP(B2:B4,A2:A4,LAMBDA(n,t,n*LEN(t))))", 7.0),
        ('=XLOOKUP("b",A2:A4,B2:B4)', 2.0),
        ('=SUM(XLOOKUP({"a";"c"},A2:A4,B2:B4))', 5.0),
        ('=XLOOKUP({"x"},A2:A4,B2:B4,"none")', "none"),
        ("=ROWS(TEST_FAIL())", "#NUM!"),
        ("=SUM(MMULT({1,2;3,4},{1;1}))", 10.0),
        ("=MDETERM({1,2;3,4})", -2.0),
        ("=SUM(MMULT({2,0;0,4},MINVERSE({2,0;0,4})))", 2.0),
        ("=SUM(MUNIT(3))", 3.0),
        ("=INDEX(WRAPROWS({1,2,3,4,5},2),2,1)", 3.0),
        ("=INDEX(WRAPROWS({1,2,3},2,0),2,2)", 0.0),
        ("=INDEX(WRAPCOLS({1,2,3,4},2),1,2)", 3.0),
        ("=ROWS(EXPAND({1,2},3,2,0))", 3.0),
        ('=VALUE("¥1,234")', 1234.0),
        ('=VALUE("(5%)")', -0.05),
        ('=VALUE("2026-11-20")', 46346.0),
        ('=VALUE("1,23")', "#VALUE!"),
    ],
)
def test_a_cell_shows_what_excel_would_show(formula: str, expected: object) -> None:
    names = {"total": "SUM(Lots[Cost])", "picked": "OFFSET(S!$B$1,3,0)", "twice": "S!$B$2:$B$4*2"}
    names["DBL"] = "_xlfn.LAMBDA(_xlpm.x,_xlpm.x*2)"
    found = value(simple({**CELLS, "F1": "{" + formula}, names=names, tables=TABLES), "F1")
    if isinstance(expected, float):
        assert found == pytest.approx(expected, rel=1e-12)
    else:
        assert getattr(found, "value", found) == expected


def test_a_lambda_that_asks_for_its_place_is_refused() -> None:
    with pytest.raises(TemplateError, match="S!F1: MAP cannot be calculated without Excel"):
        run(simple({**CELLS, "F1": "{=MAP(B2:B4,LAMBDA(x,ROW(x)))"}))


def test_a_sheet_called_like_a_cell_is_read() -> None:
    from tests.workbook.books import put, written

    def fill(book: object) -> None:
        first, second = book.add_worksheet("A1"), book.add_worksheet("😀 'x'! y")  # type: ignore[attr-defined]
        put(first, "B2", 3)
        put(second, "A1", "='A1'!B2+1")
        put(first, "C1", "='😀 ''x''! y'!A1*2")

    assert compiled(written(fill)).run(as_of=__import__("datetime").date(2026, 1, 1)).cells("A1", "C1") == [
        [8.0]
    ]


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("A1:A3*2", 10.0),
        ("-A1:A3", -5.0),
        ("(A1:A3+1)*2", 12.0),
        ("costs*3", 15.0),
        ("Lots[Cost]+1", 6.0),
        ("A:A+0", 5.0),
        ("SUM(A1:A3)+A1:A3", 18.0),
        ("SUMPRODUCT((A1:A3>1)*A1:A3)", 12.0),
        ("T!A1:A3", 50.0),
    ],
)
def test_a_formula_of_one_cell_means_its_own_row_as_before_dynamic_arrays(
    formula: str, expected: float
) -> None:
    data = simple(
        {"A1": 1, "A2": 5, "A3": 7, "C2": f"={formula}", "E2": 5, "E3": 9},
        other={"A1": 40, "A2": 50, "A3": 60},
        names={"costs": "S!$A$1:$A$3"},
        tables={"E1:E3": {"name": "Lots", "columns": [{"header": "Cost"}]}},
    )
    assert value(data, "C2") == expected
    written = parts_of(run(data).data)["xl/worksheets/sheet1.xml"]
    assert f"<f>{xml(formula)}</f>".encode() in written
