"""Trading sessions, and trade date to settlement date and back.

Thin over exchange_calendars (Tokyo XTKS, New York XNYS) with bounds fixed here, so that no
answer depends on the day it is asked. A list of holidays given by the user replaces the
built-in calendar. Settlement is a number of sessions after the trade (Tokyo 2 since
2019-07-16, before 3; New York 1 since 2024-05-28, 2 since 2017-09-05, before 3).
"""

from __future__ import annotations

import datetime as dt
import threading
import warnings
from bisect import bisect_left, bisect_right
from functools import lru_cache
from typing import TYPE_CHECKING

from xlplugin.core.dated import Dated, Row
from xlplugin.errors import MissingError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["FIRST_DAY", "LAST_DAY", "Calendar", "calendar", "settlement_lag"]

FIRST_DAY, LAST_DAY = dt.date(2000, 1, 1), dt.date(2035, 12, 31)

_LAGS = {
    "XTKS": Dated(
        "settlement lag, Tokyo",
        [
            Row(dt.date(1998, 1, 1), dt.date(2019, 7, 15), 3, ("JSCC, T+3",)),
            Row(dt.date(2019, 7, 16), None, 2, ("JPX, T+2 from 2019-07-16",)),
        ],
    ),
    "XNYS": Dated(
        "settlement lag, New York",
        [
            Row(dt.date(1995, 6, 7), dt.date(2017, 9, 4), 3, ("17 CFR 240.15c6-1, T+3",)),
            Row(dt.date(2017, 9, 5), dt.date(2024, 5, 27), 2, ("SEC Release 34-80295, T+2",)),
            Row(dt.date(2024, 5, 28), None, 1, ("SEC Release 34-96930, T+1",)),
        ],
    ),
}

# Tokyo closes at the turn of the year, whether a list of holidays says so or not.
_ALWAYS_CLOSED = {"XTKS": frozenset({(12, 31), (1, 1), (1, 2), (1, 3)})}


def settlement_lag(market: str, trade_date: dt.date) -> int:
    """Sessions from trade to settlement on `market` for a trade on `trade_date`."""
    return _LAGS[market].at(trade_date).value


class Calendar:
    """The sessions of one market, ascending.

    Raises
    ------
    MissingError
        For a day outside the calendar.
    """

    def __init__(self, market: str, sessions: list[dt.date]) -> None:
        self.market = market
        self._sessions = sessions

    def _inside(self, day: dt.date) -> dt.date:
        if not FIRST_DAY <= day <= LAST_DAY:
            raise self._outside(day)
        return day

    def _outside(self, day: dt.date) -> MissingError:
        return MissingError(
            f"{day}: outside the calendar of {self.market}, which knows {self._sessions[0]} to "
            f"{self._sessions[-1]}; dates must lie between them"
        )

    def _session(self, index: int, day: dt.date) -> dt.date:
        if not 0 <= index < len(self._sessions):
            raise self._outside(day)
        return self._sessions[index]

    def is_session(self, day: dt.date) -> bool:
        """Whether the market trades on `day`."""
        index = bisect_left(self._sessions, self._inside(day))
        return index < len(self._sessions) and self._sessions[index] == day

    def after(self, day: dt.date, count: int) -> dt.date:
        """The session `count` sessions after `day` (1 = the next one)."""
        return self._session(bisect_right(self._sessions, self._inside(day)) + count - 1, day)

    def on_or_before(self, day: dt.date) -> dt.date:
        """The last session not after `day`."""
        return self._session(bisect_right(self._sessions, self._inside(day)) - 1, day)

    def on_or_after(self, day: dt.date) -> dt.date:
        """The first session not before `day`."""
        return self._session(bisect_left(self._sessions, self._inside(day)), day)

    def between(self, start: dt.date, end: dt.date) -> tuple[dt.date, ...]:
        """All sessions from `start` to `end`, both inclusive."""
        return tuple(self._sessions[bisect_left(self._sessions, start) : bisect_right(self._sessions, end)])

    def settlement(self, trade_date: dt.date, lag: int | None = None) -> dt.date:
        """The day a trade settles: `lag` sessions after it (default: the market's lag that day)."""
        return self.after(trade_date, settlement_lag(self.market, trade_date) if lag is None else lag)

    def last_trade_settling_by(self, day: dt.date, lag: int | None = None) -> dt.date:
        """The last session whose trades settle on or before `day`.

        Examples
        --------
        >>> calendar("XTKS").last_trade_settling_by(dt.date(2026, 12, 31))
        datetime.date(2026, 12, 28)
        """
        trade = self.on_or_before(day)
        while self.settlement(trade, lag) > day:
            trade = self.on_or_before(trade - dt.timedelta(days=1))
        return trade


@lru_cache(maxsize=64)
def _weekdays_without(market: str, holidays: frozenset[dt.date]) -> Calendar:
    days = (FIRST_DAY + dt.timedelta(days=n) for n in range((LAST_DAY - FIRST_DAY).days + 1))
    closed = _ALWAYS_CLOSED.get(market, frozenset())
    return Calendar(
        market,
        [d for d in days if d.weekday() < 5 and d not in holidays and (d.month, d.day) not in closed],
    )


# Filters of warnings belong to the process: two threads that build at once would undo each other's.
_BUILDING = threading.Lock()


@lru_cache(maxsize=4)
def _built_in(market: str) -> Calendar:
    from exchange_calendars import get_calendar  # noqa: PLC0415  (loads pandas; only where needed)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # exchange_calendars uses what newer pandas deprecates
        sessions = get_calendar(market, start=FIRST_DAY.isoformat(), end=LAST_DAY.isoformat()).sessions
    return Calendar(market, [stamp.date() for stamp in sessions])


def calendar(market: str, holidays: Iterable[dt.date] | None = None) -> Calendar:
    """The calendar of `market` ("XTKS" or "XNYS"), or weekdays without the `holidays` given."""
    if holidays is not None:
        return _weekdays_without(market, frozenset(holidays))
    with _BUILDING:
        return _built_in(market)
