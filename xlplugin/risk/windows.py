"""Tracking over 1, 3 and 5 years and since the start, from month-end levels. Methodology 3.1 and 3.6."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from xlplugin.core.arrays import same_length
from xlplugin.errors import DomainError, InputError
from xlplugin.risk.tracking import tracking_error

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from xlplugin.aliases import FloatArray

__all__ = ["TrackingWindow", "tracking_table"]


@dataclass(frozen=True)
class TrackingWindow:
    """One row of the tracking table; None where the history is too short."""

    period: str
    portfolio: float | None = None
    index: float | None = None
    difference: float | None = None
    tracking_error: float | None = None
    worst_year: float | None = None


def tracking_table(
    dates: Sequence[dt.date],
    portfolio: FloatArray,
    index: FloatArray,
    as_of: dt.date | None = None,
) -> list[TrackingWindow]:
    """Tracking over 1, 3 and 5 years and since the start, from month-end levels.

    Parameters
    ----------
    dates : sequence of date
        One per month, ascending.
    portfolio, index : ndarray of shape (n_dates,)
        Levels: the portfolio after tax with distributions reinvested, the index as total return.
    as_of : date, optional
        The last month used; by default the last date.

    Returns
    -------
    list of TrackingWindow
        1Y, 3Y, 5Y, SINCE. Returns are compound per year with years = months / 12. `worst_year` is
        the lowest difference over the 12-month blocks counted back from `as_of`. A window that
        reaches back before the first date holds None.

    Raises
    ------
    ShapeError
        If the lengths differ.
    InputError
        If the dates do not ascend month by month; the sentence names the month that is missing
        or double.
    DomainError
        If a level is not above zero.

    References
    ----------
    Methodology 3.1 and 3.6 (2).
    """
    if len(dates) != portfolio.shape[0]:
        same_length(dates=np.zeros(len(dates)), portfolio=portfolio)
    same_length(portfolio=portfolio, index=index)
    _check_months(dates)
    for name, level in (("portfolio", portfolio), ("index", index)):
        if np.any(level <= 0.0):
            row = int(np.flatnonzero(level <= 0.0)[0])
            raise DomainError(f"{name}, row {row + 1}: the level {level[row]:g} is not above zero")
    rows = len(dates) if as_of is None else sum(day <= as_of for day in dates)
    p, b = portfolio[:rows], index[:rows]
    months = max(rows - 1, 0)
    return [
        _window("1Y", p, b, 12, months),
        _window("3Y", p, b, 36, months),
        _window("5Y", p, b, 60, months),
        _window("SINCE", p, b, months, months),
    ]


def _window(period: str, p: FloatArray, b: FloatArray, months: int, available: int) -> TrackingWindow:
    if months > available or months < 1:
        return TrackingWindow(period)
    p, b = p[-months - 1 :], b[-months - 1 :]
    years = months / 12.0
    growth_p, growth_b = float(p[-1] / p[0]), float(b[-1] / b[0])
    return_p, return_b = growth_p ** (1.0 / years) - 1.0, growth_b ** (1.0 / years) - 1.0
    error = tracking_error(p[1:] / p[:-1] - 1.0, b[1:] / b[:-1] - 1.0) if months > 1 else None
    blocks = [float(p[end] / p[end - 12] - b[end] / b[end - 12]) for end in range(months, 11, -12)]
    return TrackingWindow(
        period, return_p, return_b, return_p - return_b, error, min(blocks) if blocks else None
    )


def _check_months(dates: Sequence[dt.date]) -> None:
    for row, (before, after) in enumerate(pairwise(dates), start=2):
        step = (after.year - before.year) * 12 + after.month - before.month
        if step != 1:
            what = "is not one month after" if step > 1 else "does not follow by one month on"
            raise InputError(
                f"dates, row {row}: {after} {what} {before}; give one month-end per month, ascending, "
                "without a gap"
            )
