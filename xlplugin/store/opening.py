"""What was held before the first row of a log, found from what is held now.

For every account and security: opening = held now + sold in the log - bought in the log. Where the log
is whole this is nothing. Else the opening lots are the lots held now that the log did not buy, and, for
what was sold, the cost that `realized` states less the selling fee. A log with corporate actions,
transfers or gifts cannot be turned back: it needs the table `opening_lots`.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

from xlplugin.core.lots import exact, shown
from xlplugin.core.trades import Fill, FillKind
from xlplugin.errors import FileError
from xlplugin.store.cells import Wanted

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from xlplugin.core.accounts import AccountKind
    from xlplugin.store.log_tables import LogTables, Row

__all__ = ["Opening", "opening_fills"]

NONE = Decimal(0)
_TURNED_BACK = frozenset(("REINVEST", "GENBIKI", "MARGIN_OPEN", "MARGIN_CLOSE", "DIVIDEND"))


@dataclass(frozen=True)
class Opening:
    """Purchases that stand for what was held at the start.

    `source` is ``none`` (the log is whole), ``given`` or ``derived``; `lot_of` is the opening lot of a
    sale by the place of its row, where the sale names none that the log knows.
    """

    source: str
    fills: tuple[Fill, ...] = ()
    lot_of: Mapping[str, str] = field(default_factory=dict)


class _Held(NamedTuple):
    quantity: Decimal
    cost: Decimal
    acquired: dt.date | None
    row: Row


def opening_fills(tables: LogTables, trades: Sequence[Row], kinds: Mapping[str, AccountKind]) -> Opening:
    """The opening purchases of a client.

    Parameters
    ----------
    tables : LogTables
        All tables of the client.
    trades : sequence of Row
        The filled trades.
    kinds : mapping of str to AccountKind
        By account.

    Raises
    ------
    FileError
        If the log buys more than is held and was sold, a sold lot is known nowhere, or the log cannot
        be turned back.
    """
    first = min((row.need("trade_date") for row in trades), default=None)
    if tables.has("opening_lots") and tables["opening_lots"]:
        return Opening("given", tuple(_given(row) for row in tables["opening_lots"]))
    if not tables["lots"]:
        return Opening("none")
    found: list[Fill] = []
    lot_of: dict[str, str] = {}
    sold = _sold(tables, trades)
    for account, kind in kinds.items():
        mine = [row for row in tables["lots"] if row["account"] == account]
        log = [row for row in trades if row["account"] == account]
        if kind.facts.pooled_by == "lot":
            fills, named = _by_lot(tables, account, mine, log, sold)
            lot_of |= named
        else:
            fills = _by_pool(tables, account, mine, log, sold, first)
        found += fills
    if found:
        _refuse_actions(tables)
    return Opening("derived" if found else "none", tuple(found), lot_of)


def _refuse_actions(tables: LogTables) -> None:
    for row in tables["other_events"]:
        if row["event"] not in _TURNED_BACK:
            raise FileError(
                f"{row.place}: the log has a {str(row['event']).lower()}, so what was held before it "
                "cannot be found from the lots held now; add a table opening_lots with the lots at its start"
            )


def _cost(row: Row) -> Decimal:
    if isinstance(cost := row["cost_basis"], Decimal):
        return cost
    cost = row.need("quantity") * row.need("unit_cost")
    return Decimal(cost)


def _purchase(name: str, row: Row, acquired: dt.date, quantity: Decimal, cost: Decimal) -> Fill:
    return Fill(
        id=name,
        trade_date=acquired,
        settle_date=acquired,
        source_row=row.place,
        account_id=str(row["account"]),
        instrument_id=str(row["code"]),
        kind=FillKind.BUY,
        quantity=exact(quantity),
        amount=exact(cost),
        currency=str(row["ccy"] or ""),
    )


def _given(row: Row) -> Fill:
    name = (
        str(row["lot"]) if row["lot"] is not None else f"OPEN-{row['account']}-{row.place.rpartition(' ')[2]}"
    )
    return _purchase(name, row, row.need("acquired"), row.need("quantity"), _cost(row))


def _sold(tables: LogTables, trades: Sequence[Row]) -> dict[str, _Held]:
    """What `realized` says of sales, by place: cost without the selling fee, and the day of purchase."""
    stated = {row["trade_id"]: row for row in tables["realized"] if row["expense_basis"] is not None}
    found = {}
    for trade in trades:
        row = stated.get(trade["trade_id"]) if trade["trade_id"] is not None else None
        if trade["side"] == "SELL" and row is not None:
            cost = row["expense_basis"] - (trade["fee"] or NONE)
            found[trade.place] = _Held(trade.need("quantity"), cost, row["acquired"], trade)
    return found


# -- lots (United States) ------------------------------------------------------------------------


def _by_lot(
    tables: LogTables, account: str, held: Sequence[Row], log: Sequence[Row], sold: Mapping[str, _Held]
) -> tuple[list[Fill], dict[str, str]]:
    buys = [*(row for row in log if row["side"] == "BUY"), *_entered(tables, account)]
    bought = {(row["code"], row["lot"]) for row in buys if row["lot"] is not None}
    days = {(row["code"], row["trade_date"]) for row in buys if row["lot"] is None}
    lots: dict[tuple[Any, str], list[_Held]] = {}
    for row in held:
        if (row["code"], row["lot"]) in bought or (
            row["lot"] is None and (row["code"], row["acquired"]) in days
        ):
            continue
        name = str(row["lot"] or f"OPEN-{row['account']}-{row.place.rpartition(' ')[2]}")
        lots[row["code"], name] = [_Held(row.need("quantity"), _cost(row), row.need("acquired"), row)]
    lot_of: dict[str, str] = {}
    for row in log:
        if row["side"] != "SELL" or (row["code"], row["lot"]) in bought:
            continue
        if row["lot"] is None and not _unexplained(row["code"], held, log):
            continue  # what the log bought suffices: the standing order decides
        name = str(row["lot"] or f"SOLD-{row['trade_id']}")
        before = lots.get((row["code"], name), [])
        found = sold.get(row.place)
        if found is None and before:
            whole = before[0]
            found = _Held(
                row.need("quantity"), whole.cost / whole.quantity * row.need("quantity"), whole.acquired, row
            )
        if found is None or (acquired := found.acquired or (before[0].acquired if before else None)) is None:
            raise row.fail(
                "lot",
                Wanted(
                    "a lot that is held or that the log bought, or a row of realized with this trade_id",
                    "保有中か明細で買い付けたロット、または同じ約定番号の実現損益の行",
                ),
                row["lot"] or "none",
            )
        lots[row["code"], name] = [*before, found._replace(acquired=acquired)]
        lot_of[row.place] = name
    fills = [
        _purchase(
            name,
            parts[0].row,
            _day(parts[0]),
            sum((p.quantity for p in parts), NONE),
            sum((p.cost for p in parts), NONE),
        )
        for (_, name), parts in lots.items()
    ]
    return fills, lot_of


def _day(held: _Held) -> dt.date:
    if held.acquired is None:
        raise held.row.fail("acquired", Wanted("the day the lot was bought", "取得日"), "blank")
    return held.acquired


def _unexplained(code: Any, held: Sequence[Row], log: Sequence[Row]) -> bool:
    """Whether more of a security is held and was sold than the log bought."""
    total = sum((row.need("quantity") for row in held if row["code"] == code), NONE)
    for row in log:
        if row["code"] == code:
            total += row.need("quantity") if row["side"] == "SELL" else -row.need("quantity")
    return total > 0


# -- pools (Japan) -------------------------------------------------------------------------------


def _by_pool(
    tables: LogTables,
    account: str,
    held: Sequence[Row],
    log: Sequence[Row],
    sold: Mapping[str, _Held],
    first: dt.date | None,
) -> list[Fill]:
    quantity: dict[str, Decimal] = defaultdict(Decimal)
    cost: dict[str, Decimal] = defaultdict(Decimal)
    rows: dict[str, Row] = {}
    days: dict[str, dt.date] = {}
    unknown: dict[str, Row] = {}
    for row in held:
        code = str(row["code"])
        quantity[code] += row.need("quantity")
        cost[code] += _cost(row)
        rows.setdefault(code, row)
        if row["acquired"] is not None and (first is None or row["acquired"] < first):
            days[code] = max(days.get(code, row["acquired"]), row["acquired"])
    for row in (*log, *_entered(tables, account)):
        code, amount = str(row["code"]), row.need("quantity")
        rows.setdefault(code, row)
        if row["side"] == "SELL":
            quantity[code] += amount
            if (found := sold.get(row.place)) is None:
                unknown[code] = row
            else:
                cost[code] += found.cost
                if found.acquired is not None and (first is None or found.acquired < first):
                    days[code] = max(days.get(code, found.acquired), found.acquired)
        else:
            quantity[code] -= amount
            cost[code] -= _paid(row)
    fills = []
    for code in sorted(quantity):
        if quantity[code] < 0:
            raise FileError(
                f"{rows[code].place}: in {account} the log bought {shown(exact(-quantity[code]))} more of "
                f"{code} than is held and was sold; a sale or a lot is missing"
            )
        if quantity[code] == 0:
            continue
        if code in unknown:
            raise unknown[code].fail(
                "trade_id",
                Wanted(
                    "a row of realized with this trade_id, for the cost of what was sold",
                    "同じ約定番号の実現損益の行",
                ),
                unknown[code]["trade_id"] or "none",
            )
        if cost[code] < 0:
            raise FileError(
                f"{rows[code].place}: in {account} the cost of {code} before the log comes out negative; "
                "check cost_basis of the lots and expense_basis of realized, or add a table opening_lots"
            )
        day = days.get(code) or _eve(first)
        fills.append(_purchase(f"OPEN-{account}-{code}", rows[code], day, quantity[code], cost[code]))
    return fills


def _eve(first: dt.date | None) -> dt.date:
    return dt.date((first or dt.date(2000, 1, 1)).year - 1, 12, 31)


def _entered(tables: LogTables, account: str) -> Iterable[Row]:
    """Reinvested dividends and deliveries of margin purchases: shares that came in by the log."""
    return [
        r for r in tables["other_events"] if r["account"] == account and r["event"] in ("REINVEST", "GENBIKI")
    ]


def _paid(row: Row) -> Decimal:
    """What a purchase cost, in the tax currency."""
    amount = row["amount"] if row["amount"] is not None else row.need("quantity") * row.need("trade_price")
    total = amount + (row["fee"] or NONE)
    rate = row["fx_buy"] or row["fx"]
    return Decimal(total * rate) if rate is not None else Decimal(total)
