"""When reviews take place, found in a list of trading days.

A day that is a holiday moves to the session before it. A month counts only when the sessions go on
after it, so that the last day of the data is not taken for the last day of a month.
"""

from __future__ import annotations

import bisect
import datetime as dt
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from xlplugin.index.recipe import Calendar, Recipe

__all__ = ["ReviewDay", "day_in_month", "review_days"]

_WEEKDAYS = {"wednesday": 2, "friday": 4}
_ORDINALS = {"first": 1, "second": 2, "third": 3, "fourth": 4}


class ReviewDay(NamedTuple):
    """One review: rows of the sessions with its data and after whose close the list changes."""

    base: int
    switch: int
    effective: dt.date


def day_in_month(rule: str, year: int, month: int, sessions: Sequence[dt.date]) -> int | None:
    """The row of the session that a rule of `recipe.DAYS` means in a month, or None.

    Examples
    --------
    >>> days = [dt.date(2024, 3, 14), dt.date(2024, 3, 15), dt.date(2024, 4, 1)]
    >>> days[day_in_month("third_friday", 2024, 3, days)]
    datetime.date(2024, 3, 15)
    """
    first = bisect.bisect_left(sessions, dt.date(year, month, 1))
    following = dt.date(year + month // 12, month % 12 + 1, 1)
    after = bisect.bisect_left(sessions, following)
    if first == after or after == len(sessions):
        return None
    word, _, unit = rule.partition("_")
    if unit == "session":
        return first if word == "first" else after - 1
    start = dt.date(year, month, 1)
    ahead = (_WEEKDAYS[unit] - start.weekday()) % 7 + 7 * (_ORDINALS[word] - 1)
    row = bisect.bisect_right(sessions, start + dt.timedelta(days=ahead)) - 1
    return row if row >= 0 else None


def review_days(
    sessions: Sequence[dt.date], recipe: Callable[[dt.date], Recipe], since: int = 0
) -> list[ReviewDay]:
    """Every review whose base day and switch lie in the sessions, in order.

    Parameters
    ----------
    sessions : sequence of date
        Trading days, ascending.
    recipe : callable
        The recipe in force on a day; a recipe without a calendar has no review.
    since : int
        The row of the first session of the index; a review may use earlier data.
    """
    days: list[ReviewDay] = []
    for year in range(sessions[0].year, sessions[-1].year + 1):
        for month in range(1, 13):
            effective = day_in_month("last_session", year, month, sessions)
            if effective is None or effective < since:
                continue
            calendar = recipe(sessions[effective]).calendar
            if calendar is not None and month in calendar.months:
                day = _review_day(calendar, year, month, sessions)
                if day is not None and day.switch > since:
                    days.append(day)
    return days


def _review_day(calendar: Calendar, year: int, month: int, sessions: Sequence[dt.date]) -> ReviewDay | None:
    effective = day_in_month(calendar.day_of(month), year, month, sessions)
    back = year * 12 + month - 1 - calendar.base_months_before
    base = day_in_month(calendar.base or calendar.day_of(month), back // 12, back % 12 + 1, sessions)
    if effective is None or base is None:
        return None
    switch = effective if calendar.timing == "close" else effective - 1
    if switch < 0 or base > switch:
        return None
    return ReviewDay(base, switch, sessions[effective])
