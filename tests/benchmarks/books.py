"""A proposal-like workbook of any size, with cheap functions of its own: the engine is measured, not they.

Ten sheets; constituents of 12 columns, lots of 10 columns, one table each; four harvest tables and
six weight columns that spill, thirty scalar function cells, formulas per constituent and per lot,
four charts. Numbers come from a fixed rule: no randomness, the same book on every machine.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any

import xlsxwriter

from xlplugin.workbook.formula import file_form
from xlplugin.workbook.tokens import column_name

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["FUNCTIONS", "BenchFunctions", "proposal_book"]

DAY = dt.date(2026, 11, 20)
_INDUSTRIES = ("Foods", "Chemicals", "Machinery", "Banks", "Retail", "Services", "Autos")


def _numbers(value: Any) -> list[float]:
    rows = value if isinstance(value, list) else [[value]]
    return [cell for row in rows for cell in row if type(cell) is float]


def _harvest(lots: list[list[Any]], threshold: float) -> list[list[Any]]:
    """Lots below cost by more than a threshold: code, quantity, cost, value, loss, share, status, reason."""
    found = []
    for row in lots:
        if type(row[3]) is float and type(row[5]) is float and row[5] < row[3] * (1.0 - threshold):
            loss = row[5] - row[3]
            found.append([row[0], row[2], row[3], row[5], loss, loss / row[3], "OK", ""])
    return found or [["", 0.0, 0.0, 0.0, 0.0, 0.0, "NONE", ""]]


def _weights(caps: Any, limit: float) -> list[list[float]]:
    values = _numbers(caps)
    total = sum(values)
    capped = [min(value / total, limit) for value in values]
    scale = sum(capped)
    return [[value / scale] for value in capped]


@dataclass(frozen=True)
class BenchFunctions:
    """Three functions: a table that spills, a column that spills, a scalar over a column."""

    version: str = "1"

    @property
    def names(self) -> frozenset[str]:
        """Every function."""
        return frozenset({"BENCH_HARVEST", "BENCH_WEIGHTS", "BENCH_TOTAL"})

    @property
    def explaining(self) -> frozenset[str]:
        """None of them."""
        return frozenset()

    def answer(
        self, name: str, arguments: Sequence[Any], *, recorded: str | None = None, date1904: bool = False
    ) -> list[list[Any]]:
        """A block; these never fail."""
        if name == "BENCH_HARVEST":
            return _harvest(arguments[0], arguments[1])
        if name == "BENCH_WEIGHTS":
            return _weights(arguments[0], arguments[1])
        return [[sum(_numbers(arguments[0])) * float(arguments[1])]]


FUNCTIONS = BenchFunctions()


def proposal_book(names: int = 500, lots: int = 3000) -> bytes:
    """The template.

    Parameters
    ----------
    names : int
        Constituents of the index.
    lots : int
        Tax lots of the client.
    """
    memory = BytesIO()
    book = xlsxwriter.Workbook(memory)
    money, share = book.add_format({"num_format": "#,##0"}), book.add_format({"num_format": "0.00%"})
    index, held = book.add_worksheet("Index"), book.add_worksheet("Lots")
    calc, harvest = book.add_worksheet("_calc"), book.add_worksheet("Harvest")
    _index_sheet(index, names, money)
    _lots_sheet(held, lots, money)
    _calc_sheet(calc, names)
    _harvest_sheet(harvest)
    pages = [book.add_worksheet(f"Page {number}") for number in range(1, 7)]
    for number, page in enumerate(pages):
        _page(page, number, names, lots, money, share)
        if number < 4:
            chart = book.add_chart({"type": ("column", "line", "pie", "bar")[number]})
            chart.add_series(
                {"categories": f"='{page.name}'!$A$2:$A$41", "values": f"='{page.name}'!$B$2:$B$41"}
            )
            page.insert_chart("K2", chart)
    book.close()
    return memory.getvalue()


def _index_sheet(sheet: Any, names: int, money: Any) -> None:
    headers = ["Code", "Name", "Industry", "Shares", "Free float", "Price", "Cap", "Beta"]
    headers += ["Yield", "ADV", "Weight", "Active"]
    for row in range(1, names + 1):
        values: list[Any] = [str(1000 + row), f"Company {row}", _INDUSTRIES[row % 7], 1e6 * (1 + row % 97)]
        values += [0.5 + (row % 50) / 100, 500.0 + (row * 37) % 4500, None, 0.6 + (row % 90) / 100]
        values += [(row % 40) / 1000, 1e5 * (1 + row % 31), None, None]
        sheet.write_row(row, 0, values, money if row % 2 else None)
        sheet.write_formula(row, 6, f"=D{row + 1}*E{row + 1}*F{row + 1}")
        sheet.write_formula(row, 10, f"=G{row + 1}/SUM(G$2:G${names + 1})")
        sheet.write_formula(row, 11, f"=K{row + 1}-_calc!A{row + 1}")
    columns = [{"header": header} for header in headers]
    sheet.add_table(0, 0, names, len(headers) - 1, {"name": "Index", "columns": columns})


def _lots_sheet(sheet: Any, lots: int, money: Any) -> None:
    headers = ["Code", "Account", "Quantity", "Cost", "Price", "Value", "Gain", "Days", "Share", "Flag"]
    for row in range(1, lots + 1):
        code, quantity = str(1001 + row % 400), 100.0 * (1 + row % 9)
        sheet.write_row(row, 0, [code, f"A{row % 3}", quantity, quantity * (400 + (row * 53) % 4700)], money)
        sheet.write_formula(row, 4, f"=INDEX(Index!$F$2:$F$401,{row % 400 + 1})")
        sheet.write_formula(row, 5, f"=C{row + 1}*E{row + 1}")
        sheet.write_formula(row, 6, f"=F{row + 1}-D{row + 1}")
        sheet.write_number(row, 7, 30 + row % 900)
        sheet.write_formula(row, 8, f"=F{row + 1}/SUM(F$2:F${lots + 1})")
        sheet.write_formula(row, 9, f'=IF(G{row + 1}<0,"loss","gain")')
    columns = [{"header": header} for header in headers]
    sheet.add_table(0, 0, lots, len(headers) - 1, {"name": "Lots", "columns": columns})


def _calc_sheet(sheet: Any, names: int) -> None:
    for column in range(6):
        limit = 0.05 + column / 100
        formula = f"=BENCH_WEIGHTS(Index[Cap],{limit})"
        sheet.write_dynamic_array_formula(1, column, 1, column, formula)
    for row in range(30):
        sheet.write_dynamic_array_formula(
            row + 1, 8, row + 1, 8, f"=BENCH_TOTAL(Lots[{('Gain', 'Value', 'Cost')[row % 3]}],{row + 1})"
        )
    sheet.write_number(names + 1, 7, 0)


def _harvest_sheet(sheet: Any) -> None:
    for number in range(4):
        formula = file_form(f"=BENCH_HARVEST(Lots[],{0.6 + number / 20})".replace("Lots[]", "Lots"))
        sheet.write_dynamic_array_formula(1, number * 9, 1, number * 9, f"={formula}")


def _page(page: Any, number: int, names: int, lots: int, money: Any, share: Any) -> None:
    page.name = f"Page {number + 1}"
    letter = column_name(number + 1)
    for row in range(1, 41):
        place = row + 1
        page.write_formula(row, 0, f"=Index!B{place + number}")
        page.write_formula(row, 1, f"=_calc!{letter}{place}", share)
        page.write_formula(
            row, 2, f"=SUMIFS(Lots!$F$2:$F${lots + 1},Lots!$A$2:$A${lots + 1},Index!A{place})", money
        )
        page.write_formula(row, 3, f"=C{place}/SUM(C$2:C$41)", share)
        page.write_formula(row, 4, f'=IF(Harvest!A{place}="","",Harvest!A{place})')
        page.write_formula(row, 5, f"=ROUND(D{place}-B{place},6)")
        page.write_formula(row, 6, f'=TEXT(B{place},"0.00%")&" "&A{place}')
        page.write_formula(row, 7, f"=_calc!$I${2 + row % 30}*D{place}")
    page.set_landscape()
    page.print_area(0, 0, 41, 8)
    page.conditional_format(1, 1, 40, 1, {"type": "data_bar"})
