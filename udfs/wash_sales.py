"""WASH_SALES: every loss sale of a trade list, slice by slice, under the law of its account."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Annotated, Any

from udfs.ledger_rows import Accounts, fills_of, groups_of, lot_names, with_lots
from xlplugin.core.accounts import AccountKind
from xlplugin.core.calendars import calendar
from xlplugin.core.lots import rounded
from xlplugin.engines.harvesting.loss_sales import loss_slices
from xlplugin.tax.regime import REGIMES, HarvestStatus, Reason
from xlplugin.tax.regimes.us_taxable import UsTaxable
from xlplugin.tax.tables import table
from xlplugin.tax.us_report import cents
from xlplugin.tax.wash_sales import WashPolicy
from xlplugin.worksheet.kinds import (
    Help,
    Kind,
    Option,
    OptionalDays,
    OptionalSettings,
    OptionSchema,
    Records,
    Spill,
)
from xlplugin.worksheet.registry import worksheet_function
from xlplugin.worksheet.tables import TRADES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from decimal import Decimal

    from xlplugin.core.accounts import Account
    from xlplugin.core.trades import Fill
    from xlplugin.engines.harvesting.loss_sales import LossSlice

__all__ = ["WASH_SALES_OPTIONS", "wash_sales"]

WASH_SALES_OPTIONS = OptionSchema(
    (
        Option("window", ("日数",), Kind.WHOLE, None, between=(0, 365)),
        Option("household_complete", ("全口座確認済み",), Kind.FLAG, False),
    )
)

COLUMNS = {
    "sale": "売却番号",
    "trade_date": "約定日",
    "account": "口座",
    "code": "銘柄コード",
    "lot": "ロット",
    "quantity": "数量",
    "loss": "損失",
    "disallowed": "否認額",
    "allowed": "認識額",
    "replacement_lot": "置換ロット",
    "basis_added": "取得価額加算",
    "lost_forever": "失われる損失",
    "new_cost": "新取得価額",
    "deemed_acquired": "みなし取得日",
    "clear_date": "解除日",
    "status": "判定",
    "reason": "理由",
}


@worksheet_function(
    "WASH_SALES",
    category="Harvest",
    ja="ウォッシュセール判定",
    help_ja="損失売却ごとに、前後の買付で否認・繰延される額と認識される額を株数単位で示します(米国・日本の法人)。",
    columns=COLUMNS,
    source="26 USC 1091; Treas. Reg. 1.1091-1, 1.1091-2; Rev. Rul. 2008-5; 法人税基本通達2-1-23の4",
)
def wash_sales(
    trades: Annotated[
        Records,
        Help(
            "Buys and sells of every account of the household; US sells name their lot",
            "世帯の全口座の売買(米国の売却はロットを記入)",
        ),
        TRADES,
    ],
    options: Annotated[
        OptionalSettings,
        Help(
            "Two columns, name and value: window (default 30 days), household_complete",
            "設定(日数、全口座確認済み)",
        ),
        WASH_SALES_OPTIONS,
    ] = None,
    holidays: Annotated[
        OptionalDays, Help("Exchange holidays (default: built-in calendar)", "取引所の休業日(省略時は内蔵)")
    ] = None,
) -> Spill:
    """Loss sales share by share: what a purchase close to the sale disallows, and what counts.

    United States: losses in order of sale meet purchases in order of purchase within the window,
    each replacement share once, never shares of the purchase that is sold; the disallowed loss goes
    to the cost and holding period of the replacement (`new_cost` and `deemed_acquired` are those of
    the shares that replace) or is lost in a retirement account. Japanese individuals have no such
    rule. A company's arranged purchase cancels that part of the sale. Planned rows count as done.

    Examples
    --------
    >>> from xlplugin.worksheet.calling import call
    >>> from xlplugin.worksheet.registry import REGISTRY
    >>> day = dt.date
    >>> trades = [["trade_date", "account_kind", "code", "side", "quantity", "amount", "lot"],
    ...     [day(2026, 2, 2), "US_TAXABLE", "XYZ", "BUY", 100.0, 1000.0, "L"],
    ...     [day(2026, 3, 2), "US_TAXABLE", "XYZ", "SELL", 100.0, 750.0, "L"],
    ...     [day(2026, 3, 10), "US_TAXABLE", "XYZ", "BUY", 100.0, 800.0, "R"]]
    >>> row = call(REGISTRY["WASH_SALES"], trades)[1]
    >>> row[9:13], row[15:]
    (['R', 250.0, 0.0, 1050.0], ['DEFERRED', 'WASH_TAXABLE'])
    """
    given = WASH_SALES_OPTIONS.defaults() | (options or {})
    accounts = Accounts(None, trades)
    names = lot_names(trades)
    fills = with_lots(fills_of(trades, accounts, holidays), names)
    policy = WashPolicy(days=given["window"])
    slices = loss_slices(
        fills,
        accounts.by_id,
        identity_groups=groups_of(trades),
        regimes={"us.taxable": UsTaxable(policy)},
    )
    labels = {f"row {record['row']}": record["account"] or "" for record in trades.records()}
    rows = []
    for together in _by_part(slices):
        amounts = cents([s.loss for s in together])
        for s, loss in zip(together, amounts, strict=True):
            rows.append(
                _cells(
                    s,
                    loss,
                    _verdict(
                        s,
                        fills,
                        accounts.by_id,
                        complete=given["household_complete"],
                        holidays=holidays,
                    ),
                    names,
                    labels[s.realization.disposal.id],
                    policy,
                )
            )
    return Spill(tuple(COLUMNS), rows)


def _by_part(slices: Sequence[LossSlice]) -> list[list[LossSlice]]:
    grouped: dict[tuple[str, int], list[LossSlice]] = {}
    for s in slices:
        grouped.setdefault((s.realization.disposal.id, s.realization.parts.index(s.part)), []).append(s)
    return list(grouped.values())


def _verdict(
    s: LossSlice,
    fills: Sequence[Fill],
    accounts: Mapping[str, Account],
    *,
    complete: bool,
    holidays: tuple[dt.date, ...] | None,
) -> tuple[HarvestStatus, list[str]]:
    regime, adjustment = s.account.regime, s.adjustment
    if s.void:
        return HarvestStatus.VOID, [Reason.NON_TAXABLE_ACCOUNT]
    if adjustment is not None and adjustment.disallowed:
        whole = adjustment.lost_forever == adjustment.disallowed
        status = HarvestStatus.VOID if whole else HarvestStatus.DEFERRED
        if adjustment.disallowed < s.loss:
            status = HarvestStatus.REDUCED
        return status, [adjustment.reason]
    if regime == "jp.individual":
        return HarvestStatus.OK, ["NO_WASH_RULE"]
    if s.account.kind is AccountKind.JP_CORP:
        near = _bought_within_five_days(s, fills, accounts, holidays)
        return HarvestStatus.OK, [Reason.FIVE_BUSINESS_DAYS] if near else []
    return (HarvestStatus.OK, []) if complete else (HarvestStatus.UNKNOWN, [Reason.COVERAGE_INCOMPLETE])


def _bought_within_five_days(
    s: LossSlice,
    fills: Sequence[Fill],
    accounts: Mapping[str, Account],
    holidays: tuple[dt.date, ...] | None,
) -> bool:
    """金融商品会計に関するQ&A Q12: a purchase within five business days of the sale."""
    sold = s.realization.disposal.trade_date
    days = table("jp.corporate.cross_trade").at(sold).count("accounting_window_business_days")
    sessions = calendar("XTKS", holidays)
    pool_key = REGIMES[s.account.regime].pool_key  # all accounts of the owner are one pool
    return any(
        fill.kind.enters
        and not fill.arranged
        and fill.instrument_id == s.realization.disposal.instrument_id
        and pool_key(accounts[fill.account_id]) == pool_key(s.account)
        and max(fill.trade_date, sold) <= sessions.after(min(fill.trade_date, sold), days)
        for fill in fills
    )


def _cells(
    s: LossSlice,
    loss: Decimal,
    verdict: tuple[HarvestStatus, list[str]],
    names: dict[str, str],
    label: str,
    policy: WashPolicy,
) -> list[Any]:
    disposal, adjustment = s.realization.disposal, s.adjustment
    lots = s.account.kind.facts.pooled_by == "lot"
    disallowed = lost = added = rounded(s.disallowed * 0)
    if adjustment is not None:
        disallowed = loss if adjustment.disallowed == s.loss else rounded(adjustment.disallowed)
        lost = disallowed if adjustment.lost_forever else lost
        added = disallowed - lost
    if s.void:
        lost = loss
    clear = policy.window(disposal.trade_date)[1] + dt.timedelta(days=1) if lots and not s.void else None
    return [
        s.sale,
        disposal.trade_date,
        label,
        disposal.instrument_id,
        names.get(s.part.lot_id, "") if lots else "",
        s.quantity,
        loss,
        disallowed,
        loss - disallowed - (loss if s.void else 0),
        names.get(adjustment.to_lot_id, "") if adjustment and lots else "",
        added,
        lost,
        rounded(adjustment.new_cost) if adjustment and added and adjustment.new_cost is not None else None,
        adjustment.new_held_from if adjustment and added else None,
        clear,
        verdict[0].value,
        "; ".join(sorted(map(str, verdict[1]))),
    ]
