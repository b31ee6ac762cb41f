"""Every regime in the folder obeys these laws; dropping a file in brings them to bear on it.

The laws are section 9.1 and 9.2 of the tax specification and the invariants 23 and 24 of section 12.
"""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tax.event_logs import SECURITIES, START, accounts_of, fill, logs
from xlplugin.core.accounts import Account, Taxpayer
from xlplugin.core.lots import Bucket, Disposal, Position, PositionKey
from xlplugin.core.trades import FillKind
from xlplugin.errors import LedgerError
from xlplugin.tax.ledger import opening_book, recognised, replay
from xlplugin.tax.regime import REGIMES, HarvestQuestion, HarvestStatus

ALL = list(REGIMES)
regimes = pytest.mark.parametrize("regime", ALL, ids=lambda r: r.name)
settings.register_profile("contract", deadline=None, max_examples=25)
contract = settings(settings.get_profile("contract"))


def play(regime, log):
    return replay(regime, log.fills, opening_book(log.accounts))


def total(amounts):
    return sum(amounts, Fraction(0))


def sale(position, quantity, proceeds, day, account="a", **more):
    return Disposal("s", account, position.key.instrument_id, quantity, proceeds, day, day, **more)


@st.composite
def positions(draw, regime):
    """A position bought in several pieces, and a sale of part or all of it."""
    account = draw(st.sampled_from(accounts_of(regime)))
    position = Position(PositionKey(regime.pool_key(account), "AAA"))
    buys = draw(
        st.lists(
            st.tuples(st.integers(1, 90), st.integers(1, 50), st.integers(1, 9999)), min_size=1, max_size=5
        )
    )
    for number, (age, quantity, cost) in enumerate(buys):
        day = START - dt.timedelta(days=age)
        position = regime.acquire(
            position, fill(FillKind.BUY, f"b{number}", day, account.id, quantity, cost, seq=number)
        )
    quantity = draw(st.integers(1, int(position.quantity)))
    return position, sale(
        position,
        Fraction(quantity),
        Fraction(draw(st.integers(0, 20000))),
        START,
        account.id,
        expenses=Fraction(draw(st.integers(0, 50))),
    )


# -- the seam -------------------------------------------------------------------------------------


@regimes
@contract
@given(data=st.data())
def test_a_disposal_takes_exactly_what_is_sold(regime, data):
    position, disposal = data.draw(positions(regime))
    done = regime.dispose(position, disposal)
    assert total(part.quantity for part in done.parts) == disposal.quantity
    assert done.position_after.quantity == position.quantity - disposal.quantity


@regimes
@contract
@given(data=st.data())
def test_gain_is_proceeds_less_expenses_less_cost_in_every_part_and_in_all(regime, data):
    position, disposal = data.draw(positions(regime))
    done = regime.dispose(position, disposal)
    for part in done.parts:
        assert part.gain == part.proceeds - part.expenses - part.cost
    assert done.gain == disposal.proceeds - disposal.expenses - done.cost
    assert total(part.proceeds for part in done.parts) == disposal.proceeds


@regimes
@contract
@given(data=st.data())
def test_cost_moves_but_is_kept_up_to_the_lawful_rounding(regime, data):
    position, disposal = data.draw(positions(regime))
    done = regime.dispose(position, disposal)
    assert done.cost + done.position_after.cost == position.cost + done.rounding_diff - done.basis_lost
    assert 0 <= done.rounding_diff <= Fraction(regime.cost_unit) * position.quantity


@regimes
@contract
@given(data=st.data())
def test_nothing_left_carries_no_cost(regime, data):
    position, disposal = data.draw(positions(regime))
    done = regime.dispose(position, replace(disposal, quantity=position.quantity))
    assert done.position_after.quantity == 0
    assert done.position_after.cost == 0


@regimes
@contract
@given(data=st.data())
def test_selling_more_than_is_held_is_refused_by_the_name_of_its_row(regime, data):
    position, disposal = data.draw(positions(regime))
    too_much = replace(disposal, quantity=position.quantity + 1, source_row="trades, row 9")
    with pytest.raises(LedgerError, match="trades, row 9"):
        regime.dispose(position, too_much)


@regimes
@contract
@given(data=st.data())
def test_a_disposal_changes_neither_the_position_nor_itself(regime, data):
    position, disposal = data.draw(positions(regime))
    before = (repr(position), repr(disposal))
    regime.dispose(position, disposal)
    assert (repr(position), repr(disposal)) == before


# -- days and logs --------------------------------------------------------------------------------


@regimes
@contract
@given(data=st.data())
def test_shares_are_conserved(regime, data):
    log = data.draw(logs(regime))
    ledger = play(regime, log)
    bought = total(f.quantity for f in log.fills if f.kind is FillKind.BUY)
    sold = total(f.quantity for f in log.fills if f.kind is FillKind.SELL)
    assert total(p.quantity for p in ledger.book.positions.values()) == bought - sold


@regimes
@contract
@given(data=st.data())
def test_money_is_conserved(regime, data):
    log = data.draw(logs(regime))
    ledger = play(regime, log)
    bought = total(f.cost for f in log.fills if f.kind is FillKind.BUY)
    received = total(f.proceeds - f.expenses for f in log.fills if f.kind is FillKind.SELL)
    left = total(p.cost for p in ledger.book.positions.values())
    counted = total(recognised(done, ledger.adjustments) for done in ledger.realizations)
    lost = total(a.lost_forever for a in ledger.adjustments)
    rounding = total(done.rounding_diff - done.basis_lost for done in ledger.realizations)
    assert received - bought + left == counted - lost + rounding


@regimes
@contract
@given(data=st.data())
def test_a_loss_adjustment_never_exceeds_the_loss_and_is_deferred_or_lost(regime, data):
    ledger = play(regime, data.draw(logs(regime)))
    losses = {
        (done.disposal.id, number): part
        for done in ledger.realizations
        for number, part in enumerate(done.parts)
    }
    taken = dict.fromkeys(losses, Fraction(0))
    for adjustment in ledger.adjustments:
        assert adjustment.disallowed == adjustment.deferred + adjustment.lost_forever
        assert min(adjustment.disallowed, adjustment.deferred, adjustment.lost_forever) >= 0
        taken[adjustment.disposal_id, adjustment.part] += adjustment.disallowed
    for place, amount in taken.items():
        assert amount <= max(Fraction(0), -losses[place].gain)


@regimes
@contract
@given(data=st.data(), seed=st.integers(0, 99))
def test_the_order_of_rows_changes_nothing(regime, data, seed):
    log = data.draw(logs(regime))
    shuffled = list(log.fills)
    random.Random(seed).shuffle(shuffled)
    assert play(regime, log._replace(fills=tuple(shuffled))) == play(regime, log)


@regimes
@contract
@given(data=st.data(), cut=st.integers(0, 60))
def test_playing_a_log_in_two_pieces_gives_the_same_book(regime, data, cut):
    log = data.draw(logs(regime))
    day = START + dt.timedelta(days=cut)
    whole = play(regime, log)
    first = replay(regime, log.fills, opening_book(log.accounts), until=day)
    rest = [f for f in log.fills if regime.day_of(f) > day]
    second = replay(regime, rest, first.book)
    assert second.book.positions == whole.book.positions
    assert (*first.realizations, *second.realizations) == whole.realizations
    assert (*first.adjustments, *second.adjustments) == whole.adjustments


@regimes
@contract
@given(data=st.data())
def test_a_fill_in_two_parts_of_one_order_counts_as_one(regime, data):
    log = data.draw(logs(regime))
    fills = [replace(f, seq=2 * f.seq) for f in log.fills]
    at = data.draw(st.integers(0, len(fills) - 1))
    whole = fills[at]
    if whole.quantity == 1:
        return
    share = Fraction(data.draw(st.integers(1, int(whole.quantity) - 1)), whole.quantity)
    halves = [
        replace(
            whole,
            id=f"{whole.id}.{number}",
            order_id=whole.id,
            seq=whole.seq + number,
            quantity=whole.quantity * part,
            amount=whole.amount * part,
            fee=whole.fee * part,
        )
        for number, part in enumerate((share, 1 - share))
    ]
    one = play(regime, log._replace(fills=tuple(fills)))
    two = play(regime, log._replace(fills=(*fills[:at], *halves, *fills[at + 1 :])))
    assert total(recognised(d, one.adjustments) for d in one.realizations) == total(
        recognised(d, two.adjustments) for d in two.realizations
    )
    for key, position in one.book.positions.items():
        assert two.book.positions[key].quantity == position.quantity
        assert two.book.positions[key].cost == position.cost


@regimes
@contract
@given(data=st.data())
def test_a_day_leaves_the_book_it_was_given_as_it_was(regime, data):
    log = data.draw(logs(regime))
    first = replay(regime, log.fills[: len(log.fills) // 2], opening_book(log.accounts))
    before = (dict(first.book.positions), first.book.memory)
    replay(regime, log.fills[len(log.fills) // 2 :], first.book)
    assert (dict(first.book.positions), first.book.memory) == before


# -- before trading -------------------------------------------------------------------------------


@st.composite
def questions(draw, regime):
    """A book, a sale of part of one of its positions, purchases close to it, and what is known."""
    log = draw(logs(regime, most=8))
    book = play(regime, log).book
    held = sorted(book.positions, key=str)
    if not held:
        return None
    key = draw(st.sampled_from(held))
    account = next(a for a in log.accounts if regime.pool_key(a) == key.pool)
    position = book.positions[key]
    day = START + dt.timedelta(days=70)
    quantity = draw(st.integers(1, int(position.quantity)))
    disposal = Disposal(
        "sale",
        account.id,
        key.instrument_id,
        Fraction(quantity),
        Fraction(quantity * draw(st.integers(1, 400))),
        day,
        day + dt.timedelta(days=2),
        seq=1000,
    )
    nearby = draw(
        st.lists(
            st.tuples(
                st.integers(-40, 40),
                st.sampled_from(log.accounts),
                st.sampled_from(SECURITIES),
                st.integers(1, 40),
                st.integers(1, 400),
                st.booleans(),
            ),
            max_size=4,
        )
    )
    fills = [
        fill(
            FillKind.BUY,
            f"n{n}",
            day + dt.timedelta(days=days),
            a.id,
            q,
            q * p,
            seq=2000 + n,
            instrument_id=code,
            planned=True,
            arranged=arranged,
        )
        for n, (days, a, code, q, p, arranged) in enumerate(nearby)
    ]
    taxpayer = Taxpayer("owner", corporation=account.kind.value == "JP_CORP")
    question = HarvestQuestion(
        regime.period(day, taxpayer),
        taxpayer,
        coverage_complete=draw(st.booleans()),
        restricted=draw(st.booleans()),
    )
    return book, disposal, fills, question


@regimes
@contract
@given(data=st.data())
def test_a_preview_without_planned_fills_is_the_disposal_itself(regime, data):
    asked = data.draw(questions(regime))
    if asked is None:
        return
    book, disposal, _, _ = asked
    key = PositionKey(regime.pool_key(book.accounts[disposal.account_id]), disposal.instrument_id)
    preview = regime.preview(book, disposal, ())
    alone = regime.dispose(book.positions[key], disposal)
    assert preview.alone.gain == alone.gain
    assert preview.planned.gain == alone.gain


@regimes
@contract
@given(data=st.data())
def test_the_loss_is_the_sum_of_what_becomes_of_it(regime, data):
    asked = data.draw(questions(regime))
    if asked is None:
        return
    book, disposal, nearby, question = asked
    check = regime.harvestable(book, disposal, nearby, question)
    parts = (check.recognised_now, check.recognised_later, check.deferred_to_basis, check.lost_forever)
    assert check.gross_loss == total(parts)
    assert min(check.gross_loss, check.recognised_now, check.recognised_later, check.lost_forever) >= 0
    assert list(check.reasons) == sorted(check.reasons)


@regimes
@contract
@given(data=st.data())
def test_the_status_says_what_the_amounts_say(regime, data):
    asked = data.draw(questions(regime))
    if asked is None:
        return
    book, disposal, nearby, question = asked
    check = regime.harvestable(book, disposal, nearby, question)
    gross, now = check.gross_loss, check.recognised_now
    match check.status:
        case HarvestStatus.BLOCKED:
            assert question.restricted
        case HarvestStatus.NO_LOSS:
            assert gross == 0
        case HarvestStatus.VOID:
            assert check.lost_forever == gross > 0
        case HarvestStatus.DEFERRED:
            assert gross > 0 == now
        case HarvestStatus.REDUCED:
            assert 0 < now < gross
        case HarvestStatus.UNKNOWN:
            assert not question.coverage_complete
            assert now >= gross > 0
        case HarvestStatus.OK:
            assert question.coverage_complete
            assert now >= gross > 0


@regimes
@contract
@given(data=st.data())
def test_judging_a_sale_changes_nothing(regime, data):
    asked = data.draw(questions(regime))
    if asked is None:
        return
    book, disposal, nearby, question = asked
    before = (dict(book.positions), book.memory)
    once = regime.harvestable(book, disposal, nearby, question)
    assert regime.harvestable(book, disposal, nearby, question) == once
    assert (dict(book.positions), book.memory) == before


# -- dates, periods, kinds ------------------------------------------------------------------------


@regimes
@contract
@given(day=st.dates(dt.date(2024, 1, 1), dt.date(2034, 12, 31)))
def test_a_day_lies_in_its_own_period(regime, day):
    for end in ((12, 31), (3, 31)):
        period = regime.period(day, Taxpayer(fiscal_year_end=end))
        assert day in period
        assert (
            period.end + dt.timedelta(days=1)
            == regime.period(period.end + dt.timedelta(days=1), Taxpayer(fiscal_year_end=end)).start
        )


@regimes
def test_it_is_called_what_its_account_kinds_say(regime):
    assert regime.kinds
    assert {kind.facts.regime for kind in regime.kinds} == {regime.name}


@regimes
def test_a_pool_key_tells_the_regime_and_the_kind(regime):
    for account in accounts_of(regime):
        key = regime.pool_key(account)
        assert (key.regime, key.kind) == (regime.name, account.kind)


@regimes
def test_a_result_where_no_loss_counts_is_in_no_bucket(regime):
    for account in accounts_of(regime):
        if not account.kind.facts.loss_counts:
            position = Position(PositionKey(regime.pool_key(account), "AAA"))
            position = regime.acquire(position, fill(FillKind.BUY, "b", START, account.id, 10, 100))
            done = regime.dispose(position, sale(position, Fraction(10), Fraction(50), START, account.id))
            assert {part.bucket for part in done.parts} == {Bucket.VOID}


@regimes
@contract
@given(data=st.data())
def test_netting_gives_no_negative_taxable_amount_and_no_empty_carry(regime, data):
    log = data.draw(logs(regime))
    ledger = play(regime, log)
    taxpayer = Taxpayer("owner", corporation="corporate" in regime.name)
    net = regime.net(
        regime.period(START, taxpayer), ledger.realizations, ledger.adjustments, {}, (), taxpayer
    )
    assert all(amount >= 0 for amount in net.taxable.values())
    assert all(carry.amount > 0 for carry in net.carry_out)


# -- what a ledger refuses ------------------------------------------------------------------------


@regimes
def test_an_unknown_account_is_named_with_its_row(regime):
    account = accounts_of(regime)[0]
    row = fill(FillKind.BUY, "b", START, "elsewhere", 1, 1, source_row="trades, row 4")
    with pytest.raises(LedgerError, match=r"trades, row 4.*'elsewhere'"):
        replay(regime, [row], opening_book([account]))


@regimes
@pytest.mark.parametrize("quantity", [0, -5])
def test_a_quantity_that_is_not_positive_is_named_with_its_row(regime, quantity):
    account = accounts_of(regime)[0]
    row = fill(FillKind.BUY, "b", START, account.id, quantity, 1, source_row="trades, row 4")
    with pytest.raises(LedgerError, match=r"trades, row 4: the quantity"):
        replay(regime, [row], opening_book([account]))


@regimes
def test_two_currencies_in_one_pool_are_refused(regime):
    account = accounts_of(regime)[0]
    rows = [
        fill(FillKind.BUY, "b1", START, account.id, 1, 1, currency=account.currency, seq=1),
        fill(FillKind.BUY, "b2", START, account.id, 1, 1, currency="EUR", seq=2, source_row="trades, row 3"),
    ]
    with pytest.raises(LedgerError, match=r"trades, row 3.*EUR"):
        replay(regime, rows, opening_book([account]))


@regimes
def test_an_id_used_twice_is_refused(regime):
    account = accounts_of(regime)[0]
    rows = [fill(FillKind.BUY, "b", START, account.id, 1, 1, source_row=f"trades, row {n}") for n in (2, 3)]
    with pytest.raises(LedgerError, match=r"trades, row 3.*twice.*row 2"):
        replay(regime, rows, opening_book([account]))


@regimes
def test_a_sale_of_more_than_is_held_names_its_row_and_changes_nothing(regime):
    account = accounts_of(regime)[0]
    book = replay(regime, [fill(FillKind.BUY, "b", START, account.id, 10, 100)], opening_book([account])).book
    before = dict(book.positions)
    rows = [
        fill(FillKind.SELL, "s1", START + dt.timedelta(days=9), account.id, 4, 50, seq=1),
        fill(
            FillKind.SELL,
            "s2",
            START + dt.timedelta(days=9),
            account.id,
            7,
            90,
            seq=2,
            source_row="trades, row 8",
        ),
    ]
    with pytest.raises(LedgerError, match=r"trades, row 8.*sold"):
        replay(regime, rows, book)
    assert dict(book.positions) == before


def test_two_accounts_of_one_name_are_refused():
    account = Account("A", next(iter(ALL[0].kinds)))
    with pytest.raises(LedgerError, match="'A'"):
        opening_book([account, account])
