"""Formula texts as tokens, and references that move.

One tokeniser serves every module that reads formulas. Joining the tokens of any text gives that
text back. Strings, quoted sheet names and bracket groups are single tokens, so nothing inside them
is ever touched. Source: ECMA-376 part 1, section 18.17.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = [
    "BRACKET",
    "CELL",
    "COLS",
    "ERR",
    "LAST_COLUMN",
    "LAST_ROW",
    "NAME",
    "NUM",
    "OTHER",
    "QUOTED",
    "ROWS",
    "SPACE",
    "STR",
    "Box",
    "Token",
    "address",
    "arguments",
    "box",
    "box_text",
    "cell",
    "closing",
    "column_name",
    "column_number",
    "plain_sheet",
    "quoted_sheet",
    "shift",
    "text",
    "tokens",
]

STR: Final = 0
QUOTED: Final = 1
ERR: Final = 2
NUM: Final = 3
CELL: Final = 4
COLS: Final = 5
ROWS: Final = 6
NAME: Final = 7
BRACKET: Final = 8
SPACE: Final = 9
OTHER: Final = 10

LAST_ROW: Final = 1_048_576
LAST_COLUMN: Final = 16_384

Token = tuple[int, str]
Box = tuple[int, int, int, int]  # first row, first column, last row, last column; all from 1

# Digits and cell letters are ASCII, letters of names are any script's; the katakana dot joins words.
_TOKEN = re.compile(
    r"""
 (?P<STR>"(?:[^"]|"")*")
|(?P<QUOTED>'(?:[^']|'')*')
|(?P<ERR>\#(?:N/A|NULL!|DIV/0!|VALUE!|REF!|NAME\?|NUM!|SPILL!|CALC!|GETTING_DATA))
|(?P<COLS>(?<![\w.$\\])\$?[A-Za-z]{1,3}:\$?[A-Za-z]{1,3}(?![\w.(!\[$]))
|(?P<ROWS>(?<![\w.$\\])\$?[1-9][0-9]*:\$?[1-9][0-9]*(?![\w.$]))
|(?P<CELL>(?<![\w.$\\])\$?[A-Za-z]{1,3}\$?[1-9][0-9]{0,6}(?![\w.(!\[]))
|(?P<NUM>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)
|(?P<SPACE>\s+)
|(?P<NAME>[^\W\d\\][\w.?\\・]*|\\[\w.?\\・]*)
|(?P<OTHER><>|<=|>=|[\s\S])""",
    re.X,
)
_KINDS: Final = {
    name: number
    for number, name in enumerate(
        ("STR", "QUOTED", "ERR", "NUM", "CELL", "COLS", "ROWS", "NAME", "BRACKET", "SPACE", "OTHER")
    )
}
_REFERENCE = re.compile(r"(\$?)([A-Za-z]{1,3})(\$?)([0-9]+)$")


def tokens(formula: str) -> list[Token]:
    """Kind and text of each token, in order.

    Examples
    --------
    >>> [part for _, part in tokens("SUM(Lots[Cost],'x y'!A1)")]
    ['SUM', '(', 'Lots', '[Cost]', ',', "'x y'", '!', 'A1', ')']
    """
    found: list[Token] = []
    place, length = 0, len(formula)
    while place < length:
        if formula[place] == "[":
            end = _bracket_end(formula, place)
            found.append((BRACKET, formula[place:end]))
            place = end
            continue
        match = _TOKEN.match(formula, place)
        if match is None or match.lastgroup is None:
            raise AssertionError("the last alternative matches any character")
        kind, part = _KINDS[match.lastgroup], match[0]
        if kind == CELL and not _on_sheet(part):
            kind = NAME  # ZZZ1 is a name: columns end at XFD
        found.append((kind, part))
        place = match.end()
    return found


def _bracket_end(formula: str, start: int) -> int:
    depth, place = 0, start
    while place < len(formula):
        character = formula[place]
        if character == "'" and depth:  # escapes the next character
            place += 2
            continue
        depth += (character == "[") - (character == "]")
        place += 1
        if depth == 0:
            return place
    return len(formula)


def _on_sheet(reference: str) -> bool:
    row, column = cell(reference)
    return row <= LAST_ROW and column <= LAST_COLUMN


def text(parts: Iterable[Token]) -> str:
    """The text of which `parts` are the tokens."""
    return "".join(part for _, part in parts)


def closing(parts: Sequence[Token], start: int) -> int:
    """Index of the bracket that closes ``parts[start]``, or ``len(parts)``."""
    depth = 0
    for place in range(start, len(parts)):
        kind, part = parts[place]
        if kind == OTHER:
            depth += (part in "({") - (part in ")}")
            if depth == 0:
                return place
    return len(parts)


def arguments(parts: Sequence[Token], start: int, end: int) -> list[list[Token]]:
    """The arguments between the brackets at `start` and `end`; one empty list when there is none."""
    depth = 0
    found: list[list[Token]] = [[]]
    for token in parts[start + 1 : end]:
        kind, part = token
        if kind == OTHER:
            depth += (part in "({") - (part in ")}")
            if part == "," and depth == 0:
                found.append([])
                continue
        found[-1].append(token)
    return found


# -- references ----------------------------------------------------------------------------------

_letters: dict[int, str] = {}


def column_name(number: int) -> str:
    """The letters of a column: 28 is AB."""
    letters = _letters.get(number)
    if letters is None:
        letters, rest = "", number
        while rest:
            rest, digit = divmod(rest - 1, 26)
            letters = chr(65 + digit) + letters
        _letters[number] = letters
    return letters


def column_number(letters: str) -> int:
    """The number of a column: AB is 28."""
    number = 0
    for letter in letters.upper():
        number = number * 26 + ord(letter) - 64
    return number


def cell(reference: str) -> tuple[int, int]:
    """Row and column of a reference to one cell.

    >>> cell("$B$12")
    (12, 2)
    """
    match = _REFERENCE.match(reference)
    if match is None:
        raise ValueError(f"{reference!r} is not a cell")
    return int(match[4]), column_number(match[2])


def box(reference: str) -> Box:
    """Corners of a range: 'B2:D9' is (2, 2, 9, 4), 'B2' is (2, 2, 2, 2)."""
    first, _, last = reference.partition(":")
    r1, c1 = cell(first)
    r2, c2 = cell(last) if last else (r1, c1)
    return min(r1, r2), min(c1, c2), max(r1, r2), max(c1, c2)


def address(row: int, column: int) -> str:
    """The text of a cell: (5, 2) is B5."""
    return f"{column_name(column)}{row}"


def box_text(corners: Box) -> str:
    """The text of a range; a single cell is written as one."""
    r1, c1, r2, c2 = corners
    first = address(r1, c1)
    return first if (r1, c1) == (r2, c2) else f"{first}:{address(r2, c2)}"


def quoted_sheet(name: str) -> str:
    """A sheet name as it stands before ``!`` in any formula."""
    return "'" + name.replace("'", "''") + "'"


def plain_sheet(part: str) -> str:
    """The sheet name of the token that stands before ``!``."""
    return part[1:-1].replace("''", "'") if part.startswith("'") else part


def shift(parts: Iterable[Token], down: int, right: int) -> list[Token]:
    """Relative references moved: shared formulas, relative names, filled-down columns.

    A reference that leaves the sheet becomes ``#REF!``.
    """
    moved: list[Token] = []
    for kind, part in parts:
        if kind == CELL:
            moved.append(_shifted_cell(part, down, right))
        elif kind == COLS and right:
            moved.append((kind, ":".join(_shifted_column(side, right) for side in part.split(":"))))
        elif kind == ROWS and down:
            moved.append((kind, ":".join(_shifted_row(side, down) for side in part.split(":"))))
        else:
            moved.append((kind, part))
    return moved


def _shifted_cell(part: str, down: int, right: int) -> Token:
    match = _REFERENCE.match(part)
    if match is None:
        return CELL, part
    fixed_column, letters, fixed_row, digits = match.groups()
    column = column_number(letters) + (0 if fixed_column else right)
    row = int(digits) + (0 if fixed_row else down)
    if not (1 <= column <= LAST_COLUMN and 1 <= row <= LAST_ROW):
        return ERR, "#REF!"
    return CELL, f"{fixed_column}{column_name(column)}{fixed_row}{row}"


def _shifted_column(side: str, right: int) -> str:
    if side[0] == "$":
        return side
    return column_name((column_number(side) + right - 1) % LAST_COLUMN + 1)


def _shifted_row(side: str, down: int) -> str:
    return side if side[0] == "$" else str((int(side) + down - 1) % LAST_ROW + 1)
