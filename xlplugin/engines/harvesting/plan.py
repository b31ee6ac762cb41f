"""What a harvest is worth today, and in which order candidates come.

The value is a deferral: tax avoided now against a lower cost later. Methodology 6.4, 6.6: losses
meet the gains of the year in rank order, the rest is carried; value = usable loss x marginal rate,
times the deferral factor, less trading costs. Ranked by recognised loss x rate x deferral - cost.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING

from xlplugin.core.lots import ZERO, Bucket
from xlplugin.engines.harvesting.candidates import BELOW_MIN, Rebuy
from xlplugin.tax.regime import HarvestStatus
from xlplugin.tax.tables import table

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from xlplugin.engines.harvesting.candidates import Candidate

__all__ = ["Line", "Rates", "Valuation", "deferral_factor", "plan", "rate_of"]

RANKED = (HarvestStatus.OK, HarvestStatus.REDUCED)


@dataclass(frozen=True, slots=True)
class Rates:
    """Marginal rates as fractions; None: not given."""

    tax_rate: Fraction | None = None
    short_rate: Fraction | None = None
    long_rate: Fraction | None = None


@dataclass(frozen=True)
class Valuation:
    """How losses are valued. `gains` None: no limit to what they can absorb."""

    rates: Rates = Rates()
    gains: Fraction | None = None
    deferral: Fraction = Fraction(1)
    fee_rate: Fraction = ZERO
    spread: Fraction = ZERO
    rebuy: str = Rebuy.NEXT_DAY
    show_all: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the list; money in the account's currency, None where it is unknown."""

    candidate: Candidate
    rank: int | None
    usable: Fraction | None
    carried: Fraction | None
    rate: Fraction | None
    tax_value: Fraction | None
    trading_cost: Fraction | None
    net_benefit: Fraction | None
    reasons: tuple[str, ...]


def deferral_factor(horizon: float | None, discount: float | None) -> Fraction:
    """Share of the tax avoided that is worth something today: 1 - (1 + discount)^-horizon.

    Parameters
    ----------
    horizon : float or None
        Years until the lower cost is taxed.
    discount : float or None
        Discount rate per year, a fraction.

    Returns
    -------
    Fraction
        1 if either is not given: the tax is taken as avoided for good.

    Examples
    --------
    >>> round(float(deferral_factor(10, 0.03)), 6), deferral_factor(None, None)
    (0.255906, Fraction(1, 1))
    """
    if horizon is None or discount is None:
        return Fraction(1)
    return Fraction(Decimal(repr(1.0 - (1.0 + discount) ** -horizon)))


def rate_of(candidate: Candidate, rates: Rates, as_of: dt.date) -> Fraction | None:
    """The marginal rate for one candidate; None where it is not given.

    United States: the short or the long rate, else `tax_rate`. Japanese individuals: `tax_rate`,
    else the dated rate on listed shares with its surtaxes. Companies: `tax_rate`.

    Raises
    ------
    NoTableError
        If the dated rate is needed and the year has no row.
    """
    if not candidate.counts or candidate.account is None:
        return None
    bucket = candidate.check.bucket if candidate.check else None
    if bucket is Bucket.ST and rates.short_rate is not None:
        return rates.short_rate
    if bucket is Bucket.LT and rates.long_rate is not None:
        return rates.long_rate
    if rates.tax_rate is not None or candidate.account.regime != "jp.individual":
        return rates.tax_rate
    return _listed_rate(as_of)


@lru_cache(maxsize=64)
def _listed_rate(day: dt.date) -> Fraction:
    row = table("jp.individual.listed_rates").at(day)
    surtaxes = row.amount("surtax_reconstruction") + row.amount("surtax_defence")
    return Fraction(row.amount("income_tax") * (1 + surtaxes) + row.amount("resident_tax"))


def plan(candidates: Sequence[Candidate], valuation: Valuation, as_of: dt.date) -> list[Line]:
    """Value and rank candidates: ranked lines first, then the others in their order.

    Parameters
    ----------
    candidates : sequence of Candidate
        From `find_candidates`.
    valuation : Valuation
        Gains of the year are one pot per regime, used in rank order. Lines without a loss and
        lines below the limits of the adviser are left out unless `show_all`.

    Returns
    -------
    list of Line
        OK and REDUCED by recognised loss x rate x deferral - cost, UNKNOWN after them; ties keep
        the order of the candidates. Without a rate a line stands behind those that have one.
    """
    shown = [c for c in candidates if valuation.show_all or not _hidden(c)]
    rates = [rate_of(c, valuation.rates, as_of) for c in shown]
    costs = [_trading_cost(c, valuation) for c in shown]
    order = sorted(range(len(shown)), key=lambda n: _place(shown[n], rates[n], costs[n], valuation, n))
    pots: dict[str, Fraction] = {}
    lines: dict[int, Line] = {}
    rank = 0
    for n in order:
        ranked = _is_ranked(shown[n])
        rank += ranked
        lines[n] = _line(shown[n], rank if ranked else None, rates[n], costs[n], valuation, pots)
    return [lines[n] for n in order]


def _hidden(candidate: Candidate) -> bool:
    if BELOW_MIN in candidate.reasons:
        return True
    return candidate.check is not None and candidate.check.gross_loss <= 0


def _is_ranked(candidate: Candidate) -> bool:
    return candidate.status in RANKED or (
        candidate.status is HarvestStatus.UNKNOWN and candidate.check is not None
    )


def _trading_cost(candidate: Candidate, valuation: Valuation) -> Fraction | None:
    if candidate.value is None:
        return None
    quoted = candidate.quote.spread if candidate.quote else None
    spread = valuation.spread if quoted is None else quoted
    rate = valuation.fee_rate + spread / 2
    if not rate:
        return ZERO
    return candidate.value * rate * (1 if valuation.rebuy == Rebuy.NONE else 2)


def _place(
    candidate: Candidate, rate: Fraction | None, cost: Fraction | None, valuation: Valuation, number: int
) -> tuple[int, Fraction, int]:
    if not _is_ranked(candidate) or candidate.check is None:
        return (9, ZERO, number)
    group = 0 if candidate.status in RANKED else 2
    recognised = candidate.check.recognised_now
    if rate is None:
        return (group + 1, -recognised, number)
    return (group, (cost or ZERO) - recognised * rate * valuation.deferral, number)


def _line(
    candidate: Candidate,
    rank: int | None,
    rate: Fraction | None,
    cost: Fraction | None,
    valuation: Valuation,
    pots: dict[str, Fraction],
) -> Line:
    check, account = candidate.check, candidate.account
    if check is None or account is None:
        return Line(candidate, None, None, None, rate, None, cost, None, candidate.reasons)
    usable = check.recognised_now
    if valuation.gains is not None:
        left = pots.setdefault(account.regime, valuation.gains)
        usable = min(usable, max(ZERO, left))
        if rank is not None:
            pots[account.regime] = left - usable
    carried = check.recognised_now - usable
    reasons = set(candidate.reasons)
    if carried > 0 and account.regime == "jp.individual":
        reasons.add("CARRY_NEEDS_RETURN")
    if not usable:
        value: Fraction | None = ZERO
    elif rate is None:
        value = None
        reasons.add("RATE_MISSING")
    else:
        value = usable * rate
    net = None
    if value is not None and cost is not None:
        net = (value if valuation.deferral == 1 else value * valuation.deferral) - cost
    return Line(candidate, rank, usable, carried, rate, value, cost, net, tuple(sorted(reasons)))
