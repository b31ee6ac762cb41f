"""The tables of the index methodology book: universe with its history, criteria, corporate actions."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from xlsxwriter.utility import xl_range_abs

from workbooks.builder.book import Place, place
from workbooks.builder.index_method_data import REVIEW, sample
from workbooks.builder.references import sheet_ref
from workbooks.builder.tables import add_table
from workbooks.builder.words import layout

if TYPE_CHECKING:
    from workbooks.builder.book import Book, Sheet

__all__ = ["fill_tables", "place_tables", "table_columns"]

_PLACES = {"universe": ("universe", "B6"), "criteria": ("criteria", "B6"), "events": ("divisor", "B6")}
_CUT_OFF = dt.date(2026, 10, 30)
_GAP = 2


def table_columns(name: str) -> list[str]:
    """Keys of the columns of a table, the calculated ones last."""
    derived = layout("index_method_calc")["derived"].get(f"tbl_{name}", {})
    return [*layout("index_method_inputs")["table"][name]["columns"], *derived]


def _rows(book: Book, name: str) -> list[dict[str, Any]]:
    if name == "universe":
        last = sample().prices[-1]
        return [
            {
                "code": one.code,
                "name": book.words.pick(list(one.name)),
                "country": "JP",
                "sector": book.words.pick(list(one.sector)),
                "price": last[n],
                "shares_out": one.shares,
                "free_float": one.free_float,
                "adv": one.adv,
                "dividend": one.dividend,
                "incumbent": one.incumbent,
                "current_weight": one.current_weight,
                "obs_date": _CUT_OFF,
                "source": book.words("universe.source"),
            }
            for n, one in enumerate(sample().names)
        ]
    rows = layout("index_method_inputs")["table"][name]["rows"]
    return [_event(row) if name == "events" else _criterion(book, row) for row in rows]


def _criterion(book: Book, row: dict[str, Any]) -> dict[str, Any]:
    """A criterion names a column of the universe by the header it has in this language."""
    return row | {"field": book.words.column(row["field"])}


def _event(row: dict[str, Any]) -> dict[str, Any]:
    """An event of one of the largest members; a change of shares is given as the new number."""
    members = sorted((n for n in sample().names if n.incumbent), key=lambda n: -n.current_weight)
    one = members[row["code"]]
    more = {"term_one": round(row["term_one"] * one.shares)} if row["event"] == "SHARES" else {}
    return row | more | {"code": one.code}


def place_tables(book: Book) -> None:
    """Reserve header and rows of every table, and name the history beside the universe."""
    for name, (key, at) in _PLACES.items():
        sheet, start, keys = book.sheets[key], place(at), table_columns(name)
        own = layout("index_method_words")["column"]
        for offset, column in enumerate(keys):
            width = own[column][3] if column in own else layout("columns").get(column, ("", "", "", 70))[3]
            book.width(sheet, start.column + offset, width)
        last = start.row + len(_rows(book, name))
        book.tables[f"tbl_{name}"] = Place(start.row, start.column, last, start.column + len(keys) - 1)
    whole = book.tables["tbl_universe"]
    first, rows, names = whole.last_column + 1 + _GAP, len(sample().days), len(sample().names)
    where = sheet_ref(book.sheets["universe"].name)
    top = whole.row + 1
    for offset, key in enumerate(("days", "spot", "forward", "switch")):
        book.define(
            f"history_{key}", f"{where}!{xl_range_abs(top, first + offset, top + rows - 1, first + offset)}"
        )
    left = first + 4
    book.define("history_codes", f"{where}!{xl_range_abs(whole.row, left, whole.row, left + names - 1)}")
    book.define("history_prices", f"{where}!{xl_range_abs(top, left, top + rows - 1, left + names - 1)}")


def fill_tables(book: Book) -> None:
    """Write the tables with the sample, their calculated columns and drop-down lists, and the history."""
    for name, (key, _) in _PLACES.items():
        _table(book, book.sheets[key], name)
    _history(book, book.sheets["universe"])


def _code(key: str) -> str:
    own = layout("index_method_words")["column"]
    return str(own[key][2]) if key in own else str(layout("columns").get(key, ("", "", "g"))[2])


def _table(book: Book, sheet: Sheet, name: str) -> None:
    at, derived = book.tables[f"tbl_{name}"], layout("index_method_calc")["derived"].get(f"tbl_{name}", {})
    columns: list[dict[str, Any]] = []
    after_number = False
    for key in table_columns(name):
        code = _code(key)
        role = "body" if key in derived or key == "no" else "input"
        more: dict[str, Any] = {"indent": 1} if after_number and code in ("t", "g") else {}
        after_number = code not in ("t", "g")
        column: dict[str, Any] = {
            "header": book.words.column(key),
            "header_format": book.formats.cell("header", code, **more),
            "format": book.formats.cell(role, code, small=True, **more),
        }
        if key in derived:
            column["formula"] = book.resolver(derived[key])
        columns.append(column)
    add_table(book, sheet, f"tbl_{name}", columns)
    sheet.worksheet.set_row_pixels(at.row, 32)
    for number, row in enumerate(_rows(book, name), start=1):
        for offset, key in enumerate(table_columns(name)):
            style, where = columns[offset]["format"], (at.row + number, at.column + offset)
            value = number if key == "no" else row.get(key)
            if "formula" in columns[offset]:
                sheet.worksheet.write_formula(*where, columns[offset]["formula"], style, "")
            elif isinstance(value, list):
                sheet.worksheet.write_string(*where, book.words.pick(value), style)
            elif value is None:
                sheet.worksheet.write_blank(*where, None, style)
            elif isinstance(value, dt.date):
                sheet.worksheet.write_datetime(*where, value, style)
            elif isinstance(value, str):
                sheet.worksheet.write_string(*where, value, style)
            else:
                style = (
                    book.formats.cell("input", "q", small=True, align="left") if _code(key) == "t" else style
                )
                sheet.worksheet.write_number(*where, float(value), style)
    if name == "events":
        column_number = at.column + table_columns(name).index("event")
        area = (at.row + 1, column_number, at.last_row, column_number)
        sheet.worksheet.data_validation(*area, {"validate": "list", "source": "=lst_event_kind"})


def _history(book: Book, sheet: Sheet) -> None:
    """Month ends down, names across; beside the days the exchange rates and where the list switches."""
    at, data = book.tables["tbl_universe"], sample()
    first = at.last_column + 1 + _GAP
    header, cell = book.formats.cell("header", "p"), book.formats.cell("input", "p", small=True)
    day, flag = book.formats.cell("input", "d", small=True), book.formats.cell("input", "i", small=True)
    book.write(sheet, at.row - 1, first, "t:universe.history", book.formats.cell("heading"))
    titles = [
        book.words.column("obs_date"),
        *(book.words(f"universe.{k}") for k in ("spot", "forward", "switch")),
    ]
    for offset, text in enumerate([*titles, *(one.code for one in data.names)]):
        sheet.worksheet.write_string(at.row, first + offset, text, header)
    for number, when in enumerate(data.days):
        row = at.row + 1 + number
        sheet.worksheet.write_datetime(row, first, when, day)
        sheet.worksheet.write_number(row, first + 1, data.spot[number], cell)
        sheet.worksheet.write_number(row, first + 2, data.forward[number], cell)
        sheet.worksheet.write_number(row, first + 3, int(number in (REVIEW // 2, REVIEW)), flag)
        for offset, price in enumerate(data.prices[number]):
            sheet.worksheet.write_number(row, first + 4 + offset, price, cell)
    book.width(sheet, first, 86)
