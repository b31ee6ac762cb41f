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
from xlplugin.risk.history import common_returns

if TYPE_CHECKING:
    from collections.abc import Iterable

    from xlplugin.aliases import FloatArray
    from xlplugin.store.formats.prices import PriceHistory

__all__ = ["FACTORS", "RiskRows", "risk_rows"]

FACTORS = 10
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
    returns, columns, per_year = common_returns(history.dates, history.values)
    covered = [history.codes[n] for n in columns]
    if len(covered) < 2 or returns.shape[0] < _LEAST:
        raise MissingError(
            f"prices: {len(covered)} securities share {returns.shape[0]} days of history; "
            f"a risk model needs at least 2 securities and {_LEAST} days"
        )
    model = statistical_model(returns, min(FACTORS, len(covered), returns.shape[0] - 1), per_year)
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


def _signed(exposures: FloatArray) -> FloatArray:
    """The same factors, each with a sum that is not negative, so that every machine agrees."""
    return exposures * np.where(exposures.sum(axis=0) < 0.0, -1.0, 1.0)
