"""A finished workbook, calculated again from its inputs and compared value by value.

Reads live editions, and values editions through their hidden list of frozen formulas. Values are
compared as stored; dates are serial numbers. Specification, sections 13.1 and 15.2.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from xlplugin.errors import ErrorValue, InputError
from xlplugin.workbook.bind import Inputs, bind
from xlplugin.workbook.compile import compile_package
from xlplugin.workbook.editions import result_hash
from xlplugin.workbook.fixed import FORMULA_SHEET
from xlplugin.workbook.package import Package
from xlplugin.workbook.reading import Book
from xlplugin.workbook.running import calculate
from xlplugin.workbook.sheets import Way
from xlplugin.workbook.tokens import address, box, box_text
from xlplugin.workbook.values import error_text, is_error

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from xlplugin.workbook.calc import Functions
    from xlplugin.workbook.running import Calculated
    from xlplugin.workbook.sheets import Cell

__all__ = ["Difference", "Verification", "frozen_formulas", "same_value", "verify"]

RELATIVE: Final = 1e-9
ABSOLUTE: Final = 1e-12
_MODIFIED = re.compile(r"<dcterms:modified\b[^>]*>(\d{4})-(\d{2})-(\d{2})")


@dataclass(frozen=True)
class Difference:
    """One cell that holds something else than its formula gives now."""

    sheet: str
    cell: str
    formula: str
    stored: Any
    computed: Any
    is_function: bool

    def __str__(self) -> str:
        return f"{self.sheet}!{self.cell}: the file holds {_shown(self.stored)}, " + (
            f"{self.formula} gives {_shown(self.computed)}"
        )


@dataclass(frozen=True)
class Verification:
    """The outcome for a workbook.

    Attributes
    ----------
    differences : list of Difference
    cells : int
        How many cells were compared.
    functions : int
        How many of them hold one of our functions or lie in its spill.
    largest : float
        The largest relative difference of numbers that was accepted.
    kept : list of str
        Cells that cannot be calculated without Excel and were not compared.
    """

    differences: list[Difference]
    cells: int
    functions: int
    largest: float
    kept: list[str]


def verify(
    source: bytes | Path,
    functions: Functions,
    *,
    as_of: dt.date | None = None,
    only_functions: bool = False,
) -> Verification:
    """Recompute a finished workbook and report what differs.

    Parameters
    ----------
    source : bytes or Path
        A live or a values edition.
    functions : Functions
    as_of : date, optional
        TODAY(); the day in the document properties when left out.
    only_functions : bool
        Whether to compare our functions and their spills only, not the native formulas.

    Raises
    ------
    PackageError
        If the file is no workbook.
    InputError
        If the document properties hold no day and none is given.
    """
    package = Package.open(source)
    stored = Book(package)
    frozen = frozen_formulas(stored)
    restored = [(f["sheet"], f["cell"], f["range"], f["formula"]) for f in frozen]
    template = compile_package(package, functions, lenient=True, restored=restored)
    day = as_of or _day_of(package)
    state = calculate(template, bind(template, Inputs()), day)
    differences: list[Difference] = []
    wrong: set[tuple[str, str]] = set()  # first cells of the results that differ
    counted = ours = 0
    largest = 0.0
    for sheet, one, row, column, value in _computed(state):
        if only_functions and not one.is_ours:
            continue
        counted += 1
        ours += one.is_ours
        held = stored.values(sheet).get((row, column))
        same, apart = same_value(held, _plain(value))
        largest = max(largest, apart if same else 0.0)
        if not same:
            place = address(row, column)
            formula = one.formula or ""
            wrong.add((sheet, address(one.row, one.column)))
            differences.append(Difference(sheet, place, formula, held, _plain(value), one.is_ours))
    differences += _changed_since(state, stored, frozen, wrong)
    kept = [
        f"{sheet.name}!{address(one.row, one.column)}"
        for sheet in state.sheets.values()
        for one in sheet.formulas()
        if one.way is Way.KEPT
    ]
    return Verification(differences, counted, ours, largest, kept)


def _computed(state: Calculated) -> Iterator[tuple[str, Cell, int, int, Any]]:
    """Every computed cell with the formula it belongs to."""
    for name, result in state.results.items():
        for one in state.sheets[name].formulas():
            if one.way is Way.KEPT or result.grid is None:
                continue
            block = result.blocks.get((one.row, one.column))
            if block is None:
                yield name, one, one.row, one.column, result.grid.at(one.row, one.column)
                continue
            for down, values in enumerate(block):
                for right, value in enumerate(values):
                    yield name, one, one.row + down, one.column + right, value


def _plain(value: Any) -> Any:
    if is_error(value):
        return ErrorValue(error_text(value))
    return 0.0 if value is None else value


def same_value(stored: Any, computed: Any) -> tuple[bool, float]:
    """Whether two cell values agree, and how far apart two numbers are (relative).

    Numbers agree to 1e-9 (1e-12 near zero), logicals count as numbers, an empty text is nothing.
    """
    if isinstance(stored, bool):
        stored = float(stored)
    if isinstance(computed, bool):
        computed = float(computed)
    if isinstance(stored, float) and isinstance(computed, float):
        same = math.isclose(stored, computed, rel_tol=RELATIVE, abs_tol=ABSOLUTE)
        scale = max(abs(stored), abs(computed))
        return same, abs(stored - computed) / scale if scale > ABSOLUTE else 0.0
    empty = (None, "")
    return (stored in empty and computed in empty) or stored == computed, 0.0


# -- values editions -----------------------------------------------------------------------------


def frozen_formulas(book: Book) -> list[Mapping[str, str]]:
    """The hidden list of a values edition: sheet, cell, range, formula and hash of each; none otherwise."""
    if FORMULA_SHEET not in book.sheets:
        return []
    cells = book.values(FORMULA_SHEET)
    keys = ("sheet", "cell", "range", "formula", "hash")
    last = max((row for row, _ in cells), default=1)
    return [
        {key: str(cells.get((row, column), "")) for column, key in enumerate(keys, start=1)}
        for row in range(2, last + 1)
    ]


def _changed_since(
    state: Calculated, stored: Book, frozen: list[Mapping[str, str]], known: set[tuple[str, str]]
) -> Iterator[Difference]:
    """Frozen results with another extent now, or whose values were changed in the file."""
    for formula in frozen:
        sheet, place = formula["sheet"], formula["cell"]
        if sheet not in state.sheets or (sheet, place) in known:
            continue
        row, column, _, _ = box(place)
        extent = state.extent(sheet, row, column)
        reach = box(formula["range"])
        if extent is not None and extent != reach:
            old, new = formula["range"], box_text(extent)
            yield Difference(sheet, place, formula["formula"], old, new, is_function=True)
        elif result_hash(stored.block(sheet, reach)) != formula["hash"]:
            old, new = "values changed after the computation", formula["hash"]
            yield Difference(sheet, place, formula["formula"], old, new, is_function=True)


def _day_of(package: Package) -> dt.date:
    for relation in package.relations(""):
        if relation.kind == "core-properties" and relation.target in package.entries:
            match = _MODIFIED.search(package.data(relation.target).decode("utf-8", "replace"))
            if match:
                return dt.date(int(match[1]), int(match[2]), int(match[3]))
    raise InputError("The workbook does not say for which day it was computed; give that day")


def _shown(value: Any) -> str:
    if isinstance(value, ErrorValue):
        return value.value
    return "nothing" if value is None else repr(value)
