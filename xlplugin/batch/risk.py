"""The risk model that the books take: ten factors and a specific variance per security, per year.

Principal components of daily returns over the last two years (methodology 5). A security with
less than nine tenths of the days has no model of its own: it takes the average exposure and the
median specific variance of the others, and the source column of the book says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from xlplugin.errors import MissingError
from xlplugin.risk.covariance import statistical_model

if TYPE_CHECKING:
    from collections.abc import Iterable

    from xlplugin.aliases import FloatArray
    from xlplugin.store.formats.prices import PriceHistory

__all__ = ["FACTORS", "RiskRows", "risk_rows"]

FACTORS = 10
_DAYS = 504
_COVERAGE = 0.9
_LEAST = 60
_DIGITS = 8  # the sign and the last digits of a component depend on the machine; these do not


@dataclass(frozen=True)
class RiskRows:
    """Exposures f01 ... f10 and specific variance by code; `estimated` have no history of their own."""

    loadings: dict[str, tuple[float, ...]]
    specific: dict[str, float]
    estimated: frozenset[str]


def risk_rows(history: PriceHistory, codes: Iterable[str]) -> RiskRows:
    """The model of every code asked for.

    Parameters
    ----------
    history : PriceHistory
        Up to the day of the job.
    codes : iterable of str
        Members, holdings and candidates; those without a usable history are estimated.

    Raises
    ------
    MissingError
        If fewer than two securities have 60 common days.
    """
    recent = PriceHistoryWindow(history)
    returns, covered = recent.returns()
    if len(covered) < 2 or returns.shape[0] < _LEAST:
        raise MissingError(
            f"prices: {len(covered)} securities share {returns.shape[0]} days of history; "
            f"a risk model needs at least 2 securities and {_LEAST} days"
        )
    model = statistical_model(returns, min(FACTORS, len(covered), returns.shape[0] - 1), recent.per_year)
    exposures = _signed(model.loadings())
    padded = np.zeros((len(covered), FACTORS))
    padded[:, : exposures.shape[1]] = exposures
    own = {code: tuple(np.round(padded[n], _DIGITS).tolist()) for n, code in enumerate(covered)}
    variance = {code: round(float(model.specific_variance[n]), _DIGITS) for n, code in enumerate(covered)}
    wanted = list(dict.fromkeys(codes))
    estimated = frozenset(code for code in wanted if code not in own)
    mean = tuple(np.round(padded.mean(axis=0), _DIGITS).tolist())
    median = round(float(np.median(model.specific_variance)), _DIGITS)
    return RiskRows(
        {code: own.get(code, mean) for code in wanted},
        {code: variance.get(code, median) for code in wanted},
        estimated,
    )


class PriceHistoryWindow:
    """The last two years of a history, and the securities that cover them."""

    def __init__(self, history: PriceHistory) -> None:
        # A row on which most have no price is a holiday of this market.
        trading = np.mean(~np.isnan(history.values), axis=1) > 0.5
        self.values = history.values[trading][-_DAYS:]
        self.dates = [d for d, keep in zip(history.dates, trading, strict=True) if keep][-_DAYS:]
        self.codes = history.codes

    @property
    def per_year(self) -> float:
        """Sessions per year, as the dates have them."""
        days = (self.dates[-1] - self.dates[0]).days
        return (len(self.dates) - 1) / (days / 365.25)

    def returns(self) -> tuple[FloatArray, list[str]]:
        """Returns between the days on which every covered security has a price, and their codes."""
        known = ~np.isnan(self.values)
        covered = np.flatnonzero(known.mean(axis=0) >= _COVERAGE) if len(self.dates) else np.array([], int)
        rows = known[:, covered].all(axis=1)
        prices = self.values[rows][:, covered]
        found: FloatArray = prices[1:] / prices[:-1] - 1.0
        return found, [self.codes[n] for n in covered]


def _signed(exposures: FloatArray) -> FloatArray:
    """The same factors, each with a sum that is not negative, so that every machine agrees."""
    return exposures * np.where(exposures.sum(axis=0) < 0.0, -1.0, 1.0)
