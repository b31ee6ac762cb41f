"""Back to target weights in whole lots, without an optimiser: the rule of REBALANCE (methodology 6.8).

Sell what is too much to the nearest lot, never a gain that is not allowed; then buy, lot by lot, what
brings the weights nearest to the target and still fits the cash. Amounts are money of the account.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from xlplugin.core.arrays import exact_sum, same_length
from xlplugin.errors import DomainError, InfeasibleError, InputError, ShapeError

if TYPE_CHECKING:
    from xlplugin.aliases import BoolArray, FloatArray

__all__ = ["GainMode", "Goal", "Rebalanced", "rebalance_to_target"]

_ROOM = 1e-9  # of the account: what rounding of money may overshoot
_LOT = 1e-9  # of a lot: a whole number of lots but for rounding
_LEAST = 1e-15  # smallest fall of the objective worth a lot


class GainMode(StrEnum):
    """Which gains a rebalance may realise."""

    ANY = "ANY"
    LOSS_ONLY = "LOSS_ONLY"
    BUDGET = "BUDGET"


@dataclass(frozen=True)
class Goal:
    """What is held, wanted and allowed; arrays of one length, one place per name.

    Attributes
    ----------
    quantity, price, unit_cost, lot : ndarray of shape (n,)
        Shares held, money per share, average cost per share (not a number: gain unknown, taken as
        zero), shares of a trading unit.
    weight : ndarray of shape (n,)
        Wanted, as a fraction of the account before the cash kept back.
    restricted : ndarray of bool, shape (n,)
        Held as it is.
    cash : float
        To invest; negative: to raise.
    cash_buffer : float
        Share of the account kept back.
    band : float
        A weight within it is left alone.
    min_trade : float
        Smallest order in money.
    gain_mode : GainMode
    gain_budget : float
        Largest sum of gains under BUDGET.
    tax_rate : float
        On the positive gain of a name.
    cost_rate : float
        One way, of the amount.
    covariance : ndarray of shape (n, n), optional
        Per year; with it the active variance is made small instead of the squared weight gaps.
    """

    quantity: FloatArray
    price: FloatArray
    unit_cost: FloatArray
    lot: FloatArray
    weight: FloatArray
    restricted: BoolArray
    cash: float = 0.0
    cash_buffer: float = 0.0
    band: float = 0.0
    min_trade: float = 0.0
    gain_mode: GainMode = GainMode.ANY
    gain_budget: float = 0.0
    tax_rate: float = 0.0
    cost_rate: float = 0.0
    covariance: FloatArray | None = None


@dataclass(frozen=True)
class Rebalanced:
    """The trades of a rebalance; arrays of shape (n,).

    Attributes
    ----------
    traded : ndarray
        Shares bought, negative when sold.
    amount, gain, tax, cost : ndarray
        Money, the amount without sign.
    weight_before, weight_target, weight_after : ndarray
        Fractions of the account before the trades.
    reasons : list of set of str
        Codes of the catalogue.
    cash : float
        Left over.
    """

    traded: FloatArray
    amount: FloatArray
    gain: FloatArray
    tax: FloatArray
    cost: FloatArray
    weight_before: FloatArray
    weight_target: FloatArray
    weight_after: FloatArray
    reasons: list[set[str]] = field(default_factory=list)
    cash: float = 0.0


def rebalance_to_target(goal: Goal) -> Rebalanced:
    """The trades that bring an account back to its target.

    Parameters
    ----------
    goal : Goal

    Returns
    -------
    Rebalanced

    Raises
    ------
    ShapeError
        If the arrays differ in length.
    InputError
        If the weights sum to more than one.
    DomainError
        If a price or a lot is not above zero, or the account is worth nothing.
    InfeasibleError
        If cash has to be raised and the sales allowed do not bring it.

    Examples
    --------
    >>> goal = Goal(np.array([300.0, 100, 0]), np.array([1000.0, 2000, 500]), np.array([900.0, 2500, np.nan]),
    ...             np.full(3, 100.0), np.array([0.2, 0.4, 0.4]), np.zeros(3, bool), cash=500_000.0)
    >>> done = rebalance_to_target(goal)
    >>> done.traded.tolist(), done.gain.tolist(), done.cash
    ([-100.0, 100.0, 800.0], [10000.0, 0.0, 0.0], 0.0)
    """
    return _Work(goal).run()


class _Work:
    """One rebalance while it is put together."""

    def __init__(self, goal: Goal) -> None:
        n = same_length(
            quantity=goal.quantity,
            price=goal.price,
            unit_cost=goal.unit_cost,
            lot=goal.lot,
            weight=goal.weight,
        )
        for name, values in (("price", goal.price), ("lot_size", goal.lot)):
            if n and not (values > 0.0).all():
                raise DomainError(f"{name}: {values.min():g} is not above zero")
        if goal.covariance is not None and goal.covariance.shape != (n, n):
            raise ShapeError("covariance", got=goal.covariance.shape, expected=(n, n))
        if (total := exact_sum(goal.weight)) > 1.0 + 1e-9:
            raise InputError(f"the target weights sum to {total:.6g}; they may sum to 1 at most")
        self.goal, self.n = goal, n
        self.account = exact_sum(goal.quantity * goal.price) + goal.cash
        if self.account <= 0.0:
            raise DomainError(f"the account is worth {self.account:g} with its cash; it must be above zero")
        self.unit = goal.lot * goal.price / self.account
        self.wanted = goal.weight * (1.0 - goal.cash_buffer)
        self.before = goal.quantity * goal.price / self.account
        self.gap = self.before - self.wanted
        self.traded = np.zeros(n)
        self.reasons: list[set[str]] = [set() for _ in range(n)]
        self.risk = np.eye(n) if goal.covariance is None else goal.covariance
        self.pull = self.risk @ self.gap
        inside = np.abs(self.gap) <= goal.band + (_LEAST if goal.band == 0.0 else _ROOM)
        self.free = ~inside & ~goal.restricted
        for place in range(n):
            if goal.restricted[place]:
                self.reasons[place].add("RESTRICTED")
            elif inside[place] and goal.band > 0.0:
                self.reasons[place].add("WITHIN_BAND")

    def run(self) -> Rebalanced:
        """Sales, then purchases."""
        goal = self.goal
        self._sell()
        sold = self.traded < 0.0
        proceeds = exact_sum(-self.traded[sold] * goal.price[sold]) * (1.0 - goal.cost_rate)
        self.cash = goal.cash + proceeds
        if self.cash < -_ROOM * self.account:
            self._raise_cash()
        spare = self.cash - goal.cash_buffer * self.account
        closed = sold | ~self.free
        while True:
            bought = self._buy(spare, closed)
            small = (bought > 0.0) & (bought * goal.price < goal.min_trade)
            if not small.any():
                break
            # A purchase that stays too small gives its cash to the others.
            closed = closed | small
            for name in np.flatnonzero(small):
                self.reasons[name].add("BELOW_MIN_TRADE")
        self.traded += bought
        self._explain_purchases(spare, bought, closed)
        amount = np.abs(self.traded) * goal.price
        self.cash -= exact_sum(bought * goal.price) * (1.0 + goal.cost_rate)
        gain = np.where(self.traded < 0.0, -self.traded * self._unit_gain(), 0.0)
        return Rebalanced(
            traded=self.traded,
            amount=amount,
            gain=gain,
            tax=np.maximum(gain, 0.0) * goal.tax_rate,
            cost=amount * goal.cost_rate,
            weight_before=self.before,
            weight_target=self.wanted,
            weight_after=(goal.quantity + self.traded) * goal.price / self.account,
            reasons=self.reasons,
            cash=self.cash,
        )

    def _unit_gain(self) -> FloatArray:
        return np.where(np.isnan(self.goal.unit_cost), 0.0, self.goal.price - self.goal.unit_cost)

    # Sales ----------------------------------------------------------------------------------------

    def _sell(self) -> None:
        goal, unit_gain = self.goal, self._unit_gain()
        budget = goal.gain_budget
        # Largest overweight first: under a budget it is served first.
        for name in np.argsort(-self.gap, kind="stable"):
            if not self.free[name] or self.gap[name] <= 0.0 or goal.quantity[name] <= 0.0:
                continue
            shares = self._nearest_sale(int(name))
            if shares <= 0.0:
                self.reasons[name].add("LOT_ROUNDED")
                continue
            if unit_gain[name] > 0.0 and goal.gain_mode is GainMode.LOSS_ONLY:
                self.reasons[name].add("GAIN_NOT_ALLOWED")
                continue
            if unit_gain[name] > 0.0 and goal.gain_mode is GainMode.BUDGET:
                allowed = np.floor(budget / (unit_gain[name] * goal.lot[name]) + _LOT) * goal.lot[name]
                if shares * unit_gain[name] > budget * (1.0 + _LOT):
                    shares = min(shares, float(allowed))
                    self.reasons[name].add("OVER_BUDGET")
                if shares <= 0.0:
                    continue
            if shares * goal.price[name] < goal.min_trade:
                self.reasons[name].add("BELOW_MIN_TRADE")
                continue
            budget -= max(0.0, shares * float(unit_gain[name]))
            self._trade(int(name), -shares)

    def _nearest_sale(self, name: int) -> float:
        """Shares to the nearest lot, a tie trades less; a name that is not wanted goes whole."""
        goal = self.goal
        held, lot = float(goal.quantity[name]), float(goal.lot[name])
        if goal.weight[name] == 0.0:
            return held
        exact = float(self.gap[name] / self.unit[name])
        if goal.covariance is not None:
            own = float(self.risk[name, name]) * float(self.unit[name])
            exact = float(self.pull[name]) / own if own > 0.0 else exact
        lots = max(0.0, np.ceil(exact - 0.5 - _LOT))
        if abs(exact - round(exact)) > 1e-6:
            self.reasons[name].add("LOT_ROUNDED")
        return float(min(lots, np.floor(held / lot + _LOT)) * lot)

    def _trade(self, name: int, shares: float) -> None:
        self.traded[name] += shares
        moved = shares * self.goal.price[name] / self.account
        self.gap[name] += moved
        self.pull = self.pull + self.risk[:, name] * moved

    def _raise_cash(self) -> None:
        """Cash still missing after rounding: sell on, each time the lot that hurts least."""
        goal, unit_gain = self.goal, self._unit_gain()
        spent = exact_sum(np.maximum(0.0, -self.traded * unit_gain))
        while self.cash < -_ROOM * self.account:
            best, name = np.inf, -1
            for place in range(self.n):
                left = goal.quantity[place] + self.traded[place]
                if goal.restricted[place] or left <= 0.0:
                    continue
                shares = min(float(goal.lot[place]), float(left))
                gain = max(0.0, float(unit_gain[place])) * shares
                if gain > 0.0 and goal.gain_mode is GainMode.LOSS_ONLY:
                    continue
                if gain > 0.0 and goal.gain_mode is GainMode.BUDGET and spent + gain > goal.gain_budget:
                    continue
                moved = -shares * float(goal.price[place]) / self.account
                change = moved * (2.0 * float(self.pull[place]) + moved * float(self.risk[place, place]))
                if change < best:
                    best, name = change, place
            if name < 0:
                raise InfeasibleError(
                    f"cash of {-self.cash:,.2f} is still missing and no further sale is allowed; raise less, "
                    "lift a restriction or allow more gains"
                )
            shares = min(float(goal.lot[name]), float(goal.quantity[name] + self.traded[name]))
            spent += max(0.0, float(unit_gain[name])) * shares
            self._trade(name, -shares)
            self.cash += shares * float(goal.price[name]) * (1.0 - goal.cost_rate)

    # Purchases ------------------------------------------------------------------------------------

    def _buy(self, spare: float, closed: BoolArray) -> FloatArray:
        """Shares bought: each time the lot with the largest fall that still fits the cash."""
        goal = self.goal
        price = goal.lot * goal.price * (1.0 + goal.cost_rate)
        if goal.covariance is None:
            lots = self._buy_squares(spare, closed, price)
        else:
            lots, pull, left = np.zeros(self.n), self.pull.copy(), spare
            own = np.diag(self.risk)
            while True:
                fall = -self.unit * (2.0 * pull + self.unit * own)
                fall = np.where(closed | (price > left + _ROOM * self.account), -np.inf, fall)
                name = int(fall.argmax()) if self.n else 0
                if not self.n or fall[name] <= _LEAST:
                    break
                lots[name] += 1.0
                left -= float(price[name])
                pull = pull + self.risk[:, name] * self.unit[name]
        return lots * goal.lot

    def _buy_squares(self, spare: float, closed: BoolArray, price: FloatArray) -> FloatArray:
        """The same for squared gaps, where lots do not touch each other.

        The k-th lot of a name lowers the sum by unit (2 short - (2k - 1) unit): all falls above a
        common height are bought at once, then lot by lot with what is left.
        """
        short = np.where(closed, 0.0, np.maximum(-self.gap, 0.0))
        most = np.maximum(np.ceil(short / self.unit - 0.5 - _LOT), 0.0)
        if not most.any() or spare <= 0.0:
            return np.zeros(self.n)
        if exact_sum(most * price) <= spare + _ROOM * self.account:
            return most

        def above(height: float) -> FloatArray:
            count = np.floor(0.5 * ((2.0 * short - height / self.unit) / self.unit + 1.0) + _LOT)
            return np.clip(count, 0.0, most)

        low, high = 0.0, float((2.0 * short * self.unit).max())
        for _ in range(80):
            middle = 0.5 * (low + high)
            if exact_sum(above(middle) * price) <= spare + _ROOM * self.account:
                high = middle
            else:
                low = middle
        lots = above(high)
        left = spare - exact_sum(lots * price)
        while True:
            fall = self.unit * (2.0 * short - (2.0 * lots + 1.0) * self.unit)
            fall = np.where((lots >= most) | (price > left + _ROOM * self.account), -np.inf, fall)
            name = int(fall.argmax())
            if fall[name] <= _LEAST:
                return lots
            lots[name] += 1.0
            left -= float(price[name])

    def _explain_purchases(self, spare: float, bought: FloatArray, closed: BoolArray) -> None:
        goal = self.goal
        left = spare - exact_sum(bought * goal.price) * (1.0 + goal.cost_rate)
        price = goal.lot * goal.price * (1.0 + goal.cost_rate)
        for name in np.flatnonzero(~closed & (self.gap < 0.0)):
            missing = -self.gap[name] / self.unit[name] - bought[name] / goal.lot[name]
            if missing >= 1.0 - 1e-6 and price[name] > left + _ROOM * self.account:
                self.reasons[name].add("CASH_SHORT")
            elif abs(missing) > 1e-6:
                self.reasons[name].add("LOT_ROUNDED")
