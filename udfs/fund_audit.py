"""FUND_AUDIT, FUND_YEARS: what every fund of an audit delivered against its index.

One call per table; the rules stand in `xlplugin/engines/fund_audit/SPEC.md`. A series that is wrong in
one cell has no figures: `status`, `reason` and `where` say why and in which row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from xlplugin.engines import fund_audit as audit
from xlplugin.errors import ErrorValue, InputError, MissingError
from xlplugin.risk.tracking import DIFFERENCE_METHODS
from xlplugin.worksheet.kinds import (
    Choice,
    Column,
    Day,
    Help,
    Kind,
    Option,
    OptionalSettings,
    OptionSchema,
    Records,
    Spill,
    Table,
    TableSchema,
)
from xlplugin.worksheet.registry import worksheet_function

if TYPE_CHECKING:
    import datetime as dt

    from xlplugin.engines.fund_audit import Fault, FundTracking, Observation, Pair

__all__ = ["fund_audit", "fund_years", "observations"]

SERIES = TableSchema(
    "SERIES",
    "系列表",
    (
        Column("series_id", ("系列",), Kind.TEXT, required=True, also=("Series",)),
        Column("obs_date", ("日付",), Kind.DAY, required=True, also=("Date",)),
        Column("level_value", ("水準",), Kind.NUMBER, required=True, also=("Level",)),
        Column("distribution_paid", ("分配金",), Kind.NUMBER),
        Column("special_paid", ("うち元本払戻金",), Kind.NUMBER, also=("Of which return of capital",)),
        Column("unit_split", ("分割比率",), Kind.NUMBER),
        Column("ccy", ("通貨",), Kind.TEXT, also=("Currency",)),
    ),
)
FUNDS = TableSchema(
    "FUNDS",
    "ファンド表",
    (
        Column("fund_code", ("ファンドコード",), Kind.TEXT, required=True),
        Column("fund_name", ("ファンド名",), Kind.TEXT, also=("Fund",)),
        Column("asset_class", ("資産クラス",), Kind.TEXT),
        Column("hedged", ("為替ヘッジ",), Kind.TEXT),
        Column("index_name", ("対象指数",), Kind.TEXT, also=("Index",)),
        Column("ccy", ("通貨",), Kind.TEXT, also=("Currency",)),
        Column("account_kind", ("口座区分",), Kind.TEXT),
        Column("held", ("保有",), Kind.FLAG),
        Column("value", ("評価額",), Kind.NUMBER, also=("Market value",)),
        Column("cost_basis", ("取得価額",), Kind.NUMBER),
        Column("vehicle", ("形態",), Kind.TEXT),
        Column("accumulating", ("積立の目的",), Kind.FLAG),
        Column("hedge_reason", ("ヘッジの理由",), Kind.TEXT),
        Column("nav_total", ("純資産",), Kind.NUMBER, also=("Net assets",)),
        Column("ter", ("信託報酬(税込)",), Kind.NUMBER),
        Column("sales_charge", ("購入時手数料",), Kind.NUMBER),
        Column("exit_charge", ("信託財産留保額",), Kind.NUMBER),
    ),
)
HEADER = Option("header", ("見出し",), Kind.FLAG, True)
CHOSEN = Option("columns", ("列",), Kind.TEXT, None)
RATE = Option("tax_rate", ("税率",), Kind.NUMBER, 0.20315, between=(0, 1))
TD_OPTIONS = OptionSchema(
    (
        Option("method", ("方式",), Kind.TEXT, "CAGR", choice=Choice(*DIFFERENCE_METHODS)),
        RATE,
        Option("jump", ("急変の限度",), Kind.NUMBER, 0.10, between=(0.001, 10)),
        Option("outlier", ("異常月の倍率",), Kind.NUMBER, 8.0, between=(1, 100)),
        Option("floor", ("異常月の下限",), Kind.NUMBER, 0.0025, between=(0, 1)),
        HEADER,
        CHOSEN,
    ),
    shapes_output=True,
)
_PLACES = {
    "series_id": "系列",
    "obs_date": "日付",
    "level_value": "水準",
    "distribution_paid": "分配金",
    "special_paid": "うち元本払戻金",
    "unit_split": "分割比率",
    "ccy": "通貨",
    "index_name": "対象指数",
    "fund_code": "ファンドコード",
}

_SERIES_HELP = Help(
    "Levels by series: series_id, obs_date, level_value, distribution_paid, special_paid, unit_split, ccy; "
    "ascending dates in each series",
    "系列・日付・水準・分配金・うち元本払戻金・分割比率・通貨(系列ごとに日付順)",
)
FUNDS_HELP = Help(
    "Funds: fund_code is the series of the fund, index_name the series of its index",
    "ファンド表(ファンドコード=ファンドの系列、対象指数=指数の系列)",
)
_AS_OF_HELP = Help("Day of the audit; the last complete month counts", "点検の基準日(最後の完了月まで)")


@worksheet_function(
    "FUND_AUDIT",
    category="Fund",
    ja="ファンド追跡差の一覧",
    help_ja="系列表から、全ファンドの1・3・5年の追跡差(税引前・税引後)、ばらつき、最悪年、TEを返します。誤りのある系列は値を返さず理由と行を示します。",
    columns={
        "fund_code": "ファンドコード",
        "months": "月数",
        "end_date": "最終月末",
        "td_one": "追跡差1年",
        "td_three": "追跡差3年",
        "td_five": "追跡差5年",
        "td_one_net": "税引後追跡差1年",
        "td_three_net": "税引後追跡差3年",
        "td_five_net": "税引後追跡差5年",
        "td_sd": "追跡差のばらつき",
        "worst_year": "最も悪い年",
        "te": "TE",
        "volatility": "変動率",
        "drawdown": "最大下落率",
        "distribution_yield": "分配金利回り",
        "status": "判定",
        "reason": "理由",
        "where": "場所",
    },
    source="methodology 3.1, 3.6",
)
def fund_audit(
    series: Annotated[Records, _SERIES_HELP, SERIES],
    funds: Annotated[Records, FUNDS_HELP, FUNDS],
    as_of: Annotated[Day, _AS_OF_HELP],
    options: Annotated[
        OptionalSettings,
        Help("method, tax_rate, jump, outlier, floor, header, columns", "方式・税率・急変の限度・異常月"),
        TD_OPTIONS,
    ] = None,
) -> Spill:
    """Tracking difference of every fund over 1, 3 and 5 years, before and after tax, with its dispersion.

    One row per fund in the order of the table. A series with a missing month, a date that stands twice,
    a split of units, another currency or an unreadable cell is refused: `reason` says why, `where` in
    which row. Months that stand out are named beside the figures (status CHECK).

    Examples
    --------
    >>> import datetime as dt
    >>> from xlplugin.worksheet.convert import block, read_table
    >>> rows = [["series_id", "obs_date", "level_value"]]
    >>> for month in range(13):
    ...     day = dt.date(2025 + month // 12, month % 12 + 1, 28)
    ...     rows += [["F", day, 100 + 9.4 * month / 12], ["I", day, 100 + 10.0 * month / 12]]
    >>> funds = [["fund_code", "index_name"], ["F", "I"]]
    >>> table = fund_audit(
    ...     read_table(block(rows), SERIES, "series"),
    ...     read_table(block(funds), FUNDS, "funds"),
    ...     dt.date(2026, 1, 31),
    ... )
    >>> round(table.rows[0][3], 6), table.rows[0][-3:]
    (-0.006, ['OK', 'SHORT_HISTORY', ''])
    """
    settings = TD_OPTIONS.defaults() | (options or {})
    return Spill(
        _AUDIT_KEYS,
        [
            [code, *_figures(audit.figures(pair, settings["method"]), series)]
            for code, pair in _pairs(series, funds, as_of, settings)
        ],
    )


_AUDIT_KEYS = (
    "fund_code",
    "months",
    "end_date",
    "td_one",
    "td_three",
    "td_five",
    "td_one_net",
    "td_three_net",
    "td_five_net",
    "td_sd",
    "worst_year",
    "te",
    "volatility",
    "drawdown",
    "distribution_yield",
    "status",
    "reason",
    "where",
)


def _figures(done: FundTracking, series: Table) -> list[Any]:
    spread = (done.deviation, done.worst_year, done.error, done.volatility, done.drawdown, done.paid)
    codes = "; ".join(sorted({fault.code for fault in done.faults}))
    where = "; ".join(text for fault in done.faults[:3] if (text := _where(fault, series)))
    months = done.months if done.end else None
    figures = map(_or_na, (months, done.end, *done.td, *done.td_net, *spread))
    return [*figures, done.status, codes, where]


def _where(fault: Fault, series: Table) -> str:
    """The place of a fault in the words of the table: row, column, what stands there."""
    if not fault.place:
        return ""
    if series.japanese:
        return f"{SERIES.ja}の{fault.place}行目「{_PLACES[fault.column]}」 {fault.found}".rstrip()
    return f"{series.name}, row {fault.place}, {fault.column}: {fault.found}".rstrip(": ")


@worksheet_function(
    "FUND_YEARS",
    category="Fund",
    ja="暦年の追跡差一覧",
    help_ja="全ファンドについて、完全な暦年ごとのファンド(税引後・再投資)と指数の収益率、追跡差を返します。",
    columns={
        "fund_code": "ファンドコード",
        "year": "年",
        "fund": "ファンド",
        "index": "指数",
        "difference": "追跡差",
        "status": "判定",
        "reason": "理由",
    },
    source="methodology 3.6",
)
def fund_years(
    series: Annotated[Records, _SERIES_HELP, SERIES],
    funds: Annotated[Records, FUNDS_HELP, FUNDS],
    as_of: Annotated[Day, _AS_OF_HELP],
    options: Annotated[OptionalSettings, Help("As in FUND_AUDIT", "FUND_AUDITと同じ"), TD_OPTIONS] = None,
) -> Spill:
    """Return of every fund and its index by complete calendar year, and the tracking difference.

    Incomplete years are left out; a fund without a complete year, or with a fault, keeps one row.

    Examples
    --------
    >>> import datetime as dt
    >>> from xlplugin.worksheet.convert import block, read_table
    >>> rows = [["series_id", "obs_date", "level_value"]]
    >>> for month in range(13):
    ...     day = dt.date(2024 + (month + 11) // 12, (month + 11) % 12 + 1, 28)
    ...     rows += [["F", day, 100 + 9.4 * month / 12], ["I", day, 100 + 10.0 * month / 12]]
    >>> funds = [["fund_code", "index_name"], ["F", "I"]]
    >>> table = fund_years(
    ...     read_table(block(rows), SERIES, "series"),
    ...     read_table(block(funds), FUNDS, "funds"),
    ...     dt.date(2025, 12, 31),
    ... )
    >>> table.rows[0][:2], round(table.rows[0][4], 6)
    (['F', 2025], -0.006)
    """
    settings = TD_OPTIONS.defaults() | (options or {})
    rows: list[list[Any]] = []
    for code, pair in _pairs(series, funds, as_of, settings):
        done = audit.figures(pair)
        years = [] if isinstance(pair, list) else audit.calendar_years(pair)
        rows += [[code, y.year, y.fund, y.index, y.difference, done.status, ""] for y in years]
        if not years:
            codes = "; ".join(sorted({fault.code for fault in done.faults}))
            rows.append(
                [code, *[ErrorValue.NA] * 4, done.status if codes else "UNKNOWN", codes or "SHORT_HISTORY"]
            )
    return Spill(("fund_code", "year", "fund", "index", "difference", "status", "reason"), rows)


# -- series to pairs ---------------------------------------------------------------------------------


def observations(series: Table) -> dict[str, list[Observation] | list[Fault]]:
    """The rows of every series, or the unreadable cells of it; a row without its series is refused."""
    broken: dict[int, list[tuple[str, str]]] = {}
    for place, key, sentence in series.problems:
        broken.setdefault(place, []).append((key, sentence))
    rows: dict[str, list[Observation]] = {}
    faults: dict[str, list[Fault]] = {}
    for row in series.records():
        number, name = row["row"], row["series_id"]
        if not name:
            raise InputError(
                f"{series.name}, row {number}: no series stands there; enter its key or clear the row"
            )
        for key, _ in broken.get(number, ()):
            faults.setdefault(name, []).append(audit.Fault("BAD_CELL", str(number), key, ""))
        for key in ("obs_date", "level_value"):
            if row[key] is None and key not in dict(broken.get(number, ())):
                faults.setdefault(name, []).append(audit.Fault("BAD_CELL", str(number), key, ""))
        if number in broken or row["obs_date"] is None or row["level_value"] is None:
            continue
        split = row["unit_split"]
        rows.setdefault(name, []).append(
            audit.Observation(
                str(number),
                row["obs_date"],
                row["level_value"],
                row["distribution_paid"] or 0.0,
                row["special_paid"] or 0.0,
                1.0 if split is None else split,
                (row["ccy"] or "").upper(),
            )
        )
    return {name: faults.get(name) or rows[name] for name in (*rows, *faults)}


def _pairs(
    series: Table, funds: Table, as_of: dt.date, settings: dict[str, Any]
) -> list[tuple[str, Pair | list[Fault]]]:
    """Every fund of the table with its checked history."""
    if not len(funds):
        raise MissingError("funds: the table has no rows; enter at least one fund")
    by_name = observations(series)
    limits = audit.Limits(settings["jump"], settings["outlier"], settings["floor"])
    codes = [code or "" for code in funds["fund_code"]]
    done: list[tuple[str, Pair | list[Fault]]] = []
    for row in funds.records():
        code, index = row["fund_code"] or "", row["index_name"] or ""
        pair = _wrong_fund(row, codes, by_name)
        if not pair:
            one, other = by_name[code], by_name[index]
            faults = [fault for part in (one, other) for fault in part if isinstance(fault, audit.Fault)]
            pair = faults or audit.compare(
                [o for o in one if isinstance(o, audit.Observation)],
                [o for o in other if isinstance(o, audit.Observation)],
                (row["ccy"] or "").upper(),
                as_of,
                tax=settings["tax_rate"],
                limits=limits,
            )
        done.append((code, pair))
    return done


def _wrong_fund(row: dict[str, Any], codes: list[str], by_name: dict[str, Any]) -> Any:
    """Faults of a row of the fund table itself."""
    code, index = row["fund_code"] or "", row["index_name"] or ""
    if not code:
        return [audit.Fault("NO_FUND_CODE", "", "fund_code", "")]
    if codes.count(code) > 1:
        return [audit.Fault("DOUBLE_FUND", "", "fund_code", code)]
    if not index:
        return [audit.Fault("NO_INDEX", "", "index_name", "")]
    return [audit.Fault("NO_SERIES", "", "series_id", name) for name in (code, index) if name not in by_name]


def _or_na(value: Any) -> Any:
    return ErrorValue.NA if value is None else value
