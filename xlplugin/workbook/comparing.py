"""Equality of calculated decimals with 15 digits, as in Excel: ``0.1+0.2=0.3`` is TRUE there.

The calculator compares doubles exactly. Where a side of ``=`` or ``<>`` is calculated, the
comparison becomes a call; comparisons of cells and constants stay as they are, which is faster.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from xlplugin.workbook.tokens import NAME, OTHER, SPACE, Token, closing
from xlplugin.workbook.values import error, is_error

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["DIFFERENT", "SAME", "compared", "different", "may_compare", "same"]

SAME: Final = "__SAME"
DIFFERENT: Final = "__DIFFERENT"

_QUICK = re.compile(r"(?:<>|(?<![<>])=).*[-+*/^]|[-+*/^].*(?:<>|(?<![<>])=)", re.S)
_COMPARISONS: Final = frozenset({"=", "<>", "<", ">", "<=", ">="})
_ARITHMETIC: Final = frozenset("+-*/^")
_DIGITS: Final = 15


def may_compare(formula: str) -> bool:
    """Whether `compared` could change anything: a quick look."""
    return _QUICK.search(formula) is not None


def compared(parts: Sequence[Token]) -> list[Token]:
    """The tokens with comparisons of calculated numbers as calls."""
    out: list[Token] = []
    at, count = 0, len(parts)
    while at < count:
        kind, part = parts[at]
        if kind == OTHER and part == "(":
            end = closing(parts, at)
            out.append((OTHER, "("))
            argument: list[Token] = []
            depth = 0
            for token in parts[at + 1 : end]:
                if token[0] == OTHER:
                    depth += (token[1] in "({") - (token[1] in ")}")
                    if token[1] == "," and depth == 0:
                        out += [*compared(argument), token]
                        argument = []
                        continue
                argument.append(token)
            out += compared(argument)
            if end < count:
                out.append((OTHER, ")"))
            at = end + 1
            continue
        out.append((kind, part))
        at += 1
    return _as_call(out)


def _as_call(parts: list[Token]) -> list[Token]:
    depth = 0
    places = []
    for at, (kind, part) in enumerate(parts):
        if kind == OTHER:
            depth += (part in "({") - (part in ")}")
            if depth == 0 and part in _COMPARISONS:
                places.append(at)
    if len(places) != 1 or parts[places[0]][1] not in ("=", "<>"):
        return parts
    left, right = parts[: places[0]], parts[places[0] + 1 :]
    if not (_is_calculated(left) or _is_calculated(right)):
        return parts
    name = SAME if parts[places[0]][1] == "=" else DIFFERENT
    return [(NAME, f"{name}("), *left, (OTHER, ","), *right, (OTHER, ")")]


def _is_calculated(parts: list[Token]) -> bool:
    """Whether an operator of arithmetic stands between two operands; text is joined by ``&``."""
    depth, found, operand = 0, False, False
    for kind, part in parts:
        if kind == SPACE:
            continue
        if kind == OTHER:
            depth += (part in "({") - (part in ")}")
            if depth == 0 and part == "&":
                return False
            if depth == 0 and part in _ARITHMETIC:
                found = found or operand
                continue
        operand = True
    return found


# -- calculation -----------------------------------------------------------------------------------


def same(left: Any, right: Any) -> Any:
    """``=`` with 15 digits; arrays cell by cell."""
    if isinstance(left, list) or isinstance(right, list):
        return _broadcast(left, right)
    for value in (left, right):
        if is_error(value):
            return value
    left, right = _plain(left, right), _plain(right, left)
    if type(left) is not type(right):
        return False
    if type(left) is float:
        return left == right or f"{left:.{_DIGITS - 1}e}" == f"{right:.{_DIGITS - 1}e}"
    return left.lower() == right.lower() if type(left) is str else left == right


def different(left: Any, right: Any) -> Any:
    """``<>`` with 15 digits."""
    answer = same(left, right)
    if isinstance(answer, list):
        return [[not cell if type(cell) is bool else cell for cell in row] for row in answer]
    return not answer if type(answer) is bool else answer


def _plain(value: Any, other: Any) -> Any:
    """A blank is whatever it is compared with: 0, nothing or FALSE."""
    if value is not None:
        return value
    return {str: "", bool: False}.get(type(other), 0.0)


def _broadcast(left: Any, right: Any) -> list[list[Any]]:
    a = left if isinstance(left, list) else [[left]]
    b = right if isinstance(right, list) else [[right]]
    height, width = max(len(a), len(b)), max(len(a[0]), len(b[0]))

    def at(block: list[list[Any]], row: int, column: int) -> Any:
        row = 0 if len(block) == 1 else row
        column = 0 if len(block[0]) == 1 else column
        inside = row < len(block) and column < len(block[0])
        return block[row][column] if inside else error("Na")

    return [[same(at(a, r, c), at(b, r, c)) for c in range(width)] for r in range(height)]
