"""From a price history with gaps to the returns that a risk model is made of.

A day on which most securities have no price is a holiday of that market and is left out. A security
that lacks more than a tenth of the remaining days has no model of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from xlplugin.aliases import FloatArray, IntArray

__all__ = ["CommonReturns", "common_returns"]

DAYS = 504  # two years of sessions
COVERAGE = 0.9


class CommonReturns(NamedTuple):
    """Returns between the days on which every covered security has a price.

    Attributes
    ----------
    returns : ndarray of shape (n_periods, n_covered)
        Simple returns, as fractions.
    covered : ndarray of shape (n_covered,)
        Columns of the history that are in `returns`, ascending.
    periods_per_year : float
        Sessions per year, as the dates have them.
    """

    returns: FloatArray
    covered: IntArray
    periods_per_year: float


def common_returns(
    dates: Sequence[dt.date], prices: FloatArray, *, days: int = DAYS, coverage: float = COVERAGE
) -> CommonReturns:
    """The returns of the last `days` sessions that most securities share.

    Parameters
    ----------
    dates : sequence of date
        Ascending.
    prices : ndarray of shape (n_days, n_securities)
        NaN where there is none.
    days : int
        Sessions used at most, counted from the end.
    coverage : float
        Share of the sessions on which a security needs a price.

    Returns
    -------
    CommonReturns
        Empty arrays where nothing is shared.

    Examples
    --------
    >>> import datetime as dt
    >>> prices = np.array([[100.0, 50.0], [110.0, np.nan], [121.0, 60.0]])
    >>> found = common_returns([dt.date(2026, 1, d) for d in (5, 6, 7)], prices, coverage=0.6)
    >>> found.returns.round(4).tolist(), found.covered.tolist()
    ([[0.21, 0.2]], [0, 1])
    """
    trading = np.mean(~np.isnan(prices), axis=1) > 0.5 if prices.size else np.zeros(0, bool)
    window = prices[trading][-days:]
    kept = [day for day, is_session in zip(dates, trading, strict=True) if is_session][-days:]
    known = ~np.isnan(window)
    covered = np.flatnonzero(known.mean(axis=0) >= coverage) if len(kept) else np.zeros(0, np.int64)
    rows = known[:, covered].all(axis=1)
    common = window[rows][:, covered]
    returns: FloatArray = common[1:] / common[:-1] - 1.0
    span = (kept[-1] - kept[0]).days if len(kept) > 1 else 0
    per_year = (len(kept) - 1) / (span / 365.25) if span else 252.0
    return CommonReturns(returns, covered, per_year)
