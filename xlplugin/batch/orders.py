"""From a plan per security to orders per account: which account sells, which buys, and what forbids it.

A plan says how many shares of a security the household's taxable accounts trade in all. An order
needs an account, and in the United States the lots it sells. Sales take the highest cost first,
so that what is realised is the least; purchases go where the sales bring most. Nothing is
exported while a rule is broken: each breach is a `Breach` with the facts of its sentence.
Specification: workbooks, sheet a12 and section 9 (Export orders).
"""

from __future__ import annotations

import csv
import datetime as dt
import io
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from xlplugin.core.accounts import AccountKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from xlplugin.store.clients import Client

    Row = Mapping[str, Any]

__all__ = ["COLUMNS", "Breach", "Order", "PlanRow", "orders_csv", "orders_of"]

COLUMNS = (
    "order_no",
    "client_id",
    "account",
    "account_kind",
    "side",
    "code",
    "name",
    "quantity",
    "reference_price",
    "reference_date",
    "amount",
    "ccy",
    "lot",
    "acquired",
    "unit_cost",
    "note",
)
"""Headers of the file; keys, so that any broker's format is one mapping away."""

_RECENT_DAYS = 30  # before a sale at a loss: 26 USC 1091(a)


@dataclass(frozen=True)
class PlanRow:
    """One trade of the plan: a security, `BUY` or `SELL`, shares above 0, the price it was planned at."""

    side: str
    code: str
    name: str
    quantity: Decimal
    price: Decimal


@dataclass(frozen=True)
class Breach:
    """A rule that a trade breaks; `rule` is the key of its sentence."""

    rule: str
    facts: Mapping[str, object]


@dataclass(frozen=True)
class Order:
    """One order of one account; `lot` where the country's law lets the client name it."""

    account: str
    account_kind: str
    row: PlanRow
    quantity: Decimal
    lot: Mapping[str, Any] = field(default_factory=dict)
    note: str = ""


def orders_of(
    plan: Sequence[PlanRow], client: Client, as_of: dt.date, units: Mapping[str, Decimal]
) -> tuple[list[Order], list[Breach]]:
    """The orders of a plan, sells first, and every rule that they break.

    Parameters
    ----------
    plan : sequence of PlanRow
        The trades, in the order they are to be listed.
    client : Client
        With accounts, lots, trades and restrictions; setting ``cash``.
    as_of : datetime.date
        The day of the plan.
    units : mapping of str to Decimal
        Trading unit by code; 0 or absent means any number of shares.

    Returns
    -------
    tuple of (list of Order, list of Breach)
        Orders are to be exported only if there is no breach.
    """
    desk = _Desk(client, as_of, units)
    sells = [order for row in plan if row.side == "SELL" for order in desk.sell(row)]
    desk.collect(sells)
    buys = [order for row in plan if row.side == "BUY" for order in desk.buy(row)]
    desk.check_cash(sells, buys)
    return sells + buys, desk.breaches


class _Desk:
    """The accounts of one client, and the rules."""

    def __init__(self, client: Client, as_of: dt.date, units: Mapping[str, Decimal]) -> None:
        self.tables: Mapping[str, Sequence[Row]] = client.tables
        self.cash = Decimal(str(client.setting("cash", 0)))
        self.units = units
        self.as_of = as_of
        self.kinds = {a["account"]: AccountKind(a["account_kind"]) for a in self._rows("accounts")}
        self.taxable = [name for name, kind in self.kinds.items() if kind.facts.loss_counts]
        self.proceeds: dict[str, Decimal] = dict.fromkeys(self.taxable, Decimal(0))
        self.breaches: list[Breach] = []

    def _breach(self, rule: str, **facts: object) -> None:
        self.breaches.append(Breach(rule, facts))

    def _rows(self, table: str) -> Sequence[Row]:
        return self.tables.get(table, ())

    # -- sales -----------------------------------------------------------------------------------

    def sell(self, row: PlanRow) -> list[Order]:
        self._restricted(row, "do_not_sell")
        lots = [
            lot
            for lot in self._rows("lots")
            if lot["code"] == row.code and lot["account"] in self.proceeds and not lot.get("restriction")
        ]
        free = sum((Decimal(lot["quantity"]) for lot in lots), Decimal(0))
        if free < row.quantity:
            self._breach("lots", code=row.code, quantity=_number(row.quantity), free=_number(free))
            return []
        by_lot = any(self.kinds[str(lot["account"])].facts.pooled_by == "lot" for lot in lots)
        parcels = _highest_cost_first(lots) if by_lot else self._pooled(lots)
        orders, left = [], row.quantity
        for parcel in parcels:
            taken = min(left, parcel["quantity"])
            if not by_lot and taken < parcel["quantity"]:
                taken -= taken % (self.units.get(row.code) or Decimal(1))
            if taken > 0:
                account = str(parcel["account"])
                note = self._bought_recently(row, parcel["unit_cost"]) if by_lot else ""
                orders.append(
                    Order(account, self.kinds[account].value, row, taken, parcel if by_lot else {}, note)
                )
                self._other_side(row, account)
                left -= taken
        if left > 0:
            self._breach("unit", code=row.code, quantity=_number(row.quantity), left=_number(left))
        return orders

    def _pooled(self, lots: Iterable[Row]) -> list[dict[str, Any]]:
        """One parcel an account, at its average cost, the highest first."""
        held: dict[str, list[Decimal]] = {}
        for lot in lots:
            total = held.setdefault(str(lot["account"]), [Decimal(0), Decimal(0)])
            total[0] += Decimal(lot["quantity"])
            total[1] += _cost(lot)
        return _highest_cost_first(
            [{"account": a, "quantity": quantity, "cost_basis": cost} for a, (quantity, cost) in held.items()]
        )

    def _bought_recently(self, row: PlanRow, unit_cost: Decimal) -> str:
        """A note where a loss may be lost: the household bought the security within 30 days."""
        since = self.as_of - dt.timedelta(days=_RECENT_DAYS)
        bought = any(
            t["code"] == row.code and t["side"] == "BUY" and since <= t["trade_date"] <= self.as_of
            for t in self._trades("filled")
        )
        return "RECENT_BUY" if bought and unit_cost > row.price else ""

    def collect(self, sells: Iterable[Order]) -> None:
        for order in sells:
            self.proceeds[order.account] += order.quantity * order.row.price

    # -- purchases -------------------------------------------------------------------------------

    def buy(self, row: PlanRow) -> list[Order]:
        self._restricted(row, "do_not_buy")
        unit = self.units.get(row.code)
        if unit and row.quantity % unit:
            self._breach(
                "unit", code=row.code, quantity=_number(row.quantity), left=_number(row.quantity % unit)
            )
        if not self.proceeds:
            self._breach("account", code=row.code)
            return []
        account = max(self.proceeds, key=lambda name: self.proceeds[name])  # the first of equals
        self.proceeds[account] -= row.quantity * row.price
        self._other_side(row, account)
        return [Order(account, self.kinds[account].value, row, row.quantity)]

    # -- rules -----------------------------------------------------------------------------------

    def _restricted(self, row: PlanRow, rule: str) -> None:
        for r in self._rows("restrictions"):
            begins, ends = r.get("valid_from") or dt.date.min, r.get("valid_to") or dt.date.max
            if (
                r.get("rule_target") == row.code
                and r.get("rule_kind") == rule
                and begins <= self.as_of <= ends
            ):
                self._breach(rule, code=row.code, name=row.name, why=r.get("rule_reason") or "–")

    def _other_side(self, row: PlanRow, account: str) -> None:
        """Another open order of the household against this one: averaged cost, or crossing orders."""
        for trade in self._trades("planned"):
            if trade["code"] == row.code and trade["side"] != row.side:
                rule = "same_day" if trade["account"] == account else "crossing"
                self._breach(rule, code=row.code, account=account, other=trade["account"])

    def _trades(self, state: str) -> Iterable[Row]:
        return (t for t in self._rows("trades") if (t.get("trade_state") or "filled") == state)

    def check_cash(self, sells: Iterable[Order], buys: Iterable[Order]) -> None:
        after = (
            self.cash
            + sum((o.quantity * o.row.price for o in sells), Decimal(0))
            - sum((o.quantity * o.row.price for o in buys), Decimal(0))
        )
        if after < 0:
            self._breach("cash", missing=f"{-after:,.2f}")


def _cost(lot: Row) -> Decimal:
    given = lot.get("cost_basis")
    if given is not None:
        return Decimal(given)
    return Decimal(lot["unit_cost"]) * Decimal(lot["quantity"])


def _highest_cost_first(lots: Iterable[Row]) -> list[dict[str, Any]]:
    parcels = [
        {**lot, "quantity": Decimal(lot["quantity"]), "unit_cost": _cost(lot) / Decimal(lot["quantity"])}
        for lot in lots
    ]
    return sorted(parcels, key=lambda p: -p["unit_cost"])  # stable: the first of equals


def _number(value: Decimal) -> str:
    return f"{value.normalize():f}"


def orders_csv(client_id: str, orders: Iterable[Order], as_of: dt.date, ccy: Mapping[str, str]) -> bytes:
    """The file: CSV, UTF-8 with the mark that Excel looks for, one order a line.

    Parameters
    ----------
    ccy : mapping of str to str
        Currency of the price by code.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for number, order in enumerate(orders, 1):
        row, lot = order.row, order.lot
        acquired = lot.get("acquired")
        writer.writerow(
            [
                number,
                client_id,
                order.account,
                order.account_kind,
                row.side,
                row.code,
                row.name,
                _number(order.quantity),
                _number(row.price),
                as_of.isoformat(),
                _number(order.quantity * row.price),
                ccy.get(row.code, ""),
                lot.get("lot") or "",
                acquired.isoformat() if isinstance(acquired, dt.date) else "",
                _number(lot["unit_cost"].quantize(Decimal("0.0001"))) if "unit_cost" in lot else "",
                order.note,
            ]
        )
    return text.getvalue().encode("utf-8-sig")
