"""Workbooks and worksheet functions that the tests of the engine share."""

from __future__ import annotations

import datetime as dt
import struct
import zipfile
import zlib
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any, NamedTuple

import xlsxwriter

from xlplugin.errors import ErrorValue
from xlplugin.workbook import compile_template
from xlplugin.workbook.formula import file_form
from xlplugin.workbook.values import MISSING
from xlplugin.workbook.zipped import read_zip

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from xlplugin.workbook import CompiledTemplate, Result

DAY = dt.date(2026, 11, 20)

# -- functions -----------------------------------------------------------------------------------


class Failed(NamedTuple):
    error: ErrorValue
    sentence: str


def block(value: Any) -> list[list[Any]]:
    return value if isinstance(value, list) else [[value]]


def numbers(value: Any) -> list[float]:
    return [cell for row in block(value) for cell in row if type(cell) is float]


def spill(rows: Any, columns: Any, start: Any = 0.0) -> Any:
    """Row i, column j holds start + 10 i + j."""
    for given in (rows, columns):
        if isinstance(given, ErrorValue):
            return Failed(given, "TEST_SPILL: a size is an error")
    start = 0.0 if start is MISSING else start
    return [[start + 10.0 * i + j for j in range(int(columns))] for i in range(int(rows))]


def shown(*values: Any) -> list[list[Any]]:
    """What arrived, as text."""

    def one(value: Any) -> str:
        if isinstance(value, list):
            return f"{len(value)}x{len(value[0])}"
        return "~" if value is MISSING else "-" if value is None else f"{value}"

    return [["|".join(map(one, values))]]


def refused() -> Failed:
    return Failed(ErrorValue.NUM, "DI-140 TEST_FAIL: refused on purpose; do otherwise")


def matching(value: Any) -> list[list[Any]]:
    """The value itself: a block of any size."""
    return block(value)


TEST_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "TEST_SUM": lambda *values: [[sum(n for v in values for n in numbers(v))]],
    "TEST_SPILL": spill,
    "TEST_SHOWN": shown,
    "TEST_FAIL": refused,
    "TEST_SAME": matching,
    "TEST_DATES": lambda: [["day", "n"], [dt.date(2026, 1, 5), 1.0], [dt.date(2026, 1, 6), 2.0]],
    "TEST_TEXTS": lambda: [["a ", ""], ["_x0041_", "l1\nl2"], ["タブ\t", "☃😀"]],
    "WHY": lambda value: [[f"nothing about {value}"]],
}


@dataclass(frozen=True)
class StubFunctions:
    """A few functions with known answers; `calls` lists what was called."""

    version: str = "1"

    @property
    def names(self) -> frozenset[str]:
        return frozenset(TEST_FUNCTIONS)

    @property
    def explaining(self) -> frozenset[str]:
        return frozenset({"WHY"})

    def answer(
        self, name: str, arguments: Sequence[Any], *, recorded: str | None = None, date1904: bool = False
    ) -> Any:
        if recorded is not None:
            return [[recorded]]
        try:
            return TEST_FUNCTIONS[name](*arguments)
        except (TypeError, ValueError) as fault:  # as a real host: never an exception
            return Failed(ErrorValue.VALUE, f"{name}: {fault}")


FUNCTIONS = StubFunctions()


# -- books by XlsxWriter ---------------------------------------------------------------------------


def written(fill: Callable[[xlsxwriter.Workbook], None], **options: Any) -> bytes:
    memory = BytesIO()
    book = xlsxwriter.Workbook(memory, options)
    fill(book)
    book.close()
    return memory.getvalue()


def put(sheet: Any, place: str, value: Any, style: Any = None) -> None:
    """A value; a text that starts with = is a plain formula, with {= a dynamic array."""
    if isinstance(value, str) and value.startswith("{="):
        sheet.write_dynamic_array_formula(f"{place}:{place}", f"={file_form(value[2:])}", style)
    elif isinstance(value, str) and value.startswith("="):
        sheet.write_formula(place, f"={file_form(value)}", style)
    elif isinstance(value, dt.date):
        sheet.write_datetime(place, value, style)
    elif isinstance(value, str):
        sheet.write_string(place, value, style)
    else:
        sheet.write(place, value, style)


def simple(
    cells: Mapping[str, Any],
    *,
    other: Mapping[str, Any] | None = None,
    names: Mapping[str, str] | None = None,
    tables: Mapping[str, dict[str, Any]] | None = None,
) -> bytes:
    """One sheet "S" (and "T") with cells, names, and tables by range."""

    def fill(book: xlsxwriter.Workbook) -> None:
        sheet, second = book.add_worksheet("S"), book.add_worksheet("T")
        for place, value in cells.items():
            put(sheet, place, value)
        for place, value in (other or {}).items():
            put(second, place, value)
        for reference, described in (tables or {}).items():
            sheet.add_table(reference, described)
        for name, text in (names or {}).items():
            book.define_name(name, f"={text}")

    return written(fill)


def compiled(data: bytes, *, lenient: bool = False) -> CompiledTemplate:
    return compile_template(data, FUNCTIONS, lenient=lenient)


def run(data: bytes, *, lenient: bool = False, **options: Any) -> Result:
    return compiled(data, lenient=lenient).run(as_of=DAY, **options)


def value(data: bytes, place: str, sheet: str = "S", **options: Any) -> Any:
    return run(data, **options).cells(sheet, place)[0][0]


# -- packages by hand ------------------------------------------------------------------------------

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
REL = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"


def minimal(
    sheet_data: str, *, book: str = "", sheet: str = "", extra: Mapping[str, str] | None = None
) -> bytes:
    """The smallest package with one sheet "S"; `extra` replaces or adds parts."""
    parts = {
        "[Content_Types].xml": f'<?xml version="1.0"?><Types xmlns="{PACKAGE}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="xml" ContentType="application/xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{TYPE}.sheet.main+xml"/>'
        f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{TYPE}.worksheet+xml"/></Types>',
        "_rels/.rels": f'<?xml version="1.0"?><Relationships xmlns="{PACKAGE}/relationships">'
        f'<Relationship Id="rId1" Type="{REL}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<?xml version="1.0"?><workbook xmlns="{MAIN}" xmlns:r="{REL}"><sheets>'
        f'<sheet name="S" sheetId="1" r:id="rId1"/></sheets>{book}</workbook>',
        "xl/_rels/workbook.xml.rels": f'<?xml version="1.0"?><Relationships xmlns="{PACKAGE}/relationships">'
        f'<Relationship Id="rId1" Type="{REL}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
        "xl/worksheets/sheet1.xml": f'<?xml version="1.0"?><worksheet xmlns="{MAIN}">'
        f"<sheetData>{sheet_data}</sheetData>{sheet}</worksheet>",
    }
    parts.update(extra or {})
    return zipped(parts)


def zipped(parts: Mapping[str, str | bytes]) -> bytes:
    memory = BytesIO()
    with zipfile.ZipFile(memory, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    return memory.getvalue()


def parts_of(data: bytes) -> dict[str, bytes]:
    return {name: entry.data() for name, entry in read_zip(data).items()}


def changed(data: bytes, part: str, edit: Callable[[str], str]) -> bytes:
    """The package with one part edited as text."""
    parts = parts_of(data)
    before = parts[part].decode()
    after = edit(before)
    assert after != before, f"nothing was changed in {part}"
    return zipped({**parts, part: after})


# -- a book with everything a template may hold ----------------------------------------------------


def picture() -> BytesIO:
    """A PNG of 2 x 2 pixels."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    rows = b"".join(b"\0" + b"\xff\0\0" * 2 for _ in range(2))
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 2, 2, 8, 2, 0, 0, 0))
    return BytesIO(data + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def rich(*, macros: bool = False) -> bytes:
    """Charts, tables, validations, formats, pictures, shapes, sparklines, comments, print set-up."""

    def fill(book: xlsxwriter.Workbook) -> None:
        if macros:
            book.add_vba_project(BytesIO(b"\xd0\xcf\x11\xe0 macros of a firm"), is_stream=True)
        lots, calc = book.add_worksheet("ロット"), book.add_worksheet("計算")
        view, hidden = book.add_worksheet("Summary & 'more' pages"), book.add_worksheet("hidden")
        bold = book.add_format({"bold": True, "num_format": "#,##0.00", "bg_color": "#FFEEDD"})
        day = book.add_format({"num_format": "yyyy-mm-dd"})
        red = book.add_format({"font_color": "#9C0006"})
        for row, (code, cost, bought) in enumerate(
            [
                ("7203", 100.5, dt.date(2024, 1, 5)),
                ("6758", 7, dt.date(2024, 1, 6)),
                ("7974", 150, dt.date(2024, 1, 7)),
            ],
            start=2,
        ):
            put(lots, f"A{row}", code)
            put(lots, f"B{row}", cost, bold)
            put(lots, f"C{row}", bought, day)
        lots.add_table(
            "A1:D5",
            {
                "name": "Lots",
                "total_row": True,
                "columns": [
                    {"header": "銘柄", "total_string": "計"},
                    {"header": "Cost", "total_function": "sum"},
                    {"header": "Date"},
                    {"header": "Twice", "formula": "=Lots[[#This Row],[Cost]]*2"},
                ],
            },
        )
        lots.data_validation(
            "B2:B4", {"validate": "decimal", "criteria": ">", "value": 0, "input_title": "Cost"}
        )
        lots.data_validation("F2", {"validate": "list", "source": ["ja", "en"]})
        lots.conditional_format("B2:B4", {"type": "data_bar", "data_bar_2010": True})
        lots.conditional_format("C2:C4", {"type": "icon_set", "icon_style": "3_traffic_lights"})
        lots.conditional_format("A2:A4", {"type": "cell", "criteria": "==", "value": '"7203"', "format": red})
        lots.ignore_errors({"number_stored_as_text": "A2:A4"})
        lots.write_comment("A2", "a note")
        lots.freeze_panes(1, 0)
        lots.set_row(7, None, None, {"level": 1, "hidden": True})
        book.define_name("原価", "=ロット!$B$2:$B$4")
        book.define_name("rate", "=0.05")
        book.define_name("picked", "=_xlfn.ANCHORARRAY('計算'!$A$5)")
        put(calc, "A1", "=SUM(Lots[Cost])", bold)
        put(calc, "A2", "=SUM(原価)*rate")
        put(calc, "A3", "=TEST_SUM(Lots[Cost],rate)")
        put(calc, "A5", "{=TEST_SPILL(4,3)", bold)
        put(calc, "F5", "=SUM(A5#)")
        put(calc, "F6", "=ROWS(picked)")
        put(calc, "F7", "=LET(x,2,x*A1)")
        put(calc, "F8", '="é & <b>"&A5')
        calc.set_column("A:C", 12, bold)
        view.merge_range("A1:D1", "Title", bold)
        for row in range(4):
            put(view, f"A{row + 3}", f"='計算'!A{row + 5}")
        put(view, "B3", "=SUBTOTAL(9,'計算'!A5:A8)")
        chart = book.add_chart({"type": "column"})
        chart.add_series(
            {"name": "='計算'!$A$1", "categories": "=ロット!$A$2:$A$4", "values": "=ロット!$B$2:$B$4"}
        )
        chart.set_title({"name": "Costs"})
        view.insert_chart("F2", chart)
        line = book.add_chart({"type": "line"})
        line.add_series({"categories": "='計算'!$A$5:$B$8", "values": "='計算'!$C$5:$C$8"})
        view.insert_chart("F20", line)
        alone = book.add_chart({"type": "pie"})
        alone.add_series({"categories": "=ロット!$A$2:$A$4", "values": "=ロット!$B$2:$B$4"})
        book.add_chartsheet("Pie").set_chart(alone)
        view.insert_image("A20", "logo.png", {"image_data": picture(), "description": "logo"})
        view.insert_textbox("A25", "a text box", {"url": "https://example.org"})
        view.insert_checkbox("A30", True)
        view.add_sparkline("E3", {"range": "ロット!B2:B4"})
        view.write_rich_string("A32", "normal ", bold, "bold", " end")
        view.write_url("A33", "https://example.org/", string="a link")
        view.set_landscape()
        view.set_paper(9)
        view.fit_to_pages(1, 1)
        view.print_area("A1:H40")
        view.repeat_rows(0)
        view.set_header("&L&G&RPage &P", {"image_left": "logo.png", "image_data_left": picture()})
        view.set_footer("&C&N")
        view.set_h_pagebreaks([20])
        view.protect("", {"select_locked_cells": True})
        view.hide_gridlines(2)
        view.set_tab_color("#0072B2")
        view.set_background(picture())
        view.autofilter("A2:B6")
        hidden.very_hidden()
        book.set_properties({"title": "Rich", "author": "A firm"})
        book.set_custom_property("client_id", "C0001")

    return written(fill)
