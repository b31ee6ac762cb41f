"""Holding periods in the United States: long or short, and the test for qualified dividends.

Calendar months, on trade dates: the day of acquisition is left out, the day of sale counts
(Rev. Rul. 66-97, 66-7, 70-598). A count of days such as 365 appears nowhere: 366 days can still
be short.
"""

from __future__ import annotations

import datetime as dt
from typing import NamedTuple

from xlplugin.core.lots import Bucket
from xlplugin.tax.tables import table

__all__ = ["DividendTest", "long_from", "qualified_dividend", "term"]

_ONE_DAY = dt.timedelta(days=1)


def long_from(held_from: dt.date) -> dt.date:
    """The first trade date on which a sale is long-term: the day after acquisition, a year on.

    Parameters
    ----------
    held_from : datetime.date
        Trade date of the acquisition, or the earlier date that a wash sale or a gift gives.

    Notes
    -----
    29 February plus one year is 1 March (26 USC 1222; Rev. Rul. 66-7).

    Examples
    --------
    >>> import datetime as dt
    >>> long_from(dt.date(2023, 3, 1)), long_from(dt.date(2024, 2, 28))
    (datetime.date(2024, 3, 2), datetime.date(2025, 3, 1))
    """
    if held_from.year >= dt.MAXYEAR - 1:
        return dt.date.max  # beyond the calendar: no sale is as late as that
    day = held_from + _ONE_DAY
    if (day.month, day.day) == (2, 29):
        return dt.date(day.year + 1, 3, 1)
    return day.replace(year=day.year + 1)


def term(held_from: dt.date, sold: dt.date) -> Bucket:
    """Whether a sale on `sold` is short-term (ST) or long-term (LT).

    Examples
    --------
    >>> import datetime as dt
    >>> term(dt.date(2012, 9, 19), dt.date(2013, 9, 19)).value
    'ST'
    """
    return Bucket.LT if sold >= long_from(held_from) else Bucket.ST


class DividendTest(NamedTuple):
    """The window around an ex-date and how long the share was held inside it."""

    window_start: dt.date
    window_end: dt.date
    days: int
    qualified: bool


def qualified_dividend(bought: dt.date, ex_date: dt.date, sold: dt.date | None) -> DividendTest:
    """Whether a dividend on common stock is qualified by its holding period.

    Parameters
    ----------
    bought, ex_date : datetime.date
        Trade date of the purchase and ex-dividend date.
    sold : datetime.date or None
        Trade date of the sale; None while the share is held.

    Returns
    -------
    DividendTest
        The share must be held on more than 60 days of the 121-day window; the day of purchase is
        left out, the day of sale counts.

    References
    ----------
    26 USC 1(h)(11)(B)(iii); IRS Publication 550.

    Examples
    --------
    >>> import datetime as dt
    >>> qualified_dividend(dt.date(2023, 7, 8), dt.date(2023, 7, 15), dt.date(2023, 8, 11))[2:]
    (34, False)
    """
    rule = table("us.taxable.qualified_dividend").at(ex_date)
    start = ex_date - dt.timedelta(days=rule.count("window_days_before"))
    end = ex_date + dt.timedelta(days=rule.count("window_days_after"))
    first = max(bought + _ONE_DAY, start)
    last = end if sold is None else min(sold, end)
    days = max(0, (last - first).days + 1)
    return DividendTest(start, end, days, days >= rule.count("min_days"))
