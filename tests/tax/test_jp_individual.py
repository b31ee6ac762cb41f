"""jp.individual: what the law and the tax office print, then what must hold for every log."""

from __future__ import annotations

import datetime as dt
import math
import random
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tax.jp_events import (
    FIRST,
    GENERAL,
    INDIVIDUAL,
    NISA,
    TOKUTEI,
    buy,
    fill,
    on,
    played,
    sell,
)
from xlplugin.core.accounts import Account, AccountKind, Taxpayer
from xlplugin.core.calendars import calendar
from xlplugin.core.lots import Bucket, Disposal, PositionKey
from xlplugin.core.trades import (
    CapitalReturn,
    FillKind,
    Gift,
    LotPick,
    Merger,
    Rights,
    SpinOff,
    Split,
    Transfer,
)
from xlplugin.errors import LedgerError, NoTableError
from xlplugin.tax.ledger import opening_book, replay
from xlplugin.tax.regime import Carry, HarvestQuestion, HarvestStatus, Period, Reason

YEAR = Period(2026, dt.date(2026, 1, 1), dt.date(2026, 12, 31))


def position(ledger, account=TOKUTEI, code="7000"):
    return ledger.book.positions.get(PositionKey(INDIVIDUAL.pool_key(account), code))


def whole(day=FIRST, **more):
    return {"id": "x", "trade_date": day, "settle_date": day, "instrument_id": "7000", **more}


# -- printed examples ----------------------------------------------------------------------------


def test_the_tax_office_example_no_1466_comes_out_to_the_yen():
    ledger = played(
        buy("a", 0, 5000, 5000 * 800, account_id="G"),
        buy("b", 1, 2000, 2000 * 850, account_id="G"),
        sell("c", 2, 3000, 3000 * 900, account_id="G"),
        buy("d", 3, 5000, 5000 * 870, account_id="G"),
        sell("e", 4, 6000, 6000 * 950, account_id="G"),
    )
    assert [r.cost for r in ledger.realizations] == [2_445_000, 5_076_000]
    assert position(ledger, GENERAL).cost == 846 * 3000


def test_the_published_same_day_example_halves_the_loss():
    # マネーポスト: 100 at 1,000, sold and bought back at 800 on one day: 900, so 100 a share.
    ledger = played(
        buy("a", 0, 100, 100_000), sell("s", 9, 100, 80_000, seq=1), buy("r", 9, 100, 80_000, seq=2)
    )
    assert ledger.realizations[0].gain == -10_000
    assert position(ledger).cost == 90_000


def test_a_nisa_loss_is_void_whatever_else_was_earned():
    # 国税庁タックスアンサー No.1535: a loss in NISA does not exist.
    ledger = played(
        buy("a", 0, 100, 100_000, account_id="N"),
        sell("b", 1, 100, 60_000, account_id="N"),
        buy("c", 0, 100, 100_000),
        sell("d", 1, 100, 150_000),
    )
    net = INDIVIDUAL.net(YEAR, ledger.realizations, (), {}, (), Taxpayer())
    assert {r.parts[0].bucket for r in ledger.realizations} == {Bucket.VOID, Bucket.LISTED}
    assert net.taxable[Bucket.LISTED] == 50_000


def test_a_capital_return_is_a_deemed_sale_of_the_notified_share_of_the_cost():
    # 日本郵政 2022: 100 at 1,400, 50 yen a share, deemed dividend 1,985, ratio 0.017.
    event = CapitalReturn(
        **whole(on(5), cash=Fraction(50), dividend=Fraction(1985, 100), reduction=Fraction(17, 1000))
    )
    ledger = played(buy("a", 0, 100, 140_000), event)
    assert ledger.realizations[0].gain == 3015 - 2380
    assert position(ledger).cost == 137_620


# -- pools and days ------------------------------------------------------------------------------


def test_general_accounts_of_one_owner_share_a_pool_and_specified_ones_do_not():
    other = (Account("G2", AccountKind.JP_IPPAN, "me"), Account("T2", AccountKind.JP_TOKUTEI_WH, "me"))
    ledger = played(
        buy("a", 0, 2000, 1_000_000, account_id="G"),
        buy("b", 1, 3000, 1_350_000, account_id="G2"),
        buy("c", 0, 100, 100_000),
        buy("d", 0, 100, 50_000, account_id="T2"),
        sell("e", 2, 1000, 600_000, account_id="G"),
        sell("f", 2, 100, 100_000),
        accounts=(TOKUTEI, GENERAL, *other),
    )
    assert [r.cost for r in ledger.realizations] == [470_000, 100_000]


def test_the_settlement_day_makes_the_batch_not_the_trade_day():
    # Two trade days, one settlement day: the purchase enters the average of the sale.
    ledger = played(
        buy("a", 0, 100, 100_000),
        sell("s", 5, 100, 70_000, settle_date=on(8)),
        buy("r", 6, 100, 70_000, settle_date=on(8)),
    )
    assert ledger.realizations[0].gain == -15_000


def test_a_general_account_runs_in_time_order_inside_a_day():
    ledger = played(
        buy("a", 0, 100, 100_000, account_id="G"),
        sell("s", 5, 100, 70_000, seq=1, account_id="G"),
        buy("r", 5, 100, 70_000, seq=2, account_id="G"),
    )
    assert ledger.realizations[0].gain == -30_000


def test_a_delivered_margin_position_enters_the_pool_on_its_own_day_with_its_costs():
    ledger = played(
        buy("a", 0, 1000, 1_000_000),
        sell("s", 5, 1000, 700_000, seq=1),
        fill(FillKind.MARGIN_OPEN, "m", 5, 1000, 700_000, seq=2),
        fill(FillKind.GENBIKI, "g", 6, 1000, 700_000, fee=Fraction(500)),
    )
    assert ledger.realizations[0].gain == -300_000
    assert position(ledger).cost == 700_500
    assert len(ledger.book.positions) == 1  # the margin position is gone


def test_margin_positions_close_lot_by_lot_the_named_one_first():
    ledger = played(
        fill(FillKind.MARGIN_OPEN, "m1", 0, 100, 100_000),
        fill(FillKind.MARGIN_OPEN, "m2", 1, 100, 120_000),
        fill(FillKind.MARGIN_CLOSE, "c1", 2, 100, 110_000, pick=LotPick("SPEC", (("m2", Fraction(100)),))),
        fill(FillKind.MARGIN_CLOSE, "c2", 3, 50, 55_000),
    )
    assert [r.gain for r in ledger.realizations] == [-10_000, 5_000]


def test_margin_positions_follow_a_split_and_a_merger_for_shares():
    ledger = played(
        fill(FillKind.MARGIN_OPEN, "m", 0, 100, 100_000),
        Split(**whole(on(1), ratio=Fraction(2))),
        Merger(**{**whole(on(2)), "id": "y"}, into_id="9000", ratio=Fraction(1, 2)),
        fill(FillKind.MARGIN_CLOSE, "c", 3, 100, 130_000, instrument_id="9000"),
    )
    assert [r.gain for r in ledger.realizations] == [30_000]


# -- corporate actions, transfers, gifts ---------------------------------------------------------


def test_a_split_of_the_day_comes_before_the_trades_of_the_day():
    ledger = played(
        buy("a", 0, 100, 100_000), sell("s", 5, 200, 120_000), Split(**whole(on(5), ratio=Fraction(2)))
    )
    assert ledger.realizations[0].gain == 20_000
    assert position(ledger) is None


@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 10**9))
def test_a_split_keeps_the_total_cost_exactly(new, old, cost):
    ledger = played(buy("a", 0, 7, cost), Split(**whole(on(1), ratio=Fraction(new, old))))
    assert position(ledger).cost == cost
    assert position(ledger).quantity == 7 * Fraction(new, old)


def test_a_spin_off_and_a_merger_divide_and_carry_the_cost_without_losing_any():
    ledger = played(
        buy("a", 0, 100, 100_001),
        SpinOff(**whole(on(1), new_id="8000", ratio=Fraction(1), cost_share=Fraction(3, 10))),
        Merger(**{**whole(on(2)), "id": "m"}, into_id="9000", ratio=Fraction(1, 2)),
    )
    child, merged = position(ledger, code="8000"), position(ledger, code="9000")
    assert child.cost + merged.cost == 100_001
    assert merged.quantity == 50
    assert position(ledger) is None


def test_a_merger_with_cash_is_a_sale_at_the_value_of_the_new_shares():
    event = Merger(
        **whole(on(1)), into_id="9000", ratio=Fraction(1), cash=Fraction(100), value=Fraction(1100)
    )
    ledger = played(buy("a", 0, 100, 100_000), event)
    assert ledger.realizations[0].gain == 20_000
    assert position(ledger, code="9000").cost == 110_000


def test_shares_taken_up_under_rights_join_the_pool_at_their_price():
    ledger = played(
        buy("a", 0, 100, 100_000), Rights(**whole(on(1), ratio=Fraction(1, 2), price=Fraction(600)))
    )
    assert (position(ledger).quantity, position(ledger).cost) == (150, 130_000)


def test_a_transfer_carries_its_exact_share_of_the_cost():
    to = Account("T2", AccountKind.JP_TOKUTEI_WH, "me")
    move = Transfer(**whole(on(3)), from_account_id="T", to_account_id="T2", quantity=Fraction(3))
    ledger = played(buy("a", 0, 7, 100), move, accounts=(TOKUTEI, to))
    assert position(ledger, to).cost == Fraction(300, 7)
    assert position(ledger).cost + position(ledger, to).cost == 100


def test_shares_that_leave_nisa_start_anew_at_their_value():
    move = Transfer(
        **whole(on(3)), from_account_id="N", to_account_id="T", quantity=Fraction(100), value=Fraction(700)
    )
    ledger = played(buy("a", 0, 100, 100_000, account_id="N"), move)
    assert position(ledger).cost == 70_000


@pytest.mark.parametrize("value", [10_000, 900_000])
def test_a_gift_and_an_inheritance_carry_the_old_cost_up_or_down(value):
    gift = Gift(
        **whole(on(1)),
        quantity=Fraction(100),
        value=Fraction(value),
        to_account_id="T",
        cost=Fraction(300_000),
    )
    assert position(played(gift)).cost == 300_000


# -- what must hold for every log ----------------------------------------------------------------

trades = st.lists(
    st.tuples(
        st.integers(0, 6),  # day
        st.booleans(),  # purchase?
        st.integers(1, 50),  # shares
        st.integers(1, 3000),  # price
        st.integers(0, 30),  # fee
    ),
    min_size=1,
    max_size=14,
)


def feasible(rows):
    """The rows as fills, sales cut to what the day allows (all purchases of a day come first)."""
    held, fills = 0, []
    for number, (day, enters, shares, price, fee) in enumerate(sorted(rows, key=lambda r: (r[0], not r[1]))):
        quantity = shares if enters else min(shares, held)
        held += quantity if enters else -quantity
        if quantity:
            make = buy if enters else sell
            fills.append(make(f"e{number}", day, quantity, quantity * price, fee=Fraction(fee), seq=number))
    return fills


def totals(ledger):
    left = position(ledger)
    return (
        sorted((r.disposal.settle_date, r.gain) for r in ledger.realizations),
        left and (left.quantity, left.cost),
    )


@settings(max_examples=60)
@given(trades, st.integers(0, 10**6))
def test_the_order_of_rows_inside_a_day_changes_nothing(rows, seed):
    fills = feasible(rows)
    numbers = list(range(len(fills)))
    random.Random(seed).shuffle(numbers)
    shuffled = [replace(f, seq=n) for f, n in zip(fills, numbers, strict=True)]
    random.Random(seed + 1).shuffle(shuffled)
    assert totals(played(*shuffled)) == totals(played(*fills))


@settings(max_examples=60)
@given(trades, st.data())
def test_selling_in_two_fills_on_one_day_gives_the_same_totals(rows, data):
    fills = feasible(rows)
    big = [f for f in fills if not f.kind.enters and f.quantity >= 2]
    if not big:
        return
    whole_sale = data.draw(st.sampled_from(big))
    part = data.draw(st.integers(1, int(whole_sale.quantity) - 1))
    share = Fraction(part, whole_sale.quantity)
    pieces = [
        replace(
            whole_sale,
            id=f"{whole_sale.id}.{n}",
            quantity=whole_sale.quantity * s,
            amount=whole_sale.amount * s,
            fee=whole_sale.fee * s,
        )
        for n, s in enumerate((share, 1 - share))
    ]
    split_up = [f for f in fills if f is not whole_sale] + pieces
    one, two = played(*fills), played(*split_up)
    assert sum(r.gain for r in one.realizations) == sum(r.gain for r in two.realizations)
    assert totals(one)[1] == totals(two)[1]


@settings(max_examples=60)
@given(trades)
def test_cost_is_conserved_but_for_less_than_a_yen_a_share_at_each_sale(rows):
    fills = feasible(rows)
    ledger = played(*fills)
    left = position(ledger)
    paid = sum(f.cost for f in fills if f.kind.enters)
    rounding = sum(r.rounding_diff for r in ledger.realizations)
    assert paid + rounding == sum(r.cost for r in ledger.realizations) + (left.cost if left else 0)
    for done in ledger.realizations:
        before = done.disposal.quantity + done.position_after.quantity
        assert 0 <= done.rounding_diff < before
        if not done.position_after.quantity:
            assert done.position_after.lots == ()


@settings(max_examples=60)
@given(trades)
def test_the_ledger_agrees_with_a_plain_reading_of_the_rule(rows):
    """An independent version in whole numbers: a day at a time, one unit cost, carried rounded."""
    fills = feasible(rows)
    shares = cost = 0
    expected = []
    for day in sorted({f.settle_date for f in fills}):
        today = [f for f in fills if f.settle_date == day]
        shares += sum(int(f.quantity) for f in today if f.kind.enters)
        cost += sum(int(f.amount + f.fee) for f in today if f.kind.enters)
        sales = [f for f in today if not f.kind.enters]
        if sales:
            unit = math.ceil(Fraction(cost, shares))
            expected += [(day, f.amount - f.fee - unit * f.quantity) for f in sales]
            shares -= sum(int(f.quantity) for f in sales)
            cost = unit * shares
    left = (shares, cost) if shares else None
    assert totals(played(*fills)) == (sorted(expected), left)


@settings(max_examples=40)
@given(trades, st.integers(0, 6))
def test_playing_a_log_in_two_pieces_gives_the_same_book(rows, cut):
    fills = feasible(rows)
    first = [f for f in fills if f.settle_date < on(cut)]
    then = [f for f in fills if f.settle_date >= on(cut)]
    book = played(*first).book
    assert replay(INDIVIDUAL, then, book).book.positions == played(*fills).book.positions


# -- previews and harvests -----------------------------------------------------------------------


def the_sale(quantity=1000, proceeds=700_000, day=5, **more):
    return Disposal("s", "T", "7000", Fraction(quantity), Fraction(proceeds), on(day), on(day), **more)


def held(cost=1_000_000, quantity=1000):
    return played(buy("a", 0, quantity, cost)).book


@given(
    st.integers(1, 500),
    st.integers(1, 10**6),
    st.integers(1, 500),
    st.integers(0, 10**6),
    st.integers(0, 500),
    st.integers(1, 10**6),
)
def test_a_harvest_check_accounts_for_every_yen_of_the_loss(quantity, cost, sold, proceeds, bought, price):
    sold = min(sold, quantity)
    book = held(cost, quantity)
    disposal = the_sale(sold, proceeds)
    nearby = [buy("r", 5, bought, price, planned=True)] if bought else []
    check = INDIVIDUAL.harvestable(book, disposal, nearby, HarvestQuestion(YEAR, Taxpayer()))
    assert check.gross_loss == (
        check.recognised_now + check.recognised_later + check.deferred_to_basis + check.lost_forever
    )
    assert check.gross_loss == max(0, math.ceil(Fraction(cost, quantity)) * sold - proceeds)
    assert check.recognised_now >= 0
    assert book == held(cost, quantity)


def test_without_planned_fills_a_preview_is_the_plain_disposal():
    book = held()
    seen = INDIVIDUAL.preview(book, the_sale(), [])
    (place,) = book.positions.values()
    assert seen.alone == seen.planned == INDIVIDUAL.dispose(place, the_sale())
    assert seen.difference == 0


def test_a_preview_does_what_the_day_then_does():
    book, rebuy = held(), buy("r", 5, 600, 390_000, planned=True)
    seen = INDIVIDUAL.preview(book, the_sale(), [rebuy])
    real = played(buy("a", 0, 1000, 1_000_000), sell("s", 5, 1000, 700_000), replace(rebuy, planned=False))
    assert seen.planned.gain == real.realizations[0].gain
    assert seen.difference > 0


def test_the_loss_kept_by_a_same_day_rebuy_at_the_price_is_h_over_h_plus_r():
    check = INDIVIDUAL.harvestable(
        held(), the_sale(), [buy("r", 5, 3000, 2_100_000)], HarvestQuestion(YEAR, Taxpayer())
    )
    assert check.recognised_now == 300_000 * Fraction(1000, 1000 + 3000)
    assert (check.status, check.reasons) == (HarvestStatus.REDUCED, (Reason.SAME_DAY_BUY,))


@pytest.mark.parametrize(
    "harmless",
    [
        buy("r", 6, 1000, 700_000),
        buy("r", 5, 1000, 700_000, account_id="G"),
        buy("r", 5, 1000, 700_000, account_id="N"),
        buy("r", 5, 1000, 700_000, instrument_id="7001"),
    ],
    ids=["next day", "general account", "NISA", "another issue"],
)
def test_the_ways_to_keep_the_full_loss_keep_it(harmless):
    book = replace(held(), accounts={a.id: a for a in (TOKUTEI, GENERAL, NISA)})
    check = INDIVIDUAL.harvestable(book, the_sale(), [harmless], HarvestQuestion(YEAR, Taxpayer()))
    assert (check.status, check.recognised_now) == (HarvestStatus.OK, 300_000)


def test_a_purchase_above_cost_on_the_day_raises_the_recognised_loss_and_lowers_the_cost_left():
    check = INDIVIDUAL.harvestable(
        held(), the_sale(), [buy("r", 5, 1000, 1_200_000)], HarvestQuestion(YEAR, Taxpayer())
    )
    assert (check.recognised_now, check.deferred_to_basis) == (400_000, -100_000)


def test_a_general_account_shows_the_cautious_reading_and_says_that_it_is_one():
    book = played(buy("a", 0, 1000, 1_000_000, account_id="G")).book
    disposal = replace(the_sale(), account_id="G")
    nearby = [buy("r", 5, 1000, 700_000, account_id="G")]
    check = INDIVIDUAL.harvestable(book, disposal, nearby, HarvestQuestion(YEAR, Taxpayer()))
    assert check.recognised_now == 150_000
    assert check.reasons == (Reason.SAME_DAY_BUY, Reason.SAME_DAY_UNCLEAR)


def test_dates_of_the_answer_come_from_the_exchange_calendar():
    question = HarvestQuestion(YEAR, Taxpayer(), calendar=calendar("XTKS"))
    check = INDIVIDUAL.harvestable(held(), the_sale(), [], question)
    assert check.last_trade_date == dt.date(2026, 12, 28)
    assert check.earliest_rebuy == calendar("XTKS").after(on(5), 1)


def test_the_contract_date_can_be_elected_in_a_general_account_only():
    elects = Taxpayer(elects_contract_date=True)
    dates = dt.date(2026, 12, 29), dt.date(2027, 1, 4)
    assert INDIVIDUAL.recognition_date(*dates, GENERAL, elects) == dates[0]
    assert INDIVIDUAL.recognition_date(*dates, TOKUTEI, elects) == dates[1]
    late = sell("s", 302, 100, 50_000, account_id="G", settle_date=dt.date(2027, 1, 4))
    ledger = played(buy("a", 0, 100, 100_000, account_id="G"), late)
    assert INDIVIDUAL.net(YEAR, ledger.realizations, (), {}, (), elects).figures["listed"] == -50_000
    assert INDIVIDUAL.net(YEAR, ledger.realizations, (), {}, (), Taxpayer()).figures["listed"] == 0


# -- a year --------------------------------------------------------------------------------------


def test_a_year_nets_gains_dividends_and_carried_losses_and_is_taxed_as_filed():
    ledger = played(buy("a", 0, 100, 1_000_000), sell("s", 1, 100, 1_600_000))
    carry = [Carry(Bucket.LISTED, 2024, 100_000)]
    net = INDIVIDUAL.net(YEAR, ledger.realizations, (), {"DIVIDEND": 50_000}, carry, Taxpayer())
    assert net.taxable[Bucket.LISTED] == 500_000
    assert net.taxable[Bucket.DIVIDEND] == 50_000
    tax = INDIVIDUAL.tax(net, Taxpayer())
    # By hand: 550,000 x 15 % = 82,500, surtax 1,732, cut to 84,200; 5 % in two parts 16,500 + 11,000.
    assert tax.total == 84_200 + 16_500 + 11_000
    assert tax.sources == ("jp.individual.listed_rates 2014-01-01 (enacted)",)


def test_two_carries_of_one_year_are_one_loss():
    carry = [Carry(Bucket.LISTED, 2025, 30_000), Carry(Bucket.LISTED, 2025, 20_000)]
    net = INDIVIDUAL.net(YEAR, (), (), {"LISTED": 100_000}, carry, Taxpayer())
    assert net.taxable[Bucket.LISTED] == 50_000


def test_income_under_an_unknown_name_is_refused():
    with pytest.raises(LedgerError, match="unknown income DIVIDENDS; use DIVIDEND"):
        INDIVIDUAL.net(YEAR, (), (), {"DIVIDENDS": 1}, (), Taxpayer())


def test_a_year_without_a_return_in_between_loses_the_carry():
    taxpayer = Taxpayer(files_each_year={2025: False})
    net = INDIVIDUAL.net(YEAR, (), (), {"LISTED": 500_000}, [Carry(Bucket.LISTED, 2024, 100_000)], taxpayer)
    assert net.taxable[Bucket.LISTED] == 500_000
    assert net.carry_out == ()


def test_the_minimum_tax_comes_before_the_surtaxes_and_names_its_unconfirmed_row():
    net = INDIVIDUAL.net(YEAR, (), (), {"LISTED": 1_000_000_000}, (), Taxpayer())
    tax = INDIVIDUAL.tax(net, Taxpayer())
    # By hand: (150,000,000 + 750,000) x 1.021 = 153,915,750 -> 153,915,700.
    assert tax.components["national"] == 153_915_700
    assert any("minimum_tax" in source and "(memory)" in source for source in tax.sources)


def test_the_withholding_of_an_account_follows_settlement_not_the_order_of_rows():
    ledger = played(
        buy("a", 0, 300, 300_000),
        sell("g", 3, 100, 150_000),
        sell("l", 2, 100, 80_000),
        sell("h", 4, 100, 110_000),
    )
    flows = INDIVIDUAL.withholding(list(reversed(ledger.realizations)))
    assert [done.disposal.id for done, _ in flows] == ["l", "g", "h"]
    # A loss of 20,000 shields the first 20,000 of the gains: 30,000, then 10,000, are taxed.
    assert [int(tax.national) for _, tax in flows] == [0, 4594, 1531]


# -- bad input -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("event", "sentence"),
    [
        (
            sell("s", 5, 2000, 1, source_row="trades, row 7"),
            r"trades, row 7: 2,000 shares of 7000.*1,000 are held in T",
        ),
        (sell("s", 5, 10, 1, account_id="Z", source_row="trades, row 7"), r"trades, row 7: the account 'Z'"),
        (sell("s", 5, -5, 1, source_row="trades, row 7"), r"trades, row 7: the quantity is -5"),
        (buy("b", 5, 10, 1, currency="USD", source_row="trades, row 7"), r"trades, row 7: .*USD.*rate"),
        (
            Transfer(
                **whole(on(5)),
                source_row="row 9",
                from_account_id="T",
                to_account_id="O",
                quantity=Fraction(1),
            ),
            r"row 9: the two accounts have different owners",
        ),
        (
            Merger(**whole(on(5)), source_row="row 9", into_id="x", ratio=Fraction(1), cash=Fraction(1)),
            "row 9: cash",
        ),
        (Split(**whole(on(5)), source_row="row 9", ratio=Fraction(0)), "row 9: the ratio"),
        (
            SpinOff(
                **whole(on(5)), source_row="row 9", new_id="x", ratio=Fraction(1), cost_share=Fraction(2)
            ),
            "row 9: cost share 2",
        ),
        (
            CapitalReturn(**whole(on(5)), source_row="row 9", cash=Fraction(1), reduction=Fraction(2)),
            "row 9: reduction 2",
        ),
        (
            Rights(**whole(on(5)), source_row="row 9", ratio=Fraction(1), price=Fraction(-1)),
            "row 9: the price",
        ),
    ],
)
def test_a_bad_row_is_named_as_the_user_wrote_it_and_changes_nothing(event, sentence):
    accounts = (TOKUTEI, Account("O", AccountKind.JP_TOKUTEI_WH, "other"))
    book = played(buy("a", 0, 1000, 1_000_000), accounts=accounts).book
    before = dict(book.positions)
    with pytest.raises(LedgerError, match=sentence):
        replay(INDIVIDUAL, [event], book)
    assert dict(book.positions) == before


def test_leaving_nisa_without_a_value_says_what_is_needed():
    move = Transfer(
        **whole(on(3)), source_row="row 4", from_account_id="N", to_account_id="T", quantity=Fraction(1)
    )
    with pytest.raises(LedgerError, match=r"row 4: shares leave NISA.*value per share"):
        played(buy("a", 0, 100, 1, account_id="N"), move)


def test_one_pool_has_one_currency():
    with pytest.raises(LedgerError, match=r"row 3.*USD.*one pool has one currency"):
        played(
            buy("a", 0, 1, 1, currency="JPY"),
            buy("b", 1, 1, 1, currency="USD", fx=Fraction(150), source_row="row 3"),
        )


def test_a_sale_before_the_tables_begin_is_an_error_and_not_a_guess():
    early = {"trade_date": dt.date(2013, 5, 1), "settle_date": dt.date(2013, 5, 8)}
    events = [replace(buy("a", 0, 10, 100), **early), replace(sell("s", 0, 5, 100), **early)]
    with pytest.raises(NoTableError, match=r"unit_cost.*2013-05-08"):
        played(*events)


def test_an_account_of_another_regime_is_refused():
    book = opening_book([Account("U", AccountKind.US_TAXABLE)])
    with pytest.raises(LedgerError, match="US_TAXABLE is not an account kind of jp"):
        INDIVIDUAL.apply_day(book, FIRST, [buy("a", 0, 1, 1, account_id="U")])


def test_a_margin_position_that_is_not_there_cannot_be_closed():
    close = fill(FillKind.MARGIN_CLOSE, "c", 2, 1, 1, source_row="row 2")
    with pytest.raises(LedgerError, match="row 2: 1 shares of 7000"):
        played(close)
    named = replace(close, pick=LotPick("SPEC", (("zz", Fraction(1)),)))
    with pytest.raises(LedgerError, match="no margin position is called zz"):
        played(fill(FillKind.MARGIN_OPEN, "m", 0, 5, 5), named)
