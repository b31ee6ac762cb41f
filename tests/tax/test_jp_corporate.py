"""jp.corporate: averages without rounding, contract dates, cross trades, and the company's taxes."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tax.jp_events import COMPANY, CORPORATE, buy, company, fill, on, sell
from xlplugin.core.accounts import Taxpayer
from xlplugin.core.calendars import calendar
from xlplugin.core.lots import Bucket, Disposal
from xlplugin.core.trades import FillKind, Split
from xlplugin.errors import DomainError, EmptyBaseError, LedgerError, NoTableError
from xlplugin.tax import corporate
from xlplugin.tax.ledger import opening_book, recognised
from xlplugin.tax.regime import Carry, HarvestQuestion, HarvestStatus, Period, Reason
from xlplugin.tax.regimes.jp_corporate import JpCorporate, total_average_year, total_average_years

YEAR = Period(2027, dt.date(2026, 4, 1), dt.date(2027, 3, 31))


def c(make, id_, day, quantity, amount, **more):
    return make(id_, day, quantity, amount, account_id="C", **more)


def held(ledger):
    (position,) = ledger.book.positions.values()
    return position


def result(ledger):
    """What counts of all sales together."""
    return sum(r.gain for r in ledger.realizations) + sum(a.disallowed for a in ledger.adjustments)


# -- averages ------------------------------------------------------------------------------------

rows = st.lists(st.tuples(st.booleans(), st.integers(1, 40), st.integers(1, 2000)), min_size=1, max_size=12)


def in_time(drawn):
    shares, fills = 0, []
    for number, (enters, quantity, price) in enumerate(drawn):
        quantity = quantity if enters else min(quantity, shares)
        shares += quantity if enters else -quantity
        if quantity:
            make = buy if enters else sell
            fills.append(c(make, f"e{number}", number // 3, quantity, quantity * price, seq=number))
    return fills


@settings(max_examples=60)
@given(rows)
def test_the_moving_average_agrees_with_the_formula_kept_in_fractions(drawn):
    fills = in_time(drawn)
    shares, book, costs = Fraction(0), Fraction(0), []
    for f in fills:
        if f.kind.enters:
            shares, book = shares + f.quantity, book + f.amount
        else:
            cost = book / shares * f.quantity
            costs.append(cost)
            shares, book = shares - f.quantity, book - cost
    ledger = company(*fills)
    assert [r.cost for r in ledger.realizations] == costs
    assert sum(p.cost for p in ledger.book.positions.values()) == book


@settings(max_examples=60)
@given(rows)
def test_the_total_average_uses_one_unit_for_the_year_and_conserves_the_cost(drawn):
    fills = in_time(drawn)
    year = total_average_year(opening_book([COMPANY]), fills)
    bought = [f for f in fills if f.kind.enters]
    unit = sum(f.amount for f in bought) / sum(f.quantity for f in bought) if bought else 0
    assert {r.cost / r.disposal.quantity for r in year.realizations} <= {unit}
    left = sum(p.cost for p in year.positions.values())
    assert sum(r.cost for r in year.realizations) + left == sum(f.amount for f in bought)


def test_fiscal_years_under_the_total_average_follow_each_other():
    # Year to 31 March: 100 for 10,000, sell 50 (5,000 left). Next year 50 for 7,000: 12,000 / 100 = 120.
    fills = [c(buy, "a", 0, 100, 10_000), c(sell, "b", 1, 50, 9_000)]
    fills += [c(buy, "d", 60, 50, 7_000), c(sell, "e", 61, 10, 2_000)]
    years = total_average_years(opening_book([COMPANY]), fills, (3, 31))
    assert [r.cost for r in years.realizations] == [5_000, 1_200]


def test_a_cross_trade_under_the_total_average_is_refused_with_the_remedy():
    with pytest.raises(LedgerError, match="leave out both rows"):
        total_average_year(opening_book([COMPANY]), [c(buy, "a", 0, 1, 1, arranged=True)])


# -- cross trades, 法人税基本通達2-1-23の4 ----------------------------------------------------------


def test_an_arranged_repurchase_keeps_the_old_book_and_leaves_the_commissions_as_expense():
    ledger = company(
        c(buy, "a", 0, 1000, 1_000_000),
        c(sell, "s", 5, 1000, 700_000, seq=1, fee=Fraction(1200)),
        c(buy, "r", 5, 1000, 700_000, seq=2, fee=Fraction(800), arranged=True),
    )
    assert result(ledger) == -2000
    assert held(ledger).cost == 1_000_000
    (adjustment,) = ledger.adjustments
    assert (adjustment.reason, adjustment.lost_forever) == (Reason.CROSS_TRADE, 0)
    assert adjustment.disallowed == adjustment.deferred


def test_a_partial_repurchase_cancels_that_part_of_the_sale():
    ledger = company(
        c(buy, "a", 0, 1000, 1_000_000),
        c(sell, "s", 5, 1000, 700_000, seq=1),
        c(buy, "r", 5, 400, 280_000, seq=2, arranged=True),
    )
    assert recognised(ledger.realizations[0], ledger.adjustments) == -180_000
    assert held(ledger).cost == 400_000


def test_an_arranged_purchase_of_a_later_day_reaches_back_to_the_sale():
    ledger = company(
        c(buy, "a", 0, 1000, 1_000_000),
        c(sell, "s", 5, 1000, 700_000),
        c(buy, "r", 12, 1000, 700_000, arranged=True),
    )
    assert result(ledger) == 0
    assert ledger.adjustments[0].on == on(12)
    assert held(ledger).cost == 1_000_000


def test_a_split_between_a_sale_and_its_repurchase_does_not_hide_it():
    two_for_one = Split(id="x", trade_date=on(7), settle_date=on(7), instrument_id="7000", ratio=Fraction(2))
    ledger = company(
        c(buy, "a", 0, 1000, 1_000_000),
        c(sell, "s", 5, 1000, 700_000),
        two_for_one,
        c(buy, "r", 12, 1000, 350_000, arranged=True),
    )
    assert result(ledger) == -150_000  # half of the shares came back
    assert ledger.adjustments[0].quantity == 500
    assert held(ledger).cost == 500_000


def test_buy_then_sell_is_the_mirror():
    ledger = company(
        c(buy, "a", 0, 1000, 1_000_000),
        c(buy, "r", 5, 1000, 700_000, seq=1, arranged=True),
        c(sell, "s", 5, 1000, 700_000, seq=2),
    )
    assert result(ledger) == 0
    assert (held(ledger).quantity, held(ledger).cost) == (1000, 1_000_000)


def test_a_gain_taken_by_a_cross_is_taken_back_too():
    ledger = company(
        c(buy, "a", 0, 1000, 1_000_000),
        c(sell, "s", 5, 1000, 1_300_000, seq=1),
        c(buy, "r", 5, 1000, 1_300_000, seq=2, arranged=True),
    )
    assert result(ledger) == 0
    assert held(ledger).cost == 1_000_000
    assert [r.gain for r in ledger.realizations] == [300_000, -300_000]


@settings(max_examples=80)
@given(
    st.integers(1, 300),
    st.integers(1, 10**6),
    st.integers(1, 300),
    st.integers(1, 2000),
    st.integers(1, 300),
    st.integers(0, 500),
    st.booleans(),
)
def test_a_cross_never_takes_more_than_the_loss_and_conserves_every_yen(
    shares, cost, sold, price, rebought, fee, first
):
    sold = min(sold, shares)
    sale = c(sell, "s", 5, sold, sold * price, seq=2, fee=Fraction(fee))
    rebuy = c(
        buy, "r", 5, rebought, rebought * price, seq=1 if first else 3, fee=Fraction(fee), arranged=True
    )
    ledger = company(c(buy, "a", 0, shares, cost), sale, rebuy)
    loss = sum(-r.gain for r in ledger.realizations if r.gain < 0)
    assert sum(a.disallowed for a in ledger.adjustments) <= loss
    left = sum(p.cost for p in ledger.book.positions.values())
    spent = cost + rebuy.cost
    assert spent - left == sale.proceeds - sale.expenses - result(ledger)


def test_trading_securities_are_outside_the_cross_rule():
    ledger = company(
        c(buy, "a", 0, 1000, 1_000_000),
        c(sell, "s", 5, 1000, 700_000, seq=1),
        c(buy, "r", 5, 1000, 700_000, seq=2, arranged=True),
        regime=JpCorporate(trading=True),
    )
    assert result(ledger) == -300_000


# -- harvests ------------------------------------------------------------------------------------


def check(*nearby, day=5, calendar_=None, company_=None):
    book = company(c(buy, "a", 0, 1000, 1_000_000)).book
    disposal = Disposal("s", "C", "7000", Fraction(1000), Fraction(700_000), on(day), on(day + 2), seq=10)
    taxpayer = company_ or Taxpayer(corporation=True, fiscal_year_end=(3, 31))
    period = CORPORATE.period(on(day), taxpayer)
    return CORPORATE.harvestable(book, disposal, nearby, HarvestQuestion(period, taxpayer, calendar_))


def test_a_purchase_without_arrangement_within_five_sessions_is_flagged_but_counts():
    near = check(c(buy, "r", 9, 1000, 700_000), calendar_=calendar("XTKS"))
    assert (near.status, near.recognised_now) == (HarvestStatus.OK, 300_000)
    assert near.reasons == (Reason.FIVE_BUSINESS_DAYS,)
    assert check(c(buy, "r", 15, 1000, 700_000), calendar_=calendar("XTKS")).reasons == ()


def test_part_of_an_arranged_repurchase_reduces_the_loss():
    seen = check(c(buy, "r", 6, 250, 175_000, arranged=True, planned=True))
    assert (seen.status, seen.recognised_now, seen.deferred_to_basis) == (
        HarvestStatus.REDUCED,
        225_000,
        75_000,
    )
    assert seen.reasons == (Reason.CROSS_TRADE,)


def test_no_day_is_given_for_a_repurchase_and_the_fiscal_year_has_a_last_session():
    seen = check(calendar_=calendar("XTKS"))
    assert seen.earliest_rebuy is None
    assert seen.last_trade_date == dt.date(2026, 3, 31)


def test_a_purchase_before_the_sale_of_the_day_enters_the_moving_average():
    seen = check(c(buy, "r", 5, 1000, 700_000, seq=1))
    assert seen.recognised_now == 150_000


# -- the year ------------------------------------------------------------------------------------


def test_the_contract_date_decides_the_fiscal_year():
    ledger = company(
        c(buy, "a", 0, 10, 1000),
        c(sell, "s", 29, 10, 500, settle_date=on(31)),  # traded 31 March, settled 2 April
    )
    (done,) = ledger.realizations
    assert CORPORATE.period(done.recognised_on, Taxpayer(fiscal_year_end=(3, 31))).end == dt.date(2026, 3, 31)


@pytest.mark.parametrize(
    ("day", "end", "expected"),
    [
        (dt.date(2026, 2, 28), (2, 29), (dt.date(2025, 3, 1), dt.date(2026, 2, 28))),
        (dt.date(2028, 2, 29), (2, 29), (dt.date(2027, 3, 1), dt.date(2028, 2, 29))),
        (dt.date(2026, 12, 31), (12, 31), (dt.date(2026, 1, 1), dt.date(2026, 12, 31))),
    ],
)
def test_a_fiscal_year_ends_on_the_last_day_the_month_has(day, end, expected):
    assert corporate.fiscal_year(day, end) == expected


def test_securities_join_other_income_and_old_losses_go_first():
    ledger = company(c(buy, "a", 40, 10, 1_000_000), c(sell, "s", 50, 10, 700_000))
    carry = [Carry(Bucket.ORDINARY, 2020, Decimal(100_000)), Carry(Bucket.ORDINARY, 2015, Decimal(50_000))]
    income = {"ORDINARY": Decimal(1_000_000)}
    net = CORPORATE.net(YEAR, ledger.realizations, (), income, carry, Taxpayer())
    assert net.figures["securities"] == -300_000
    assert net.taxable[Bucket.ORDINARY] == 600_000  # 1,000,000 - 300,000 - 100,000; 2015 has lapsed
    assert net.carry_out == ()
    loss = CORPORATE.net(YEAR, ledger.realizations, (), {}, (), Taxpayer())
    assert loss.carry_out == (Carry(Bucket.ORDINARY, 2027, Decimal(300_000), 2037),)


def test_the_effective_rate_of_a_year_comes_from_its_dated_components():
    rate = corporate.effective_rate
    assert round(rate(dt.date(2025, 4, 1), "large_tokyo").rate, 4) == Fraction("0.3062")
    assert round(rate(dt.date(2026, 4, 1), "sme_standard").rate, 4) == Fraction("0.3443")
    assert round(rate(dt.date(2026, 4, 1), "sme_standard", with_defence=False).rate, 4) == Fraction("0.3358")
    with pytest.raises(NoTableError, match="large_osaka"):
        rate(dt.date(2026, 4, 1), "large_osaka")


def test_the_defence_tax_starts_above_five_million_of_corporation_tax():
    assert corporate.defence_tax(5_000_000, dt.date(2026, 4, 1)) == 0
    assert corporate.defence_tax(5_000_026, dt.date(2026, 4, 1)) == 1  # 26 x 4 % = 1.04, cut to a yen
    # Half a year has half the deduction: (6,000,000 - 2,500,000) x 4 %.
    assert corporate.defence_tax(6_000_000, dt.date(2026, 10, 1), months=6) == 140_000
    # A fiscal year that started a day earlier knows no such tax.
    assert corporate.defence_tax(90_000_000, dt.date(2026, 3, 31)) == 0


def test_dividend_classes_exclude_what_article_23_says():
    def excluded(category, **more):
        return corporate.dividend_exclusion(1_000_000, category, dt.date(2026, 4, 1), **more).excluded

    assert [excluded(k) for k in ("le5", "other", "full", "short_term")] == [200_000, 500_000, 1_000_000, 0]
    # 法人税法施行令19条: the smaller of 4 % of the dividends and 10 % of the interest.
    assert excluded("related", interest_paid=10_000_000) == 960_000
    with pytest.raises(DomainError, match="zero or more"):
        corporate.dividend_exclusion(-1, "le5", dt.date(2026, 4, 1))


def test_dividends_withheld_stop_above_one_third_held_directly():
    assert corporate.dividend_withheld(1_000_000, dt.date(2023, 9, 30), over_one_third=True) == 153_150
    assert corporate.dividend_withheld(1_000_000, dt.date(2023, 10, 1), over_one_third=True) == 0


def test_short_term_shares_of_nothing_held_are_none():
    nothing = dict.fromkeys(
        (
            "held_month_before",
            "acquired_month_before",
            "held_at_record_date",
            "acquired_two_months_after",
            "sold_two_months_after",
        ),
        0,
    )
    assert corporate.short_term_shares(**nothing) == 0


# -- bad input -----------------------------------------------------------------------------------


def test_a_sale_of_more_than_is_held_names_the_row_and_changes_nothing():
    book = company(c(buy, "a", 0, 10, 1000)).book
    before = dict(book.positions)
    bad = c(sell, "s", 1, 11, 1000, source_row="trades, row 5")
    with pytest.raises(LedgerError, match=r"trades, row 5: 11 shares of 7000.*10 are held in K\.K\."):
        CORPORATE.apply_day(book, on(1), [bad])
    assert dict(book.positions) == before


def test_an_account_that_is_no_company_is_refused():
    book = opening_book([replace(COMPANY, kind=next(k for k in type(COMPANY.kind) if k.value == "JP_NISA"))])
    with pytest.raises(LedgerError, match="JP_NISA is not an account kind of jp"):
        CORPORATE.apply_day(book, on(0), [c(buy, "a", 0, 1, 1)])


def test_margin_trades_stay_out_of_the_average():
    ledger = company(
        c(buy, "a", 0, 100, 10_000),
        fill(FillKind.MARGIN_OPEN, "m", 1, 100, 12_000, account_id="C"),
        fill(FillKind.MARGIN_CLOSE, "n", 2, 100, 11_000, account_id="C"),
    )
    assert [r.gain for r in ledger.realizations] == [-1000]
    assert held(ledger).cost == 10_000


def test_the_deduction_of_a_short_fiscal_year_is_by_months():
    assert corporate.defence_tax(5_000_000, dt.date(2026, 4, 1), months=6) == 100_000


def test_a_division_by_nothing_says_so():
    from xlplugin.tax.transfers import inheritance_addition

    with pytest.raises(EmptyBaseError, match="taxable price"):
        inheritance_addition(1, 1, 0, 0, 1)
