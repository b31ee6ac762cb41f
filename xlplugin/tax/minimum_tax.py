"""Minimum tax on very high income (特定の基準所得金額の課税の特例), before surtaxes.

措法41の19. From 2027 the deduction falls to 165 million yen and the rate rises to 30 %.
"""

from __future__ import annotations

from decimal import Decimal

from xlplugin.tax.rounding import at_stage
from xlplugin.tax.tables import last_day, table

__all__ = ["break_even", "minimum_tax"]


def minimum_tax(base_income: Decimal, regular_income_tax: Decimal, year: int) -> Decimal:
    """Income tax added to the regular one, in yen.

    Parameters
    ----------
    base_income : Decimal
        基準所得金額, all income of the year.
    regular_income_tax : Decimal
        基準所得税額, without surtaxes.
    year : int
        Tax year.

    Returns
    -------
    Decimal
        ``max(0, (base_income - deduction) x rate - regular_income_tax)``, the product cut to a yen.

    Raises
    ------
    NoTableError
        For a year before 2025.

    Examples
    --------
    >>> minimum_tax(Decimal(1_000_000_000), Decimal(150_000_000), 2026)
    Decimal('750000')
    """
    row = table("jp.individual.minimum_tax").of_year(year)
    above = max(Decimal(0), base_income - row.amount("deduction")) * row.amount("rate")
    return max(Decimal(0), at_stage("minimum_tax", above, last_day(year)) - regular_income_tax)


def break_even(regular_rate: Decimal, year: int) -> Decimal:
    """Income at which the minimum tax starts for someone taxed only at `regular_rate`.

    Examples
    --------
    >>> int(break_even(Decimal("0.15"), 2026)), int(break_even(Decimal("0.15"), 2027))
    (990000000, 330000000)
    """
    row = table("jp.individual.minimum_tax").of_year(year)
    rate = row.amount("rate")
    return row.amount("deduction") * rate / (rate - regular_rate)
