"""The event log of one client from the tables of a client book: events, accounts, carried losses.

Purchases and sales come from `trades`, everything else from `other_events`. What was held before the
log starts is either given (`opening_lots`) or found from the lots held now (`opening.py`). A row that
cannot be used is refused with its place; nothing is completed: a settlement date, a rate of exchange
or a lot that is missing is asked for.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from xlplugin.core.accounts import Account, AccountKind
from xlplugin.core.lots import FIFO, ZERO, LotPick, exact
from xlplugin.core.trades import (
    ONE,
    CapitalReturn,
    Dividend,
    Event,
    Fill,
    FillKind,
    Gift,
    Merger,
    Rights,
    SpinOff,
    Split,
    Transfer,
)
from xlplugin.engines.year_end import MissedLoss
from xlplugin.store.cells import Wanted
from xlplugin.store.log_tables import KINDS, LogTables, Row, refuse_faults
from xlplugin.store.opening import Opening, opening_fills

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from fractions import Fraction

    from xlplugin.store.clients import Record

__all__ = ["EventLog", "event_log"]

_FILLS = {kind: FillKind(kind.lower()) for kind in ("REINVEST", "MARGIN_OPEN", "MARGIN_CLOSE", "GENBIKI")}


@dataclass(frozen=True)
class EventLog:
    """What one client's tables say, ready for a ledger.

    Attributes
    ----------
    client_id : str
        The client.
    settings : mapping
        Settings of the client by key.
    accounts : tuple of Account
        Accounts whose statements are here.
    relation : mapping of str to str
        Relation of the owner by account: self, spouse, child, controlled_company.
    not_seen : tuple of str
        Accounts that exist and whose statements are not here.
    events : tuple of Event
        The log, the opening purchases included.
    opening : str
        Where the lots held before the log come from: ``none``, ``given`` or ``derived``.
    carry : mapping of (str, int) to Decimal
        Losses brought forward, positive: LISTED, ST or LT, and the year of origin.
    names : mapping of str to str
        Name by security code.
    reports : mapping of str to str
        United States: what the broker of an account reports.
    broker : mapping of (str, str) to Decimal
        The broker's totals by account and item, of the year they are asked for.
    missed : tuple of MissedLoss
        Losses that were not used.
    """

    client_id: str
    settings: Record
    accounts: tuple[Account, ...]
    relation: Mapping[str, str]
    not_seen: tuple[str, ...]
    events: tuple[Event, ...]
    opening: str
    carry: Mapping[tuple[str, int], Decimal]
    names: Mapping[str, str]
    reports: Mapping[str, str]
    broker: Mapping[tuple[str, str], Decimal]
    missed: tuple[MissedLoss, ...] = field(default=())


def event_log(tables: LogTables, year: int) -> EventLog:
    """The event log of one client.

    Parameters
    ----------
    tables : LogTables
        From `read_log_tables`.
    year : int
        Tax year, for the broker's totals where they are added up from `realized`.

    Raises
    ------
    FileError
        For a row that cannot be used, with its place.
    """
    for rows in tables.rows.values():
        refuse_faults(rows)
    accounts, relation, not_seen = _accounts(tables)
    kinds = {account.id: account.kind for account in accounts}
    opening, fills = _trades(tables, kinds)
    others = [_other(row, kinds) for row in tables["other_events"]]
    return EventLog(
        tables.client_id,
        tables.settings,
        accounts,
        relation,
        not_seen,
        (*opening.fills, *fills, *others),
        opening.source,
        _carry(tables),
        _names(tables),
        {
            str(row["account"]): str(row["reports"])
            for row in tables["accounts"]
            if row["reports"] is not None
        },
        _broker(tables, year, kinds),
        tuple(
            MissedLoss(row["obs_date"], row["account"], row["code"], row["loss"], row["reason"])
            for row in tables["missed"]
        ),
    )


# -- accounts ------------------------------------------------------------------------------------


def _accounts(tables: LogTables) -> tuple[tuple[Account, ...], dict[str, str], tuple[str, ...]]:
    used = {str(row["account"]) for name in ("trades", "lots", "other_events") for row in tables[name]}
    accounts, relation, not_seen = [], {}, []
    for row in tables["accounts"]:
        name = str(row.need("account"))
        if row["seen"] in ("not_seen", False, 0, "0") and name not in used:
            not_seen.append(name if row["broker"] is None else f"{name} ({row['broker']})")
            continue
        relation[name] = str(row["owner_relation"] or "self")
        accounts.append(
            Account(
                name,
                AccountKind(str(row.need("account_kind"))),
                owner_id=str(row["owner"] or relation[name]),
                household_id=tables.client_id,
                broker_id=str(row["broker"] or ""),
                opened=row["opened"],
            )
        )
    return tuple(accounts), relation, tuple(not_seen)


def _kind(row: Row, key: str, kinds: Mapping[str, AccountKind]) -> AccountKind:
    name = str(row.need(key))
    if name not in kinds:
        raise row.fail(key, Wanted("an account of the accounts table", "口座表にある口座"), name)
    return kinds[name]


# -- trades --------------------------------------------------------------------------------------


def _trades(tables: LogTables, kinds: Mapping[str, AccountKind]) -> tuple[Opening, list[Fill]]:
    trades = [row for row in tables["trades"] if row["trade_state"] != "cancelled"]
    filled = [row for row in trades if row["trade_state"] != "planned"]
    for row in trades:
        _kind(row, "account", kinds)
    opening = opening_fills(tables, filled, kinds)
    bought = {
        (row["account"], row["code"], row["lot"]): _id(row)
        for row in trades
        if row["side"] == "BUY" and row["lot"] is not None
    }
    return opening, [_fill(row, kinds[str(row["account"])], opening, bought) for row in trades]


def _id(row: Row) -> str:
    return str(row["trade_id"]) if row["trade_id"] is not None else f"row {row.place.rpartition(' ')[2]}"


def _fill(row: Row, kind: AccountKind, opening: Opening, bought: Mapping[tuple[Any, Any, Any], str]) -> Fill:
    sells = row["side"] == "SELL"
    quantity, price = exact(row.need("quantity")), exact(row.need("trade_price"))
    pick = FIFO
    if sells and kind.facts.pooled_by == "lot":
        name = opening.lot_of.get(row.place)
        if name is None and row["lot"] is not None:
            name = bought.get((row["account"], row["code"], row["lot"]), str(row["lot"]))
        pick = FIFO if name is None else LotPick("SPECIFIC", ((name, quantity),))
    return Fill(
        id=_id(row),
        trade_date=row.need("trade_date"),
        settle_date=row.need("settle_date"),
        seq=int(row["seq"] or 0),
        source_row=row.place,
        account_id=str(row["account"]),
        instrument_id=str(row.need("code")),
        kind=FillKind.SELL if sells else FillKind.BUY,
        quantity=quantity,
        amount=quantity * price,
        fee=exact(row["fee"] or Decimal(0)),
        currency=str(row["ccy"] or ""),
        fx=_rate(row, kind, "fx_sell" if sells else "fx_buy"),
        pick=pick,
        planned=row["trade_state"] == "planned",
    )


def _rate(row: Row, kind: AccountKind, key: str) -> Fraction:
    """The rate into the tax currency; it must be there for an amount in another currency."""
    if row["ccy"] in (None, kind.facts.currency):
        return ONE
    return exact(row.need(key))


# -- other events --------------------------------------------------------------------------------


def _number(row: Row, key: str) -> Fraction:
    return ZERO if row[key] is None else exact(row[key])


def _other(row: Row, kinds: Mapping[str, AccountKind]) -> Event:
    kind = str(row["event"])
    for key in KINDS[kind]:
        row.need(key)
    for key in ("account", "to_account"):
        if row[key] is not None:
            _kind(row, key, kinds)
    base: dict[str, Any] = {
        "id": str(row["trade_id"]),
        "trade_date": row["trade_date"],
        "settle_date": row["settle_date"],
        "seq": int(row["seq"] or 0),
        "source_row": row.place,
        "instrument_id": str(row["code"]),
    }
    if kind in _FILLS or kind == "DIVIDEND":
        return _money(row, kind, base, kinds[str(row["account"])])
    if kind in ("TRANSFER", "GIFT"):
        return _moved(row, kind, base)
    ratio = _number(row, "ratio")
    if kind == "SPLIT":
        return Split(**base, ratio=ratio)
    if kind == "MERGER":
        return Merger(
            **base,
            into_id=str(row["to_code"]),
            ratio=ratio,
            cash=_number(row, "cash"),
            dividend=_number(row, "dividend"),
            added_cost=_number(row, "added_cost"),
            value=None if row["value"] is None else exact(row["value"]),
        )
    if kind == "SPIN_OFF":
        return SpinOff(**base, new_id=str(row["to_code"]), ratio=ratio, cost_share=_number(row, "cost_share"))
    if kind == "RIGHTS":
        return Rights(**base, ratio=ratio, price=_number(row, "price"), account_id=str(row["account"] or ""))
    return CapitalReturn(
        **base,
        cash=_number(row, "cash"),
        dividend=_number(row, "dividend"),
        reduction=_number(row, "reduction"),
    )


def _money(row: Row, kind: str, base: dict[str, Any], account: AccountKind) -> Event:
    base |= {
        "account_id": str(row["account"]),
        "quantity": exact(row["quantity"]),
        "amount": exact(row["amount"]),
        "currency": str(row["ccy"] or ""),
        "fx": _rate(row, account, "fx"),
    }
    if kind == "DIVIDEND":
        return Dividend(**base, foreign_tax=_number(row, "foreign_tax"))
    return Fill(**base, kind=_FILLS[kind], fee=_number(row, "fee"))


def _moved(row: Row, kind: str, base: dict[str, Any]) -> Event:
    quantity = exact(row["quantity"])
    pick = FIFO if row["lot"] is None else LotPick("SPECIFIC", ((str(row["lot"]), quantity),))
    value = None if row["value"] is None else exact(row["value"])
    if kind == "TRANSFER":
        return Transfer(
            **base,
            from_account_id=str(row["account"]),
            to_account_id=str(row["to_account"]),
            quantity=quantity,
            value=value,
            pick=pick,
        )
    return Gift(
        **base,
        quantity=quantity,
        value=value or ZERO,
        from_account_id=str(row["account"] or ""),
        to_account_id=str(row["to_account"] or ""),
        cost=_number(row, "cost_basis"),
        acquired=row["acquired"],
        inherited=bool(row["inherited"]),
        pick=pick,
    )


# -- carry, names, the broker --------------------------------------------------------------------


def _carried_in(row: Row) -> bool:
    """A row of `realized` that is a loss brought in (the templates write it so in the United States)."""
    return str(row["trade_id"] or "").startswith("CARRY-")


def _carry(tables: LogTables) -> dict[tuple[str, int], Decimal]:
    us = tables.settings.get("regime") == "us_taxable"
    found: dict[tuple[str, int], Decimal] = {}
    for row in tables["carry"]:
        term = row["term"]
        if us and term is None:
            raise row.fail(
                "term", Wanted("ST or LT: a loss keeps its term when carried", "ST または LT"), "blank"
            )
        _add(found, (str(term or "LISTED"), int(row.need("carry_year"))), row.need("carry_amount"))
    for row in tables["realized"]:
        if _carried_in(row):
            year = str(row["trade_id"]).removeprefix("CARRY-")
            if not year.isdigit():
                raise row.fail("trade_id", Wanted("CARRY- and the year of origin", "CARRY-発生年"), year)
            _add(found, (str(row.need("term")), int(year)), -row.need("gain_realized"))
    return found


def _add(found: dict[Any, Decimal], key: Any, amount: Decimal) -> None:
    found[key] = found.get(key, Decimal(0)) + amount


def _names(tables: LogTables) -> dict[str, str]:
    every: Iterable[Row] = (
        row for name in ("realized", "lots", "opening_lots", "trades") for row in tables[name]
    )
    return {str(row["code"]): str(row["name"]) for row in every if row["name"] is not None}


def _broker(tables: LogTables, year: int, kinds: Mapping[str, AccountKind]) -> dict[tuple[str, str], Decimal]:
    """The broker's totals: as given, else the realized rows of the year added up.

    The cost column of `realized` holds selling costs. A US report shows proceeds after them, so
    they are taken from both there.
    """
    if tables["broker_totals"]:
        return {(str(r["account"]), str(r["item"])): r["amount"] for r in tables["broker_totals"]}
    fees = {
        row["trade_id"]: row["fee"] or Decimal(0) for row in tables["trades"] if row["trade_id"] is not None
    }
    found: dict[tuple[str, str], Decimal] = {}
    for row in tables["realized"]:
        kind = kinds.get(str(row["account"]))
        if (
            kind is None
            or not kind.facts.loss_counts
            or _carried_in(row)
            or row["recognized_on"].year != year
        ):
            continue
        if row["proceeds"] is None or row["expense_basis"] is None:
            continue
        fee = Decimal(0) if kind.is_japanese else fees.get(row["trade_id"], Decimal(0))
        account = str(row["account"])
        _add(found, (account, "proceeds"), row["proceeds"] - fee)
        _add(found, (account, "cost"), row["expense_basis"] - fee)
        _add(found, (account, "gain"), row.need("gain_realized"))
    return found
