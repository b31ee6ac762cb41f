"""The funds of a cost audit: one row per fund, with the files of its series and of its index.

The table is CSV, Excel or Parquet. `nav_file`, `distributions_file` and `index_file` are paths
relative to the table; any format of a fund series will do, and for an index also a wide price
file (`index_column` says which column, where it has several). Rows of a series are passed on as
they stand: the audit checks them before it computes anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from xlplugin.engines.fund_audit.decisions import Candidate
from xlplugin.engines.fund_audit.series import Observation
from xlplugin.errors import FileError
from xlplugin.store import cells
from xlplugin.store.cells import Wanted
from xlplugin.store.files import open_grid
from xlplugin.store.format import read
from xlplugin.store.formats.fund_series import FundSeries
from xlplugin.store.formats.prices import PriceHistory
from xlplugin.store.grids import Field, Matched, Shape, match

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["AuditedFund", "index_series", "nav_series", "read_funds"]


@dataclass(frozen=True)
class AuditedFund:
    """One fund of an audit: its row, its series and that of its index."""

    code: str
    name: str
    index_name: str
    currency: str
    row: dict[str, Any]
    series: tuple[Observation, ...]
    index: tuple[Observation, ...]

    def candidate(self, td: float | None, deviation: float | None, paid: float | None) -> Candidate:
        """The fund as the decision sees it, with the figures just computed.

        Parameters
        ----------
        td, deviation, paid : float or None
            Three-year TD after tax, dispersion of the yearly TD, distributions over the level.
        """
        row = self.row

        def number(key: str, default: float | None = None) -> Any:
            return default if row.get(key) is None else float(row[key])

        def flag(key: str, *, default: bool) -> bool:
            return default if row.get(key) is None else bool(row[key])

        return Candidate(
            code=self.code,
            group=str(row.get("asset_class") or ""),
            td=td,
            held=flag("held", default=True),
            nisa=row.get("account_kind") == "JP_NISA",
            gain=number("gain_pct", 0.0),
            exit_cost=number("exit_charge", 0.0),
            entry_cost=number("sales_charge", 0.0),
            quartile_before=None if row.get("quartile_prior") is None else int(row["quartile_prior"]),
            deviation=deviation,
            deviation_before=number("deviation_prior"),
            spread=number("quoted_spread"),
            spread_before=number("spread_prior"),
            ter=number("ter"),
            distribution=paid,
            hedged=flag("hedged", default=False),
            hedge_reason=flag("hedge_reason", default=True),
            etf=row.get("vehicle") == "ETF",
            assets=number("nav_total"),
        )


_VEHICLE = cells.choice({"ETF": ("上場投信",), "FUND": ("投信", "投資信託", "index fund")})
_SHAPE = Shape(
    "funds",
    (
        Field("fund_code", ("ファンドコード", "Fund code"), cells.text, required=True, needed=True),
        Field("fund_name", ("ファンド名", "Fund"), cells.text),
        Field("asset_class", ("資産クラス", "Asset class"), cells.text, required=True, needed=True),
        Field("index_name", ("対象指数", "Index"), cells.text),
        Field("vehicle", ("形態", "Vehicle"), _VEHICLE),
        Field("ccy", ("通貨", "Currency"), cells.text),
        Field("account_kind", ("口座区分", "Account type"), cells.account_kind),
        Field("held", ("保有", "Held"), cells.flag),
        Field("hedged", ("為替ヘッジ", "Hedged"), cells.flag),
        Field("hedge_reason", ("ヘッジの理由あり", "Reason for hedging"), cells.flag),
        Field("ter", ("信託報酬(税込)", "TER"), cells.fraction),
        Field("gain_pct", ("損益率", "Gain %"), cells.fraction),
        Field("sales_charge", ("購入時手数料", "Sales charge"), cells.fraction),
        Field("exit_charge", ("信託財産留保額", "Exit charge"), cells.fraction),
        Field("quoted_spread", ("気配スプレッド", "Quoted spread"), cells.fraction),
        Field("spread_prior", ("前回スプレッド", "Prior spread"), cells.fraction),
        Field("deviation_prior", ("前回のばらつき", "Prior TD deviation"), cells.fraction),
        Field("quartile_prior", ("前回四分位", "Prior quartile"), cells.whole),
        Field("nav_total", ("純資産", "Net assets"), cells.non_negative),
        Field("nav_file", ("基準価額ファイル", "NAV file"), cells.text, required=True, needed=True),
        Field("distributions_file", ("分配金ファイル", "Distributions file"), cells.text),
        Field("index_file", ("指数ファイル", "Index file"), cells.text, required=True, needed=True),
        Field("index_column", ("指数の列", "Index column"), cells.text),
    ),
)


def read_funds(path: Path) -> list[AuditedFund]:
    """Every fund of the table with its series.

    Raises
    ------
    FileError
        If the table or a file it names cannot be read, with the place.
    """
    table = match(open_grid(path), _SHAPE)
    if not len(table):
        raise table.grid.fail(None, "", Wanted("at least one fund", "1本以上のファンド"), "none")
    table.refuse_repeated("fund_code")
    return [_fund(path.parent, table, n, row) for n, row in enumerate(table.records())]


def _fund(folder: Path, table: Matched, record: int, row: dict[str, Any]) -> AuditedFund:
    currency = str(row.get("ccy") or "JPY")
    series = nav_series(folder, row["nav_file"], row.get("distributions_file"))
    index = index_series(table, record, folder / row["index_file"], row.get("index_column"))
    code = str(row["fund_code"])
    return AuditedFund(
        code,
        str(row.get("fund_name") or series.name or code),
        str(row.get("index_name") or ""),
        currency,
        row,
        _observations(row["nav_file"], series, currency),
        _observations(row["index_file"], index, currency),
    )


@lru_cache(maxsize=64)
def _series(path: Path) -> FundSeries:
    kind, found = read(path)
    if not isinstance(found, FundSeries):
        raise FileError(f"{path}: expected the series of a fund, found {kind.title.en}")
    return found


def nav_series(folder: Path, nav_file: str, distributions_file: str | None) -> FundSeries:
    """The net asset values of a fund, with the distributions of another file where there is one."""
    series = _series(folder / nav_file)
    return series.with_distributions(_series(folder / distributions_file)) if distributions_file else series


def index_series(table: Matched, record: int, path: Path, column: str | None) -> FundSeries:
    """The levels of an index: a series, or one column of a wide file of prices.

    Raises
    ------
    FileError
        If the file holds neither, or several columns and `column` names none of them; the place is that
        of `record` of `table`, the table of funds.
    """
    kind, found = read(path)
    if isinstance(found, FundSeries):
        return found
    if not isinstance(found, PriceHistory):
        raise FileError(f"{path}: expected levels of an index, found {kind.title.en}")
    if column is None and len(found.codes) == 1:
        column = found.codes[0]
    if column not in found.codes:
        names = ", ".join(found.codes[:6])
        raise table.fail(
            record, "index_column", Wanted(f"a column of {path.name}: {names}", names), column or ""
        )
    levels = found.values[:, found.codes.index(column)]
    return FundSeries(column, found.dates, levels, levels * 0.0, levels * float("nan"))


def _observations(file: str, series: FundSeries, currency: str) -> tuple[Observation, ...]:
    rows = zip(series.dates, series.nav.tolist(), series.distribution.tolist(), strict=True)
    return tuple(
        Observation(f"{file} {day}", day, level, paid, currency=currency)
        for day, level, paid in rows
        if level == level
    )
