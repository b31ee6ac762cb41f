"""Factors on the number of shares: free float by provider, and transition steps.

Rounding up starts from the raw fraction rounded to nine decimals, so that 0.15 computed as
0.15000000000000002 is not pushed to the next band. Source: methodology 2.5, 2.6.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from xlplugin.errors import DomainError, EmptyBaseError, WordError
from xlplugin.index.arrays import aligned

if TYPE_CHECKING:
    from collections.abc import Callable

    from xlplugin.aliases import FloatArray

__all__ = ["FLOAT_RULES", "free_float", "transition_factor"]


def _up(raw: FloatArray, parts: int) -> FloatArray:
    """Up to the next 1/parts."""
    return np.ceil(np.round(raw * parts, 7)) / parts


def _topix(raw: FloatArray, _: FloatArray) -> FloatArray:
    return np.floor(np.round(raw * 100_000.0, 4) + 0.5) / 100_000.0


def _topix_old(raw: FloatArray, illiquid: FloatArray) -> FloatArray:
    return _up(raw, 20) * np.where(illiquid != 0.0, 0.75, 1.0)


def _msci(raw: FloatArray, _: FloatArray) -> FloatArray:
    return np.where(raw > 0.15, _up(raw, 20), _up(raw, 100))


def _ftse(raw: FloatArray, _: FloatArray) -> FloatArray:
    return _up(raw, 100)


def _raw(raw: FloatArray, _: FloatArray) -> FloatArray:
    return raw


FLOAT_RULES: dict[str, Callable[[FloatArray, FloatArray], FloatArray]] = {
    "TOPIX": _topix,
    "TOPIX_OLD": _topix_old,
    "MSCI": _msci,
    "FTSE": _ftse,
    "RAW": _raw,
}
"""How each provider rounds the raw fraction; the second argument marks illiquid names."""


def free_float(
    fixed_shares: FloatArray | float,
    listed_shares: FloatArray | float,
    rule: str = "TOPIX",
    illiquid: FloatArray | float = 0.0,
) -> FloatArray:
    """The part of the listed shares that counts, 1 − fixed/listed, rounded as the provider does.

    Parameters
    ----------
    fixed_shares, listed_shares : float or ndarray of shape (n,)
        Shares with stable holders, and all listed shares.
    rule : str
        TOPIX: nearest 0.00001, a half upwards (the direction is a judgement). TOPIX_OLD (before
        April 2022): up to the next 0.05, times 0.75 if illiquid. MSCI: above 0.15 up to the next
        0.05, else up to the next 0.01. FTSE: up to the next 0.01. RAW: not rounded.
    illiquid : float or ndarray of shape (n,)
        1 for a name that is illiquid for its size; read by TOPIX_OLD only.

    Returns
    -------
    ndarray of shape () or (n,)
        Fractions, 0 to 1.

    Raises
    ------
    WordError
        If the rule is not known.
    EmptyBaseError
        If the listed shares of a row are zero.
    DomainError
        If the fraction is outside zero to one.

    References
    ----------
    methodology 2.5, 2.6 (I21).

    Examples
    --------
    >>> free_float(np.array([970.0, 849.0]), 1000.0, "MSCI").tolist()
    [0.03, 0.2]
    """
    if rule not in FLOAT_RULES:
        raise WordError("rule", got=rule, choices=tuple(FLOAT_RULES))
    fixed, listed, flags = aligned(fixed_shares=fixed_shares, listed_shares=listed_shares, illiquid=illiquid)
    if (listed == 0.0).any():
        raise EmptyBaseError("listed_shares: a row is zero; give the number of listed shares")
    raw = np.round(1.0 - fixed / listed, 9)
    if (raw < 0.0).any() or (raw > 1.0).any():
        raise DomainError("fixed_shares: expected zero to the listed shares in every row")
    return np.asarray(FLOAT_RULES[rule](raw, flags))


def transition_factor(stage: FloatArray | float, stages: float) -> FloatArray:
    """The factor after some of the equal steps by which a name leaves an index: 1 − stage/stages.

    Parameters
    ----------
    stage : float or ndarray
        Steps already taken, 0 to `stages`.
    stages : float
        Number of steps: 10 for TOPIX 2022-2025, 8 for TOPIX 2026-2028.

    Raises
    ------
    DomainError
        If a stage is outside 0 to `stages`, or there is no step.

    References
    ----------
    methodology 2.5 (I22).

    Examples
    --------
    >>> transition_factor(np.array([0.0, 1.0, 8.0]), 8).tolist()
    [1.0, 0.875, 0.0]
    """
    taken = np.asarray(stage, dtype=float)
    if not stages > 0.0:
        raise DomainError(f"stages: {stages:g} was given; expected at least one step")
    if (taken < 0.0).any() or (taken > stages).any():
        raise DomainError(f"stage: expected 0 to {stages:g} steps")
    return np.asarray(1.0 - taken / stages)
