"""The year's netting inside the optimiser: which rate a gain or a loss of the plan really meets.

Tax is linear inside a cell of the year's results, but not convex across cells: crossing one, a rate
may fall. So every cell is a problem of its own, with its rates and with its borders as limits on the
plan's net gains; the best plan wins, and the bound is the smallest of the cells' bounds
(specification 3.2 and 3.3). The exact tax of the winner is the ledger's business.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from xlplugin.engines.rebalancing.pipeline import rebalance
from xlplugin.errors import DomainError, InfeasibleError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from xlplugin.engines.rebalancing.branching import Effort
    from xlplugin.engines.rebalancing.plan import Plan
    from xlplugin.engines.rebalancing.problem import Problem

__all__ = ["Cell", "Netted", "Rates", "one_bucket_cells", "rebalance_netted", "us_cells", "us_tax"]

_INFINITE = float("inf")


class Rates(NamedTuple):
    """Marginal rates of a US taxpayer.

    Attributes
    ----------
    short, long, ordinary : float
        On net short-term and long-term gains, and on the income that a net loss may reduce.
    carried : float
        What a loss carried to later years is worth now; below the others.
    deduction : float
        Net loss that other income absorbs in a year, over net asset value (26 U.S.C. 1211(b)).
    """

    short: float
    long: float
    ordinary: float
    carried: float
    deduction: float


@dataclass(frozen=True)
class Cell:
    """A part of the year's results in which tax is linear.

    Attributes
    ----------
    name : str
    short, long : float
        Marginal rates on short-term and long-term results; equal where the law knows no terms.
    short_band, long_band, total_band : tuple of float
        Where the plan's own net results may be so that the year stays in the cell.
    constant : float
        Tax of the year at the border, less tax without the plan: what the rates leave out.
    """

    name: str
    short: float
    long: float
    short_band: tuple[float, float] = (-_INFINITE, _INFINITE)
    long_band: tuple[float, float] = (-_INFINITE, _INFINITE)
    total_band: tuple[float, float] = (-_INFINITE, _INFINITE)
    constant: float = 0.0


class Netted(NamedTuple):
    """The best plan over all cells.

    Attributes
    ----------
    plan : Plan
        Its `tax` is at the rates of `cell`.
    cell : Cell
    tax : float
        Change of the year's tax by the plan, over net asset value.
    objective, bound, gap : float
        With the year's tax; the bound holds over all cells.
    objectives : dict
        By cell, for those that can be reached.
    """

    plan: Plan
    cell: Cell
    tax: float
    objective: float
    bound: float
    gap: float
    objectives: dict[str, float]


def us_tax(short: float, long: float, rates: Rates) -> float:
    """Tax of a year with these net short-term and long-term results; negative for a net loss.

    Parameters
    ----------
    short, long : float
        Carries included, over net asset value.
    rates : Rates

    Examples
    --------
    A long-term loss meets short-term gains at their rate:

    >>> round(us_tax(0.02, -0.01, Rates(0.4, 0.2, 0.35, 0.1, 0.003)), 6)
    0.004
    """
    total = short + long
    if total < 0.0:
        used = max(total, -rates.deduction)
        return rates.ordinary * used + rates.carried * (total - used)
    if short >= 0.0 and long >= 0.0:
        return rates.short * short + rates.long * long
    return (rates.short if short >= 0.0 else rates.long) * total


def us_cells(rates: Rates, short: float, long: float) -> tuple[Cell, ...]:
    """The five cells of a US year, seen from the results so far.

    Parameters
    ----------
    rates : Rates
    short, long : float
        Net results of the year so far, carries included, over net asset value.
    """
    now, total, most = us_tax(short, long, rates), short + long, rates.deduction
    short_gain, short_loss = (-short, _INFINITE), (-_INFINITE, -short)
    long_gain, long_loss = (-long, _INFINITE), (-_INFINITE, -long)
    net_gain = (-total, _INFINITE)

    def constant(pair: tuple[float, float], border: float = 0.0) -> float:
        return border + pair[0] * short + pair[1] * long - now

    own, at_short = (rates.short, rates.long), (rates.short, rates.short)
    at_long, at_ordinary = (rates.long, rates.long), (rates.ordinary, rates.ordinary)
    later, lost = (rates.carried, rates.carried), (rates.carried - rates.ordinary) * most
    return (
        Cell("gains of both terms", *own, short_gain, long_gain, constant=constant(own)),
        Cell("short gain, long loss", *at_short, short_gain, long_loss, net_gain, constant(at_short)),
        Cell("long gain, short loss", *at_long, short_loss, long_gain, net_gain, constant(at_long)),
        Cell(
            "loss against other income",
            *at_ordinary,
            total_band=(-most - total, -total),
            constant=constant(at_ordinary),
        ),
        Cell(
            "loss carried on",
            *later,
            total_band=(-_INFINITE, -most - total),
            constant=constant(later, lost),
        ),
    )


def one_bucket_cells(
    rate: float, carried: float, realised: float, *, expiring: float = 0.0
) -> tuple[Cell, ...]:
    """The cells of a year with one bucket, such as listed shares in Japan.

    Parameters
    ----------
    rate : float
        On a net gain.
    carried : float
        What a loss carried on is worth now, from 0 to `rate`; 0 for a client who files no return.
    realised : float
        Result of the year so far after carries that do not expire, over net asset value.
    expiring : float
        Carried losses of the last year in which they count, positive: so much gain is free.

    Examples
    --------
    >>> [cell.name for cell in one_bucket_cells(0.20315, 0.1, 0.0, expiring=0.02)]
    ['gain', 'gain that expiring losses pay for', 'loss carried on']
    """
    if expiring < 0.0 or not 0.0 <= carried <= rate:
        raise DomainError(
            f"rate {rate:g}, value of a carry {carried:g}, expiring losses {expiring:g}: a carry is worth "
            "between nothing and the rate, and losses are written positive"
        )

    def tax(result: float) -> float:
        return rate * max(result - expiring, 0.0) + carried * min(result, 0.0)

    now = tax(realised)
    above, below = (expiring - realised, _INFINITE), (-_INFINITE, -realised)
    made = [Cell("gain", rate, rate, total_band=above, constant=rate * (realised - expiring) - now)]
    if expiring > 0.0:
        between = (-realised, expiring - realised)
        made.append(Cell("gain that expiring losses pay for", 0.0, 0.0, total_band=between, constant=-now))
    lost = carried * realised - now
    made.append(Cell("loss carried on", carried, carried, total_band=below, constant=lost))
    return tuple(made)


def rebalance_netted(
    problem: Problem,
    cells: Sequence[Cell],
    *,
    risk: float | None = None,
    gamma: float | None = None,
    effort: Effort | None = None,
) -> Netted:
    """The best plan when the year's netting decides the rates.

    Parameters
    ----------
    problem : Problem
        Rates of its lots are replaced by those of the cells; lots without a rate stay without one.
    cells : sequence of Cell
    risk, gamma : float, optional
        As for `pipeline.rebalance`.
    effort : Effort, optional

    Returns
    -------
    Netted

    Raises
    ------
    InfeasibleError
        If no cell can be reached within the limits.
    """
    taxed, long = problem.lots.rate != 0.0, problem.lots.long_term
    best: tuple[float, Plan, Cell] | None = None
    objectives: dict[str, float] = {}
    bound = _INFINITE
    for cell in cells:
        rate = np.where(taxed, np.where(long, cell.long, cell.short), 0.0)
        here = replace(problem, lots=replace(problem.lots, rate=rate))
        counted = replace(here, lots=replace(here.lots, gain=np.where(taxed, here.lots.gain, 0.0)))
        tallies = [
            counted.net_gain(*band, term=term)
            for band, term in ((cell.short_band, False), (cell.long_band, True), (cell.total_band, None))
            if np.isfinite(band).any()
        ]
        try:
            plan = rebalance(here.with_tallies(*tallies), risk=risk, gamma=gamma, effort=effort)
        except InfeasibleError:
            continue
        # Under a cap the price of the variance is inside both; it is taken out to compare cells.
        priced = 0.0 if risk is None else plan.objective - (plan.tax + plan.trading_cost)
        objective = plan.objective - priced + cell.constant
        objectives[cell.name] = objective
        bound = min(bound, plan.bound - priced + cell.constant)
        if best is None or objective < best[0]:
            best = (objective, plan, cell)
    if best is None:
        raise InfeasibleError("no part of the year's netting can be reached within the limits")
    objective, plan, cell = best
    gap = (objective - bound) / max(abs(objective), 1e-12)
    return Netted(plan, cell, plan.tax + cell.constant, objective, bound, gap, objectives)
