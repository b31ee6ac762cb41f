"""Why a return differs from the index: sectors, periods linked, cost items, cash, factors, currencies.

Every decomposition here is exact: the parts sum to the gap they explain, and what no part explains
is a part of its own. Methodology 3.3.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from xlplugin.core.arrays import broadcast, exact_sum, same_length
from xlplugin.errors import DomainError, InputError, ShapeError, WordError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike

    from xlplugin.aliases import FloatArray

__all__ = [
    "BRINSON_MODELS",
    "COST_ITEMS",
    "INCOME_ITEMS",
    "SIGNED_ITEMS",
    "BrinsonEffect",
    "CurrencyEffect",
    "brinson",
    "cash_drag",
    "currency_attribution",
    "factor_attribution",
    "linked_effects",
    "tracking_difference_items",
]

BRINSON_MODELS = ("FACHLER", "BHB")
COST_ITEMS = ("ter", "other", "execution", "dividend", "hedge")
INCOME_ITEMS = ("lending",)
SIGNED_ITEMS = ("cash", "dropped", "sampling", "timing")


class BrinsonEffect(NamedTuple):
    """The effects of one sector, or their totals; they sum to its part of the return gap."""

    allocation: float
    selection: float
    interaction: float
    total: float


def brinson(
    portfolio_weights: FloatArray,
    benchmark_weights: FloatArray,
    portfolio_returns: FloatArray,
    benchmark_returns: FloatArray,
    model: str = "FACHLER",
) -> list[BrinsonEffect]:
    """Allocation, selection and interaction by sector, and their totals in the last row.

    Parameters
    ----------
    portfolio_weights, benchmark_weights : ndarray of shape (n_sectors,)
        As fractions.
    portfolio_returns, benchmark_returns : ndarray of shape (n_sectors,)
        As fractions, over the period.
    model : {"FACHLER", "BHB"}
        Brinson-Fachler measures allocation against the return of the whole benchmark,
        Brinson-Hood-Beebower against zero. The totals agree when both sets of weights have one sum.

    Returns
    -------
    list of BrinsonEffect
        n_sectors + 1 rows.

    Raises
    ------
    ShapeError, WordError
        If the lengths differ; if `model` is unknown.

    References
    ----------
    C. R. Bacon, *Practical Portfolio Performance Measurement and Attribution*.

    Examples
    --------
    >>> wp, wb = np.array([0.4, 0.3, 0.3]), np.array([0.4, 0.2, 0.4])
    >>> rows = brinson(wp, wb, np.array([0.2, -0.05, 0.06]), np.array([0.1, -0.04, 0.08]))
    >>> [round(effect, 4) for effect in rows[-1]]
    [-0.012, 0.03, 0.001, 0.019]
    """
    wp, wb, rp, rb = portfolio_weights, benchmark_weights, portfolio_returns, benchmark_returns
    same_length(wp=wp, wb=wb, rp=rp, rb=rb)
    if model not in BRINSON_MODELS:
        raise WordError("model", got=model, choices=BRINSON_MODELS)
    hurdle = exact_sum(wb * rb) if model == "FACHLER" else 0.0
    allocation, selection, interaction = (wp - wb) * (rb - hurdle), wb * (rp - rb), (wp - wb) * (rp - rb)
    rows = [
        BrinsonEffect(float(x), float(y), float(z), float(x + y + z))
        for x, y, z in zip(allocation, selection, interaction, strict=True)
    ]
    a, s, i = exact_sum(allocation), exact_sum(selection), exact_sum(interaction)
    return [*rows, BrinsonEffect(a, s, i, exact_sum((a, s, i)))]


def linked_effects(
    portfolio_returns: FloatArray, benchmark_returns: FloatArray, effects: FloatArray
) -> FloatArray:
    r"""Effects of single periods linked over the whole span, by Carino's logarithmic coefficients.

    Parameters
    ----------
    portfolio_returns, benchmark_returns : ndarray of shape (n_periods,)
        As fractions per period.
    effects : ndarray of shape (n_periods, n_effects)
        Effects per period.

    Returns
    -------
    ndarray of shape (n_effects,)
        If the effects of every period sum to its return gap, these sum to the gap of the compounded
        returns, exactly.

    Raises
    ------
    ShapeError
        If the periods do not fit.
    DomainError
        After a total loss.

    Notes
    -----
    :math:`k_t = (\ln(1+p_t) - \ln(1+b_t)) / (p_t - b_t)`, :math:`1/(1+p_t)` where they are equal; K is
    the same of the compounded returns; the result is :math:`\sum_t e_t k_t / K`. D. Carino,
    "Combining attribution effects over time", J. Performance Measurement 3 (1999).

    Examples
    --------
    >>> linked_effects(np.array([0.1]), np.array([0.05]), np.array([[0.05]])).round(6).tolist()
    [0.05]
    """
    n = same_length(rp=portfolio_returns, rb=benchmark_returns)
    if effects.ndim != 2 or effects.shape[0] != n:
        raise ShapeError("effects", got=effects.shape, expected=(n, effects.shape[-1]))
    for name, returns in (("rp", portfolio_returns), ("rb", benchmark_returns)):
        if np.any(returns <= -1.0):
            row = int(np.flatnonzero(returns <= -1.0)[0])
            raise DomainError(
                f"{name}, row {row + 1}: {returns[row]:g} is a total loss; no link leads past it"
            )
    log_p, log_b = (
        exact_sum(np.log1p(portfolio_returns)),
        exact_sum(np.log1p(benchmark_returns)),
    )
    if max(log_p, log_b) > 700.0 or min(log_p, log_b) < -700.0:
        raise DomainError(
            "rp, rb: the compounded returns are beyond any number; check for a return that is wrong"
        )
    whole = _carino(math.expm1(log_p), math.expm1(log_b))
    shares = np.array(
        [
            _carino(float(p), float(b)) / whole
            for p, b in zip(portfolio_returns, benchmark_returns, strict=True)
        ]
    )
    return np.array([exact_sum(column) for column in (effects * shares[:, None]).T])


def _carino(p: float, b: float) -> float:
    # ln((1+p)/(1+b)) / (p-b) with x = (p-b)/(1+b): log1p keeps all digits when p is close to b.
    x = (p - b) / (1.0 + b)
    if x < -0.5:  # far apart: the plain difference keeps its digits, and 1 + x may have none left
        return (math.log1p(p) - math.log1p(b)) / (p - b)
    return (math.log1p(x) / x if x != 0.0 else 1.0) / (1.0 + b)


def tracking_difference_items(
    items: Mapping[str, float], total: float
) -> list[tuple[str, float, float | None]]:
    """The tracking difference explained by its known items, the rest shown as `residual`.

    Parameters
    ----------
    items : mapping of str to float
        Per year: `ter`, `other`, `execution`, `dividend`, `hedge` as positive costs; `lending` as
        positive income; `cash`, `dropped`, `sampling`, `timing` as signed contributions.
    total : float
        The tracking difference, fund - index.

    Returns
    -------
    list of (item, contribution, share)
        In the order given, then `residual`, then `total`. The share is None when the total is zero.

    Raises
    ------
    InputError
        If an item is not known.

    Examples
    --------
    >>> [(item, round(part, 6)) for item, part, _ in tracking_difference_items({"ter": 0.0008}, -0.0019)]
    [('ter', -0.0008), ('residual', -0.0011), ('total', -0.0019)]
    """
    known = (*COST_ITEMS, *INCOME_ITEMS, *SIGNED_ITEMS)
    for item in items:
        if item not in known:
            raise InputError(f"items: {item!r} is not known; use {', '.join(known)}")
    # 0.0 - amount, so that a cost of zero contributes 0 and not -0.
    parts = [(item, 0.0 - amount if item in COST_ITEMS else amount) for item, amount in items.items()]
    parts.append(("residual", total - exact_sum(part for _, part in parts)))
    return [(item, part, part / total if total else None) for item, part in [*parts, ("total", total)]]


def cash_drag(cash: ArrayLike, index: ArrayLike, cash_return: ArrayLike) -> FloatArray:
    """What uninvested cash adds to the return: -cash x (index return - return on cash).

    Parameters
    ----------
    cash, index, cash_return : float or array_like of shape (n_periods,)
        As fractions; scalars are repeated.

    Returns
    -------
    ndarray of shape () or (n_periods,)

    Examples
    --------
    >>> round(float(cash_drag(0.02, 0.10, 0.001)), 6)
    -0.00198
    """
    cash, index, cash_return = broadcast(cash=cash, index=index, cash_return=cash_return)
    return np.asarray(-cash * (index - cash_return))


def factor_attribution(
    active_exposures: FloatArray,
    factor_returns: FloatArray,
    active_weights: FloatArray,
    specific_returns: FloatArray,
) -> FloatArray:
    """Active return by factor: x_k f_k for each factor, then the specific part, then the total.

    Parameters
    ----------
    active_exposures, factor_returns : ndarray of shape (n_factors,)
        Exposure of the active weights to each factor, and its return over the period.
    active_weights, specific_returns : ndarray of shape (n_securities,)
        Portfolio less index weight, and the return that no factor explains.

    Returns
    -------
    ndarray of shape (n_factors + 2,)

    Raises
    ------
    ShapeError
        If the lengths differ.

    Examples
    --------
    >>> x, f = np.array([0.05, -0.1]), np.array([0.02, 0.01])
    >>> factor_attribution(x, f, np.array([0.03, -0.03]), np.array([0.01, -0.02])).round(4).tolist()
    [0.001, -0.001, 0.0009, 0.0009]
    """
    same_length(active=active_exposures, factor_returns=factor_returns)
    same_length(active_weight=active_weights, specific_returns=specific_returns)
    by_factor = active_exposures * factor_returns
    specific = exact_sum(active_weights * specific_returns)
    return np.array([*by_factor, specific, exact_sum([*by_factor, specific])])


class CurrencyEffect(NamedTuple):
    """What one currency's holdings earned: locally, by the exchange rate, by the hedge."""

    local: float
    currency: float
    hedge: float
    total: float


def currency_attribution(
    weights: FloatArray,
    local_returns: FloatArray,
    currency_returns: FloatArray,
    hedge_ratio: ArrayLike = 0.0,
    hedge_cost: ArrayLike = 0.0,
) -> list[CurrencyEffect]:
    """Local return, exchange rate and hedge by currency, and the totals in the last row.

    Parameters
    ----------
    weights, local_returns, currency_returns : ndarray of shape (n_currencies,)
        Weight, return in local money, return of the foreign currency in home money.
    hedge_ratio : float or array_like of shape (n_currencies,)
        The part hedged, at the start value.
    hedge_cost : float or array_like of shape (n_currencies,)
        Cost of a full hedge over the period, positive.

    Returns
    -------
    list of CurrencyEffect
        Weighted: local r, exchange rate e (1 + r), hedge -h (e + cost). Without a hedge a row sums to
        weight x ((1 + r)(1 + e) - 1).

    Raises
    ------
    ShapeError
        If the lengths differ.

    Examples
    --------
    >>> rows = currency_attribution(np.ones(1), np.array([0.08]), np.array([-0.05]), 1.0, 0.04)
    >>> [round(effect, 4) for effect in rows[-1]]
    [0.08, -0.054, 0.01, 0.036]
    """
    same_length(weights=weights, local=local_returns, fx=currency_returns)
    w, r, e, h, cost = broadcast(
        weights=weights, local=local_returns, fx=currency_returns, hedge=hedge_ratio, hedge_cost=hedge_cost
    )
    local, currency, hedge = w * r, w * e * (1.0 + r), -w * h * (e + cost) + 0.0
    rows = [
        CurrencyEffect(float(x), float(y), float(z), float(x + y + z))
        for x, y, z in zip(local, currency, hedge, strict=True)
    ]
    a, b, c = exact_sum(local), exact_sum(currency), exact_sum(hedge)
    return [*rows, CurrencyEffect(a, b, c, exact_sum((a, b, c)))]
