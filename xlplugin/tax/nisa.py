"""NISA frames: what of the yearly and the lifetime quota is used, and what comes back.

Frames are measured at cost. A sale gives its cost back to the lifetime frame in the next year,
and the yearly frame still binds then (国税庁タックスアンサー No.1535). A loss is void.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from xlplugin.core.lots import exact
from xlplugin.core.trades import Fill
from xlplugin.errors import DomainError
from xlplugin.tax.rounding import Exact, as_decimal
from xlplugin.tax.tables import table

if TYPE_CHECKING:
    from collections.abc import Iterable
    from decimal import Decimal
    from fractions import Fraction

    from xlplugin.core.lots import Realization
    from xlplugin.core.trades import Event

__all__ = ["Quota", "account_quota", "quota", "restored_next_year", "usable"]


@dataclass(frozen=True)
class Quota:
    """One NISA frame at the end of a year; yen at cost.

    Attributes
    ----------
    annual_used, annual_left : Decimal
        Of the yearly frame. Negative `annual_left`: bought beyond it.
    lifetime_used : Decimal
        Cost of what is held at the end of the year.
    restored : Decimal
        Cost of what was sold in the year; it can be used again from the next one.
    usable_next_year : Decimal
        The smaller of next year's yearly frame and the lifetime room.
    """

    annual_used: Decimal
    annual_left: Decimal
    lifetime_used: Decimal
    restored: Decimal
    usable_next_year: Decimal


def account_quota(
    account_id: str,
    year: int,
    events: Iterable[Event],
    realizations: Iterable[Realization],
    *,
    frame: str = "total",
) -> Quota:
    """The frame of one NISA account from its log.

    Parameters
    ----------
    account_id : str
        A NISA account; all its purchases are taken as made in `frame`.
    year : int
        Calendar year, by settlement.
    events, realizations : iterable
        The whole log and what its replay realised.
    frame : str
        See `quota`.
    """
    bought = sold = exact(0)
    spent: list[Fraction] = []
    back: list[Fraction] = []
    for event in events:
        if not isinstance(event, Fill) or event.account_id != account_id or not event.kind.enters:
            continue
        if event.settle_date.year == year:
            spent.append(event.proceeds)
        elif event.settle_date.year < year:
            bought += event.proceeds
    for done in realizations:
        if done.disposal.account_id == account_id:
            if done.disposal.settle_date.year == year:
                back.append(done.cost)
            elif done.disposal.settle_date.year < year:
                sold += done.cost
    return quota(
        year, opening_cost=max(exact(0), bought - sold), bought=spent, sold_at_cost=back, frame=frame
    )


def usable(lifetime_limit: Exact, used_at_cost: Exact, annual_limit: Exact) -> Decimal:
    """What can be bought in a year: the yearly frame, or the lifetime room if that is smaller.

    Examples
    --------
    >>> usable(18_000_000, 13_000_000, 3_600_000)
    Decimal('3600000')
    """
    room = max(exact(0), exact(lifetime_limit) - exact(used_at_cost))
    return as_decimal(min(exact(annual_limit), room))


def restored_next_year(cost: Exact, fraction_sold: Exact) -> Decimal:
    """Lifetime quota that a sale gives back in the next year: the COST of what was sold.

    Examples
    --------
    >>> restored_next_year(200_000, 1)
    Decimal('200000')
    """
    if not 0 <= fraction_sold <= 1:
        raise DomainError(f"fraction sold {fraction_sold}: expected 0 to 1")
    return as_decimal(exact(cost) * exact(fraction_sold))


def quota(
    year: int,
    *,
    opening_cost: Exact,
    bought: Iterable[Exact],
    sold_at_cost: Iterable[Exact] = (),
    frame: str = "total",
) -> Quota:
    """The frame called `frame` over one year.

    Parameters
    ----------
    year : int
        Calendar year of the purchases.
    opening_cost : Decimal, Fraction or int
        Cost of what the frame held at the start of the year, yen.
    bought : iterable
        Price times shares of each purchase of the year. Commission is not counted: our reading of
        取得対価の額, not confirmed.
    sold_at_cost : iterable
        Cost of each sale of the year.
    frame : str
        ``growth``, ``tsumitate``, ``total`` or, from 2027, ``children`` (outline only).

    Raises
    ------
    NoTableError
        If the year or the frame has no row.

    Examples
    --------
    >>> done = quota(2026, opening_cost=0, bought=[700_000])
    >>> int(done.annual_used), int(done.annual_left), int(done.usable_next_year)
    (700000, 2900000, 3600000)
    """
    row, after = (table("jp.individual.nisa").of_year(y, frame=frame) for y in (year, year + 1))
    spent = sum((exact(amount) for amount in bought), exact(0))
    gone = sum((exact(amount) for amount in sold_at_cost), exact(0))
    held = exact(opening_cost) + spent - gone
    return Quota(
        as_decimal(spent),
        as_decimal(exact(row.amount("annual")) - spent),
        as_decimal(held),
        as_decimal(gone),
        usable(after.amount("lifetime"), held, after.amount("annual")),
    )
