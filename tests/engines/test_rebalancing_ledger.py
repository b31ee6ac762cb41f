"""The door to the tax ledger: what comes in, what goes out, and that the ledger agrees."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xlplugin.core.accounts import Account, AccountKind
from xlplugin.core.lots import Bucket, LotPick
from xlplugin.core.trades import Fill, FillKind
from xlplugin.engines.rebalancing.agreement import Agreement, agree, fills_of
from xlplugin.engines.rebalancing.modes import CALM, CLEAR, HARVEST
from xlplugin.engines.rebalancing.pipeline import Units, rebalance
from xlplugin.engines.rebalancing.problem import Problem
from xlplugin.engines.rebalancing.relaxation import Relaxation
from xlplugin.engines.rebalancing.rounding import FromBook, from_book, orders
from xlplugin.errors import LedgerError, MissingError
from xlplugin.tax.ledger import opening_book, replay
from xlplugin.tax.regimes.us_taxable import REGIME

if TYPE_CHECKING:
    from xlplugin.engines.rebalancing.plan import Plan
    from xlplugin.tax.regime import Book

F = Fraction
TODAY = dt.date(2026, 6, 15)
RATES = {Bucket.ST: 0.408, Bucket.LT: 0.238}
COST = F(1, 1000)


def bought(ident: str, name: str, day: dt.date, quantity: int, price: str, account: str = "A") -> Fill:
    return Fill(
        id=ident, trade_date=day, settle_date=day, account_id=account, instrument_id=name,
        kind=FillKind.BUY, quantity=F(quantity), amount=quantity * F(price),
    )  # fmt: skip


def sold(ident: str, name: str, day: dt.date, quantity: int, price: str) -> Fill:
    return replace(bought(ident, name, day, quantity, price), kind=FillKind.SELL, pick=LotPick("FIFO"))


def book_of(*fills: Fill, groups: dict[str, str] | None = None) -> Book:
    accounts = (Account("A", AccountKind.US_TAXABLE), Account("R", AccountKind.US_IRA))
    return replay(REGIME, fills, opening_book(accounts, groups)).book


def days(number: int) -> dt.date:
    return TODAY + dt.timedelta(days=number)


def made_of(
    book: Book, names: tuple[str, ...], prices: dict[str, F], cash: F, target: list[float], **more: object
) -> tuple[Problem, FromBook, F]:
    value = sum((p.quantity * prices[k.instrument_id] for k, p in book.positions.items()), F(0))
    nav = value + cash
    known = from_book(book, names, prices, nav, TODAY, RATES)
    n = len(names)
    exposures, specific = np.full((n, 1), 0.2), np.full(n, 0.0025)
    problem = Problem.of(
        np.array(target), exposures, specific, known.lots, cost=float(COST), names=names,
        cash_low=0.0, cash_high=0.02, may_buy=known.may_buy,
    )  # fmt: skip
    return replace(problem, **more), known, nav  # type: ignore[arg-type]


def booked(plan: Plan, known: FromBook, book: Book, prices: dict[str, F], nav: F, step: F) -> Agreement:
    names = plan.problem.names
    listed = orders(
        plan, [h.lot.quantity for h in known.held], [prices[n] for n in names], nav, [step] * len(names)
    )
    fills = fills_of(listed, known.held, prices, "A", TODAY, days(1), dict.fromkeys(names, COST))
    return agree(
        plan,
        fills,
        book,
        REGIME,
        RATES,
        nav,
        step_value=float(step * max(prices.values())),
        currency_unit=1.0,
    )


def test_the_ledger_agrees_with_a_harvest() -> None:
    book = book_of(bought("L1", "X", days(-500), 100, "60"), bought("L2", "Y", days(-500), 100, "40"))
    prices = {"X": F(50), "Y": F(50)}
    problem, known, nav = made_of(book, ("X", "Y"), prices, F(100), [0.495, 0.495])
    plan = rebalance(problem, risk=0.03)
    assert plan.harvested == ("X",)
    done = booked(plan, known, book, prices, nav, F(1, 10_000))
    assert done.gains[Bucket.LT] < 0
    assert float(done.tax) == pytest.approx(done.predicted_tax, abs=done.tolerance)
    assert done.disallowed == 0


def test_a_planted_mismatch_fails_with_both_numbers() -> None:
    book = book_of(bought("L1", "X", days(-500), 100, "60"), bought("L2", "Y", days(-500), 100, "40"))
    prices = {"X": F(50), "Y": F(50)}
    problem, known, nav = made_of(book, ("X", "Y"), prices, F(100), [0.495, 0.495])
    wrong = replace(problem, lots=replace(problem.lots, gain=1.5 * problem.lots.gain))
    with pytest.raises(LedgerError, match=r"the ledger says tax .* the optimiser"):
        booked(rebalance(wrong, risk=0.03), known, book, prices, nav, F(1, 10_000))


@pytest.mark.parametrize(("before", "recent"), [(31, False), (30, True), (1, True), (0, True)])
def test_a_purchase_is_recent_from_thirty_days_before_on(before: int, recent: bool) -> None:
    book = book_of(bought("L1", "X", days(-500), 100, "60"), bought("L2", "X", days(-before), 10, "52"))
    known = from_book(book, ("X",), {"X": F(50)}, F(6000), TODAY, RATES)
    assert known.lots.recent.tolist() == [False, recent]


@pytest.mark.parametrize(("before", "blocked"), [(31, False), (30, True), (1, True)])
def test_a_name_sold_at_a_loss_is_not_bought_for_thirty_days(before: int, blocked: bool) -> None:
    book = book_of(bought("L1", "X", days(-500), 100, "60"), sold("S1", "X", days(-before), 50, "45"))
    known = from_book(book, ("X",), {"X": F(50)}, F(6000), TODAY, RATES)
    assert known.may_buy.tolist() == [not blocked]
    assert known.free_from == ((days(-before) + dt.timedelta(days=31),) if blocked else (None,))


@pytest.mark.parametrize("before", [31, 30])
def test_the_window_of_the_problem_is_the_window_of_the_ledger(before: int) -> None:
    # One recent share against a hundred: the day decides whether the ledger disallows one per cent.
    book = book_of(
        bought("L1", "X", days(-500), 100, "60"),
        bought("L2", "X", days(-before), 1, "50"),
        bought("L3", "Y", days(-500), 100, "40"),
    )
    prices = {"X": F(50), "Y": F(50)}
    problem, known, nav = made_of(book, ("X", "Y"), prices, F(100), [0.495, 0.495])
    keep = problem.lots.sellable.copy()
    keep[known.lots.recent | (np.array([h.lot.id == "L2" for h in known.held]))] = False
    plan = rebalance(replace(problem, lots=replace(problem.lots, sellable=keep)), risk=0.05)
    done = booked(plan, known, book, prices, nav, F(1, 10_000))
    assert plan.losses > 0.0
    washed = float(done.disallowed)
    assert washed == (0.0 if before == 31 else pytest.approx(10.05))  # and the fee of five cents
    assert plan.washed.sum() * float(nav) == pytest.approx(0.0 if before == 31 else 50.0)


def test_one_recent_share_does_not_lock_a_thousand() -> None:
    book = book_of(
        bought("L1", "X", days(-500), 1000, "60"),
        bought("L2", "X", days(-10), 1, "50"),
        bought("L3", "Y", days(-500), 1000, "40"),
    )
    prices = {"X": F(50), "Y": F(50)}
    problem, known, nav = made_of(book, ("X", "Y"), prices, F(1000), [0.495, 0.495])
    plan = rebalance(problem, risk=0.05)
    assert plan.losses * float(nav) > 0.9 * 4000.0
    done = booked(plan, known, book, prices, nav, F(1, 10_000))
    assert done.disallowed <= 10


def test_a_recent_purchase_in_a_retirement_account_cannot_be_cleared() -> None:
    book = book_of(
        bought("L1", "X", days(-500), 100, "60"),
        bought("L2", "X", days(-10), 40, "50", account="R"),
        bought("L3", "Y", days(-500), 100, "40"),
    )
    prices = {"X": F(50), "Y": F(50)}
    problem, known, nav = made_of(book, ("X", "Y"), prices, F(100), [0.495, 0.495])
    modes = Relaxation.of(problem).modes
    assert not modes.open[0, CLEAR]
    assert modes.open[0, HARVEST]
    assert modes.open[0, CALM]
    plan = rebalance(problem, risk=0.06)
    done = booked(plan, known, book, prices, nav, F(1, 10_000))
    assert float(done.disallowed) == pytest.approx(40 * 10.05)  # forty shares and their fee


def test_selling_the_recent_shares_as_well_washes_nothing() -> None:
    book = book_of(
        bought("L1", "X", days(-500), 100, "60"),
        bought("L2", "X", days(-10), 90, "51"),
        bought("L3", "Y", days(-500), 190, "40"),
    )
    prices = {"X": F(50), "Y": F(50)}
    problem, known, nav = made_of(book, ("X", "Y"), prices, F(200), [0.495, 0.495])
    plan = rebalance(problem, risk=0.08)
    assert plan.washed.sum() == 0.0
    assert plan.sold[np.array([h.lot.id == "L2" for h in known.held])].item() > 0.0
    assert booked(plan, known, book, prices, nav, F(1, 10_000)).disallowed == 0


def test_names_of_one_group_are_not_harvested_and_bought() -> None:
    groups = {"GOOG": "G", "GOOGL": "G"}
    book = book_of(
        bought("L1", "GOOG", days(-500), 100, "70"),
        bought("L2", "GOOGL", days(-500), 20, "40"),
        bought("L3", "Z", days(-500), 80, "40"),
        groups=groups,
    )
    prices = {"GOOG": F(50), "GOOGL": F(50), "Z": F(50)}
    problem, known, nav = made_of(book, ("GOOG", "GOOGL", "Z"), prices, F(100), [0.2, 0.5, 0.29])
    assert [g.tolist() for g in known.groups] == [[0, 1]]
    apart, together = rebalance(problem, risk=0.06), rebalance(problem, risk=0.06, groups=known.groups)
    assert apart.sold[0] > 0.0
    assert apart.bought[1] > 0.0
    assert not (together.sold[0] > 0.0 and together.bought[1] > 0.0)
    assert together.objective >= together.bound
    assert booked(together, known, book, prices, nav, F(1, 10_000)).disallowed == 0
    with pytest.raises(LedgerError, match="disallows"):
        booked(apart, known, book, prices, nav, F(1, 10_000))
    unit = np.array([float(F(50) / nav)] * 3)
    whole = rebalance(problem, risk=0.06, groups=known.groups, units=Units(unit, unit))
    assert not (whole.sold[0] > 0.0 and whole.bought[1] > 0.0)
    assert whole.bound <= whole.objective
    assert booked(whole, known, book, prices, nav, F(1)).disallowed == 0


def test_a_missing_price_or_rate_is_named() -> None:
    book = book_of(bought("L1", "X", days(-500), 100, "60"))
    with pytest.raises(MissingError, match="no price for X"):
        from_book(book, ("X",), {}, F(6000), TODAY, RATES)
    with pytest.raises(MissingError, match="no tax rate for LT"):
        from_book(book, ("X",), {"X": F(50)}, F(6000), TODAY, {Bucket.ST: 0.4})


@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 10**6), whole=st.booleans())
def test_the_ledger_agrees_on_every_random_account(seed: int, whole: bool) -> None:
    rng = np.random.default_rng(seed)
    names = tuple(f"N{number}" for number in range(8))
    prices = {name: F(int(rng.integers(500, 20_000)), 100) for name in names}
    fills = []
    for name in names:
        for lot in range(int(rng.integers(1, 4))):
            day = days(-int(rng.choice([900, 500, 200, 31, 30, 10])))
            paid = prices[name] * F(int(rng.integers(70, 150)), 100)
            fills.append(bought(f"{name}-{lot}", name, day, int(rng.integers(20, 300)), str(paid)))
    book = book_of(*fills)
    value = sum((p.quantity * prices[k.instrument_id] for k, p in book.positions.items()), F(0))
    weight = rng.dirichlet(np.full(8, 5.0)) * 0.985
    problem, known, nav = made_of(book, names, prices, value / 50, weight.tolist())
    assert nav == value + value / 50
    units, step = None, F(1, 10_000)
    if whole:
        step = F(1)
        unit = np.array([float(prices[name] / nav) for name in names])
        units = Units(unit, 2.0 * unit)
    plan = rebalance(problem, gamma=30.0, groups=known.groups, units=units)
    done = booked(plan, known, book, prices, nav, step)
    assert float(done.tax) == pytest.approx(
        done.predicted_tax, abs=done.tolerance + abs(float(done.disallowed)) + 1e-6 * float(nav)
    )
    if whole:
        after = {k.instrument_id: p.quantity for k, p in done.book.positions.items()}
        assert all(quantity.denominator == 1 for quantity in after.values())
