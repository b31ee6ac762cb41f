"""A fund on the index as one more name: where money goes that whole units of shares leave over.

The fund is part of the optimisation, not bought with what is left afterwards: which shares are worth
their unit depends on what the fund already covers (specification 6.6).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from xlplugin.engines.rebalancing.problem import SPECIFIC_FLOOR
from xlplugin.errors import DomainError, ShapeError

if TYPE_CHECKING:
    from xlplugin.aliases import FloatArray
    from xlplugin.engines.rebalancing.problem import Problem

__all__ = ["Fund", "with_fund"]


class Fund(NamedTuple):
    """A fund or ETF that holds names of the problem.

    Attributes
    ----------
    holdings : ndarray of shape (n_names,)
        Its weights; what they leave of one is cash or names without a place in the model.
    unit_price : float
        Money for its trading unit.
    name : str
    cost : float
        One way, per unit traded.
    noise : float
        Variance per year of its return around that of its holdings.
    highest : float
        Largest share of the account.
    """

    holdings: FloatArray
    unit_price: float
    name: str = "fund"
    cost: float = 0.0
    noise: float = SPECIFIC_FLOOR
    highest: float = 1.0


def with_fund(problem: Problem, fund: Fund) -> Problem:
    """The problem with the fund as its last name, looked through for factors, limits and tallies.

    Parameters
    ----------
    problem : Problem
    fund : Fund

    Returns
    -------
    Problem
        Nothing of the fund is held or wanted for its own sake: its target is zero. The specific risk of
        the names is counted as if the fund held none of them; that errs towards more risk where the
        account holds less of a name than the index.

    Raises
    ------
    ShapeError
        If there is not one holding per name.
    DomainError
        If a holding is negative or all together are more than one.

    Examples
    --------
    >>> from xlplugin.engines.rebalancing.problem import Lots, Problem
    >>> nothing = np.zeros(0)
    >>> lots = Lots.of(np.zeros(0, dtype=int), nothing, nothing, nothing)
    >>> problem = Problem.of(np.array([0.6, 0.4]), np.array([[0.2], [0.1]]), np.full(2, 0.04), lots)
    >>> made = with_fund(problem, Fund(np.array([0.6, 0.4]), 1000.0))
    >>> made.names[-1], made.exposures[-1].round(4).tolist(), float(made.target[-1])
    ('fund', [0.16], 0.0)
    """
    n = len(problem.names)
    if fund.holdings.shape != (n,):
        raise ShapeError("holdings", got=fund.holdings.shape, expected=(n,))
    if (fund.holdings < 0.0).any() or fund.holdings.sum() > 1.0 + 1e-6:
        raise DomainError(f"{fund.name}: its holdings must not be negative and sum to at most one")
    inside = fund.holdings

    def more(values: FloatArray, last: float) -> FloatArray:
        return np.append(values, last)

    return replace(
        problem,
        names=(*problem.names, fund.name),
        target=more(problem.target, 0.0),
        exposures=np.vstack([problem.exposures, inside @ problem.exposures]),
        specific=more(problem.specific, max(fund.noise, SPECIFIC_FLOOR)),
        sell_cost=more(problem.sell_cost, fund.cost),
        buy_cost=more(problem.buy_cost, fund.cost),
        lowest=more(problem.lowest, 0.0),
        highest=more(problem.highest, fund.highest),
        may_buy=np.append(problem.may_buy, fund.highest > 0.0),
        tilt=more(problem.tilt, float(inside @ problem.tilt)),
        limits=tuple(
            replace(limit, loading=more(limit.loading, float(inside @ limit.loading)))
            for limit in problem.limits
        ),
        tallies=tuple(
            replace(tally, bought=more(tally.bought, float(inside @ tally.bought)))
            for tally in problem.tallies
        ),
        price=None if problem.price is None else more(problem.price, fund.unit_price / problem.nav),
    )
