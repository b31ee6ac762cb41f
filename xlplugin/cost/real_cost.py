"""The real cost of a holding: its six components, what they explain and what they leave.

A cost is positive. The tracking difference is fund - index, so a cost of 0.2 % shows as a
tracking difference of -0.2 %; methodology 1 (point 7) and 3.4.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from xlplugin.core.arrays import broadcast
from xlplugin.errors import DomainError, EmptyBaseError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from xlplugin.aliases import FloatArray

__all__ = ["RealCost", "lending_income", "per_unit_rate", "real_cost", "time_cost"]


@dataclass(frozen=True)
class RealCost:
    """The components of one holding's yearly cost, as fractions; `lending` is income.

    The ongoing charge `ter` and the total expense ratio of a report (総経費率) overlap: never
    put both in.

    Examples
    --------
    >>> cost = RealCost(
    ...     ter=0.001, other=0.0003, execution=0.0008, dividend=0.0025, hedge=0.02, lending=0.0004
    ... )
    >>> round(cost.total, 6)
    0.0242
    >>> round(cost.unexplained(tracking_difference=-0.0250), 6)
    -0.0008
    """

    ter: float
    other: float
    execution: float
    dividend: float
    hedge: float
    lending: float

    @property
    def total(self) -> float:
        """The real cost per year."""
        return float(real_cost(self.ter, self.other, self.execution, self.dividend, self.hedge, self.lending))

    def unexplained(self, tracking_difference: float) -> float:
        """Real cost + tracking difference: negative when the fund lags by more than its known costs."""
        return self.total + tracking_difference


def real_cost(
    ter: ArrayLike,
    other: ArrayLike,
    execution: ArrayLike,
    dividend: ArrayLike,
    hedge: ArrayLike,
    lending: ArrayLike,
) -> FloatArray:
    """Ongoing charge + other + execution + dividend tax loss + hedge - lending income.

    Parameters
    ----------
    ter, other, execution, dividend, hedge, lending : float or array_like of shape (n,)
        Fractions per year; scalars are repeated.

    Returns
    -------
    ndarray of shape () or (n,)
        Fraction per year, positive for a cost.

    Raises
    ------
    ShapeError
        If two vectors have different lengths.

    References
    ----------
    Methodology 3.4, "Real cost".

    Examples
    --------
    >>> round(float(real_cost(0.001, 0.0003, 0.0008, 0.0025, 0.02, 0.0004)), 6)
    0.0242
    """
    parts = broadcast(
        ter=ter, other=other, execution=execution, dividend=dividend, hedge=hedge, lending=lending
    )
    return np.asarray(parts[0] + parts[1] + parts[2] + parts[3] + parts[4] - parts[5])


def lending_income(income: ArrayLike, share: ArrayLike) -> FloatArray:
    """What securities lending gives back to the holder, as a fraction per year.

    Parameters
    ----------
    income : float or array_like of shape (n,)
        Lending income of the fund, as a fraction of its assets per year.
    share : float or array_like of shape (n,)
        The part given back, 0 to 1.

    Returns
    -------
    ndarray of shape () or (n,)

    Raises
    ------
    DomainError
        If a share is outside 0 to 1.

    References
    ----------
    Methodology 3.4, "Lending".

    Examples
    --------
    >>> round(float(lending_income(0.0006, 0.5)), 6)
    0.0003
    """
    income, share = broadcast(income=income, share=share)
    if np.any((share < 0.0) | (share > 1.0)):
        raise DomainError(
            f"share: {_first(share, (share < 0.0) | (share > 1.0)):g} is not between 0 and 1; "
            "give the part of the income that the fund keeps for its holders"
        )
    return np.asarray(income * share)


def per_unit_rate(yen: ArrayLike, average_nav: ArrayLike, days: float = 365.0) -> FloatArray:
    """A line of the cost statement of a Japanese fund report as a yearly fraction.

    Parameters
    ----------
    yen : float or array_like of shape (n,)
        Yen per 10,000 units (1万口当たりの費用明細).
    average_nav : float or array_like of shape (n,)
        Average net asset value per 10,000 units over the same period.
    days : float
        Length of the period.

    Returns
    -------
    ndarray of shape () or (n,)
        Fraction per year.

    Raises
    ------
    EmptyBaseError
        If a net asset value or the period is zero.

    References
    ----------
    Methodology 3.4, "TER line".

    Examples
    --------
    >>> round(float(per_unit_rate(19, 16500)), 6)
    0.001152
    """
    yen, average_nav = broadcast(yen=yen, average_nav=average_nav)
    if days == 0.0 or np.any(average_nav == 0.0):
        raise EmptyBaseError(
            "average_nav and days must not be zero; give the average NAV of the report's period"
        )
    return np.asarray(yen / average_nav * 365.0 / days)


def time_cost(hours: float, value_of_an_hour: float, assets: float) -> float:
    """The holder's own time per year, as a fraction of the assets it serves.

    Raises
    ------
    EmptyBaseError
        If the assets are zero.

    References
    ----------
    Methodology 3.4, "Own time".

    Examples
    --------
    >>> time_cost(hours=6, value_of_an_hour=3000, assets=10_000_000)
    0.0018
    """
    if assets == 0.0:
        raise EmptyBaseError("assets: zero; give the money that the hours are spent on")
    return hours * value_of_an_hour / assets


def _first(values: FloatArray, where: np.ndarray) -> float:
    return float(np.atleast_1d(values)[np.atleast_1d(where)][0])
