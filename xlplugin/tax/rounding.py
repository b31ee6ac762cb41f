"""The rounding stages of Japanese law, by name: where an amount is cut, how, and to what.

The modes and units are rows of the table ``jp.individual.rounding`` (国税通則法118条・119条・120条,
復興財源確保法24条・31条, 措置法通達37の10・37の11共-14). An amount stays an exact rational until its
stage, so that nothing is rounded before the law rounds it.
"""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_HALF_EVEN, Decimal, localcontext
from fractions import Fraction
from typing import TYPE_CHECKING

from xlplugin.core.lots import exact, rounded
from xlplugin.tax.tables import table

if TYPE_CHECKING:
    import datetime as dt

__all__ = ["Exact", "as_decimal", "at_stage", "refundable", "whole_yen"]

Exact = Decimal | Fraction | int

YEN = Decimal(1)
_DIGITS = 60
_PLACES = Decimal("0.000001")


def at_stage(stage: str, amount: Exact, day: dt.date) -> Decimal:
    """`amount` after the rounding stage called `stage`, as the law stood on `day`.

    Parameters
    ----------
    stage : str
        ``"unit_cost"``, ``"withholding_national"``, ``"filing_base"`` and so on.
    amount : Decimal, Fraction or int
        Yen, exact. "Down" cuts towards zero, so that a refund is cut like a payment.
    day : datetime.date
        Settlement day or a day of the tax year.

    Returns
    -------
    Decimal
        A whole multiple of the unit of the stage.

    Raises
    ------
    NoTableError
        If no rule is known for the day.

    Examples
    --------
    >>> import datetime as dt
    >>> at_stage("unit_cost", Fraction(5_700_000, 7000), dt.date(2025, 9, 1))
    Decimal('815')
    """
    row = table("jp.individual.rounding").at(day, stage=stage)
    mode = ROUND_CEILING if row.text("mode") == "up" else ROUND_DOWN
    return rounded(exact(amount), row.amount("unit"), mode)


def whole_yen(amount: Exact) -> Decimal:
    """`amount` without its part of a yen.

    Examples
    --------
    >>> whole_yen(Decimal("3887.1"))
    Decimal('3887')
    """
    return rounded(exact(amount), YEN, ROUND_DOWN)


def refundable(amount: Exact, day: dt.date) -> Decimal:
    """What is paid back of `amount`: cut to a yen, but a part of a yen alone counts as one.

    国税通則法120条.

    Examples
    --------
    >>> import datetime as dt
    >>> refundable(Decimal("0.3"), dt.date(2026, 5, 1)), refundable(Decimal("7.9"), dt.date(2026, 5, 1))
    (Decimal('1'), Decimal('7'))
    """
    return YEN if 0 < amount < 1 else at_stage("refund", amount, day)


def as_decimal(amount: Exact) -> Decimal:
    """`amount` as a decimal: exactly where it ends, else half-even to six places.

    The way out of the exact rationals of the ledger where no law rounds.

    Examples
    --------
    >>> as_decimal(Fraction(7, 4)), as_decimal(Fraction(2, 3))
    (Decimal('1.75'), Decimal('0.666667'))
    """
    value = exact(amount)
    with localcontext(prec=_DIGITS):
        ended = Decimal(value.numerator) / Decimal(value.denominator)
    return ended if Fraction(ended) == value else rounded(value, _PLACES, ROUND_HALF_EVEN)
