"""Tax on listed gains and dividends of a Japanese individual: withheld, refunded, or on a return.

Withholding cuts the income tax with all surtaxes as one sum and the resident tax apart, each to a
yen (復興財源確保法28条・31条2項). A return cuts the income of a class to 1,000 yen and what is payable
to 100 (国税通則法118条・119条, 復興財源確保法24条2項). The surtaxes are fractions of the income tax.
A withheld amount is a cash flow, not the tax of the year.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from xlplugin.core.lots import ZERO, exact
from xlplugin.errors import DomainError
from xlplugin.tax.rounding import Exact, at_stage, refundable, whole_yen
from xlplugin.tax.tables import TaxRow, last_day, table

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "FiledTax",
    "Rates",
    "Withheld",
    "components",
    "filed_tax",
    "net_dividends_at_year_end",
    "rates",
    "sequence",
    "withheld",
]


@dataclass(frozen=True)
class Rates:
    """Rates on listed shares on one day, as fractions; surtaxes are fractions of the income tax."""

    income_tax: Decimal
    reconstruction: Decimal
    defence: Decimal
    resident: Decimal
    row: TaxRow

    @property
    def surtaxes(self) -> Decimal:
        """All surtaxes together, as a fraction of the income tax."""
        return self.reconstruction + self.defence

    @property
    def national(self) -> Decimal:
        """Income tax with its surtaxes, as a fraction of the income."""
        return self.income_tax * (1 + self.surtaxes)

    @property
    def total(self) -> Decimal:
        """National and resident tax, as a fraction of the income."""
        return self.national + self.resident


def rates(day: dt.date) -> Rates:
    """The rates in force on `day`: settlement of a gain, payment of a dividend.

    Examples
    --------
    >>> rates(dt.date(2026, 12, 30)).total, rates(dt.date(2027, 1, 4)).total
    (Decimal('0.20315'), Decimal('0.20315'))
    """
    row = table("jp.individual.listed_rates").at(day)
    return Rates(
        row.amount("income_tax"),
        row.amount("surtax_reconstruction"),
        row.amount("surtax_defence"),
        row.amount("resident_tax"),
        row,
    )


class Withheld(NamedTuple):
    """Yen withheld (or, when negative, paid back)."""

    national: Decimal
    resident: Decimal

    @property
    def total(self) -> Decimal:
        """Both taxes."""
        return self.national + self.resident


def withheld(amount: Exact, day: dt.date) -> Withheld:
    """Tax withheld on one amount, a gain or a dividend, on `day`; of a negative amount, refunded.

    Examples
    --------
    A flat 20.315 % would floor to 25,080:

    >>> withheld(Decimal(123457), dt.date(2026, 6, 1))
    Withheld(national=Decimal('18907'), resident=Decimal('6172'))
    """
    now = rates(day)
    return Withheld(
        at_stage("withholding_national", exact(amount) * exact(now.national), day),
        at_stage("withholding_resident", exact(amount) * exact(now.resident), day),
    )


def components(amount: Exact, day: dt.date) -> dict[str, Decimal]:
    """The income tax and each surtax on `amount`, each cut to a yen, for display beside `withheld`.

    The sum payable is cut once and may exceed the sum of these figures by up to two yen.

    Examples
    --------
    >>> {name: int(tax) for name, tax in components(Decimal(1_000_000), dt.date(2027, 3, 1)).items()}
    {'income_tax': 150000, 'reconstruction': 1650, 'defence': 1500}
    """
    now = rates(day)
    income_tax = exact(amount) * exact(now.income_tax)
    return {
        "income_tax": whole_yen(income_tax),
        "reconstruction": whole_yen(income_tax * exact(now.reconstruction)),
        "defence": whole_yen(income_tax * exact(now.defence)),
    }


def sequence(results: Iterable[tuple[dt.date, Exact]]) -> list[Withheld]:
    """Cash flows of a source-withholding account, one per result, in the order given.

    With the year-to-date result Y before and after, ``d = max(0, Y after) - max(0, Y before)`` is
    taxed when positive and the tax on it paid back when negative (措法37の11の4): a loss first is
    not refunded, it shields what follows. Y starts anew with each calendar year.

    Parameters
    ----------
    results : iterable of (datetime.date, amount)
        Settlement day and gain (negative: loss) of each sale, in order of settlement.

    Raises
    ------
    DomainError
        If a settlement day lies before the one in front of it.

    Examples
    --------
    >>> day = dt.date(2026, 6, 1)
    >>> flows = sequence([(day, Decimal(500_000)), (day, Decimal(-200_000)), (day, Decimal(100_000))])
    >>> [int(flow.national) for flow in flows]
    [76575, -30630, 15315]
    """
    flows: list[Withheld] = []
    so_far, before = ZERO, dt.date.min
    for day, gain in results:
        if day < before:
            raise DomainError(
                f"settlement on {day} stands behind {before}; give results in order of settlement"
            )
        if day.year != before.year:
            so_far = ZERO
        after = so_far + exact(gain)
        flows.append(withheld(max(ZERO, after) - max(ZERO, so_far), day))
        so_far, before = after, day
    return flows


class DividendNetting(NamedTuple):
    """Dividends of a source-withholding account against its loss of the year, at the year's end."""

    withheld: Withheld
    final: Withheld
    refund: Withheld


def net_dividends_at_year_end(
    dividends: Iterable[tuple[dt.date, Decimal]], result: Decimal, year: int
) -> DividendNetting:
    """Set the loss of the account against the dividends paid into it, and pay back the difference.

    Parameters
    ----------
    dividends : iterable of (datetime.date, Decimal)
        Payment day and gross yen of each dividend, all in `year`.
    result : Decimal
        Net result of the account's sales in `year`; a gain changes nothing here.
    year : int
        Calendar year.

    Examples
    --------
    >>> paid = [(dt.date(2026, 6, 26), Decimal(100_000))]
    >>> netting = net_dividends_at_year_end(paid, Decimal(-60_000), 2026)
    >>> int(netting.refund.national), int(netting.refund.resident)
    (9189, 3000)
    """
    paid = list(dividends)
    for day, amount in paid:
        if day.year != year:
            raise DomainError(f"dividend of {day}: not paid in {year}")
        if amount < 0:
            raise DomainError(f"dividend of {day}: {amount} is negative; give gross amounts")
    at_source = [withheld(amount, day) for day, amount in paid]
    taken = Withheld(
        sum((w.national for w in at_source), Decimal(0)), sum((w.resident for w in at_source), Decimal(0))
    )
    if result >= 0:
        return DividendNetting(taken, taken, Withheld(Decimal(0), Decimal(0)))
    end = last_day(year)
    due = withheld(max(Decimal(0), sum((a for _, a in paid), Decimal(0)) + result), end)
    # Several cuts at source can leave less than the one cut of the year: then nothing is asked for.
    final = Withheld(min(due.national, taken.national), min(due.resident, taken.resident))
    refund = Withheld(
        refundable(taken.national - final.national, end), refundable(taken.resident - final.resident, end)
    )
    return DividendNetting(taken, final, refund)


@dataclass(frozen=True)
class FiledTax:
    """Tax on a return whose only income are classes under separate taxation, in yen."""

    base: Decimal
    income_tax: Decimal
    surtax: Decimal
    national_payable: Decimal
    resident_city: Decimal
    resident_prefecture: Decimal

    @property
    def resident(self) -> Decimal:
        """City and prefecture."""
        return self.resident_city + self.resident_prefecture

    @property
    def total(self) -> Decimal:
        """National and resident tax payable."""
        return self.national_payable + self.resident


def filed_tax(
    incomes: Iterable[Decimal],
    year: int,
    *,
    city: Decimal | None = None,
    prefecture: Decimal | None = None,
    top_up: Decimal = Decimal(0),
) -> FiledTax:
    """Tax on a filed return.

    Parameters
    ----------
    incomes : iterable of Decimal
        Taxable income of each class (listed gains, listed dividends, unlisted gains) after
        losses and deductions, yen, not negative. Each class is cut to 1,000 yen by itself.
    year : int
        Tax year.
    city, prefecture : Decimal, optional
        The two parts of the resident tax, as fractions; those of an ordinary municipality when
        left out.
    top_up : Decimal
        Minimum tax (`minimum_tax`), added to the income tax before the surtaxes.

    Raises
    ------
    DomainError
        If an income is negative.
    NoTableError
        If the year has no rates.

    Examples
    --------
    >>> tax = filed_tax([Decimal(1_234_567)], 2026)
    >>> int(tax.national_payable), int(tax.resident)
    (188900, 61600)
    """
    end = last_day(year)
    given = list(incomes)
    for income in given:
        if income < 0:
            raise DomainError(
                f"taxable income {income} is negative; a loss is netted or carried before the tax"
            )
    now = rates(end)
    if city is None or prefecture is None:
        split = table("jp.individual.resident_split").at(end, municipality="ordinary")
        city = split.amount("city") if city is None else city
        prefecture = split.amount("prefecture") if prefecture is None else prefecture
    base = sum((at_stage("filing_base", income, end) for income in given), Decimal(0))
    resident_base = sum((at_stage("filing_resident_base", income, end) for income in given), Decimal(0))
    income_tax = base * now.income_tax + top_up
    surtax = whole_yen(income_tax * now.surtaxes)
    return FiledTax(
        base,
        income_tax,
        surtax,
        at_stage("filing_national_payable", income_tax + surtax, end),
        at_stage("filing_resident_city", resident_base * city, end),
        at_stage("filing_resident_pref", resident_base * prefecture, end),
    )
