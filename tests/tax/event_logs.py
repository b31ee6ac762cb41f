"""Random event logs that every regime accepts: what is sold was bought before, by date and seq."""

from __future__ import annotations

import datetime as dt
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

from hypothesis import strategies as st

from xlplugin.core.accounts import Account
from xlplugin.core.trades import Fill, FillKind

if TYPE_CHECKING:
    from xlplugin.tax.regime import TaxRegime

START = dt.date(2026, 2, 2)
SETTLES_AFTER = dt.timedelta(days=2)
SECURITIES = ("AAA", "BBB")


class Log(NamedTuple):
    accounts: tuple[Account, ...]
    fills: tuple[Fill, ...]


def accounts_of(regime: TaxRegime) -> tuple[Account, ...]:
    """Two accounts of every kind of the regime, one owner, one household."""
    return tuple(
        Account(f"{kind.value}-{number}", kind, "owner", "household")
        for kind in sorted(regime.kinds)
        for number in (1, 2)
    )


def fill(
    kind: FillKind, id: str, day: dt.date, account: str, quantity: object, amount: object, **more: object
) -> Fill:
    """A fill with totals; settlement two days later unless it is given."""
    more.setdefault("instrument_id", "AAA")
    more.setdefault("settle_date", day + SETTLES_AFTER)
    return Fill(
        id=id,
        trade_date=day,
        account_id=account,
        kind=kind,
        quantity=Fraction(quantity),
        amount=Fraction(amount),
        **more,
    )


@st.composite
def logs(draw: st.DrawFn, regime: TaxRegime, most: int = 14) -> Log:
    """Purchases and sales over three months, in a few accounts, some days crowded."""
    accounts = accounts_of(regime)
    chosen = draw(st.lists(st.sampled_from(accounts), min_size=1, max_size=3, unique=True))
    steps = draw(
        st.lists(
            st.tuples(
                st.integers(0, 60) | st.integers(0, 3),
                st.sampled_from(chosen),
                st.sampled_from(SECURITIES),
                st.booleans(),
                st.integers(1, 40),
                st.integers(100, 300),
                st.integers(0, 5),
            ),
            min_size=1,
            max_size=most,
        )
    )
    held: dict[tuple[str, str], int] = {}
    fills = []
    for seq, (days, account, security, sells, quantity, price, fee) in enumerate(
        sorted(steps, key=lambda s: s[0])
    ):
        place = (account.id, security)
        kind = FillKind.BUY
        if sells and held.get(place):
            kind, quantity = FillKind.SELL, min(quantity, held[place])
        held[place] = held.get(place, 0) + (quantity if kind is FillKind.BUY else -quantity)
        fills.append(
            fill(
                kind,
                f"f{seq}",
                START + dt.timedelta(days=days),
                account.id,
                quantity,
                quantity * price,
                seq=seq,
                instrument_id=security,
                fee=Fraction(fee),
                source_row=f"trades, row {seq + 2}",
            )
        )
    return Log(accounts, tuple(fills))
