"""Write the sample fund audit: `python -m workbooks.sample.audit [FOLDER]`.

Fourteen invented funds in three classes, five years of month-ends and ex-dates, quotes, fills, marks and
the record of last year's audit. Everything follows from one seed; no fund, index or price is real. The
series hold what an audit meets: distributions on their ex-dates, a split of units, a young fund, a month
that stands out.
"""

from __future__ import annotations

import calendar
import csv
import datetime as dt
import io
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

SEED = 20261031
MONTHS = 62  # month-ends from September 2021 to October 2026
LAST = (2026, 10)
INDICES = {
    "Sample Japan Index": (1200.0, 0.006, 0.041),
    "Sample World Index": (2400.0, 0.008, 0.045),
    "Sample World Hedged": (1800.0, 0.006, 0.040),
}


class Fund(NamedTuple):
    """One invented fund: what it costs beyond its label, and how it is held."""

    code: str
    name: str
    asset_class: str
    index: str  # type: ignore[assignment]  # the field has the name of a method of tuples
    vehicle: str
    held: int
    account: str
    ter: float
    hidden: float
    noise: float
    pays: float = 0.0
    hedged: int = 0


JP, DEV, HEDGED = list(INDICES)
FUNDS = (
    Fund("JP-A", "Minato Japan Index", "EQ_JP_TOPIX", JP, "FUND", 1, "JP_NISA", 0.0014, 0.0003, 0.0002),
    Fund("JP-B", "Kaede Japan Equity", "EQ_JP_TOPIX", JP, "FUND", 1, "JP_TOKUTEI_WH", 0.0055, 0.0006, 0.0003),
    Fund("JP-C", "Sumire Japan Open", "EQ_JP_TOPIX", JP, "FUND", 0, "", 0.0019, 0.0004, 0.0002),
    Fund(
        "JP-E",
        "Minato Japan ETF",
        "EQ_JP_TOPIX",
        JP,
        "ETF",
        1,
        "JP_TOKUTEI_WH",
        0.0006,
        0.0002,
        0.0002,
        0.021,
    ),
    Fund("JP-F", "Kaede Japan ETF", "EQ_JP_TOPIX", JP, "ETF", 0, "", 0.0009, 0.0005, 0.0003, 0.020),
    Fund("DV-A", "Minato World Index", "EQ_DEV", DEV, "FUND", 1, "JP_NISA", 0.0010, 0.0007, 0.0003),
    Fund("DV-B", "Kaede World Low Cost", "EQ_DEV", DEV, "FUND", 1, "JP_TOKUTEI_WH", 0.0006, 0.0041, 0.0006),
    Fund("DV-C", "Sumire World Open", "EQ_DEV", DEV, "FUND", 0, "", 0.0022, 0.0008, 0.0003),
    Fund("DV-D", "Akane World Payout", "EQ_DEV", DEV, "FUND", 0, "", 0.0030, 0.0010, 0.0004, 0.045),
    Fund("DV-E", "Minato World ETF", "EQ_DEV", DEV, "ETF", 1, "JP_TOKUTEI_WH", 0.0012, 0.0006, 0.0004, 0.016),
    Fund(
        "HG-A",
        "Minato World Hedged",
        "EQ_DEV",
        HEDGED,
        "FUND",
        1,
        "JP_TOKUTEI_WH",
        0.0012,
        0.0008,
        0.0004,
        0,
        1,
    ),
    Fund("HG-B", "Kaede World Hedged", "EQ_DEV", HEDGED, "FUND", 0, "", 0.0020, 0.0012, 0.0005, 0, 1),
    Fund("HG-C", "Sumire World Hedged", "EQ_DEV", HEDGED, "FUND", 0, "", 0.0027, 0.0009, 0.0005, 0, 1),
    Fund("HG-D", "Akane World Hedged", "EQ_DEV", HEDGED, "FUND", 0, "", 0.0035, 0.0015, 0.0006, 0, 1),
)
_SPLIT = ("JP-E", 41, 10.0)  # fund, month, units after for one before
_YOUNG = ("HG-D", 30)  # fund, months of history
_ODD = ("JP-F", 33, 0.006)  # a month-end struck at another hour: up now, back the next month


def month_ends() -> list[dt.date]:
    """The last weekday of every month."""
    last = LAST[0] * 12 + LAST[1] - 1
    days = []
    for month in range(last - MONTHS + 1, last + 1):
        year, number = divmod(month, 12)
        day = dt.date(year, number + 1, calendar.monthrange(year, number + 1)[1])
        days.append(day - dt.timedelta(days=max(0, day.weekday() - 4)))
    return days


def levels() -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Levels of the indices and total-return levels of the funds by month."""
    rng = np.random.default_rng(SEED)
    common = rng.normal(0.0, 1.0, MONTHS)
    index = {}
    for name, (start, mean, deviation) in INDICES.items():
        own = 0.8 * common + 0.6 * rng.normal(0.0, 1.0, MONTHS)
        returns = mean + deviation * own
        returns[0] = 0.0
        index[name] = start * np.cumprod(1.0 + returns)
    funds = {}
    for fund in FUNDS:
        active = -(fund.ter + fund.hidden) / 12.0 + rng.normal(0.0, fund.noise, MONTHS)
        if fund.code == _ODD[0]:
            active[_ODD[1]] += _ODD[2]
            active[_ODD[1] + 1] -= _ODD[2]
        active[0] = 0.0
        growth = index[fund.index][1:] / index[fund.index][:-1] * (1.0 + active[1:])
        funds[fund.code] = 10_000.0 * np.concatenate([[1.0], np.cumprod(growth)])
    return index, funds


def series_rows() -> list[dict[str, Any]]:
    """The table of series: month-ends, and the ex-dates of funds that pay."""
    days, (index, funds) = month_ends(), levels()
    rows: list[dict[str, Any]] = []
    for name, values in index.items():
        rows += [
            {"series_id": name, "obs_date": d, "level_value": f"{v:.4f}", "ccy": "JPY", "source": "sample"}
            for d, v in zip(days, values, strict=True)
        ]
    for fund in FUNDS:
        rows += _fund_rows(fund, days, funds[fund.code])
    return rows


def _fund_rows(fund: Fund, days: list[dt.date], total: np.ndarray) -> list[dict[str, Any]]:
    """NAV ex distribution: what was paid is taken out of the level; a split divides it."""
    rows, units, first = [], 1.0, MONTHS - _YOUNG[1] if fund.code == _YOUNG[0] else 0
    for k in range(first, MONTHS):
        split = ""
        if fund.code == _SPLIT[0] and k == _SPLIT[1]:
            units, split = units * _SPLIT[2], f"{_SPLIT[2]:g}"
        if fund.pays and k > first and days[k].month in (1, 7):
            # The ex-date lies on the tenth; the level of that day is between the month-ends.
            ex = days[k].replace(day=10)
            cum = (total[k - 1] * 2.0 + total[k]) / 3.0 / units
            paid = round(cum * fund.pays / 2.0, 2)
            units *= cum / (cum - paid)
            rows.append(_row(fund, ex, cum - paid, paid=paid))
        rows.append(_row(fund, days[k], total[k] / units, split=split))
    return rows


def _row(fund: Fund, day: dt.date, level: float, *, paid: float = 0.0, split: str = "") -> dict[str, Any]:
    return {
        "series_id": fund.code,
        "obs_date": day,
        "level_value": f"{level:.2f}",
        "distribution_paid": f"{paid:.2f}" if paid else "",
        "unit_split": split,
        "ccy": "JPY",
        "source": "sample",
    }


def fund_rows() -> list[dict[str, Any]]:
    """The table of funds; two of them with the cost statement of a report."""
    rows = []
    for fund in FUNDS:
        third = round(fund.ter / 12.0, 6)
        row: dict[str, Any] = {
            "fund_code": fund.code,
            "fund_name": fund.name,
            "asset_class": fund.asset_class,
            "index_name": fund.index,
            "index_net": 1,
            "index_hedged": fund.hedged,
            "vehicle": fund.vehicle,
            "manager": fund.name.split()[0] + " AM",
            "ccy": "JPY",
            "hedged": fund.hedged,
            "hedge_reason": "liabilities in yen" if fund.code == "HG-A" else "",
            "domicile": "JP",
            "distribution": "DIST" if fund.pays else "ACC",
            "account_kind": fund.account,
            "held": fund.held,
            "accumulating": 1,
            "value": 2_500_000 if fund.held else "",
            "cost_basis": 2_300_000 if fund.held else "",
            "nav_total": 2_400_000_000 if fund.code == "HG-D" else 85_000_000_000,
            "ter": f"{fund.ter:.6f}",
            "ter_manager": f"{5 * third:.6f}",
            "ter_seller": f"{5 * third:.6f}",
            "ter_trustee": f"{fund.ter - 10 * third:.6f}",
            "total_expense": f"{fund.ter + 0.0002:.6f}",
            "sales_charge": 0.011 if fund.code == "DV-D" else 0,
            "exit_charge": 0.001 if fund.code in ("JP-B", "HG-C") else 0,
            "other_cost": 0.0002,
            "trading_in_fund": 0.0001,
            "trade_count": 2 if fund.vehicle == "ETF" else 0,
            "price_impact": 0.0001 if fund.vehicle == "ETF" else 0,
            "dividend_yield": fund.pays or (0.021 if fund.index == JP else 0.016),
            "source_tax": 0 if fund.index == JP else 0.10,
            "fund_tax": 0,
            "tax_route": "ACCUMULATE" if not fund.pays else "DIRECT",
            "hedge_ratio": 0.98 if fund.hedged else "",
            "rate_home": 0.006 if fund.hedged else "",
            "rate_foreign": 0.035 if fund.hedged else "",
            "basis": -0.002 if fund.hedged else "",
            "lending_gross": 0.0003,
            "lending_share": 0.5,
            "source": "sample",
        }
        if fund.code in ("JP-A", "DV-B"):  # line by line, from the report
            nav = 16_500
            row |= {
                "report_end": dt.date(2026, 8, 31),
                "report_days": 365,
                "average_nav": nav,
                "fee_manager": f"{nav * fund.ter * 0.45:.2f}",
                "fee_seller": f"{nav * fund.ter * 0.45:.2f}",
                "fee_trustee": f"{nav * fund.ter * 0.10:.2f}",
                "fee_commission": "1.20",
                "fee_transfer_tax": "0.40",
                "fee_custody": "1.10",
                "fee_audit": "0.60",
                "fee_misc": "0.20",
            }
        rows.append(row)
    return rows


def quote_rows() -> list[dict[str, Any]]:
    """Spread and depth of the three funds on an exchange, four days each."""
    days = [dt.date(2026, 11, day) for day in (4, 9, 13, 18)]
    spreads = {"JP-E": 0.0004, "JP-F": 0.0012, "DV-E": 0.0009}
    return [
        {
            "fund_code": code,
            "obs_date": day,
            "quoted_spread": f"{spread * (1 + 0.1 * k):.6f}",
            "depth": 40_000_000 + 3_000_000 * k,
            "adv": 350_000_000,
            "market_maker": 1,
        }
        for code, spread in spreads.items()
        for k, day in enumerate(days)
    ]


def fill_rows() -> list[dict[str, Any]]:
    """Own fills with the market's VWAP of the day."""
    rows = []
    fills = (
        ("JP-E", "2026-02-12", "BUY", 300, 1201.5, 1201.1, 1201.2),
        ("JP-E", "2026-06-18", "BUY", 900, 1242.8, 1242.0, 1242.3),
        ("JP-E", "2026-10-22", "SELL", 200, 1275.0, 1275.3, 1275.2),
        ("DV-E", "2026-03-10", "BUY", 150, 3120.0, 3117.5, 3118.8),
        ("DV-E", "2026-09-15", "BUY", 500, 3304.0, 3299.0, 3302.4),
    )
    for code, day, side, quantity, price, vwap, mid in fills:
        rows.append(
            {
                "fund_code": code,
                "trade_date": day,
                "side": side,
                "quantity": quantity,
                "trade_price": price,
                "vwap_market": vwap,
                "mid": mid,
                "note": "",
            }
        )
    return rows


def mark_rows() -> list[dict[str, Any]]:
    """The adviser's own marks on what no figure shows."""
    marks = {"JP-A": (5, 4, 5, 4), "JP-B": (5, 4, 5, 3), "JP-E": (5, 3, 5, 4), "DV-A": (5, 4, 4, 4)}
    marks |= {"DV-B": (4, 4, 4, 2), "DV-E": (5, 3, 4, 4), "HG-A": (4, 4, 3, 3)}
    rows = []
    for code, (one, six, seven, eight) in marks.items():
        row: dict[str, Any] = {"fund_code": code, "mark_one": one, "mark_six": six}
        row |= {"mark_seven": seven, "mark_eight": eight, "finding": "marked by hand"}
        rows.append(row)
    return rows


def audit_rows() -> list[dict[str, Any]]:
    """The record of last year's audit, to the end of October 2025, from the total-return levels."""
    index, funds = levels()
    end, rows = MONTHS - 13, []
    tds = {}
    for fund in FUNDS:
        short = fund.code == _YOUNG[0]
        for months in (12, 36):
            known = not (short and end - months < MONTHS - _YOUNG[1])
            tds[fund.code, months] = _td(funds[fund.code], index[fund.index], end, months) if known else None
    for fund in FUNDS:
        group = [
            value
            for other in FUNDS
            if (other.index == fund.index) and (value := tds[other.code, 36]) is not None
        ]
        own = tds[fund.code, 36]
        quartile = _quartile(own, group) if own is not None and len(group) > 3 else ""
        decision = ("WATCH" if quartile == 4 else "KEEP") if fund.held and quartile else ""
        rows.append(
            {
                "audit_year": 2025,
                "fund_code": fund.code,
                "fund_name": fund.name,
                "asset_class": fund.asset_class,
                "vehicle": fund.vehicle,
                "ter": f"{fund.ter + (0.0004 if fund.code == 'JP-B' else 0):.6f}",
                "other_cost": "0.000300",
                "real_cost": f"{fund.ter + fund.hidden:.6f}",
                "td_one_net": _shown(tds[fund.code, 12]),
                "td_three_net": _shown(own),
                "td_five_net": "",
                "td_sd": f"{fund.noise * 3.0:.6f}",
                "distribution": "DIST" if fund.pays else "ACC",
                "distribution_yield": fund.pays or 0,
                "hedge_ratio": 0.98 if fund.hedged else 0,
                "hedge_cost": f"{(0.033 - 0.004 + 0.002) * 0.98:.6f}" if fund.hedged else 0,
                "lending_income": "0.000150",
                "quoted_spread": {"JP-E": 0.0006, "JP-F": 0.0013, "DV-E": 0.0010}.get(fund.code, ""),
                "quartile": quartile,
                "decision": decision,
                "reviewer": "sample",
            }
        )
    return rows


def _td(fund: np.ndarray, index: np.ndarray, end: int, months: int) -> float:
    years = months / 12.0
    ends = (fund[end] / fund[end - months], index[end] / index[end - months])
    return float(ends[0] ** (1.0 / years) - ends[1] ** (1.0 / years))


def _quartile(own: float, group: list[float]) -> int:
    limits = np.percentile(group, [25, 50, 75])
    return next((4 - k for k, limit in enumerate(limits) if own <= limit), 1)


def _shown(value: float | None) -> str:
    return "" if value is None else f"{value:.6f}"


def write(folder: Path) -> None:
    """Write every table as CSV (UTF-8 with its mark)."""
    folder.mkdir(parents=True, exist_ok=True)
    tables = {
        "funds": fund_rows(),
        "series": series_rows(),
        "quotes": quote_rows(),
        "fills": fill_rows(),
        "marks": mark_rows(),
        "audits": audit_rows(),
    }
    for name, rows in tables.items():
        keys = list(dict.fromkeys(key for row in rows for key in row))
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, keys, lineterminator="\n", restval="")
        writer.writeheader()
        writer.writerows(rows)
        (folder / f"{name}.csv").write_bytes(text.getvalue().encode("utf-8-sig"))


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "audit")
