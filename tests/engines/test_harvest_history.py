"""Harvesting in past prices: a slow simulation share by share, statistics by hand, refusals."""

import datetime as dt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xlplugin.engines.harvesting.history import SimulationSettings, fall_statistics, simulate_harvests
from xlplugin.errors import DomainError, InputError, MissingError, ShapeError
from xlplugin.worksheet.calling import call
from xlplugin.worksheet.registry import load

SIMULATE = load()["HARVEST_SIMULATE"]


def days(n, start=dt.date(2025, 11, 3), step=20):
    return tuple(start + dt.timedelta(days=step * k) for k in range(n))


def one_name_at_a_time(prices, dates, weights, settings):
    """The rule of methodology 6.7 as a person would follow it with a pencil."""
    harvested, costs, gain = {}, {}, 0.0
    for name in range(prices.shape[1]):
        quantity, unit, wait = weights[name] / prices[0, name], prices[0, name], 0
        for row in range(1, len(dates)):
            if wait > 0:
                wait -= 1
                continue
            price = prices[row, name]
            if price < unit and price / unit - 1.0 <= -settings.threshold + 1e-12 and quantity > 0:
                year = dates[row].year
                harvested[year] = harvested.get(year, 0.0) + (unit - price) * quantity
                costs[year] = costs.get(year, 0.0) + 2 * settings.cost_rate * price * quantity
                unit, wait = price, settings.wait
        gain += (prices[-1, name] - unit) * quantity
    return harvested, costs, gain


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 9999),
    rows=st.integers(2, 40),
    threshold=st.sampled_from([0.0, 0.05, 0.2]),
    wait=st.integers(0, 4),
)
def test_the_simulation_agrees_with_one_name_at_a_time(seed, rows, threshold, wait):
    rng = np.random.default_rng(seed)
    prices = 100.0 * np.exp(np.cumsum(rng.normal(0, 0.08, (rows, 4)), axis=0))
    weights = np.array([0.4, 0.3, 0.3, 0.0])
    options = SimulationSettings(0.2, threshold=threshold, cost_rate=0.001, wait=wait)
    *years, total = simulate_harvests(prices, days(rows), weights, options)
    harvested, costs, gain = one_name_at_a_time(prices, days(rows), weights, options)
    for year in years:
        assert year.harvested == pytest.approx(harvested.get(year.year, 0.0), abs=1e-12)
        assert year.trading_cost == pytest.approx(costs.get(year.year, 0.0), abs=1e-12)
        assert year.tax_value == pytest.approx(0.2 * year.harvested)
    assert total.unrealised_gain == pytest.approx(gain, abs=1e-12)
    assert total.harvested == pytest.approx(sum(y.harvested for y in years))


@settings(deadline=None)
@given(seed=st.integers(0, 9999))
def test_losses_taken_come_back_as_later_gains(seed):
    # The money is the same: end value - start value = unrealised gain - losses harvested.
    rng = np.random.default_rng(seed)
    prices = 100.0 * np.exp(np.cumsum(rng.normal(0, 0.1, (12, 3)), axis=0))
    total = simulate_harvests(prices, days(12), np.full(3, 1 / 3), SimulationSettings(0.2))[-1]
    assert total.end_value - total.start_value == pytest.approx(total.unrealised_gain - total.harvested)


def test_each_year_starts_where_the_one_before_ended():
    prices = np.array([[100.0], [90.0], [95.0], [80.0], [85.0]])
    first, second, _ = simulate_harvests(
        prices, days(5, dt.date(2025, 12, 1), 15), np.ones(1), SimulationSettings(0.2, 1000.0)
    )
    assert (first.year, second.year) == (2025, 2026)
    assert second.start_value == first.end_value


def test_a_year_of_the_first_row_alone_gives_no_row():
    prices = np.array([[100.0], [90.0]])
    years = simulate_harvests(
        prices, (dt.date(2025, 12, 30), dt.date(2026, 3, 2)), np.ones(1), SimulationSettings(0.2)
    )
    assert [y.year for y in years] == [2026, None]


@pytest.mark.parametrize(
    ("change", "error", "sentence"),
    [
        ({"prices": [[100.0], [0.0]]}, DomainError, "zero or negative"),
        ({"weights": [0.9]}, DomainError, "sum to 0.9"),
        ({"weights": [0.5, 0.5]}, ShapeError, "weights"),
        ({"dates": [[dt.date(2026, 1, 5)], [dt.date(2026, 1, 5)]]}, InputError, "do not ascend"),
        ({"dates": dt.date(2026, 1, 5)}, ShapeError, "dates"),
        ({"prices": [[100.0]], "dates": dt.date(2026, 1, 5)}, InputError, "at least two"),
        ({"options": None}, MissingError, "tax_rate"),
        ({"prices": [[100.0], [None]]}, MissingError, "blank"),
    ],
)
def test_a_simulation_that_cannot_be_run_says_why(change, error, sentence):
    given = {
        "prices": [[100.0], [90.0]],
        "dates": [[dt.date(2026, 1, 5)], [dt.date(2026, 2, 5)]],
        "weights": [1.0],
        "options": [["tax_rate", 0.2]],
        **change,
    }
    with pytest.raises(error, match=sentence):
        call(SIMULATE, *(given[a.name] for a in SIMULATE.arguments))


def test_a_fall_is_measured_from_the_highest_value_before_and_the_start_counts():
    # By hand: 1.00 -> 1.20 -> 1.02 is 15 % below the peak; 1.00 -> 0.85 is 15 % below the start.
    returns = np.array([[0.2, -0.15, 0.0], [-0.15, 0.0, -0.1499]])
    assert fall_statistics(returns) == (2, pytest.approx(2 / 3), 2, pytest.approx(2 / 3))


@pytest.mark.parametrize(("returns", "threshold"), [([[0.1]], 0.0), ([[0.1]], 0.15), ([[-1.5]], -0.15)])
def test_a_threshold_or_a_return_out_of_its_domain_is_refused(returns, threshold):
    with pytest.raises(DomainError):
        fall_statistics(np.array(returns), threshold)
