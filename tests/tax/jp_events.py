"""Small makers of events and ledgers for the Japanese tests."""

from __future__ import annotations

import datetime as dt
from typing import Any

from xlplugin.core.accounts import Account, AccountKind
from xlplugin.core.lots import exact
from xlplugin.core.trades import Fill, FillKind
from xlplugin.tax.ledger import Ledger, opening_book, replay
from xlplugin.tax.regime import REGIMES

INDIVIDUAL, CORPORATE = REGIMES["jp.individual"], REGIMES["jp.corporate"]
TOKUTEI = Account("T", AccountKind.JP_TOKUTEI_WH, "me")
GENERAL = Account("G", AccountKind.JP_IPPAN, "me")
NISA = Account("N", AccountKind.JP_NISA, "me")
COMPANY = Account("C", AccountKind.JP_CORP, "K.K.")
FIRST = dt.date(2026, 3, 2)


def on(days: int) -> dt.date:
    """A day that many days after the first one."""
    return FIRST + dt.timedelta(days=days)


def fill(kind: FillKind, id_: str, day: int, quantity: Any, amount: Any, **more: Any) -> Fill:
    """A fill in code 7000 that settles on its trade day; account T unless said otherwise."""
    return Fill(
        id=id_,
        kind=kind,
        trade_date=on(day),
        settle_date=more.pop("settle_date", on(day)),
        account_id=more.pop("account_id", "T"),
        instrument_id=more.pop("instrument_id", "7000"),
        quantity=exact(quantity),
        amount=exact(amount),
        **more,
    )


def buy(id_: str, day: int, quantity: Any, amount: Any, **more: Any) -> Fill:
    return fill(FillKind.BUY, id_, day, quantity, amount, **more)


def sell(id_: str, day: int, quantity: Any, amount: Any, **more: Any) -> Fill:
    return fill(FillKind.SELL, id_, day, quantity, amount, **more)


def played(*events: Any, accounts: tuple[Account, ...] = (TOKUTEI, GENERAL, NISA)) -> Ledger:
    """The events through jp.individual."""
    return replay(INDIVIDUAL, events, opening_book(accounts))


def company(*events: Any, regime: Any = CORPORATE) -> Ledger:
    """The events through jp.corporate, account C."""
    return replay(regime, events, opening_book([COMPANY]))
