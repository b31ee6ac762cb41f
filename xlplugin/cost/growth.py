"""What a cost does over the years: two costs compounded, and how long a switch takes to pay."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from xlplugin.core.arrays import broadcast
from xlplugin.errors import DomainError, EmptyBaseError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from xlplugin.aliases import FloatArray

__all__ = ["YearOfTwo", "breakeven_years", "compounding_gap"]

MAX_YEARS = 200


class YearOfTwo(NamedTuple):
    """Wealth at the end of one year under the costs A and B; `gap` = A - B."""

    year: int
    wealth_a: float
    wealth_b: float
    gap: float


def compounding_gap(
    cost_a: float,
    cost_b: float,
    gross_return: float,
    years: float,
    initial: float = 1.0,
    annual: float = 0.0,
) -> list[YearOfTwo]:
    """Two costs side by side: wealth(y) = wealth(y-1) x (1 + return - cost) + annual.

    Parameters
    ----------
    cost_a, cost_b, gross_return : float
        Fractions per year.
    years : float
        Whole years, 1 to 200.
    initial, annual : float
        Money at the start and money added at the end of every year.

    Returns
    -------
    list of YearOfTwo
        years + 1 rows, year 0 first.

    Raises
    ------
    DomainError
        If `years` is below 1, above 200 or not whole.

    References
    ----------
    Methodology 3.4, "Compounding".

    Examples
    --------
    >>> round(compounding_gap(0.0019, 0.0042, 0.07, 10, 1_000_000)[-1].gap)
    41213
    """
    if years != int(years) or not 1 <= years <= MAX_YEARS:
        raise DomainError(f"years: {years:g} is not a whole number from 1 to {MAX_YEARS}")
    a = b = initial
    rows = [YearOfTwo(0, a, b, 0.0)]
    for year in range(1, int(years) + 1):
        a = a * (1.0 + gross_return - cost_a) + annual
        b = b * (1.0 + gross_return - cost_b) + annual
        rows.append(YearOfTwo(year, a, b, a - b))
    return rows


def breakeven_years(one_off: ArrayLike, saving: ArrayLike) -> FloatArray:
    """one_off / saving: years until a switch has paid for itself.

    Parameters
    ----------
    one_off : float or array_like of shape (n,)
        Tax, spread and levy paid once, as fractions of the holding.
    saving : float or array_like of shape (n,)
        Cost saved per year, as a fraction of the holding.

    Returns
    -------
    ndarray of shape () or (n,)

    Raises
    ------
    DomainError
        If a saving is negative: the switch never pays.
    EmptyBaseError
        If a saving is zero.

    Examples
    --------
    >>> round(float(breakeven_years(0.0051, 0.0023)), 2)
    2.22
    """
    one_off, saving = broadcast(one_off=one_off, saving=saving)
    if np.any(saving < 0.0):
        raise DomainError("saving: below zero; a switch to something dearer never pays back")
    if np.any(saving == 0.0):
        raise EmptyBaseError("saving: zero; a switch that saves nothing never pays back")
    return np.asarray(one_off / saving)
