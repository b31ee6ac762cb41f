"""Edges of the tax rules, each figure by hand: year ends, leap days, short lags, two bases, transfers."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from fractions import Fraction

import pytest

from tests.tax.event_logs import fill
from xlplugin.core.accounts import Account, AccountKind, Taxpayer
from xlplugin.core.calendars import calendar
from xlplugin.core.lots import Bucket, Disposal, LotPick, PoolKey, Position, PositionKey, TaxLot
from xlplugin.core.trades import CapitalReturn, FillKind, Gift, SpinOff, Transfer
from xlplugin.errors import DomainError, LedgerError, NoTableError
from xlplugin.tax import corporate
from xlplugin.tax.carryforward import use_losses
from xlplugin.tax.holding_period import long_from
from xlplugin.tax.ledger import opening_book, replay
from xlplugin.tax.regime import REGIMES, Carry, Period
from xlplugin.tax.regimes.us_taxable import REGIME as US
from xlplugin.tax.tables import last_day
from xlplugin.tax.wash_sales import window
from xlplugin.tax.withholding import filed_tax

D = dt.date
F = Fraction
BUY, SELL = FillKind.BUY, FillKind.SELL
DAY = D(2026, 6, 1)
ONE = dt.timedelta(days=1)
JAPAN, COMPANY = REGIMES["jp.individual"], REGIMES["jp.corporate"]
SINGLE = Taxpayer("me", filing_status="SINGLE")


# -- which lots ------------------------------------------------------------------------------------


def lots_of(*rows):
    key = PositionKey(PoolKey("us.taxable", "me", AccountKind.US_TAXABLE), "AAA")
    return Position(
        key,
        tuple(TaxLot(name, day, F(10), F(cost), day, seq=n) for n, (name, day, cost) in enumerate(rows)),
    )


@pytest.mark.parametrize(
    ("method", "rows", "taken"),
    [
        # Equal unit costs: the order of the rows, whatever the dates.
        ("HIFO", [("new", D(2025, 1, 6), 100), ("old", D(2020, 1, 6), 100)], ["new", "old"]),
        ("MINTAX", [("new", D(2022, 1, 6), 100), ("old", D(2020, 1, 6), 100)], ["new", "old"]),
        # Two purchases of one day: the order of the rows.
        ("LIFO", [("one", D(2025, 1, 6), 100), ("two", D(2025, 1, 6), 90)], ["one", "two"]),
        ("FIFO", [("one", D(2025, 1, 6), 100), ("two", D(2025, 1, 6), 90)], ["one", "two"]),
        ("LIFO", [("one", D(2025, 1, 6), 100), ("two", D(2025, 1, 7), 90)], ["two", "one"]),
    ],
)
def test_lots_that_a_method_finds_equal_leave_in_the_order_of_the_rows(method, rows, taken):
    pick = LotPick(method, (), F("0.4"), F("0.2"))
    sale = Disposal("s", "me", "AAA", F(15), F(150), DAY, DAY, pick=pick)
    assert [part.lot_id for part in US.dispose(lots_of(*rows), sale).parts] == taken


# -- the US year -----------------------------------------------------------------------------------


def year_2026(st_gain, lt_gain, income, carry=()):
    me = Account("me", AccountKind.US_TAXABLE, "me")
    ledger = replay(
        US,
        [
            fill(BUY, "A", DAY - 10 * ONE, "me", 1, 100_000, instrument_id="A"),
            fill(SELL, "S1", DAY, "me", 1, 100_000 + st_gain, instrument_id="A"),
            fill(BUY, "B", DAY - 500 * ONE, "me", 1, 100_000, instrument_id="B"),
            fill(SELL, "S2", DAY, "me", 1, 100_000 + lt_gain, instrument_id="B"),
        ],
        opening_book([me]),
    )
    given = {name: Decimal(amount) for name, amount in income.items()}
    return US.net(US.period(DAY, SINGLE), ledger.realizations, (), given, carry, SINGLE)


@pytest.mark.parametrize(
    ("income", "carried"),
    [
        ({}, 5_000),  # nothing is known of other income: the 3,000 are taken to be used
        ({"ORDINARY": 40_000}, 5_000),
        ({"ORDINARY": 1_000}, 7_000),  # only 1,000 of the 3,000 finds income: 26 USC 1212(b)(2)
        ({"ORDINARY": 0}, 8_000),
        ({"ORDINARY": -500, "QUALIFIED": 2_500}, 6_000),
    ],
)
def test_a_deduction_that_finds_no_income_does_not_use_up_the_carry(income, carried):
    net = year_2026(-8_000, 0, income)
    assert (net.deducted, [(c.bucket, c.amount) for c in net.carry_out]) == (3000, [(Bucket.ST, carried)])


def test_deductions_beyond_ordinary_income_lower_what_is_taxed_at_preferential_rates():
    # Taxable income 1,000 + 100,000 - 3,000 = 98,000, all of it preferential; 49,450 at zero, 48,550 at 15 %.
    net = year_2026(-8_000, 0, {"ORDINARY": 1_000, "QUALIFIED": 100_000, "MAGI": 117_000})
    tax = US.tax(net, SINGLE)
    assert tax.components["ordinary"] == 0
    assert tax.components["preferential"] == Decimal("7282.50")
    assert tax.components["net_investment"] == 0  # MAGI 114,000 is below 200,000


def test_the_carry_joins_its_own_character_before_netting():
    carry = (Carry(Bucket.LT, 2025, Decimal(4_000)), Carry(Bucket.ST, 2025, Decimal(1_000)))
    net = year_2026(10_000, 2_000, {}, carry)
    # Short 10,000 - 1,000 = 9,000; long 2,000 - 4,000 = -2,000; 7,000 short are taxed.
    assert (net.taxable[Bucket.ST], net.taxable[Bucket.LT], net.carry_out) == (7_000, 0, ())


# -- two bases of a gift, transfers ----------------------------------------------------------------


def given_at(value, *events, sale):
    """100 shares that cost 1,000, worth `value` at the gift, what followed, and their sale."""
    you = Account("you", AccountKind.US_TAXABLE, "you")
    facts = {"trade_date": DAY, "settle_date": DAY, "instrument_id": "AAA"}
    gift = Gift(
        id="G",
        **facts,
        quantity=F(100),
        value=F(value),
        to_account_id="you",
        cost=F(1000),
        acquired=DAY - 900 * ONE,
    )
    sold = fill(SELL, "S", DAY + 9 * ONE, "you", 100, sale)
    return replay(US, [gift, *events, sold], opening_book([you]))


def event(kind, **more):
    day = DAY + ONE
    return kind(id="E", trade_date=day, settle_date=day, instrument_id="AAA", **more)


@pytest.mark.parametrize(("sale", "gain"), [(500, -200), (800, 0), (1000, 100)])
def test_a_return_of_capital_lowers_both_bases_of_a_gift(sale, gain):
    # 100 paid back: the bases are 900 for a gain and 700 for a loss.
    ledger = given_at(800, event(CapitalReturn, cash=F(1)), sale=sale)
    assert ledger.realizations[-1].gain == gain


@pytest.mark.parametrize(("sale", "gain"), [(500, -60), (650, 0), (900, 200)])
def test_a_spin_off_divides_both_bases_of_a_gift(sale, gain):
    # 30 % of the cost moves: 700 for a gain and 560 for a loss stay with the parent.
    spin = event(SpinOff, new_id="NEW", ratio=F(1), cost_share=F("0.3"))
    ledger = given_at(800, spin, sale=sale)
    assert ledger.realizations[-1].gain == gain
    (child,) = (p.lots[0] for k, p in ledger.book.positions.items() if k.instrument_id == "NEW")
    assert (child.cost, child.gift_value) == (300, 240)


IRA = Account("ira", AccountKind.US_IRA, "me")
ROTH = Account("roth", AccountKind.US_ROTH, "me")
MINE = Account("me", AccountKind.US_TAXABLE, "me")


def moved(start, end, value=None):
    move = Transfer(
        id="T",
        trade_date=DAY,
        settle_date=DAY,
        instrument_id="AAA",
        from_account_id=start,
        to_account_id=end,
        quantity=F(40),
        value=None if value is None else F(value),
        source_row="row 5",
    )
    events = [fill(BUY, "L", DAY - 400 * ONE, start, 100, 1000), move]
    book = replay(US, events, opening_book([IRA, ROTH, MINE])).book
    return [lot for k, p in book.positions.items() if k.pool.holder == end for lot in p.lots]


def test_shares_distributed_by_a_retirement_account_start_at_their_value():
    (lot,) = moved("ira", "me", 25)
    assert (lot.quantity, lot.cost, lot.acquired, lot.held_from, lot.can_replace) == (
        40,
        1000,
        DAY,
        DAY,
        False,
    )


def test_between_retirement_accounts_the_lots_go_along():
    (lot,) = moved("ira", "roth")
    assert (lot.quantity, lot.cost) == (40, 400)


@pytest.mark.parametrize(
    ("start", "end", "sentence"),
    [("ira", "me", "row 5: .*value per share"), ("me", "ira", "row 5: .*takes cash, not shares")],
)
def test_a_transfer_that_the_law_does_not_know_is_refused(start, end, sentence):
    with pytest.raises(LedgerError, match=sentence):
        moved(start, end)


def test_shares_cannot_be_moved_into_nisa():
    accounts = [Account("T", AccountKind.JP_TOKUTEI_WH, "me"), Account("N", AccountKind.JP_NISA, "me")]
    move = Transfer(
        id="T",
        trade_date=DAY,
        settle_date=DAY,
        instrument_id="AAA",
        from_account_id="T",
        to_account_id="N",
        quantity=F(1),
        source_row="row 5",
    )
    with pytest.raises(LedgerError, match=r"row 5: .*JP_NISA; enter a sale and a purchase"):
        replay(JAPAN, [fill(BUY, "b", DAY - 9 * ONE, "T", 1, 1), move], opening_book(accounts))


# -- the Japanese year -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("unfiled", "gain", "taxable", "carried"),
    [
        ((), 500, 0, {2024: 200}),  # 300 of 2023 and 200 of 2024 meet the gain
        ((2026,), 500, 500, {}),  # without a return of 2026 nothing is deducted, and the losses lapse
        ((2026,), -100, 0, {}),  # nor is a new loss carried
        ((2024,), 500, 500, {}),
        ((2023,), 500, 100, {}),  # the loss of 2024 is not touched by an earlier gap
    ],
)
def test_a_return_of_every_year_from_the_loss_to_its_use_is_needed(unfiled, gain, taxable, carried):
    carry = {2023: Decimal(300), 2024: Decimal(400)}
    done = use_losses(carry, 2026, Decimal(gain), unfiled_years=unfiled)
    assert (done.taxable_gain, done.carry_out) == (taxable, carried)
    for row in done.rows:
        assert row.opening + (100 if row.origin_year == 2026 else 0) == (
            row.used_gain + row.used_dividend + row.expired + row.closing
        )


# -- dates -----------------------------------------------------------------------------------------


def test_a_rebuy_waits_while_two_trade_days_settle_together():
    # Tokyo went from three to two days on 2019-07-16: a sale of Friday the 12th and a purchase of Tuesday
    # the 16th (the 15th was a holiday) both settled on Thursday the 18th, in one batch.
    tokyo, account = calendar("XTKS"), Account("T", AccountKind.JP_TOKUTEI_WH)
    assert {tokyo.settlement(D(2019, 7, 12)), tokyo.settlement(D(2019, 7, 16))} == {D(2019, 7, 18)}
    assert JAPAN.earliest_rebuy(D(2019, 7, 12), account, tokyo) == D(2019, 7, 17)
    assert JAPAN.earliest_rebuy(D(2019, 7, 16), account, tokyo) == D(2019, 7, 17)
    assert JAPAN.earliest_rebuy(D(2026, 12, 30), account, tokyo) == D(2027, 1, 4)


@pytest.mark.parametrize("year_end", [(2, 28), (2, 29)])
@pytest.mark.parametrize(
    ("day", "start", "end"),
    [
        (D(2028, 2, 29), D(2027, 3, 1), D(2028, 2, 29)),
        (D(2028, 3, 1), D(2028, 3, 1), D(2029, 2, 28)),
        (D(2027, 2, 28), D(2026, 3, 1), D(2027, 2, 28)),
    ],
)
def test_a_fiscal_year_that_ends_with_february_ends_with_its_last_day(year_end, day, start, end):
    assert corporate.fiscal_year(day, year_end) == (start, end)
    assert COMPANY.period(day, Taxpayer(corporation=True, fiscal_year_end=year_end)) == Period(
        end.year, start, end
    )


@pytest.mark.parametrize("year", [0, -1, 9999, 99_999])
def test_a_year_that_is_none_has_no_table(year):
    with pytest.raises(NoTableError, match="no such tax year"):
        last_day(year)
    with pytest.raises(NoTableError, match="no such tax year"):
        filed_tax([Decimal(1)], year)


def test_the_end_of_the_calendar_is_no_crash():
    assert window(dt.date.max) == (D(9999, 12, 1), dt.date.max)
    assert long_from(D(9999, 1, 1)) == dt.date.max
    with pytest.raises(DomainError, match="no fiscal year"):
        corporate.fiscal_year(dt.date.max, (3, 31))
    assert US.earliest_rebuy(dt.date.max, MINE, calendar("XNYS")) is None


def test_a_return_of_a_year_without_a_split_needs_the_parts_of_the_resident_tax():
    # 2015: 1,234,000 x 15 % = 185,100; x 2.1 % = 3,887; 188,900. 3 % = 37,020 and 2 % = 24,680, cut to 100.
    tax = filed_tax([Decimal(1_234_567)], 2015, city=Decimal("0.03"), prefecture=Decimal("0.02"))
    assert (tax.national_payable, tax.resident_city, tax.resident_prefecture) == (188_900, 37_000, 24_600)
    with pytest.raises(NoTableError, match="resident_split"):
        filed_tax([Decimal(1_234_567)], 2015)
