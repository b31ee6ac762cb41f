"""Expected days come from the exchanges' printed calendars and published examples, not from the code."""

import datetime as dt
from concurrent.futures import ThreadPoolExecutor

import pytest
from exchange_calendars import calendar_utils

from xlplugin.core import calendars
from xlplugin.core.calendars import calendar, settlement_lag
from xlplugin.errors import MissingError

DAY = dt.date


@pytest.mark.parametrize(
    ("trade", "settlement"),
    [
        (DAY(2020, 12, 28), DAY(2020, 12, 30)),  # the tax office's circular, as printed by the press
        (DAY(2024, 12, 26), DAY(2024, 12, 30)),  # last trade day of 2024 on the settlement basis
        (DAY(2026, 12, 28), DAY(2026, 12, 30)),
        (DAY(2026, 12, 29), DAY(2027, 1, 4)),  # 31 December to 3 January are no sessions
    ],
)
def test_tokyo_settles_two_sessions_after_the_trade(trade, settlement):
    assert calendar("XTKS").settlement(trade) == settlement


@pytest.mark.parametrize("year", [2026, 2027])
def test_the_last_tokyo_trade_of_2026_and_2027_is_on_the_28th(year):
    assert calendar("XTKS").last_trade_settling_by(DAY(year, 12, 31)) == DAY(year, 12, 28)


def test_tokyo_settled_in_three_days_until_july_2019():
    assert (settlement_lag("XTKS", DAY(2019, 7, 12)), settlement_lag("XTKS", DAY(2019, 7, 16))) == (3, 2)


def test_new_york_settles_the_next_session_since_28_may_2024():
    assert calendar("XNYS").settlement(DAY(2024, 5, 28)) == DAY(2024, 5, 29)
    assert calendar("XNYS").settlement(DAY(2026, 12, 31)) == DAY(2027, 1, 4)


def test_holidays_given_by_the_user_replace_the_built_in_calendar():
    own = calendar("XTKS", [DAY(2026, 12, 29)])
    assert own.is_session(DAY(2026, 11, 3))  # 文化の日, closed in the built-in calendar
    assert not own.is_session(DAY(2026, 12, 29))
    assert own.after(DAY(2026, 12, 28), 1) == DAY(2026, 12, 30)


def test_tokyo_is_closed_at_the_turn_of_the_year_even_with_a_list_of_holidays():
    own = calendar("XTKS", [DAY(2026, 11, 23)])
    assert not own.is_session(DAY(2026, 12, 31))
    assert own.on_or_after(DAY(2027, 1, 1)) == DAY(2027, 1, 4)
    assert own.last_trade_settling_by(DAY(2026, 12, 31)) == DAY(2026, 12, 28)


def test_a_day_that_is_no_session_moves_to_the_session_before_or_after():
    tokyo = calendar("XTKS")
    assert tokyo.on_or_before(DAY(2026, 1, 3)) == DAY(2025, 12, 30)
    assert tokyo.on_or_after(DAY(2026, 1, 1)) == DAY(2026, 1, 5)


@pytest.mark.parametrize("day", [DAY(1999, 1, 1), DAY(2036, 1, 1)])
def test_a_day_outside_the_calendar_is_an_error_that_says_the_range(day):
    with pytest.raises(MissingError, match="outside the calendar of XTKS, which knows 2000-01-04 to 2035"):
        calendar("XTKS").is_session(day)


def test_calendars_built_by_several_threads_at_once_come_without_a_warning():
    """Cells are computed by several threads; silencing a library's warnings in one must not undo
    it in another."""
    for _ in range(3):
        calendar_utils.global_calendar_dispatcher._factory_output_cache.clear()
        calendars._built_in.cache_clear()
        with ThreadPoolExecutor(4) as pool:
            found = list(pool.map(calendar, ["XTKS", "XNYS"] * 2))
        assert found[0] is found[2]
        assert found[1] is found[3]
