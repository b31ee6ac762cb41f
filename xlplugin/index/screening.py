"""Screens: rules of field, operator, entry value, keep value and code, read from the top.

The first rule that fails is the reason. A missing datum is not a failure: it is unknown, and says
which field. Source: methodology 2.5, 2.11 (S01).
"""

from __future__ import annotations

import datetime as dt
import operator
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from xlplugin.errors import ErrorValue, InputError, WordError
from xlplugin.index.arrays import same_length

if TYPE_CHECKING:
    from collections.abc import Sequence

    from xlplugin.aliases import BoolArray

__all__ = ["OPERATORS", "Outcome", "Rule", "Verdict", "screen"]

Datum = object
"""What a cell holds: float, str, bool, date, ErrorValue or None."""


class Outcome(Enum):
    """What a screen says about a name."""

    PASSED = "passed"
    FAILED = "failed"
    MISSING = "missing"
    UNREADABLE = "unreadable"


class Verdict(NamedTuple):
    """The outcome for one name, with the code of the first rule that decided it."""

    outcome: Outcome
    reason: str


@dataclass(frozen=True)
class Rule:
    """One line of a screen.

    Parameters
    ----------
    field : str
        A column of the data.
    operator : str
        A key of `OPERATORS`.
    entry : object
        Value for newcomers; for IN and NOT_IN a text with | between the words; unused by PRESENT.
    keep : object, optional
        Value for constituents; `entry` if left out.
    code : str, optional
        Printed when the rule fails; the field if left out.
    """

    field: str
    operator: str
    entry: Datum
    keep: Datum = None
    code: str = ""


Test = Callable[[Datum], bool]
"""A condition on one datum, with the limit built in."""


def _ordered(compare: Callable[[float, float], bool]) -> Callable[[Datum], Test]:
    def against(limit: Datum) -> Test:
        number = _number(limit)
        return lambda datum: compare(datum if type(datum) is float else _number(datum), number)

    return against


def _equal(limit: Datum) -> Test:
    key = _key(limit)
    return lambda datum: _key(datum) == key


def _in(limit: Datum) -> Test:
    keys = {_key(word) for word in _text(limit).split("|")}
    return lambda datum: _key(datum) in keys


def _not(condition: Callable[[Datum], Test]) -> Callable[[Datum], Test]:
    def against(limit: Datum) -> Test:
        test = condition(limit)
        return lambda datum: not test(datum)

    return against


OPERATORS: Mapping[str, Callable[[Datum], Test]] = {
    ">=": _ordered(operator.ge),
    ">": _ordered(operator.gt),
    "<=": _ordered(operator.le),
    "<": _ordered(operator.lt),
    "=": _equal,
    "<>": _not(_equal),
    "IN": _in,
    "NOT_IN": _not(_in),
    "PRESENT": lambda _: lambda datum: datum is not None,
}
"""The row passes when the condition is true; each takes the limit and gives the test of a datum."""

_ALSO = {"≥": ">=", "≧": ">=", "=>": ">=", "≤": "<=", "≦": "<=", "=<": "<=", "≠": "<>", "!=": "<>", "==": "="}


class _UnreadableError(Exception):
    """A datum that cannot be compared; becomes the row's verdict."""


def _number(value: Datum) -> float:
    if isinstance(value, (int, float)):
        return float(value)
    if isinstance(value, dt.date):
        return float(value.toordinal())
    raise _UnreadableError


def _text(value: Datum) -> str:
    if isinstance(value, float) and value == int(value):
        return str(int(value))
    return str(value)


def _key(value: Datum) -> object:
    """What equality compares: numbers as numbers, also when a list holds them as text."""
    if isinstance(value, (int, float)):
        return float(value)
    if isinstance(value, dt.date):
        return value
    return _word_key(str(value))


@lru_cache(maxsize=4096)
def _word_key(text: str) -> object:
    word = unicodedata.normalize("NFKC", text).strip().casefold()
    try:
        return float(word)
    except ValueError:
        return word


def _operator(name: str, row: int) -> tuple[str, Callable[[Datum], Test]]:
    text = name or ""  # a blank cell
    word = unicodedata.normalize("NFKC", text).strip().upper().replace(" ", "_")
    word = _ALSO.get(word, _ALSO.get(text.strip(), word))
    if word not in OPERATORS:
        raise WordError(f"rules, row {row}, operator", got=name, choices=tuple(OPERATORS))
    return word, OPERATORS[word]


def screen(
    columns: Mapping[str, Sequence[Datum]], rules: Sequence[Rule], incumbent: BoolArray | None = None
) -> list[Verdict]:
    """Pass every name through the rules.

    Parameters
    ----------
    columns : mapping of str to sequence
        Data by field, one value per name.
    rules : sequence of Rule
        Read from the top.
    incumbent : ndarray of bool, optional
        Constituents now; they meet the keep values.

    Returns
    -------
    list of Verdict
        One per name; the reason of a passed name is empty, of a missing datum ``MISSING:field``,
        of a datum that cannot be compared ``UNREADABLE:field``.

    Raises
    ------
    InputError
        If a rule names an unknown field or has no value.
    WordError
        If an operator is not known.
    ShapeError
        If columns and incumbents are not of one length.

    References
    ----------
    methodology 2.5 (JPX-Nikkei 400 screening), 2.11.

    Examples
    --------
    >>> rules = [Rule("turnover", ">=", 0.20, 0.14, "LIQUIDITY")]
    >>> [v.reason for v in screen({"turnover": [0.25, 0.19, None]}, rules)]
    ['', 'LIQUIDITY', 'MISSING:turnover']
    """
    if not columns:
        raise InputError("data: there is no column; give a table with a header row")
    count = len(next(iter(columns.values())))
    for name, column in columns.items():
        same_length(count, **{name: column})
    same_length(count, incumbent=incumbent)
    held = [False] * count if incumbent is None else incumbent.tolist()
    verdicts = [Verdict(Outcome.PASSED, "")] * count
    open_rows = list(range(count))
    for number, rule in enumerate(rules, start=1):
        word, condition = _operator(rule.operator, number)
        if rule.field not in columns:
            known = ", ".join(list(columns)[:8])
            raise InputError(f"rules, row {number}: the data has no field {rule.field!r}; it has {known}")
        keep = rule.entry if rule.keep is None else rule.keep
        if word != "PRESENT" and rule.entry is None:
            raise InputError(f"rules, row {number}: {rule.field} {word} has no entry value; enter one")
        data, code = columns[rule.field], rule.code or rule.field
        try:
            enters, stays = condition(rule.entry), condition(keep)
        except _UnreadableError:
            raise InputError(
                f"rules, row {number}: {rule.field} {word} compares numbers; entry and keep must be numbers"
            ) from None
        missing = Verdict(Outcome.MISSING, f"MISSING:{rule.field}")
        unreadable = Verdict(Outcome.UNREADABLE, f"UNREADABLE:{rule.field}")
        failed = Verdict(Outcome.FAILED, code)
        still: list[int] = []
        for row in open_rows:
            datum = data[row]
            if (datum is None or type(datum) is ErrorValue) and word != "PRESENT":
                verdicts[row] = missing
                continue
            try:
                if (stays if held[row] else enters)(datum):
                    still.append(row)
                else:
                    verdicts[row] = failed
            except _UnreadableError:
                verdicts[row] = unreadable
        open_rows = still
    return verdicts
