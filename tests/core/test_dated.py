import datetime as dt

import pytest

from xlplugin.core.dated import Dated, Row
from xlplugin.errors import NoTableError

DAY = dt.date


def rows():
    return [
        Row(DAY(2014, 1, 1), DAY(2026, 12, 31), "a", ("law A",)),
        Row(DAY(2027, 1, 1), None, "b", ("law B",), status="to_publish"),
    ]


def test_the_row_in_force_on_the_first_and_on_the_last_day_is_found():
    table = Dated("rate", rows())
    assert [table.at(d).value for d in (DAY(2014, 1, 1), DAY(2026, 12, 31), DAY(2027, 1, 1))] == [
        "a",
        "a",
        "b",
    ]


def test_a_day_before_the_first_row_is_an_error_and_no_neighbour_is_taken():
    with pytest.raises(NoTableError, match="rate: no row for 2013-12-31; known from 2014-01-01"):
        Dated("rate", rows()).at(DAY(2013, 12, 31))


def test_a_gap_between_rows_is_an_error():
    gap = [Row(DAY(2014, 1, 1), DAY(2014, 12, 31), 1, ()), Row(DAY(2016, 1, 1), None, 2, ())]
    with pytest.raises(NoTableError):
        Dated("rate", gap).at(DAY(2015, 6, 1))


def test_rows_that_overlap_are_refused_when_the_table_is_made():
    overlap = [Row(DAY(2014, 1, 1), DAY(2016, 1, 1), 1, ()), Row(DAY(2016, 1, 1), None, 2, ())]
    with pytest.raises(ValueError, match="overlap on 2016-01-01"):
        Dated("rate", overlap)


def test_a_row_that_is_not_enacted_needs_a_banner():
    table = Dated("rate", rows())
    assert [table.at(d).needs_banner for d in (DAY(2020, 1, 1), DAY(2028, 1, 1))] == [False, True]
