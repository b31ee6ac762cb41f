"""The market of a job: members, prices, history, and what fills what."""

import datetime as dt
from decimal import Decimal

import pytest

from xlplugin.errors import FileError, MissingError
from xlplugin.store.market import MarketFiles, read_market

AS_OF = dt.date(2026, 11, 20)


def test_prices_win_over_the_history_and_the_history_gives_the_risk(sample):
    folder = sample / "market"
    market = read_market(
        MarketFiles(folder / "jp_constituents.csv", folder / "jp_prices.csv", folder / "jp_history.csv"),
        AS_OF,
    )
    assert len(market.constituents) == 60
    assert len(market.prices) == 64
    assert market.history is not None
    assert market.price_rows["1299"]["price"] is None  # suspended: no price, not zero
    assert [p.item for p in market.provenance] == ["constituents", "prices", "history"]


@pytest.mark.parametrize(
    ("members", "history"),
    [
        ("topixweight_j.csv", "jp_history.csv"),
        ("price_adjustment_factor.csv", "jp_history.csv"),
        ("us_sectors.csv", "us_history.parquet"),
    ],
)
def test_a_providers_file_and_a_history_are_enough(sample, members, history):
    folder = sample / "market"
    market = read_market(MarketFiles(folder / members, None, folder / history), AS_OF)
    known = {r["code"] for r in market.prices}
    assert {r["code"] for r in market.constituents} <= known
    first = market.constituents[0]
    assert market.price_rows[str(first["code"])]["price"] == first["index_price"]
    assert market.price_rows[str(first["code"])]["sector"] == first["sector"]


def test_published_weights_stay_exact(sample):
    folder = sample / "market"
    market = read_market(MarketFiles(folder / "topixweight_j.csv", None, folder / "jp_history.csv"), AS_OF)
    total = sum((Decimal(str(r["published_weight"])) for r in market.constituents), Decimal(0))
    assert abs(total - 1) < Decimal("0.00003")
    assert market.provenance[0].day == dt.date(2026, 10, 30)


def test_an_earlier_day_sees_no_later_price(sample):
    folder = sample / "market"
    day = dt.date(2025, 3, 20)  # a holiday in Tokyo
    market = read_market(MarketFiles(folder / "topixweight_j.csv", None, folder / "jp_history.csv"), day)
    days = {r["price_date"] for r in market.prices if "price" in r}
    assert days == {dt.date(2025, 3, 19)}
    assert market.history is not None
    assert market.history.dates[-1] == dt.date(2025, 3, 19)


def test_a_day_before_the_history_is_refused(sample):
    folder = sample / "market"
    with pytest.raises(MissingError, match="the history begins on 2023-10-16"):
        read_market(
            MarketFiles(folder / "topixweight_j.csv", None, folder / "jp_history.csv"), dt.date(2020, 1, 6)
        )


def test_a_market_without_prices_is_refused(sample):
    with pytest.raises(FileError, match="neither a prices file nor a price history"):
        read_market(MarketFiles(sample / "market" / "topixweight_j.csv"), AS_OF)


def test_a_file_of_another_kind_is_named(sample):
    folder = sample / "market"
    with pytest.raises(FileError, match="expected index constituents, got 'a wide price file"):
        read_market(MarketFiles(folder / "jp_history.csv", folder / "jp_prices.csv"), AS_OF)
    with pytest.raises(FileError, match="expected a wide price history, found JPX TOPIX weights"):
        read_market(MarketFiles(folder / "jp_constituents.csv", None, folder / "topixweight_j.csv"), AS_OF)
