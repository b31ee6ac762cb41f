"""Realised results of one year netted by bucket, and what a harvest is worth under three views of it.

Buckets never cross but where the law says so: listed gains with listed dividends and carried losses in
Japan, short with long in the United States. Results of NISA, iDeCo and retirement accounts are VOID.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

from xlplugin.core.accounts import AccountKind
from xlplugin.core.lots import ZERO, Bucket
from xlplugin.errors import DomainError, InputError, MissingError
from xlplugin.tax.carryforward import use_losses
from xlplugin.tax.rounding import as_decimal
from xlplugin.tax.tables import last_day
from xlplugin.tax.us_netting import loss_limit, net_capital
from xlplugin.tax.withholding import filed_tax, withheld

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = [
    "BUCKETS",
    "BucketLine",
    "Harvested",
    "Result",
    "ValueRange",
    "bucket_of_kind",
    "net_year",
    "value_range",
]

BUCKETS = ("LISTED", "UNLISTED", "ST", "LT", "CORP", "VOID")
NONE = Decimal(0)


class Result(NamedTuple):
    """One realised result: its bucket (of `BUCKETS`) and its gain, negative for a loss."""

    bucket: str
    gain: Fraction


@dataclass(frozen=True)
class BucketLine:
    """One bucket of a year; amounts in its currency, taxes None where no rate is known."""

    bucket: str
    gains: Decimal
    losses: Decimal
    dividends_used: Decimal = NONE
    carry_used: Decimal = NONE
    taxable: Decimal = NONE
    national_tax: Decimal | None = NONE
    local_tax: Decimal | None = NONE
    carry_out: Decimal = NONE
    reasons: tuple[str, ...] = ()

    @property
    def net(self) -> Decimal:
        """Gains and losses of the bucket together."""
        return self.gains + self.losses

    @property
    def total_tax(self) -> Decimal | None:
        """National and local tax."""
        return (
            None
            if self.national_tax is None or self.local_tax is None
            else self.national_tax + self.local_tax
        )


def bucket_of_kind(kind: AccountKind, term: str) -> str:
    """The bucket of a result by its account kind, and its term in the United States.

    Raises
    ------
    MissingError
        If a US result has no term.
    """
    if not kind.facts.loss_counts:
        return "VOID"
    if kind is AccountKind.JP_CORP:
        return "CORP"
    if kind.is_japanese:
        return "LISTED"
    if term not in (Bucket.ST, Bucket.LT):
        raise MissingError("a US result has no term; write ST or LT in the column term or bucket")
    return term


def net_year(
    results: Iterable[Result],
    year: int,
    *,
    carry: Mapping[int, Decimal] | None = None,
    dividends: Decimal = NONE,
    filed: bool = True,
    as_return: bool = False,
    rates: tuple[Decimal | None, Decimal | None] = (None, None),
    filing_status: str = "SINGLE",
) -> list[BucketLine]:
    """Net the results of one year.

    Parameters
    ----------
    results : iterable of Result
        All of the year.
    year : int
        Tax year.
    carry : mapping of int to Decimal, optional
        Losses of listed shares by year of origin, positive yen (Japan).
    dividends : Decimal
        Listed dividends under separate taxation, gross yen. What losses leave of them is part of
        the taxable amount of LISTED.
    filed : bool
        Whether a return was filed for every year since the losses; else they have lapsed.
    as_return : bool
        Round as on a return (base to 1,000 yen, tax to 100) instead of as withheld.
    rates : tuple of Decimal or None
        Short-term and long-term rate of the United States, as fractions.
    filing_status : str
        For the yearly limit of a US loss against other income.

    Returns
    -------
    list of BucketLine
        One per bucket present, in the order of `BUCKETS`.

    Raises
    ------
    NoTableError
        If the year has no rates.
    DomainError
        If dividends or a carried loss are negative.
    """
    sums: dict[str, list[Fraction]] = {}
    for result in results:
        sums.setdefault(result.bucket, []).append(result.gain)
    if carry or dividends:
        sums.setdefault("LISTED", [])
    gains = {b: as_decimal(sum((g for g in found if g > 0), ZERO)) for b, found in sums.items()}
    losses = {b: as_decimal(sum((g for g in found if g < 0), ZERO)) for b, found in sums.items()}
    lines: dict[str, BucketLine] = {}
    for bucket in sums:
        up, down = gains[bucket], losses[bucket]
        if bucket == "LISTED":
            lines[bucket] = _listed(up, down, year, carry or {}, dividends, filed=filed, as_return=as_return)
        elif bucket == "UNLISTED":
            taxable = max(NONE, up + down)
            national, local = _tax([taxable], year, as_return=as_return)
            lines[bucket] = BucketLine(
                bucket, up, down, taxable=taxable, national_tax=national, local_tax=local
            )
        elif bucket == "CORP":
            # A company's income is more than this; only its own rate could turn it into a tax.
            lines[bucket] = BucketLine(
                bucket, up, down, NONE, NONE, max(NONE, up + down), None, None, reasons=("RATE_MISSING",)
            )
        elif bucket == "VOID":
            reasons = ("NON_TAXABLE_ACCOUNT",) if down else ()
            lines[bucket] = BucketLine(bucket, up, down, reasons=reasons)
    if {"ST", "LT"} & set(sums):
        lines |= _capital(gains, losses, set(sums), year, rates, filing_status)
    return [lines[bucket] for bucket in BUCKETS if bucket in lines]


def _tax(incomes: Sequence[Decimal], year: int, *, as_return: bool) -> tuple[Decimal, Decimal]:
    if as_return:
        done = filed_tax(incomes, year)
        return done.national_payable, done.resident
    taken = withheld(sum(incomes, NONE), last_day(year))
    return taken.national, taken.resident


def _listed(
    up: Decimal,
    down: Decimal,
    year: int,
    carry: Mapping[int, Decimal],
    dividends: Decimal,
    *,
    filed: bool,
    as_return: bool,
) -> BucketLine:
    done = use_losses(carry, year, up + down, dividends, unfiled_years=() if filed else (year - 1,))
    national, local = _tax([done.taxable_gain, done.taxable_dividends], year, as_return=as_return)
    reasons = set()
    if any(row.lapsed for row in done.rows):
        reasons.add("NOT_FILED")
    if any(row.expired and not row.lapsed for row in done.rows):
        reasons.add("CARRY_EXPIRED")
    carry_out = sum(done.carry_out.values(), NONE)
    if carry_out:
        reasons.add("CARRY_NEEDS_RETURN")
    return BucketLine(
        "LISTED",
        up,
        down,
        done.dividends_against_loss + sum((row.used_dividend for row in done.rows), NONE),
        done.carried,
        done.taxable_gain + done.taxable_dividends,
        national,
        local,
        carry_out,
        tuple(sorted(reasons)),
    )


def _capital(
    gains: Mapping[str, Decimal],
    losses: Mapping[str, Decimal],
    present: set[str],
    year: int,
    rates: tuple[Decimal | None, Decimal | None],
    filing_status: str,
) -> dict[str, BucketLine]:
    nets = [gains.get(b, NONE) + losses.get(b, NONE) for b in ("ST", "LT")]
    done = net_capital(nets[0], nets[1], limit=loss_limit(year, filing_status))
    taxable = {"ST": done.st_taxable, "LT": done.net_capital_gain}
    carry_out = {"ST": done.carry_st, "LT": done.carry_lt}
    lines = {}
    for bucket, rate in zip(("ST", "LT"), rates, strict=True):
        if bucket not in present:
            continue
        known = rate is not None or not taxable[bucket]
        lines[bucket] = BucketLine(
            bucket,
            gains.get(bucket, NONE),
            losses.get(bucket, NONE),
            taxable=taxable[bucket],
            national_tax=taxable[bucket] * (rate or NONE) if known else None,
            local_tax=NONE if known else None,
            carry_out=carry_out[bucket],
            reasons=() if known else ("RATE_MISSING",),
        )
    return lines


# -- what a harvest is worth ---------------------------------------------------------------------


class Harvested(NamedTuple):
    """One line of a harvest list that would be carried out: its loss now, and its tax rates."""

    loss: Fraction
    rate: Fraction
    later_rate: Fraction


class ValueRange(NamedTuple):
    """Tax put off now, what the lower cost adds to later tax (present value), and the difference."""

    deferred: Fraction
    later_tax: Fraction

    @property
    def net(self) -> Fraction:
        """Tax put off less the later extra tax."""
        return self.deferred - self.later_tax


def value_range(
    lines: Sequence[Harvested],
    gains: Sequence[Fraction | None],
    *,
    horizon: float,
    discount: float,
) -> list[ValueRange]:
    """What a harvest is worth for each view of the gains that losses can meet this year.

    Parameters
    ----------
    lines : sequence of Harvested
        In rank order; losses are positive.
    gains : sequence of Fraction or None
        Gains of the year that can absorb losses, ascending; None is without limit.
    horizon : float
        Years until the lower cost is taxed.
    discount : float
        Rate per year, a fraction.

    Returns
    -------
    list of ValueRange
        One per view. A loss beyond the gains of the year is carried and not valued.

    Raises
    ------
    DomainError
        If the gains do not ascend or are negative.
    InputError
        If the horizon is negative or the discount is not above -1.

    Notes
    -----
    deferred = sum of usable loss x rate; later tax = sum of usable loss x later rate x
    (1 + discount)^-horizon: harvesting defers a tax, it does not remove it.
    """
    if horizon < 0 or discount <= -1:
        raise InputError(
            f"horizon {horizon:g} years, discount {discount:g}: expected at least 0 and above -1"
        )
    known = [g for g in gains if g is not None]
    if any(g < 0 for g in known) or known != sorted(known) or None in list(gains)[: len(known)]:
        raise DomainError("gains: expected low <= base <= high, none below zero")
    factor = Fraction((1.0 + discount) ** -horizon)
    ranges = []
    for limit in gains:
        left = limit
        deferred = later = ZERO
        for line in lines:
            usable = line.loss if left is None else min(line.loss, left)
            left = None if left is None else left - usable
            deferred += usable * line.rate
            later += usable * line.later_rate * factor
        ranges.append(ValueRange(deferred, later))
    return ranges
