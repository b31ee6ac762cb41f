"""Dividends received in Japan: tax at source abroad, tax at home, the credit for it, large holders.

A foreign dividend is converted at the TTB rate, loses the foreign tax first, and Japanese tax is
withheld on the rest. A return can credit the foreign tax within limits (所得税法95条); a Japanese
fund that distributes foreign income adjusts for it at once (二重課税調整, 措法9の3の2). Whoever holds
3 % or more of a listed company is under comprehensive taxation.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from xlplugin.core.accounts import AccountKind
from xlplugin.core.lots import ZERO, exact
from xlplugin.errors import DomainError, EmptyBaseError, WordError
from xlplugin.tax.rounding import Exact, at_stage, whole_yen
from xlplugin.tax.tables import table, table_version
from xlplugin.tax.withholding import Withheld, rates

if TYPE_CHECKING:
    from fractions import Fraction

__all__ = [
    "DividendTax",
    "ForeignCredit",
    "FundDistribution",
    "LargeHolder",
    "current_surtaxes",
    "dividend_tax",
    "foreign_tax_credit",
    "fund_distribution",
    "large_holder",
]

_UNTAXED = frozenset({AccountKind.JP_NISA, AccountKind.JP_IDECO})


@dataclass(frozen=True)
class DividendTax:
    """One dividend from gross to net, in whole yen (`gross` as converted, unrounded)."""

    gross: Fraction
    source_tax: Decimal
    base: Decimal
    national: Decimal
    resident: Decimal

    @property
    def net(self) -> Decimal:
        """What arrives."""
        return self.base - self.national - self.resident

    @property
    def rate(self) -> Fraction:
        """All taxes as a fraction of the gross dividend."""
        return exact(self.source_tax + self.national + self.resident) / self.gross


def dividend_tax(
    gross: Exact, paid_on: dt.date, *, source_rate: Exact, kind: AccountKind, fx: Exact = 1
) -> DividendTax:
    """Tax on one dividend paid into an account in Japan.

    Parameters
    ----------
    gross : Decimal, Fraction or int
        Before any tax, in the currency of `fx`.
    paid_on : datetime.date
        Payment day.
    source_rate : Decimal, Fraction or int
        Foreign tax at source, as a fraction; 0 for a domestic dividend.
    kind : AccountKind
        NISA and iDeCo lose the foreign tax only; a company has no resident tax withheld.
    fx : Decimal, Fraction or int
        Yen per unit, TTB of the payment day.

    Returns
    -------
    DividendTax
        Foreign tax and the base cut to a yen; national and resident tax each cut to a yen.

    Raises
    ------
    DomainError
        If an amount is not positive or the rate is outside 0 to 1.
    WordError
        If the account is not in Japan.

    Examples
    --------
    >>> tax = dividend_tax(100, dt.date(2026, 6, 30), source_rate=Decimal("0.10"),
    ...                    kind=AccountKind.JP_TOKUTEI_WH, fx=150)
    >>> int(tax.base), int(tax.national), int(tax.resident), int(tax.net)
    (13500, 2067, 675, 10758)
    """
    if not kind.is_japanese:
        raise WordError(
            "account_kind", got=kind.value, choices=tuple(k.value for k in AccountKind if k.is_japanese)
        )
    in_yen, share = exact(gross) * exact(fx), exact(source_rate)
    if in_yen <= 0:
        raise DomainError(f"dividend {gross} at {fx}: expected more than zero")
    if not 0 <= share <= 1:
        raise DomainError(f"source rate {source_rate}: expected a fraction from 0 to 1")
    source_tax = whole_yen(in_yen * share)
    base = whole_yen(in_yen) - source_tax
    national, resident = _withheld(base, paid_on, kind)
    return DividendTax(in_yen, source_tax, base, national, resident)


def _withheld(base: Decimal, day: dt.date, kind: AccountKind) -> Withheld:
    if kind in _UNTAXED:
        return Withheld(Decimal(0), Decimal(0))
    if kind is AccountKind.JP_CORP:
        holding = "any" if day < dt.date(2023, 10, 1) else "direct_up_to_one_third"
        row = table("jp.corporate.dividend_withholding").at(day, holding=holding)
    else:
        row = table("jp.individual.dividend_withholding").at(day, holder="ordinary")
    return Withheld(
        at_stage("withholding_national", base * row.amount("national_with_surtax"), day),
        at_stage("withholding_resident", base * row.amount("resident"), day),
    )


def current_surtaxes() -> Decimal:
    """All surtaxes on the income tax as a fraction of it, on the day the tables were checked.

    Their sum is the same in every row up to 2047, so callers without a year can use it.
    """
    return rates(table_version("jp.individual")).surtaxes


class ForeignCredit(NamedTuple):
    """Limits of the credit for foreign tax by layer, what is used, and what is carried; yen."""

    national_limit: Decimal
    surtax_limit: Decimal
    resident_limit: Decimal
    used: Decimal
    carry: Decimal


def foreign_tax_credit(
    income_tax: Exact,
    foreign_income: Exact,
    total_income: Exact,
    foreign_tax: Exact,
    *,
    surtaxes: Exact | None = None,
    resident_share: Exact | None = None,
) -> ForeignCredit:
    """Credit for foreign tax on a return (所得税法95条).

    Parameters
    ----------
    income_tax : Decimal, Fraction or int
        Income tax of the year before the credit, yen.
    foreign_income, total_income, foreign_tax : Decimal, Fraction or int
        Yen.
    surtaxes, resident_share : optional
        Surtaxes as a fraction of the income tax, and the resident limit as a fraction of the
        income-tax limit; those of the tables when left out.

    Returns
    -------
    ForeignCredit
        Each limit cut to a yen; what exceeds their sum is carried for three years.

    Raises
    ------
    EmptyBaseError
        If the total income is zero.
    DomainError
        If an amount is negative or the foreign income exceeds the total.

    Examples
    --------
    >>> [int(x) for x in foreign_tax_credit(900_000, 100_000, 10_000_000, 10_000)]
    [9000, 189, 2700, 10000, 0]
    """
    given = {
        "income_tax": income_tax,
        "foreign_income": foreign_income,
        "total_income": total_income,
        "foreign_tax": foreign_tax,
    }
    for name, value in given.items():
        if value < 0:
            raise DomainError(f"{name}: {value} is negative; the limit is for positive income")
    if total_income == 0:
        raise EmptyBaseError("total_income: expected more than zero; the limit is a share of it")
    if exact(foreign_income) > exact(total_income):
        raise DomainError(f"foreign_income {foreign_income} exceeds total_income {total_income}")
    if resident_share is None:
        items = table("jp.individual.foreign")
        resident_share = items.at(
            table_version("jp.individual"), item="foreign_tax_credit_resident_share"
        ).amount("value")
    share = exact(income_tax) * exact(foreign_income) / exact(total_income)
    national = whole_yen(share)
    surtax = whole_yen(share * exact(current_surtaxes() if surtaxes is None else surtaxes))
    resident = whole_yen(exact(national) * exact(resident_share))
    used = min(whole_yen(foreign_tax), national + surtax + resident)
    return ForeignCredit(national, surtax, resident, used, whole_yen(foreign_tax) - used)


class FundDistribution(NamedTuple):
    """A fund's distribution with the foreign tax paid inside the fund taken into account; yen."""

    gross: Fraction
    income_tax: Decimal
    resident_tax: Decimal
    net: Fraction


def fund_distribution(
    distribution: Exact, foreign_tax: Exact, day: dt.date | None = None
) -> FundDistribution:
    """二重課税調整: foreign tax inside the fund is taken from the income tax on the distribution.

    Parameters
    ----------
    distribution : Decimal, Fraction or int
        Received before Japanese tax, yen.
    foreign_tax : Decimal, Fraction or int
        Paid inside the fund on this distribution, yen. It is not set against the resident tax.
    day : datetime.date, optional
        Payment day; the day the tables were checked when left out.

    Raises
    ------
    DomainError
        If an amount is negative.

    Examples
    --------
    >>> done = fund_distribution(900, 100)
    >>> int(done.income_tax), int(done.resident_tax), int(done.net)
    (53, 50, 797)
    """
    if distribution < 0 or foreign_tax < 0:
        raise DomainError(f"distribution {distribution}, foreign tax {foreign_tax}: expected zero or more")
    now = rates(day or table_version("jp.individual"))
    gross = exact(distribution) + exact(foreign_tax)
    before = whole_yen(gross * exact(now.national))
    income_tax = max(Decimal(0), whole_yen(exact(before) - exact(foreign_tax)))
    resident = whole_yen(gross * exact(now.resident))
    net = exact(distribution) - exact(income_tax) - exact(resident)
    return FundDistribution(gross, income_tax, resident, net)


@dataclass(frozen=True)
class LargeHolder:
    """The 3 % test of a dividend. `withholding` is None where no source settles the rate."""

    tested: Fraction
    comprehensive: bool
    withholding: Decimal | None


def large_holder(own: Exact, family_company: Exact, payable_on: dt.date) -> LargeHolder:
    """Whether a dividend is under comprehensive taxation (大口株主等, 措法8の4).

    Parameters
    ----------
    own, family_company : Decimal, Fraction or int
        Holding of the person and of the person's family company (同族会社), as fractions of the
        shares issued. The latter counts for dividends payable from 2023-10-01.
    payable_on : datetime.date
        Day the dividend becomes payable.

    Returns
    -------
    LargeHolder
        With the withheld national rate: 20.42 % for 3 % alone, 15.315 % below; None for a holder
        who reaches 3 % only with the company (open point: take it from the statement).

    Examples
    --------
    >>> large_holder(Decimal("0.012"), Decimal("0.019"), dt.date(2026, 6, 30)).comprehensive
    True
    """
    row = table("jp.individual.large_holder").at(payable_on)
    threshold = exact(row.amount("threshold"))
    tested = exact(own) + (exact(family_company) if row.flag("counts_family_company") else ZERO)
    withheld = table("jp.individual.dividend_withholding")
    rate: Decimal | None = None
    if exact(own) >= threshold:
        rate = withheld.at(payable_on, holder="large_holder_alone").amount("national_with_surtax")
    elif tested < threshold:
        rate = withheld.at(payable_on, holder="ordinary").amount("national_with_surtax")
    return LargeHolder(tested, tested >= threshold, rate)
