"""Rows of the tables LOTS, TRADES and ACCOUNTS as the things a tax ledger knows.

One account of a broker may stand in a table with several kinds (特定, 一般, NISA); each kind is an
account of its own. A blank kind is that of the account elsewhere in the tables, else JP_TOKUTEI_WH.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from xlplugin.core.accounts import Account, AccountKind
from xlplugin.core.calendars import calendar
from xlplugin.core.lots import LotPick, exact
from xlplugin.core.trades import Fill, FillKind
from xlplugin.engines.harvesting.candidates import Holding
from xlplugin.errors import InputError, WordError

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable
    from fractions import Fraction

    from xlplugin.worksheet.kinds import Table

__all__ = ["Accounts", "fills_of", "groups_of", "holdings_of"]

CANCELLED, PLANNED = "cancelled", "1"
MANY_LOTS = "lot"


class Accounts:
    """Every account that the tables of one call name, by name and kind.

    Parameters
    ----------
    accounts : Table or None
        The table ACCOUNTS.
    *tables : Table or None
        LOTS and TRADES; a kind written there counts for rows that leave it blank.
    """

    def __init__(self, accounts: Table | None, *tables: Table | None) -> None:
        self.by_id: dict[str, Account] = {}
        self.unseen: list[Account] = []
        self._by_place: dict[tuple[str, AccountKind], Account] = {}
        self._kinds: dict[str, AccountKind] = {}
        for record in accounts.records() if accounts else ():
            account = self._add(record["account"] or "", AccountKind.of(record["account_kind"]), record)
            self._kinds.setdefault(record["account"] or "", account.kind)
            if record["seen"] is False:
                self.unseen.append(account)
        for table in tables:
            for record in table.records() if table else ():
                try:
                    kind = AccountKind.of(record["account_kind"]) if record["account_kind"] else None
                except WordError:
                    continue  # the row says so itself
                if kind is not None:
                    self._kinds.setdefault(record["account"] or "", kind)

    def of(self, record: dict[str, Any]) -> Account:
        """The account of a row.

        Raises
        ------
        WordError
            If the row names an account kind that is not known.
        """
        name, word = record["account"] or "", record["account_kind"]
        kind = AccountKind.of(word) if word else self._kinds.get(name, AccountKind.JP_TOKUTEI_WH)
        return self._by_place.get((name, kind)) or self._add(name, kind, record)

    def _add(self, name: str, kind: AccountKind, record: dict[str, Any]) -> Account:
        used = any(place[0] == name for place in self._by_place)
        account = Account(
            f"{name} {kind.value}" if used else name,
            kind,
            record.get("owner") or "",
            record.get("household") or "",
            record.get("broker") or "",
        )
        self._by_place[name, kind] = self.by_id[account.id] = account
        return account


def holdings_of(lots: Table, accounts: Accounts) -> list[Holding]:
    """The rows of LOTS; what a row lacks is a reason code in its `problems`."""
    unreadable = {(row, key) for row, key, _ in lots.problems}
    return [_holding(record, accounts, unreadable) for record in lots.records()]


def _holding(record: dict[str, Any], accounts: Accounts, unreadable: set[tuple[int, str]]) -> Holding:
    row, problems = record["row"], []
    account: Account | None
    try:
        account = accounts.of(record)
    except WordError:
        account = None
        problems.append("BAD_KIND")
    if not record["code"]:
        problems.append("NO_CODE")
    quantity = record["quantity"]
    if quantity is None or quantity <= 0:
        problems.append("BAD_QUANTITY")
        quantity = None
    cost, unit = record["cost"], record["unit_cost"]
    if cost is None and unit is not None and quantity is not None and (row, "cost") not in unreadable:
        exact_cost: Fraction | None = exact(unit) * exact(quantity)
    else:
        exact_cost = None if cost is None else exact(cost)
    if exact_cost is None or exact_cost < 0:
        problems.append("NO_COST")
        exact_cost = None
    if account is not None and account.kind.facts.pooled_by == MANY_LOTS and record["acquired"] is None:
        problems.append("NO_DATE")
    return Holding(
        row,
        account,
        record["code"] or "",
        None if quantity is None else exact(quantity),
        exact_cost,
        name=record["name"] or "",
        lot=record["lot"] or str(row),
        acquired=record["acquired"],
        currency=(record["currency"] or "").upper(),
        restricted=bool(record["restricted"]),
        problems=tuple(problems),
    )


def groups_of(*tables: Table | None) -> dict[str, str]:
    """Identity group by security code, from every table that says one.

    Raises
    ------
    InputError
        If a code stands in two groups.
    """
    found: dict[str, str] = {}
    for table in tables:
        for record in table.records() if table else ():
            code, group = record["code"], record["identity_group"]
            if code and group and found.setdefault(code, group) != group:
                raise InputError(
                    f"{table.name if table else ''}, row {record['row']}: {code} is in the identity groups "
                    f"{found[code]!r} and {group!r}; give it one"
                )
    return found


def fills_of(trades: Table | None, accounts: Accounts, holidays: Iterable[dt.date] | None) -> list[Fill]:
    """The rows of TRADES, without cancelled ones.

    A row that cannot be read would change other rows' results unseen, so it stops the call.

    Raises
    ------
    InputError
        Naming the row: an unreadable cell, no code, no positive quantity, neither price nor amount.
    """
    if trades is None:
        return []
    closed = None if holidays is None else frozenset(holidays)
    problems: dict[int, list[str]] = {}
    for row, key, sentence in trades.problems:
        problems.setdefault(row, []).append(f"{key}: {sentence}")
    return [
        _fill(record, problems.get(record["row"], []), accounts, closed)
        for record in trades.records()
        if record["planned"] != CANCELLED
    ]


def _fill(
    record: dict[str, Any], problems: list[str], accounts: Accounts, closed: frozenset[dt.date] | None
) -> Fill:
    row = f"trades, row {record['row']}"
    if problems:
        raise InputError(f"{row}, column {problems[0]}")
    for key in ("trade_date", "code", "side", "quantity"):
        if record[key] is None:
            raise InputError(f"{row}: {key} is blank; fill it in or remove the row")
    quantity, price, amount = record["quantity"], record["price"], record["amount"]
    if quantity <= 0:
        raise InputError(f"{row}: the quantity is {quantity}; it is positive, and side says BUY or SELL")
    if amount is None and price is None:
        raise InputError(f"{row}: there is neither price nor amount; give one of them")
    try:
        account = accounts.of(record)
    except WordError as error:
        raise InputError(f"{row}: {error}") from None
    day = record["trade_date"]
    settles = record["settle_date"] or calendar(account.kind.facts.market, closed).settlement(day)
    if settles < day:
        raise InputError(f"{row}: it settles on {settles}, before it is traded on {day}")
    exact_quantity = exact(quantity)
    selling = record["side"] == "SELL"
    return Fill(
        id=f"row {record['row']}",
        trade_date=day,
        settle_date=settles,
        seq=record["row"],
        source_row=row,
        account_id=account.id,
        instrument_id=record["code"],
        kind=FillKind.SELL if selling else FillKind.BUY,
        quantity=exact_quantity,
        amount=exact(amount) if amount is not None else exact(price) * exact_quantity,
        fee=exact(record["fee"] or Decimal(0)),
        pick=LotPick("SPEC", ((record["lot"], exact_quantity),)) if selling and record["lot"] else LotPick(),
        planned=record["planned"] == PLANNED,
        arranged=bool(record["arranged"]),
    )
