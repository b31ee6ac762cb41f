"""REPLICATE...: copying an index, in lots, with futures, and the trades (methodology 4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import numpy as np

from udfs.risk import checked_covariance
from udfs.tracking import FactorCovariance, FactorExposures, SpecificVariance, factor_model
from xlplugin.aliases import FloatArray
from xlplugin.engines.replication import cells, compare, futures, lots, trades
from xlplugin.engines.replication.request import METHODS, ReplicationRequest
from xlplugin.errors import DomainError, InputError
from xlplugin.worksheet.kinds import (
    Choice,
    Column,
    Help,
    Kind,
    Labels,
    Matrix,
    Number,
    Numbers,
    Option,
    OptionalLabels,
    OptionalMatrix,
    OptionalNumber,
    OptionalRecords,
    OptionalSettings,
    OptionSchema,
    Spill,
    Table,
    TableSchema,
    Text,
    Vector,
)
from xlplugin.worksheet.registry import worksheet_function

if TYPE_CHECKING:
    from xlplugin.risk.factors import FactorModel

__all__ = [
    "replicate",
    "replicate_cells",
    "replicate_drift",
    "replicate_futures",
    "replicate_lots",
    "replicate_minimum",
]

LIMITS = TableSchema(
    "LIMITS",
    "制約表",
    (
        Column("lower", ("下限",), Kind.NUMBER),
        Column("upper", ("上限",), Kind.NUMBER),
        Column("group", ("グループ",), Kind.TEXT),
        Column("beta", ("ベータ",), Kind.NUMBER),
        Column("current", ("現在比率", "保有比率"), Kind.NUMBER),
        Column("cost", ("費用", "売買費用率"), Kind.NUMBER),
        Column("liquidity", ("流動性", "平均売買代金"), Kind.NUMBER),
        Column("must_hold", ("必須保有", "必ず保有"), Kind.FLAG),
    ),
    lenient=False,
)

REPLICATE_OPTIONS = OptionSchema(
    (
        Option("cash", ("現金比率",), Kind.NUMBER, 0.0, between=(0.0, 0.999999)),
        Option("band", ("許容幅",), Kind.NUMBER, None, between=(0.0, 1.0)),
        Option("beta_band", ("ベータ許容幅",), Kind.NUMBER, None, between=(0.0, 10.0)),
        Option("cost_weight", ("費用係数",), Kind.NUMBER, 0.0, between=(0.0, 1e9)),
        Option("min_weight", ("最低比率",), Kind.NUMBER, 0.0, between=(0.0, 1.0)),
        Option("turnover", ("回転率上限",), Kind.NUMBER, None, between=(0.0, 10.0)),
    )
)

_BENCHMARK = Help("Index weights, as fractions", "ベンチマークの構成比率")
_PRICE = Help("Price per share", "1株当たりの価格")
_LOT = Help("Shares per trading unit: 100, 1 or a fraction", "売買単位(株数:100、1、端数も可)")
_COVARIANCE = Help("Covariance per year, n x n", "共分散行列(年率)")


@worksheet_function(
    "REPLICATE",
    category="Replication",
    ja="複製",
    help_ja="指数を複製する構成比率を、完全法・層化抽出法・最適化法で返します。0は保有しない銘柄です。",
    source="methodology 4.1, 4.2, 4.3",
)
def replicate(
    method: Annotated[
        Text,
        Help("full, stratified or optimized", "full(完全法)・stratified(層化抽出法)・optimized(最適化法)"),
        Choice("full", "stratified", "optimized"),
    ],
    benchmark: Annotated[Vector, _BENCHMARK],
    count: Annotated[
        OptionalNumber, Help("Most names held (stratified: required)", "銘柄数(層化抽出法では必須)")
    ] = None,
    covariance: Annotated[
        OptionalMatrix,
        Help(
            "Covariance per year; optimized needs it or the factor form", "共分散行列(年率、最適化法で必要)"
        ),
    ] = None,
    cell: Annotated[
        OptionalLabels,
        Help("Cell of each name for stratified, such as sector|size", "層(業種|規模など、層化抽出法で使用)"),
    ] = None,
    limits: Annotated[
        OptionalRecords,
        Help(
            "Any of lower, upper, group, beta, current, cost, liquidity, must_hold; one row per name",
            "制約表(下限・上限・グループ・ベータ・現在比率・費用・流動性・必須保有のいずれか、銘柄順)",
        ),
        LIMITS,
    ] = None,
    exposures: FactorExposures = None,
    factor_covariance: FactorCovariance = None,
    specific_variance: SpecificVariance = None,
    options: Annotated[
        OptionalSettings,
        Help(
            "cash, band, beta_band, cost_weight, min_weight, turnover",
            "現金比率・許容幅・ベータ許容幅・費用係数・最低比率・回転率上限",
        ),
        REPLICATE_OPTIONS,
    ] = None,
) -> FloatArray:
    """Weights of a portfolio that copies an index: in full, by stratified sampling or optimised.

    One weight per name, 0 where it is not held; they sum to 1 less the cash share.

    Examples
    --------
    >>> risk = np.array([[0.04, 0.018, 0.012], [0.018, 0.0625, 0.015], [0.012, 0.015, 0.09]])
    >>> replicate("optimized", np.array([0.4, 0.4, 0.2]), 2, risk).round(4).tolist()
    [0.5248, 0.4752, 0.0]
    """
    given = {**REPLICATE_OPTIONS.defaults(), **(options or {})}
    n = benchmark.shape[0]
    risk: FloatArray | FactorModel | None = None
    if covariance is not None:
        risk = checked_covariance(covariance, benchmark)
    elif exposures is not None or factor_covariance is not None or specific_variance is not None:
        risk = factor_model(exposures, factor_covariance, specific_variance)
    request = ReplicationRequest(
        benchmark,
        count=_whole("count", count),
        risk=risk,
        cells=cell,
        **_limits(limits, n),
        cash=given["cash"],
        band=given["band"],
        beta_band=given["beta_band"],
        cost_weight=given["cost_weight"],
        min_weight=given["min_weight"],
        turnover=given["turnover"],
    )
    return METHODS[method].weights(request)


def _limits(limits: Table | None, n: int) -> dict[str, Any]:
    """The columns of the limits that are there, as arrays; a blank is no limit, or nothing."""
    if limits is None:
        return {}
    places = [number - 2 for number in limits.row_numbers]  # blank rows were skipped: no limit there
    if places and places[-1] >= n:
        raise InputError(
            f"limits: {places[-1] + 1} rows for {n} names; give one row per name, in the order of benchmark"
        )

    def column(key: str, fill: float) -> FloatArray:
        values = np.full(n, fill)
        values[places] = [fill if value is None else value for value in limits[key]]
        return values

    blank = {"lower": 0.0, "upper": np.inf, "beta": 0.0, "current": 0.0, "cost": 0.0, "liquidity": 0.0}
    found: dict[str, Any] = {key: column(key, fill) for key, fill in blank.items() if key in limits.present}
    if "group" in limits.present:
        labels = dict(zip(places, limits["group"], strict=True))
        found["group"] = tuple(labels.get(place) or "" for place in range(n))
    if "must_hold" in limits.present:
        found["must_hold"] = column("must_hold", 0.0) > 0.0
    return found


def _whole(name: str, value: float | None) -> int | None:
    if value is not None and value != int(value):
        raise InputError(f"{name}: {value:g} is not a whole number")
    return None if value is None else int(value)


@worksheet_function(
    "REPLICATE_LOTS",
    category="Replication",
    ja="単元丸め",
    help_ja="目標比率を売買単位の整数倍に直し、株数・評価額・構成比率を返します。共分散を渡すと推定TEを最小にします。",
    columns={"shares": "株数", "value": "評価額", "weight": "構成比率"},
    source="methodology 4.1, 4.4",
)
def replicate_lots(
    target: Annotated[Vector, Help("Target weights, as fractions of the account", "目標比率")],
    amount: Annotated[Number, Help("Money to invest", "投資金額")],
    price: Annotated[Vector, _PRICE],
    lot: Annotated[Numbers, _LOT],
    covariance: Annotated[
        OptionalMatrix,
        Help("Given: least tracking error instead of least squares", "共分散行列(指定すると推定TEを最小化)"),
    ] = None,
    cash: Annotated[
        Number, Help("Smallest share kept in cash (default 0)", "残す現金の最低比率(省略時0)")
    ] = 0.0,
) -> Spill:
    """Whole trading units close to the target weights: shares, value and weight of each name.

    Examples
    --------
    >>> target, price = np.array([0.3, 0.25, 0.2, 0.15, 0.1]), np.array([2500.0, 4800, 950, 12000, 1800])
    >>> [row[0] for row in replicate_lots(target, 10_000_000, price, 100).rows]
    [1200.0, 500.0, 2100.0, 100.0, 600.0]
    """
    risk = None if covariance is None else checked_covariance(covariance, target)
    plan = lots.round_to_lots(target, amount, price, lot, risk, cash)
    return Spill(
        ("shares", "value", "weight"), np.column_stack([plan.shares, plan.value, plan.weight]).tolist()
    )


@worksheet_function(
    "REPLICATE_FUTURES",
    category="Replication",
    ja="先物枚数",
    help_ja="金額を株式化するための先物の枚数、想定元本、残差を返します。",
    columns={"contracts": "枚数", "notional": "想定元本", "residual": "残差"},
    source="methodology 4.5",
)
def replicate_futures(
    amount: Annotated[
        Number, Help("Money to equitise; negative to reduce", "株式化する金額(減らす場合は負)")
    ],
    futures_price: Annotated[Number, Help("Futures price in points", "先物価格(ポイント)")],
    multiplier: Annotated[
        Number,
        Help(
            "Money per point: TOPIX 10000, mini 1000; Nikkei 1000, mini 100, micro 10",
            "乗数(TOPIX 10000、ミニ1000、日経225 1000、ミニ100、マイクロ10)",
        ),
    ],
    beta: Annotated[Number, Help("Beta wanted (default 1)", "目標ベータ(省略時1)")] = 1.0,
    rounding: Annotated[
        Text,
        Help(
            "NEAREST, DOWN (towards 0) or NONE (default NEAREST)", "NEAREST・DOWN(0方向)・NONE(省略時NEAREST)"
        ),
        Choice(*futures.ROUNDINGS),
    ] = "NEAREST",
) -> Spill:
    """Futures contracts for an amount of money, their notional and what they leave over.

    Examples
    --------
    >>> replicate_futures(50_000_000, 2700, 10_000).rows
    [[2.0, 54000000.0, -4000000.0]]
    """
    done = futures.futures_overlay(amount, futures_price, multiplier, beta, rounding)
    return Spill(("contracts", "notional", "residual"), [[done.contracts, done.notional, done.residual]])


@worksheet_function(
    "REPLICATE_DRIFT",
    category="Replication",
    ja="時価変動後ウエート",
    help_ja="期間の収益率による時価変動後の構成比率を返します。合計は元の合計に保たれます。",
    source="methodology 3.2",
)
def replicate_drift(
    weights: Annotated[Vector, Help("Weights before, as fractions", "変動前の構成比率")],
    returns: Annotated[Vector, Help("Returns over the period", "期間の収益率")],
) -> FloatArray:
    """Weights after the returns of a period, scaled to the sum of the weights given.

    Examples
    --------
    >>> replicate_drift(np.array([0.5, 0.5]), np.array([0.1, 0.0])).round(5).tolist()
    [0.52381, 0.47619]
    """
    return trades.drifted(weights, returns)


@worksheet_function(
    "REPLICATE_MINIMUM",
    category="Replication",
    ja="必要資金表",
    help_ja="口座の金額ごとに、売買単位で複製したときの推定TE・銘柄数・現金比率を返します。費用は含みません。",
    columns={"amount": "金額", "tracking_error": "推定TE", "names": "銘柄数", "cash": "現金比率"},
    source="methodology 4.7",
)
def replicate_minimum(
    benchmark: Annotated[Vector, _BENCHMARK],
    price: Annotated[Vector, _PRICE],
    lot: Annotated[Numbers, _LOT],
    covariance: Annotated[Matrix, _COVARIANCE],
    amounts: Annotated[Vector, Help("Account sizes to try", "試す金額")],
) -> Spill:
    """How well accounts of different sizes can copy an index in whole trading units.

    Forecast tracking error, names held and cash share by account size.

    Examples
    --------
    >>> risk = np.diag([0.04, 0.04])
    >>> replicate_minimum(np.full(2, 0.5), np.full(2, 10.0), 100, risk, np.array([2000.0])).rows
    [[2000.0, 0.0, 2, 0.0]]
    """
    rows = compare.account_sizes(benchmark, price, lot, checked_covariance(covariance, benchmark), amounts)
    return Spill(
        ("amount", "tracking_error", "names", "cash"),
        [[row.amount, row.tracking_error, row.names, row.cash] for row in rows],
    )


@worksheet_function(
    "REPLICATE_CELLS",
    category="Replication",
    ja="層の表",
    help_ja="業種×規模の層ごとに、構成比率・銘柄数・配分数(最大剰余法)を返します。",
    columns={
        "group": "グループ",
        "size": "規模",
        "weight": "構成比率",
        "names": "銘柄数",
        "allocated": "配分数",
    },
    source="methodology 4.2",
)
def replicate_cells(
    weights: Annotated[Vector, _BENCHMARK],
    group: Annotated[Labels, Help("Sector of each name", "業種")],
    size: Annotated[
        OptionalLabels, Help("Size class of each name (default: one class)", "規模(省略時は一区分)")
    ] = None,
    count: Annotated[OptionalNumber, Help("Names to give out over the cells", "配分する銘柄数")] = None,
) -> Spill:
    """Cells of an index: weight, names, and the names each gets by largest remainder.

    Examples
    --------
    >>> replicate_cells(np.array([0.5, 0.25, 0.25]), ("a", "a", "b"), None, 2).rows
    [['a', '', 0.75, 2, 1], ['b', '', 0.25, 1, 1]]
    """
    table = cells.cell_table(weights, group, size)
    given: list[Any] = [None] * len(table)
    wanted = _whole("count", count)
    if wanted is not None:
        if wanted < 1:
            raise DomainError(f"count: {wanted} is not at least one name")
        given = cells.allocate([c.weight for c in table], [len(c.members) for c in table], wanted)
    return Spill(
        ("group", "size", "weight", "names", "allocated"),
        [[c.group, c.size, c.weight, len(c.members), got] for c, got in zip(table, given, strict=True)],
    )
