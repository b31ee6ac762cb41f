"""Formulas stored for one cell, as Excel before dynamic arrays calculated them.

A range where one value is expected means the cell of it in the row or column of the formula:
``=A1:A9*2`` in row 3 is ``=A3*2``. Excel 365 shows an ``@`` in such formulas. Inside SUMPRODUCT and
its like whole arrays are calculated. Source: Microsoft, "Implicit intersection operator: @".
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from xlplugin.workbook.formula import FUTURE, FUTURE_SHEET, bare
from xlplugin.workbook.tokens import (
    CELL,
    COLS,
    LAST_COLUMN,
    LAST_ROW,
    NAME,
    OTHER,
    QUOTED,
    ROWS,
    Token,
    arguments,
    box,
    closing,
    column_name,
    column_number,
    text,
    tokens,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from xlplugin.workbook.tokens import Box

__all__ = ["Intersection", "intersected_range"]

_SCALAR, _REFERENCE, _ARRAY = "scalar", "reference", "array"
_DIGITS = re.compile(r"[0-9]+")
_OPERATORS: Final = frozenset({"+", "-", "*", "/", "^", "&", "=", "<>", "<", ">", "<=", ">=", "%"})

# Every argument is one value.
_ALL: Final = frozenset(
    """
    ABS ACOS ACOSH ASIN ASINH ATAN ATAN2 ATANH CEILING CHAR CLEAN CODE COMBIN CONCATENATE COS COSH DATE
    DATEVALUE DAY DAYS360 DB DDB DEGREES DOLLAR EFFECT ERROR.TYPE EVEN EXACT EXP FACT FIND FIXED FLOOR FV
    HOUR INT IPMT ISBLANK ISERR ISERROR ISEVEN ISLOGICAL ISNA ISNONTEXT ISNUMBER ISODD ISTEXT LEFT LEN LN
    LOG LOG10 LOWER MID MINUTE MOD MONTH NOMINAL NOT NPER ODD PERMUT PMT POWER PPMT PROPER PV RADIANS RATE
    REPLACE REPT RIGHT ROUND ROUNDDOWN ROUNDUP SEARCH SECOND SIGN SIN SINH SLN SQRT SUBSTITUTE SYD TAN TANH
    TEXT TIME TIMEVALUE TRIM TRUNC UPPER VALUE WEEKDAY YEAR
    """.split()
)
_SOME: Final[Mapping[str, frozenset[int]]] = {
    "AVERAGEIF": frozenset({1}),
    "CHOOSE": frozenset({0}),
    "COUNTIF": frozenset({1}),
    "COUNTIFS": frozenset(range(1, 255, 2)),
    "HLOOKUP": frozenset({0, 2, 3}),
    "IF": frozenset({0}),
    "INDEX": frozenset({1, 2, 3}),
    "LARGE": frozenset({1}),
    "MATCH": frozenset({0, 2}),
    "OFFSET": frozenset({1, 2, 3, 4}),
    "PERCENTILE": frozenset({1}),
    "QUARTILE": frozenset({1}),
    "RANK": frozenset({0, 2}),
    "SMALL": frozenset({1}),
    "SUMIF": frozenset({1}),
    "SUMIFS": frozenset(range(2, 255, 2)),
    "VLOOKUP": frozenset({0, 2, 3}),
}
# Whole arrays are calculated inside; so it is in functions that came with dynamic arrays.
_WHOLE: Final = frozenset(
    """FREQUENCY GROWTH LINEST LOGEST LOOKUP MDETERM MINVERSE MMULT MODE SUMPRODUCT SUMX2MY2 SUMX2PY2 SUMXMY2
    TRANSPOSE TREND __SAME __DIFFERENT""".split()
)
_NEW: Final = (FUTURE | FUTURE_SHEET) - {"IFNA", "IFS", "SWITCH", "CEILING.MATH", "FLOOR.MATH"}


def intersected_range(corners: Box, row: int, column: int) -> tuple[int, int] | None:
    """The one cell of a range that a formula in a cell means; None where there is none."""
    r1, c1, r2, c2 = corners
    if (r1, c1) == (r2, c2):
        return r1, c1
    if c1 == c2 and r1 <= row <= r2:
        return row, c1
    if r1 == r2 and c1 <= column <= c2:
        return r1, column
    return None


class Intersection:
    """The rule for one workbook; `ranges` are the texts of names that are one range."""

    def __init__(self, ranges: Mapping[str, str]) -> None:
        self._ranges = ranges
        self._shapes: dict[str, bool] = {}  # formulas of a column differ in their numbers only

    def __call__(self, formula: str, row: int, column: int) -> str:
        """Engine text of a formula with its implicit intersections carried out."""
        if ":" not in formula and not self._ranges:
            return formula
        shape = _DIGITS.sub("0", formula)
        if self._shapes.get(shape) is False:
            return formula
        parts = tokens(formula)
        written = "".join(self._region(parts, _SCALAR, row, column))
        self._shapes.setdefault(shape, written != formula)
        return written

    def _region(self, parts: Sequence[Token], context: str, row: int, column: int) -> list[str]:
        if context == _ARRAY:
            return [text(parts)]
        if context == _REFERENCE and _has_operator(parts):
            context = _SCALAR
        out: list[str] = []
        at = 0
        while at < len(parts):
            kind, part = parts[at]
            if kind == OTHER and part in "({":
                end = closing(parts, at)
                inner = parts[at + 1 : end]
                whole = part == "{" or len(arguments(parts, at, end)) > 1  # a constant, or a union
                out += [part, *self._region(inner, _ARRAY if whole else context, row, column)]
                out += [p for _, p in parts[end : end + 1]]
                at = end + 1
                continue
            if kind == NAME and at + 1 < len(parts) and parts[at + 1][1] == "(":
                at = self._call(parts, at, context, out, row, column)
                continue
            end, corners = self._range(parts, at) if context == _SCALAR else (at, None)
            if corners is not None and out[-1:] != ["@"]:
                out.append(self._one(parts[at:end], corners, row, column))
                at = end
                continue
            out.append(part)
            at += 1
        return out

    def _call(
        self, parts: Sequence[Token], at: int, context: str, out: list[str], row: int, column: int
    ) -> int:
        name = bare(parts[at][1]).upper()
        end = closing(parts, at + 1)
        given = arguments(parts, at + 1, end)
        out.append(f"{parts[at][1]}(")
        for place, argument in enumerate(given):
            inner = _REFERENCE
            if name in _WHOLE or name in _NEW or name.startswith("__"):
                inner = _ARRAY
            elif name in _ALL or place in _SOME.get(name, ()):
                inner = _SCALAR
            elif name in ("IF", "CHOOSE", "IFERROR", "IFNA"):
                inner = context
            out += (
                [",", *self._region(argument, inner, row, column)]
                if place
                else self._region(argument, inner, row, column)
            )
        out += [p for _, p in parts[end : end + 1]]
        return end + 1

    def _range(self, parts: Sequence[Token], at: int) -> tuple[int, Box | None]:
        """End and corners of a range of several cells, or of a name of one, at `at`."""
        start, count = at, len(parts)
        if at + 2 < count and parts[at][0] in (NAME, QUOTED) and parts[at + 1][1] == "!":
            at += 2
        kind, part = parts[at]
        plain = part.replace("$", "")
        if kind == COLS:
            first, last = sorted(map(column_number, plain.split(":")))
            return at + 1, (1, first, LAST_ROW, last)
        if kind == ROWS:
            top, bottom = sorted(map(int, plain.split(":")))
            return at + 1, (top, 1, bottom, LAST_COLUMN)
        if kind == CELL and at + 2 < count and parts[at + 1][1] == ":" and parts[at + 2][0] == CELL:
            if at + 3 < count and parts[at + 3][1] == ":":
                return start, None
            return at + 3, box(f"{plain}:{parts[at + 2][1].replace('$', '')}")
        if kind == NAME and at == start and (definition := self._ranges.get(part.upper())):
            return at + 1, box(definition.rpartition("!")[2].replace("$", ""))
        return start, None

    def _one(self, parts: Sequence[Token], corners: Box, row: int, column: int) -> str:
        found = intersected_range(corners, row, column)
        if found is None:
            return "#VALUE!"
        sheet = ""
        first = parts[0]
        if len(parts) > 2 and parts[1][1] == "!":
            sheet = f"{first[1]}!"
        elif first[0] == NAME:
            sheet = self._ranges[first[1].upper()].rpartition("!")[0] + "!"
        return f"{sheet}${column_name(found[1])}${found[0]}"


def _has_operator(parts: Sequence[Token]) -> bool:
    depth = 0
    for kind, part in parts:
        if kind == OTHER:
            depth += (part in "({") - (part in ")}")
            if depth == 0 and part in _OPERATORS:
                return True
    return False
