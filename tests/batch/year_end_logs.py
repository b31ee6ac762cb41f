"""Event logs for the tests of the year-end workbook: the printed examples, and one with everything."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from fractions import Fraction
from typing import Any

from xlplugin.core.accounts import Account, AccountKind
from xlplugin.core.lots import LotPick, exact
from xlplugin.core.trades import CapitalReturn, Dividend, Event, Fill, FillKind
from xlplugin.engines.year_end import MissedLoss
from xlplugin.store.event_log import EventLog

TOKUTEI = Account("A-1", AccountKind.JP_TOKUTEI_WH, "me", "C1")
GENERAL = Account("A-2", AccountKind.JP_IPPAN, "me", "C1")
NISA = Account("A-3", AccountKind.JP_NISA, "me", "C1")
TAXABLE = Account("U-1", AccountKind.US_TAXABLE, "me", "C1")
SECOND = Account("U-2", AccountKind.US_TAXABLE, "me", "C1")
IRA = Account("I-1", AccountKind.US_IRA, "me", "C1")
SETTINGS = {
    "client_name": "見本 太郎",
    "firm": "見本アドバイザリー株式会社",
    "adviser": "例 玲",
    "regime": "jp_individual",
    "user_role": "advisor",
}
FINAL = dt.date(2027, 2, 1)


def day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


def fill(
    kind: FillKind, id_: str, on: str, quantity: Any, amount: Any, account: Account, code: str, **more: Any
) -> Fill:
    return Fill(
        id=id_,
        kind=kind,
        trade_date=day(on),
        settle_date=day(more.pop("settles", on)),
        account_id=account.id,
        instrument_id=code,
        quantity=exact(quantity),
        amount=exact(amount),
        fee=exact(more.pop("fee", 0)),
        **more,
    )


def buy(
    id_: str, on: str, quantity: Any, amount: Any, account: Account = TOKUTEI, code: str = "7203", **more: Any
) -> Fill:
    return fill(FillKind.BUY, id_, on, quantity, amount, account, code, **more)


def sell(
    id_: str, on: str, quantity: Any, amount: Any, account: Account = TOKUTEI, code: str = "7203", **more: Any
) -> Fill:
    if "lot" in more:
        more["pick"] = LotPick("SPECIFIC", ((more.pop("lot"), exact(quantity)),))
    return fill(FillKind.SELL, id_, on, quantity, amount, account, code, **more)


def paid(
    id_: str, on: str, amount: Any, account: Account = TOKUTEI, code: str = "7203", **more: Any
) -> Dividend:
    return Dividend(
        id=id_,
        trade_date=day(more.pop("ex", on)),
        settle_date=day(on),
        account_id=account.id,
        instrument_id=code,
        quantity=Fraction(more.pop("quantity", 100)),
        amount=exact(amount),
        **more,
    )


def log(*events: Event, accounts: tuple[Account, ...] = (TOKUTEI, GENERAL, NISA), **more: Any) -> EventLog:
    facts: dict[str, Any] = {
        "client_id": "C1",
        "settings": SETTINGS,
        "relation": {account.id: "self" for account in accounts},
        "not_seen": (),
        "opening": "none",
        "carry": {},
        "names": {"7203": "見本自動車", "XYZ": "Example Corp."},
        "reports": {},
        "broker": {},
        "missed": (),
    }
    return EventLog(**(facts | more), accounts=accounts, events=tuple(events))


# National Tax Agency, Tax Answer No. 1466: months as printed, days ours.
NTA_1466 = (
    buy("B1", "2025-05-01", 5000, 4_000_000, GENERAL),
    buy("B2", "2025-08-01", 2000, 1_700_000, GENERAL),
    sell("S1", "2025-09-01", 3000, 2_700_000, GENERAL),
    buy("B3", "2026-03-02", 5000, 4_350_000, GENERAL),
    sell("S2", "2026-07-01", 6000, 5_700_000, GENERAL),
)
# IRS Publication 550, "Wash Sales": 100 shares for 1,000, sold for 750, bought again for 800.
PUBLICATION_550 = (
    buy("L1", "2026-03-02", 100, 1000, TAXABLE, "XYZ"),
    sell("S1", "2026-09-01", 100, 750, TAXABLE, "XYZ"),
    buy("R1", "2026-09-11", 100, 800, TAXABLE, "XYZ"),
)
# 26 CFR 1.1091-1(h), example 2: 100 shares for 5,000; 50 for 2,750 and 25 for 1,125 less than 30 days before
# the 100 are sold for 4,000: 750 of the loss of 1,000 are not deductible, the bases are 3,250 and 1,375.
REGULATION_1091 = (
    buy("L1", "2025-09-22", 100, 5000, TAXABLE, "XYZ"),
    buy("R1", "2025-12-22", 50, 2750, TAXABLE, "XYZ"),
    buy("R2", "2025-12-29", 25, 1125, TAXABLE, "XYZ"),
    sell("S1", "2026-01-05", 100, 4000, TAXABLE, "XYZ", lot="L1"),
)


def everything_japanese() -> EventLog:
    """Two accounts, NISA, margin, foreign shares, dividends, a capital return, a same-day purchase."""
    usd = {"currency": "USD"}
    events = (
        buy("B1", "2024-04-01", 1000, 2_500_000, fee=1375),
        sell("S1", "2026-01-20", 300, 600_000, fee=330, settles="2026-01-22"),
        sell("S2", "2026-06-10", 200, 620_000, fee=341, settles="2026-06-12"),
        buy("B2", "2026-01-20", 100, 200_000, fee=110, settles="2026-01-22"),
        buy("B3", "2025-02-03", 500, 1_000_000, GENERAL, "8306"),
        sell("S3", "2026-08-03", 500, 1_250_000, GENERAL, "8306", fee=550, settles="2026-08-05"),
        buy("B4", "2025-02-03", 100, 300_000, NISA, "9432"),
        sell("S4", "2026-08-03", 100, 250_000, NISA, "9432", settles="2026-08-05"),
        fill(FillKind.MARGIN_OPEN, "M1", "2026-02-02", 100, 260_000, TOKUTEI, "7203", settles="2026-02-04"),
        fill(FillKind.MARGIN_CLOSE, "M2", "2026-02-20", 100, 240_000, TOKUTEI, "7203", settles="2026-02-25"),
        buy("B5", "2025-05-12", 10, 2000, code="XYZ", fx=Fraction(148), **usd),
        sell("S5", "2026-10-05", 10, 1900, code="XYZ", fx=Fraction(152), settles="2026-10-07", **usd),
        paid("D1", "2026-06-25", 21_000, quantity=700),
        paid(
            "D2", "2026-03-16", 40, code="XYZ", fx=Fraction(150), foreign_tax=Fraction(4), quantity=10, **usd
        ),
        paid("D3", "2026-12-04", 5000, NISA, "9432"),
        CapitalReturn(
            id="R1",
            trade_date=day("2026-06-26"),
            settle_date=day("2026-06-26"),
            instrument_id="7203",
            cash=Fraction(50),
            dividend=Fraction(1985, 100),
            reduction=Fraction(17, 1000),
        ),
    )
    carry = {
        ("LISTED", 2023): Decimal(150_000),
        ("LISTED", 2024): Decimal(320_000),
        ("LISTED", 2025): Decimal(90_000),
    }
    broker = {("A-1", "gain"): Decimal(-180_000), ("A-2", "proceeds"): Decimal(1_250_000)}
    missed = (MissedLoss(day("2026-03-09"), "A-1", "7203", Decimal(120_000), "売却制限のため"),)
    return log(*events, carry=carry, broker=broker, missed=missed, not_seen=("B-9 (架空証券)",))


def everything_american() -> EventLog:
    """Boxes A, B, D and E, wash sales by the taxpayer and the IRA, a late loss, dividends, both carries."""
    events = (
        buy("L1", "2024-03-01", 200, 10_000, TAXABLE, "XYZ"),
        buy("L2", "2026-02-02", 100, 8000, TAXABLE, "XYZ"),
        sell("S1", "2026-05-04", 100, 7000, TAXABLE, "XYZ", lot="L1"),
        sell("S2", "2026-06-01", 100, 7000, TAXABLE, "XYZ", lot="L2", fee=Fraction(5, 2)),
        buy("R1", "2026-06-15", 75, 5000, TAXABLE, "XYZ"),
        buy("L3", "2024-05-01", 50, 5000, TAXABLE, "ABC"),
        sell("S3", "2026-07-01", 50, 4600, TAXABLE, "ABC", lot="L3"),
        buy("R2", "2026-07-02", 50, 4700, IRA, "ABC"),
        buy("L4", "2020-05-01", 30, 900, SECOND, "DEF"),
        buy("L5", "2026-01-05", 30, 1500, SECOND, "DEF"),
        sell("S4", "2026-08-03", 60, 2700, SECOND, "DEF"),
        buy("L6", "2026-03-02", 40, 9000, TAXABLE, "GHI"),
        sell("S5", "2026-12-15", 40, 2000, TAXABLE, "GHI"),
        paid("D1", "2026-06-30", "82.50", TAXABLE, "XYZ", ex="2026-06-12", quantity=100),
        paid(
            "D2", "2026-09-30", 61, TAXABLE, "GHI", ex="2026-09-15", quantity=40, foreign_tax=Fraction(61, 10)
        ),
    )
    return log(
        *events,
        accounts=(TAXABLE, SECOND, IRA),
        settings=SETTINGS | {"client_name": "Pat Example", "firm": "Sample & Co.", "regime": "us_taxable"},
        reports={"U-2": "no_basis"},
        carry={("ST", 2025): Decimal("1200.50"), ("LT", 2024): Decimal(4000)},
        names={"XYZ": "Example Corp.", "ABC": "Alder Bancorp", "DEF": "Dunmarrow", "GHI": "Glen Power"},
        broker={("U-1", "proceeds"): Decimal("20597.50"), ("U-1", "gain"): Decimal("-6000")},
    )
