import datetime as dt
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.engines.fund_audit.months import month_ends, rows, tracked
from xlplugin.engines.fund_audit import Limits, Observation, Pair, compare, figures

AS_OF = dt.date(2026, 11, 20)
LIMITS = Limits()
INDEX, FUND = tracked(66)


def judged(fund, index, *, currency="JPY", as_of=AS_OF, tax=0.2, limits=LIMITS):
    return compare(fund, index, currency, as_of, tax=tax, limits=limits)


def codes(found) -> set[str]:
    return {fault.code for fault in (found.remarks if isinstance(found, Pair) else found)}


def sound() -> tuple[list[Observation], list[Observation]]:
    return rows(FUND), rows(INDEX, first_place=100)


def test_a_sound_series_has_no_fault_and_no_remark():
    pair = judged(*sound())
    assert isinstance(pair, Pair)
    assert (pair.months, pair.remarks) == (66, ())


def test_a_missing_month_is_refused_and_named():
    fund, index = sound()
    [fault] = judged(fund[:30] + fund[31:], index)
    assert (fault.code, fault.place, fault.column) == ("MISSING_MONTH", "33", "obs_date")
    assert fault.found == f"{fund[29].date}, {fund[31].date}"


def test_a_missing_month_of_the_index_is_refused_as_well():
    fund, index = sound()
    [fault] = judged(fund, index[:30] + index[31:])
    assert (fault.code, fault.place) == ("MISSING_MONTH", "131")


def test_a_date_that_stands_twice_is_refused_with_its_row():
    fund, index = sound()
    fund.insert(10, replace(fund[10], place="999"))
    found = judged(fund, index)
    assert [(f.code, f.found) for f in found] == [("DUPLICATE_DATE", fund[10].date.isoformat())]


def test_dates_that_do_not_ascend_are_refused():
    fund, index = sound()
    fund[5], fund[6] = fund[6], fund[5]
    assert codes(judged(fund, index)) == {"DATE_ORDER"}


def test_a_month_whose_last_row_is_early_is_refused():
    fund, index = sound()
    fund[20] = replace(fund[20], date=fund[20].date.replace(day=12))
    [fault] = judged(fund, index)
    assert (fault.code, fault.place) == ("NOT_MONTH_END", "22")


def test_the_month_that_is_not_over_is_not_used():
    fund, index = sound()
    today = Observation("70", dt.date(2026, 11, 19), fund[-1].level * 1.3)
    pair = judged([*fund, today], index)
    assert isinstance(pair, Pair)
    assert pair.dates[-1] == dt.date(2026, 10, 31)


def test_a_series_that_ends_early_is_refused():
    fund, index = sound()
    [fault] = judged(fund[:-1], index)
    assert (fault.code, fault.found) == ("STALE_SERIES", "2026-09-30")
    [fault] = judged(fund, index[:-2])
    assert (fault.code, fault.place) == ("STALE_SERIES", "164")


def test_months_after_the_audit_are_not_used():
    fund, index = sound()
    pair = judged(fund, index, as_of=dt.date(2026, 3, 31))
    assert isinstance(pair, Pair)
    assert pair.dates[-1] == dt.date(2026, 3, 31)


def test_an_index_in_another_currency_is_refused():
    fund, index = sound()
    index[3] = replace(index[3], currency="USD")
    [fault] = judged(fund, index)
    assert (fault.code, fault.place, fault.column, fault.found) == (
        "OTHER_CURRENCY",
        "103",
        "ccy",
        "USD, JPY",
    )


def test_a_split_of_units_is_refused_until_its_ratio_is_given():
    fund, index = sound()
    split = [row if k < 40 else replace(row, level=row.level / 10.0) for k, row in enumerate(fund)]
    [fault] = judged(split, index)
    assert (fault.code, fault.place) == ("UNIT_SPLIT", "42")
    split[40] = replace(split[40], split=10.0)
    pair = judged(split, index)
    assert isinstance(pair, Pair)
    assert pair.gross == pytest.approx(judged(fund, index).gross, rel=1e-12)


def test_a_distribution_is_reinvested_on_its_own_day():
    # 100 -> on the ex-date 104 with 5 paid, 1 of it capital -> 110 at the month-end, tax 20 %.
    days = [dt.date(2026, 8, 31), dt.date(2026, 9, 10), dt.date(2026, 9, 30), dt.date(2026, 10, 30)]
    fund = [
        Observation(str(k), day, level, paid, special)
        for k, (day, level, paid, special) in enumerate(
            zip(days, (100.0, 104.0, 110.0, 110.0), (0.0, 5.0, 0.0, 0.0), (0.0, 1.0, 0.0, 0.0), strict=True)
        )
    ]
    index = [Observation("9", day, 100.0) for day in (days[0], days[2], days[3])]
    pair = judged(fund, index, limits=Limits(jump=1.0))
    assert isinstance(pair, Pair)
    assert pair.gross[1] == pytest.approx(1.10 * (1 + 5 / 104))
    assert pair.net[1] == pytest.approx(1.10 * (1 + (5 - 0.2 * 4) / 104))


def test_the_yield_counts_twelve_months_in_units_of_the_last():
    fund, index = sound()
    fund[50] = replace(fund[50], distribution=500.0)  # older than a year
    fund[60] = replace(fund[60], distribution=100.0)
    fund = [row if k < 62 else replace(row, level=row.level / 4) for k, row in enumerate(fund)]
    fund[62] = replace(fund[62], split=4.0)
    fund[64] = replace(fund[64], distribution=20.0)
    pair = judged(fund, index)
    assert isinstance(pair, Pair)
    assert pair.paid == pytest.approx((100.0 / 4 + 20.0) / fund[66].level)


def test_month_ends_far_apart_are_named():
    fund, index = sound()
    index[8] = replace(index[8], date=index[8].date - dt.timedelta(days=5))
    pair = judged(fund, index)
    assert isinstance(pair, Pair)
    assert [(f.code, f.place) for f in pair.remarks] == [("DATES_DIFFER", "10")]
    assert figures(pair).status == "CHECK"


def test_an_empty_or_too_young_series_is_no_series():
    fund, index = sound()
    assert codes(judged([], index)) == {"NO_SERIES"}
    assert codes(judged([replace(fund[-1], date=dt.date(2026, 11, 5))], index)) == {"NO_SERIES"}
    assert codes(judged(fund[-3:], index, as_of=dt.date(2026, 5, 31))) == {"STALE_SERIES"}


# -- any single corrupted cell -----------------------------------------------------------------------

WRONG = (float("nan"), 0.0, -1.0, 1e-9, 1e12)


@settings(deadline=None, max_examples=300)
@given(
    place=st.integers(0, 66),
    which=st.sampled_from(["fund", "index"]),
    corruption=st.one_of(
        st.tuples(st.just("level"), st.sampled_from(WRONG)),
        st.tuples(st.just("factor"), st.sampled_from([10.0, 0.1, 2.0, 0.5, 100.0, 1.3, 0.7])),
        st.tuples(st.just("distribution"), st.sampled_from([-1.0, float("nan"), 1e9])),
        st.tuples(st.just("special"), st.sampled_from([-1.0, 5.0, float("nan")])),
        st.tuples(st.just("split"), st.sampled_from([0.0, -1.0, 10.0, 0.1, float("nan")])),
        st.tuples(st.just("currency"), st.sampled_from(["USD", "JPX"])),
        st.tuples(st.just("date"), st.sampled_from([-3650, -400, -31, -12, 12, 31, 400, 3650])),
        st.tuples(st.just("gone"), st.just(0)),
        st.tuples(st.just("double"), st.just(0)),
    ),
)
def test_a_single_corrupted_cell_is_refused_or_named(place, which, corruption):
    fund, index = sound()
    series = fund if which == "fund" else index
    kind, value = corruption
    row = series[place]
    match kind:
        case "factor":
            series[place] = replace(row, level=row.level * value)
        case "date":
            series[place] = replace(row, date=row.date + dt.timedelta(days=value))
        case "gone":
            del series[place]
        case "double":
            series.insert(place, row)
        case _:
            series[place] = replace(row, **{kind: value})
    found = judged(fund, index)
    if isinstance(found, Pair):
        moved = kind in ("gone", "date") and place == 0
        unused = kind == "split" and place == 0 and value > 0.0  # nothing stands before the first row
        assert found.remarks or (moved and found.months == 65) or unused
        return
    assert found
    near = {series[k].place for k in range(max(place - 1, 0), min(place + 2, len(series)))}
    assert {fault.place for fault in found} & near


@settings(deadline=None, max_examples=150)
@given(place=st.integers(0, 66), error=st.floats(0.006, 0.05), up=st.booleans(), which=st.booleans())
def test_an_error_above_the_limit_of_notice_is_named(place, error, up, which):
    # Noise 4 bp a month: eight robust deviations are below 0.6 % in every one of these series.
    fund, index = sound()
    series = fund if which else index
    factor = 1.0 + error if up else 1.0 / (1.0 + error)
    series[place] = replace(series[place], level=series[place].level * factor)
    pair = judged(fund, index)
    assert isinstance(pair, Pair)
    assert {"OUTLIER"} == codes(pair)
    assert figures(pair).status == "CHECK"
    named = {fault.place for fault in pair.remarks}
    assert named & {str(2 + place), str(3 + place)}


@settings(deadline=None)
@given(st.integers(0, 10_000))
def test_ordinary_noise_is_not_called_an_outlier(seed):
    index, fund = tracked(60, seed)
    pair = judged(rows(fund), rows(index))
    assert isinstance(pair, Pair)
    assert not pair.remarks


def test_all_month_ends_of_the_helper_are_month_ends():
    assert month_ends(3) == [dt.date(2026, 8, 31), dt.date(2026, 9, 30), dt.date(2026, 10, 31)]
    assert np.all(INDEX > 0)
