"""TRANSITION_OPTIONS and TRANSITION_SCHEDULE as a cell sees them."""

import datetime as dt

import pytest

from xlplugin.errors import EmptyBaseError, InputError, MissingError, NotFoundError, WordError
from xlplugin.worksheet.calling import call
from xlplugin.worksheet.registry import load

REGISTRY = load()
LOTS = [
    ["口座", "口座区分", "コード", "数量", "取得価額"],
    ["A", "特定(源泉あり)", "7203", 300, 600_000],  # bought at 2,000, worth 3,000: gain 1,000 a share
    ["A", "特定(源泉あり)", "6758", 200, 900_000],  # bought at 4,500, worth 3,000: loss 1,500 a share
    ["N", "NISA", "9984", 100, 700_000],  # tax-free: not part of the plan
]
TARGET = [
    ["コード(目標)", "指数ウェイト(目標)", "構成比率(目標)"],
    ["7203", 0.4, 0.4],
    ["6758", 0.0, 0.0],
    ["9984", 0.6, 0.6],
]
PRICES = [
    ["コード", "株価", "売買単位"],
    ["7203", 3000, 100],
    ["6758", 3000, 100],
    ["9984", 5000, 100],
]
RISK = [
    ["コード", "固有分散", "因子1", "因子2"],
    *([code, 0.04, 0.2, 0.0] for code in ("7203", "6758", "9984")),
]
SETTINGS = [
    ["as_of", dt.date(2026, 11, 20)],
    ["quarters", 2],
    ["budget", 100_000],
    ["tax_rate", 0.2],
    ["gains_base", 500_000],
    ["gains_high", 500_000],
]


def in_a_cell(name, *arguments):
    return call(REGISTRY[name], *arguments)


def options(settings=SETTINGS, lots=LOTS, target=TARGET, prices=PRICES, risk=RISK):
    head, *rows = in_a_cell("TRANSITION_OPTIONS", lots, target, prices, risk, settings)
    return [dict(zip(head, row, strict=True)) for row in rows]


def test_six_options_in_order_with_titles_of_the_language_of_the_tables():
    rows = in_a_cell("TRANSITION_OPTIONS", LOTS, TARGET, PRICES, RISK, [*SETTINGS, ["header", 0]])
    assert [row[0] for row in rows] == list("ABCDEF")


def test_an_option_by_hand():
    # Account 1,500,000: 300 x 3,000 + 200 x 3,000. All of 6758 goes (loss 300,000); 7203 is 0.6
    # against 0.4, so 100 of its shares go when gains are allowed (gain 100,000).
    loss_only, full = options()[0], options()[5]
    assert (loss_only["gains"], loss_only["losses"]) == (0.0, -300_000.0)
    assert (full["gains"], full["losses"]) == (100_000.0, -300_000.0)
    # Net -200,000 against other gains of 0, 500,000 and 500,000: 0 saved at the low end, else 40,000.
    assert (full["low"], full["tax_est"], full["high"]) == pytest.approx((-40_000.0, -40_000.0, 0.0))


def test_tax_free_accounts_are_left_out():
    every = {row["names"] for row in options()}
    assert max(every) <= 3
    only_free = [LOTS[0], LOTS[3]]
    cash = [*SETTINGS, ["cash", 1_000_000]]
    row = options(cash, lots=only_free)[0]
    assert (row["gains"], row["losses"]) == (0.0, 0.0)


def test_the_schedule_of_an_option_adds_up_to_it():
    head, *rows = in_a_cell("TRANSITION_SCHEDULE", LOTS, TARGET, PRICES, RISK, "F", SETTINGS)
    steps = [dict(zip(head, row, strict=True)) for row in rows]
    full = options()[5]
    assert [step["quarter"] for step in steps] == ["26Q4", "27Q1"]
    assert steps[0]["window"] == dt.date(2026, 12, 31)
    assert sum(step["net"] for step in steps) == pytest.approx(full["net"])
    assert steps[0]["losses"] == -300_000.0
    assert steps[-1]["te_forecast"] == pytest.approx(full["te_forecast"])


def test_english_and_japanese_headers_give_the_same_numbers():
    english = (
        [["account", "account_kind", "code", "quantity", "cost"], *LOTS[1:]],
        [["code", "index_weight", "weight"], *TARGET[1:]],
        [["code", "price", "lot_size"], *PRICES[1:]],
        [["code", "specific_variance", "f01", "f02"], *RISK[1:]],
    )
    ours = in_a_cell("TRANSITION_OPTIONS", LOTS, TARGET, PRICES, RISK, SETTINGS)
    theirs = in_a_cell("TRANSITION_OPTIONS", *english, SETTINGS)
    assert ours[1:] == theirs[1:]


def test_least_risk_never_ends_with_more_risk_for_everything():
    plain, least = options()[5], options([*SETTINGS, ["least_risk", 1]])[5]
    assert least["te_forecast"] <= plain["te_forecast"] + 1e-9


def test_what_is_missing_is_named():
    with pytest.raises(MissingError, match="as_of is missing"):
        options([row for row in SETTINGS if row[0] != "as_of"])
    with pytest.raises(MissingError, match="no row for 9984"):
        options(risk=RISK[:3])
    with pytest.raises(NotFoundError, match=r"specific_variance|固有分散"):
        options(risk=[["コード"], ["7203"]])
    with pytest.raises(EmptyBaseError, match="no name has a price"):
        options(prices=[PRICES[0], ["7203", None, 100], ["6758", None, 100], ["9984", None, 100]])
    with pytest.raises(InputError, match="7203 is there already"):
        options(target=[*TARGET, TARGET[1]])
    with pytest.raises(WordError, match="A, B, C, D, E, F"):
        in_a_cell("TRANSITION_SCHEDULE", LOTS, TARGET, PRICES, RISK, "G", SETTINGS)
