"""Rows of the tables LOTS, PRICES, TRADES and ACCOUNTS as the things a tax ledger knows.

One account of a broker may stand in a table with several kinds (特定, 一般, NISA); each kind is an
account of its own. A blank kind is that of the account elsewhere in the tables, else JP_TOKUTEI_WH.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal, localcontext
from typing import TYPE_CHECKING, Any

from xlplugin.core.accounts import Account, AccountKind
from xlplugin.core.calendars import calendar
from xlplugin.core.lots import LotPick, exact
from xlplugin.core.trades import Fill, FillKind
from xlplugin.engines.harvesting.holdings import Holding, Quote
from xlplugin.errors import DomainError, InputError, MissingError, WordError

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable
    from fractions import Fraction

    from xlplugin.worksheet.kinds import Table

__all__ = [
    "Accounts",
    "fills_of",
    "groups_of",
    "holdings_of",
    "lot_names",
    "quotes_of",
    "total_of",
    "with_lots",
]

CANCELLED, PLANNED = "cancelled", "1"
MANY_LOTS = "lot"
SHEET_DIGITS = 15


class Accounts:
    """Every account that the tables of one call name, by name, kind, owner and household.

    A kind, owner or household that a row leaves blank is the one that other rows give for the name; an
    owner or household that no row gives is the only one of all tables, so that "one owner, one
    household" holds wherever nothing else is said.

    Parameters
    ----------
    accounts : Table or None
        The table ACCOUNTS.
    *tables : Table or None
        LOTS and TRADES; what is written there counts for rows that leave it blank.
    """

    def __init__(self, accounts: Table | None, *tables: Table | None) -> None:
        self.by_id: dict[str, Account] = {}
        self.unseen: list[Account] = []
        self._by_place: dict[_Place, Account] = {}
        self._kinds: dict[str, AccountKind] = {}
        records = [record for table in (accounts, *tables) if table for record in table.records()]
        self._owners = _Known(records, "owner")
        self._households = _Known(records, "household")
        for record in accounts.records() if accounts else ():
            account = self._at(record, AccountKind.of(record["account_kind"]))
            self._kinds.setdefault(record["account"] or "", account.kind)
            if record["seen"] is False:
                self.unseen.append(account)
        for record in records:
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
        return self._at(record, kind)

    def _at(self, record: dict[str, Any], kind: AccountKind) -> Account:
        name = record["account"] or ""
        place = (
            name,
            kind,
            record.get("owner") or self._owners.of(name),
            record.get("household") or self._households.of(name),
        )
        return self._by_place.get(place) or self._add(place, record.get("broker") or "")

    def _add(self, place: _Place, broker: str) -> Account:
        name, kind, owner, household = place
        names = (name, f"{name} {kind.value}", f"{name} {kind.value} {owner}".rstrip())
        id_ = next((n for n in names if n not in self.by_id), f"{names[-1]} {len(self.by_id)}")
        account = Account(id_, kind, owner, household, broker)
        self._by_place[place] = self.by_id[id_] = account
        return account


_Place = tuple[str, AccountKind, str, str]


class _Known:
    """The owners, or the households, that the rows of all tables name."""

    def __init__(self, records: list[dict[str, Any]], key: str) -> None:
        self._first: dict[str, str] = {}
        for record in records:
            if word := record.get(key):
                self._first.setdefault(record["account"] or "", word)
        named = set(self._first.values())
        self._only = named.pop() if len(named) == 1 else ""

    def of(self, account: str) -> str:
        """The one that is meant where a row of `account` says nothing."""
        return self._first.get(account, self._only)


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
        exact_cost: Fraction | None = total_of(unit, quantity)
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


def total_of(each: Decimal, quantity: Decimal) -> Fraction:
    """Price per share times shares, exactly; a computed figure to the digits that it has.

    A cost per share such as 5,200 / 60 comes with fifteen digits. Its product is 5,200 again only to as
    many digits, and an average that is rounded up to a yen must not see the rest.

    Examples
    --------
    >>> total_of(Decimal("86.6666666666667"), Decimal(60)), total_of(Decimal("814.29"), Decimal(7))
    (Fraction(5200, 1), Fraction(570003, 100))
    """
    if max(len(each.as_tuple().digits), len(quantity.as_tuple().digits)) < SHEET_DIGITS:
        return exact(each) * exact(quantity)
    with localcontext(prec=SHEET_DIGITS):
        return exact(each * quantity)


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
        amount=exact(amount) if amount is not None else total_of(price, quantity),
        fee=exact(record["fee"] or Decimal(0)),
        pick=LotPick("SPEC", ((record["lot"], exact_quantity),)) if selling and record["lot"] else LotPick(),
        planned=record["planned"] == PLANNED,
        arranged=bool(record["arranged"]),
    )


def lot_names(trades: Table) -> dict[str, str]:
    """The name of the lot that every row of TRADES opens or sells, by the id of its fill."""
    return {f"row {record['row']}": record["lot"] or str(record["row"]) for record in trades.records()}


def with_lots(fills: list[Fill], names: dict[str, str]) -> list[Fill]:
    """Fills whose sales name the purchases that their lot means; a shared name in row order.

    Raises
    ------
    MissingError
        If no purchase bears the name of the lot.
    InputError
        If its purchases do not hold so many shares.
    """
    bought: dict[tuple[str, str, str], list[Fill]] = {}
    for fill in fills:
        if fill.kind.enters:
            bought.setdefault((fill.account_id, fill.instrument_id, names[fill.id]), []).append(fill)
    done = []
    left = {fill.id: fill.quantity for fill in fills if fill.kind.enters}
    for fill in sorted(fills, key=lambda f: (f.trade_date, f.seq)):
        if fill.kind is not FillKind.SELL or not fill.pick.named:
            done.append(fill)
            continue
        name = fill.pick.named[0][0]
        meant = bought.get((fill.account_id, fill.instrument_id, name), [])
        if not meant:
            raise MissingError(
                f"{fill.row}: no purchase of {fill.instrument_id} is called lot {name}; add its row or "
                "correct the name"
            )
        picks, wanted = [], fill.quantity
        for purchase in meant:
            quantity = min(wanted, left[purchase.id])
            if quantity > 0:
                picks.append((purchase.id, quantity))
                left[purchase.id] -= quantity
                wanted -= quantity
        if wanted:
            raise InputError(f"{fill.row}: lot {name} does not hold that many shares; correct the quantity")
        done.append(replace(fill, pick=LotPick("SPEC", tuple(picks))))
    return done


def quotes_of(prices: Table) -> dict[str, Quote]:
    """The rows of PRICES by code; a blank or unreadable price is None.

    Raises
    ------
    InputError
        If a code is there twice.
    DomainError
        If an exchange rate is not above zero.
    """
    quotes: dict[str, Quote] = {}
    for record in prices.records():
        code = record["code"]
        if not code:
            continue
        if code in quotes:
            raise InputError(f"prices, row {record['row']}: {code} is there twice; keep one row")
        price, fx, spread = (
            None if record[k] is None else exact(record[k]) for k in ("price", "fx", "spread")
        )
        if fx is not None and fx <= 0:
            raise DomainError(
                f"prices, row {record['row']}: the exchange rate is {float(fx):g}; it is above zero"
            )
        currency = (record["currency"] or "").upper()
        quotes[code] = Quote(code, price, currency, fx, spread, record["replacement"] or "")
    return quotes
