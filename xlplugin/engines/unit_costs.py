"""Unit costs from a history of trades: pools (Japan) and open lots (United States).

Every pool, and every household's group of identical securities in the United States, is worked out by
itself, so that one that cannot be does not stop the others.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from xlplugin.core.accounts import AccountKind
from xlplugin.core.lots import ZERO, LotPick, PositionKey
from xlplugin.core.trades import Fill, FillKind
from xlplugin.tax.jp_day import pool_of
from xlplugin.tax.ledger import opening_book, replay
from xlplugin.tax.pools import average_unit
from xlplugin.tax.regime import REGIMES
from xlplugin.tax.regimes.jp_corporate import total_average_years
from xlplugin.tax.regimes.jp_individual import JpIndividual

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Mapping, Sequence
    from fractions import Fraction

    from xlplugin.core.accounts import Account
    from xlplugin.tax.regime import TaxRegime

__all__ = ["SHORT", "UnitCost", "oversold", "unit_costs"]

SHORT = "SHORT_QUANTITY"
IN_TIME = frozenset({AccountKind.JP_IPPAN, AccountKind.JP_CORP})  # no day batch: order inside a day counts


def oversold(regime: TaxRegime, fills: Iterable[Fill], accounts: Mapping[str, Account]) -> set[str]:
    """Ids of the sales for which not enough is held; they are taken as not made for the ones behind.

    Purchases of a day come before its sales where the law takes a day as one batch.
    """

    def order(fill: Fill) -> tuple[dt.date, bool, dt.date, int, str]:
        batch = accounts[fill.account_id].kind not in IN_TIME
        return regime.day_of(fill), batch and not fill.kind.enters, fill.trade_date, fill.seq, fill.id

    held: dict[PositionKey, Fraction] = defaultdict(lambda: ZERO)
    refused = set()
    for fill in sorted(fills, key=order):
        key = PositionKey(regime.pool_key(accounts[fill.account_id]), fill.instrument_id)
        if fill.kind.enters:
            held[key] += fill.quantity
        elif fill.quantity > held[key]:
            refused.add(fill.id)
        else:
            held[key] -= fill.quantity
    return refused


# -- unit costs ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class UnitCost:
    """A pool or an open lot; amounts are None where more was sold than was held."""

    accounts: tuple[str, ...]
    kind: AccountKind
    code: str
    lot: str = ""
    acquired: dt.date | None = None
    quantity: Fraction | None = None
    unit_cost: Fraction | None = None
    cost: Fraction | None = None
    reasons: tuple[str, ...] = ()


def unit_costs(
    fills: Sequence[Fill],
    accounts: Mapping[str, Account],
    *,
    identity_groups: Mapping[str, str] | None = None,
    rounds_each_buy: bool = False,
    total_average_year_end: tuple[int, int] | None = None,
    method: str = "FIFO",
) -> list[UnitCost]:
    """Cost per share of every pool (Japan) or open lot (United States) after a history of trades.

    Parameters
    ----------
    fills : sequence of Fill
        The whole history, executed; `seq` is the row of a trade.
    accounts : mapping of str to Account
        By id.
    identity_groups : mapping of str to str, optional
        For wash sales in the United States.
    rounds_each_buy : bool
        Broker practice for individuals in Japan instead of the law.
    total_average_year_end : tuple of int, optional
        Month and day of the fiscal year end of companies under the total average; the moving
        average when left out.
    method : str
        Lots a US sale takes when it names none.

    Returns
    -------
    list of UnitCost
        In the order in which a pool first appears; what holds nothing any more is left out.
    """
    groups: dict[tuple[str, ...], list[Fill]] = {}
    place: tuple[str, ...]
    for fill in fills:
        account = accounts[fill.account_id]
        if account.kind.is_japanese:
            pool = REGIMES[account.regime].pool_key(account)
            place = (account.regime, pool.holder, pool.kind.value, fill.instrument_id)
        else:
            group = (identity_groups or {}).get(fill.instrument_id, fill.instrument_id)
            place = (account.regime, account.household_id, group)
        groups.setdefault(place, []).append(fill)
    rows: list[UnitCost] = []
    for (regime, *_), members in groups.items():
        law = (
            JpIndividual(rounds_each_buy=True)
            if rounds_each_buy and regime == "jp.individual"
            else REGIMES[regime]
        )
        if regime == "us.taxable":
            rows += _us_lots(law, members, accounts, identity_groups, method)
        else:
            rows += _pool(law, members, accounts, total_average_year_end)
    return rows


def _names(fills: Iterable[Fill]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(fill.account_id for fill in fills))


def _pool(
    law: TaxRegime,
    fills: Sequence[Fill],
    accounts: Mapping[str, Account],
    year_end: tuple[int, int] | None,
) -> list[UnitCost]:
    kind, code, names = accounts[fills[0].account_id].kind, fills[0].instrument_id, _names(fills)
    if oversold(law, fills, accounts):
        return [UnitCost(names, kind, code, reasons=(SHORT,))]
    events = [replace(fill, id=f"row {fill.seq}") for fill in fills]
    book = opening_book([accounts[name] for name in names])
    if kind is AccountKind.JP_CORP and year_end is not None:
        positions = total_average_years(book, events, year_end).positions
    else:
        positions = replay(law, events, book).book.positions
    (position,) = positions.values() or (None,)
    if position is None:
        return []
    pool = pool_of(position)
    individual = kind is not AccountKind.JP_CORP
    unit = average_unit(pool, max(f.settle_date for f in fills)) if individual else pool.cost / pool.quantity
    reasons = set()
    if len(names) > 1:
        reasons.add("POOLED_ACCOUNTS")
    if kind is AccountKind.JP_IPPAN and _both_sides_on_one_day(fills):
        reasons.add("SAME_DAY_UNCLEAR")
    return [
        UnitCost(
            names,
            kind,
            code,
            "",
            position.lots[0].acquired,
            pool.quantity,
            unit,
            pool.cost,
            tuple(sorted(reasons)),
        )
    ]


def _both_sides_on_one_day(fills: Iterable[Fill]) -> bool:
    sides: dict[dt.date, set[bool]] = defaultdict(set)
    for fill in fills:
        sides[fill.settle_date].add(fill.kind.enters)
    return any(len(found) == 2 for found in sides.values())


def _us_lots(
    law: TaxRegime,
    fills: Sequence[Fill],
    accounts: Mapping[str, Account],
    identity_groups: Mapping[str, str] | None,
    method: str,
) -> list[UnitCost]:
    refused = oversold(law, fills, accounts)
    short = {(f.account_id, f.instrument_id) for f in fills if f.id in refused}
    standing = LotPick(method)
    events = [
        replace(fill, pick=standing) if fill.kind is FillKind.SELL and not fill.pick.named else fill
        for fill in fills
        if (fill.account_id, fill.instrument_id) not in short
    ]
    book = opening_book([accounts[name] for name in _names(fills)], identity_groups)
    positions = replay(law, events, book).book.positions
    rows = []
    for account_id, code in dict.fromkeys((f.account_id, f.instrument_id) for f in fills):
        kind = accounts[account_id].kind
        if (account_id, code) in short:
            rows.append(UnitCost((account_id,), kind, code, reasons=(SHORT,)))
            continue
        position = positions.get(PositionKey(law.pool_key(accounts[account_id]), code))
        for lot in position.lots if position else ():
            rows.append(
                UnitCost(
                    (account_id,), kind, code, lot.id, lot.acquired, lot.quantity, lot.unit_cost, lot.cost
                )
            )
    return rows
