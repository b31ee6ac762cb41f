"""SELECT_... and LIQUIDITY_...: constituent selection and liquidity tests (銘柄選定・流動性)."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np

from xlplugin.aliases import BoolArray, FloatArray, IntArray
from xlplugin.errors import ErrorValue, InputError
from xlplugin.index import liquidity, selection
from xlplugin.index.screening import Outcome, Rule, screen
from xlplugin.worksheet.kinds import (
    Blank,
    Choice,
    Flag,
    Help,
    Matrix,
    Number,
    Numbers,
    OptionalFlags,
    OptionalNumber,
    OptionalVector,
    Records,
    Spill,
    TableSchema,
    Text,
    Vector,
    Whole,
    plain,
)
from xlplugin.worksheet.registry import worksheet_function
from xlplugin.worksheet.tables import RULES

__all__ = [
    "liquidity_days",
    "liquidity_ratio",
    "liquidity_turnover",
    "select_bands",
    "select_coverage",
    "select_packet",
    "select_rank",
    "select_rank_points",
    "select_rules",
    "select_score",
    "select_turnover",
]

DATA = TableSchema("DATA", "データ表", (), lenient=True, open=True)

_Incumbent = Annotated[
    OptionalFlags, Help("1 for a constituent now. Left out: none", "現在の構成銘柄は1。省略時はなし")
]


@worksheet_function(
    "SELECT_RULES",
    category="Selection",
    ja="選定スクリーン",
    help_ja="基準を上から順に適用し、合否と最初に満たさなかった基準を返します。現構成銘柄には維持基準を使います。",
    columns={"passed": "合格", "reason": "理由"},
    source="methodology 2.11",
)
def select_rules(
    data: Annotated[
        Records,
        Help("One row per name with a header row; any columns", "銘柄ごとの行と見出し行。列は自由"),
        DATA,
    ],
    rules: Annotated[
        Records,
        Help(
            "Rules from the top: field, operator (>= > <= < = <> IN NOT_IN PRESENT), entry, keep, code",
            "上から適用する基準:項目、演算子(>= > <= < = <> IN NOT_IN PRESENT)、採用基準、維持基準、理由",
        ),
        RULES,
    ],
    incumbent: _Incumbent = None,
) -> Spill:
    """Whether each name passes the rules, and the first rule that it fails.

    Examples
    --------
    >>> from xlplugin.worksheet.convert import read_table
    >>> data = read_table([["code", "roe"], ["A", 0.1], ["B", -0.1]], DATA, "data")
    >>> rules = read_table([["field", "operator", "entry"], ["roe", ">=", 0.0]], RULES, "rules")
    >>> select_rules(data, rules).rows
    [[1, ''], [0, 'roe']]
    """
    columns = {plain(key): values for key, values in data.columns.items()}
    lines = [
        Rule(plain(field), operator, entry, keep, code or field)
        for field, operator, entry, keep, code in zip(
            rules["field"], rules["operator"], rules["entry"], rules["keep"], rules["code"], strict=True
        )
    ]
    headers = {plain(key): key for key in data.columns}
    for number, field in zip(rules.row_numbers, rules["field"], strict=True):
        if plain(field) not in columns:
            raise InputError(
                f"rules, row {number}: the data has no column {field}; it has {', '.join(headers.values())}"
            )
    if not len(data):
        raise InputError("data: there is no row below the header; give at least one name")
    return Spill(
        ("passed", "reason"),
        [[_PASSED[v.outcome], _reason(v.reason, headers)] for v in screen(columns, lines, incumbent)],
    )


_PASSED: dict[Outcome, Any] = {
    Outcome.PASSED: 1,
    Outcome.FAILED: 0,
    Outcome.MISSING: ErrorValue.NA,
    Outcome.UNREADABLE: ErrorValue.VALUE,
}


def _reason(reason: str, headers: dict[str, str]) -> str:
    """The reason with the field as the user's header spells it."""
    word, colon, field = reason.partition(":")
    return f"{word}:{headers[field]}" if colon and field in headers else reason


@worksheet_function(
    "SELECT_RANK",
    category="Selection",
    ja="順位選定",
    help_ja="順位で一定数を選びます。現構成銘柄には除外順位まで残るバッファーがあります。",
    source="methodology 2.6, 2.11",
)
def select_rank(
    metric: Annotated[Vector, Help("Larger is better", "指標(大きいほど良い)")],
    count: Annotated[Whole, Help("Names wanted", "選ぶ銘柄数")],
    incumbent: _Incumbent = None,
    rank_in: Annotated[
        OptionalNumber,
        Help("A name enters at or above this rank. Left out: count", "採用順位。省略時は銘柄数"),
    ] = None,
    rank_out: Annotated[
        OptionalNumber,
        Help("A constituent stays down to this rank. Left out: count", "除外順位。省略時は銘柄数"),
    ] = None,
) -> list[int]:
    """Selection by rank with a buffer: 1 for a name taken, 0 for one left out.

    Examples
    --------
    >>> import numpy as np
    >>> select_rank(np.array([3.0, 9.0, 5.0]), 2)
    [0, 1, 1]
    """
    taken = selection.select_by_rank(
        metric, count, incumbent, _whole("rank_in", rank_in), _whole("rank_out", rank_out)
    )
    return _ones(taken)


def _whole(name: str, value: float | None) -> int | None:
    if value is not None and value != int(value):
        raise InputError(f"{name}: expected a whole number, got {value:g}")
    return None if value is None else int(value)


def _ones(taken: BoolArray) -> list[int]:
    return [int(t) for t in taken.tolist()]


@worksheet_function(
    "SELECT_COVERAGE",
    category="Selection",
    ja="累積カバー選定",
    help_ja="大きい順の累積比率で選びます。現構成銘柄には維持基準を使います。境界値は含みます。",
    source="methodology 2.5, 2.11",
)
def select_coverage(
    metric: Annotated[Vector, Help("Size, such as float capitalisation", "規模(浮動株時価総額など)")],
    target: Annotated[Number, Help("Cumulative share to enter, as a fraction", "採用する累積比率")],
    incumbent: _Incumbent = None,
    keep: Annotated[
        OptionalNumber,
        Help("Cumulative share to stay. Left out: target", "維持する累積比率。省略時は目標と同じ"),
    ] = None,
) -> list[int]:
    """Selection of the largest names up to a cumulative share: 1 for a name taken, 0 for one left out.

    Examples
    --------
    >>> import numpy as np
    >>> select_coverage(np.array([60.0, 30.0, 10.0]), 0.9)
    [1, 1, 0]
    """
    return _ones(selection.select_by_coverage(metric, target, incumbent, keep))


@worksheet_function(
    "SELECT_BANDS",
    category="Selection",
    ja="区分帯",
    help_ja="規模区分を返します。現在の区分にある銘柄は帯の外に出たときだけ移ります。",
    source="methodology 2.6, 2.11",
)
def select_bands(
    metric: Annotated[Vector, Help("Size", "規模")],
    breaks: Annotated[
        Vector,
        Help(
            "CUMULATIVE: ascending cumulative shares. SIZE: descending size cut-offs",
            "CUMULATIVE は昇順の累積比率、SIZE は降順の規模",
        ),
    ],
    current: Annotated[
        OptionalVector,
        Help("Present segment 1, 2, ...; blank for a newcomer", "現在の区分(1, 2, …)。新規は空欄"),
        Blank.NAN,
    ] = None,
    lower: Annotated[
        OptionalNumber,
        Help(
            "Band below a break: a share, or in SIZE mode a factor. Left out: no band",
            "区切りの下側の帯(比率、SIZE は倍率)",
        ),
    ] = None,
    upper: Annotated[
        OptionalNumber,
        Help(
            "Band above a break: a share, or in SIZE mode a factor. Left out: no band",
            "区切りの上側の帯(比率、SIZE は倍率)",
        ),
    ] = None,
    mode: Annotated[
        Text,
        Help("CUMULATIVE (Russell, CRSP) or SIZE (MSCI)", "CUMULATIVE(累積比率)または SIZE(規模)"),
        Choice("CUMULATIVE", "SIZE"),
    ] = "CUMULATIVE",
) -> IntArray:
    """Size segment of every name, with bands that keep a name where it is.

    Examples
    --------
    >>> import numpy as np
    >>> select_bands(np.array([60.0, 30.0, 10.0]), np.array([0.85])).tolist()
    [1, 2, 2]
    """
    return selection.size_segments(metric, breaks, current, lower=lower, upper=upper, by_size=mode == "SIZE")


@worksheet_function(
    "SELECT_PACKET",
    category="Selection",
    ja="パケット移行",
    help_ja="一回の見直しで移す割合を限り、見直し後の保有割合を返します(1 → 0.5 → 0)。",
    source="methodology 2.6, 2.11",
)
def select_packet(
    held: Annotated[Numbers, Help("Part of the full position held now, 0 to 1", "現在の保有割合(0〜1)")],
    target: Annotated[Numbers, Help("Part wanted, 0 or 1", "目標の割合(0または1)")],
    fraction: Annotated[Number, Help("Largest move per review", "一回に移す最大の割合")] = 0.5,
) -> FloatArray:
    """Part of a full position held after a review that moves only a fraction of it.

    Examples
    --------
    >>> import numpy as np
    >>> float(select_packet(np.array(1.0), np.array(0.0)))
    0.5
    """
    return selection.share_after_packet(held, target, fraction)


@worksheet_function(
    "SELECT_SCORE",
    category="Selection",
    ja="合成zスコア",
    help_ja="複数の指標を標準化・打切り・加重平均し、もう一度標準化した得点を返します。",
    source="methodology 2.10, 2.11",
)
def select_score(
    metrics: Annotated[Matrix, Help("One row per name, one column per measure", "行=銘柄、列=指標")],
    weights: Annotated[Vector, Help("Weight of each measure", "各指標の重み")],
    direction: Annotated[
        OptionalVector, Help("−1 where smaller is better. Left out: 1", "小さいほど良い指標は−1。省略時は1")
    ] = None,
    winsor: Annotated[
        Number, Help("Each score is clipped at plus and minus this", "各得点の打切り(±)")
    ] = 3.0,
) -> FloatArray:
    """Composite score: the weighted mean of clipped z-scores, standardised again.

    Examples
    --------
    >>> import numpy as np
    >>> select_score(np.array([[1.0], [2.0], [3.0]]), np.array([1.0])).round(4).tolist()
    [-1.2247, 0.0, 1.2247]
    """
    return selection.composite_score(metrics, weights, direction, winsor)


@worksheet_function(
    "SELECT_RANK_POINTS",
    category="Selection",
    ja="順位点スコア",
    help_ja="指標ごとの順位に点を与え、加重合計します(JPX日経400の方式)。",
    source="methodology 2.5, 2.11",
)
def select_rank_points(
    metrics: Annotated[
        Matrix,
        Help("One row per name, one column per measure, or their ranks", "行=銘柄、列=指標(または順位)"),
    ],
    weights: Annotated[Vector, Help("Weight of each measure", "各指標の重み")],
    count: Annotated[
        OptionalNumber, Help("Points of rank 1. Left out: the number of rows", "1位の点。省略時は行数")
    ] = None,
    ranked: Annotated[Flag, Help("1 when the columns are ranks already", "列が順位のときは1")] = False,  # noqa: FBT002 - a cell has no keywords
) -> FloatArray:
    """Score by rank points: rank 1 gets count points, each following rank one less, weighted and summed.

    Examples
    --------
    >>> import numpy as np
    >>> select_rank_points(np.array([[5.0], [9.0]]), np.array([1.0])).tolist()
    [1.0, 2.0]
    """
    return selection.rank_points(metrics, weights, count, ranked=ranked)


@worksheet_function(
    "SELECT_TURNOVER",
    category="Selection",
    ja="回転率",
    help_ja="片道の回転率(差の絶対値の合計の半分)を返します。",
    source="methodology 2.11",
)
def select_turnover(
    from_: Annotated[
        Vector, Help("Weights before, drifted to the review date", "変更前の構成比率(見直し日まで変動後)")
    ],
    to: Annotated[Vector, Help("Weights after", "変更後の構成比率")],
) -> float:
    """One-way turnover between two lists of weights, as a fraction.

    Examples
    --------
    >>> import numpy as np
    >>> round(select_turnover(np.array([0.5, 0.5]), np.array([0.25, 0.75])), 12)
    0.25
    """
    return selection.turnover(from_, to)


@worksheet_function(
    "LIQUIDITY_TURNOVER",
    category="Liquidity",
    ja="年間売買代金回転率",
    help_ja="月ごとの日次売買代金の中央値から、年間売買代金の浮動株時価総額に対する比率を計算します。",
    source="methodology 2.5, 2.11",
)
def liquidity_turnover(
    median_value: Annotated[
        Vector, Help("Monthly medians of daily traded value, twelve months", "日次売買代金の月中央値(12か月)")
    ],
    days: Annotated[Vector, Help("Trading days of each month", "各月の営業日数")],
    float_cap: Annotated[
        Numbers,
        Help(
            "Month-end float capitalisation, one or one per month", "月末の浮動株時価総額(共通または月ごと)"
        ),
    ],
) -> float:
    """Traded value of the months given over float capitalisation, from monthly medians.

    Examples
    --------
    >>> import numpy as np
    >>> liquidity_turnover(np.array([100.0, 200.0]), np.array([20.0, 20.0]), np.array(8_000.0))
    0.75
    """
    return liquidity.annual_turnover(median_value, days, float_cap)


@worksheet_function(
    "LIQUIDITY_RATIO",
    category="Liquidity",
    ja="流動性比率",
    help_ja="S&PのFALR(年間売買代金÷浮動株時価総額)またはMSCIのATVRを計算します。",
    source="methodology 2.6, 2.11",
)
def liquidity_ratio(
    value: Annotated[
        Numbers,
        Help(
            "FALR: annual traded value (a vector is summed). ATVR: monthly medians of daily value",
            "FALR は年間売買代金(複数は合計)、ATVR は日次売買代金の月中央値",
        ),
    ],
    float_cap: Annotated[Numbers, Help("Float capitalisation", "浮動株時価総額")],
    method: Annotated[
        Text, Help("FALR (S&P) or ATVR (MSCI)", "FALR(S&P)または ATVR(MSCI)"), Choice("FALR", "ATVR")
    ] = "FALR",
    days: Annotated[
        OptionalVector, Help("Trading days of each month; ATVR needs them", "各月の営業日数。ATVR で必要")
    ] = None,
) -> float:
    """Liquidity of a name as a ratio of its float capitalisation, by the rule of S&P or MSCI.

    Examples
    --------
    >>> import numpy as np
    >>> liquidity_ratio(np.array(96e9), np.array(120e9))
    0.8
    """
    if method == "FALR":
        return liquidity.float_value_ratio(value, float_cap)
    if days is None:
        raise InputError("days: ATVR needs the trading days of each month")
    return liquidity.annual_value_ratio(np.atleast_1d(value), days, float_cap)


@worksheet_function(
    "LIQUIDITY_DAYS",
    category="Liquidity",
    ja="売却日数",
    help_ja="平均売買代金の一定割合で執行したときに要する日数を返します。",
    source="methodology 2.11",
)
def liquidity_days(
    amount: Annotated[Numbers, Help("Money to trade", "売買する金額")],
    adv: Annotated[Numbers, Help("Average daily traded value", "1日平均売買代金")],
    participation: Annotated[
        Number, Help("Share of the daily volume, as a fraction", "売買代金に占める参加率")
    ] = 0.1,
) -> FloatArray:
    """Days needed to trade an amount at a share of the daily volume.

    Examples
    --------
    >>> import numpy as np
    >>> float(liquidity_days(np.array(30e6), np.array(100e6)))
    3.0
    """
    return liquidity.days_to_trade(amount, adv, participation)
