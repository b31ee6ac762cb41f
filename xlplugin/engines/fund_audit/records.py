"""The yearly record of an audit: one row per fund and year, only ever appended, and what changed.

The seven groups of the record are those of the appendix in methodology 8.E, row E22.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

from xlplugin.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["NUMBERS", "WORDS", "Change", "append", "changes", "control_sum"]

NUMBERS = (
    "ter",
    "other_cost",
    "real_cost",
    "td_one_net",
    "td_three_net",
    "td_five_net",
    "td_sd",
    "distribution_yield",
    "effective_tax",
    "hedge_ratio",
    "hedge_cost",
    "quoted_spread",
    "vwap_own",
    "lending_income",
    "quartile",
)
WORDS = ("asset_class", "vehicle", "distribution", "decision")
_SMALLEST = 5e-6  # half of the last digit that is shown


class Change(NamedTuple):
    """One field of one fund that differs from last year; `before` or `now` is None for none."""

    fund_code: str
    field: str
    before: Any
    now: Any


def append(
    history: Sequence[Mapping[str, Any]], rows: Sequence[Mapping[str, Any]]
) -> list[Mapping[str, Any]]:
    """The history with this year's rows behind it; earlier rows are never touched.

    Raises
    ------
    InputError
        If a fund and year are on record already, or a row is older than the record.
    """
    known = {(row["audit_year"], row["fund_code"]) for row in history}
    newest = max((row["audit_year"] for row in history), default=-math.inf)
    for row in rows:
        if (row["audit_year"], row["fund_code"]) in known:
            raise InputError(
                f"audits: {row['fund_code']} is on record for {row['audit_year']} already; the record is "
                "only appended: give the history as it was before this audit, or audit another year"
            )
        if row["audit_year"] < newest:
            raise InputError(
                f"audits: the record goes to {newest}, this audit is for {row['audit_year']}; an "
                "earlier year is never inserted"
            )
    return [*history, *rows]


def changes(before: Sequence[Mapping[str, Any]], now: Sequence[Mapping[str, Any]]) -> list[Change]:
    """What differs between two years, fund by fund in the order of `now`, then funds that are gone.

    Parameters
    ----------
    before, now : sequence of mapping
        Rows of one year each, with `fund_code` and the keys of `NUMBERS` and `WORDS`; an absent or
        None figure is unknown.
    """
    old = {row["fund_code"]: row for row in before}
    found: list[Change] = []
    for row in now:
        last = old.pop(row["fund_code"], None)
        if last is None:
            found.append(Change(row["fund_code"], "fund_code", None, row["fund_code"]))
            continue
        for key in (*WORDS, *NUMBERS):
            a, b = last.get(key), row.get(key)
            if _differ(a, b):
                found.append(Change(row["fund_code"], key, a, b))
    return found + [Change(code, "fund_code", code, None) for code in old]


def _differ(a: Any, b: Any) -> bool:
    a, b = (None if value == "" else value for value in (a, b))
    if isinstance(a, int | float) and isinstance(b, int | float):
        return abs(a - b) > _SMALLEST
    return bool(a != b)


def control_sum(row: Mapping[str, Any]) -> float:
    """One number for all figures of a row, which the workbook recomputes with native formulas.

    It shows that an earlier row was changed by mistake; it is no signature.

    Examples
    --------
    >>> control_sum({"audit_year": 2026, "fund_code": "AB", "ter": 0.001, "decision": "KEEP"})
    2032.003
    """
    total = float(row["audit_year"])
    for place, key in enumerate(NUMBERS, start=3):
        value = row.get(key)
        total += place * value if isinstance(value, int | float) else 0.0
    total += sum(len(str(row.get(key) or "")) for key in ("fund_code", "decision"))
    return round(total, 6)
