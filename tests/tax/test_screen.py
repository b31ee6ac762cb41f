"""The wide screen against the exact ledger, lot by lot, on random books."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.benchmarks.lots import made_up_lots, main
from tests.tax.event_logs import SECURITIES, START, fill, logs
from xlplugin.core.accounts import AccountKind, Taxpayer
from xlplugin.core.lots import Disposal, LotPick, PoolKey, Position, PositionKey, TaxLot, rounded
from xlplugin.core.trades import FillKind
from xlplugin.errors import InputError
from xlplugin.tax import screen
from xlplugin.tax.ledger import opening_book, replay
from xlplugin.tax.lot_arrays import lots_from_book
from xlplugin.tax.regime import REGIMES, HarvestQuestion
from xlplugin.tax.regimes.us_taxable import REGIME
from xlplugin.tax.screen import exact_losses, pool_losses, scan

SHORT, LONG = 0.408, 0.238
TODAY = START + dt.timedelta(days=62)


@st.composite
def books(draw):
    """A book at the end of a random log, costs to the cent, some lots given or inherited."""
    log = draw(logs(REGIME, most=18))
    book = replay(REGIME, log.fills, opening_book(log.accounts)).book
    positions = {}
    for key, position in book.positions.items():
        lots = []
        for number, lot in enumerate(position.lots):
            cost = Fraction(rounded(lot.cost))
            kind = draw(st.sampled_from(("bought", "bought", "given", "inherited")))
            changed = replace(lot, id=f"{lot.id}/{number}", cost=cost)
            if kind == "given":
                worth = Fraction(rounded(cost * draw(st.integers(1, 99)) / 100))
                changed = replace(changed, gift_value=worth, can_replace=False)
            if kind == "inherited":
                changed = replace(changed, always_long=True, can_replace=False)
            lots.append(changed)
        positions[key] = Position(key, tuple(lots))
    group = draw(st.booleans())
    return replace(
        book, positions=positions, memory=(), identity_groups={"AAA": "G", "BBB": "G"} if group else {}
    )


def judged(book, key, lot, price):
    """What the regime says about the sale of one lot."""
    disposal = Disposal(
        "s",
        key.pool.holder,
        key.instrument_id,
        lot.quantity,
        price * lot.quantity,
        TODAY,
        TODAY,
        pick=LotPick("SPEC", ((lot.id, lot.quantity),)),
    )
    return REGIME.harvestable(
        book, disposal, (), HarvestQuestion(REGIME.period(TODAY, Taxpayer()), Taxpayer())
    )


def cents(amount):
    return int(rounded(amount) * 100)


prices = st.lists(st.integers(1, 4_000_000).map(lambda n: Fraction(n, 10_000)), min_size=2, max_size=2)


@settings(deadline=None, max_examples=60)
@given(book=books(), price=prices)
def test_the_screen_agrees_with_the_ledger_to_the_cent(book, price):
    if not book.positions:
        return
    lots = lots_from_book(book, SECURITIES)
    found = exact_losses(lots, np.arange(len(lots.basis)), price, TODAY)
    price_of = dict(zip(SECURITIES, price, strict=True))
    by_id = {lot.id: (key, lot) for key, position in book.positions.items() for lot in position.lots}
    for number, lot_id in enumerate(lots.lot_ids):
        key, lot = by_id[lot_id]
        check = judged(book, key, lot, price_of[key.instrument_id])
        if not key.pool.kind.facts.loss_counts:
            assert found.gross[number] == found.disallowed[number] == 0
            continue
        assert found.gross[number] == cents(check.gross_loss)
        assert found.disallowed[number] == cents(check.deferred_to_basis + check.lost_forever)


@settings(deadline=None, max_examples=60)
@given(
    book=books(), price=prices, block=st.sampled_from([1, 3, 40_000]), threshold=st.sampled_from([0.0, 0.1])
)
def test_the_scan_is_the_sum_of_its_lots(book, price, block, threshold):
    if not book.positions:
        return
    lots = lots_from_book(book, SECURITIES)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(screen, "BLOCK", block)
        patch.setattr(screen, "STRIDE", block)
        found = scan(
            lots,
            np.array(price, dtype=np.float64),
            TODAY,
            threshold=threshold,
            short_rate=SHORT,
            long_rate=LONG,
        )
    price_of = dict(zip(SECURITIES, price, strict=True))
    names = list(book.accounts)
    for number, (account, security) in enumerate(zip(lots.account, lots.security, strict=True)):
        code = SECURITIES[security]
        holder = book.accounts[names[account]]
        key = PositionKey(REGIME.pool_key(holder), code)
        gross = recognised = tax = 0.0
        for lot in book.positions[key].lots:
            check = judged(book, key, lot, price_of[code])
            # A fall of exactly the threshold may go either way in floats; the ledger decides it again.
            if not holder.kind.facts.loss_counts or float(check.gross_loss) < threshold * float(check.cost):
                continue
            gross += float(check.gross_loss)
            recognised += float(check.recognised_now)
            tax += float(check.recognised_now) * (LONG if check.bucket.value == "LT" else SHORT)
        assert found.gross[number] == pytest.approx(gross, rel=1e-9, abs=1e-6)
        assert found.recognised[number] == pytest.approx(recognised, rel=1e-9, abs=1e-6)
        assert found.tax_value[number] == pytest.approx(tax, rel=1e-9, abs=1e-6)
        assert found.washed[number] == (recognised < gross * (1 - 1e-9))


def test_a_security_without_a_price_shows_no_loss():
    case = made_up_lots(2, 3, 4)
    prices = case.prices.copy()
    prices[1] = np.nan
    found = scan(case.lots, prices, TODAY, short_rate=SHORT, long_rate=LONG)
    assert found.gross.reshape(2, 3)[:, 1].tolist() == [0.0, 0.0]
    assert np.isfinite(found.tax_value).all()


def test_a_price_with_more_than_four_decimals_is_refused():
    book = replay(REGIME, [fill(FillKind.BUY, "L", START, "a", 1, 1)], opening_book([_taxable()])).book
    with pytest.raises(InputError, match="four decimals"):
        exact_losses(lots_from_book(book, ("AAA",)), np.array([0]), [Fraction(1, 3)], TODAY)


def test_a_very_large_position_does_not_wrap_around():
    # 64 bits hold 9.2e18 units of 1e-10 dollars: 920 million. Ten billion dollars must still be right.
    buy = fill(FillKind.BUY, "L", START, "a", 100_000_000, 20_000_000_000)
    book = replay(REGIME, [buy], opening_book([_taxable()])).book
    found = exact_losses(lots_from_book(book, ("AAA",)), np.array([0]), [Fraction(100)], TODAY)
    assert found.gross.tolist() == [10_000_000_000 * 100]


def _taxable():
    from xlplugin.core.accounts import Account

    return Account("a", AccountKind.US_TAXABLE)


@settings(deadline=None)
@given(cost=st.integers(1, 10**10), quantity=st.integers(1, 10**5), price=st.integers(1, 10**5))
def test_pools_agree_with_the_japanese_ledger_to_the_yen(cost, quantity, price):
    regime = REGIMES["jp.individual"]
    key = PositionKey(PoolKey(regime.name, "a", AccountKind.JP_TOKUTEI_WH), "7203")
    position = Position(key, (TaxLot("pool", START, Fraction(quantity), Fraction(cost), START),))
    sale = Disposal("s", "a", "7203", Fraction(quantity), Fraction(price * quantity), TODAY, TODAY)
    loss = max(Fraction(0), -regime.dispose(position, sale).gain)
    (found,) = pool_losses(np.array([cost]), np.array([quantity]), np.array([price]))
    assert found == loss


def test_the_benchmark_compares_the_same_answers(tmp_path):
    path = tmp_path / "lots.json"
    result = main(["--accounts", "4", "--names", "20", "--lots", "5", "--rounds", "2", "--json", str(path)])
    assert result["same_answer"] is True
    assert result["lots"] == 400
    assert path.read_text(encoding="utf-8").startswith("{")
