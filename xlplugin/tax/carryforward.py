"""Losses of listed shares carried forward by a Japanese individual, oldest first.

The loss of the year meets the listed dividends of the year; then each earlier loss, oldest first,
meets the gains and then the dividends that are left (措法37の12の2, in the order of the tax bureau's
own text). A loss lasts three years, and only while a return is filed for every year since.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from xlplugin.errors import DomainError
from xlplugin.tax.tables import table

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

__all__ = ["CarriedLoss", "CarryYear", "last_usable_year", "use_losses"]

ZERO = Decimal(0)


@dataclass(frozen=True)
class CarriedLoss:
    """What one year's loss did in the year asked for; yen, all amounts positive."""

    origin_year: int
    opening: Decimal
    used_gain: Decimal
    used_dividend: Decimal
    expired: Decimal
    closing: Decimal
    last_year: int
    unfiled_year: int | None = None

    @property
    def lapsed(self) -> bool:
        """Whether the loss ended because a year in between has no return."""
        return self.unfiled_year is not None


@dataclass(frozen=True)
class CarryYear:
    """Netting of one year; yen.

    Attributes
    ----------
    rows : tuple of CarriedLoss
        Oldest first; the last one is the year itself if it adds a loss.
    taxable_gain, taxable_dividends : Decimal
        What is left to be taxed.
    dividends_against_loss : Decimal
        Dividends absorbed by this year's own loss.
    """

    rows: tuple[CarriedLoss, ...]
    taxable_gain: Decimal
    taxable_dividends: Decimal
    dividends_against_loss: Decimal

    @property
    def carried(self) -> Decimal:
        """Earlier losses used, against gains and dividends."""
        return sum((row.used_gain + row.used_dividend for row in self.rows), ZERO)

    @property
    def carry_out(self) -> dict[int, Decimal]:
        """Losses that later years can use, by year of origin."""
        return {row.origin_year: row.closing for row in self.rows if row.closing}


def last_usable_year(origin_year: int, year: int) -> int:
    """The last tax year that can use a loss of `origin_year`, as the law stands in `year`."""
    return origin_year + table("jp.individual.loss_carry").of_year(year).count("years")


def use_losses(
    carry: Mapping[int, Decimal],
    year: int,
    gain: Decimal,
    dividends: Decimal = ZERO,
    *,
    unfiled_years: Collection[int] = (),
) -> CarryYear:
    """Net the year's listed result and dividends with earlier losses.

    Parameters
    ----------
    carry : mapping of int to Decimal
        Loss still unused by year of origin, positive yen, each before `year`.
    year : int
        Tax year.
    gain : Decimal
        Net listed result of the year; negative is a loss.
    dividends : Decimal
        Listed dividends under separate taxation, gross yen.
    unfiled_years : collection of int
        Years without a return; a loss whose years since then include one has lapsed. Without a return
        of `year` itself nothing is deducted in it and no loss is carried out of it.

    Returns
    -------
    CarryYear
        The amounts taxed and one row per loss.

    Raises
    ------
    DomainError
        If an amount of the carry or the dividends is negative, or a loss is not of an earlier year.
    NoTableError
        For a year without a rule.

    Examples
    --------
    >>> done = use_losses({2023: Decimal(500), 2024: Decimal(300)}, 2026, Decimal(600), Decimal(100))
    >>> done.taxable_gain, done.taxable_dividends, done.carry_out
    (Decimal('0'), Decimal('0'), {2024: Decimal('100')})
    """
    for origin, amount in carry.items():
        if origin >= year:
            raise DomainError(f"carry of {origin}: only losses of years before {year} can be brought forward")
        if amount < 0:
            raise DomainError(f"carry of {origin}: {amount} is negative; write a loss as a positive amount")
    if dividends < 0:
        raise DomainError(f"dividends {dividends} are negative; give the gross amount")

    offset = min(max(ZERO, -gain), dividends)
    gains_left, dividends_left = max(ZERO, gain), dividends - offset
    rows = []
    for origin in sorted(carry):
        opening, last = carry[origin], last_usable_year(origin, year)
        gap = next((y for y in range(origin, year + 1) if y in unfiled_years), None)
        usable = opening if last >= year and gap is None else ZERO
        from_gain = min(usable, gains_left)
        from_dividend = min(usable - from_gain, dividends_left)
        gains_left, dividends_left = gains_left - from_gain, dividends_left - from_dividend
        unused = opening - from_gain - from_dividend
        closing = unused if last > year and gap is None else ZERO
        rows.append(
            CarriedLoss(origin, opening, from_gain, from_dividend, unused - closing, closing, last, gap)
        )
    if new_loss := max(ZERO, -gain) - offset:
        last, gap = last_usable_year(year, year), year if year in unfiled_years else None
        lost, kept = (new_loss, ZERO) if gap else (ZERO, new_loss)
        rows.append(CarriedLoss(year, ZERO, ZERO, ZERO, lost, kept, last, gap))
    return CarryYear(tuple(rows), gains_left, dividends_left, offset)
