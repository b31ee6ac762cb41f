"""Write the sample market and the sample clients: `python -m workbooks.sample.make [FOLDER]`.

Everything is invented and follows from one seed. The files have the layout, encoding, header
spelling, footers and quirks of the real ones (see xlplugin/store/formats). Prices come from a
factor simulation: one market, one factor per sector, own noise; three years of sessions.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import sys
from pathlib import Path
from typing import Any

import numpy as np

from workbooks.sample import people
from workbooks.sample.names import JP_ETFS, JP_SECURITIES, US_ETFS, US_SECURITIES, Security
from xlplugin.aliases import FloatArray
from xlplugin.core.calendars import calendar

SEED = 20261120
AS_OF = dt.date(2026, 11, 20)
START = dt.date(2023, 10, 16)
WEIGHT_DAY = dt.date(2026, 10, 30)


class SampleMarket:
    """One country: securities, sessions, prices, shares.

    Parameters
    ----------
    market : str
        XTKS or XNYS.
    securities : tuple of Security
        Index members.
    extra : tuple of Security
        Funds that follow the index.
    tick : float
        Prices are whole multiples of it.
    price_range : tuple of float
        Of the first prices.
    """

    def __init__(
        self,
        market: str,
        securities: tuple[Security, ...],
        extra: tuple[Security, ...],
        tick: float,
        price_range: tuple[float, float],
        part: int,
    ) -> None:
        self.market, self.securities, self.extra, self.tick = market, securities, extra, tick
        self.dates = calendar(market).between(START, AS_OF)
        rng = np.random.default_rng([SEED, part])
        n, t = len(securities), len(self.dates)
        sectors = sorted({s.sector for s in securities})
        group = np.array([sectors.index(s.sector) for s in securities])
        beta = rng.normal(1.0, 0.2, n)
        own = rng.uniform(0.18, 0.42, n)
        drift = rng.normal(0.02, 0.16, n)  # a wide spread of fates: winners to keep, losers to harvest
        day = 1.0 / 245.0
        common = rng.normal(0.0, 0.16 * day**0.5, t)
        by_sector = rng.normal(0.0, 0.09 * day**0.5, (t, len(sectors)))
        for third, drift_of_third in zip(np.array_split(np.arange(t), 3), (0.10, 0.12, -0.05), strict=True):
            common[third] += (
                drift_of_third * day - common[third].mean()
            )  # three ordinary years, the last a poor one
            by_sector[third] -= 0.5 * by_sector[third].mean(axis=0)
        noise = rng.normal(0.0, 1.0, (t, n)) * own * day**0.5
        log_returns = (
            common[:, None] * beta + by_sector[:, group] + noise + drift * day - 0.5 * (own**2) * day
        )
        log_returns[0] = 0.0
        low, high = np.log(price_range)
        first = np.exp(rng.uniform(low, high, n))
        exact = first * np.exp(np.cumsum(log_returns, axis=0))
        self.prices = np.maximum(np.round(exact / tick), 1.0) * tick
        size = np.exp(rng.normal(0.0, 1.1, n))
        self.shares = np.round(size * 4e11 * (1.0 if market == "XTKS" else 0.01) / first / 1e5) * 1e5
        self.free_float = np.round(rng.uniform(0.35, 0.95, n) * 20) / 20
        self.cap = self.prices * self.shares * self.free_float
        level = self.cap.sum(axis=1)
        self.index = 1000.0 * level / level[0]
        fund = self.index / self.index[0] * (2000.0 if market == "XTKS" else 50.0)
        costs = np.exp(-0.0012 * np.arange(t) * day)
        self.fund_prices = (
            np.round(np.outer(fund * costs, np.linspace(1.0, 1.3, max(1, len(extra)))) / tick) * tick
        )
        self.turnover = np.round(rng.uniform(0.001, 0.006, n) * self.cap[-1] / self.free_float, -6)
        self.spread = np.round(rng.uniform(0.0004, 0.0025, n), 6)
        # A security listed during the period, and one day without a trade.
        self.prices[:180, n - 1] = np.nan
        self.prices[400, n - 2] = np.nan

    def at(self, day: dt.date) -> int:
        """The row of the last session on or before a day."""
        return max(i for i, d in enumerate(self.dates) if d <= day)

    def price(self, code: str, day: dt.date) -> float:
        """The price of a security on a day."""
        column = [s.code for s in self.securities].index(code)
        return float(self.prices[self.at(day), column])

    @property
    def all(self) -> tuple[Security, ...]:
        """Members and funds."""
        return (*self.securities, *self.extra)

    def weights(self, day: dt.date) -> FloatArray:
        """Weights of the members by float-adjusted value."""
        cap = np.nan_to_num(self.cap[self.at(day)])
        shares: FloatArray = cap / cap.sum()
        return shares


def written(value: float) -> str:
    """A number with no more digits than it has."""
    return "" if np.isnan(value) else f"{value:.2f}".rstrip("0").rstrip(".")


def save(
    path: Path, rows: list[list[Any]], *, encoding: str = "utf-8", end: str = "\n", quote_data: bool = False
) -> None:
    """Rows as delimited text; `quote_data` quotes every field below the header."""
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator=end).writerow(rows[0])
    csv.writer(out, lineterminator=end, quoting=csv.QUOTE_ALL if quote_data else csv.QUOTE_MINIMAL).writerows(
        rows[1:]
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(out.getvalue().encode(encoding))


# -- files as the exchange and the providers lay them out -------------------------------------------


def index_weights(market: SampleMarket, path: Path) -> None:
    """As topixweight_j.csv: cp932, CRLF, four decimals and a per cent sign, notes below."""
    weights = market.weights(WEIGHT_DAY)
    order = np.argsort(-weights)
    classes = ["TOPIX Core30"] * 4 + ["TOPIX Large70"] * 8 + ["TOPIX Mid400"] * 20 + ["TOPIX Small 1"] * 16
    size = dict(zip(order, classes + ["TOPIX Small 2"] * 12))
    rows: list[list[Any]] = [
        ["日付", "銘柄名", "コード", "業種", "TOPIXに占める個別銘柄のウエイト", "ニューインデックス区分"]
    ]
    for n, s in enumerate(market.securities):
        rows.append([f"{WEIGHT_DAY:%Y%m%d}", s.name, s.code, s.sector, f"{weights[n]:.4%}", size[n]])
    notes = (
        "（注1）区分欄は規模による分類を表します。このファイルの銘柄・数値はすべて架空です。",
        "　　　・TOPIX Core30  … 最大の銘柄群",
        "　　　・TOPIX Large70 … それに次ぐ銘柄群",
        "",
        "お問い合わせ先",
        "架空のデータのため、お問い合わせ先はありません。",
        "",
        "【ご注意】",
        "・実在の指数・銘柄・会社とは関係ありません。",
    )
    save(path, rows + [[note, "", "", "", "", ""] for note in notes], encoding="cp932", end="\r\n")


def listed_issues(market: SampleMarket, path: Path) -> None:
    """As the J-Quants interface returns them: five-character codes, "-" where there is no size."""
    header = (
        "Date Code CompanyName CompanyNameEnglish Sector17Code Sector17CodeName Sector33Code Sector33CodeName"
    )
    rows: list[list[Any]] = [[*header.split(), "ScaleCategory", "MarketCode", "MarketCodeName"]]
    for s in market.all:
        fund = s.sector == "その他"
        place = ["0109", "その他"] if fund else ["0111", "プライム"]
        size = "-" if fund else "TOPIX Mid400"
        rows.append(
            [
                AS_OF,
                f"{s.code}0",
                s.name,
                f"{s.name_en.upper()} CO.,LTD.",
                1,
                "架空",
                s.sector_code,
                s.sector,
                size,
                *place,
            ]
        )
    first = market.securities[0]
    rows.append(
        [
            AS_OF,
            f"{first.code}5",
            f"{first.name}　優先株式",
            "PREFERRED",
            1,
            "架空",
            first.sector_code,
            first.sector,
            "-",
            "0111",
            "プライム",
        ]
    )
    save(path, rows)


def price_factors(market: SampleMarket, path: Path) -> None:
    """As Nikkei's file: cp932, CRLF, data quoted, a notice in the last line."""
    rng = np.random.default_rng([SEED, 3])
    sectors = {"電気機器": "技術", "情報・通信業": "技術", "銀行業": "金融", "保険業": "金融"}
    rows: list[list[Any]] = [["対象日付", "コード", "銘柄名", "株価換算係数", "業種", "セクター"]]
    for s in market.securities[:24]:
        factor = float(rng.choice([0.1, 0.2, 0.5, 1.0, 1.0, 1.0, 2.0, 2.4, 5.0]))
        rows.append(
            [
                f"{WEIGHT_DAY:%Y/%m/%d}",
                s.code,
                s.name,
                f"{factor:.1f}",
                s.sector,
                sectors.get(s.sector, "消費"),
            ]
        )
    rows.append(["これは架空のデータです。実在の指数・銘柄とは関係ありません。"])
    save(path, rows, encoding="cp932", end="\r\n", quote_data=True)


def gics(market: SampleMarket, path: Path) -> None:
    """As the public list of constituents: quoted places, dots in classes of shares."""
    rows: list[list[Any]] = [
        "Symbol,Security,GICS Sector,GICS Sub-Industry,Headquarters Location,Date added,CIK,Founded".split(
            ","
        )
    ]
    for n, s in enumerate(market.securities):
        rows.append(
            [
                s.code,
                s.name,
                s.sector,
                s.sub_industry,
                "Nowhere, Sample State",
                f"{2001 + n % 20}-03-04",
                9000000 + n,
                1950 + n,
            ]
        )
    save(path, rows)


def history_csv(market: SampleMarket, path: Path) -> None:
    """A wide file: a day a row, a code a column, funds last; empty where there is no price."""
    rows: list[list[Any]] = [["Date", *(s.code for s in market.all)]]
    both = np.hstack([market.prices, market.fund_prices])
    rows += [[d, *map(written, prices)] for d, prices in zip(market.dates, both)]
    save(path, rows)


def history_parquet(market: SampleMarket, path: Path) -> None:
    """The same as Parquet, as pandas leaves it: the date last; a dash in classes of shares."""
    import pyarrow as pa
    from pyarrow.parquet import write_table

    both = np.hstack([market.prices, market.fund_prices])
    columns = {
        s.code.replace(".", "-"): pa.array(both[:, n], from_pandas=True) for n, s in enumerate(market.all)
    }
    days = [dt.datetime(d.year, d.month, d.day) for d in market.dates]
    columns["Date"] = pa.array(days, pa.timestamp("ms"))
    path.parent.mkdir(parents=True, exist_ok=True)
    write_table(pa.table(columns), path, compression="zstd", use_dictionary=False, write_statistics=False)


def constituents(market: SampleMarket, path: Path, *, japanese: bool) -> None:
    """A constituents table of the templates."""
    weights = market.weights(AS_OF)
    if japanese:
        header = ["コード", "銘柄名", "業種", "国", "上場株式数", "浮動株比率", "上限係数", "公表ウェイト"]
    else:
        header = [
            "code",
            "name",
            "sector",
            "country",
            "shares_out",
            "free_float",
            "cap_factor",
            "published_weight",
        ]
    rows: list[list[Any]] = [header]
    for n, s in enumerate(market.securities):
        country = "JP" if japanese else "US"
        rows.append(
            [
                s.code,
                s.name,
                s.sector,
                country,
                f"{market.shares[n]:.0f}",
                f"{market.free_float[n]:.2f}",
                1,
                f"{weights[n]:.8f}",
            ]
        )
    save(path, rows)


def price_table(market: SampleMarket, path: Path, *, japanese: bool) -> None:
    """A prices table of the templates: members, funds, one security without a history and one without a price."""
    header = [
        "code",
        "name",
        "sector",
        "price",
        "price_date",
        "ccy",
        "adv",
        "spread",
        "unit_size",
        "identity_group",
        "source",
    ]
    if japanese:
        header = [
            "コード",
            "銘柄名",
            "業種",
            "株価",
            "価格日",
            "通貨",
            "平均売買代金",
            "スプレッド",
            "売買単位",
            "同一銘柄群",
            "出所",
        ]
    rows: list[list[Any]] = [header]
    ccy, unit = ("JPY", 100) if japanese else ("USD", 1)
    for n, s in enumerate(market.securities):
        price = written(float(market.prices[-1, n]))
        rows.append(
            [
                s.code,
                s.name,
                s.sector,
                price,
                AS_OF,
                ccy,
                f"{market.turnover[n]:.0f}",
                f"{market.spread[n]:.4f}",
                unit,
                "",
                "sample",
            ]
        )
    for n, s in enumerate(market.extra):
        price = written(float(market.fund_prices[-1, n]))
        group = "SAMPLE60"  # the funds follow one index: not each other's replacement
        rows.append(
            [
                s.code,
                s.name,
                s.sector or "ETF",
                price,
                AS_OF,
                ccy,
                "50000000",
                "0.0005",
                10 if japanese else 1,
                group,
                "sample",
            ]
        )
    if japanese:
        rows.append(
            [
                "1298",
                "新規上場の見本",
                "サービス業",
                "845",
                AS_OF,
                ccy,
                "90000000",
                "0.002",
                unit,
                "",
                "sample",
            ]
        )
        rows.append(["1299", "売買停止の見本", "その他製品", "", AS_OF, ccy, "0", "0.01", unit, "", "sample"])
    save(path, rows)


# -- funds -----------------------------------------------------------------------------------------


FUNDS: list[list[Any]] = [
    (
        "fund_code fund_name asset_class index_name vehicle ccy held ter gain_pct exit_charge quoted_spread "
        "quartile_prior nav_file distributions_file index_file"
    ).split(),
    "F1 見本ライブラリー1号 国内株式 見本60 投信 JPY 1 0.0019 0.12 0 0 1 library_nav.csv".split()
    + ["", "jp_index.csv"],
    "F2 見本インデックス 国内株式 見本60 投信 JPY 1 0.0042 0.02 0 0.001 4 manager_nav.csv".split()
    + ["", "jp_index.csv"],
    "F3 見本ライブラリー3号 国内株式 見本60 投信 JPY 0 0.0022 0 0 0 2 library_nav_c.csv".split()
    + ["", "jp_index.csv"],
    "F4 見本ライブラリー4号 国内株式 見本60 投信 JPY 0 0.0031 0 0 0 3 library_nav_d.csv".split()
    + ["", "jp_index.csv"],
    ["U1", "Eskerholm Sample 60 ETF", "US equity", "Sample 60", "ETF", "USD", 1, "0.0005", "0.2", 0, "0.0004"]
    + ["", "sponsor_nav.csv", "", "us_index.csv"],
]


def funds(jp: SampleMarket, us: SampleMarket, folder: Path) -> None:
    """Net asset values as a library, an asset manager and two US sponsors publish them."""
    folder.mkdir(parents=True, exist_ok=True)
    years = np.arange(len(jp.dates)) / 245.0
    nav = jp.index / jp.index[0] * 10000.0
    rows: list[list[Any]] = [["年月日", "基準価額(円)", "純資産総額（百万円）", "分配金", "決算期"]]
    value = np.round(nav * np.exp(-0.0019 * years))
    for n, d in enumerate(jp.dates):
        paid = d.month == 12 and jp.dates[min(n + 1, len(jp.dates) - 1)].month == 1
        value[n:] -= 50.0 if paid else 0.0  # quoted ex distribution
        rows.append(
            [
                f"{d:%Y年%m月%d日}",
                f"{value[n]:.0f}",
                f"{value[n] * 0.9:.0f}",
                50 if paid else "",
                d.year - 2023 if paid else "",
            ]
        )
    save(folder / "library_nav.csv", rows, encoding="cp932", end="\r\n")
    manager = np.round(nav * np.exp(-0.0042 * years))
    rows = [
        [
            "基準日",
            "基準価額(円)",
            "基準価額（分配金再投資）(円)",
            "分配金（税引前）(円)",
            "純資産総額（億円）",
        ]
    ]
    rows += [
        [f"{d:%Y/%m/%d}", f"{v:,.0f}", f"{v:,.0f}", "", f"{v / 90:.2f}"] for d, v in zip(jp.dates, manager)
    ]
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\r\n").writerow(["見本インデックスファンド"])
    csv.writer(out, lineterminator="\r\n", quoting=csv.QUOTE_ALL).writerows(rows)
    (folder / "manager_nav.csv").write_bytes(out.getvalue().encode("cp932"))
    for letter, cost in (("c", 0.0022), ("d", 0.0031)):
        level = np.round(nav * np.exp(-cost * years))
        more: list[list[Any]] = [["年月日", "基準価額(円)", "純資産総額（百万円）", "分配金", "決算期"]]
        more += [[f"{d:%Y年%m月%d日}", f"{v:.0f}", f"{v * 0.5:.0f}", "", ""] for d, v in zip(jp.dates, level)]
        save(folder / f"library_nav_{letter}.csv", more, encoding="cp932", end="\r\n")
    for name, market in (("jp_index.csv", jp), ("us_index.csv", us)):
        levels = zip(market.dates, market.index)
        save(folder / name, [["Date", "SAMPLE60"], *([d, f"{v:.4f}"] for d, v in levels)])
    save(folder / "funds.csv", FUNDS)
    share = us.index / us.index[0] * 50.0
    quarter = {(d.year, d.month): d for d in us.dates if d.month in (3, 6, 9, 12)}
    dividends = {d: 0.16 for d in quarter.values()}
    share -= np.cumsum([dividends.get(d, 0.0) for d in us.dates])  # quoted ex dividend
    rows = [["As Of", "NAV per Share", "Ex-Dividends", "Shares Outstanding"]]
    for n in range(len(us.dates) - 1, -1, -1):
        d = us.dates[n]
        rows.append(
            [
                f"{d:%b} {d.day:02d}, {d.year}",
                f"{share[n]:.2f}",
                f"{dividends[d]:.6f}" if d in dividends else "--",
                "21,500,000",
            ]
        )
    save(folder / "sponsor_nav.csv", rows)
    rows = [
        ["Fund Name:", "Eskerholm Sample 60 ETF", "", ""],
        ["Ticker Symbol:", "ZZETF", "", ""],
        ["", "", "", ""],
    ]
    rows.append(["Date", "NAV", "Shares Outstanding", "Total Net Assets"])
    for n in range(len(us.dates) - 1, -1, -1):
        d = us.dates[n]
        rows.append([f"{d:%d-%b-%Y}", f"{share[n] * 0.998:.4f}", "8000000", f"{share[n] * 0.998 * 8e6:.2f}"])
    rows.append(["Past performance of an invented fund says nothing.", "", "", ""])
    save(folder / "sponsor_history.csv", rows)
    save(
        folder / "distributions.csv",
        [["Date", "Dividends"], *([d, f"{a:.4f}"] for d, a in sorted(dividends.items()))],
    )


def main(folder: Path) -> None:
    """Write every sample file below `folder`."""
    jp = SampleMarket("XTKS", JP_SECURITIES, JP_ETFS, 1.0, (450.0, 6000.0), 1)
    us = SampleMarket("XNYS", US_SECURITIES, US_ETFS, 0.01, (20.0, 320.0), 2)
    market = folder / "market"
    index_weights(jp, market / "topixweight_j.csv")
    listed_issues(jp, market / "jp_listed_info.csv")
    price_factors(jp, market / "price_adjustment_factor.csv")
    gics(us, market / "us_sectors.csv")
    history_csv(jp, market / "jp_history.csv")
    history_parquet(us, market / "us_history.parquet")
    constituents(jp, market / "jp_constituents.csv", japanese=True)
    constituents(us, market / "us_constituents.csv", japanese=False)
    price_table(jp, market / "jp_prices.csv", japanese=True)
    price_table(us, market / "us_prices.csv", japanese=False)
    funds(jp, us, folder / "funds")
    for name, rows in people.tables(jp, us, SEED).items():
        save(folder / "clients" / f"{name}.csv", rows)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
