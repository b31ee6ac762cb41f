"""Currency hedging: the yearly cost and covered interest parity.

Exchange rates are home units per foreign unit (yen per dollar). Hedging a currency of higher
interest costs money: its forward is below spot. Methodology 1 (points 6 and 9) and 3.4.
"""

from __future__ import annotations

from dataclasses import dataclass

from xlplugin.errors import DomainError

__all__ = ["Forward", "forward_rate", "hedge_cost"]


def hedge_cost(domestic: float, foreign: float, ratio: float = 1.0, basis: float = 0.0) -> float:
    """(foreign - domestic - basis) x ratio: cost of the hedge per year, negative for a gain.

    Parameters
    ----------
    domestic, foreign : float
        Money-market rates of the home and the foreign currency, as fractions per year.
    ratio : float
        The part of the holding that is hedged.
    basis : float
        Cross-currency basis on the home leg; a negative basis makes the hedge dearer.

    Returns
    -------
    float
        Fraction of the holding per year. The volatility of the currency is no factor of it
        (methodology 1, point 6).

    Examples
    --------
    >>> round(hedge_cost(0.005, 0.05, 0.5), 6)
    0.0225
    """
    return (foreign - domestic - basis) * ratio


@dataclass(frozen=True)
class Forward:
    """A forward exchange rate: `points` = rate - spot; `annual_cost` positive when the hedge costs."""

    rate: float
    points: float
    annual_cost: float


def forward_rate(
    spot: float,
    domestic: float,
    foreign: float,
    days: float,
    basis: float = 0.0,
    *,
    day_domestic: float = 365.0,
    day_foreign: float = 360.0,
) -> Forward:
    r"""Covered interest parity with simple interest and a basis on the home leg.

    Parameters
    ----------
    spot : float
        Home units per foreign unit.
    domestic, foreign : float
        Rates per year, as fractions.
    days : float
        Calendar days to delivery.
    basis : float
        Cross-currency basis, added to the home rate.
    day_domestic, day_foreign : float
        Day-count bases of the two legs.

    Returns
    -------
    Forward

    Raises
    ------
    DomainError
        If spot, days or a day-count basis is not above zero.

    Notes
    -----
    :math:`F = S\,(1 + (r_d + b)\,t/T_d)\,/\,(1 + r_f\,t/T_f)`; the yearly cost is
    :math:`(S - F)/S \cdot 365/t`.

    Examples
    --------
    >>> one = forward_rate(100, 0.01, 0.02, 365, day_foreign=365)
    >>> round(one.rate, 4), round(one.annual_cost, 6)
    (99.0196, 0.009804)
    """
    for name, value in (
        ("spot", spot),
        ("days", days),
        ("day_domestic", day_domestic),
        ("day_foreign", day_foreign),
    ):
        if value <= 0.0:
            raise DomainError(f"{name}: {value:g} is not above zero")
    growth_foreign = 1.0 + foreign * days / day_foreign
    if growth_foreign <= 0.0:
        raise DomainError(f"foreign: {foreign:g} over {days:g} days leaves nothing; check the rate")
    rate = spot * (1.0 + (domestic + basis) * days / day_domestic) / growth_foreign
    return Forward(rate, rate - spot, (spot - rate) / spot * 365.0 / days)
