"""What a fund delivered against its index: 1, 3 and 5 years, by year, before and after tax.

TD = fund - index, negative when the fund lags. Methodology 3.1 and 3.6 (2).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from xlplugin.core.arrays import exact_sum
from xlplugin.cost.funds import YearOfFund
from xlplugin.engines.fund_audit.series import (
    Fault,
    Limits,
    MonthEnds,
    Pair,
    check_pair,
    check_rows,
    is_month_end,
    month_of,
)
from xlplugin.risk.tracking import tracking_difference, tracking_error

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from xlplugin.aliases import FloatArray
    from xlplugin.engines.fund_audit.series import Observation

__all__ = ["FundTracking", "audit_month", "calendar_years", "compare", "figures"]

WINDOWS = (12, 36, 60)
_TE_MONTHS = 36


def audit_month(as_of: dt.date) -> int:
    """The last month that is complete on a day: its own if the day is one of its last seven."""
    return month_of(as_of) if is_month_end(as_of) else month_of(as_of) - 1


@dataclass(frozen=True)
class FundTracking:
    """One fund at one audit; None where the history is too short or a fault forbids the figure.

    Attributes
    ----------
    months : int
        Months of common history.
    end : date or None
        Day of the last month-end used.
    td : tuple of 3
        Tracking difference per year over 1, 3 and 5 years, before the holder's tax.
    td_net : tuple of 3
        The same with distributions reinvested after tax.
    deviation : float or None
        Sample standard deviation of the yearly TD after tax, over 12-month blocks counted back.
    worst_year : float or None
        The lowest of them.
    error : float or None
        Tracking error per year over the last 36 months, or all if there are fewer.
    volatility : float or None
        Of the fund itself, per year, over the same months.
    drawdown : float or None
        The deepest fall of the fund from a month-end high, a negative fraction.
    paid : float or None
        Distributions of the last twelve months over the last level, before tax.
    faults : tuple of Fault
        What is wrong, the fatal ones first.
    """

    months: int = 0
    end: dt.date | None = None
    td: tuple[float | None, ...] = (None, None, None)
    td_net: tuple[float | None, ...] = (None, None, None)
    deviation: float | None = None
    worst_year: float | None = None
    error: float | None = None
    volatility: float | None = None
    drawdown: float | None = None
    paid: float | None = None
    faults: tuple[Fault, ...] = ()

    @property
    def status(self) -> str:
        """BLOCKED with a fatal fault, UNKNOWN below a year of history, CHECK with a remark, else OK."""
        if any(fault.fatal for fault in self.faults):
            return "BLOCKED"
        if self.td[0] is None:
            return "UNKNOWN"
        return "CHECK" if any(fault.code != "SHORT_HISTORY" for fault in self.faults) else "OK"


def compare(
    fund: Sequence[Observation],
    index: Sequence[Observation],
    currency: str,
    as_of: dt.date,
    *,
    tax: float,
    limits: Limits,
) -> Pair | list[Fault]:
    """The checked common history of a fund and its index up to the month of the audit.

    Parameters
    ----------
    fund, index : sequence of Observation
        As the table holds them.
    currency : str
        Of the fund; the index must be in the same.
    as_of : date
        The day of the audit.
    tax : float
        Rate on ordinary distributions.
    limits : Limits
        When a month is called wrong.

    Returns
    -------
    Pair or list of Fault
        Never an empty list.
    """
    checked: list[MonthEnds] = []
    faults: list[Fault] = []
    for rows, rate in ((fund, tax), (index, 0.0)):
        made = check_rows(rows, currency, rate)
        if isinstance(made, MonthEnds):
            checked.append(made)
        else:
            faults += made or [Fault("NO_SERIES", rows[0].place if rows else "", "series_id", "")]
    if faults:
        return faults
    return check_pair(checked[0], checked[1], audit_month(as_of), limits)


def figures(pair: Pair | list[Fault], method: str = "CAGR") -> FundTracking:
    """All figures of one fund from its checked history.

    Parameters
    ----------
    pair : Pair or list of Fault
        As `compare` gives it.
    method : {"CAGR", "ARITH", "RATIO", "TOTAL"}
        How a difference over several years becomes one per year; see `tracking_difference`.
    """
    if not isinstance(pair, Pair):
        return FundTracking(faults=tuple(pair))
    blocks = _yearly_blocks(pair.net, pair.index)
    span = slice(-min(pair.months, _TE_MONTHS) - 1, None)
    gross, index = _returns(pair.gross[span]), _returns(pair.index[span])
    enough = gross.size >= 2
    faults = list(pair.remarks)
    if pair.months < WINDOWS[-1]:
        faults.append(Fault("SHORT_HISTORY", "", "obs_date", str(pair.months), fatal=False))
    return FundTracking(
        months=pair.months,
        end=pair.dates[-1],
        td=tuple(_difference(pair.gross, pair.index, n, method) for n in WINDOWS),
        td_net=tuple(_difference(pair.net, pair.index, n, method) for n in WINDOWS),
        deviation=_deviation(blocks),
        worst_year=min(blocks, default=None),
        error=tracking_error(gross, index) if enough else None,
        volatility=tracking_error(gross, np.zeros_like(gross)) if enough else None,
        drawdown=float((pair.gross / np.maximum.accumulate(pair.gross)).min() - 1.0),
        paid=pair.paid if pair.months >= 12 else None,
        faults=tuple(faults),
    )


def calendar_years(pair: Pair) -> list[YearOfFund]:
    """The complete calendar years of a history, after tax: from one December to the next."""
    decembers = [k for k, day in enumerate(pair.dates) if day.month == 12]
    return [
        YearOfFund(
            pair.dates[k].year,
            float(pair.net[k] / pair.net[k - 12] - 1.0),
            float(pair.index[k] / pair.index[k - 12] - 1.0),
        )
        for k in decembers
        if k >= 12
    ]


def _difference(fund: FloatArray, index: FloatArray, months: int, method: str) -> float | None:
    if fund.size <= months:
        return None
    return tracking_difference(_returns(fund[-months - 1 :]), _returns(index[-months - 1 :]), 12.0, method)


def _returns(levels: FloatArray) -> FloatArray:
    return levels[1:] / levels[:-1] - 1.0


def _yearly_blocks(fund: FloatArray, index: FloatArray) -> list[float]:
    """Differences over 12-month blocks counted back from the end, the latest first, at most five."""
    ends = range(fund.size - 1, 11, -12)
    return [float(fund[end] / fund[end - 12] - index[end] / index[end - 12]) for end in ends][:5]


def _deviation(blocks: list[float]) -> float | None:
    if len(blocks) < 2:
        return None
    mean = exact_sum(blocks) / len(blocks)
    return float(np.sqrt(exact_sum([(block - mean) ** 2 for block in blocks]) / (len(blocks) - 1)))
