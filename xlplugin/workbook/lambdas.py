"""LAMBDA for a calculator that does not know it (specification, section 6.5).

A lambda that is called at once becomes LET. MAP, BYROW, BYCOL, SCAN, REDUCE and MAKEARRAY become a
call of `EACH` that carries the body as text; the references of the body travel as arguments, and
`scratch` calculates the bodies.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from xlplugin.workbook.formula import bare
from xlplugin.workbook.tokens import (
    CELL,
    COLS,
    NAME,
    OTHER,
    QUOTED,
    ROWS,
    STR,
    Token,
    arguments,
    closing,
    text,
    tokens,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["EACH", "HELPERS", "Lambda", "lambda_of", "let_of", "lifted"]

EACH: Final = "__EACH"
HELPERS: Final = frozenset({"MAP", "BYROW", "BYCOL", "SCAN", "REDUCE", "MAKEARRAY"})

_PARAMETER: Final = "_xlpm."
_ETA: Final = "_xleta."
_MAIN: Final = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
# The scratch workbook has other addresses, so a body may not ask for its place.
_PLACED: Final = frozenset("ROW COLUMN OFFSET INDIRECT ADDRESS CELL FORMULATEXT SHEET AREAS".split())


@dataclass(frozen=True)
class Lambda:
    """Parameters without prefix, which of them are optional, and the tokens of the body."""

    parameters: tuple[str, ...]
    optional: frozenset[str]
    body: tuple[Token, ...]


def lambda_of(parts: Sequence[Token]) -> Lambda | None:
    """The lambda that an argument consists of, None for anything else."""
    given = [token for token in parts if token[1].strip()]
    if len(given) == 1 and given[0][1].lower().startswith(_ETA):
        name = given[0][1][len(_ETA) :]
        return Lambda(("x",), frozenset(), tuple(tokens(f"{name}({_PARAMETER}x)")))
    if len(given) < 3 or bare(given[0][1]).upper() != "LAMBDA" or given[1][1] != "(":
        return None
    end = closing(given, 1)
    if end != len(given) - 1:
        return None
    *declared, body = arguments(given, 1, end)
    names, optional = [], set()
    for one in declared:
        word = text(one).strip()
        name = word.strip("[]").removeprefix(_PARAMETER)
        names.append(name)
        if word.startswith("["):
            optional.add(name.upper())
    return Lambda(tuple(names), frozenset(optional), tuple(body))


def let_of(function: Lambda, given: Sequence[Sequence[Token]]) -> list[Token] | None:
    """``LAMBDA(a,b,body)(x,y)`` as ``LET(a,x,b,y,body)``; None where the counts do not fit."""
    values = [list(one) for one in given]
    if len(values) == 1 and not text(values[0]).strip():
        values = []
    if len(values) > len(function.parameters):
        return None
    omitted = set()
    bound: list[Token] = []
    for place, name in enumerate(function.parameters):
        value = values[place] if place < len(values) and text(values[place]).strip() else None
        if value is None:
            if name.upper() not in function.optional:
                return None
            omitted.add(name.upper())
        bound += [(NAME, f"{_PARAMETER}{name}"), (OTHER, ","), *(value or tokens("0")), (OTHER, ",")]
    body = _without_omitted(function.body, omitted)
    if not bound:
        return [(OTHER, "("), *body, (OTHER, ")")]
    return [(NAME, "_xlfn.LET"), (OTHER, "("), *bound, *body, (OTHER, ")")]


def _without_omitted(body: Sequence[Token], omitted: set[str]) -> list[Token]:
    out: list[Token] = []
    at = 0
    while at < len(body):
        if bare(body[at][1]).upper() == "ISOMITTED" and at + 1 < len(body) and body[at + 1][1] == "(":
            end = closing(body, at + 1)
            name = text(body[at + 2 : end]).strip().removeprefix(_PARAMETER).upper()
            out.append((NAME, "TRUE" if name in omitted else "FALSE"))
            at = end + 1
            continue
        out.append(body[at])
        at += 1
    return out


# -- a body with its references taken out ----------------------------------------------------------


def lifted(kind: str, function: Lambda, arrays: Sequence[Sequence[Token]]) -> list[Token] | None:
    """The call of `EACH`, with body and arrays already lowered; None where it cannot be done.

    Parameters
    ----------
    kind : str
        One of `HELPERS`.
    function : Lambda
        Body in the calculator's text.
    arrays : sequence of token lists
        The other arguments of the helper, lowered.
    """
    if any(bare(part).upper() in _PLACED for kind_, part in function.body if kind_ == NAME):
        return None
    inside = {name.upper() for name in function.parameters}
    free: list[str] = []
    variables: list[str] = []
    body: list[str] = []
    at, parts = 0, function.body
    while at < len(parts):
        end = _reference_end(parts, at)
        if end > at:
            if end < len(parts) and parts[end][1] in (":", "(", "!"):
                return None  # A1:INDEX(...) needs the reference itself
            body.append(_free_place(free, text(parts[at:end])))
            at = end
            continue
        kind_, part = parts[at]
        if kind_ == NAME and part.lower().startswith(_PARAMETER):
            name = part[len(_PARAMETER) :]
            if name.upper() not in inside and not _declared(parts, name) and name not in variables:
                variables.append(name)
        body.append(part)
        at += 1
    described = {
        "kind": kind,
        "parameters": function.parameters,
        "body": "".join(body),
        "arrays": len(arrays),
        "free": len(free),
        "variables": variables,
    }
    literal = json.dumps(described, ensure_ascii=False).replace('"', '""')
    out: list[Token] = [(NAME, EACH), (OTHER, "("), (STR, f'"{literal}"')]
    for array in arrays:
        out += [(OTHER, ","), *array]
    for reference in free:
        out += [(OTHER, ","), *tokens(reference)]
    for name in variables:
        out += [(OTHER, ","), (NAME, f"{_PARAMETER}{name}")]
    return [*out, (OTHER, ")")]


def _free_place(free: list[str], reference: str) -> str:
    if reference not in free:
        free.append(reference)
    return f"\x01{free.index(reference)}\x01"


def _reference_end(parts: Sequence[Token], at: int) -> int:
    """End of a reference to cells or of a name at `at`, else `at`."""
    start, count = at, len(parts)
    if at + 2 < count and parts[at][0] in (NAME, QUOTED) and parts[at + 1][1] == "!":
        at += 2
    kind, part = parts[at]
    if kind in (COLS, ROWS):
        return at + 1
    if kind == CELL:
        two = at + 2 < count and parts[at + 1][1] == ":" and parts[at + 2][0] == CELL
        return at + 3 if two else at + 1
    if kind != NAME or part.lower().startswith(_PARAMETER) or part.upper() in ("TRUE", "FALSE"):
        return start
    if at + 1 < count and parts[at + 1][1] == "(":
        return closing(parts, at + 1) + 1 if bare(part).upper() == "ANCHORARRAY" else start
    return at + 1


def _declared(parts: Sequence[Token], name: str) -> bool:
    """Whether a LET or LAMBDA inside the body declares the name."""
    for at, (kind, part) in enumerate(parts):
        if kind == NAME and bare(part).upper() in ("LET", "LAMBDA") and at + 1 < len(parts):
            given = arguments(parts, at + 1, closing(parts, at + 1))
            step = 2 if bare(part).upper() == "LET" else 1
            names = {
                text(one).strip().strip("[]").removeprefix(_PARAMETER).upper() for one in given[:-1:step]
            }
            if name.upper() in names:
                return True
    return False
