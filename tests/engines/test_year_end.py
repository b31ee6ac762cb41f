"""Year-end data: printed examples first, then that every page ties to the others."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tax.jp_events import GENERAL, NISA, TOKUTEI, buy, fill, on, sell
from xlplugin.core.accounts import Account, AccountKind, Taxpayer
from xlplugin.core.lots import Bucket
from xlplugin.core.trades import CapitalReturn, Dividend, FillKind
from xlplugin.engines.year_end import MissedLoss, YearEndRequest, explanation
from xlplugin.engines.year_end_japan import japan
from xlplugin.engines.year_end_us import united_states
from xlplugin.errors import InputError, LedgerError, WordError

ACCOUNTS = (TOKUTEI, GENERAL, NISA)


def request(*events, year=2026, accounts=ACCOUNTS, **more):
    more.setdefault("as_of", dt.date(year + 1, 2, 1))
    return YearEndRequest(events, accounts, year, **more)


def dividend(id_, day, amount, account="T", **more):
    return Dividend(
        id=id_,
        trade_date=on(day),
        settle_date=on(day),
        account_id=account,
        instrument_id=more.pop("code", "7000"),
        quantity=Fraction(100),
        amount=Fraction(amount),
        **more,
    )


def summary(pages, account="T"):
    return next(s for s in pages.summaries if s.account == account)


# -- Japan ---------------------------------------------------------------------------------------


def test_selling_costs_stand_in_the_second_column_and_never_in_the_first():
    pages = japan(
        request(buy("a", 0, 100, 234_500, fee=Fraction(110)), sell("s", 9, 100, 250_000, fee=Fraction(110)))
    )
    (line,) = pages.realized
    # JP-CB-002: unit 2,347 (2,346.1 rounded up): 250,000 - (234,700 + 110) = 15,190.
    assert (line.proceeds, line.expense_basis, line.gain) == (250_000, 234_810, 15_190)
    assert summary(pages).total == (250_000, 234_810)


def test_withheld_tax_follows_the_year_to_date_of_the_account():
    # JP-W-007: +500,000, -200,000, +100,000: 61,260 and 20,000 in the end.
    events = [
        buy("a", 0, 300, 900_000),
        sell("s0", 1, 100, 800_000),
        sell("s1", 2, 100, 100_000),
        sell("s2", 3, 100, 400_000),
    ]
    assert tuple(map(int, summary(japan(request(*events))).withheld)) == (61_260, 20_000)


def test_the_loss_of_a_withholding_account_gives_back_tax_on_its_dividends():
    # JP-W-009: dividends 100,000, loss 60,000: 9,189 + 3,000 come back.
    pages = japan(request(buy("a", 0, 100, 100_000), dividend("d", 5, 100_000), sell("s", 9, 100, 40_000)))
    s = summary(pages)
    assert (s.loss_against_dividends, s.dividends_after_loss) == (60_000, 40_000)
    assert tuple(map(int, s.refund)) == (9_189, 3_000)
    assert (s.dividend_total.gross, s.dividend_total.national) == (100_000, 15_315)


def test_the_published_chain_of_a_carried_loss_fills_the_schedule():
    carry, taxed = {("LISTED", 2023): Decimal(1_000_000)}, []
    for year, gain in ((2024, 400_000), (2025, 300_000), (2026, 700_000)):
        events = [
            _in_year(buy("a", 0, 100, 1_000_000), year),
            _in_year(sell("s", 1, 100, 1_000_000 + gain), year),
        ]
        pages = japan(request(*events, year=year, carry=carry))
        taxed.append(pages.carry.taxable_gain)
        carry = {("LISTED", row.origin_year): row.closing for row in pages.carry.rows if row.closing}
    assert taxed == [0, 0, 400_000]
    assert carry == {}
    assert [row.origin_year for row in pages.carry.rows] == [2023, 2024, 2025, 2026]


def _in_year(event, year):
    day = event.trade_date.replace(year=year)
    return replace(event, trade_date=day, settle_date=day)


def test_nisa_sales_stand_apart_and_enter_no_total():
    pages = japan(
        request(
            buy("a", 0, 100, 100_000, account_id="N"),
            sell("b", 1, 100, 70_000, account_id="N"),
            buy("c", 0, 100, 100_000),
            sell("d", 1, 100, 150_000),
        )
    )
    assert [line.trade_id for line in pages.realized] == ["d"]
    assert [(line.trade_id, line.gain) for line in pages.nisa] == [("b", -30_000)]
    assert {s.account for s in pages.summaries} == {"T", "G"}
    assert pages.carry.gain_of_year == 50_000


def test_a_sale_that_settles_in_january_belongs_to_the_next_year():
    late = sell("s", 302, 100, 50_000, settle_date=dt.date(2027, 1, 4))
    assert japan(request(buy("a", 0, 100, 100_000), late)).realized == ()
    assert len(japan(request(buy("a", 0, 100, 100_000), late, year=2027)).realized) == 1


def test_a_loss_made_smaller_by_a_purchase_of_the_day_is_listed_with_the_new_average():
    pages = japan(
        request(
            buy("a", 0, 1000, 1_000_000),
            sell("s", 5, 1000, 700_000, seq=1),
            buy("r", 5, 1000, 700_000, seq=2),
        )
    )
    (a,) = pages.adjustments
    assert (a.losses, a.recognized, a.not_recognized, a.new_basis) == (300_000, 150_000, 150_000, 850)
    assert (a.reason_code, pages.realized[0].reason) == ("SAME_DAY_BUY", "SAME_DAY_BUY")


def test_margin_results_have_their_own_row_of_the_report():
    pages = japan(
        request(
            fill(FillKind.MARGIN_OPEN, "m", 0, 100, 100_000),
            fill(FillKind.MARGIN_CLOSE, "c", 1, 100, 90_000),
            buy("a", 0, 100, 100_000),
            sell("s", 1, 100, 130_000),
        )
    )
    s = summary(pages)
    assert (s.listed.gain, s.margin.gain, s.total.gain) == (30_000, -10_000, 20_000)


def test_a_capital_return_is_a_deemed_sale_and_a_deemed_dividend():
    # 日本郵政: cash 5,000 of which 1,985 is a dividend; 3,015 against 2,380.
    event = CapitalReturn(
        id="x",
        trade_date=on(5),
        settle_date=on(5),
        instrument_id="7000",
        cash=Fraction(50),
        dividend=Fraction(1985, 100),
        reduction=Fraction(17, 1000),
    )
    pages = japan(request(buy("a", 0, 100, 140_000), event))
    (line,) = pages.realized
    assert (line.nature, line.proceeds, line.expense_basis) == ("capital_return", 3_015, 2_380)
    (paid,) = pages.dividends
    assert (paid.deemed, paid.gross, paid.national) == (True, 1_985, 304)  # 1,985 x 15.315 % = 304.0


def test_foreign_shares_show_their_rates_and_amounts_in_yen():
    usd = {"currency": "USD", "instrument_id": "XYZ"}
    pages = japan(
        request(
            buy("a", 0, 100, 10_000, fx=Fraction(119), **usd),
            sell("s", 9, 100, 11_000, fx=Fraction(120), **usd),
            dividend("d", 5, 100, code="XYZ", currency="USD", fx=Fraction(150), foreign_tax=Fraction(10)),
            names={"XYZ": "Example"},
        )
    )
    (line,) = pages.realized
    assert (line.gain, line.fx_buy, line.fx_sell, line.currency, line.name) == (
        130_000,
        119,
        120,
        "USD",
        "Example",
    )
    (paid,) = pages.dividends
    assert (paid.kind, paid.source_tax, paid.net) == ("foreign", 1_500, 10_758)  # JP-FX-003
    assert summary(pages).dividends["foreign"].source_tax == 1_500


def test_an_account_left_off_the_return_stays_out_of_the_carry_and_is_warned_of():
    pages = japan(request(buy("a", 0, 100, 100_000), sell("s", 1, 100, 40_000), left_out=frozenset({"T"})))
    assert pages.carry.loss_of_year == 0
    assert "jp_loss_left_out" in {line.check for line in pages.filing}
    with pytest.raises(InputError, match="'G' is not a source-withholding account"):
        japan(request(left_out=frozenset({"G"})))


def test_the_filing_page_has_a_line_per_account_a_due_day_and_the_yearly_duty():
    pages = japan(
        request(
            buy("a", 0, 100, 100_000, account_id="G"),
            sell("s", 1, 100, 40_000, account_id="G"),
            taxpayer=Taxpayer(large_holder_issuers=frozenset({"7000"})),
            carry={("LISTED", 2023): Decimal(5)},
        )
    )
    checks = {line.check: line for line in pages.filing}
    assert checks["jp_return_needed"].account == "G"
    assert checks["jp_return_needed"].due == dt.date(2027, 3, 15)
    assert {"jp_carry_every_year", "jp_carry_last_year", "jp_side_effects", "jp_large_holder"} <= set(checks)
    assert all(line.ja and line.en and line.where_ja and line.where_en for line in pages.filing)


def test_both_sides_on_one_day_in_a_general_account_are_to_be_asked_about():
    pages = japan(
        request(
            buy("a", 0, 100, 100_000, account_id="G"),
            sell("s", 5, 50, 40_000, account_id="G", seq=1),
            buy("r", 5, 50, 40_000, account_id="G", seq=2),
        )
    )
    assert "jp_same_day_general" in {line.check for line in pages.filing}


def test_the_brokers_totals_stand_beside_ours_and_an_unknown_item_is_refused():
    events = (buy("a", 0, 100, 100_000), sell("s", 1, 100, 140_000))
    pages = japan(
        request(*events, broker={("T", "gain"): Decimal(39_900), ("T", "proceeds"): Decimal(140_000)})
    )
    gain, proceeds = pages.reconciliation
    assert (gain.difference, proceeds.difference) == (100, 0)
    assert gain.explanations
    assert not proceeds.explanations
    assert all(explanation(code, language) for code in gain.explanations for language in ("ja", "en"))
    with pytest.raises(InputError, match="has no 'fees'; items are cost"):
        japan(request(*events, broker={("T", "fees"): Decimal(1)}))


def test_the_cover_says_until_when_the_year_is_provisional_and_what_was_not_seen():
    pages = japan(request(as_of=dt.date(2026, 12, 31), not_seen=("other broker",)))
    assert pages.cover.provisional
    assert not japan(request()).cover.provisional
    assert pages.cover.accounts_not_seen == ("other broker",)
    assert [r.name for r in pages.rates] == [
        "income_tax",
        "surtax_reconstruction",
        "surtax_defence",
        "resident_tax",
    ]


def test_at_most_ten_missed_losses_are_shown():
    missed = tuple(MissedLoss(on(n), "T", "7000", Decimal(n), "held") for n in range(12))
    assert len(japan(request(missed=missed)).missed) == 10


def test_a_bad_row_stops_the_year_end_and_is_named():
    with pytest.raises(LedgerError, match="row 3: 5 shares"):
        japan(request(sell("s", 1, 5, 1, source_row="row 3")))
    with pytest.raises(InputError, match="row 4: the dividend is 0"):
        japan(request(dividend("d", 1, 0, source_row="row 4")))
    with pytest.raises(InputError, match="'bond'; use one of share"):
        japan(request(dividend("d", 1, 5), kinds={"7000": "bond"}))


@settings(max_examples=30)
@given(st.lists(st.tuples(st.integers(1, 90), st.integers(1, 2000)), min_size=1, max_size=8))
def test_the_lines_add_up_to_the_report_and_the_schedule(sales):
    events = [buy("a", 0, 1000, 1_000_000)]
    events += [sell(f"s{n}", n + 1, q, q * p) for n, (q, p) in enumerate(sales)]
    pages = japan(request(*events))
    s = summary(pages)
    assert sum(line.proceeds for line in pages.realized) == s.total.proceeds
    assert sum(line.expense_basis for line in pages.realized) == s.total.expense_basis
    assert pages.carry.gain_of_year - pages.carry.loss_of_year == s.total.gain
    for row in pages.carry.rows:
        new = pages.carry.loss_of_year if row.origin_year == 2026 else 0
        assert row.opening + new == row.used_gain + row.used_dividend + row.expired + row.closing


# -- United States -------------------------------------------------------------------------------

US = Account("U", AccountKind.US_TAXABLE, "me", "H")
IRA = Account("I", AccountKind.US_IRA, "me", "H")
SPOUSE = Account("S", AccountKind.US_TAXABLE, "spouse", "H")


def us(make, id_, day, quantity, amount, account="U", **more):
    return make(id_, day, quantity, amount, account_id=account, instrument_id="XYZ", **more)


def us_pages(*events, **more):
    return united_states(request(*events, accounts=(US, IRA, SPOUSE), **more))


WASH = (
    us(buy, "L", 0, 100, 1000),
    us(sell, "S", 30, 100, 750),
    us(buy, "R", 40, 100, 800),
)


def test_a_wash_sale_prints_code_w_and_a_positive_adjustment():
    # IRS Publication 550: cost 1,000, sold 750, bought back 800: loss 0, basis 1,050.
    pages = us_pages(*WASH)
    (line,) = pages.realized
    assert (line.box, line.adj_code, line.adjustment, line.gain) == ("A", "W", 250, 0)
    assert line.description == "100 sh. XYZ"
    (a,) = pages.adjustments
    assert (a.losses, a.recognized, a.not_recognized) == (250, 0, 250)
    assert (a.receiving_lot, a.new_basis) == ("R", 1050)


def test_a_loss_lost_to_an_ira_has_no_new_basis():
    events = (*WASH[:2], us(buy, "R", 40, 100, 800, "I"))
    (a,) = us_pages(*events).adjustments
    assert (a.reason_code, a.new_basis) == ("WASH_IRA", 800)


def test_the_box_follows_the_term_and_what_the_broker_reports():
    events = (us(buy, "L", -400, 100, 1000), us(buy, "M", 0, 100, 1000), us(sell, "S", 30, 200, 3000))
    assert [r.box for r in us_pages(*events).realized] == ["A", "D"]
    assert [r.box for r in us_pages(*events, boxes={"U": "nothing"}).realized] == ["C", "F"]
    with pytest.raises(WordError, match="no_basis"):
        us_pages(*events, boxes={"U": "maybe"})


@pytest.mark.parametrize(("status", "limit", "carried"), [("SINGLE", 3000, 2000), ("MFS", 1500, 3500)])
def test_a_net_loss_meets_other_income_up_to_the_limit_and_keeps_its_character(status, limit, carried):
    # US-NT: short -8,000, long +3,000.
    events = (
        us(buy, "A", -400, 100, 1000),
        us(buy, "B", 0, 100, 10_000),
        us(sell, "S", 30, 200, 6000),
    )
    pages = us_pages(*events, taxpayer=Taxpayer(filing_status=status), gain_distributions=1000)
    d = pages.schedule
    assert (d.net_short, d.net_long) == (-7000, 3000)
    assert (d.limit, d.offset) == (limit, limit)
    assert (d.short_carried, d.long_carried) == (4000 - limit, 0)
    assert carried == 5000 - limit  # without the distribution
    short, _ = pages.carry
    assert (short.added, short.used_gains, short.used_ordinary, short.closing) == (
        7000,
        3000,
        limit,
        4000 - limit,
    )


@settings(max_examples=60)
@given(*[st.integers(-9000, 9000)] * 2, *[st.integers(0, 9000)] * 2)
def test_the_corkscrews_turn_whatever_the_results(short, long, carry_short, carry_long):
    events = (
        us(buy, "A", -800, 100, 10_000),
        us(sell, "B", 1, 100, 10_000 + long, seq=1),
        us(buy, "C", -60, 100, 10_000, "S"),
        us(sell, "D", 1, 100, 10_000 + short, "S", seq=2),
    )
    carry = {("ST", 2025): Decimal(carry_short), ("LT", 2025): Decimal(carry_long)}
    pages = us_pages(*events, carry=carry)
    for row in pages.carry:
        assert row.opening + row.added == row.used_gains + row.used_ordinary + row.closing
        assert min(row[1:]) >= 0
    assert sum(row.used_ordinary for row in pages.carry) == pages.schedule.offset
    assert pages.schedule.combined == short + long - carry_short - carry_long


def test_the_year_is_provisional_to_30_january_and_losses_of_december_are_marked():
    late = us(sell, "S", 290, 100, 750)  # 17 December
    pages = us_pages(WASH[0], late, as_of=dt.date(2026, 12, 31))
    assert pages.cover.provisional
    assert pages.cover.final_after == dt.date(2027, 1, 30)
    assert pages.realized[0].provisional
    assert "us_open_window" in {line.check for line in pages.filing}
    assert not us_pages(WASH[0], late, as_of=dt.date(2027, 1, 31)).cover.provisional


def test_a_dividend_names_the_shares_sold_too_soon_to_be_qualified():
    # Publication 550: 34 days of the 121 are not enough.
    events = (
        us(buy, "L", 0, 100, 1000),
        Dividend(
            id="d",
            trade_date=on(7),
            settle_date=on(20),
            account_id="U",
            instrument_id="XYZ",
            quantity=Fraction(100),
            amount=Fraction(50),
        ),
        us(sell, "S", 34, 60, 750),
    )
    (paid,) = us_pages(*events).dividends
    assert (paid.gross, paid.shares, paid.short_held, paid.net) == (50, 100, 60, 50)


def test_separate_returns_list_their_own_accounts_and_wash_across():
    events = (*WASH[:2], us(buy, "R", 40, 100, 800, "S"), us(sell, "Q", 100, 100, 900, "S"))
    mine = us_pages(*events, taxpayer=Taxpayer("me", filing_status="MFS", spouse_id="spouse"))
    assert [r.account for r in mine.realized] == ["U"]
    assert mine.realized[0].adjustment == 250
    both = us_pages(*events, taxpayer=Taxpayer("me", filing_status="MFJ", spouse_id="spouse"))
    assert [r.account for r in both.realized] == ["U", "S"]


def test_the_lines_add_up_to_the_boxes_and_retirement_accounts_are_left_out():
    events = (*WASH, us(buy, "X", 0, 10, 100, "I"), us(sell, "Y", 5, 10, 50, "I"))
    pages = us_pages(*events, broker={("U", "proceeds"): Decimal(700)})
    total = sum((box.gain for box in pages.schedule.boxes), Decimal(0))
    assert total == sum(r.gain for r in pages.realized)
    assert {r.account for r in pages.realized} == {"U"}
    (line,) = pages.reconciliation
    assert line.difference == 50
    assert {b.box for b in pages.schedule.boxes} == set("ABCDEF")
    assert [c.bucket for c in pages.carry] == [Bucket.ST, Bucket.LT]
