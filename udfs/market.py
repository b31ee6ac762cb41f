"""Price history and risk model of an index, kept behind a short handle in a cell.

The prices come from the market source that the host has attached (a folder of price files); the
handle is made of their content, so what is computed from it depends on cells only.
"""

from __future__ import annotations

import datetime as dt
from typing import Annotated

import numpy as np

from xlplugin.errors import InputError, MissingError, ShapeError
from xlplugin.risk.covariance import statistical_model
from xlplugin.risk.factors import FactorModel
from xlplugin.risk.history import common_returns
from xlplugin.risk.models import default_model
from xlplugin.worksheet import market
from xlplugin.worksheet.convert import serial
from xlplugin.worksheet.handles import Kept, keep
from xlplugin.worksheet.kinds import (
    Choice,
    Day,
    Help,
    Kind,
    Labels,
    Matrix,
    Option,
    OptionalLabels,
    OptionalSettings,
    OptionSchema,
    Text,
    Vector,
)
from xlplugin.worksheet.registry import worksheet_function

RISK_MODEL_OPTIONS = OptionSchema(
    (
        Option("method", ("方式",), Kind.TEXT, "DEFAULT", Choice("DEFAULT", "PCA")),
        Option("factors", ("因子数",), Kind.WHOLE, 10, between=(1, 100)),
        Option("days", ("日数",), Kind.WHOLE, 504, between=(60, 5040)),
    )
)
_LEAST_DAYS = 60


@worksheet_function(
    "PRICE_HISTORY",
    category="Risk",
    ja="価格履歴",
    help_ja="指数の構成銘柄の価格履歴を読み、短い文字列(ハンドル)で返します。",
    source="workbook brief, section 2.12",
    reads_market=True,
)
def price_history(
    index_id: Annotated[Text, Help("Name of the index in the market folder", "指数ID")],
    start_date: Annotated[Day, Help("First day", "開始日")],
    end_date: Annotated[Day, Help("Last day", "終了日")],
) -> str:
    """Prices of an index's securities between two days, kept behind a handle that other functions take.

    Examples
    --------
    >>> from xlplugin.worksheet.market import PriceHistory, attach
    >>> class Two:
    ...     def history(self, index_id, start, end):
    ...         return PriceHistory((start, end), ("7203", "6758"), np.array([[1.0, 2.0], [1.1, 2.2]]))
    >>> attach(Two())
    >>> price_history("TOPIX", dt.date(2026, 1, 5), dt.date(2026, 1, 6))[:13]
    'DI:HISTORY:2:'
    >>> attach(None)
    """
    if end_date < start_date:
        raise InputError(f"end_date: {end_date} is before start_date {start_date}; exchange them")
    found = market.history(index_id, start_date, end_date)
    return keep(
        Kept(
            "HISTORY",
            {
                "codes": np.array(found.codes),
                "dates": np.array([serial(day) for day in found.dates]),
                "matrix": np.asarray(found.prices, dtype=np.float64),
            },
        )
    )


@worksheet_function(
    "RISK_MODEL",
    category="Risk",
    ja="リスクモデル",
    help_ja="指数の構成銘柄の年率リスクモデルを作り、短い文字列(ハンドル)で返します。",
    source="methodology 5; workbook brief, section 2.12",
    reads_market=True,
)
def risk_model(
    index_id: Annotated[Text, Help("Name of the index in the market folder", "指数ID")],
    as_of: Annotated[Day, Help("Last day of the history", "基準日")],
    options: Annotated[
        OptionalSettings, Help("method (DEFAULT, PCA), factors of PCA, days", "設定"), RISK_MODEL_OPTIONS
    ] = None,
    codes: Annotated[
        OptionalLabels, Help("Securities wanted, in this order; all if left out", "銘柄")
    ] = None,
) -> str:
    """Yearly risk model of an index's securities, kept behind a handle that covariance arguments take.

    DEFAULT is the structured model whose level is tested out of sample (xlplugin/risk/SPEC.md, 5);
    PCA keeps plain principal components, which understate the risk of an optimised portfolio.

    Examples
    --------
    >>> from xlplugin.worksheet.market import PriceHistory, attach
    >>> class Walk:
    ...     def history(self, index_id, start, end):
    ...         days = tuple(end - dt.timedelta(days=n) for n in range(399, -1, -1))
    ...         steps = np.random.default_rng(1).normal(0.0, 0.01, (400, 20))
    ...         return PriceHistory(days, tuple(map(str, range(20))), 100 * np.exp(steps.cumsum(axis=0)))
    >>> attach(Walk())
    >>> risk_model("TOPIX", dt.date(2026, 11, 20))[:11]
    'DI:RISK:20:'
    >>> attach(None)
    """
    settings = RISK_MODEL_OPTIONS.defaults() | (options or {})
    start = as_of - dt.timedelta(days=int(settings["days"] * 1.6))
    found = market.history(index_id, start, as_of)
    columns = _columns(found.codes, codes)
    names = [found.codes[n] for n in columns]
    returns, covered, per_year = common_returns(
        found.dates, found.prices[:, columns], days=settings["days"] + 1
    )
    if len(returns) < _LEAST_DAYS:
        raise MissingError(
            f"index_id: {index_id} has {len(returns)} common days of prices up to {as_of}; "
            f"a risk model needs {_LEAST_DAYS}"
        )
    if len(covered) < len(columns):
        short = [names[n] for n in range(len(columns)) if n not in set(covered.tolist())]
        raise MissingError(
            f"codes: too little price history for {', '.join(short[:5])}; leave them out, or add prices"
        )
    if settings["method"] == "PCA":
        factors = min(settings["factors"], len(covered), len(returns) - 1)
        model = statistical_model(returns, factors, per_year)
    else:
        model = default_model(returns, periods_per_year=per_year)
    return keep(
        Kept(
            "RISK",
            {
                "codes": np.array(names),
                "exposures": model.exposures,
                "factor_covariance": model.factor_covariance,
                "specific_variance": model.specific_variance,
            },
        )
    )


def _columns(known: tuple[str, ...], wanted: tuple[str, ...] | None) -> list[int]:
    if wanted is None:
        return list(range(len(known)))
    place = {code: n for n, code in enumerate(known)}
    asked = [code for code in dict.fromkeys(wanted) if code]
    missing = [code for code in asked if code not in place]
    if missing:
        raise MissingError(f"codes: no price history for {', '.join(missing[:5])}; add the columns")
    return [place[code] for code in asked]


@worksheet_function(
    "RISK_HANDLE",
    category="Risk",
    ja="リスクモデルの保管",
    help_ja="因子形式のリスクモデルを保管し、共分散の引数に渡せる短い文字列(ハンドル)を返します。",
    source="methodology 5; workbook brief, section 2.8 (hdl_)",
)
def risk_handle(
    codes: Annotated[Labels, Help("Securities, one per row of the exposures", "銘柄コード")],
    exposures: Annotated[Matrix, Help("Factor form: n x k", "エクスポージャ n×k")],
    factor_covariance: Annotated[Matrix, Help("Factor covariance per year, k x k", "因子共分散 k×k(年率)")],
    specific_variance: Annotated[Vector, Help("Specific variance per year, n", "固有分散(年率)")],
) -> str:
    """Risk model in factor form, kept behind a handle that covariance arguments take.

    Examples
    --------
    >>> risk_handle(("7203", "6758"), np.ones((2, 1)), np.array([[0.04]]), np.array([0.01, 0.02]))[:10]
    'DI:RISK:2:'
    """
    if len(codes) != len(specific_variance):
        raise ShapeError("codes", got=(len(codes),), expected=specific_variance.shape)
    model = FactorModel(exposures, factor_covariance, specific_variance)
    if "" in codes or len(set(codes)) < len(codes):
        raise InputError("codes: a code is blank or stands twice; every security has one row")
    return keep(
        Kept(
            "RISK",
            {
                "codes": np.array(codes),
                "exposures": model.exposures,
                "factor_covariance": model.factor_covariance,
                "specific_variance": model.specific_variance,
            },
        )
    )
