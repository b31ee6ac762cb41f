"""Month-end series of a fund and its index, checked row by row before anything is computed.

A level that is wrong in one month would otherwise hide in an average. What can be seen to be wrong
is a `Fault` with its row; a fund with a fatal fault has no figures. The rules are in SPEC.md.

Dates: a month counts through its last row, which must lie within seven days of the month's end; the
last month may be unfinished and is then not used. Rows on other days (ex-dates) are allowed in
between: a distribution is reinvested at the level of its own row.
"""

from __future__ import annotations

import calendar
import math
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from xlplugin.cost.funds import total_return_index

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from xlplugin.aliases import FloatArray

__all__ = [
    "Fault",
    "Limits",
    "MonthEnds",
    "Observation",
    "Pair",
    "check_pair",
    "check_rows",
    "is_month_end",
    "month_of",
]

_DAYS_TO_MONTH_END = 7
_DAYS_APART = 3
_MAD_TO_DEVIATION = 1.4826  # of a normal distribution
_BELIEVABLE = (0.4, 2.5)  # from one row to the next: no index lost 60 % within a month


class Fault(NamedTuple):
    """One thing that is wrong with a series.

    `code` is a reason code, `place` the row as the user knows it, `column` the key of its column, and
    `found` what stands there. A fault that is not `fatal` is shown beside the figures.
    """

    code: str
    place: str
    column: str
    found: str
    fatal: bool = True


@dataclass(frozen=True)
class Observation:
    """One row of a series.

    Attributes
    ----------
    place : str
        The row as the user knows it.
    date : date
        Day of the level.
    level : float
        Net asset value ex distribution, or index level.
    distribution, special : float
        Paid per unit on this day, before tax; the part of it that is a return of capital.
    split : float
        Units after a split of units for one unit before it, on the first row after the split; else 1.
    currency : str
        Of the level; "" is the currency of the fund.
    """

    place: str
    date: dt.date
    level: float
    distribution: float = 0.0
    special: float = 0.0
    split: float = 1.0
    currency: str = ""


@dataclass(frozen=True)
class Limits:
    """When a month is called wrong.

    Attributes
    ----------
    jump : float
        A fund that leaves its index by more than this in one month is refused: 0.10 is ten per cent.
    outlier : float
        A month whose active return is further from the median than this many robust standard
        deviations is shown as an outlier ...
    floor : float
        ... if it is also further from it than this.
    """

    jump: float = 0.10
    outlier: float = 8.0
    floor: float = 0.0025


def month_of(day: dt.date) -> int:
    """Months since year 0, so that neighbouring months differ by one."""
    return day.year * 12 + day.month - 1


def is_month_end(day: dt.date) -> bool:
    """Whether a day is one of the last seven of its month."""
    return calendar.monthrange(day.year, day.month)[1] - day.day < _DAYS_TO_MONTH_END


@dataclass(frozen=True)
class MonthEnds:
    """The month-end rows of one series and its growth from the first.

    Attributes
    ----------
    rows : tuple of Observation
        Ascending, one per month, none missing.
    gross, net : ndarray of shape (n_months,)
        Index from 1 with distributions reinvested on their own day, before and after tax.
    every : tuple of Observation
        All rows, those between month-ends too.
    """

    rows: tuple[Observation, ...]
    gross: FloatArray
    net: FloatArray
    every: tuple[Observation, ...]

    def paid(self, end: int) -> float:
        """Distributions of the twelve months up to `end`, in units of `end`, over its level."""
        total, units = 0.0, 1.0
        for row in reversed(self.every):
            if end - 12 < month_of(row.date) <= end:
                total += row.distribution / units
                units *= row.split
        return total / self.rows[end - self.first].level

    @property
    def first(self) -> int:
        """The first month, as `month_of` counts."""
        return month_of(self.rows[0].date)

    @property
    def last(self) -> int:
        """The last month."""
        return month_of(self.rows[-1].date)


def check_rows(rows: Sequence[Observation], currency: str, tax: float) -> MonthEnds | list[Fault]:
    """One series by month, or everything that is wrong with it.

    Parameters
    ----------
    rows : sequence of Observation
        In the order of the table.
    currency : str
        The currency the levels must be in.
    tax : float
        Rate on ordinary distributions for the series after tax.

    Returns
    -------
    MonthEnds or list of Fault
        An empty list if no month is complete.
    """
    faults = [fault for row in rows for fault in _row_faults(row, currency)]
    for before, after in pairwise(rows):
        if after.date == before.date:
            faults.append(Fault("DUPLICATE_DATE", after.place, "obs_date", after.date.isoformat()))
        elif after.date < before.date:
            found = f"{before.date.isoformat()}, {after.date.isoformat()}"
            faults.append(Fault("DATE_ORDER", after.place, "obs_date", found))
        elif before.level > 0.0 and not _BELIEVABLE[0] < _moved(before, after) < _BELIEVABLE[1]:
            code = "UNIT_SPLIT" if _looks_split(_moved(before, after)) else "LEVEL_JUMP"
            faults.append(Fault(code, after.place, "level_value", f"{before.level:g}, {after.level:g}"))
    if faults:
        return faults
    ends = _last_of_month(rows)
    if ends and not is_month_end(rows[ends[-1]].date):
        ends.pop()
    for one, next_ in pairwise(ends):
        if month_of(rows[next_].date) - month_of(rows[one].date) > 1:
            found = f"{rows[one].date.isoformat()}, {rows[next_].date.isoformat()}"
            faults.append(Fault("MISSING_MONTH", rows[next_].place, "obs_date", found))
    faults += [
        Fault("NOT_MONTH_END", rows[end].place, "obs_date", rows[end].date.isoformat())
        for end in ends
        if not is_month_end(rows[end].date)
    ]
    if faults or not ends:
        return faults
    gross, net = _growth(rows, 0.0), _growth(rows, tax)
    month_ends = tuple(rows[end] for end in ends)
    return MonthEnds(month_ends, gross[ends] / gross[ends[0]], net[ends] / net[ends[0]], tuple(rows))


def _row_faults(row: Observation, currency: str) -> list[Fault]:
    faults = []
    if not row.level > 0.0:
        faults.append(Fault("BAD_PRICE", row.place, "level_value", f"{row.level:g}"))
    if not 0.0 <= row.distribution <= max(row.level, 0.0):
        faults.append(Fault("BAD_DISTRIBUTION", row.place, "distribution_paid", f"{row.distribution:g}"))
    if not 0.0 <= row.special <= row.distribution:
        faults.append(Fault("BAD_DISTRIBUTION", row.place, "special_paid", f"{row.special:g}"))
    if not row.split > 0.0:
        faults.append(Fault("UNIT_SPLIT", row.place, "unit_split", f"{row.split:g}"))
    if row.currency and currency and row.currency != currency:
        faults.append(Fault("OTHER_CURRENCY", row.place, "ccy", f"{row.currency}, {currency}"))
    return faults


def _moved(before: Observation, after: Observation) -> float:
    """Growth from one row to the next, distribution and split included."""
    return (after.level + after.distribution) * after.split / before.level


def _last_of_month(rows: Sequence[Observation]) -> list[int]:
    """Places of the last row of each month; the rows ascend."""
    last = {month_of(row.date): place for place, row in enumerate(rows)}
    return list(last.values())


def _growth(rows: Sequence[Observation], tax: float) -> FloatArray:
    """Index from 1 over all rows: what one unit grows to with its distributions reinvested."""
    units = np.cumprod([1.0, *(row.split for row in rows[1:])])  # of one unit on the first row
    level = np.array([row.level for row in rows]) * units
    paid = np.array([row.distribution for row in rows]) * units
    return total_return_index(level, paid, tax, np.array([row.special for row in rows]) * units)


# -- fund against index ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Pair:
    """A fund and its index over the same months, up to the month of the audit.

    `gross`, `net` and `index` are levels of shape (n_months,) from the first common month on; `paid` is the
    distribution of the last twelve months over the last level.
    """

    dates: tuple[dt.date, ...]
    gross: FloatArray
    net: FloatArray
    index: FloatArray
    paid: float
    remarks: tuple[Fault, ...] = field(default=())

    @property
    def months(self) -> int:
        """Months of return: one less than the levels."""
        return len(self.dates) - 1


def check_pair(fund: MonthEnds, index: MonthEnds, end: int, limits: Limits) -> Pair | list[Fault]:
    """The common history of a fund and its index, or what makes them impossible to compare.

    Parameters
    ----------
    fund, index : MonthEnds
        As `check_rows` gives them.
    end : int
        The month of the audit (`month_of`): both series must reach it; later months are not used.
    limits : Limits
        When a month is called wrong.
    """
    faults = [
        Fault("STALE_SERIES", series.rows[-1].place, "obs_date", series.rows[-1].date.isoformat())
        for series in (fund, index)
        if series.last < end
    ]
    start = max(fund.first, index.first)
    if faults or start > end:
        return faults or [
            Fault("STALE_SERIES", fund.rows[0].place, "obs_date", fund.rows[0].date.isoformat())
        ]
    of_fund = slice(start - fund.first, end - fund.first + 1)
    of_index = slice(start - index.first, end - index.first + 1)
    rows, index_rows = fund.rows[of_fund], index.rows[of_index]
    gross, net, level = fund.gross[of_fund], fund.net[of_fund], index.gross[of_index]
    if jumps := _jumps(rows, index_rows, gross, level, limits.jump):
        return jumps
    remarks = [
        Fault("DATES_DIFFER", one.place, "obs_date", f"{one.date.isoformat()}, {two.date.isoformat()}", False)
        for one, two in zip(rows, index_rows, strict=True)
        if abs((one.date - two.date).days) > _DAYS_APART
    ]
    remarks += _outliers(rows, gross, level, limits)
    return Pair(
        tuple(row.date for row in rows),
        gross / gross[0],
        net / net[0],
        level / level[0],
        fund.paid(end),
        tuple(remarks),
    )


def _jumps(
    rows: Sequence[Observation],
    index_rows: Sequence[Observation],
    fund: FloatArray,
    index: FloatArray,
    limit: float,
) -> list[Fault]:
    """Months in which a fund leaves its index too far to be believed; the wilder of the two is named."""
    faults = []
    for k in range(1, len(rows)):
        one, other = fund[k] / fund[k - 1], index[k] / index[k - 1]
        if abs(one / other - 1.0) <= limit:
            continue
        wild = rows if abs(math.log(one)) >= abs(math.log(other)) else index_rows
        found = f"{one - 1.0:+.1%}, {other - 1.0:+.1%}"
        code = "UNIT_SPLIT" if _looks_split(one / other) else "LEVEL_JUMP"
        faults.append(Fault(code, wild[k].place, "level_value", found))
    return faults


def _looks_split(ratio: float) -> bool:
    """Whether a ratio is within 5 % of a whole number of at least 2, or of one over it."""
    if not ratio > 0.0:
        return False
    turned = ratio if ratio > 1.0 else 1.0 / ratio
    return turned >= 1.9 and abs(turned / round(turned) - 1.0) < 0.05


def _outliers(
    rows: Sequence[Observation], fund: FloatArray, index: FloatArray, limits: Limits
) -> list[Fault]:
    """Months whose active return stands apart from those of the same fund."""
    if len(rows) < 4:
        return []
    active = np.diff(np.log(fund)) - np.diff(np.log(index))
    away = active - np.median(active)
    width = max(limits.outlier * _MAD_TO_DEVIATION * float(np.median(np.abs(away))), limits.floor)
    return [
        Fault("OUTLIER", rows[k + 1].place, "level_value", f"{away[k]:+.2%}", False)
        for k in range(len(away))
        if abs(away[k]) > width
    ]
