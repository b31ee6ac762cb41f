"""INDEX_CHANGES and INDEX_PROFILE: what a review changes and how an index looks (変更案・特性)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import numpy as np

from xlplugin.errors import ErrorValue, InputError, MissingError, NotFoundError
from xlplugin.index import changes
from xlplugin.index.liquidity import days_to_trade
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
)
from xlplugin.worksheet.registry import worksheet_function

if TYPE_CHECKING:
    from xlplugin.aliases import FloatArray

__all__ = ["index_changes", "index_profile"]

CONSTITUENTS = TableSchema(
    "CONSTITUENTS",
    "構成銘柄表",
    (
        Column("code", ("銘柄コード", "コード", "証券コード"), Kind.CODE, required=True),
        Column("name", ("銘柄名", "銘柄"), Kind.TEXT),
        Column("country", ("国",), Kind.TEXT),
        Column("sector", ("業種", "セクター"), Kind.TEXT),
        Column("size", ("規模区分", "規模"), Kind.TEXT),
        Column("adv", ("平均売買代金",), Kind.NUMBER),
        Column(
            "current_weight", ("現在ウェイト", "現在ウエート", "変更前ウェイト"), Kind.NUMBER, default=0.0
        ),
        Column("index_weight", ("指数ウェイト", "指数ウエート", "親指数"), Kind.NUMBER, default=0.0),
    ),
    lenient=False,
)

WEIGHTS = TableSchema(
    "WEIGHTS",
    "構成比率表",
    (
        Column("code", ("銘柄コード", "コード", "証券コード"), Kind.CODE, required=True),
        Column(
            "weight",
            ("構成比率", "ウエート", "ウェイト", "上限後ウェイト", "変更後ウェイト"),
            Kind.NUMBER,
            required=True,
            also=("capped_weight", "weight_after"),
        ),
    ),
    lenient=False,
)

_HEADER = Option("header", ("見出し",), Kind.FLAG, default=True, help=Help("0: rows only", "0で見出しなし"))
_SHOWN = Option(
    "columns",
    ("列",),
    Kind.TEXT,
    help=Help("Columns wanted, separated by commas", "出力する列(カンマ区切り)"),
)

CHANGE_OPTIONS = OptionSchema(
    (
        Option(
            "amount",
            ("金額", "連動資産"),
            Kind.NUMBER,
            help=Help("Money that follows the index", "指数に連動する資産の金額"),
        ),
        Option(
            "participation",
            ("参加率",),
            Kind.NUMBER,
            default=0.1,
            between=(1e-9, 1.0),
            help=Help("Share of the daily volume", "売買代金に占める参加率"),
        ),
        Option(
            "min_change",
            ("最小変化",),
            Kind.NUMBER,
            default=0.0,
            between=(0.0, 1.0),
            help=Help("Smaller re-weightings are left out", "これ以下の比率変更は省略"),
        ),
        Option(
            "stages",
            ("段階数",),
            Kind.WHOLE,
            default=1,
            between=(1, 100),
            help=Help("Transition steps", "移行の段階数"),
        ),
        Option(
            "show_all",
            ("全件表示",),
            Kind.FLAG,
            default=False,
            help=Help("1: list unchanged names too", "1で変更のない銘柄も表示"),
        ),
        _HEADER,
        _SHOWN,
    ),
    shapes_output=True,
)


def _weights_by_code(table: Table, name: str) -> dict[str, float]:
    weights: dict[str, float] = {}
    for row, code, weight in zip(table.row_numbers, table["code"], table["weight"], strict=True):
        if code is None or weight is None:
            raise MissingError(
                f"{name}, row {row}: code and weight are both needed; enter them or delete the row"
            )
        if code in weights:
            raise InputError(f"{name}, row {row}: {code} is there twice; remove one")
        weights[code] = weight
    if not weights:
        raise InputError(f"{name}: there is no row below the header; give at least one name")
    return weights


def _rows_by_code(table: Table, name: str) -> dict[str, int]:
    rows: dict[str, int] = {}
    for place, (row, code) in enumerate(zip(table.row_numbers, table["code"], strict=True)):
        if code is None:
            raise MissingError(f"{name}, row {row}: there is no code; enter one or delete the row")
        if code in rows:
            raise InputError(f"{name}, row {row}: {code} is there twice; remove one")
        rows[code] = place
    return rows


_CHANGE_KEYS = (
    *("code", "name", "change", "weight_before", "weight_after"),
    *("flow", "days_to_trade", "period", "status", "reason"),
)


@worksheet_function(
    "INDEX_CHANGES",
    category="Index",
    ja="変更案",
    help_ja="現在の構成と提案された構成を比べ、採用・除外・比率変更と想定売買額、所要日数を一覧にします。",
    columns={
        "code": "銘柄コード",
        "name": "銘柄名",
        "change": "変更",
        "weight_before": "変更前ウェイト",
        "weight_after": "変更後ウェイト",
        "flow": "想定売買額",
        "days_to_trade": "所要日数",
        "period": "期間",
        "status": "判定",
        "reason": "理由",
    },
    source="methodology 2.6, 2.11",
)
def index_changes(
    constituents: Annotated[
        Records,
        Help(
            "One row per name: code, current_weight, and name and adv if there are any",
            "銘柄ごとの行:コード、現在ウェイト。あれば銘柄名、平均売買代金",
        ),
        CONSTITUENTS,
    ],
    proposed: Annotated[
        Records, Help("The new list: code and weight", "新しい構成:コードとウェイト"), WEIGHTS
    ],
    options: Annotated[
        OptionalSettings,
        Help(
            "amount, participation, min_change, stages, show_all, header, columns",
            "金額、参加率、最小変化、段階数、全件表示、見出し、列",
        ),
        CHANGE_OPTIONS,
    ] = None,
) -> Spill:
    """Change list of a review: additions, deletions and re-weightings with their flow and days to trade.

    One row per name and step. The flow is the change of weight times the option `amount`; without
    it the flow is a fraction and the days are blank.

    Examples
    --------
    >>> from xlplugin.worksheet.convert import read_table
    >>> now = read_table([["code", "current_weight"], ["A", 1.0], ["B", None]], CONSTITUENTS, "constituents")
    >>> new = read_table([["code", "weight"], ["A", 0.75], ["B", 0.25]], WEIGHTS, "proposed")
    >>> [row[:5] for row in index_changes(now, new).rows]
    [['A', '', 'DOWN', 1.0, 0.75], ['B', '', 'ADD', 0.0, 0.25]]
    """
    settings = CHANGE_OPTIONS.defaults() | (options or {})
    if "current_weight" not in constituents.present:
        raise NotFoundError("constituents: the column current_weight / 現在ウェイト is missing")
    after_by_code = _weights_by_code(proposed, "proposed")
    place = _rows_by_code(constituents, "constituents")
    codes = [*place, *(code for code in after_by_code if code not in place)]
    current = constituents["current_weight"]
    listed = changes.change_list(
        np.array([*current, *[0.0] * (len(codes) - len(current))]),
        np.array([after_by_code.get(code, 0.0) for code in codes]),
        stages=settings["stages"],
        min_change=settings["min_change"],
        show_all=settings["show_all"],
    )
    if not listed:
        return Spill(_CHANGE_KEYS, [])
    size = 1.0 if settings["amount"] is None else settings["amount"]
    flow = np.array([c.weight_after - c.weight_before for c in listed]) * size
    places = [place.get(codes[change.row]) for change in listed]
    adv = [None if at is None else constituents["adv"][at] for at in places]
    days = _days(flow, adv, settings["participation"], wanted=settings["amount"] is not None)
    names, stages = constituents["name"], settings["stages"]
    rows: list[list[Any]] = []
    for (row, kind, step, before, after), at, money, needed in zip(
        listed, places, flow.tolist(), days, strict=True
    ):
        name, status, reason = ("", "UNKNOWN", _NOT_THERE) if at is None else (names[at] or "", "OK", "")
        if isinstance(needed, float) and needed > 1.0:
            reason = "LARGE_ORDER"
        period = f"{step}/{stages}"
        rows.append([codes[row], name, kind, before, after, money, needed, period, status, reason])
    return Spill(_CHANGE_KEYS, rows)


_NOT_THERE = "NOT_IN_UNIVERSE"


def _days(
    flow: FloatArray, adv: list[float | None], participation: float, *, wanted: bool
) -> list[float | ErrorValue | None]:
    """Days to trade; blank when no amount was given, not available without a volume."""
    if not wanted:
        return [None] * len(adv)
    known = [volume is not None and volume > 0.0 for volume in adv]
    volume = np.array([v if k else 1.0 for v, k in zip(adv, known, strict=True)], dtype=np.float64)
    days = days_to_trade(np.abs(flow), volume, participation).tolist()
    return [d if k else ErrorValue.NA for d, k in zip(days, known, strict=True)]


_GROUPINGS = ("sector", "country", "size")


@worksheet_function(
    "INDEX_PROFILE",
    category="Index",
    ja="指数の特性",
    help_ja="銘柄数・上位10銘柄・実効銘柄数などの集中度と、業種・国・規模別の構成を親指数と比べます。",
    columns={
        "section": "区分",
        "item": "項目",
        "portfolio": "ポートフォリオ",
        "benchmark": "指数",
        "difference": "差",
        "status": "判定",
        "reason": "理由",
    },
    source="methodology 2.11",
)
def index_profile(
    weights: Annotated[Records, Help("The index: code and weight", "指数:コードとウェイト"), WEIGHTS],
    constituents: Annotated[
        Records,
        Help("One row per name: code and sector, country or size", "銘柄ごとの行:コードと業種・国・規模区分"),
        CONSTITUENTS,
    ],
    parent: Annotated[
        OptionalRecords,
        Help(
            "The parent index: code and weight. Left out: the column index_weight of constituents, if any",
            "親指数:コードとウェイト。省略時は構成銘柄表の指数ウェイト",
        ),
        WEIGHTS,
    ] = None,
) -> Spill:
    """Profile of an index: concentration, and weight by sector, country and size against its parent.

    Examples
    --------
    >>> from xlplugin.worksheet.convert import read_table
    >>> held = read_table([["code", "weight"], ["A", 0.75], ["B", 0.25]], WEIGHTS, "weights")
    >>> names = read_table([["code", "sector"], ["A", "IT"], ["B", "Food"]], CONSTITUENTS, "constituents")
    >>> [row[:3] for row in index_profile(held, names).rows][3:]
    [['CONCENTRATION', 'EFFECTIVE_NAMES', 1.6], ['CONCENTRATION', 'HERFINDAHL', 0.625], \
['SECTOR', 'IT', 0.75], ['SECTOR', 'Food', 0.25]]
    """
    held = _weights_by_code(weights, "weights")
    place = _rows_by_code(constituents, "constituents")
    reference: dict[str, float] | None = None
    if parent is not None:
        reference = _weights_by_code(parent, "parent")
    elif "index_weight" in constituents.present:
        reference = {code: constituents["index_weight"][at] or 0.0 for code, at in place.items()}
    codes = list(dict.fromkeys([*held, *(reference or {})]))
    portfolio = np.array([held.get(code, 0.0) for code in codes])
    benchmark = None if reference is None else np.array([reference.get(code, 0.0) for code in codes])

    rows: list[list[Any]] = []
    for item, pick in _CONCENTRATION:
        ours = pick(changes.concentration(portfolio))
        theirs = None if benchmark is None else pick(changes.concentration(benchmark))
        rows.append(_profile_row("CONCENTRATION", item, ours, theirs, known=True))
    for grouping in _GROUPINGS:
        if grouping not in constituents.present:
            continue
        labels = [constituents[grouping][place[c]] or "" if c in place else "" for c in codes]
        mine = changes.group_weights(portfolio, labels)
        base = None if benchmark is None else changes.group_weights(benchmark, labels)
        for label, ours in mine.items():
            theirs = None if base is None else base[label]
            rows.append(_profile_row(grouping.upper(), label or "?", ours, theirs, known=bool(label)))
    return Spill(("section", "item", "portfolio", "benchmark", "difference", "status", "reason"), rows)


_CONCENTRATION: tuple[tuple[str, Any], ...] = (
    ("NAMES", lambda c: float(c.names)),
    ("LARGEST", lambda c: c.largest),
    ("TOP_TEN", lambda c: c.top_ten),
    ("EFFECTIVE_NAMES", lambda c: c.effective_names),
    ("HERFINDAHL", lambda c: c.herfindahl),
)


def _profile_row(section: str, item: str, ours: float, theirs: float | None, *, known: bool) -> list[Any]:
    difference = None if theirs is None else ours - theirs
    status, reason = ("OK", "") if known else ("UNKNOWN", _NOT_THERE)
    return [section, item, ours, theirs, difference, status, reason]
