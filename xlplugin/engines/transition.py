"""From the present portfolio to the target over several quarters, inside a budget of gains.

Six options lie around the client's own budget: losses only, gains that losses pay for, half the
budget, the budget, twice the budget, and everything at once. Each is the rule of REBALANCE with
another budget of gains (methodology 6.8), so that the list of orders of an option is what REBALANCE
prints. The schedule takes the losses in the first quarter and then, cheapest first, as many of the
gains as each tax year has room for. Amounts are money of the account, a loss is negative.

Tax is the amount above what the client's other gains bear anyway, at one rate; what is carried in
is used first. It is an estimate and says so wherever it is shown.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from xlplugin.core.arrays import exact_sum
from xlplugin.engines.rebalancing.to_target import GainMode, Goal, Rebalanced, rebalance_to_target
from xlplugin.errors import DomainError, ShapeError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from xlplugin.aliases import FloatArray

__all__ = [
    "OPTIONS",
    "Option",
    "Outlook",
    "Quarter",
    "Step",
    "Transition",
    "options_of",
    "plan_tax",
    "quarters_from",
    "tax_range",
]

OPTIONS = "ABCDEF"
# How much of the yearly budget an option may use; A uses none of it, F does not look at it.
BUDGET_SHARE = {"A": 0.0, "B": 0.0, "C": 0.5, "D": 1.0, "E": 2.0, "F": 0.0}
MONTHS_OF_QUARTER = 3
_PACES = (1.0, 1.1, 1.25, 1.5, 2.0, 1e9)
_DUST = 1e-9  # of an amount: rounding of money


class Quarter(NamedTuple):
    """A quarter of a plan: its last day, the tax year it falls in, and that year's place from 1."""

    end: dt.date
    tax_year: int
    year_place: int


def quarters_from(
    as_of: dt.date, count: int, tax_year: int, period_end: dt.date | None = None
) -> tuple[Quarter, ...]:
    """The quarters of a plan, the one of `as_of` first.

    Parameters
    ----------
    as_of : date
    count : int
        Quarters, at least 1.
    tax_year : int
        Of `as_of`.
    period_end : date, optional
        Last day of the tax year that holds `as_of`; 31 December if left out.

    Examples
    --------
    >>> [(q.end.isoformat(), q.tax_year) for q in quarters_from(dt.date(2026, 11, 20), 3, 2026)]
    [('2026-12-31', 2026), ('2027-03-31', 2027), ('2027-06-30', 2027)]
    """
    if count < 1:
        raise DomainError(f"quarters: {count}; a plan has at least one")
    last = period_end or dt.date(as_of.year, 12, 31)
    found = []
    for place in range(count):
        months = MONTHS_OF_QUARTER * ((as_of.month - 1) // MONTHS_OF_QUARTER + 1 + place)
        year, month = as_of.year + months // 12, months % 12 + 1
        end = dt.date(year, month, 1) - dt.timedelta(days=1)
        later = max(0, -(-((end.year - last.year) * 12 + end.month - last.month) // 12))
        found.append(Quarter(end, tax_year + later, later + 1))
    return tuple(found)


@dataclass(frozen=True)
class Outlook:
    """What else bears on the tax of a plan.

    Attributes
    ----------
    rate : float
        Of tax on a gain.
    realised : float
        Net result of the tax year so far.
    carried : float
        Losses carried in, positive.
    other_gains : tuple of three floats
        Other gains expected in the first tax year: low, base, high.
    """

    rate: float = 0.0
    realised: float = 0.0
    carried: float = 0.0
    other_gains: tuple[float, float, float] = (0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Transition:
    """A portfolio, its target, and what limits the way there.

    Attributes
    ----------
    goal : Goal
        What is held and wanted; its mode and budget of gains are set by each option.
    index : ndarray of shape (n,)
        Weights that tracking risk is measured against.
    exposures : ndarray of shape (n, k)
        Covariance per year = exposures @ exposures.T + diag(specific).
    specific : ndarray of shape (n,)
    budget : float
        Net gains that may be realised in a tax year.
    quarters : tuple of Quarter
    outlook : Outlook
    """

    goal: Goal
    index: FloatArray
    exposures: FloatArray
    specific: FloatArray
    budget: float
    quarters: tuple[Quarter, ...]
    outlook: Outlook = Outlook()

    def __post_init__(self) -> None:
        n = self.goal.quantity.shape[0]
        for name in ("index", "specific"):
            if (got := getattr(self, name).shape) != (n,):
                raise ShapeError(name, got=got, expected=(n,))
        if self.exposures.ndim != 2 or len(self.exposures) != n:
            raise ShapeError("exposures", got=self.exposures.shape, expected=(n, self.exposures.shape[-1]))
        if self.budget < 0.0:
            raise DomainError(f"budget: {self.budget:g} is below zero")

    def tracking_risk(self, weights: FloatArray) -> float:
        """Forecast tracking risk per year of weights; cash is what they leave of one."""
        active = weights - self.index
        loads = self.exposures.T @ active
        return float(np.sqrt(loads @ loads + self.specific @ (active * active)))

    @property
    def years(self) -> int:
        """Tax years the plan touches."""
        return self.quarters[-1].year_place


@dataclass(frozen=True)
class Step:
    """What one quarter of a plan does.

    Attributes
    ----------
    quarter : Quarter
    sold : int
        Names of which something is sold.
    gains, losses, net : float
    year_to_date : float
        Net result of the tax year up to the end of the quarter, the one before the plan included.
    budget_left : float
        Yearly budget less `year_to_date`.
    trading_cost : float
    weights : ndarray of shape (n,)
        At the end of the quarter.
    tracking_risk : float
    """

    quarter: Quarter
    sold: int
    gains: float
    losses: float
    net: float
    year_to_date: float
    budget_left: float
    trading_cost: float
    weights: FloatArray
    tracking_risk: float


@dataclass(frozen=True)
class Option:
    """One way to go, over the whole plan.

    Attributes
    ----------
    letter : str
    done : Rebalanced
        Every order of the plan.
    room : tuple of float
        Gains that may be realised in each tax year, those that its losses pay for included.
    steps : tuple of Step
        The orders by quarter.
    gain_budget : float or None
        Gains that were allowed over the whole plan; None where they are not limited.
    gains, losses, net : float
    net_by_year : tuple of float
        Of the steps.
    tax : tuple of three floats
        At the low, base and high expectation of other gains.
    trading_cost : float
    tracking_risk : float
    names : int
        Held after the plan.
    """

    letter: str
    done: Rebalanced
    room: tuple[float, ...]
    steps: tuple[Step, ...]
    gain_budget: float | None
    gains: float
    losses: float
    net: float
    net_by_year: tuple[float, ...]
    tax: tuple[float, float, float]
    trading_cost: float
    tracking_risk: float
    names: int


def plan_tax(net_by_year: Sequence[float], other: float, outlook: Outlook) -> float:
    """Tax of a plan above the tax that other results bear without it.

    Other gains, the result so far and the losses carried in meet in the first year; a loss that is
    left over goes to the next.

    Examples
    --------
    A loss of 100 now and a gain of 150 next year, against other gains of 30 this year: 30 x 20 %
    saved this year, 70 carried, 80 taxed next year.

    >>> round(plan_tax([-100.0, 150.0], 30.0, Outlook(rate=0.2)), 6)
    10.0
    """
    base = other + outlook.realised - outlook.carried
    tax, carried = 0.0, 0.0
    for place, net in enumerate(net_by_year):
        start = base if place == 0 else -carried
        tax += max(0.0, start + net) - (max(0.0, start) if place == 0 else 0.0)
        carried = max(0.0, -(start + net))
    return outlook.rate * tax


def tax_range(net_by_year: Sequence[float], outlook: Outlook) -> tuple[float, float, float]:
    """`plan_tax` beside low, base and high other gains."""
    low, base, high = (plan_tax(net_by_year, other, outlook) for other in outlook.other_gains)
    return low, base, high


def options_of(plan: Transition) -> tuple[Option, ...]:
    """The six options, in their order.

    Losses that pay for gains are counted carefully: the smaller of what is realised with losses only
    and with everything, because a gain sold may leave a loss standing.
    """
    only, full = _run(plan, GainMode.LOSS_ONLY), _run(plan, GainMode.ANY)
    losses = min(_losses(only), _losses(full))
    found = []
    for letter in OPTIONS:
        if letter == "A":
            budget: float | None = 0.0
            done = only
        elif letter == "F":
            budget, done = None, full
        else:
            budget = exact_sum(np.array(_room(plan, letter, losses)))
            done = _run(plan, GainMode.BUDGET, budget)
        found.append(_option(plan, letter, done, budget))
    return tuple(found)


def _run(plan: Transition, mode: GainMode, budget: float = 0.0) -> Rebalanced:
    return rebalance_to_target(replace(plan.goal, gain_mode=mode, gain_budget=budget))


def _losses(done: Rebalanced) -> float:
    return -exact_sum(np.minimum(done.gain, 0.0))


def _room(plan: Transition, letter: str, losses: float) -> tuple[float, ...]:
    """Gains each tax year has room for; for F the number of its quarters, to spread evenly."""
    years = range(1, plan.years + 1)
    if letter == "F":
        return tuple(float(sum(q.year_place == year for q in plan.quarters)) for year in years)
    share = BUDGET_SHARE[letter]
    first = max(0.0, share * plan.budget - plan.outlook.realised) + losses
    return tuple(first if year == 1 else share * plan.budget for year in years)


def _option(plan: Transition, letter: str, done: Rebalanced, budget: float | None) -> Option:
    room = _room(plan, letter, _losses(done))
    steps = _paced_steps(plan, done, room, limited=budget is not None)
    by_year = [0.0] * plan.years
    for step in steps:
        by_year[step.quarter.year_place - 1] += step.net
    gains, losses = exact_sum(np.maximum(done.gain, 0.0)), -_losses(done)
    return Option(
        letter=letter,
        done=done,
        room=room,
        steps=steps,
        gain_budget=budget,
        gains=gains,
        losses=losses,
        net=gains + losses,
        net_by_year=tuple(by_year),
        tax=tax_range(by_year, plan.outlook),
        trading_cost=exact_sum(done.cost),
        tracking_risk=plan.tracking_risk(done.weight_after),
        names=int(np.count_nonzero(done.weight_after > 0.0)),
    )


def _paced_steps(
    plan: Transition, done: Rebalanced, room: tuple[float, ...], *, limited: bool
) -> tuple[Step, ...]:
    """Steps at an even pace, or at a faster one if whole trading units would overfill the last tax year."""
    gains, total = exact_sum(np.maximum(done.gain, 0.0)), sum(room)
    steps: tuple[Step, ...] = ()
    for pace in _PACES:
        steps = _steps(plan, done, room, max(gains, min(gains * pace, total)), limited=limited)
        last = exact_sum(np.array([s.gains for s in steps if s.quarter.year_place == plan.years]))
        if not limited or last <= room[-1] * (1.0 + _DUST):
            break
    return steps


def _steps(
    plan: Transition, done: Rebalanced, room: tuple[float, ...], planned: float, *, limited: bool
) -> tuple[Step, ...]:
    """The orders of an option, quarter by quarter.

    Losses and sales without a gain come first. A name with a gain is sold in trading units, the
    cheapest gain per money sold first, as far as the room of its tax year, spread evenly over the
    quarters of the year, allows for `planned` gains. A unit too dear for this quarter waits, and the
    dearer names with it; one too dear for the year lets them pass. The last quarter sells what is left
    over. Purchases follow the money: each is done to the share in which all sales are done.
    """
    goal = plan.goal
    amount = np.where(done.traded < 0.0, done.amount, 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        dearness = np.where(amount > 0.0, done.gain / amount, 0.0)
    free = (done.traded < 0.0) & (done.gain <= 0.0)
    waiting = [int(place) for place in np.argsort(dearness, kind="stable") if done.gain[place] > 0.0]
    left = np.where(done.traded < 0.0, -done.traded, 0.0)
    unit_gain = np.where(done.traded < 0.0, done.gain / np.maximum(-done.traded, _DUST), 0.0)
    bought = np.maximum(done.traded, 0.0)
    total_sold = exact_sum(amount)
    spread = _spread(plan, planned, room)
    years = room if limited else (planned,) * plan.years
    steps: list[Step] = []
    sold_now = np.zeros_like(left)
    gone = np.zeros_like(left)
    allowed, taken, year_left = 0.0, 0.0, years[0]
    year_to_date, paid = plan.outlook.realised, 0.0
    for place, quarter in enumerate(plan.quarters):
        if place and plan.quarters[place - 1].year_place != quarter.year_place:
            year_to_date, year_left = 0.0, years[quarter.year_place - 1]
        sold_now[:] = np.where(free, left, 0.0) if place == 0 else 0.0
        allowed += spread[place]
        last = place == len(plan.quarters) - 1
        for name in waiting:
            if left[name] <= 0.0:
                continue
            now = min(allowed - taken, year_left)
            fits = left[name] if last else _fitting(left[name], unit_gain[name], goal.lot[name], now)
            if fits <= 0.0 and min(left[name], goal.lot[name]) * unit_gain[name] <= year_left:
                break
            sold_now[name] += fits
            taken += fits * unit_gain[name]
            year_left -= fits * unit_gain[name]
        left -= sold_now
        gone += sold_now
        gained = sold_now * unit_gain
        gains, losses = exact_sum(np.maximum(gained, 0.0)), exact_sum(np.minimum(gained, 0.0))
        share = 1.0 if last or total_sold <= 0.0 else exact_sum(gone * goal.price) / total_sold
        account = _account(goal)
        weights = (goal.quantity - gone + share * bought) * goal.price / account
        cost = (exact_sum(gone * goal.price) + share * exact_sum(bought * goal.price)) * goal.cost_rate
        year_to_date += gains + losses
        steps.append(
            Step(
                quarter=quarter,
                sold=int(np.count_nonzero(sold_now > 0.0)),
                gains=gains,
                losses=losses,
                net=gains + losses,
                year_to_date=year_to_date,
                budget_left=plan.budget - year_to_date,
                trading_cost=cost - paid,
                weights=weights,
                tracking_risk=plan.tracking_risk(weights),
            )
        )
        paid = cost
    return tuple(steps)


def _spread(plan: Transition, gains: float, room: tuple[float, ...]) -> list[float]:
    """Gains that each quarter may add: the room of its year in equal parts."""
    total = sum(room)
    shares = [gains * part / total if total > 0.0 else 0.0 for part in room]
    counts = [sum(q.year_place == year for q in plan.quarters) for year in range(1, plan.years + 1)]
    return [shares[q.year_place - 1] / counts[q.year_place - 1] for q in plan.quarters]


def _fitting(left: float, unit_gain: float, lot: float, room: float) -> float:
    """Shares, in whole trading units, whose gain fits the room; the odd rest goes with the last unit."""
    shares = np.floor(room * (1.0 + _DUST) / (unit_gain * lot) + _DUST) * lot
    return float(
        left if shares + lot > left and left * unit_gain <= room * (1.0 + _DUST) else min(shares, left)
    )


def _account(goal: Goal) -> float:
    return exact_sum(goal.quantity * goal.price) + goal.cash
