"""Whether a stored formula can be read by Excel: rules P07 and P08.

A stack of brackets and the alternation of operands and operators; nothing is calculated.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from xlplugin.workbook.tokens import (
    BRACKET,
    CELL,
    COLS,
    ERR,
    NAME,
    NUM,
    OTHER,
    QUOTED,
    ROWS,
    SPACE,
    STR,
    tokens,
)

if TYPE_CHECKING:
    from xlplugin.workbook.tokens import Token

__all__ = ["syntax_fault", "typed_operator"]

_OPERANDS: Final = frozenset({STR, ERR, NUM, CELL, COLS, ROWS, NAME})
_BINARY: Final = frozenset({"+", "-", "*", "/", "^", "&", "=", "<", ">", "<=", ">=", "<>", ":", ","})
_PREFIX: Final = frozenset({"+", "-"})
_EXTERNAL = re.compile(r"\[[0-9]+\]")


def typed_operator(formula: str) -> str | None:
    """``#`` or ``@`` as a person types them, which a file must not hold."""
    for kind, part in tokens(formula):
        if kind == OTHER and part in ("#", "@"):
            return part
        if kind == BRACKET and part[1:].lstrip().startswith("@"):
            return "@"
    return None


def syntax_fault(formula: str) -> str | None:
    """What is wrong with a formula, None for a sound one."""
    parts = _without_spaces(tokens(formula))
    if not parts:
        return "it is empty"
    if parts[0][1] == "=":
        return "a leading ="
    stack: list[str] = []
    operand = False  # whether the last thing could be followed by an operator
    previous = ""
    for at, (kind, part) in enumerate(parts):
        if kind in _OPERANDS or kind == QUOTED:
            following = parts[at + 1][1] if at + 1 < len(parts) else ""
            if operand:
                return f"two operands side by side at {part}"
            if kind == QUOTED and following != "!":
                return f"a quote at {part[:20]}"
            operand = True
        elif kind == BRACKET:
            if not part.endswith("]"):
                return "a bracket [ is not closed"
            # A table's columns, a column of the own table, or the number of another book.
            operand = _EXTERNAL.fullmatch(part) is None
        elif part == "!":
            operand = False
        elif part in "({":
            if part == "(" and operand and previous not in ("name", ")"):
                return "a bracket behind a value"
            if part == "{" and operand:
                return "an array behind a value"
            stack.append(part)
            operand = False
        elif part in ")}":
            opened = stack.pop() if stack else ""
            if (opened, part) not in (("(", ")"), ("{", "}")):
                return f"a bracket {part} too many"
            if not operand and previous not in ("(", ","):
                return f"an operator before {part}"
            operand = True
        elif part == ";" and stack and stack[-1] == "{":
            operand = False
        elif part == "%":
            if not operand:
                return "% without a number"
        elif part in _BINARY:
            is_argument = part == "," and bool(stack)
            if not operand and part not in _PREFIX and not is_argument:
                return f"an operator {part} without an operand"
            operand = False
        else:
            return f"{part!r} is no part of a formula"
        previous = "name" if kind == NAME else part
    if stack:
        return f"a bracket {stack[-1]} is not closed"
    return None if operand else "an operator at the end"


def _without_spaces(parts: list[Token]) -> list[Token]:
    """Blanks around operators are dropped; one between two references is the intersection."""
    out: list[Token] = []
    for at, token in enumerate(parts):
        if token[0] != SPACE:
            out.append(token)
            continue
        before = out[-1] if out else (OTHER, "(")
        after = next((t for t in parts[at + 1 :] if t[0] != SPACE), (OTHER, ")"))
        if before[0] in (CELL, COLS, ROWS, NAME) and after[0] in (CELL, COLS, ROWS, NAME, QUOTED):
            out.append((OTHER, ":"))  # an operator between references, as far as syntax goes
    return out
