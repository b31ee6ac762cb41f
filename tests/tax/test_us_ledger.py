"""The US ledger beyond wash sales: lots, corporate actions, gifts, deaths, transfers, the form."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tax.event_logs import fill, logs
from xlplugin.core.accounts import Account, AccountKind, Taxpayer
from xlplugin.core.lots import Bucket, Disposal, LotPick, PoolKey, Position, PositionKey, TaxLot
from xlplugin.core.trades import (
    CapitalReturn,
    Dividend,
    FillKind,
    Gift,
    Merger,
    Rights,
    SpinOff,
    Split,
    Transfer,
)
from xlplugin.errors import LedgerError, MissingError, NoTableError, WordError
from xlplugin.tax.dual_filers import as_us_taxable, in_dollars
from xlplugin.tax.holding_period import long_from, term
from xlplugin.tax.ledger import marginal_rate, opening_book, replay
from xlplugin.tax.lot_methods import compare_methods
from xlplugin.tax.lot_picks import METHODS
from xlplugin.tax.regime import REGIMES, Carry
from xlplugin.tax.regimes.us_taxable import REGIME
from xlplugin.tax.us_report import form_8949, sale_lines

F = Fraction
BUY, SELL = FillKind.BUY, FillKind.SELL
DAY = dt.date(2026, 6, 1)
ONE = dt.timedelta(days=1)
ME, YOU = (
    Account("me", AccountKind.US_TAXABLE, "a"),
    Account("you", AccountKind.US_TAXABLE, "b", "other home"),
)
SINGLE = Taxpayer("a", filing_status="SINGLE")
BOUGHT = fill(BUY, "L", DAY - 400 * ONE, "me", 100, 1000)


def play(*events, accounts=(ME, YOU)):
    return replay(REGIME, events, opening_book(accounts))


def facts(day=DAY, **more):
    return {"id": "E", "trade_date": day, "settle_date": day, "instrument_id": "AAA", **more}


def lots(ledger, instrument="AAA", account="me"):
    found = [
        p.lots
        for k, p in ledger.book.positions.items()
        if k.instrument_id == instrument and k.pool.holder == account
    ]
    return found[0] if found else ()


# -- which lot, which term -------------------------------------------------------------------------


@settings(deadline=None)
@given(day=st.dates(dt.date(1990, 1, 1), dt.date(2034, 12, 31)))
def test_a_sale_turns_long_on_one_day_and_stays_long(day):
    turn = long_from(day)
    assert term(day, turn - ONE) is Bucket.ST
    assert term(day, turn) is Bucket.LT
    assert 366 <= (turn - day).days <= 367


@settings(deadline=None)
@given(data=st.data())
def test_every_method_takes_all_shares_and_all_cost_in_the_end(data):
    log = data.draw(logs(REGIME))
    for method in METHODS:
        if method == "SPEC":
            continue
        pick = LotPick(method, (), F("0.4"), F("0.2"))
        book = replay(REGIME, [f for f in log.fills if f.kind is BUY], opening_book(log.accounts)).book
        for position in book.positions.values():
            half = position.quantity / 2
            sale = Disposal("s", position.key.pool.holder, "AAA", half, F(99) * half, DAY, DAY, pick=pick)
            done = REGIME.dispose(position, sale)
            rest = REGIME.dispose(done.position_after, sale)
            assert done.cost + rest.cost == position.cost


@settings(deadline=None)
@given(data=st.data(), price=st.integers(1, 400))
def test_no_single_lot_gives_a_lower_tax_per_share_than_the_first_of_mintax(data, price):
    ages = data.draw(st.lists(st.tuples(st.integers(1, 900), st.integers(1, 400)), min_size=1, max_size=6))
    position = Position(
        PositionKey(PoolKey("us.taxable", "me", AccountKind.US_TAXABLE), "AAA"),
        tuple(
            TaxLot(f"{n}", DAY - age * ONE, F(1), F(cost), DAY - age * ONE)
            for n, (age, cost) in enumerate(ages)
        ),
    )
    short, long = F("0.408"), F("0.238")
    pick = LotPick("MINTAX", (), short, long)
    (part,) = REGIME.dispose(position, Disposal("s", "me", "AAA", F(1), F(price), DAY, DAY, pick=pick)).parts

    def tax(lot):
        return (long if term(lot.held_from, DAY) is Bucket.LT else short) * (price - lot.cost)

    chosen = next(lot for lot in position.lots if lot.id == part.lot_id)
    assert tax(chosen) == min(map(tax, position.lots))


def test_an_unknown_method_names_the_known_ones():
    sale = fill(SELL, "S", DAY, "me", 1, 1, pick=LotPick("BEST"))
    with pytest.raises(WordError, match="FIFO, LIFO, HIFO"):
        play(BOUGHT, sale)


def test_a_lot_that_does_not_hold_the_shares_is_named():
    sale = fill(
        SELL, "S", DAY, "me", 10, 1, pick=LotPick("SPEC", (("Q", F(10)),)), source_row="trades, row 3"
    )
    with pytest.raises(LedgerError, match=r"trades, row 3: 10 shares of lot Q .* 0 are held"):
        play(BOUGHT, sale)


def test_lots_that_do_not_add_up_to_the_sale_are_refused():
    sale = fill(SELL, "S", DAY, "me", 10, 1, pick=LotPick("SPEC", (("L", F(9)),)))
    with pytest.raises(LedgerError, match="add up to 9 shares, the sale is 10"):
        play(BOUGHT, sale)


def test_a_sale_order_of_several_fills_is_one_disposal():
    fills = [fill(SELL, f"S{n}", DAY, "me", 30, 270 + n, seq=n, order_id="order") for n in (1, 2)]
    (done,) = play(BOUGHT, *fills).realizations
    assert (done.disposal.id, done.disposal.quantity, done.disposal.proceeds) == ("S1", 60, 543)


def test_a_margin_order_is_not_known_here():
    with pytest.raises(LedgerError, match="a purchase on margin is a buy"):
        play(fill(FillKind.MARGIN_OPEN, "M", DAY, "me", 1, 1))


# -- corporate actions -----------------------------------------------------------------------------


@pytest.mark.parametrize("ratio", [F(3), F(1, 8), F(3, 2)])
def test_a_split_keeps_the_total_cost_and_the_dates(ratio):
    (lot,) = lots(play(BOUGHT, Split(**facts(), ratio=ratio)))
    assert (lot.quantity, lot.cost, lot.held_from) == (100 * ratio, 1000, BOUGHT.trade_date)


def test_a_split_between_loss_and_repurchase_counts_in_new_shares():
    # By hand: 100 old shares lose 500; after 2 for 1 they are 200; 50 bought back wash a quarter.
    ledger = play(
        BOUGHT,
        fill(SELL, "S", DAY, "me", 100, 500),
        Split(**facts(DAY + 3 * ONE), ratio=F(2)),
        fill(BUY, "R", DAY + 9 * ONE, "me", 50, 150),
    )
    assert [a.disallowed for a in ledger.adjustments] == [125]


def test_a_corporate_action_comes_before_the_trades_of_its_day():
    ledger = play(BOUGHT, fill(SELL, "S", DAY, "me", 200, 1600, seq=1), Split(**facts(seq=9), ratio=F(2)))
    assert ledger.realizations[0].gain == 600


def test_a_spin_off_divides_the_cost_and_keeps_the_dates():
    ledger = play(BOUGHT, SpinOff(**facts(), new_id="NEW", ratio=F(1, 4), cost_share=F("0.3")))
    (old,), (new,) = lots(ledger), lots(ledger, "NEW")
    assert (old.quantity, old.cost) == (100, 700)
    assert (new.quantity, new.cost, new.held_from) == (25, 300, BOUGHT.trade_date)
    assert not new.can_replace


def test_a_merger_for_shares_carries_the_cost():
    ledger = play(BOUGHT, Merger(**facts(), into_id="NEW", ratio=F(3, 5)))
    (new,) = lots(ledger, "NEW")
    assert (new.quantity, new.cost, new.held_from) == (60, 1000, BOUGHT.trade_date)
    assert not ledger.realizations


@pytest.mark.parametrize(("value", "gain", "cost"), [(12, 300, 1000), (8, 100, 800), (2, 0, 700)])
def test_cash_in_a_merger_is_gain_up_to_the_gain_and_never_a_loss(value, gain, cost):
    # 26 USC 356(a), (c), 358, by hand: 100 shares cost 1,000; received 100 new shares and 300 in cash.
    ledger = play(BOUGHT, Merger(**facts(), into_id="NEW", ratio=F(1), cash=F(3), value=F(value)))
    assert ledger.realizations[0].gain == gain
    (new,) = lots(ledger, "NEW")
    assert new.cost == cost


def test_cash_in_a_merger_needs_the_value_of_the_new_share():
    with pytest.raises(LedgerError, match="value of one new share"):
        play(BOUGHT, Merger(**facts(), into_id="NEW", ratio=F(1), cash=F(3)))


@pytest.mark.parametrize(("cash", "cost", "gain"), [(4, 600, 0), (10, 0, 0), (13, 0, 300)])
def test_a_return_of_capital_lowers_the_cost_and_is_gain_beyond_it(cash, cost, gain):
    # 26 USC 301(c)(2), (3), by hand on 100 shares that cost 1,000.
    ledger = play(BOUGHT, CapitalReturn(**facts(), cash=F(cash)))
    (lot,) = lots(ledger)
    assert (lot.quantity, lot.cost, ledger.realizations[0].gain) == (100, cost, gain)


def test_the_dividend_part_of_a_payment_does_not_lower_the_cost():
    (lot,) = lots(play(BOUGHT, CapitalReturn(**facts(), cash=F(4), dividend=F(3))))
    assert lot.cost == 900


def test_rights_are_a_purchase_and_a_free_allotment_is_a_split():
    paid = lots(play(BOUGHT, Rights(**facts(), ratio=F(1, 10), price=F(7))))
    assert [(lot.quantity, lot.cost) for lot in paid] == [(100, 1000), (10, 70)]
    (free,) = lots(play(BOUGHT, Rights(**facts(), ratio=F(1, 10))))
    assert (free.quantity, free.cost) == (110, 1000)


@pytest.mark.parametrize("ratio", [F(0), F(-2)])
def test_a_ratio_that_is_not_positive_is_refused(ratio):
    with pytest.raises(LedgerError, match="ratio"):
        play(BOUGHT, Split(**facts(), ratio=ratio))


# -- transfers, gifts, deaths ----------------------------------------------------------------------


def test_a_transfer_keeps_cost_dates_and_total():
    ledger = play(BOUGHT, Transfer(**facts(), from_account_id="me", to_account_id="you", quantity=F(40)))
    (mine,), (yours,) = lots(ledger), lots(ledger, account="you")
    assert (mine.quantity, mine.cost, yours.quantity, yours.cost) == (60, 600, 40, 400)
    assert yours.held_from == BOUGHT.trade_date
    assert not ledger.realizations


def give(value, **more):
    return Gift(**facts(), quantity=F(100), value=F(value), from_account_id="me", to_account_id="you", **more)


def test_a_gift_above_its_cost_carries_cost_and_holding_period():
    sale = fill(SELL, "S", DAY + ONE, "you", 100, 3000)
    (done,) = play(BOUGHT, give(2000), sale).realizations
    assert (done.gain, done.parts[0].bucket) == (2000, Bucket.LT)


@pytest.mark.parametrize(
    ("proceeds", "gain", "bucket"), [(500, -300, Bucket.ST), (900, 0, Bucket.LT), (1500, 500, Bucket.LT)]
)
def test_a_gift_below_its_cost_has_two_bases_and_two_holding_periods(proceeds, gain, bucket):
    # 26 USC 1015(a): cost 1,000, worth 800 at the gift; a loss counts from the gift, a gain from the donor.
    (done,) = play(BOUGHT, give(800), fill(SELL, "S", DAY + ONE, "you", 100, proceeds)).realizations
    assert (done.gain, done.parts[0].bucket) == (gain, bucket)
    assert done.cost + done.basis_lost == 1000


def test_shares_given_to_a_charity_leave_without_a_result():
    gift = Gift(**facts(), quantity=F(100), value=F(5000), from_account_id="me")
    ledger = play(BOUGHT, gift)
    assert not ledger.realizations
    assert lots(ledger) == ()


def test_inherited_shares_take_the_value_of_the_day_and_are_long_at_once():
    death = give(1500, inherited=True)
    (done,) = play(BOUGHT, death, fill(SELL, "S", DAY + ONE, "you", 100, 1400)).realizations
    assert (done.gain, done.parts[0].bucket) == (-100, Bucket.LT)


def test_a_gift_from_outside_needs_the_donors_dates():
    with pytest.raises(LedgerError, match="the day the donor acquired them"):
        play(Gift(**facts(), quantity=F(1), value=F(1), to_account_id="me"))


def test_a_dividend_changes_no_position():
    dividend = Dividend(**facts(), account_id="me", quantity=F(100), amount=F(50))
    ledger = play(BOUGHT, dividend)
    assert (ledger.dividends, lots(ledger)) == ((dividend,), lots(play(BOUGHT)))


# -- the year --------------------------------------------------------------------------------------


def test_the_form_lists_washed_shares_apart_with_code_w_and_adds_up():
    ledger = play(BOUGHT, fill(SELL, "S", DAY, "me", 100, 500), fill(BUY, "R", DAY + ONE, "me", 33, 165))
    washed, rest = form_8949(ledger, 2026)
    assert (washed.code, washed.adjustment, washed.gain) == ("W", Decimal(165), Decimal(0))
    assert (rest.code, rest.gain) == ("", Decimal(-335))
    assert washed.proceeds + rest.proceeds == 500


def test_lines_of_a_sale_add_up_to_the_cent():
    ledger = play(
        fill(BUY, "L", DAY - ONE, "me", 7, 100),
        fill(SELL, "S", DAY, "me", 7, 80),
        fill(BUY, "R", DAY, "me", 3, 36, seq=9),
    )
    lines = sale_lines(ledger.realizations[0], ledger.adjustments)
    assert [str(line.disallowed) for line in lines] == ["8.57", "0.00"]
    assert sum(line.basis for line in lines) == 100


def _net(st_gain, lt_gain, income, carry=()):
    ledger = play(
        fill(BUY, "A", DAY - 10 * ONE, "me", 1, 100_000, instrument_id="A"),
        fill(SELL, "S1", DAY, "me", 1, 100_000 + st_gain, instrument_id="A"),
        fill(BUY, "B", DAY - 500 * ONE, "me", 1, 100_000, instrument_id="B"),
        fill(SELL, "S2", DAY, "me", 1, 100_000 + lt_gain, instrument_id="B"),
    )
    year = REGIME.period(DAY, SINGLE)
    return REGIME.net(year, ledger.realizations, ledger.adjustments, income, carry, SINGLE)


def test_a_loss_carried_keeps_its_character():
    net = _net(-1000, -9000, {}, (Carry(Bucket.ST, 2025, Decimal(500)),))
    assert net.deducted == 3000
    assert [(c.bucket, c.amount) for c in net.carry_out] == [(Bucket.LT, Decimal(7500))]


def test_gains_are_taxed_by_their_term_and_stacked_on_income():
    # 2026, single, from the tables by hand: 100,000 + 10,000 short = 110,000 ordinary; 20,000 long at 15 %.
    net = _net(10_000, 20_000, {"ORDINARY": Decimal(100_000), "MAGI": Decimal(100_000)})
    tax = REGIME.tax(net, SINGLE)
    assert tax.components["preferential"] == 3000
    assert tax.components["ordinary"] == Decimal(16712) + Decimal("5700") * Decimal("0.22") + Decimal(
        "4300"
    ) * Decimal("0.24")
    assert tax.components["net_investment"] == 0


def test_the_tax_on_investment_income_needs_the_magi():
    with pytest.raises(MissingError, match="MAGI"):
        REGIME.tax(_net(10_000, 0, {"ORDINARY": Decimal(1)}), SINGLE)


def test_a_year_without_tables_is_refused_and_never_taken_from_another():
    net = _net(10_000, 0, {"ORDINARY": Decimal(1), "MAGI": Decimal(1)})
    with pytest.raises(NoTableError, match="2027"):
        REGIME.tax(
            net.__class__(REGIME.period(dt.date(2027, 5, 1), SINGLE), net.taxable, figures=net.figures),
            SINGLE,
        )


def test_income_of_an_unknown_name_is_refused():
    with pytest.raises(LedgerError, match="RENT"):
        _net(0, 0, {"RENT": Decimal(1)})


def test_the_marginal_rate_is_a_finite_difference_that_kinks_at_the_limit():
    # With 2,000 of losses taken and no gains, the next 5,000 of loss save tax on 1,000 only (26 USC 1211).
    ledger = play(
        fill(BUY, "A", DAY - 10 * ONE, "me", 1, 2000, instrument_id="A"),
        fill(SELL, "S1", DAY, "me", 1, 0, instrument_id="A"),
        fill(BUY, "B", DAY - 9 * ONE, "me", 1, 5000, instrument_id="B"),
        fill(SELL, "S2", DAY, "me", 1, 0, instrument_id="B"),
    )
    before, probe = ledger.realizations
    income = {"ORDINARY": Decimal(80_000), "MAGI": Decimal(80_000)}
    year = REGIME.period(DAY, SINGLE)
    rate = marginal_rate(REGIME, year, [before], (), income, (), SINGLE, probe=probe)
    assert rate == F("0.22") * F(1000, 5000)


# -- methods side by side, two countries -----------------------------------------------------------


@settings(deadline=None)
@given(data=st.data())
def test_mintax_is_the_lowest_of_all_methods_when_lots_are_single_shares(data):
    # Bought before the window: MINTAX does not look at the wash rule.
    ages = data.draw(st.lists(st.tuples(st.integers(31, 900), st.integers(1, 400)), min_size=2, max_size=8))
    quantity = data.draw(st.integers(1, len(ages)))
    events = [fill(BUY, f"{n}", DAY - age * ONE, "me", 1, cost) for n, (age, cost) in enumerate(ages)]
    sale = Disposal("s", "me", "AAA", F(quantity), F(200 * quantity), DAY, DAY)
    results = compare_methods(play(*events).book, sale, short_rate=F("0.408"), long_rate=F("0.238"))
    assert {r.method for r in results} == {"FIFO", "LIFO", "HIFO", "MINTAX"}
    assert next(r.tax for r in results if r.method == "MINTAX") == results[0].tax


def test_a_citizen_in_japan_is_under_both_laws_over_one_log():
    # By hand, at 150 and 160 yen a dollar: no gain in yen is a loss of 250 dollars, and a rebuy washes it.
    accounts = (Account("T", AccountKind.JP_TOKUTEI_WH, "a"), Account("N", AccountKind.JP_NISA, "a"))
    log = [
        fill(BUY, "L", dt.date(2025, 1, 6), "T", 100, 600_000),
        fill(SELL, "S", DAY, "T", 100, 600_000, seq=1),
        fill(BUY, "R", DAY + 5 * ONE, "N", 100, 600_000),
    ]

    def rate(day):
        return F(1, 150) if day.year == 2025 else F(1, 160)

    japan = replay(REGIMES["jp.individual"], log, opening_book(accounts))
    america = replay(REGIME, in_dollars(log, rate), opening_book(as_us_taxable(accounts)))
    assert japan.realizations[0].gain == 0
    assert america.realizations[0].gain == -250
    assert [a.deferred for a in america.adjustments] == [250]


def test_money_in_yen_that_is_no_trade_is_not_guessed():
    with pytest.raises(LedgerError, match="in dollars"):
        in_dollars([CapitalReturn(**facts(), cash=F(4))], lambda day: F(1, 150))
    split = Split(**facts(), ratio=F(2))
    assert in_dollars([split], lambda day: F(1, 150)) == (split,)
