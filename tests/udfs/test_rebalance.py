"""REBALANCE as a cell sees it: the share of the daily value traded."""

import pytest

from xlplugin.worksheet.calling import call
from xlplugin.worksheet.registry import load

REGISTRY = load()
HELD = [
    ["コード", "数量", "時価", "取得単価", "平均売買代金"],
    ["7203", 400, 1000, 900, 1_000_000],
    ["6758", 0, 2000, None, None],
]
TARGETS = [["コード", "目標比率"], ["7203", 0.5], ["6758", 0.5]]


def orders(*options, held=HELD):
    head, *rows = call(REGISTRY["REBALANCE"], held, TARGETS, 0, list(options))
    return {row["code"]: row for row in (dict(zip(head, row, strict=True)) for row in rows)}


def test_an_order_is_shown_as_a_share_of_the_daily_value_traded():
    # 400 shares of 1,000 are 400,000; half of them, 200,000, are a fifth of 1,000,000 a day.
    rows = orders()
    assert rows["7203"]["adv_share"] == pytest.approx(0.2)
    assert rows["6758"]["adv_share"] in (None, ""), "without a traded value there is no share"
    assert "OVER_VOLUME" not in rows["7203"]["reason"]


def test_an_order_above_the_share_allowed_says_so():
    assert "OVER_VOLUME" in orders(["participation", 0.19])["7203"]["reason"]
    assert "OVER_VOLUME" not in orders(["participation", 0.2])["7203"]["reason"]


def test_the_english_header_of_the_books_is_read():
    english = [["code", "quantity", "price", "unit_cost", "Avg daily value"], *HELD[1:]]
    assert orders(held=english)["7203"]["adv_share"] == pytest.approx(0.2)
