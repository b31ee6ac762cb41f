"""CAP_...: capping of weights, factors and tests (上限調整)."""

from __future__ import annotations

from typing import Annotated, Any

from xlplugin.aliases import FloatArray
from xlplugin.errors import DomainError, InputError, MissingError
from xlplugin.index import capping
from xlplugin.worksheet import convert
from xlplugin.worksheet.kinds import (
    Cells,
    Column,
    Help,
    Kind,
    Labels,
    Number,
    Numbers,
    OptionalLabels,
    OptionalNumber,
    OptionalNumbers,
    Spill,
    TableSchema,
    Vector,
)
from xlplugin.worksheet.registry import worksheet_function

__all__ = ["cap_check", "cap_factors", "cap_groups", "cap_tiers", "cap_weights"]

GROUP_CAPS = TableSchema(
    "GROUP_CAPS",
    "グループ上限表",
    (
        Column("group", ("グループ", "業種", "国"), Kind.TEXT, required=True),
        Column("cap", ("上限",), Kind.NUMBER, required=True),
    ),
    lenient=False,
)

_Single = Annotated[Number, Help("Largest weight of one issuer, as a fraction", "一発行体の上限(比率)")]
_Threshold = Annotated[
    Number,
    Help("An issuer strictly above this is large, as a fraction", "この比率を超える発行体を大型とみなします"),
]
_Aggregate = Annotated[
    Number, Help("Largest sum of the large issuers, as a fraction", "大型の発行体の合計の上限(比率)")
]
_Issuer = Annotated[
    OptionalLabels,
    Help(
        "Issuer label of each row; lines of one issuer share its limit. Left out: each row is its own issuer",
        "各行の発行体。同じ発行体の複数の株式は上限を共有します。省略時は行ごとに別の発行体",
    ),
]


@worksheet_function(
    "CAP_WEIGHTS",
    category="Capping",
    ja="上限調整",
    help_ja="一銘柄(または一発行体)の比率を上限に抑え、超過分を残りの銘柄に比例配分します。",
    source="methodology 2.7",
)
def cap_weights(
    weights: Annotated[
        Vector,
        Help("Parent weights, as fractions; normalised inside", "親指数の構成比率(合計1に正規化されます)"),
    ],
    cap: Annotated[
        Numbers,
        Help(
            "Largest weight, one for all or one per row, as a fraction", "上限。全銘柄共通または行ごとの比率"
        ),
    ],
    group: _Issuer = None,
) -> FloatArray:
    """Weights with every issuer at or below its cap, the excess spread over the others in proportion.

    Examples
    --------
    >>> import numpy as np
    >>> cap_weights(np.array([0.6, 0.3, 0.1]), np.array(0.5)).round(4).tolist()
    [0.5, 0.375, 0.125]
    """
    return capping.cap_weights(weights, cap, group)


@worksheet_function(
    "CAP_TIERS",
    category="Capping",
    ja="二段階上限",
    help_ja="5/10/40のような二段階の上限を満たす、親指数に最も近い構成比率を返します。",
    source="methodology 2.7; UCITS Directive art. 52-53; IRC 851(b)(3); S&P Select Sector",
)
def cap_tiers(
    weights: Annotated[Vector, Help("Parent weights, as fractions", "親指数の構成比率")],
    single: _Single,
    threshold: _Threshold,
    aggregate: _Aggregate,
    group: _Issuer = None,
    target: Annotated[
        OptionalNumber,
        Help(
            "Select Sector mechanism: what the large issuers are scaled to. Left out: the nearest weights",
            "セレクト・セクター方式で大型の合計を縮小する目標。省略時は最も近い比率を求めます",
        ),
    ] = None,
    low: Annotated[
        OptionalNumber,
        Help(
            "Largest weight of an issuer that is not large. Left out: the threshold",
            "大型でない発行体の上限。省略時は基準値",
        ),
    ] = None,
    trigger: Annotated[
        OptionalNumber,
        Help(
            "Select Sector mechanism: issuers are capped only if one exceeds this. Left out: single",
            "セレクト・セクター方式で個別上限を発動する水準。省略時は個別上限",
        ),
    ] = None,
) -> FloatArray:
    """Weights nearest to the parent that respect a cap per issuer and a cap on the sum of the large ones.

    Examples
    --------
    >>> import numpy as np
    >>> parent = np.array([0.5, 0.2] + [0.03] * 10)
    >>> cap_tiers(parent, 0.35, 0.1, 0.45).round(4).tolist()[:3]
    [0.3214, 0.1286, 0.055]
    """
    return capping.cap_tiers(
        weights, single, threshold, aggregate, group=group, target=target, low=low, trigger=trigger
    )


@worksheet_function(
    "CAP_GROUPS",
    category="Capping",
    ja="業種・国上限",
    help_ja="業種や国の合計と各銘柄の上限を同時に満たす、親指数に最も近い構成比率を返します。",
    source="methodology 2.7",
)
def cap_groups(
    weights: Annotated[Vector, Help("Parent weights, as fractions", "親指数の構成比率")],
    group: Annotated[Labels, Help("Sector or country of each row", "各行の業種または国")],
    group_cap: Annotated[
        Cells,
        Help(
            "A table with the columns group and cap (a group not listed has no cap), or one number for all",
            "列 group と cap の表(載っていないグループは上限なし)、または全グループ共通の数値",
        ),
    ],
    cap: Annotated[
        OptionalNumbers,
        Help("Largest weight of one name. Left out: no cap", "一銘柄の上限。省略時は上限なし"),
    ] = None,
) -> FloatArray:
    """Weights nearest to the parent with every group and every name at or below its cap.

    Examples
    --------
    >>> import numpy as np
    >>> table = [["group", "cap"], ["A", 0.4]]
    >>> cap_groups(np.array([0.6, 0.2, 0.2]), ("A", "B", "B"), table).round(4).tolist()
    [0.4, 0.3, 0.3]
    """
    return capping.cap_groups(weights, group, _group_caps(group_cap), 1.0 if cap is None else cap)


def _group_caps(cells: list[list[Any]]) -> dict[str, float] | float:
    if len(cells) == 1 and len(cells[0]) == 1:
        if isinstance(cells[0][0], float):
            return cells[0][0]
        raise InputError("group_cap: expected a table with the columns group and cap, or one number")
    table = convert.read_table(cells, GROUP_CAPS, "group_cap")
    caps: dict[str, float] = {}
    for row, label, cap in zip(table.row_numbers, table["group"], table["cap"], strict=True):
        if label is None or cap is None:
            raise MissingError(
                f"group_cap, row {row}: group and cap are both needed; enter them or delete the row"
            )
        if label in caps:
            raise DomainError(f"group_cap, row {row}: {label} has a cap already; remove one")
        caps[label] = cap
    return caps


@worksheet_function(
    "CAP_FACTORS",
    category="Capping",
    ja="キャップ係数",
    help_ja="上限後の比率を親指数の比率で割った係数を、最大を1として返します。",
    source="methodology 2.7",
)
def cap_factors(
    parent: Annotated[Vector, Help("Uncapped weights, as fractions", "上限前の構成比率")],
    capped: Annotated[Vector, Help("Capped weights, as fractions", "上限後の構成比率")],
) -> FloatArray:
    """Capping factor of every name: capped weight over parent weight, the largest brought to one.

    Examples
    --------
    >>> import numpy as np
    >>> cap_factors(np.array([0.6, 0.4]), np.array([0.5, 0.5])).round(4).tolist()
    [0.6667, 1.0]
    """
    return capping.cap_factors(parent, capped)


@worksheet_function(
    "CAP_CHECK",
    category="Capping",
    ja="上限検査",
    help_ja="構成比率が合計1・個別上限・大型の合計の上限を満たすかを検査します。",
    columns={"rule": "規則", "limit": "上限", "actual": "実績", "status": "判定"},
    source="methodology 2.7",
)
def cap_check(
    weights: Annotated[Vector, Help("Weights to test, as fractions", "検査する構成比率")],
    single: _Single,
    threshold: _Threshold,
    aggregate: _Aggregate,
    group: _Issuer = None,
) -> Spill:
    """Test of weights: their sum, the largest issuer, the sum of the large issuers, and how many are large.

    Examples
    --------
    >>> import numpy as np
    >>> [row[3] for row in cap_check(np.array([0.6, 0.4]), 0.5, 0.45, 0.7).rows]
    ['OK', 'BREACH', 'OK', 'OK']
    """
    tests = capping.cap_test(weights, single, threshold, aggregate, group)
    return Spill(
        ("rule", "limit", "actual", "status"),
        [[t.rule, t.limit, t.actual, "OK" if t.passed else "BREACH"] for t in tests],
    )
