"""Writing alone: values into a compiled template, beside the floor and two libraries, in one run.

``python -m tests.benchmarks write [BOOK.xlsx] [--names 500] [--lots 3000] [--repeat 5] [--level 1]
[--json OUT]``. The floor is what any writer must do for these bytes: the text of every number, the
compression of the parts that changed, and writing them out. XlsxWriter writes the same cells with
their formats (formulas with their values) from scratch, without charts and tables; openpyxl loads
the template, fills in the same values and saves, and loses what it does not know. CPU seconds of one
process, medians.
"""

from __future__ import annotations

import argparse
import datetime as dt
import io
import tempfile
import zlib
from pathlib import Path
from typing import Any

from tests.benchmarks.books import FUNCTIONS, proposal_book
from tests.benchmarks.headless import _median
from xlplugin.errors import ErrorValue
from xlplugin.hosts.headless import RegistryFunctions
from xlplugin.workbook import Book, Inputs, compile_template
from xlplugin.workbook.bind import bind
from xlplugin.workbook.running import calculate
from xlplugin.workbook.writing import write
from xlplugin.workbook.xmltext import number_texts
from xlplugin.workbook.zipped import read_zip

DAY = dt.date(2026, 11, 20)


def main(argv: list[str]) -> dict[str, Any]:
    """Run, print and return what was measured."""
    asked = _arguments(argv)
    data = Path(asked.book).read_bytes() if asked.book else proposal_book(asked.names, asked.lots)
    functions: Any = RegistryFunctions() if asked.book else FUNCTIONS
    template = compile_template(data, functions, lenient=True)
    state = calculate(template, bind(template, Inputs()), DAY)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "book.xlsx"

        def ours() -> bytes:
            written = write(state, edition="live", flavour="vba", level=asked.level)
            path.write_bytes(written)
            return written

        written, seconds = _median(ours, asked.repeat)
        before, after = read_zip(data), read_zip(written)
        changed = [e.data() for name, e in after.items() if name not in before or e != before[name]]
        book = Book(written)
        values = [v for sheet in book.sheets for v in book.values(sheet).values()]
        computed = _computed(state)

        def floor() -> int:
            number_texts(computed)
            packed = []
            for part in changed:
                packer = zlib.compressobj(asked.level, zlib.DEFLATED, -15)
                packed += [packer.compress(part), packer.flush(), zlib.crc32(part)]
            path.write_bytes(b"".join(p for p in packed if isinstance(p, bytes)))
            return len(packed)

        lowest = _median(floor, asked.repeat)[1]
        library = _median(lambda: _xlsxwriter(book, template), 3)[1]
        loading = _median(lambda: _openpyxl(data, book, template), 3)[1]
    measured = {
        "benchmark": "write",
        "book": asked.book or f"{asked.names} names, {asked.lots} lots",
        "cells": len(values),
        "computed_numbers": len(computed),
        "changed_bytes": sum(map(len, changed)),
        "level": asked.level,
        "cpu_write": round(seconds, 4),
        "cpu_floor": round(lowest, 4),
        "cpu_xlsxwriter": round(library, 4),
        "cpu_openpyxl_load_fill_save": round(loading, 4),
        "times_floor": round(seconds / lowest, 2),
        "times_faster_than_xlsxwriter": round(library / seconds, 1),
        "times_faster_than_openpyxl": round(loading / seconds, 1),
    }
    print(
        f"{measured['book']}: {seconds:.4f} s, {measured['times_floor']} x the floor, "
        f"{measured['times_faster_than_xlsxwriter']} x XlsxWriter, "
        f"{measured['times_faster_than_openpyxl']} x openpyxl load-fill-save"
    )
    return measured


def _computed(state: Any) -> list[float]:
    """Every number that this client's run puts into the book."""
    found: list[float] = []
    for name, result in state.results.items():
        for one in state.sheets[name].formulas():
            block = result.blocks.get((one.row, one.column))
            cells = block if block is not None else [[result.grid.at(one.row, one.column)]]
            found += [value for row in cells for value in row if type(value) is float]
    return found


def _xlsxwriter(book: Book, template: Any) -> int:
    """The same cells written from scratch, each with one of as many formats as the template has."""
    import xlsxwriter

    memory = io.BytesIO()
    out = xlsxwriter.Workbook(memory)
    formats: dict[str | None, Any] = {None: None}
    for name in book.sheets:
        sheet = out.add_worksheet(name)
        values = dict(book.values(name))
        styles = {
            (one.row, one.column): one.style
            for row in template.sheets[name].rows.values()
            for one in row.parsed()
        }
        for style in set(styles.values()) - formats.keys():
            formats[style] = out.add_format({"num_format": f'0.00"{style}"'})
        for one in template.sheets[name].formulas():
            value = values.pop((one.row, one.column), 0)
            shown = value.value if isinstance(value, ErrorValue) else value
            sheet.write_formula(one.row - 1, one.column - 1, f"={one.formula}", formats[one.style], shown)
        for place, value in values.items():
            shown = value.value if isinstance(value, ErrorValue) else value
            sheet.write(place[0] - 1, place[1] - 1, shown, formats[styles.get(place)])
    out.close()
    return len(memory.getvalue())


def _openpyxl(data: bytes, book: Book, template: Any) -> int:
    """The template loaded, every computed or spilled value put in, and saved."""
    import openpyxl

    memory = io.BytesIO()
    loaded = openpyxl.load_workbook(io.BytesIO(data))
    for name in book.sheets:
        sheet = loaded[name]
        given = {
            (one.row, one.column)
            for row in template.sheets[name].rows.values()
            for one in row.parsed()
            if one.formula is None
        }
        for (row, column), value in book.values(name).items():
            if (row, column) not in given:
                shown = value.value if isinstance(value, ErrorValue) else value
                sheet.cell(row, column).value = shown
    loaded.save(memory)
    return len(memory.getvalue())


def _arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks write", description=__doc__)
    parser.add_argument("book", nargs="?", help="an .xlsx or .xlsm; a book is built when left out")
    parser.add_argument("--names", type=int, default=500)
    parser.add_argument("--lots", type=int, default=3000)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--level", type=int, default=1, help="compression, 1 to 9")
    return parser.parse_args(argv)
