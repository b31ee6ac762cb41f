"""TRANSITION_CASH and TRANSITION_CASH_TRADES as a cell sees them."""

import pytest

from tests.udfs.test_transition import LOTS, PRICES, RISK, SETTINGS, TARGET
from xlplugin.errors import InfeasibleError, WordError
from xlplugin.worksheet.calling import call
from xlplugin.worksheet.registry import load

REGISTRY = load()


def rows_of(name, *more):
    head, *rows = call(REGISTRY[name], LOTS, TARGET, PRICES, RISK, *more)
    return [dict(zip(head, row, strict=True)) for row in rows]


def test_both_ways_by_hand():
    # 300 of 7203 (gain 1,000 a share) and 200 of 6758 (loss 1,500 a share), all at 3,000; the NISA shares
    # are left out. 300,000 are one unit of 100 shares. For tax, 6758 goes: -150,000 against other gains of
    # 0, 500,000 and 500,000 saves 0 or 30,000. What remains is 900,000 and 300,000 of 1,200,000.
    lower_te, lower_tax = rows_of("TRANSITION_CASH", 300_000, SETTINGS)
    assert [row["scenario"] for row in (lower_te, lower_tax)] == ["LOWER_TE", "LOWER_TAX"]
    assert (lower_tax["gains"], lower_tax["losses"], lower_tax["net"]) == (0.0, -150_000.0, -150_000.0)
    assert (lower_tax["low"], lower_tax["tax_est"], lower_tax["high"]) == pytest.approx((-30_000, -30_000, 0))
    assert (lower_tax["names_sold"], lower_tax["cash_raised"]) == (1.0, 300_000.0)
    # Active weights 0.35, 0.25 and -0.6 (9984 is not held): factor 0 of their sum, specific 0.2.
    assert lower_tax["te_forecast"] == pytest.approx(0.2 * (0.35**2 + 0.25**2 + 0.6**2) ** 0.5)
    assert lower_te["te_forecast"] <= lower_tax["te_forecast"]
    assert lower_te["te_planning"] == pytest.approx(1.5 * lower_te["te_forecast"])


def test_the_trades_of_a_way_add_up_to_it():
    for variant, total in zip(
        ("LOWER_TE", "LOWER_TAX"), rows_of("TRANSITION_CASH", 700_000, SETTINGS), strict=True
    ):
        trades = rows_of("TRANSITION_CASH_TRADES", 700_000, variant, SETTINGS)
        assert {row["side"] for row in trades} == {"SELL"}
        assert sum(row["gain"] for row in trades) == pytest.approx(total["net"])
        assert sum(row["amount"] for row in trades) == pytest.approx(total["cash_raised"])
        assert len(trades) == total["names_sold"]
        assert [row["amount"] for row in trades] == sorted((row["amount"] for row in trades), reverse=True)
        assert all(row["quantity"] % 100 == 0 for row in trades)


def test_nothing_asked_is_one_row_that_holds():
    rows = rows_of("TRANSITION_CASH_TRADES", 0, "LOWER_TE", SETTINGS)
    assert [row["side"] for row in rows] == ["HOLD"]
    assert {row["cash_raised"] for row in rows_of("TRANSITION_CASH", 0, SETTINGS)} == {0.0}


def test_what_cannot_be_raised_is_refused_with_the_most_there_is():
    with pytest.raises(InfeasibleError, match=r"at most 1,500,000\.00"):
        rows_of("TRANSITION_CASH", 1_600_000, SETTINGS)
    with pytest.raises(WordError, match="LOWER_TE, LOWER_TAX"):
        rows_of("TRANSITION_CASH_TRADES", 100_000, "CHEAP", SETTINGS)
