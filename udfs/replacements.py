"""REPLACEMENTS: what to buy in place of a security sold at a loss."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any

import numpy as np

from xlplugin.core.accounts import AccountKind
from xlplugin.core.securities import security_code
from xlplugin.engines.harvesting.replacements import SwapRisk, SwapRules, rank_peers, swap_risk
from xlplugin.errors import ErrorValue, InputError, MissingError, PassedOnError, ShapeError
from xlplugin.tax.wash_sales import window
from xlplugin.worksheet.convert import read_table
from xlplugin.worksheet.kinds import (
    Cells,
    Choice,
    Column,
    Help,
    Kind,
    Matrix,
    Option,
    OptionalRecords,
    OptionalSettings,
    OptionSchema,
    Records,
    Rows,
    Spill,
    Table,
    TableSchema,
)
from xlplugin.worksheet.registry import worksheet_function
from xlplugin.worksheet.tables import PAIRS, TRADES, UNIVERSE

__all__ = ["REPLACEMENTS_OPTIONS", "replacements"]

MAX_NAMES = 4000  # behind a handle; cells are refused above 800 when they are read

CODES = TableSchema(
    "CODES",
    "売却銘柄",
    (Column("code", ("銘柄コード", "コード", "証券コード", "売却銘柄"), Kind.CODE, required=True),),
)

REPLACEMENTS_OPTIONS = OptionSchema(
    (
        Option("count", ("件数",), Kind.WHOLE, 5, between=(1, MAX_NAMES)),
        Option(
            "same_sector",
            ("同業種",),
            Kind.TEXT,
            "PREFER",
            choice=Choice(
                "PREFER",
                "REQUIRE",
                "IGNORE",
                japanese={"優先": "PREFER", "必須": "REQUIRE", "問わない": "IGNORE"},
            ),
        ),
        Option("as_of", ("基準日",), Kind.DAY, None),
        Option("account_kind", ("口座区分",), Kind.TEXT, None),
        Option("header", ("見出し",), Kind.FLAG, True),
        Option("columns", ("列",), Kind.TEXT, None),
    ),
    shapes_output=True,
)

COLUMNS = {
    "sold_code": "売却銘柄",
    "rank": "順位",
    "code": "銘柄コード",
    "name": "銘柄名",
    "sector": "業種",
    "same_sector": "同業種",
    "correlation": "相関",
    "beta": "ベータ",
    "tracking_error": "推定TE",
    "price": "時価",
    "identity_group": "同一銘柄群",
    "status": "判定",
    "reason": "理由",
}


@worksheet_function(
    "REPLACEMENTS",
    category="Harvest",
    ja="代替銘柄",
    help_ja="売却銘柄の代わりに買う候補を、乗り換え後の推定トラッキングエラーが小さい順に並べます。",
    columns=COLUMNS,
    source="methodology 6.5; 26 USC 1091(a)",
)
def replacements(
    codes: Annotated[
        Cells,
        Help(
            "The security sold: one code, a column of codes, or a table with a code column (a HARVEST block)",
            "売却銘柄(コード、コードの列、または銘柄コード列のある表)",
        ),
    ],
    universe: Annotated[
        Records,
        Help("Candidates with weight, in the order of covariance", "候補の対象表(共分散の順)"),
        UNIVERSE,
    ],
    covariance: Annotated[Matrix, Help("Covariance per year, n x n", "年率の共分散(n×n)"), Rows("universe")],
    pairs: Annotated[
        OptionalRecords,
        Help("Allowed and forbidden pairs, the adviser's judgement", "可・不可の組合せ表"),
        PAIRS,
    ] = None,
    options: Annotated[
        OptionalSettings,
        Help(
            "Two columns, name and value: count, same_sector, as_of, account_kind",
            "設定(件数、同業種、基準日、口座区分)",
        ),
        REPLACEMENTS_OPTIONS,
    ] = None,
    trades: Annotated[
        OptionalRecords, Help("Recent sales at a loss in the household", "世帯内の最近の損失売却"), TRADES
    ] = None,
) -> Spill:
    """Candidates to buy in place of a security sold, the smallest tracking error left first.

    The whole weight of the sold name moves into the candidate. For each code up to `count` candidates
    follow, then the blocked ones with their reason. Which securities count as identical is
    the adviser's judgement: it comes from identity groups and pairs, never from correlation. Every
    SELL row of `trades` counts as a sale at a loss; without `as_of` of any day, else within the
    wash-sale window around it. In Japan (`account_kind`) both are only flagged.

    Examples
    --------
    >>> from xlplugin.worksheet.calling import call
    >>> from xlplugin.worksheet.registry import REGISTRY
    >>> universe = [["code", "weight"], ["A", 0.4], ["B", 0.4], ["C", 0.2]]
    >>> S = [[0.04, 0.018, 0.012], [0.018, 0.0625, 0.015], [0.012, 0.015, 0.09]]
    >>> [row[2] for row in call(REGISTRY["REPLACEMENTS"], "A", universe, S)[1:]]
    ['B', 'C']
    """
    given = REPLACEMENTS_OPTIONS.defaults() | (options or {})
    n = len(universe)
    if n > MAX_NAMES:
        raise InputError(f"universe: {n} names; at most {MAX_NAMES} are compared")
    if covariance.shape != (n, n):
        raise ShapeError("covariance", got=covariance.shape, expected=(n, n))
    weights, holdings = _weights(universe)
    rules = _rules(universe, pairs, trades, given)
    place = {code: number for number, code in reversed(list(enumerate(universe["code"])))}
    sold = _codes(codes)
    if not any(code in place for code in sold):
        raise MissingError(f"codes: {', '.join(sold[:5])} is not in the universe; add it with its weight")
    rows: list[list[Any]] = []
    for code in sold:
        if code not in place:
            rows.append(_only_reason(code, "UNKNOWN", "NOT_IN_UNIVERSE"))
            continue
        risk = swap_risk(place[code], weights, holdings, covariance)
        rows += _rows(code, place[code], risk, rules, universe, given["count"])
    return Spill(tuple(COLUMNS), rows)


def _codes(block: list[list[Any]]) -> list[str]:
    if len(block) > 1 and any(isinstance(c, str) and CODES.find(c) is not None for c in block[0]):
        found = read_table(block, CODES, "codes")["code"]
    else:
        if min(len(block), len(block[0])) != 1:
            raise InputError(
                f"codes: {len(block)} rows x {len(block[0])} columns without a header named code; give one "
                "code, one column of codes, or a table with its header row"
            )
        found = []
        for number, value in enumerate((c for row in block for c in row), start=1):
            if isinstance(value, ErrorValue):
                raise PassedOnError(f"codes, row {number}", value)
            if isinstance(value, dt.date):
                raise InputError(f"codes, row {number}: {value} is a date; give security codes")
            found.append(None if value is None else security_code(value))
    wanted = list(dict.fromkeys(code for code in found if code))
    if not wanted:
        raise MissingError("codes: there is no code; give the security to be sold")
    return wanted


def _weights(universe: Table) -> tuple[np.ndarray[Any, np.dtype[np.float64]], ...]:
    weights = universe["weight"]
    for number, weight in zip(universe.row_numbers, weights, strict=True):
        if weight is None:
            why = universe.problem(number, "weight") or "it is blank; a blank is not zero"
            raise MissingError(f"universe, row {number}, weight: {why}")
    holdings = [w if h is None else h for h, w in zip(universe["holding"], weights, strict=True)]
    return np.array(weights, dtype=np.float64), np.array(holdings, dtype=np.float64)


def _rules(universe: Table, pairs: Table | None, trades: Table | None, given: dict[str, Any]) -> SwapRules:
    codes = [code or "" for code in universe["code"]]
    groups = [g or code for g, code in zip(universe["identity_group"], codes, strict=True)]
    group_of = dict(zip(codes, groups, strict=True))
    kind = AccountKind.of(given["account_kind"]) if given["account_kind"] else None
    days = None if given["as_of"] is None else window(given["as_of"])
    recent = set()
    for record in trades.records() if trades else ():
        if record["side"] == "SELL" and record["code"] and record["planned"] != "cancelled":
            if days is not None and record["trade_date"] is None:
                raise InputError(f"trades, row {record['row']}: trade_date is blank; fill it in")
            if days is None or days[0] <= record["trade_date"] <= days[1]:
                recent.add(record["identity_group"] or group_of.get(record["code"], record["code"]))
    return SwapRules(
        codes,
        groups,
        [sector or "" for sector in universe["sector"]],
        np.array([bool(flag) for flag in universe["restricted"]]),
        {(r["sold_code"], r["code"]): bool(r["allowed"]) for r in pairs.records()} if pairs else {},
        frozenset(recent),
        identical_blocks=kind is None or not kind.is_japanese,
        same_sector=given["same_sector"],
    )


def _rows(
    code: str, sold: int, risk: SwapRisk, rules: SwapRules, universe: Table, count: int
) -> list[list[Any]]:
    peers = rank_peers(sold, risk, rules)
    shown = [(place, rank) for rank, place in enumerate(peers.allowed[:count], start=1)]
    rows = []
    for place, rank in [*shown, *((place, None) for place in peers.blocked)]:
        correlation, beta = float(risk.correlation[place]), float(risk.beta[place])
        rows.append(
            [
                code,
                rank,
                rules.codes[place],
                universe["name"][place] or "",
                rules.sectors[place],
                bool(rules.sectors[place]) and rules.sectors[place] == rules.sectors[sold],
                correlation if np.isfinite(correlation) else ErrorValue.NA,
                beta if np.isfinite(beta) else ErrorValue.NA,
                float(risk.tracking_error[place]),
                universe["price"][place],
                universe["identity_group"][place] or "",
                "OK" if rank else "BLOCKED",
                "; ".join(peers.reasons.get(place, ())),
            ]
        )
    return rows or [_only_reason(code, "BLOCKED", "OTHER_SECTOR")]


def _only_reason(code: str, status: str, reason: str) -> list[Any]:
    return [code, *[None] * (len(COLUMNS) - 3), status, reason]
