"""Capital gains of a US year: netting, the yearly loss limit, the carry, and the tax on what is left.

Short with short and long with long, then across; what remains as a loss meets ordinary income up to
the limit, short-term first, and the rest is carried without end with its character (26 USC 1211,
1212(b), 1222). Long-term gain and qualified dividends are stacked on ordinary income
(26 USC 1(h)); the tax on net investment income comes on top (26 USC 1411).
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import NamedTuple

from xlplugin.errors import DomainError
from xlplugin.tax.tables import Bracket, table

__all__ = [
    "CapitalNet",
    "CharityGift",
    "InvestmentTax",
    "StackedTax",
    "charity_gift",
    "harvest_value",
    "investment_tax",
    "loss_limit",
    "net_capital",
    "ordinary_tax",
    "preferential_tax",
]

ZERO = Decimal(0)


class CapitalNet(NamedTuple):
    """Schedule D in seven figures, in dollars; see `net_capital`."""

    net_st: Decimal
    net_lt: Decimal
    deduct: Decimal
    carry_st: Decimal
    carry_lt: Decimal
    net_capital_gain: Decimal
    st_taxable: Decimal


def net_capital(
    st: Decimal,
    lt: Decimal,
    *,
    limit: Decimal,
    carry_st: Decimal = ZERO,
    carry_lt: Decimal = ZERO,
    adjusted_income: Decimal | None = None,
) -> CapitalNet:
    """Net the capital results of one year.

    Parameters
    ----------
    st, lt : Decimal
        Recognised short-term and long-term result of the year, dollars; losses negative.
    limit : Decimal
        Loss that ordinary income may absorb, see `loss_limit`.
    carry_st, carry_lt : Decimal
        Losses brought forward, positive.
    adjusted_income : Decimal, optional
        Taxable income before the deduction, with the deduction for personal exemptions added back.
        Where it is below the deduction, only so much of the carry is used up (26 USC 1212(b)(2)).

    Returns
    -------
    CapitalNet
        `net_st` and `net_lt` after the carry; `deduct` against ordinary income; the carry to the
        next year, positive; `net_capital_gain`, taxed at preferential rates; `st_taxable`, taxed
        as ordinary income.

    Raises
    ------
    DomainError
        If a carry or the limit is negative.

    References
    ----------
    26 USC 1211(b), 1212(b), 1222.

    Examples
    --------
    >>> done = net_capital(Decimal(-8000), Decimal(3000), limit=Decimal(3000))
    >>> int(done.deduct), int(done.carry_st)
    (3000, 2000)
    """
    for name, amount in (("carry_st", carry_st), ("carry_lt", carry_lt), ("limit", limit)):
        if amount < 0:
            raise DomainError(f"{name}: {amount} is negative; a loss brought forward is written positive")
    net_st, net_lt = st - carry_st, lt - carry_lt
    left_st = max(ZERO, -net_st - max(ZERO, net_lt))
    left_lt = max(ZERO, -net_lt - max(ZERO, net_st))
    deduct = min(limit, left_st + left_lt)
    used = deduct if adjusted_income is None else min(deduct, max(ZERO, adjusted_income))
    used_st = min(used, left_st)
    return CapitalNet(
        net_st,
        net_lt,
        deduct,
        left_st - used_st,
        left_lt - (used - used_st),
        max(ZERO, net_lt - max(ZERO, -net_st)),
        max(ZERO, net_st - max(ZERO, -net_lt)),
    )


def loss_limit(year: int, filing_status: str) -> Decimal:
    """The capital loss that ordinary income of one year may absorb, in dollars (26 USC 1211(b)).

    Examples
    --------
    >>> loss_limit(2026, "MFJ"), loss_limit(2026, "MFS")
    (Decimal('3000'), Decimal('1500'))
    """
    return table("us.taxable.loss_limit").of_year(year, status_code=filing_status).amount("amount")


def ordinary_tax(taxable: Decimal, year: int, filing_status: str) -> Decimal:
    """Income tax by the rate schedule, in dollars and not rounded.

    A filed return below 100,000 dollars uses the Tax Table in steps of 50 dollars and can differ by
    a few dollars.

    Raises
    ------
    NoTableError
        If the brackets of the year are not known.

    References
    ----------
    26 USC 1(j); the Revenue Procedure of the year, see the table `us.taxable.ordinary_brackets`.

    Examples
    --------
    >>> ordinary_tax(Decimal(100_000), 2026, "SINGLE") == 16712
    True
    """
    row = table("us.taxable.ordinary_brackets").of_year(year, status_code=filing_status)
    tax, floor = ZERO, ZERO
    brackets = row.values["brackets"]
    if not isinstance(brackets, tuple):
        raise TypeError("us.taxable.ordinary_brackets: brackets must be a schedule")
    for bracket in brackets:
        if not isinstance(bracket, Bracket):
            raise TypeError("us.taxable.ordinary_brackets: brackets must be a schedule")
        ceiling = taxable if bracket.upto is None else min(taxable, bracket.upto)
        if ceiling > floor:
            tax += (ceiling - floor) * bracket.rate
            floor = ceiling
    return tax


class StackedTax(NamedTuple):
    """Preferential income by zone and the tax on it, in dollars."""

    at_zero: Decimal
    at_fifteen: Decimal
    at_twenty: Decimal
    tax: Decimal


def preferential_tax(ordinary: Decimal, gain: Decimal, year: int, filing_status: str) -> StackedTax:
    """Tax on net capital gain and qualified dividends, stacked on ordinary taxable income.

    Parameters
    ----------
    ordinary : Decimal
        Ordinary taxable income, dollars.
    gain : Decimal
        Net capital gain plus qualified dividends, dollars, not negative.

    References
    ----------
    26 USC 1(h); tables `us.taxable.ltcg_thresholds` and `us.taxable.preferential_rates`.

    Examples
    --------
    >>> [int(x) for x in preferential_tax(Decimal(70_000), Decimal(40_000), 2026, "MFJ")]
    [28900, 11100, 0, 1665]
    """
    zones = table("us.taxable.ltcg_thresholds").of_year(year, status_code=filing_status)
    rates = table("us.taxable.preferential_rates").of_year(year)
    start = max(ZERO, ordinary)
    at_zero = min(gain, max(ZERO, zones.amount("zero_upto") - start))
    below = min(gain, max(ZERO, zones.amount("fifteen_upto") - start))
    at_fifteen, at_twenty = below - at_zero, gain - below
    tax = (
        at_zero * rates.amount("zero")
        + at_fifteen * rates.amount("fifteen")
        + at_twenty * rates.amount("twenty")
    )
    return StackedTax(at_zero, at_fifteen, at_twenty, tax)


class InvestmentTax(NamedTuple):
    """Base and amount of the tax on net investment income, in dollars."""

    base: Decimal
    tax: Decimal


def investment_tax(magi: Decimal, investment_income: Decimal, year: int, filing_status: str) -> InvestmentTax:
    """Tax on net investment income: on the lesser of that income and what MAGI has over the threshold.

    References
    ----------
    26 USC 1411; the thresholds are not indexed.

    Examples
    --------
    >>> investment_tax(Decimal(270_000), Decimal(50_000), 2026, "MFJ").tax == 760
    True
    """
    row = table("us.taxable.niit").of_year(year, status_code=filing_status)
    base = max(ZERO, min(investment_income, magi - row.amount("threshold")))
    return InvestmentTax(base, base * row.amount("rate"))


def harvest_value(loss: Decimal, rate: Decimal) -> Decimal:
    """Tax avoided now by a loss (positive) that meets a gain taxed at `rate`; dollars.

    Examples
    --------
    >>> harvest_value(Decimal(20_000), Decimal("0.408")) == 8160
    True
    """
    return loss * rate


class CharityGift(NamedTuple):
    """What a gift of long-term stock to a public charity saves, in dollars."""

    floor: Decimal
    deductible: Decimal
    tax_saving: Decimal
    gain_tax_avoided: Decimal


def charity_gift(
    *, agi: Decimal, value: Decimal, basis: Decimal, marginal_rate: Decimal, gain_rate: Decimal, year: int
) -> CharityGift:
    """The deduction for long-term stock given at its market value.

    Parameters
    ----------
    agi : Decimal
        Adjusted gross income, dollars.
    value, basis : Decimal
        Market value and cost of the shares given.
    marginal_rate : Decimal
        Rate on ordinary income, a fraction; the benefit is capped by the table of the year.
    gain_rate : Decimal
        Rate that a sale would have met.

    Returns
    -------
    CharityGift
        The part of the gift over 30 % of AGI is not deductible this year (it is carried, which is
        not computed here); the part below the floor is never deductible.

    References
    ----------
    26 USC 170(b); Public Law 119-21 (floor and cap from 2026).

    Examples
    --------
    >>> gift = charity_gift(agi=Decimal(2_000_000), value=Decimal(100_000), basis=Decimal(40_000),
    ...     marginal_rate=Decimal("0.37"), gain_rate=Decimal("0.238"), year=2026)
    >>> int(gift.deductible), int(gift.tax_saving)
    (90000, 31500)
    """
    row = table("us.taxable.charity").at(dt.date(year, 1, 1))
    floor = agi * row.amount("agi_floor")
    within = min(value, agi * row.amount("lt_stock_agi_limit"))
    deductible = max(ZERO, within - floor)
    benefit = min(marginal_rate, row.amount("benefit_rate_cap"))
    return CharityGift(floor, deductible, deductible * benefit, max(ZERO, value - basis) * gain_rate)
