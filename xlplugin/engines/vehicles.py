"""Direct index, fund and ETF on one page: real cost, tax effect in scenarios, tracking range.

What a proposal compares before it recommends a vehicle (methodology 3.1, 3.4, 3.5 and 8.A, rows A6 and
A8). A cost is positive; the tracking range is around fund - index, so a cost pushes it down. Only a
vehicle that holds the shares themselves can use their losses. The tax effect is a deferral: what a
loss saves now is paid later on a lower cost, and both are shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from xlplugin.errors import DomainError
from xlplugin.risk.tracking import tracking_band

if TYPE_CHECKING:
    from collections.abc import Sequence

    from xlplugin.cost.real_cost import RealCost

__all__ = [
    "SCENARIOS",
    "Comparison",
    "Harvest",
    "Outlook",
    "TaxEffect",
    "Vehicle",
    "compare_vehicles",
    "tax_effect",
]

SCENARIOS = ("low", "base", "high")
MAX_YEARS = 100


@dataclass(frozen=True)
class Vehicle:
    """One way to hold the index.

    Attributes
    ----------
    name : str
        As the page prints it.
    cost : RealCost
        Its yearly cost by component.
    tracking_error : float
        Per year; for a direct index the planning figure, not the forecast alone.
    uses_losses : bool
        Whether the holder can use the losses of single shares.
    """

    name: str
    cost: RealCost
    tracking_error: float
    uses_losses: bool = False


@dataclass(frozen=True)
class Harvest:
    """Losses that a direct index may offer, and what they are worth to this holder.

    Attributes
    ----------
    first_year : float
        Losses harvested in the first year, as a fraction of the amount.
    fade : float
        The part of one year's losses that the next year still offers: harvests dry up.
    rate : float
        Tax rate on the gains that the losses are set against.
    use : tuple of 3 floats
        The part of the losses that meets gains, in the low, base and high scenario.
    """

    first_year: float
    fade: float
    rate: float
    use: tuple[float, float, float] = (0.0, 0.5, 1.0)


@dataclass(frozen=True)
class TaxEffect:
    """What harvesting does over the horizon in one scenario, in money of today.

    `deferred` is the tax not paid in the years of the losses, `later` the additional tax at the end on
    the lower cost, both discounted; `net` is the difference.
    """

    deferred: float
    later: float

    @property
    def net(self) -> float:
        """What is left of the deferral after the later tax."""
        return self.deferred - self.later


@dataclass(frozen=True)
class Outlook:
    """Wealth after the horizon in one scenario, before and after everything is sold and taxed."""

    before_sale: float
    after_sale: float


@dataclass(frozen=True)
class Comparison:
    """One vehicle on the page.

    Attributes
    ----------
    vehicle : Vehicle
    real_cost : float
        Per year, as a fraction.
    money_a_year : float
        The same on the amount.
    ranges : tuple of (float, float, float)
        Horizon in years, low and high of the return gap to the index.
    tax : tuple of 3 TaxEffect
        Low, base, high; zero for a vehicle that cannot use losses.
    outlook : tuple of 3 Outlook
        Low, base, high.
    """

    vehicle: Vehicle
    real_cost: float
    money_a_year: float
    ranges: tuple[tuple[float, float, float], ...]
    tax: tuple[TaxEffect, TaxEffect, TaxEffect]
    outlook: tuple[Outlook, Outlook, Outlook]


def tax_effect(amount: float, harvest: Harvest, use: float, years: int, discount: float = 0.0) -> TaxEffect:
    r"""The deferral that harvesting gives, and the tax it costs later.

    Parameters
    ----------
    amount : float
        Money invested.
    harvest : Harvest
        Losses and rate.
    use : float
        The part of the losses that meets gains, 0 to 1. An unused loss lowers the cost all the same,
        because the replacement is bought at the lower price; its later tax is counted.
    years : int
        Horizon; everything is sold at its end.
    discount : float
        Rate at which later money is valued today.

    Returns
    -------
    TaxEffect
        In money of today.

    Raises
    ------
    DomainError
        If a rate, the fade or the use is outside 0 to 1, or the years are not 1 to 100.

    Notes
    -----
    Losses of year y: :math:`L_y = A\,h\,f^{y-1}`. Deferred: :math:`\sum u\,\tau L_y (1+d)^{-y}`.
    Later: :math:`\tau \sum L_y (1+d)^{-Y}`. With full use and no discount the two are equal: a deferral
    alone is worth the interest on it.

    Examples
    --------
    >>> one = tax_effect(10_000_000, Harvest(0.03, 0.5, 0.20315), use=1.0, years=2)
    >>> round(one.deferred), round(one.later), round(one.net)
    (91418, 91418, 0)
    """
    _check(harvest, use, years)
    losses = [amount * harvest.first_year * harvest.fade**year for year in range(years)]
    deferred = sum(
        use * harvest.rate * loss / (1.0 + discount) ** year for year, loss in enumerate(losses, start=1)
    )
    later = harvest.rate * sum(losses) / (1.0 + discount) ** years
    return TaxEffect(deferred, later)


def compare_vehicles(
    vehicles: Sequence[Vehicle],
    amount: float,
    *,
    growth: float,
    years: int,
    tax_rate: float,
    harvest: Harvest,
    horizons: Sequence[float] = (1.0, 3.0, 5.0),
    confidence: float = 0.95,
    discount: float = 0.0,
) -> list[Comparison]:
    """Every vehicle with its cost, its range against the index and its wealth after tax.

    Parameters
    ----------
    vehicles : sequence of Vehicle
        In the order of the page.
    amount : float
        Money invested at the start.
    growth : float
        Yearly return of the index before costs.
    years : int
        Horizon of the wealth, 1 to 100.
    tax_rate : float
        On the gain when everything is sold; 0 in NISA.
    harvest : Harvest
        For the vehicles that can use losses.
    horizons : sequence of float
        Years for which the range is given.
    confidence : float
        Two-sided, of the range.
    discount : float
        Rate for the tax effect in money of today.

    Returns
    -------
    list of Comparison
        In input order.

    Raises
    ------
    DomainError
        If a rate is outside 0 to 1, the amount is negative or the years are not 1 to 100.

    Notes
    -----
    Wealth grows at growth - real cost. The tax saved in a year is invested in the same vehicle at the
    end of that year; it adds to the cost for tax, a harvested loss takes from it. The
    sale is taxed on wealth - cost for tax; a loss at the end saves nothing.

    Examples
    --------
    >>> from xlplugin.cost.real_cost import RealCost
    >>> fund = Vehicle("fund", RealCost(0.0008, 0.0011, 0, 0, 0, 0), 0.001)
    >>> [row] = compare_vehicles(
    ...     [fund], 1_000_000, growth=0.07, years=10, tax_rate=0.0, harvest=Harvest(0.0, 0.0, 0.2)
    ... )
    >>> round(row.outlook[1].after_sale)
    1932498
    """
    _check(harvest, 0.0, years)
    if amount < 0.0 or not 0.0 <= tax_rate <= 1.0:
        raise DomainError(f"amount {amount:g} or tax_rate {tax_rate:g}: below 0, or a rate above 1")
    done = []
    for vehicle in vehicles:
        cost = vehicle.cost.total
        used = harvest.use if vehicle.uses_losses else (0.0, 0.0, 0.0)
        offered = harvest if vehicle.uses_losses else Harvest(0.0, 0.0, harvest.rate)
        effects = tuple(tax_effect(amount, offered, use, years, discount) for use in used)
        outlooks = tuple(_outlook(amount, growth - cost, years, tax_rate, offered, use) for use in used)
        done.append(
            Comparison(
                vehicle,
                cost,
                cost * amount,
                tuple(
                    (horizon, *tracking_band(vehicle.tracking_error, horizon, -cost, confidence))
                    for horizon in horizons
                ),
                (effects[0], effects[1], effects[2]),
                (outlooks[0], outlooks[1], outlooks[2]),
            )
        )
    return done


def _outlook(
    amount: float, net_growth: float, years: int, tax_rate: float, harvest: Harvest, use: float
) -> Outlook:
    wealth = basis = amount
    for year in range(years):
        loss = amount * harvest.first_year * harvest.fade**year
        saved = use * harvest.rate * loss
        wealth = wealth * (1.0 + net_growth) + saved
        basis += saved - loss
    return Outlook(wealth, wealth - tax_rate * max(0.0, wealth - basis))


def _check(harvest: Harvest, use: float, years: int) -> None:
    rates = {"use": use, "rate": harvest.rate, "fade": harvest.fade, "first_year": harvest.first_year}
    rates |= {f"use ({name})": value for name, value in zip(SCENARIOS, harvest.use, strict=True)}
    for name, value in rates.items():
        if not 0.0 <= value <= 1.0:
            raise DomainError(f"{name}: {value:g} is not between 0 and 1")
    if not 1 <= years <= MAX_YEARS:
        raise DomainError(f"years: {years} is not a whole number from 1 to {MAX_YEARS}")
