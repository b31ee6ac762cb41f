"""What a real LibreOffice makes of our files: it opens them, and it recomputes the same values."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest

from tests.libreoffice import convert
from tests.workbook.books import DAY, compiled, put, rich, run, written
from xlplugin.errors import ErrorValue
from xlplugin.workbook import Book, Inputs
from xlplugin.workbook.tokens import address
from xlplugin.workbook.verify import same_value

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.libreoffice

XLSX = "xlsx:Calc MS Excel 2007 XML"


def reopened(data: bytes, folder: Path, name: str = "book") -> Book:
    """The values LibreOffice stores after loading, and so recomputing, our file."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.xlsx"
    path.write_bytes(data)
    return Book(convert(path, XLSX, folder / "out"))


def differences(ours: Book, theirs: Book, *, leave_out: frozenset[str] = frozenset()) -> list[str]:
    found = []
    for sheet in ours.sheets:
        mine, other = ours.values(sheet), theirs.values(sheet)
        for row, column in sorted(set(mine) | set(other)):
            place = f"{sheet}!{address(row, column)}"
            a, b = mine.get((row, column)), other.get((row, column))
            if place not in leave_out and not same_value(a, b)[0]:
                found.append(f"{place}: {a!r} here, {b!r} there")
    return found


def calculated() -> bytes:
    """Native formulas of many kinds; every cached value is wrong until somebody computes."""

    def fill(book: Any) -> None:
        sheet = book.add_worksheet("データ")
        for row in range(1, 41):
            put(sheet, f"A{row}", row * 1.25)
            put(sheet, f"B{row}", f"k{row % 7}")
            put(sheet, f"C{row}", f"=A{row}*2+SUMIFS($A$1:$A$40,$B$1:$B$40,B{row})")
            put(sheet, f"D{row}", f'=IF(C{row}>300,"big","small")&"-"&B{row}')
            put(sheet, f"E{row}", f"=VLOOKUP(B{row},$B$1:$C$40,2,FALSE)")
            put(sheet, f"F{row}", f"=ROUND(STDEV(A$1:A{max(row, 2)}),6)")
            put(sheet, f"G{row}", f"=INDEX($D$1:$D$40,MATCH(B{row},$B$1:$B$40,0))")
        put(sheet, "H1", '=SUMPRODUCT((B1:B40="k3")*A1:A40)')
        put(sheet, "H2", "=XNPV(0.05,{-100,60,60},{46000,46365,46730})")
        put(sheet, "H3", "=EOMONTH(DATE(2026,1,31),1)")
        put(sheet, "H4", '=TEXT(46346,"yyyy-mm-dd")&" "&TEXT(0.1234,"0.0%")')
        put(sheet, "H5", "=IFERROR(1/0,-1)")
        put(sheet, "H6", "=1/0")
        put(sheet, "H7", "=PERCENTILE(A1:A40,0.9)")
        put(sheet, "H8", '=LEN("日本語")+CODE("A")')
        put(sheet, "H9", "=AND(A1>1,NOT(A2<1))")
        put(sheet, "H10", "=NORMSDIST(1.5)+NORMSINV(0.9)")

    return written(fill)


def test_libreoffice_recomputes_the_same_values_from_the_oracle_edition(tmp_path: Path) -> None:
    data = calculated()
    ours = run(data).book
    oracle = run(data, edition="oracle").data
    assert not any(column == 3 for _, column in Book(oracle).values("データ"))
    theirs = reopened(oracle, tmp_path)
    assert differences(ours, theirs) == []


def test_one_wrong_value_would_be_found(tmp_path: Path) -> None:
    data = calculated()
    ours = run(data).book
    ours.values("データ")[7, 3] = 1.0
    theirs = reopened(run(data, edition="oracle").data, tmp_path)
    assert [text.partition(":")[0] for text in differences(ours, theirs)] == ["データ!C7"]


def test_a_client_book_opens_without_our_functions_and_shows_every_number(tmp_path: Path) -> None:
    records = [{"銘柄": str(n), "Cost": n + 0.5} for n in range(30)]
    result = compiled(rich()).run(Inputs(tables={"Lots": records}), as_of=DAY, edition="values")
    theirs = reopened(result.data, tmp_path)
    # LET came to LibreOffice with version 24.8; an older one shows an error in this native formula.
    assert differences(result.book, theirs, leave_out=frozenset({"計算!F7"})) == []


def test_a_grown_table_and_its_charts_are_drawn(tmp_path: Path) -> None:
    records = [{"銘柄": str(n), "Cost": n + 0.5} for n in range(30)]
    result = compiled(rich()).run(Inputs(tables={"Lots": records}), as_of=DAY, edition="values")
    path = tmp_path / "client.xlsx"
    path.write_bytes(result.data)
    pdf = convert(path, "pdf", tmp_path / "pdf").read_bytes()
    assert pdf.startswith(b"%PDF")
    assert len(pdf) > 10_000


def test_errors_and_texts_of_ours_are_read_as_such(tmp_path: Path) -> None:
    def fill(book: Any) -> None:
        sheet = book.add_worksheet("S")
        put(sheet, "A1", "{=TEST_TEXTS()")
        put(sheet, "D1", "=TEST_FAIL()")
        put(sheet, "D2", "{=TEST_SPILL(0,0)")
        put(sheet, "D3", "=TEST_SUM(1,2)")

    result = run(written(fill), edition="values")
    theirs = reopened(result.data, tmp_path).values("S")
    assert theirs[1, 1] == "a "
    assert theirs[2, 2] == "l1\nl2"
    assert theirs[3, 2] == "☃😀"
    assert theirs[1, 4] is ErrorValue.NUM
    assert theirs[2, 4] is ErrorValue.VALUE
    assert math.isclose(theirs[3, 4], 3.0)
