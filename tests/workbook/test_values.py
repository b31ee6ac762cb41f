"""The bridge: any value of any function comes out as a cell can hold it."""

from __future__ import annotations

import datetime as dt
import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xlplugin.errors import ErrorValue
from xlplugin.workbook.values import MISSING, OMITTED, error, fixed_array, serial, value_in, value_out

CELLS = st.one_of(
    st.floats(),
    st.booleans(),
    st.text(max_size=5),
    st.none(),
    st.dates(dt.date(1900, 3, 1)),
    st.sampled_from(list(ErrorValue)),
    st.integers(-(10**12), 10**12),
    st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=-(10**9), max_value=10**9),
)
BLOCKS = st.lists(st.one_of(CELLS, st.lists(CELLS, max_size=4)), max_size=5)


@given(BLOCKS)
def test_whatever_a_function_returns_becomes_a_rectangle_of_cell_values(result: list[object]) -> None:
    out = value_out(result)
    if isinstance(out, dict):
        assert out == error("Calc")
        assert all(row == [] for row in result)
        return
    assert len({len(row) for row in out}) == 1
    for row in out:
        for cell in row:
            assert type(cell) in (float, bool, str, dict)
            assert not isinstance(cell, float) or math.isfinite(cell)


ROUND = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(),
    st.text(min_size=1, max_size=5).filter(lambda s: s != OMITTED),
    st.sampled_from(list(ErrorValue)),
)


@given(st.lists(st.lists(ROUND, min_size=2, max_size=2), min_size=1, max_size=4))
def test_values_pass_out_and_in_again_unchanged(block: list[list[object]]) -> None:
    assert value_in(value_out(block)) == block


@pytest.mark.parametrize(
    ("result", "cell"),
    [
        (float("nan"), error("Num")),
        (float("-inf"), error("Num")),
        (3, 3.0),
        (Decimal("0.1"), 0.1),
        (Fraction(1, 4), 0.25),
        (np.float64(2.5), 2.5),
        (np.int64(7), 7.0),
        (np.bool_(True), True),
        (None, ""),
        (dt.date(2026, 11, 20), 46346.0),
        (dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC), 46346.5),
        (dt.timedelta(hours=6), 0.25),
        (dt.date(1899, 1, 1), error("Num")),
        (ErrorValue.DIV0, error("Div")),
        ("x" * 32_768, error("Value")),
        (object(), error("Value")),
        ([], error("Calc")),
        ([[]], error("Calc")),
        ([1, 2], [[1.0], [2.0]]),
        ([[1, 2], [3]], [[1.0, 2.0], [3.0, error("Na")]]),
        (np.array([[1.0, np.nan]]), [[1.0, error("Num")]]),
        (((1, 2), (3, 4)), [[1.0, 2.0], [3.0, 4.0]]),
    ],
)
def test_a_result_is_what_every_other_host_shows(result: object, cell: object) -> None:
    assert value_out(result) == cell


def test_dates_count_from_the_system_of_the_book() -> None:
    assert serial(dt.date(2026, 11, 20), date1904=True) == 46346 - 1462


def test_an_argument_left_out_and_errors_arrive_as_such() -> None:
    assert value_in(OMITTED) is MISSING
    assert value_in([[error("Na"), 1.0], [None, "x"]]) == [[ErrorValue.NA, 1.0], [None, "x"]]
    assert value_in(error("Calc")) is ErrorValue.VALUE


def test_a_fixed_array_repeats_one_row_and_cuts_or_fills_the_rest() -> None:
    assert fixed_array([[1.0, 2.0]], 2, 2) == [[1.0, 2.0], [1.0, 2.0]]
    assert fixed_array([[1.0], [2.0]], 3, 2) == [[1.0, 1.0], [2.0, 2.0], [error("Na"), error("Na")]]
    assert fixed_array([[1.0, 2.0], [3.0, 4.0]], 1, 1) == [[1.0]]
    assert fixed_array(5.0, 2, 1) == [[5.0], [5.0]]
