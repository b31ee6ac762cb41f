"""Cost of shares that were given, inherited, donated or whose cost is not known (Japan).

Gift and inheritance carry the old cost, up or down (所得税法60条). An heir who sells soon adds part
of the inheritance tax to the cost (取得費加算, 措法39条). A gift to a company is a sale at market value
unless approved (所得税法59条, 措法40条). Unknown cost may be taken as 5 % of the proceeds.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from xlplugin.core.lots import ZERO, exact
from xlplugin.errors import DomainError, EmptyBaseError
from xlplugin.tax.rounding import Exact, as_decimal, whole_yen
from xlplugin.tax.tables import table

if TYPE_CHECKING:
    from decimal import Decimal
    from fractions import Fraction

__all__ = ["deemed_gain_of_donation", "inheritance_addition", "inheritance_window_end", "unknown_cost"]


def unknown_cost(proceeds: Exact, day: dt.date) -> Decimal:
    """Cost of shares whose cost is not known: a share of the proceeds (国税庁タックスアンサー No.1464).

    Examples
    --------
    >>> unknown_cost(3_000_000, dt.date(2026, 5, 1))
    Decimal('150000')
    """
    share = table("jp.individual.unknown_cost").at(day).amount("share_of_proceeds")
    return as_decimal(exact(proceeds) * exact(share))


def inheritance_window_end(death: dt.date) -> dt.date:
    """Last day of a sale to which inheritance tax can be added: three years and ten months on.

    The return is due ten months after the day that follows the death, and the three years run
    from there. A day that the month does not have becomes its last day.

    Examples
    --------
    >>> inheritance_window_end(dt.date(2026, 1, 15))
    datetime.date(2029, 11, 15)
    """
    months = death.month - 1 + 10
    year, month = death.year + 3 + months // 12, months % 12 + 1
    first_of_next = dt.date(year + month // 12, month % 12 + 1, 1)
    return min(
        dt.date(year, month, 1) + dt.timedelta(days=death.day - 1), first_of_next - dt.timedelta(days=1)
    )


def inheritance_addition(
    inheritance_tax: Exact,
    asset_value: Exact,
    taxable_price: Exact,
    debt_deduction: Exact,
    gain_before: Exact,
) -> Decimal:
    """Inheritance tax added to the cost of inherited shares (取得費加算), in yen.

    Parameters
    ----------
    inheritance_tax : Decimal, Fraction or int
        Of this heir.
    asset_value : Decimal, Fraction or int
        Inheritance-tax value of the shares sold.
    taxable_price, debt_deduction : Decimal, Fraction or int
        課税価格 and 債務控除 of this heir.
    gain_before : Decimal, Fraction or int
        Gain without the addition; the addition is never more.

    Raises
    ------
    EmptyBaseError
        If taxable price and debt deduction are both zero.
    DomainError
        If an amount but the gain is negative.

    Examples
    --------
    >>> int(inheritance_addition(10_000_000, 20_000_000, 100_000_000, 0, 5_000_000))
    2000000
    """
    for name, value in (
        ("inheritance tax", inheritance_tax),
        ("asset value", asset_value),
        ("taxable price", taxable_price),
        ("debt deduction", debt_deduction),
    ):
        if value < 0:
            raise DomainError(f"{name} {value} is negative")
    base = exact(taxable_price) + exact(debt_deduction)
    if base == 0:
        raise EmptyBaseError("taxable price plus debt deduction is zero; the tax is divided by it")
    share = whole_yen(exact(inheritance_tax) * exact(asset_value) / base)
    return min(as_decimal(max(ZERO, exact(gain_before))), share)


def deemed_gain_of_donation(cost: Exact, value: Exact, *, approved: bool) -> Fraction:
    """Gain of giving listed shares to a company: a sale at market value unless 措法40 approves it.

    Examples
    --------
    >>> int(deemed_gain_of_donation(1_000_000, 5_000_000, approved=False))
    4000000
    """
    return ZERO if approved else exact(value) - exact(cost)
