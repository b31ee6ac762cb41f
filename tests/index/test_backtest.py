import datetime as dt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xlplugin.errors import EmptyBaseError, InputError, NoTableError, ShapeError
from xlplugin.index.backtest import History, backtest
from xlplugin.index.levels import index_series
from xlplugin.index.recipe import Calendar, Recipe, Step
from xlplugin.index.rulecard import rule_cards
from xlplugin.index.schedule import day_in_month, review_days

QUARTERLY = Calendar((3, 6, 9, 12), "third_friday", "close", "third_friday", 0)


def weekdays(start, count):
    days, day = [], start
    while len(days) < count:
        if day.weekday() < 5:
            days.append(day)
        day += dt.timedelta(1)
    return tuple(days)


DAYS = weekdays(dt.date(2024, 1, 1), 300)


def rule(selection=Step("ALL"), scheme="CAP", calendar=QUARTERLY, capping=Step("NONE")):  # noqa: B008
    return Recipe(scheme, (), selection, capping, 1, calendar)


def market(seed=0, n=8, days=DAYS):
    rng = np.random.default_rng(seed)
    prices = 100.0 * np.exp(np.cumsum(rng.normal(0.0, 0.02, (len(days), n)), axis=0))
    return History(days, tuple(f"X{i}" for i in range(n)), prices, {"shares": rng.uniform(1, 9, n)})


def test_a_capitalisation_index_of_all_names_is_the_sum_of_their_values():
    history = market()
    result = backtest(history, rule(), base_level=1000.0)
    value = history.prices @ history.numbers["shares"]
    np.testing.assert_allclose(result.price, 1000.0 * value / value[0], rtol=1e-12)
    assert all(r.turnover == pytest.approx(0.0, abs=1e-12) for r in result.reviews)


def test_an_equal_weight_index_agrees_with_a_series_computed_regime_by_regime():
    """An independent version: quantities per regime by hand, levels by `index_series`."""
    history = market(1)
    result = backtest(history, rule(scheme="EQUAL"))
    flags = np.zeros(len(DAYS), dtype=bool)
    rows = [0]
    for month in (3, 6, 9, 12):
        for day in DAYS:
            third = day.weekday() == 4 and 15 <= day.day <= 21
            if day.year == 2024 and day.month == month and third:
                rows.append(DAYS.index(day))
                flags[rows[-1]] = True
    quantity = np.array([1.0 / history.prices[row] for row in rows])
    np.testing.assert_allclose(
        result.price, index_series(history.prices, quantity, 1000.0, flags), rtol=1e-12
    )
    assert [r.effective for r in result.reviews[1:]] == [DAYS[row] for row in rows[1:]]


@given(st.integers(0, 1000), st.sampled_from(["CAP", "EQUAL"]))
@settings(deadline=None, max_examples=20)
def test_a_split_changes_nothing(seed, scheme):
    history = market(seed, 5)
    plain = backtest(history, rule(scheme=scheme))
    factors = np.ones_like(history.prices)
    factors[120, 2] = 0.25
    prices = history.prices.copy()
    prices[120:, 2] *= 0.25
    shares = np.tile(history.numbers["shares"], (len(DAYS), 1))
    shares[120:, 2] *= 4.0
    split = History(DAYS, history.codes, prices, {"shares": shares}, price_factors=factors)
    np.testing.assert_allclose(backtest(split, rule(scheme=scheme)).price, plain.price, rtol=1e-10)


def test_dividends_enter_the_total_return_on_the_ex_date_and_are_taxed():
    # One name, flat at 100, pays 2 on row 10: gross 1020, net of 20 % 1016, price 1000.
    prices = np.full((20, 1), 100.0)
    paid = np.zeros((20, 1))
    paid[10] = 2.0
    result = backtest(
        History(DAYS[:20], ("A",), prices, {"shares": np.ones(1)}, dividends=paid), rule(), withholding=0.2
    )
    assert result.price.tolist() == [1000.0] * 20
    np.testing.assert_allclose(result.gross[[9, 10, 19]], [1000.0, 1020.0, 1020.0])
    np.testing.assert_allclose(result.net[[9, 10, 19]], [1000.0, 1016.0, 1016.0])
    assert result.dividend_points[10] == pytest.approx(20.0)


def test_a_special_dividend_moves_the_divisor_and_not_the_level():
    # Two equal names; one pays a special 50 of 100 and falls by it: the index stays.
    prices = np.full((6, 2), 100.0)
    prices[3:, 0] = 50.0
    special = np.zeros((6, 2))
    special[3, 0] = 50.0
    history = History(DAYS[:6], ("A", "B"), prices, {"shares": np.ones(2)}, special_dividends=special)
    assert backtest(history, rule()).price.tolist() == [1000.0] * 6
    plain = History(DAYS[:6], ("A", "B"), prices, {"shares": np.ones(2)})
    assert backtest(plain, rule()).price[-1] == pytest.approx(750.0)


def test_a_name_enters_only_once_it_is_listed_and_a_dead_one_leaves_at_its_last_price():
    history = market(3, 4)
    prices = history.prices.copy()
    prices[:100, 0] = np.nan  # listed later
    prices[40:, 1] = np.nan  # delisted
    result = backtest(History(DAYS, history.codes, prices, history.numbers), rule(scheme="EQUAL"))
    assert [r.names for r in result.reviews] == [3, 2, 3, 3, 3]
    assert result.reviews[1].deleted == ("X1",)
    assert result.reviews[2].added == ("X0",)
    last = prices[39, 1]
    still = np.array([1 / prices[0, 1], 1 / prices[0, 2], 1 / prices[0, 3]])
    at = DAYS.index(result.reviews[1].effective)
    value = still @ np.array([last, prices[at, 2], prices[at, 3]]) / 3.0
    assert result.price[at] == pytest.approx(1000.0 * value)


def test_no_review_sees_data_after_its_base_day():
    history = market(4, 6)
    calendar = Calendar((6,), "last_session", "open", "last_session", 2)
    recipe = rule(Step("RANK", {"metric": "full_cap", "count": 3.0}), calendar=calendar)
    base = next(r for r in backtest(history, recipe).reviews[1:]).base
    assert base == dt.date(2024, 4, 30)
    row = DAYS.index(base)
    prices = history.prices.copy()
    prices[row + 1 :] = prices[row + 1 :][:, ::-1]
    again = backtest(History(DAYS, history.codes, prices, history.numbers), recipe)
    first = backtest(history, recipe)
    assert again.reviews[1].added == first.reviews[1].added
    assert again.reviews[1].deleted == first.reviews[1].deleted


def test_a_given_list_of_constituents_is_followed():
    history = market(5, 4)
    listed = np.ones((len(DAYS), 4))
    listed[:, 3] = 0.0
    numbers = {**history.numbers, "incumbent": listed}
    result = backtest(History(DAYS, history.codes, history.prices, numbers), rule(Step("INCUMBENTS")))
    assert set(result.weights) == {"X0", "X1", "X2"}


def test_a_list_of_today_does_not_decide_the_reviews_of_the_past():
    # One name of three, constituents stay down to rank 2. X0 starts as the constituent, falls out
    # while it is worthless, and is second again later: it must not come back for being on the list.
    prices = np.tile(np.array([101.0, 100.0, 102.0]), (len(DAYS), 1))
    prices[50:100, 0] = 1.0
    numbers = {"shares": np.ones(3), "incumbent": np.array([1.0, 0.0, 0.0])}
    recipe = rule(Step("RANK", {"metric": "full_cap", "count": 1.0, "rank_in": 0.0, "rank_out": 2.0}))
    result = backtest(History(DAYS, ("X0", "X1", "X2"), prices, numbers), recipe)
    assert [r.added for r in result.reviews] == [("X0",), ("X2",), (), (), ()]


def test_cap_ratios_of_steps_are_carried_from_review_to_review():
    # One name far above the cap: 1 -> 0.9 at the start, then a step at each of four reviews.
    prices = np.tile(np.array([900.0, 50.0, 50.0]), (len(DAYS), 1))
    recipe = rule(scheme="PRICE", capping=Step("STEPS", {"cap": 0.1, "step": 0.1}))
    result = backtest(History(DAYS, ("A", "B", "C"), prices), recipe)
    assert result.weights["A"] == pytest.approx(900 * 0.5 / (900 * 0.5 + 100))


def test_years_compare_with_the_parent_and_mark_what_lies_before_the_launch():
    history = market(6)
    parent = np.linspace(100.0, 120.0, len(DAYS))
    result = backtest(history, rule(), launch=dt.date(2025, 1, 10), parent=parent)
    assert [y.year for y in result.years] == [2024, 2025]
    assert [y.backtested for y in result.years] == [True, True]
    end = DAYS.index(dt.date(2024, 12, 31))
    own, other = result.gross[end] / result.gross[0], parent[end] / parent[0]
    assert result.years[0].difference == pytest.approx(own - other)
    assert not result.backtested[-1]
    growth = (1 + result.years[0].total_return) * (1 + result.years[1].total_return)
    assert growth == pytest.approx(result.gross[-1] / result.gross[0])


def test_a_card_whose_rules_are_not_known_for_a_day_is_refused():
    card = rule_cards()["sp_select_sector"]  # known from September 2024
    with pytest.raises(NoTableError, match="sp_select_sector"):
        backtest(market(), card.recipe)


def test_todays_rules_can_be_applied_to_the_past():
    card = rule_cards()["ftse100"]
    result = backtest(market(7, 150), card.recipe(dt.date(2026, 1, 5)))
    assert [r.names for r in result.reviews] == [100] * 5


def test_an_index_that_is_worth_nothing_is_refused():
    prices = np.ones((5, 1))
    prices[2:] = 0.0
    with pytest.raises(EmptyBaseError, match="worth nothing"):
        backtest(History(DAYS[:5], ("A",), prices, {"shares": np.ones(1)}), rule())


def test_histories_that_do_not_fit_are_refused():
    with pytest.raises(ShapeError, match="prices"):
        History(DAYS[:3], ("A",), np.ones((2, 1)))
    with pytest.raises(InputError, match="ascending"):
        History((DAYS[1], DAYS[0]), ("A",), np.ones((2, 1)))
    with pytest.raises(InputError, match="start"):
        backtest(market(), rule(), start=1000)


# -- schedule ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "day"),
    [
        ("first_session", dt.date(2024, 3, 1)),
        ("last_session", dt.date(2024, 3, 29)),
        ("first_friday", dt.date(2024, 3, 1)),
        ("second_friday", dt.date(2024, 3, 8)),
        ("third_friday", dt.date(2024, 3, 15)),
        ("fourth_friday", dt.date(2024, 3, 22)),
        ("third_wednesday", dt.date(2024, 3, 20)),
    ],
)
def test_days_of_a_month_are_found(word, day):
    assert DAYS[day_in_month(word, 2024, 3, DAYS)] == day


def test_a_holiday_moves_to_the_session_before():
    sessions = tuple(d for d in DAYS if d != dt.date(2024, 3, 15))
    assert sessions[day_in_month("third_friday", 2024, 3, sessions)] == dt.date(2024, 3, 14)


def test_the_end_of_the_data_is_not_taken_for_the_end_of_a_month():
    assert day_in_month("last_session", 2024, 3, DAYS[:60]) is None


def test_a_change_before_the_open_follows_the_close_of_the_session_before():
    calendar = Calendar((4,), "first_session", "open", "last_session", 3)
    (day,) = review_days(DAYS, lambda _: rule(calendar=calendar))
    assert DAYS[day.base] == dt.date(2024, 1, 31)
    assert DAYS[day.switch] == dt.date(2024, 3, 29)
    assert day.effective == dt.date(2024, 4, 1)


def test_the_russell_changes_on_the_fourth_friday_of_june_and_the_second_of_november():
    # LSEG, 2025: from 2026 also the second Friday of November.
    sessions = weekdays(dt.date(2026, 1, 1), 260)
    days = review_days(sessions, rule_cards()["russell2000"].recipe)
    assert [d.effective for d in days] == [dt.date(2026, 6, 26), dt.date(2026, 11, 13)]
