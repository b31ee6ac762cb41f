"""Wash sales against a slow version that moves single shares, and the edges of the rule."""

from __future__ import annotations

import datetime as dt
import time
from dataclasses import dataclass, replace
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tax.event_logs import START, fill, logs
from xlplugin.core.accounts import Account, AccountKind
from xlplugin.core.lots import Bucket
from xlplugin.core.trades import Fill, FillKind
from xlplugin.tax.ledger import opening_book, recognised, replay
from xlplugin.tax.regimes.us_taxable import REGIME, UsTaxable
from xlplugin.tax.wash_sales import LITERAL, WashPolicy, window

BUY, SELL = FillKind.BUY, FillKind.SELL
ME = Account("me", AccountKind.US_TAXABLE, "client", "home")
IRA = Account("ira", AccountKind.US_IRA, "client", "home")
SPOUSE = Account("spouse", AccountKind.US_TAXABLE, "spouse", "home")
STRANGER = Account("stranger", AccountKind.US_TAXABLE, "other", "elsewhere")
SALE = dt.date(2026, 6, 1)


def play(*events, accounts=(ME, IRA, SPOUSE, STRANGER), groups=None, regime=REGIME):
    return replay(regime, events, opening_book(accounts, groups))


def loss_of_500(*more, day=SALE, **options):
    """100 shares at 1,000 sold at 500, and what else happened."""
    return play(
        fill(BUY, "L", day - dt.timedelta(days=200), "me", 100, 1000),
        fill(SELL, "S", day, "me", 100, 500, seq=50),
        *more,
        **options,
    )


def disallowed(ledger):
    return sum((a.disallowed for a in ledger.adjustments), Fraction(0))


# -- a slow version: one object per share ----------------------------------------------------------


@dataclass
class Share:
    lot: str
    account: Account
    bought: dt.date
    seq: int
    basis: Fraction
    held_from: dt.date
    used: bool = False
    sold: bool = False


def share_by_share(fills: tuple[Fill, ...], accounts: dict[str, Account]):
    """The procedure of washsale.json as it is written, losses in order, all purchases known."""
    shares = [
        Share(f.id, accounts[f.account_id], f.trade_date, f.seq, f.cost / f.quantity, f.trade_date)
        for f in sorted(fills, key=lambda f: (f.trade_date, f.seq))
        if f.kind is BUY
        for _ in range(int(f.quantity))
    ]
    taken: dict[str, Fraction] = {}
    gone: dict[str, Fraction] = {}
    for sale in sorted((f for f in fills if f.kind is SELL), key=lambda f: (f.trade_date, f.seq)):
        mine = [
            s
            for s in shares
            if not s.sold and s.account.id == sale.account_id and s.bought <= sale.trade_date
        ]
        mine.sort(key=lambda s: (s.bought, s.seq, s.held_from))
        selling = mine[: int(sale.quantity)]
        for share in selling:
            share.sold = True
        price = (sale.proceeds - sale.expenses) / sale.quantity
        taken[sale.id] = gone[sale.id] = Fraction(0)
        for share in selling:
            loss = share.basis - price
            if loss <= 0 or share.account.kind.is_retirement:
                continue
            for other in shares:
                days = (other.bought - sale.trade_date).days
                if other.used or other.sold or other.lot == share.lot or not -30 <= days <= 30:
                    continue
                other.used = True
                taken[sale.id] += loss
                if other.account.kind.is_retirement:
                    gone[sale.id] += loss
                else:
                    other.basis += loss
                    other.held_from -= sale.trade_date - share.held_from
                break
    return taken, gone, [s for s in shares if not s.sold]


@settings(deadline=None, max_examples=150)
@given(data=st.data())
def test_the_ledger_agrees_with_moving_single_shares(data):
    log = data.draw(logs(REGIME, most=16))
    fills = tuple(f for f in log.fills if f.instrument_id == "AAA")
    ledger = replay(REGIME, fills, opening_book(log.accounts))
    taken, gone, held = share_by_share(fills, {a.id: a for a in log.accounts})
    for done in ledger.realizations:
        found = ledger.adjustments_of(done.disposal.id)
        assert sum((a.disallowed for a in found), Fraction(0)) == taken[done.disposal.id]
        assert sum((a.lost_forever for a in found), Fraction(0)) == gone[done.disposal.id]
    ours = sorted(
        (lot.id, lot.held_from, lot.unit_cost)
        for position in ledger.book.positions.values()
        for lot in position.lots
        for _ in range(int(lot.quantity))
    )
    assert ours == sorted((s.lot, s.held_from, s.basis) for s in held)


@settings(deadline=None, max_examples=50)
@given(data=st.data())
def test_literal_and_netted_reading_recognise_the_same_once_all_is_sold(data):
    log = data.draw(logs(REGIME, most=12))
    fills = [replace(f, account_id="me") for f in log.fills if f.instrument_id == "AAA"]
    left = sum((f.quantity if f.kind is BUY else -f.quantity for f in fills), Fraction(0))
    if left:
        end = START + dt.timedelta(days=200)
        fills.append(fill(SELL, "all", end, "me", left, 100 * left, seq=999))
    both = [play(*fills, regime=UsTaxable(WashPolicy(same_sale=name))) for name in ("netted", LITERAL)]
    counted = [sum((recognised(d, x.adjustments) for d in x.realizations), Fraction(0)) for x in both]
    assert counted[0] == counted[1]


# -- the window -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("days", "washed"), [(-31, False), (-30, True), (0, True), (30, True), (31, False)])
def test_day_thirty_is_inside_and_day_thirty_one_is_outside(days, washed):
    ledger = loss_of_500(fill(BUY, "R", SALE + dt.timedelta(days=days), "me", 100, 600, seq=60))
    assert bool(ledger.adjustments) == washed


@settings(deadline=None)
@given(day=st.dates(dt.date(1955, 1, 1), dt.date(2035, 12, 1)))
def test_the_window_has_sixty_one_days_with_the_sale_in_the_middle(day):
    first, last = window(day)
    assert (last - first).days == 60
    assert day - first == last - day


def test_another_number_of_days_can_be_asked_for():
    late = fill(BUY, "R", SALE + dt.timedelta(days=40), "me", 100, 600)
    assert not loss_of_500(late).adjustments
    assert loss_of_500(late, regime=UsTaxable(WashPolicy(days=45))).adjustments


# -- whose purchase, and of what -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("account", "taken", "lost"), [("ira", 500, 500), ("spouse", 500, 0), ("stranger", 0, 0)]
)
def test_the_household_counts_and_a_retirement_account_loses_the_loss(account, taken, lost):
    ledger = loss_of_500(fill(BUY, "R", SALE + dt.timedelta(days=5), account, 100, 600))
    assert disallowed(ledger) == taken
    assert sum(a.lost_forever for a in ledger.adjustments) == lost


def test_a_retirement_account_keeps_its_cost_and_its_dates():
    ledger = loss_of_500(fill(BUY, "R", SALE + dt.timedelta(days=5), "ira", 100, 600))
    (lot,) = next(p for p in ledger.book.positions.values() if p.key.pool.holder == "ira").lots
    assert (lot.cost, lot.held_from) == (600, SALE + dt.timedelta(days=5))


def test_a_loss_inside_a_retirement_account_counts_nowhere_and_is_not_washed():
    ledger = play(
        fill(BUY, "L", SALE - dt.timedelta(days=200), "ira", 100, 1000),
        fill(SELL, "S", SALE, "ira", 100, 500),
        fill(BUY, "R", SALE + dt.timedelta(days=1), "me", 100, 500),
    )
    assert {p.bucket for d in ledger.realizations for p in d.parts} == {Bucket.VOID}
    assert not ledger.adjustments


@pytest.mark.parametrize(("group", "washed"), [("issuer", True), ("another", False)])
def test_only_the_declared_group_makes_a_security_identical(group, washed):
    call = fill(BUY, "C", SALE + dt.timedelta(days=5), "me", 100, 60, instrument_id="AAA call")
    ledger = loss_of_500(call, groups={"AAA": "issuer", "AAA call": group})
    assert bool(ledger.adjustments) == washed


def test_an_instrument_may_stand_in_the_group_that_bears_its_name():
    call = fill(BUY, "C", SALE + dt.timedelta(days=5), "me", 100, 60, instrument_id="AAA call")
    assert disallowed(loss_of_500(call, groups={"AAA call": "AAA"})) == 500


def test_a_reinvested_dividend_is_a_purchase():
    drip = fill(FillKind.REINVEST, "D", SALE - dt.timedelta(days=10), "me", Fraction(3, 2), 9)
    assert disallowed(loss_of_500(drip)) == Fraction(3, 2) * 5


def test_one_share_bought_washes_one_share():
    assert disallowed(loss_of_500(fill(BUY, "R", SALE, "me", 1, 6, seq=60))) == 5


def test_a_replacement_share_is_used_once():
    # By hand: 100 shares lose 500 on the first day and 100 lose 400 three days later; 100 are bought.
    ledger = loss_of_500(
        fill(BUY, "L2", SALE - dt.timedelta(days=100), "me", 100, 900),
        fill(SELL, "S2", SALE + dt.timedelta(days=3), "me", 100, 500, seq=1),
        fill(BUY, "R", SALE + dt.timedelta(days=10), "me", 100, 600),
    )
    assert disallowed(ledger) == 500
    assert [a.disposal_id for a in ledger.adjustments] == ["S"]


def test_shares_bought_with_an_old_replacement_mark_do_not_replace_again():
    marked = fill(BUY, "R", SALE + dt.timedelta(days=5), "me", 100, 600, used=Fraction(60))
    assert disallowed(loss_of_500(marked)) == 200


def test_a_gift_received_is_no_purchase():
    from xlplugin.core.trades import Gift

    day = SALE + dt.timedelta(days=5)
    gift = Gift(
        id="G",
        trade_date=day,
        settle_date=day,
        instrument_id="AAA",
        quantity=Fraction(100),
        value=Fraction(500),
        to_account_id="me",
        cost=Fraction(400),
        acquired=dt.date(2020, 1, 6),
    )
    assert not loss_of_500(gift).adjustments


# -- what the loss becomes -------------------------------------------------------------------------


def test_the_holding_period_of_the_old_lot_is_added_to_the_new_one():
    ledger = loss_of_500(fill(BUY, "R", SALE + dt.timedelta(days=10), "me", 100, 600))
    (position,) = ledger.book.positions.values()
    (lot,) = position.lots
    assert lot.held_from == lot.acquired - dt.timedelta(days=200)


def test_a_january_purchase_reaches_back_to_december():
    december = dt.date(2026, 12, 31)
    ledger = loss_of_500(fill(BUY, "R", dt.date(2027, 1, 30), "me", 100, 600), day=december)
    year = REGIME.period(december, None)
    net = REGIME.net(year, ledger.realizations, ledger.adjustments, {}, (), _single())
    assert net.figures["net_st"] == 0
    assert [a.on for a in ledger.adjustments] == [dt.date(2027, 1, 30)]


def test_a_loss_is_provisional_for_thirty_days_and_a_gain_is_not():
    loss = loss_of_500().realizations[0]
    assert loss.provisional_until == SALE + dt.timedelta(days=30)
    gain = play(
        fill(BUY, "L", SALE - dt.timedelta(days=9), "me", 1, 1), fill(SELL, "S", SALE, "me", 1, 2)
    ).realizations[0]
    assert gain.provisional_until is None


def test_the_book_forgets_a_loss_once_its_window_is_over():
    after = SALE + dt.timedelta(days=31)
    still = replay(
        REGIME,
        [fill(BUY, "X", SALE + dt.timedelta(days=30), "me", 1, 1, instrument_id="ZZZ")],
        loss_of_500().book,
    )
    gone = replay(REGIME, [fill(BUY, "X", after, "me", 1, 1, instrument_id="ZZZ")], loss_of_500().book)
    assert len(still.book.memory) == 1
    assert gone.book.memory == ()


@pytest.mark.slow
def test_ten_thousand_lots_are_matched_in_about_a_second():
    import random

    rng = random.Random(5)
    events, held = [], {}
    for n in range(16_000):
        day = START + dt.timedelta(days=n // 16)
        place = (("me", "spouse", "ira")[n % 3], f"C{rng.randrange(500)}")
        if n % 8 >= 3 or not held:
            held[place] = held.get(place, 0) + 10
            events.append(
                fill(BUY, f"b{n}", day, place[0], 10, rng.randrange(100, 900), seq=n, instrument_id=place[1])
            )
        else:
            place = rng.choice(sorted(held))
            quantity = held.pop(place)
            events.append(
                fill(
                    SELL,
                    f"s{n}",
                    day,
                    place[0],
                    quantity,
                    rng.randrange(50, 400),
                    seq=n,
                    instrument_id=place[1],
                )
            )
    begin = time.process_time()
    ledger = play(*events)
    assert len(ledger.adjustments) > 100
    assert time.process_time() - begin < 3.0  # about 1 s; the margin is for a busy machine


def _single():
    from xlplugin.core.accounts import Taxpayer

    return Taxpayer("client")
