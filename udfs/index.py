"""INDEX_...: index calculation (指数算出)."""

from __future__ import annotations

from typing import Annotated

import numpy as np

from xlplugin.aliases import FloatArray
from xlplugin.index import actions, levels
from xlplugin.index import divisor as divisors
from xlplugin.index.arrays import filled, group_numbers, same_length
from xlplugin.index.free_float import FLOAT_RULES, free_float, transition_factor
from xlplugin.index.price_factor import cap_ratio, entry_price_factor
from xlplugin.index.scheme import SCHEMES
from xlplugin.index.scheme import index_weights as weights_by
from xlplugin.worksheet.kinds import (
    Choice,
    Help,
    Matrix,
    Number,
    Numbers,
    OptionalFlags,
    OptionalLabels,
    OptionalNumber,
    OptionalNumbers,
    OptionalVector,
    Spill,
    Text,
    Vector,
)
from xlplugin.worksheet.registry import worksheet_function

__all__ = [
    "index_adjust",
    "index_awf",
    "index_contribution",
    "index_dividend_points",
    "index_divisor",
    "index_event",
    "index_free_float",
    "index_hedged",
    "index_level",
    "index_paf",
    "index_paf_cap",
    "index_series",
    "index_terp",
    "index_total_return",
    "index_transition",
    "index_weights",
]

_COLUMNS_OF_WEIGHTS = frozenset({"price", "shares", "free_float", "cap_factor", "fx", "company", "score"})
_WEIGHTINGS = tuple(s.name for s in SCHEMES if {*s.needs} <= _COLUMNS_OF_WEIGHTS)

_Quantity = Annotated[
    Vector,
    Help(
        "What multiplies the price: shares x float x cap factor, or PAF x cap ratio (Nikkei), or 1 (DJIA)",
        "株価に掛ける数量:株式数×浮動株比率×上限係数、日経は株価換算係数×キャップ調整比率、DJIAは1",
    ),
]
_Divisor = Annotated[Number, Help("Divisor in force", "使用中の除数")]
_Withholding = Annotated[
    Number,
    Help("Withholding tax rate as a fraction; 0 for gross", "源泉税率(比率)。0は税引前。例 0.15315"),
]


@worksheet_function(
    "INDEX_WEIGHTS",
    category="Index",
    ja="指数ウエート",
    help_ja="時価総額・浮動株・株価・均等・スコアなどの方式で指数の構成比率を計算します。",
    source="methodology 2.1, 2.2, 2.4",
)
def index_weights(
    method: Annotated[
        Text,
        Help(
            f"Weighting: {', '.join(_WEIGHTINGS)}",
            f"加重方式:{'、'.join(_WEIGHTINGS)}(時価総額、浮動株、株価、均等、スコアも可)",
        ),
        Choice(*_WEIGHTINGS),
    ],
    price: Annotated[Vector, Help("Price per share", "1株当たりの価格")],
    shares: Annotated[
        OptionalVector,
        Help(
            "Shares; for PRICE the price adjustment factor. Left out: 1",
            "株式数。PRICE では株価換算係数。省略時は1",
        ),
    ] = None,
    free_float: Annotated[
        OptionalVector, Help("Float factor, 0 to 1. Left out: 1", "浮動株比率(0〜1)。省略時は1")
    ] = None,
    cap_factor: Annotated[
        OptionalVector,
        Help(
            "Capping factor, AWF, or Nikkei cap ratio. Left out: 1",
            "上限係数、AWF、または日経のキャップ調整比率。省略時は1",
        ),
    ] = None,
    fx: Annotated[
        OptionalNumbers,
        Help(
            "Index currency per currency of the price. Left out: 1",
            "為替レート(指数通貨÷現地通貨)。省略時は1",
        ),
    ] = None,
    company: Annotated[
        OptionalLabels,
        Help(
            "Company of each row, for EQUAL with several lines of one company. Left out: each row its own",
            "各行の会社。EQUAL で同じ会社に複数の株式がある場合に使用。省略時は行ごと",
        ),
    ] = None,
    score: Annotated[
        OptionalVector,
        Help("SCORE: positive score. FACTOR: z-score", "SCORE は正のスコア、FACTOR は標準化得点"),
    ] = None,
) -> FloatArray:
    """Weight of every security in an index, as a fraction, by the weighting chosen.

    Examples
    --------
    >>> import numpy as np
    >>> index_weights("PRICE", np.array([30.0, 10.0])).tolist()
    [0.75, 0.25]
    """
    columns = {"price": price}
    for name, column in (
        ("shares", shares),
        ("free_float", free_float),
        ("cap_factor", cap_factor),
        ("score", score),
    ):
        if column is not None:
            columns[name] = column
    if fx is not None:
        columns["fx"] = filled("fx", fx, len(price), 1.0)
    if company is not None:
        columns["company"] = group_numbers(company, len(price), "company").astype(np.float64)
    for name, column in columns.items():
        same_length(len(price), **{name: column})
    return weights_by(SCHEMES[method], columns)


@worksheet_function(
    "INDEX_LEVEL",
    category="Index",
    ja="指数値",
    help_ja="価格×数量の合計を除数で割った指数値を返します。",
    source="methodology 2.1, 2.2",
)
def index_level(
    price: Annotated[Vector, Help("Price per share", "1株当たりの価格")],
    quantity: _Quantity,
    divisor: _Divisor,
    fx: Annotated[
        OptionalNumbers,
        Help("Index currency per currency of the price. Left out: 1", "為替レート。省略時は1"),
    ] = None,
) -> float:
    """Level of an index in points: the sum of price times quantity over the divisor.

    Examples
    --------
    >>> import numpy as np
    >>> index_level(np.array([2000.0, 4500.0]), np.array([1.0, 2.0]), 11.0)
    1000.0
    """
    return divisors.index_level(price, quantity, divisor, 1.0 if fx is None else fx)


@worksheet_function(
    "INDEX_DIVISOR",
    category="Index",
    ja="除数調整",
    help_ja="同じ終値での変更前後の時価から、指数値が変わらない新しい除数を計算します。",
    source="methodology 2.1, 2.9",
)
def index_divisor(
    divisor: _Divisor,
    before: Annotated[
        Numbers, Help("Market value before the change; a vector is summed", "変更前の時価(複数は合計します)")
    ],
    after: Annotated[
        Numbers,
        Help(
            "Market value after the change at the same closing prices; a vector is summed",
            "同じ終値での変更後の時価(複数は合計)",
        ),
    ],
) -> float:
    """New divisor that keeps the index level when the list or the quantities change.

    Examples
    --------
    >>> import numpy as np
    >>> index_divisor(3.0, np.array([200.0, 250.0, 450.0]), np.array([250.0, 450.0, 500.0]))
    4.0
    """
    return divisors.adjusted_divisor(divisor, before, after)


@worksheet_function(
    "INDEX_EVENT",
    category="Index",
    ja="イベント調整",
    help_ja="分割・増資・特別配当などの一つの事象について、調整後の価格・株数・時価を返します。",
    columns={
        "price": "価格",
        "shares": "株数",
        "free_float": "浮動株比率",
        "value_before": "変更前時価",
        "value_after": "変更後時価",
        "value_change": "時価の変化",
        "price_factor": "価格係数",
    },
    source="methodology 2.9",
)
def index_event(
    event: Annotated[
        Text,
        Help(
            f"Event: {', '.join(actions.EVENTS)}",
            f"事象:{'、'.join(actions.EVENTS)}(分割、無償割当などの語も可)",
        ),
        Choice(*actions.EVENTS),
    ],
    price: Annotated[Number, Help("Closing price before the effective date", "効力発生前の終値")],
    shares: Annotated[
        Number,
        Help(
            "CAP: shares. EQUAL: shares x AWF. PAF: price factor x cap ratio. DIVISOR: 1",
            "CAP は株式数、EQUAL は株式数×AWF、PAF は株価換算係数×比率、DIVISOR は1",
        ),
    ],
    free_float: Annotated[
        Number,
        Help(
            "Float factor; 1 when price-weighted, or the cap ratio when FLOAT changes it (Nikkei)",
            "浮動株比率。株価加重では1。FLOAT でキャップ調整比率を変えるときはその比率(日経)",
        ),
    ],
    terms: Annotated[
        Numbers,
        Help(
            "SPLIT new per old; BONUS free per share; RIGHTS new, old, price; dividends and SPINOFF amount; "
            "SHARES, FLOAT new value; MERGER issued; else 0",
            "SPLIT 旧1株当たり新株数、BONUS 無償株数、RIGHTS 新株数・旧株数・払込金額、"
            "配当等は1株当たり金額、SHARES・FLOAT は新しい値、MERGER は発行株数、ほかは0",
        ),
    ],
    method: Annotated[
        Text,
        Help(
            "CAP (shares count), PAF (Nikkei), DIVISOR (DJIA) or EQUAL (the weight factor offsets)",
            "CAP(時価総額)、PAF(日経)、DIVISOR(DJIA)、EQUAL(係数が相殺)",
        ),
        Choice(*actions.METHODS),
    ] = "CAP",
) -> Spill:
    """What one corporate action does to price, shares, float and market value in an index.

    Examples
    --------
    >>> import numpy as np
    >>> index_event("SPLIT", 4500.0, 1.0, 1.0, np.array(3.0), "PAF").rows[0][:2]
    [1500.0, 3.0]
    """
    effect = actions.event_effect(
        event, actions.Line(price, shares, free_float), np.atleast_1d(terms).tolist(), method
    )
    after = effect.after
    return Spill(
        ("price", "shares", "free_float", "value_before", "value_after", "value_change", "price_factor"),
        [
            [
                after.price,
                after.shares,
                after.free_float,
                effect.value_before,
                effect.value_after,
                effect.value_change,
                effect.price_factor,
            ]
        ],
    )


@worksheet_function(
    "INDEX_SERIES",
    category="Index",
    ja="指数系列",
    help_ja="価格と数量の系列から指数値の系列を計算します。入替の行では指数値は変わりません。",
    source="methodology 2.1",
)
def index_series(
    prices: Annotated[Matrix, Help("Prices, time down, one column per name", "価格(縦が時間、列が銘柄)")],
    quantity: Annotated[
        Matrix, Help("Quantities: one per name, or one row per regime", "数量(銘柄ごと、または期間ごとに1行)")
    ],
    base: Annotated[Number, Help("Level of the first row, in points", "最初の行の指数値")],
    rebalance: Annotated[
        OptionalFlags,
        Help(
            "1 where the next row of quantity takes over after the close. Left out: never",
            "その行の終値の後に次の数量へ替わる行は1。省略時は替えない",
        ),
    ] = None,
) -> FloatArray:
    """Levels of an index over time from prices and quantities, steady through every rebalance.

    Examples
    --------
    >>> import numpy as np
    >>> index_series(np.array([[100.0, 50.0], [110.0, 45.0]]), np.array([[1.0, 2.0]]), 1000.0).tolist()
    [1000.0, 1000.0]
    """
    return levels.index_series(prices, quantity, base, rebalance)


@worksheet_function(
    "INDEX_TOTAL_RETURN",
    category="Index",
    ja="配当込み指数",
    help_ja="価格指数と配当ポイントから配当込み(税引前または税引後)の指数を計算します。",
    source="methodology 2.1, 2.12",
)
def index_total_return(
    price_index: Annotated[Vector, Help("Price index levels, time down", "価格指数の系列")],
    dividend_points: Annotated[
        Vector, Help("Dividend points on the ex-date rows", "権利落日の行の配当ポイント")
    ],
    withholding: _Withholding = 0.0,
    base: Annotated[
        OptionalNumber,
        Help(
            "Level of the first row. Left out: the first price level", "最初の行の値。省略時は最初の価格指数"
        ),
    ] = None,
) -> FloatArray:
    """Total-return levels of an index, gross or net of a withholding tax.

    Examples
    --------
    >>> import numpy as np
    >>> index_total_return(np.array([1000.0, 1010.0, 1005.0]), np.array([0.0, 0.0, 3.0])).tolist()
    [1000.0, 1010.0, 1008.0]
    """
    return levels.total_return(price_index, dividend_points, withholding, base)


@worksheet_function(
    "INDEX_DIVIDEND_POINTS",
    category="Index",
    ja="配当指数ポイント",
    help_ja="その日に権利落ちする配当を指数ポイントに換算します。",
    source="methodology 2.1, 2.12",
)
def index_dividend_points(
    dividend: Annotated[Vector, Help("Dividend per share going ex that day", "その日に権利落ちする1株配当")],
    quantity: _Quantity,
    divisor: _Divisor,
    withholding: _Withholding = 0.0,
) -> float:
    """Dividends of one ex-date in index points.

    Examples
    --------
    >>> import numpy as np
    >>> index_dividend_points(np.array([0.0, 30.0]), np.array([1.0, 2.5]), 25.0)
    3.0
    """
    return divisors.dividend_points(dividend, quantity, divisor, withholding)


@worksheet_function(
    "INDEX_CONTRIBUTION",
    category="Index",
    ja="寄与度",
    help_ja="各銘柄の値動きが指数を何ポイント動かしたかを返します。合計は指数の変化です。",
    source="methodology 2.2",
)
def index_contribution(
    price_from: Annotated[Vector, Help("Earlier price", "前の価格")],
    price_to: Annotated[Vector, Help("Later price", "後の価格")],
    quantity: _Quantity,
    divisor: _Divisor,
) -> FloatArray:
    """Points that each name added to the change of the index; they sum to the change.

    Examples
    --------
    >>> import numpy as np
    >>> index_contribution(np.array([100.0]), np.array([101.0]), np.array([1.0]), 0.25).tolist()
    [4.0]
    """
    return divisors.contribution(price_from, price_to, quantity, divisor)


@worksheet_function(
    "INDEX_AWF",
    category="Index",
    ja="調整株数係数",
    help_ja="目標の構成比率になるように浮動株数に掛ける係数(AWF)を返します。",
    source="methodology 2.4",
)
def index_awf(
    price: Annotated[Vector, Help("Reference price", "基準価格")],
    shares: Annotated[Vector, Help("Shares", "株式数")],
    free_float: Annotated[Vector, Help("Float factor, 0 to 1", "浮動株比率(0〜1)")],
    weight: Annotated[Vector, Help("Target weight, as a fraction", "目標の構成比率")],
    scale: Annotated[Number, Help("Any positive constant", "任意の正の定数")] = 1.0,
) -> FloatArray:
    """Additional weight factor of every name, fixed until the next rebalance.

    Examples
    --------
    >>> import numpy as np
    >>> index_awf(np.array([50.0]), np.array([1e6]), np.array([0.8]), np.array([1.0]), 1e6).tolist()
    [0.025]
    """
    return divisors.weight_factors(price, shares, free_float, weight, scale)


@worksheet_function(
    "INDEX_PAF",
    category="Index",
    ja="株価換算係数",
    help_ja="日経平均の新規採用銘柄の株価換算係数を計算します。",
    source="methodology 2.2; Nikkei Stock Average rules on the price adjustment factor",
)
def index_paf(
    price: Annotated[Numbers, Help("Price of the entrant", "採用銘柄の株価")],
    total: Annotated[Number, Help("Sum of the adopted prices of the index", "指数の採用株価の合計")],
    limit: Annotated[Number, Help("Largest weight on entry, as a fraction", "採用時の構成比率の上限")] = 0.01,
    step: Annotated[Number, Help("Grid of the factor", "係数の刻み")] = 0.1,
) -> FloatArray:
    """Price adjustment factor of an entrant to a price-weighted index such as the Nikkei 225.

    Examples
    --------
    >>> import numpy as np
    >>> index_paf(np.array([5000.0, 13000.0, 64000.0]), 1_200_000.0).tolist()
    [1.0, 0.9, 0.1]
    """
    return entry_price_factor(price, total, limit, step)


@worksheet_function(
    "INDEX_PAF_CAP",
    category="Index",
    ja="キャップ調整比率",
    help_ja="基準日の構成比率が上限を超える銘柄のキャップ調整比率を一段階下げます。",
    source="methodology 2.2; Nikkei notices on the cap adjustment ratio",
)
def index_paf_cap(
    weight: Annotated[Number, Help("Weight at the base date, as a fraction", "基準日の構成比率")],
    ratio: Annotated[
        Number, Help("Cap ratio in force; 1 when uncapped", "現在のキャップ調整比率。なければ1")
    ],
    cap: Annotated[Number, Help("Weight limit, as a fraction", "構成比率の上限")] = 0.10,
    step: Annotated[Number, Help("Reduction per review", "一回の引下げ幅")] = 0.1,
) -> float:
    """Cap ratio after a review: one step lower when the weight is above the limit. It is never raised here.

    Examples
    --------
    >>> index_paf_cap(0.1045, 1.0)
    0.9
    """
    return cap_ratio(weight, ratio, cap, step)


@worksheet_function(
    "INDEX_FREE_FLOAT",
    category="Index",
    ja="浮動株比率",
    help_ja="固定株と上場株式数から、各社の丸め規則で浮動株比率を計算します。",
    source="methodology 2.5, 2.6",
)
def index_free_float(
    fixed_shares: Annotated[Numbers, Help("Shares with stable holders", "安定株主が持つ固定株")],
    listed_shares: Annotated[Numbers, Help("Listed shares", "上場株式数")],
    rule: Annotated[
        Text,
        Help(
            "TOPIX, TOPIX_OLD (before April 2022), MSCI, FTSE or RAW",
            "TOPIX、TOPIX_OLD(2022年4月前)、MSCI、FTSE、RAW(丸めなし)",
        ),
        Choice(*FLOAT_RULES),
    ] = "TOPIX",
    illiquid: Annotated[
        OptionalNumbers,
        Help(
            "1 for a name illiquid for its size (TOPIX_OLD). Left out: 0",
            "低流動性銘柄は1(TOPIX_OLD)。省略時は0",
        ),
    ] = None,
) -> FloatArray:
    """Free-float factor by the rounding rule of a provider.

    Examples
    --------
    >>> import numpy as np
    >>> index_free_float(np.array([970.0, 849.0]), np.array(1000.0), "MSCI").tolist()
    [0.03, 0.2]
    """
    return free_float(fixed_shares, listed_shares, rule, 0.0 if illiquid is None else illiquid)


@worksheet_function(
    "INDEX_TRANSITION",
    category="Index",
    ja="移行係数",
    help_ja="段階的に除外される銘柄の移行係数(1−段階÷段階数)を返します。",
    source="methodology 2.5; JPX revision of TOPIX, stages 1 and 2",
)
def index_transition(
    stage: Annotated[Numbers, Help("Steps already taken", "済んだ段階数")],
    stages: Annotated[
        Number,
        Help(
            "Number of steps: TOPIX 10 (2022-25), 8 (2026-28)", "全段階数。TOPIX は10(2022〜25)、8(2026〜28)"
        ),
    ],
) -> FloatArray:
    """Transition factor of a name that leaves an index in equal steps.

    Examples
    --------
    >>> import numpy as np
    >>> index_transition(np.array([0.0, 4.0, 8.0]), 8.0).tolist()
    [1.0, 0.5, 0.0]
    """
    return transition_factor(stage, stages)


@worksheet_function(
    "INDEX_TERP",
    category="Index",
    ja="権利落理論値",
    help_ja="株主割当増資の権利落ち後の理論価格を計算します。",
    source="methodology 2.9",
)
def index_terp(
    cum_price: Annotated[Number, Help("Price with rights", "権利付きの価格")],
    new_shares: Annotated[Number, Help("New shares", "新株数")],
    old_shares: Annotated[Number, Help("Per old shares", "旧株数")],
    subscription: Annotated[Number, Help("Price paid per new share", "1株当たり払込金額")],
    dividend: Annotated[
        Number, Help("Dividend that the new shares do not receive", "新株が受け取らない配当")
    ] = 0.0,
) -> float:
    """Theoretical price of a share after rights; the price itself when the rights are worth nothing.

    Examples
    --------
    >>> index_terp(100.0, 1.0, 4.0, 60.0)
    92.0
    """
    return actions.theoretical_ex_rights_price(cum_price, new_shares, old_shares, subscription, dividend)


@worksheet_function(
    "INDEX_ADJUST",
    category="Index",
    ja="修正株価",
    help_ja="後の行の修正係数を掛けて、過去の株価を現在と比べられる値にします。",
    source="methodology 2.12",
)
def index_adjust(
    price: Annotated[Vector, Help("Traded prices, time down", "取引された価格(縦が時間)")],
    factor: Annotated[
        Vector,
        Help(
            "Price factor effective at the open of each row; 1 for none",
            "各行の寄付きで効く修正係数。なければ1",
        ),
    ],
) -> FloatArray:
    """Past prices made comparable with the last one.

    Examples
    --------
    >>> import numpy as np
    >>> index_adjust(np.array([1000.0, 1020.0, 520.0]), np.array([1.0, 1.0, 0.5])).tolist()
    [500.0, 510.0, 520.0]
    """
    return levels.adjusted_prices(price, factor)


@worksheet_function(
    "INDEX_HEDGED",
    category="Index",
    ja="為替ヘッジ指数",
    help_ja="各行で先渡を乗り換える為替ヘッジ指数を計算します。",
    source="methodology 2.12, 3.4",
)
def index_hedged(
    index: Annotated[Vector, Help("Unhedged index in home currency", "自国通貨建てのヘッジなし指数")],
    spot: Annotated[Vector, Help("Spot rates, home per foreign", "直物レート(自国通貨÷外貨)")],
    forward: Annotated[
        Vector,
        Help("Forward rates fixed at each row for the next row", "各行で次の行に向けて約定した先渡レート"),
    ],
    ratio: Annotated[Number, Help("Hedge ratio, as a fraction", "ヘッジ比率")] = 1.0,
    base: Annotated[
        OptionalNumber,
        Help("Level of the first row. Left out: the first index level", "最初の行の値。省略時は最初の指数値"),
    ] = None,
) -> FloatArray:
    """Levels of a currency-hedged index, the hedge rolled at every row.

    Examples
    --------
    >>> import numpy as np
    >>> hedged = index_hedged(np.array([100.0, 99.96]), np.array([150.0, 147.0]), np.array([149.4, 146.5]))
    >>> hedged.round(6).tolist()
    [100.0, 101.56]
    """
    return levels.hedged_index(index, spot, forward, ratio, base)
