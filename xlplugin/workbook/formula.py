"""What Excel stores for what a person typed, and the spelling each host needs for our functions.

Stored form per ECMA-376 part 1, 18.17, and [MS-XLSX] 2.2.2 (future functions): ``_xlfn.`` before
functions newer than Excel 2007, ``_xlpm.`` before the names of LET and LAMBDA,
``_xlfn.ANCHORARRAY(A5)`` for ``A5#``, ``_xlfn.SINGLE(x)`` for ``@x``. `file_form` is idempotent.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING, Final, Literal

from xlplugin.workbook.tokens import (
    BRACKET,
    CELL,
    NAME,
    OTHER,
    QUOTED,
    Token,
    arguments,
    closing,
    text,
    tokens,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

__all__ = [
    "FUTURE",
    "FUTURE_SHEET",
    "Flavour",
    "bare",
    "called_names",
    "file_form",
    "in_flavour",
    "mentions",
    "needs_file_form",
    "spellings",
    "table_of_spellings",
]

Flavour = Literal["vba", "officejs", "namespace", "xll", "addin"]

FUTURE_SHEET: Final = frozenset({"FILTER", "SORT"})  # stored with _xlfn._xlws.
FUTURE: Final = frozenset(
    """
    ACOT ACOTH AGGREGATE ARABIC ARRAYTOTEXT BASE BETA.DIST BETA.INV BINOM.DIST BINOM.DIST.RANGE
    BINOM.INV BITAND BITLSHIFT BITOR BITRSHIFT BITXOR BYCOL BYROW CEILING.MATH CEILING.PRECISE
    CHISQ.DIST CHISQ.DIST.RT CHISQ.INV CHISQ.INV.RT CHISQ.TEST CHOOSECOLS CHOOSEROWS COMBINA CONCAT
    CONFIDENCE.NORM CONFIDENCE.T COT COTH COVARIANCE.P COVARIANCE.S CSC CSCH DAYS DECIMAL DROP
    ENCODEURL ERF.PRECISE ERFC.PRECISE EXPAND EXPON.DIST F.DIST F.DIST.RT F.INV F.INV.RT F.TEST
    FIELDVALUE FILTERXML FLOOR.MATH FLOOR.PRECISE FORECAST.ETS FORECAST.ETS.CONFINT
    FORECAST.ETS.SEASONALITY FORECAST.ETS.STAT FORECAST.LINEAR FORMULATEXT GAMMA GAMMA.DIST GAMMA.INV
    GAMMALN.PRECISE GAUSS GROUPBY HSTACK HYPGEOM.DIST IFNA IFS IMAGE IMCOSH IMCOT IMCSC IMCSCH IMSEC
    IMSECH IMSINH IMTAN ISFORMULA ISOMITTED ISOWEEKNUM LAMBDA LET LOGNORM.DIST LOGNORM.INV MAKEARRAY
    MAP MAXIFS MINIFS MODE.MULT MODE.SNGL MUNIT NEGBINOM.DIST NORM.DIST NORM.INV NORM.S.DIST
    NORM.S.INV NUMBERVALUE PDURATION PERCENTILE.EXC PERCENTILE.INC PERCENTOF PERCENTRANK.EXC
    PERCENTRANK.INC PERMUTATIONA PHI PIVOTBY POISSON.DIST QUARTILE.EXC QUARTILE.INC RANDARRAY
    RANK.AVG RANK.EQ REDUCE REGEXEXTRACT REGEXREPLACE REGEXTEST RRI SCAN SEC SECH SEQUENCE SHEET
    SHEETS SKEW.P SORTBY STDEV.P STDEV.S STOCKHISTORY SWITCH T.DIST T.DIST.2T T.DIST.RT T.INV
    T.INV.2T T.TEST TAKE TEXTAFTER TEXTBEFORE TEXTJOIN TEXTSPLIT TOCOL TOROW TRANSLATE TRIMRANGE
    UNICHAR UNICODE UNIQUE VALUETOTEXT VAR.P VAR.S VSTACK WEBSERVICE WEIBULL.DIST WRAPCOLS WRAPROWS
    XLOOKUP XMATCH XOR Z.TEST
    """.split()
)
_NEW = FUTURE | FUTURE_SHEET

_CALLED = re.compile(r"[\w.・]+(?=\()")
_PARAMETER = re.compile(r"\[?(?:_xlpm\.)?[^\W\d][\w.]*\]?", re.I)
_PARAMETER_PREFIX = re.compile(r"_xlpm\.", re.I)


def bare(name: str) -> str:
    """A function's name without the prefixes of newer functions."""
    for prefix in ("_xlfn.", "_xlws."):
        if name[: len(prefix)].lower() == prefix:
            name = name[len(prefix) :]
    return name


def called_names(formula: str) -> set[str]:
    """Every text directly before ``(``, in capitals; strings are not told apart (a quick look)."""
    return {name.upper() for name in _CALLED.findall(formula)}


def needs_file_form(formula: str) -> bool:
    """Whether `file_form` could change anything: a quick look, never a false no."""
    if "#" in formula or "@" in formula:
        return True
    return "(" in formula and any(bare(name) in _NEW for name in called_names(formula))


def file_form(formula: str, table: str | None = None) -> str:
    """The text of ``<f>`` for a formula as a person types it, or as it is stored already.

    Parameters
    ----------
    formula : str
        With or without its leading ``=``.
    table : str, optional
        The table in which the cell stands; an unqualified ``[@Col]`` belongs to it.

    Examples
    --------
    >>> file_form("=SUM(A5#)+@Lots[Cost]")
    'SUM(_xlfn.ANCHORARRAY(A5))+_xlfn.SINGLE(Lots[Cost])'
    >>> file_form("LET(x,2,x*[@Cost])", table="Lots")
    '_xlfn.LET(_xlpm.x,2,_xlpm.x*Lots[[#This Row],[Cost]])'
    """
    return _stored(tokens(formula.removeprefix("=")), frozenset(), table)


def _stored(parts: list[Token], scope: frozenset[str], table: str | None) -> str:
    written: list[str] = []
    place, count = 0, len(parts)
    while place < count:
        kind, part = parts[place]
        following = parts[place + 1][1] if place + 1 < count else ""
        before = parts[place - 1] if place else (OTHER, "")
        if kind == OTHER and part == "@":
            end = _operand_end(parts, place + 1)
            written.append(f"_xlfn.SINGLE({_stored(parts[place + 1 : end], scope, table)})")
            place = end
            continue
        if kind in (CELL, NAME, QUOTED) and before[1] != "!" and not (kind == NAME and following == "("):
            end = place + 3 if following == "!" else place + 1
            if end < count and parts[end][1] == "#":
                written.append(f"_xlfn.ANCHORARRAY({text(parts[place:end])})")
                place = end + 1
                continue
        if kind == NAME and following == "(" and before[1] != "!":
            end = closing(parts, place + 1)
            written.append(_stored_call(part, arguments(parts, place + 1, end), scope, table))
            if end == count:  # a bracket is missing: nothing to close
                written[-1] = written[-1][:-1]
            place = end + 1
            continue
        if kind == NAME and following != "!" and before[1] != "!" and part.upper() in scope:
            part = f"_xlpm.{part}"
        elif kind == BRACKET and part[1:].lstrip().startswith("@"):
            part = _this_row(part, qualified=before[0] == NAME, table=table)
        written.append(part)
        place += 1
    return "".join(written)


def _stored_call(name: str, given: list[list[Token]], scope: frozenset[str], table: str | None) -> str:
    upper = bare(name).upper()
    if upper in ("LET", "LAMBDA"):
        return _stored_scope(upper, given, scope, table)
    if upper in scope:
        name = f"_xlpm.{bare(name)}"
    elif upper in FUTURE_SHEET:
        name = f"_xlfn._xlws.{upper}"
    elif upper in FUTURE:
        name = f"_xlfn.{upper}"
    return f"{name}({','.join(_stored(argument, scope, table) for argument in given)})"


def _stored_scope(upper: str, given: list[list[Token]], scope: frozenset[str], table: str | None) -> str:
    inner, written = set(scope), []
    for place, argument in enumerate(given):
        word = text(argument).strip()
        declares = place < len(given) - 1 and (upper == "LAMBDA" or place % 2 == 0)
        if declares and _PARAMETER.fullmatch(word):
            plain = _PARAMETER_PREFIX.sub("", word.strip("[]"))
            inner.add(plain.upper())
            written.append(f"[_xlpm.{plain}]" if word.startswith("[") else f"_xlpm.{plain}")
        else:
            written.append(_stored(argument, frozenset(inner), table))
    return f"_xlfn.{upper}({','.join(written)})"


def _this_row(part: str, *, qualified: bool, table: str | None) -> str:
    column = part[1:-1].strip()[1:].strip()
    if column:
        item = column if column[0] == "[" else f"[{column}]"
        part = f"[[#This Row],{item}]"
    else:
        part = "[#This Row]"
    return table + part if table and not qualified else part


def _operand_end(parts: list[Token], start: int) -> int:
    """End of the reference, call or bracket that starts at `start`: the operand of ``@``."""
    count = len(parts)
    if start + 1 < count and parts[start][0] in (QUOTED, NAME) and parts[start + 1][1] == "!":
        start += 2
    if start >= count:
        return start
    if parts[start][1] in ("(", "{"):
        end = closing(parts, start) + 1
    elif parts[start][0] == NAME and start + 1 < count and parts[start + 1][1] == "(":
        end = closing(parts, start + 1) + 1
    else:
        end = start + 1
    if end < count and parts[end][0] == BRACKET:
        end += 1
    if end < count and parts[end][1] == "#":
        end += 1
    end = min(end, count)
    return _operand_end(parts, end + 1) if end < count and parts[end][1] == ":" else end


# -- spellings of our functions --------------------------------------------------------------------

OFFICEJS_NAMESPACES: Final = ("DI", "XLPLUGIN", "XLW")  # the first one is written, all are read


def spellings(name: str) -> tuple[str, ...]:
    """Every form in which a file or a person may name one of our functions; the bare one first."""
    return (
        name,
        f"_xll.{name}",
        f"ORG.XLPLUGIN.ADDIN.{name.replace('_', '')}",
        *(f"_xldudf_{space}_{name}" for space in OFFICEJS_NAMESPACES),
        *(f"{space}.{name}" for space in OFFICEJS_NAMESPACES),
    )


def table_of_spellings(names: Iterable[str]) -> dict[str, str]:
    """Spelling in capitals -> name.

    Whole spellings from a closed table: taking prefixes off by pattern goes wrong as soon as one
    name ends like another.

    Raises
    ------
    ValueError
        If two names meet in one spelling.
    """
    found: dict[str, str] = {}
    for name in names:
        for form in spellings(name):
            if found.setdefault(form.upper(), name) != name:
                raise ValueError(f"{form} is both {found[form.upper()]} and {name}")
    return found


def in_flavour(formula: str, flavour: Flavour, spelled: Mapping[str, str]) -> str:
    """A stored formula with our functions spelled for one host; nothing but calls changes.

    Parameters
    ----------
    formula : str
        Stored text, in any flavour.
    flavour : {"vba", "officejs", "xll", "addin"}
        The last one is the programmatic name of the LibreOffice add-in.
    spelled : mapping of str to str
        From `table_of_spellings`.

    Examples
    --------
    >>> table = table_of_spellings(["HARVEST"])
    >>> in_flavour('HARVEST("HARVEST(",A1)', "officejs", table)
    '_xldudf_DI_HARVEST("HARVEST(",A1)'
    """
    if not mentions(formula, spelled):
        return formula
    parts = tokens(formula)
    written: list[str] = []
    place = 0
    while place < len(parts):
        kind, part = parts[place]
        link = kind == BRACKET and place + 3 < len(parts) and parts[place + 1][1] == "!"
        if link and parts[place + 2][1].upper() in spelled and parts[place + 3][1] == "(":
            place += 2  # [1]!HARVEST( is the same function in another book
            continue
        if kind == NAME and place + 1 < len(parts) and parts[place + 1][1] == "(":
            name = spelled.get(part.upper())
            if name is not None:
                part = _spelling(name, flavour)
        written.append(part)
        place += 1
    return "".join(written)


def mentions(formula: str, spelled: Mapping[str, str] | Collection[str]) -> bool:
    """Whether one of our functions is called, in any spelling and outside strings."""
    if "(" not in formula or not any(name in spelled for name in called_names(formula)):
        return False
    if '"' not in formula and "'" not in formula:
        return True
    parts = tokens(formula)
    return any(
        kind == NAME and following == "(" and part.upper() in spelled
        for (kind, part), (_, following) in pairwise(parts)
    )


def _spelling(name: str, flavour: Flavour) -> str:
    if flavour == "officejs":
        return f"_xldudf_{OFFICEJS_NAMESPACES[0]}_{name}"
    if flavour == "namespace":  # as it is typed where the Office add-in runs
        return f"{OFFICEJS_NAMESPACES[0]}.{name}"
    if flavour == "addin":
        return f"ORG.XLPLUGIN.ADDIN.{name.replace('_', '')}"
    return f"_xll.{name}" if flavour == "xll" else name
