"""The bodies of MAP, BYROW, BYCOL, SCAN, REDUCE and MAKEARRAY, calculated in a workbook of their own.

One formula per element; arguments and references of the body stand as values beside them. See
`lambdas.lifted` for the text that comes in.
"""

from __future__ import annotations

import json
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from xlplugin.workbook.tokens import address
from xlplugin.workbook.values import error, is_error
from xlplugin.workbook.view import literal_view, view_package
from xlplugin.workbook.xmltext import xml

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from xlplugin.workbook.calc import Calculator

__all__ = ["each"]

MAX_ELEMENTS: Final = 100_000
_PARAMETER: Final = "_xlpm."
_MAIN: Final = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'

Block = list[list[Any]]


def each(evaluate: Callable[[bytes], Calculator], described: str, *given: Any) -> Any:
    """The value of MAP, BYROW, BYCOL, SCAN, REDUCE or MAKEARRAY.

    Parameters
    ----------
    evaluate : callable
        An engine view -> the calculator after evaluating it.
    described : str
        What `lifted` wrote: kind, parameters, body.
    *given : object
        Arrays, then the references of the body, then the outer variables.
    """
    facts = json.loads(described)
    blocks = [value if isinstance(value, list) else [[value]] for value in given]
    arrays, rest = blocks[: facts["arrays"]], blocks[facts["arrays"] :]
    scratch = _Scratch(evaluate, facts, rest)
    kind = facts["kind"]
    if kind == "MAKEARRAY":
        rows, columns = (_size(array[0][0]) for array in arrays)
        if not rows or not columns:
            return error("Value")
        pairs = [[[[float(r + 1)]], [[float(c + 1)]]] for r in range(rows) for c in range(columns)]
        return _shaped(scratch.all(pairs), columns)
    if kind == "MAP":
        height, width = max(map(len, arrays)), max(len(array[0]) for array in arrays)
        cells = [[[[_at(a, r, c)]] for a in arrays] for r in range(height) for c in range(width)]
        return _shaped(scratch.all(cells), width)
    if kind == "BYROW":
        return _shaped(scratch.all([[[row]] for row in arrays[0]]), 1)
    if kind == "BYCOL":
        columns_of = [[[[value] for value in column]] for column in zip(*arrays[0], strict=True)]
        return [scratch.all(columns_of)]
    flat = [value for row in arrays[-1] for value in row]
    start: Block = arrays[0] if len(arrays) == 2 else [[flat[0]]]
    steps = scratch.chain(start, flat if len(arrays) == 2 else flat[1:])
    if kind == "REDUCE":
        return steps[-1] if steps else start
    if len(arrays) == 1:
        steps = [start, *steps]
    values = [step[0][0] if len(step) == len(step[0]) == 1 else error("Calc") for step in steps]
    return _shaped(values, len(arrays[-1][0]))


def _size(value: Any) -> int:
    return int(value) if isinstance(value, float) and 1 <= value <= MAX_ELEMENTS else 0


def _at(block: Block, row: int, column: int) -> Any:
    return block[row][column] if row < len(block) and column < len(block[0]) else error("Na")


def _shaped(values: list[Any], width: int) -> Block:
    return [values[start : start + width] for start in range(0, len(values), width)]


class _Scratch:
    """A workbook with the arguments of each element and one formula beside them."""

    def __init__(self, evaluate: Callable[[bytes], Calculator], facts: Any, rest: list[Block]) -> None:
        self._evaluate, self._parameters, self._body = evaluate, facts["parameters"], facts["body"]
        self._variables: list[tuple[str, str]] = []
        self._free_cells: list[str] = []
        row = 1
        for place, block in enumerate(rest):
            reference = _range("F", row, 1, block)
            if place < facts["free"]:
                self._body = self._body.replace(f"\x01{place}\x01", reference)
            else:
                self._variables.append((facts["variables"][place - facts["free"]], reference))
            self._free_cells += _rows(block, row, 1)
            row += len(block)

    def all(self, elements: list[list[Block]]) -> list[Any]:
        """The body for every list of arguments; a result of several cells is ``#CALC!``."""
        if len(elements) > MAX_ELEMENTS or any(len(e) != len(self._parameters) for e in elements):
            return [error("Value")] * len(elements)
        out: list[str] = []
        anchors: list[int] = []
        row = 1
        for element in elements:
            anchors.append(row)
            references, column, height = [], 2, 1
            cells: dict[int, list[str]] = {}
            for block in element:
                references.append(_range("X", row, column, block))
                for down, values in enumerate(block):
                    cells.setdefault(row + down, []).extend(
                        literal_view(row + down, column + right, value) for right, value in enumerate(values)
                    )
                column += len(block[0])
                height = max(height, len(block))
            formula = f'<c r="A{row}"><f>{xml(self._formula(references))}</f></c>'
            for number in range(row, row + height):
                first = formula if number == row else ""
                out.append(f'<row r="{number}">{first}{"".join(cells.get(number, ()))}</row>')
            row += height
        calculator = self._run(out)
        values = [line[0] for line in calculator.values("X", (1, 1, row, 1))]
        spilled = {
            anchor
            for anchor, following in pairwise(anchors)
            if following == anchor + 1 and calculator.spill("X", anchor, 1)
        }
        return [
            error("Calc") if anchor in spilled or _is_blocked(values[anchor - 1]) else values[anchor - 1]
            for anchor in anchors
        ]

    def chain(self, start: Block, elements: list[Any]) -> list[Block]:
        """The body once per element, each with the result of the one before."""
        if len(self._parameters) != 2 or len(elements) > MAX_ELEMENTS:
            return [[[error("Value")]]]
        found: list[Block] = []
        before = start
        for value in elements:
            block = [[value]]
            out = [*_rows(before, 1, 2)]
            place = len(before) + 1
            out.append(f'<row r="{place}">{literal_view(place, 2, value)}</row>')
            references = [_range("X", 1, 2, before), _range("X", place, 2, block)]
            # The result stands below everything, where nothing can be in its way.
            anchor = place + 1
            out.append(
                f'<row r="{anchor}"><c r="A{anchor}"><f>{xml(self._formula(references))}</f></c></row>'
            )
            calculator = self._run(out)
            extent = calculator.spill("X", anchor, 1) or (anchor, 1, anchor, 1)
            before = calculator.values("X", extent)
            found.append(before)
        return found

    def _formula(self, references: list[str]) -> str:
        pairs = [*zip(self._parameters, references, strict=True), *self._variables]
        bound = ",".join(f"{_PARAMETER}{name},{reference}" for name, reference in pairs)
        return f"_xlfn.LET({bound},{self._body})" if bound else self._body

    def _run(self, rows: list[str]) -> Calculator:
        sheets = [("X", _sheet(rows)), ("F", _sheet(self._free_cells))]
        return self._evaluate(view_package(sheets, [], None))


def _is_blocked(value: Any) -> bool:
    return is_error(value) and value["kind"] == "Spill"


def _rows(block: Block, row: int, column: int) -> list[str]:
    return [
        f'<row r="{row + down}">'
        + "".join(literal_view(row + down, column + right, value) for right, value in enumerate(values))
        + "</row>"
        for down, values in enumerate(block)
    ]


def _sheet(rows: Iterable[str]) -> str:
    return f"<worksheet {_MAIN}><sheetData>{''.join(rows)}</sheetData></worksheet>"


def _range(sheet: str, row: int, column: int, block: Block) -> str:
    first = address(row, column)
    last = address(row + len(block) - 1, column + len(block[0]) - 1)
    return f"{sheet}!{first}" if first == last else f"{sheet}!{first}:{last}"
