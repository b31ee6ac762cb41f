"""Keep, watch, stop buying or replace, and the four traps, over all funds of an audit.

A fund whose three-year TD after tax is in the worst quartile of its group is watched; if it was so at
the audit of the year before as well, it is replaced where the switch pays back within the horizon,
and otherwise no more of it is bought. Inside NISA a sold quota comes back only the next year, so a
switch must save at least ten basis points a year. Methodology 3.6 (1), (3) to (6).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from xlplugin.cost.funds import Decision, inclusive_percentile, rank_funds

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Candidate", "Terms", "Verdict", "decide", "traps"]

_WORST = 4
_NISA_MINIMUM = 0.0010
_TOLERANCE = 1e-12  # ten basis points as a difference of two floats


@dataclass(frozen=True)
class Candidate:
    """One fund as the decision sees it.

    Attributes
    ----------
    code, group : str
        Key of the fund; only funds of one group are compared.
    td : float or None
        Three-year TD after tax at this audit.
    held : bool
        A candidate that is not held is ranked, not judged.
    nisa : bool
        The holding stands in a NISA account: no tax on a switch, but a quota to lose.
    gain : float
        Unrealised gain as a fraction of the value; a loss costs no tax.
    exit_cost, entry_cost : float
        Spread and charges, paid when it is sold, and when it is bought instead of another.
    quartile_before : int or None
        Its quartile at the audit of the year before.
    deviation, deviation_before : float or None
        Of its yearly TD, now and a year ago.
    spread, spread_before : float or None
        Quoted spread, now and a year ago.
    ter : float or None
        Ongoing charge.
    distribution : float or None
        Paid out in a year, as a fraction of the level.
    accumulating : bool
        Whether the holder wants to accumulate.
    hedged, hedge_reason : bool
        Whether it is hedged, and whether a reason is stated.
    etf : bool
        Traded on an exchange.
    assets : float or None
        Net assets.
    """

    code: str
    group: str
    td: float | None
    held: bool = True
    nisa: bool = False
    gain: float = 0.0
    exit_cost: float = 0.0
    entry_cost: float = 0.0
    quartile_before: int | None = None
    deviation: float | None = None
    deviation_before: float | None = None
    spread: float | None = None
    spread_before: float | None = None
    ter: float | None = None
    distribution: float | None = None
    accumulating: bool = True
    hedged: bool = False
    hedge_reason: bool = True
    etf: bool = False
    assets: float | None = None


@dataclass(frozen=True)
class Terms:
    """What a switch costs, how long it may take to pay back, and where a trap begins."""

    tax_rate: float = 0.20315
    deferral: float = 0.0
    horizon: float = 5.0
    high_distribution: float = 0.03
    wide_spread: float = 0.0020
    small_fund: float = 3e9
    foreign_debt: bool = False


@dataclass(frozen=True)
class Verdict:
    """The decision on one fund with its figures; None where there is none.

    `saving` is the TD of the best peer less the own, per year; `one_off` is paid once; `reasons` and
    `traps` are reason codes, sorted. `peers` counts the whole group, the fund included.
    """

    code: str
    rank: int | None = None
    quartile: int | None = None
    peers: int = 0
    best: str = ""
    saving: float | None = None
    one_off: float | None = None
    breakeven_years: float | None = None
    decision: Decision | None = None
    reasons: tuple[str, ...] = field(default=())
    traps: tuple[str, ...] = field(default=())


def decide(candidates: Sequence[Candidate], terms: Terms) -> list[Verdict]:
    """One verdict per fund, in input order.

    Parameters
    ----------
    candidates : sequence of Candidate
        All funds of the audit; those without a TD are compared with nobody.
    terms : Terms
        Of a switch.

    Examples
    --------
    >>> funds = [Candidate("A", "x", -0.0042, gain=0.02, exit_cost=0.001, quartile_before=4)]
    >>> funds += [Candidate(c, "x", td) for c, td in (("B", -0.0019), ("C", -0.0024), ("D", -0.0031))]
    >>> first = decide(funds, Terms())[0]
    >>> first.decision.value, first.best, round(first.breakeven_years, 2)
    ('REPLACE', 'B', 2.2)
    """
    groups: dict[str, list[Candidate]] = {}
    for one in candidates:
        if one.td is not None:
            groups.setdefault(one.group, []).append(one)
    return [_verdict(one, groups.get(one.group, []), terms) for one in candidates]


def _verdict(own: Candidate, group: Sequence[Candidate], terms: Terms) -> Verdict:
    flags = traps(own, group, terms)
    if own.td is None:
        return Verdict(own.code, peers=len(group), reasons=("NO_TD",), traps=flags)
    place = next(k for k, other in enumerate(group) if other is own)
    ranked = rank_funds(np.array([_td(other) for other in group]))[place]
    best = max((other for other in group if other is not own), key=_td, default=None)
    saving = one_off = years = None
    if best is not None:
        saving = _td(best) - own.td
        tax = 0.0 if own.nisa else terms.tax_rate * max(0.0, own.gain) * (1.0 - terms.deferral)
        one_off = own.exit_cost + best.entry_cost + tax
        years = one_off / saving if saving > 0.0 else None
    decision: Decision | None = None
    if not own.held:
        reasons = ["CANDIDATE"]
    elif ranked.quartile is None:
        reasons = ["FEW_PEERS"]
    else:
        decision, reasons = _rule(own, ranked.quartile, saving or 0.0, years, terms)
    return Verdict(
        own.code,
        ranked.rank,
        ranked.quartile,
        len(group),
        best.code if best is not None else "",
        saving,
        one_off,
        years,
        decision,
        tuple(sorted(reasons)),
        flags,
    )


def _rule(
    own: Candidate, quartile: int, saving: float, years: float | None, terms: Terms
) -> tuple[Decision, list[str]]:
    if quartile < _WORST or years is None:
        return Decision.KEEP, ["IMPROVING"] if _improves(own, quartile) else []
    if own.quartile_before != _WORST:
        return Decision.WATCH, ["WORST_ONCE"]
    if own.nisa and saving < _NISA_MINIMUM - _TOLERANCE:
        return Decision.STOP_BUYING, ["NISA_QUOTA", "WORST_TWICE"]
    if years <= terms.horizon:
        return Decision.REPLACE, ["WORST_TWICE"]
    return Decision.STOP_BUYING, ["PAYBACK_LONG", "WORST_TWICE"]


def _improves(own: Candidate, quartile: int) -> bool:
    """In the better half, with a falling deviation and a spread that is no wider than a year ago."""
    if quartile > 2 or own.deviation is None or own.deviation_before is None:
        return False
    narrower = own.spread is None or own.spread_before is None or own.spread <= own.spread_before
    return own.deviation < own.deviation_before and narrower


def traps(own: Candidate, group: Sequence[Candidate], terms: Terms) -> tuple[str, ...]:
    """What a fund may have been chosen for although it is no merit: reason codes, sorted.

    LOW_FEE_POOR_RESULT: the lowest charge of its group, but a TD below the median. HIGH_DISTRIBUTION:
    much paid out although the goal is to accumulate. HEDGE_NO_REASON: hedged without a stated reason
    or while the household has foreign debts. DEPTH_UNSEEN: an exchange-traded fund without a spread
    of today, or with a wide one. SMALL_FUND: few net assets. Methodology 3.6 (5).
    """
    found = []
    charges = [other.ter for other in group if other.ter is not None]
    cheapest = own.ter is not None and len(charges) > 1 and own.ter <= min(charges)
    if own.td is not None and cheapest and own.td < inclusive_percentile([_td(o) for o in group], 0.5):
        found.append("LOW_FEE_POOR_RESULT")
    if own.accumulating and (own.distribution or 0.0) > terms.high_distribution:
        found.append("HIGH_DISTRIBUTION")
    if own.hedged and (terms.foreign_debt or not own.hedge_reason):
        found.append("HEDGE_NO_REASON")
    if own.etf and (own.spread is None or own.spread > terms.wide_spread):
        found.append("DEPTH_UNSEEN")
    if own.assets is not None and own.assets < terms.small_fund:
        found.append("SMALL_FUND")
    return tuple(sorted(found))


def _td(candidate: Candidate) -> float:
    return -np.inf if candidate.td is None else candidate.td
