"""FUND_DECISIONS: rank, quartile and keep, watch, stop buying or replace for every fund of an audit.

The rule is methodology 3.6; `xlplugin/engines/fund_audit/SPEC.md` states it in clauses.
"""

from __future__ import annotations

from typing import Annotated, Any

from udfs.cost import QUOTES
from udfs.fund_audit import CHOSEN, FUNDS, FUNDS_HELP, HEADER, RATE
from xlplugin.engines import fund_audit as audit
from xlplugin.errors import ErrorValue, MissingError
from xlplugin.worksheet.kinds import (
    Column,
    Help,
    Kind,
    Option,
    OptionalRecords,
    OptionalSettings,
    OptionSchema,
    Records,
    Spill,
    Table,
    TableSchema,
    plain,
)
from xlplugin.worksheet.registry import worksheet_function

__all__ = ["fund_decisions"]

TRACKING = TableSchema(
    "TRACKING",
    "追跡差表",
    (
        Column("fund_code", ("ファンドコード",), Kind.TEXT, required=True),
        Column("td_three_net", ("税引後追跡差3年",), Kind.NUMBER, required=True, also=("TD 3y after tax",)),
        Column("td_sd", ("追跡差のばらつき",), Kind.NUMBER, also=("TD deviation",)),
        Column("distribution_yield", ("分配金利回り",), Kind.NUMBER),
    ),
)
AUDITS = TableSchema(
    "AUDITS",
    "監査記録表",
    (
        Column("audit_year", ("点検年",), Kind.WHOLE, required=True),
        Column("fund_code", ("ファンドコード",), Kind.TEXT, required=True),
        Column("quartile", ("四分位",), Kind.WHOLE),
        Column("td_sd", ("追跡差のばらつき",), Kind.NUMBER, also=("TD deviation",)),
        Column("quoted_spread", ("気配スプレッド",), Kind.NUMBER),
        Column("decision", ("結論",), Kind.TEXT),
    ),
)
OPTIONS = OptionSchema(
    (
        Option("audit_year", ("点検年",), Kind.WHOLE, None),
        RATE,
        Option("deferral", ("繰延価値",), Kind.NUMBER, 0.0, between=(0, 1)),
        Option("horizon", ("期間",), Kind.NUMBER, 5.0, between=(0, 100)),
        Option("high_distribution", ("高分配の基準",), Kind.NUMBER, 0.03, between=(0, 1)),
        Option("wide_spread", ("広いスプレッドの基準",), Kind.NUMBER, 0.0020, between=(0, 1)),
        Option("small_fund", ("小さい純資産の基準",), Kind.NUMBER, 3e9),
        Option("foreign_debt", ("外貨の負債",), Kind.FLAG, False),
        HEADER,
        CHOSEN,
    ),
    shapes_output=True,
)
_HEDGED = {plain(word) for word in ("1", "TRUE", "yes", "あり", "有")}

COLUMNS = {
    "fund_code": "ファンドコード",
    "td_three_net": "税引後追跡差3年",
    "rank": "順位",
    "peers": "比較本数",
    "quartile": "四分位",
    "quartile_prior": "前回四分位",
    "best": "最良のファンド",
    "saving": "年間差",
    "switch_cost": "入替費用",
    "breakeven_years": "損益分岐年数",
    "decision": "結論",
    "decision_prior": "前回の結論",
    "traps": "落とし穴",
    "status": "判定",
    "reason": "理由",
}


@worksheet_function(
    "FUND_DECISIONS",
    category="Fund",
    ja="入替判定の一覧",
    help_ja="全ファンドの順位・四分位と、継続・要観察・新規買付停止・入替検討の判定、年間差、入替費用、回収年数、四つの落とし穴を返します。",
    columns=COLUMNS,
    source="methodology 3.6",
)
def fund_decisions(
    funds: Annotated[Records, FUNDS_HELP, FUNDS],
    tracking: Annotated[
        Records,
        Help("Result of FUND_AUDIT with its header row", "FUND_AUDITの結果(見出し付き)"),
        TRACKING,
    ],
    audits: Annotated[
        OptionalRecords,
        Help(
            "Record of earlier audits: audit_year, fund_code, quartile, td_sd, quoted_spread, decision",
            "過去の監査記録(点検年・ファンドコード・四分位・ばらつき・気配スプレッド・結論)",
        ),
        AUDITS,
    ] = None,
    quotes: Annotated[
        OptionalRecords,
        Help("Quotes: fund_code, quoted_spread", "気配記録(ファンドコード・気配スプレッド)"),
        QUOTES,
    ] = None,
    options: Annotated[
        OptionalSettings,
        Help(
            "audit_year, tax_rate, deferral, horizon, foreign_debt, high_distribution, wide_spread, ...",
            "点検年・税率・繰延価値・期間・落とし穴の基準・外貨の負債",
        ),
        OPTIONS,
    ] = None,
) -> Spill:
    """Rank and quartile of every fund in its class, and keep, watch, stop buying or replace with break-even.

    Funds of one asset class and one hedging policy are peers. Worst quartile: WATCH; worst at the audit
    of the year before as well: REPLACE if the switch pays back within the horizon, else STOP_BUYING.

    Examples
    --------
    >>> from xlplugin.worksheet.convert import block, read_table
    >>> codes, tds = ["A", "B", "C", "D"], [-0.0042, -0.0019, -0.0024, -0.0031]
    >>> rows = [["fund_code", "held", "exit_charge"], *[[c, 1.0, 0.001] for c in codes]]
    >>> track = [["fund_code", "td_three_net"], *map(list, zip(codes, tds))]
    >>> table = fund_decisions(
    ...     read_table(block(rows), FUNDS, "funds"), read_table(block(track), TRACKING, "tracking")
    ... )
    >>> table.rows[0][4], table.rows[0][10]
    (4, 'WATCH')
    """
    settings = OPTIONS.defaults() | (options or {})
    if not len(funds):
        raise MissingError("funds: the table has no rows; enter at least one fund")
    keys = ("tax_rate", "deferral", "horizon", "high_distribution", "wide_spread", "small_fund")
    terms = audit.Terms(**{key: settings[key] for key in keys}, foreign_debt=settings["foreign_debt"])
    figures = {row["fund_code"]: row for row in tracking.records()}
    before, spreads = _last_audit(audits, settings["audit_year"]), _spreads(quotes)
    candidates = [
        _candidate(row, figures.get(row["fund_code"], {}), before, spreads) for row in funds.records()
    ]
    rows = []
    for one, verdict in zip(candidates, audit.decide(candidates, terms), strict=True):
        decided = verdict.decision
        figures_of = (verdict.saving, verdict.one_off, verdict.breakeven_years)
        rows.append(
            [
                one.code,
                *map(_or_na, (one.td, verdict.rank)),
                verdict.peers,
                *map(_or_na, (verdict.quartile, one.quartile_before)),
                verdict.best,
                *map(_or_na, figures_of),
                decided.value if decided else "",
                before.get(one.code, {}).get("decision") or "",
                "; ".join(verdict.traps),
                "OK" if decided else "UNKNOWN",
                "; ".join(verdict.reasons),
            ]
        )
    return Spill(tuple(COLUMNS), rows)


def _last_audit(audits: Table | None, year: int | None) -> dict[str, dict[str, Any]]:
    """The audit of the year before, by fund; without a year, the newest on record."""
    if audits is None or not len(audits):
        return {}
    years = [recorded for recorded in audits["audit_year"] if recorded is not None]
    wanted = max(years, default=None) if year is None else year - 1
    return {row["fund_code"]: row for row in audits.records() if row["audit_year"] == wanted}


def _candidate(
    row: dict[str, Any],
    figures: dict[str, Any],
    before: dict[str, dict[str, Any]],
    spreads: dict[str, float],
) -> audit.Candidate:
    code, value, cost = row["fund_code"] or "", row["value"], row["cost_basis"]
    hedged = plain(row["hedged"] or "") in _HEDGED
    spread, last = spreads.get(code), before.get(code, {})
    half = (spread or 0.0) / 2.0
    return audit.Candidate(
        code,
        f"{row['asset_class'] or ''}|{hedged:d}",
        figures.get("td_three_net"),
        held=bool(row["held"]),
        nisa="NISA" in (row["account_kind"] or "").upper(),
        gain=(value - cost) / value if value and cost is not None else 0.0,
        exit_cost=half + (row["exit_charge"] or 0.0),
        entry_cost=half + (row["sales_charge"] or 0.0),
        quartile_before=last.get("quartile"),
        deviation=figures.get("td_sd"),
        deviation_before=last.get("td_sd"),
        spread=spread,
        spread_before=last.get("quoted_spread"),
        ter=row["ter"],
        distribution=figures.get("distribution_yield"),
        accumulating=row["accumulating"] is not False,
        hedged=hedged,
        hedge_reason=bool(row["hedge_reason"]),
        etf=(row["vehicle"] or "").upper() == "ETF",
        assets=row["nav_total"],
    )


def _spreads(quotes: Table | None) -> dict[str, float]:
    """Mean quoted spread by fund; a row without a spread is left out."""
    seen: dict[str, list[float]] = {}
    for row in quotes.records() if quotes is not None else ():
        if row["fund_code"] and row["quoted_spread"] is not None:
            seen.setdefault(row["fund_code"], []).append(row["quoted_spread"])
    return {code: sum(values) / len(values) for code, values in seen.items()}


def _or_na(value: Any) -> Any:
    return ErrorValue.NA if value is None else value
