"""How well an account of a given size can hold an index in whole trading units.

Bought from cash, nothing held before: the smallest forecast tracking risk that trading units leave,
with the proof how much better any other choice could be. Idle cash counts as missing shares; a fund on
the index may take it up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from xlplugin.engines.rebalancing.branching import Effort
from xlplugin.engines.rebalancing.fund import Fund, with_fund
from xlplugin.engines.rebalancing.pipeline import Units, rebalance
from xlplugin.engines.rebalancing.problem import Limit, Lots, Problem
from xlplugin.errors import DomainError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from xlplugin.aliases import FloatArray

__all__ = ["Size", "account_sizes"]

_SCALE = 100.0  # price of variance: puts the objective where the kernel's tolerances are meant for


class Size(NamedTuple):
    """One account size.

    Attributes
    ----------
    amount : float
    tracking_risk : float
        Forecast per year, a fraction.
    bound : float
        No choice of whole units has less.
    units : ndarray of shape (n_names,)
        Trading units of every name.
    names : int
        Names held.
    cash : float
        Share left idle.
    fund : float
        Trading units of the fund.
    """

    amount: float
    tracking_risk: float
    bound: float
    units: FloatArray
    names: int
    cash: float
    fund: float = 0.0


def account_sizes(
    target: FloatArray,
    exposures: FloatArray,
    specific: FloatArray,
    unit_price: FloatArray,
    amounts: Sequence[float],
    *,
    cash_low: float = 0.0,
    cash_high: float = 1.0,
    limits: tuple[Limit, ...] = (),
    fund: Fund | None = None,
    effort: Effort | None = None,
) -> list[Size]:
    """The best portfolio in whole units for every amount, smallest amount first.

    Parameters
    ----------
    target : ndarray of shape (n_names,)
        Index weights.
    exposures : ndarray of shape (n_names, n_factors)
        Scaled so that covariance per year = exposures @ exposures.T + diag(specific).
    specific : ndarray of shape (n_names,)
    unit_price : ndarray of shape (n_names,)
        Money for one trading unit.
    amounts : sequence of float
        Account sizes in money.
    cash_low, cash_high : float
        Share of the account that may stay idle.
    limits : tuple of Limit
        For example a beta band.
    fund : Fund, optional
        On the index: the optimisation may put money into it that units of shares leave over.
    effort : Effort, optional

    Returns
    -------
    list of Size
        A larger account starts from the portfolio of the next smaller one as well.

    Raises
    ------
    DomainError
        If an amount is not above zero.

    Examples
    --------
    >>> import numpy as np
    >>> small, large = account_sizes(np.array([0.5, 0.5]), np.full((2, 1), 0.2), np.full(2, 0.04),
    ...                              np.array([300.0, 700.0]), [1000.0, 10000.0])
    >>> small.units.tolist(), round(small.cash, 2), large.units.tolist()
    ([1.0, 1.0], 0.0, [17.0, 7.0])
    """
    effort = effort or Effort(gap=2e-3, nodes=12)
    n, made = len(target), []
    nothing = np.zeros(0)
    lots = Lots.of(np.zeros(0, dtype=np.int64), nothing, nothing, nothing)
    before: tuple[float, FloatArray] | None = None
    for amount in sorted(amounts):
        if not amount > 0.0:
            raise DomainError(f"an amount is {amount}; it must be above zero")
        problem = Problem.of(
            target,
            exposures,
            specific,
            lots,
            cash_low=cash_low,
            cash_high=cash_high,
            limits=limits,
            nav=amount,
        )
        unit = unit_price / amount
        if fund is not None:
            problem, unit = with_fund(problem, fund), np.append(unit, fund.unit_price / amount)
        starts = () if before is None else (np.floor(before[1] * amount / before[0] + 1e-9) * unit,)
        plan = rebalance(
            problem, gamma=_SCALE, effort=effort, units=Units(unit, np.zeros(len(unit))), starts=starts
        )
        units = np.round(plan.weights / unit)
        before = (amount, units)
        bound = float(np.sqrt(max(plan.bound, 0.0) / _SCALE))
        shares, rest = units[:n], float(units[n:].sum())
        names = int((shares > 0.0).sum())
        made.append(Size(amount, plan.tracking_risk, bound, shares, names, plan.cash, rest))
    return made
