import datetime as dt
import statistics

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xlplugin.errors import DomainError, EmptyBaseError, InputError, MissingError, ShapeError, WordError
from xlplugin.risk.tracking import (
    bias_statistic,
    regression,
    rolling_tracking_error,
    tracking_band,
    tracking_difference,
    tracking_error,
)
from xlplugin.risk.windows import tracking_table

returns = st.floats(-0.3, 0.3)
pairs = st.lists(st.tuples(returns, returns), min_size=3, max_size=24)


def months(count, start=dt.date(2020, 12, 28)):
    return [
        dt.date(start.year + (start.month - 1 + k) // 12, (start.month - 1 + k) % 12 + 1, 28)
        for k in range(count)
    ]


@settings(deadline=None)
@given(pairs)
def test_the_tracking_error_is_the_sample_deviation_of_the_active_returns(rows):
    p, b = np.array(rows).T
    slow = statistics.stdev([x - y for x, y in rows]) * 12**0.5
    assert tracking_error(p, b) == pytest.approx(slow, rel=1e-9, abs=1e-15)


@settings(deadline=None)
@given(pairs, st.floats(-0.05, 0.05))
def test_a_constant_cost_does_not_show_in_the_tracking_error_but_in_the_difference(rows, cost):
    p, b = np.array(rows).T
    assert tracking_error(p - cost, b) == pytest.approx(tracking_error(p, b), rel=1e-6, abs=1e-9)
    assert tracking_difference(p - cost, b, method="ARITH") == pytest.approx(
        tracking_difference(p, b, method="ARITH") - 12 * cost, abs=1e-12
    )


@settings(deadline=None)
@given(pairs, st.randoms())
def test_the_order_of_the_periods_does_not_matter(rows, random):
    shuffled = rows[:]
    random.shuffle(shuffled)
    one, other = np.array(rows).T, np.array(shuffled).T
    for method in ("STD", "POP", "RMS"):
        assert tracking_error(*one, method=method) == tracking_error(*other, method=method)
    for method in ("CAGR", "ARITH", "RATIO", "TOTAL"):
        assert tracking_difference(*one, method=method) == pytest.approx(
            tracking_difference(*other, method=method), abs=1e-12
        )


@settings(deadline=None)
@given(pairs)
def test_the_three_errors_are_ordered_and_rms_adds_the_mean(rows):
    p, b = np.array(rows).T
    n, mean = p.size, float(np.mean(p - b))
    std, pop, rms = (tracking_error(p, b, 1, method) for method in ("STD", "POP", "RMS"))
    assert pop <= std + 1e-15
    assert rms**2 == pytest.approx(pop**2 + mean**2, abs=1e-12)
    assert pop**2 * n == pytest.approx(std**2 * (n - 1), abs=1e-12)


@settings(deadline=None)
@given(pairs)
def test_the_regression_agrees_with_numpy(rows):
    p, b = np.array(rows).T
    if np.ptp(b) < 1e-3 or np.ptp(p) < 1e-3:
        return
    fit = regression(p, b, 12)
    slope, intercept = np.polyfit(b, p, 1)
    residual = p - slope * b - intercept
    assert fit.beta == pytest.approx(slope, rel=1e-6, abs=1e-9)
    assert fit.alpha == pytest.approx(12 * intercept, rel=1e-6, abs=1e-9)
    assert fit.correlation == pytest.approx(np.corrcoef(p, b)[0, 1], abs=1e-9)
    assert fit.residual_te == pytest.approx(
        np.sqrt(residual @ residual / (p.size - 2) * 12), rel=1e-6, abs=1e-9
    )
    # Methodology 3.2: (beta - 1)^2 var(b) + residual variance = active variance.
    n = p.size
    left = (fit.beta - 1) ** 2 * np.var(b, ddof=1) + fit.residual_te**2 / 12 * (n - 2) / (n - 1)
    assert left == pytest.approx(tracking_error(p, b, 1) ** 2, rel=1e-6, abs=1e-12)


def test_a_constant_index_cannot_be_regressed_on():
    with pytest.raises(EmptyBaseError):
        regression(np.array([0.01, 0.02, 0.03]), np.array([0.01, 0.01, 0.01]))


def test_a_constant_portfolio_has_no_beta_and_no_correlation():
    fit = regression(np.full(4, 0.01), np.array([0.01, 0.02, -0.01, 0.0]))
    assert (fit.beta, fit.correlation) == (0.0, 0.0)


@settings(deadline=None)
@given(pairs, st.integers(2, 10))
def test_every_rolled_figure_is_the_tracking_error_of_its_window(rows, window):
    p, b = np.array(rows).T
    rolled = rolling_tracking_error(p, b, window)
    assert np.isnan(rolled[: window - 1]).all()
    for end in range(window, p.size + 1):
        assert rolled[end - 1] == tracking_error(p[end - window : end], b[end - window : end])


def test_active_returns_drawn_from_the_forecast_have_a_bias_statistic_near_one():
    rng = np.random.default_rng(7)
    forecast = rng.uniform(0.005, 0.02, 4000)
    statistic = bias_statistic(rng.normal(size=4000) * forecast, forecast)
    assert statistic == pytest.approx(1.0, abs=3 * np.sqrt(2 / 4000))


def test_the_band_widens_with_the_root_of_time():
    low, high = tracking_band(0.01, 4)
    assert high == pytest.approx(1.959964 * 0.01 * 2, rel=1e-6)
    assert low == -high


def test_the_table_of_a_fund_that_lags_a_tenth_of_a_per_cent_a_month():
    rng = np.random.default_rng(3)
    index = 100 * np.cumprod(np.concatenate([[1.0], 1 + rng.normal(0.005, 0.04, 60)]))
    fund = index * 0.999 ** np.arange(61)
    rows = {row.period: row for row in tracking_table(months(61), fund, index)}
    for period, count in (("1Y", 12), ("3Y", 36), ("5Y", 60), ("SINCE", 60)):
        p = (fund[60] / fund[60 - count]) ** (12 / count) - 1
        b = (index[60] / index[60 - count]) ** (12 / count) - 1
        assert rows[period].difference == pytest.approx(p - b)
        monthly = fund[1:] / fund[:-1] - index[1:] / index[:-1]
        assert rows[period].tracking_error == pytest.approx(np.std(monthly[-count:], ddof=1) * 12**0.5)
    years = [fund[e] / fund[e - 12] - index[e] / index[e - 12] for e in (60, 48, 36, 24, 12)]
    assert rows["5Y"].worst_year == pytest.approx(min(years))
    assert rows["1Y"].worst_year == pytest.approx(years[0])


def test_an_earlier_day_uses_only_what_was_known_then():
    levels = np.linspace(100, 160, 25)
    then = tracking_table(months(25), levels, levels[::-1].copy(), months(25)[12])
    only = tracking_table(months(25)[:13], levels[:13], levels[::-1][:13].copy())
    assert then == only


def test_a_short_history_leaves_blanks_instead_of_shorter_windows():
    rows = tracking_table(months(8), np.linspace(100, 107, 8), np.linspace(100, 108, 8))
    assert [row.difference is None for row in rows] == [True, True, True, False]
    assert rows[3].worst_year is None


@pytest.mark.parametrize("at", [3, 7])
def test_a_missing_month_is_named(at):
    dates = months(13)
    del dates[at]
    with pytest.raises(InputError, match=f"row {at + 1}"):
        tracking_table(dates, np.ones(12), np.ones(12))


def test_a_double_month_and_a_falling_date_are_refused():
    dates = months(5)
    with pytest.raises(InputError, match="row 3"):
        tracking_table([*dates[:2], dates[1], *dates[2:]], np.ones(6), np.ones(6))
    with pytest.raises(InputError, match="row 2"):
        tracking_table(dates[::-1], np.ones(5), np.ones(5))


@pytest.mark.parametrize(
    ("error", "call"),
    [
        (MissingError, lambda: tracking_error(np.ones(1), np.ones(1))),
        (MissingError, lambda: tracking_error(np.ones(2), np.ones(2), method="RESID")),
        (ShapeError, lambda: tracking_error(np.ones(2), np.ones(3))),
        (WordError, lambda: tracking_error(np.ones(2), np.ones(2), method="MAD")),
        (DomainError, lambda: tracking_error(np.ones(2), np.ones(2), 0)),
        (DomainError, lambda: tracking_difference(np.array([0.1, -1.0]), np.zeros(2))),
        (WordError, lambda: tracking_difference(np.zeros(2), np.zeros(2), method="LOG")),
        (MissingError, lambda: tracking_difference(np.zeros(0), np.zeros(0))),
        (DomainError, lambda: rolling_tracking_error(np.ones(3), np.ones(3), 1)),
        (EmptyBaseError, lambda: bias_statistic(np.ones(3), np.array([0.1, 0.0, 0.1]))),
        (MissingError, lambda: bias_statistic(np.ones(1), 0.1)),
        (DomainError, lambda: tracking_band(-0.01, 1)),
        (DomainError, lambda: tracking_band(0.01, 0)),
        (DomainError, lambda: tracking_band(0.01, 1, 0, 1.0)),
        (DomainError, lambda: tracking_table(months(2), np.array([1.0, 0.0]), np.ones(2))),
        (ShapeError, lambda: tracking_table(months(3), np.ones(2), np.ones(2))),
    ],
)
def test_inputs_outside_their_domain_are_refused(error, call):
    with pytest.raises(error):
        call()
