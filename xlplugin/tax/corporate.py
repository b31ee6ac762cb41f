"""Corporation tax on securities in Japan: dividends, deemed dividends, valuation, rates, fiscal years.

法人税法23条 (dividends excluded from income), 24条 (deemed dividends), 61条の3 (trading securities);
the effective rate and the defence special corporate tax. Book cost and cross trades are in
`pools.py` and `jp_cross.py`.
"""

from __future__ import annotations

import calendar
import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from xlplugin.core.lots import ZERO, exact
from xlplugin.errors import DomainError
from xlplugin.tax.rounding import Exact, as_decimal, whole_yen
from xlplugin.tax.tables import table

__all__ = [
    "DeemedDividend",
    "EffectiveRate",
    "deemed_dividend",
    "defence_tax",
    "dividend_exclusion",
    "dividend_withheld",
    "effective_rate",
    "fiscal_year",
    "short_term_shares",
    "sme_corporate_tax",
    "valuation",
]


def fiscal_year(day: dt.date, year_end: tuple[int, int]) -> tuple[dt.date, dt.date]:
    """First and last day of the fiscal year that contains `day`.

    Parameters
    ----------
    day : datetime.date
        Contract date of a trade.
    year_end : tuple of int
        Month and day of the last day of every fiscal year; (2, 28) and (2, 29) both are the end of
        February.

    Examples
    --------
    >>> fiscal_year(dt.date(2027, 3, 31), (3, 31))
    (datetime.date(2026, 4, 1), datetime.date(2027, 3, 31))
    >>> fiscal_year(dt.date(2028, 2, 29), (2, 28))
    (datetime.date(2027, 3, 1), datetime.date(2028, 2, 29))
    """

    def end_in(year: int) -> dt.date:
        month, day = year_end
        last = calendar.monthrange(year, month)[1]
        return dt.date(year, month, last if month == 2 and day >= 28 else min(day, last))

    if not dt.MINYEAR < day.year < dt.MAXYEAR:
        raise DomainError(f"{day}: no fiscal year of the calendar contains it")
    end = end_in(day.year) if day <= end_in(day.year) else end_in(day.year + 1)
    return end_in(end.year - 1) + dt.timedelta(days=1), end


class DividendExclusion(NamedTuple):
    """A dividend split into what is excluded from income and what is taxed; yen."""

    excluded: Decimal
    taxable: Decimal


def dividend_exclusion(
    dividend: Exact, category: str, year_start: dt.date, *, interest_paid: Exact = 0
) -> DividendExclusion:
    """Share of a dividend that is not income (受取配当等の益金不算入, 法人税法23条).

    Parameters
    ----------
    dividend : Decimal, Fraction or int
        Yen.
    category : str
        ``le5`` (up to 5 %), ``other`` (to one third), ``related`` (above), ``full`` (100 %) or
        ``short_term`` (see `short_term_shares`).
    year_start : datetime.date
        First day of the fiscal year.
    interest_paid : Decimal, Fraction or int
        Interest of the year; only ``related`` asks for it.

    Examples
    --------
    >>> dividend_exclusion(1_000_000, "related", dt.date(2026, 4, 1), interest_paid=300_000)
    DividendExclusion(excluded=Decimal('970000'), taxable=Decimal('30000'))
    """
    if dividend < 0 or interest_paid < 0:
        raise DomainError(f"dividend {dividend}, interest paid {interest_paid}: expected zero or more")
    row = table("jp.corporate.dividend_exclusion").at(year_start, category=category)
    amount = exact(dividend)
    excluded = amount * exact(row.amount("excluded"))
    if category == "related":
        less = table("jp.corporate.related_dividend_deduction").at(year_start)
        excluded -= min(
            amount * exact(less.amount("share_of_dividends")),
            exact(interest_paid) * exact(less.amount("share_of_interest_paid")),
        )
    kept = whole_yen(excluded)
    return DividendExclusion(kept, as_decimal(amount - exact(kept)))


def short_term_shares(
    *,
    held_month_before: Exact,
    acquired_month_before: Exact,
    held_at_record_date: Exact,
    acquired_two_months_after: Exact,
    sold_two_months_after: Exact,
) -> Decimal:
    """Shares bought just before and sold just after a record date: no exclusion (短期保有株式等).

    ``sold x (C x B / (A + B)) / (C + D)`` with A to D the first four arguments
    (法人税法23条2項).

    Examples
    --------
    >>> int(short_term_shares(held_month_before=0, acquired_month_before=300, held_at_record_date=300,
    ...     acquired_two_months_after=0, sold_two_months_after=200))
    200
    """
    before = exact(held_month_before) + exact(acquired_month_before)
    after = exact(held_at_record_date) + exact(acquired_two_months_after)
    if before == 0 or after == 0:
        return Decimal(0)
    recent = exact(held_at_record_date) * exact(acquired_month_before) / before
    return as_decimal(exact(sold_two_months_after) * recent / after)


def dividend_withheld(dividend: Exact, paid_on: dt.date, *, over_one_third: bool = False) -> Decimal:
    """National tax withheld on a listed dividend to a company; there is no resident tax.

    Examples
    --------
    >>> dividend_withheld(1_000_000, dt.date(2026, 6, 30))
    Decimal('153150')
    """
    withholding = table("jp.corporate.dividend_withholding")
    direct = withholding.rows[-1].valid_from
    if paid_on < direct:
        row = withholding.at(paid_on, holding="any")
    else:
        holding = "direct_over_one_third" if over_one_third else "direct_up_to_one_third"
        row = withholding.at(paid_on, holding=holding)
    return whole_yen(exact(dividend) * exact(row.amount("national_with_surtax")))


@dataclass(frozen=True)
class DeemedDividend:
    """Shares sold to their issuer off market: part of the cash is a dividend; yen."""

    dividend: Fraction
    proceeds: Fraction
    result: Fraction
    excluded: Decimal


def deemed_dividend(
    quantity: Exact, book: Exact, cash: Exact, capital_per_share: Exact, category: str, year_start: dt.date
) -> DeemedDividend:
    """Split a purchase of own shares by the issuer (みなし配当, 法人税法24条1項5号, 61条の2第1項1号).

    Parameters
    ----------
    quantity, book, cash : Decimal, Fraction or int
        Shares, TOTAL book value, TOTAL cash. A purchase on the exchange has no deemed dividend.
    capital_per_share : Decimal, Fraction or int
        資本金等の額 per share as notified.
    category : str
        Holding class, see `dividend_exclusion`.
    year_start : datetime.date
        First day of the fiscal year.

    Examples
    --------
    >>> done = deemed_dividend(100, 90_000, 120_000, 700, "le5", dt.date(2026, 4, 1))
    >>> int(done.dividend), int(done.proceeds), int(done.result), int(done.excluded)
    (50000, 70000, -20000, 10000)
    """
    dividend = max(ZERO, exact(cash) - exact(quantity) * exact(capital_per_share))
    proceeds = exact(cash) - dividend
    excluded = dividend_exclusion(dividend, category, year_start).excluded
    return DeemedDividend(dividend, proceeds, proceeds - exact(book), excluded)


def valuation(book: Exact, market: Exact) -> tuple[Fraction, Fraction]:
    """Result of marking trading securities at the year's end, and its reversal next year (法人税法61条の3).

    Examples
    --------
    >>> [int(x) for x in valuation(1_000_000, 800_000)]
    [-200000, 200000]
    """
    change = exact(market) - exact(book)
    return change, -change


@dataclass(frozen=True)
class EffectiveRate:
    """Components of the tax on a company's income, as fractions.

    The local, defence and resident tax are fractions of the corporation tax; the special tax is a
    fraction of the enterprise tax at its standard rate.
    """

    corporate: Decimal
    local: Decimal
    defence: Decimal
    resident: Decimal
    enterprise: Decimal
    enterprise_standard: Decimal
    special: Decimal

    @property
    def rate(self) -> Fraction:
        """Effective rate; the enterprise taxes are deductible from income.

        ``(c (1 + local + defence + resident) + e + s special) / (1 + e + s special)``
        """
        parts = (self.local, self.defence, self.resident)
        on_income = exact(self.corporate) * (1 + sum((exact(p) for p in parts), ZERO))
        deductible = exact(self.enterprise) + exact(self.enterprise_standard) * exact(self.special)
        return (on_income + deductible) / (1 + deductible)


def effective_rate(year_start: dt.date, company: str, *, with_defence: bool = True) -> EffectiveRate:
    """Statutory rates of a company whose fiscal year starts on `year_start`.

    Parameters
    ----------
    year_start : datetime.date
        First day of the fiscal year.
    company : str
        ``sme_standard`` (capital up to 100 million yen, income above 8 million) or ``large_tokyo``.
    with_defence : bool
        Whether the defence special corporate tax counts. It does at the margin once the base
        corporation tax exceeds the deduction of 5 million yen; it starts on 2026-04-01.

    Raises
    ------
    NoTableError
        If a component has no row for the day or the company.

    Examples
    --------
    >>> rate = effective_rate(dt.date(2026, 4, 1), "large_tokyo").rate
    >>> round(as_decimal(rate * 100), 2)
    Decimal('31.52')
    """
    components = table("jp.corporate.rate_components")

    def of(component: str, which: str) -> Decimal:
        return components.at(year_start, component=component, company=which).amount("rate")

    large = company.startswith("large")
    defence = table("jp.corporate.defence_tax")
    in_force = with_defence and year_start >= defence.rows[0].valid_from
    return EffectiveRate(
        corporate=of("corporate_tax", "all"),
        local=of("local_corporate_tax", "all"),
        defence=defence.at(year_start).amount("rate") if in_force else Decimal(0),
        resident=of("resident_tax", "tokyo_excess" if company == "large_tokyo" else company),
        enterprise=of("enterprise_tax", company),
        enterprise_standard=of("enterprise_tax", "large_standard" if large else company),
        special=of("special_enterprise_tax", "large" if large else "sme"),
    )


def sme_corporate_tax(income: Exact, year_start: dt.date) -> Decimal:
    """Base corporation tax of a small company over twelve months, yen.

    Examples
    --------
    >>> int(sme_corporate_tax(50_000_000, dt.date(2026, 4, 1)))
    10944000
    """
    components = table("jp.corporate.rate_components")
    low = components.at(year_start, component="corporate_tax_low_band", company="sme").amount("rate")
    full = components.at(year_start, component="corporate_tax", company="all").amount("rate")
    whole = exact(income)
    in_low = min(whole, exact(table("jp.corporate.low_band").at(year_start).amount("income")))
    return whole_yen(in_low * exact(low) + (whole - in_low) * exact(full))


def defence_tax(corporate_tax: Exact, year_start: dt.date, *, months: int = 12) -> Decimal:
    """防衛特別法人税 of a fiscal year of `months` months, yen; zero before the tax exists.

    Examples
    --------
    >>> int(defence_tax(10_944_000, dt.date(2026, 4, 1))), int(defence_tax(10_944_000, dt.date(2026, 3, 1)))
    (237760, 0)
    """
    defence = table("jp.corporate.defence_tax")
    if year_start < defence.rows[0].valid_from:
        return Decimal(0)
    row = defence.at(year_start)
    deduction = exact(row.amount("deduction")) * Fraction(months, 12)
    return whole_yen(max(ZERO, exact(corporate_tax) - deduction) * exact(row.amount("rate")))
