"""Corporate actions: what an event does to price, shares, float and market value.

One function per event; the *method* says what the index holds constant:

=========  ==========================================================================
CAP        shares x float counts (S&P 500, MSCI, FTSE, TOPIX)
PAF        the price factor counts; splits move it, not the divisor (Nikkei 225)
DIVISOR    one share of each; every price step moves the divisor (DJIA)
EQUAL      weights are kept between rebalances: the weight factor (AWF) offsets
           changes of shares and float
=========  ==========================================================================

The divisor after the event is `adjusted_divisor(D, MV, MV + value_change)`.
Source: methodology 2.9.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from xlplugin.errors import DomainError, InputError, MissingError, WordError

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Mapping, Sequence

__all__ = [
    "EVENTS",
    "METHODS",
    "Event",
    "EventEffect",
    "EventLink",
    "Line",
    "event_chain",
    "event_effect",
    "theoretical_ex_rights_price",
]

METHODS = ("CAP", "PAF", "DIVISOR", "EQUAL")


class Line(NamedTuple):
    """One security in an index, at the close before an event.

    `shares` is what the method counts: shares (CAP), price factor x cap ratio (PAF), 1 (DIVISOR),
    shares x AWF (EQUAL). `free_float` is 1 in a price-weighted index; for a step of the cap ratio
    of the Nikkei 225 (a FLOAT event) the ratio takes its place and `shares` is the price factor.
    """

    price: float
    shares: float
    free_float: float

    @property
    def value(self) -> float:
        """Market value in the index."""
        return self.price * self.shares * self.free_float


@dataclass(frozen=True)
class EventEffect:
    """A line before and after an event, at the same closing prices."""

    before: Line
    after: Line
    value_before: float
    value_after: float

    @property
    def value_change(self) -> float:
        """What the event adds to the market value of the index."""
        return self.value_after - self.value_before

    @property
    def price_factor(self) -> float:
        """Theoretical price after the event over the price before."""
        return self.after.price / self.before.price if self.before.price else 1.0


def theoretical_ex_rights_price(
    cum_price: float, new_shares: float, old_shares: float, subscription: float, dividend: float = 0.0
) -> float:
    """The theoretical price of a share after rights (TERP, 権利落理論値).

    Parameters
    ----------
    cum_price : float
        Price with rights.
    new_shares, old_shares : float
        New shares offered per old shares.
    subscription : float
        Price paid per new share.
    dividend : float
        Dividend that the new shares do not receive; it is added to the subscription.

    Returns
    -------
    float
        (old·P + new·(sub + dividend))/(old + new); P itself when the rights are worth nothing.

    Raises
    ------
    DomainError
        If a number of shares is not above zero.

    References
    ----------
    methodology 2.9 (I13).

    Examples
    --------
    >>> theoretical_ex_rights_price(100.0, 1, 4, 60.0)
    92.0
    """
    if not (new_shares > 0.0 and old_shares > 0.0):
        raise DomainError("new_shares, old_shares: expected numbers above zero, such as 1 new for 4 old")
    paid = subscription + dividend
    if paid < 0.0 or not cum_price > 0.0:
        raise DomainError("cum_price, subscription: expected a price above zero and a payment not below zero")
    if paid >= cum_price:
        return cum_price
    return (old_shares * cum_price + new_shares * paid) / (old_shares + new_shares)


# -- one event -----------------------------------------------------------------------------------

_Terms = tuple[float, ...]


def _split(line: Line, terms: _Terms, method: str) -> Line:
    (ratio,) = terms
    if not ratio > 0.0:
        raise DomainError(f"terms: {ratio:g} new shares per old; expected a number above zero")
    shares = line.shares if method == "DIVISOR" else line.shares * ratio
    return Line(line.price / ratio, shares, line.free_float)


def _bonus(line: Line, terms: _Terms, method: str) -> Line:
    (free_shares,) = terms
    if not free_shares > 0.0:
        raise DomainError(f"terms: {free_shares:g} free shares per share; expected a number above zero")
    return _split(line, (1.0 + free_shares,), method)


def _rights(line: Line, terms: _Terms, method: str) -> Line:
    new, old, subscription = terms
    price = theoretical_ex_rights_price(line.price, new, old, subscription)
    if price == line.price:
        return line  # worth nothing: no shares until they are taken up
    if method == "CAP":
        return Line(price, line.shares * (1.0 + new / old), line.free_float)
    if method == "EQUAL":
        return Line(price, line.shares * line.price / price, line.free_float)
    return Line(price, line.shares, line.free_float)


def _ordinary_dividend(line: Line, terms: _Terms, method: str) -> Line:
    del method
    _amount(line, terms[0])
    return line  # the market takes it off; the total return index adds it back


def _special_dividend(line: Line, terms: _Terms, method: str) -> Line:
    del method
    return Line(line.price - _amount(line, terms[0]), line.shares, line.free_float)


def _amount(line: Line, amount: float) -> float:
    if not 0.0 <= amount < line.price:
        raise DomainError(
            f"terms: {amount:g} per share; expected zero or more, and less than the price {line.price:g}"
        )
    return amount


def _child_at_zero_price(line: Line, terms: _Terms, method: str) -> Line:
    del terms, method
    return line  # the child joins at zero price; the parent's fall is the market's


def _shares(line: Line, terms: _Terms, method: str) -> Line:
    (count,) = terms
    if count < 0.0:
        raise DomainError(f"terms: {count:g} shares; expected zero or more")
    return Line(line.price, count, line.free_float) if method == "CAP" else line


def _float(line: Line, terms: _Terms, method: str) -> Line:
    (factor,) = terms
    if not 0.0 <= factor <= 1.0:
        raise DomainError(f"terms: a float factor of {factor:g}; expected 0 to 1")
    if method == "DIVISOR":
        return line
    if method == "EQUAL":
        if factor == 0.0:
            raise DomainError("terms: a float of zero leaves nothing to weight; use DELETE")
        return Line(line.price, line.shares * line.free_float / factor, factor)
    return Line(line.price, line.shares, factor)


def _delete(line: Line, terms: _Terms, method: str) -> Line:
    del terms, method
    return Line(line.price, 0.0, line.free_float)


def _add(line: Line, terms: _Terms, method: str) -> Line:
    del terms, method
    return line


def _merger(line: Line, terms: _Terms, method: str) -> Line:
    (issued,) = terms
    if issued < 0.0:
        raise DomainError(f"terms: {issued:g} shares issued; expected zero or more")
    return Line(line.price, line.shares + issued, line.free_float) if method == "CAP" else line


class _Rule(NamedTuple):
    change: Callable[[Line, _Terms, str], Line]
    terms: str
    terms_needed: int


EVENTS: Mapping[str, _Rule] = {
    "SPLIT": _Rule(_split, "new shares per old", 1),
    "BONUS": _Rule(_bonus, "free shares per share", 1),
    "RIGHTS": _Rule(_rights, "new shares, old shares, subscription price", 3),
    "CASHDIV": _Rule(_ordinary_dividend, "amount per share", 1),
    "SPECIAL": _Rule(_special_dividend, "amount per share", 1),
    "CAPRETURN": _Rule(_special_dividend, "amount per share", 1),
    "SPINOFF0": _Rule(_child_at_zero_price, "0", 1),
    "SPINOFF": _Rule(_special_dividend, "value removed per share", 1),
    "SHARES": _Rule(_shares, "new number of shares", 1),
    "FLOAT": _Rule(_float, "new float factor", 1),
    "ADD": _Rule(_add, "0", 1),
    "DELETE": _Rule(_delete, "0", 1),
    "MERGER": _Rule(_merger, "shares issued", 1),
}
"""Every event, what its terms are and how many."""


def event_effect(event: str, line: Line, terms: Sequence[float], method: str = "CAP") -> EventEffect:
    """One row of the corporate-action table.

    Parameters
    ----------
    event : str
        A key of `EVENTS`.
    line : Line
        At the closing price before the effective date. For ADD: as it enters.
    terms : sequence of float
        Per event, see `EVENTS`.
    method : str
        One of `METHODS`.

    Returns
    -------
    EventEffect
        An ordinary dividend, a spin-off at zero price, a public offering in a price-weighted index
        and whatever the weight factor of an EQUAL index offsets change nothing.

    Raises
    ------
    WordError
        If event or method is not known.
    InputError
        If the number of terms is wrong.
    DomainError
        If the terms are impossible.

    References
    ----------
    methodology 2.9 (I07d, I08a, I12, I13c, I14a, I15a).

    Examples
    --------
    >>> effect = event_effect("SPLIT", Line(4500.0, 1.0, 1.0), [3.0], "PAF")
    >>> effect.after, effect.value_change
    (Line(price=1500.0, shares=3.0, free_float=1.0), 0.0)
    """
    if event not in EVENTS:
        raise WordError("event", got=event, choices=tuple(EVENTS))
    if method not in METHODS:
        raise WordError("method", got=method, choices=METHODS)
    rule = EVENTS[event]
    if len(terms) != rule.terms_needed:
        raise InputError(f"terms: {event} takes {rule.terms_needed} ({rule.terms}), got {len(terms)}")
    if not line.price >= 0.0 or not line.shares >= 0.0 or not 0.0 <= line.free_float <= 1.0:
        raise DomainError("price, shares, free_float: expected zero or more, and a float factor of 0 to 1")
    after = rule.change(line, tuple(float(t) for t in terms), method)
    value_before = 0.0 if event == "ADD" else line.value
    value_after = after.value
    if event in {"SPLIT", "BONUS"} and method != "DIVISOR":
        value_after = value_before  # exactly: a split has no economic effect
    if method == "EQUAL" and event in {"RIGHTS", "SHARES", "FLOAT", "MERGER"}:
        value_after = value_before
    return EventEffect(line, after, value_before, value_after)


# -- a chain of events ---------------------------------------------------------------------------


class Event(NamedTuple):
    """An event as it stands in a list: effective before the open of `ex_date`."""

    code: str
    event: str
    ex_date: dt.date
    terms: tuple[float, ...]


class EventLink(NamedTuple):
    """One event in a chain: index market value and divisor on both sides."""

    event: Event
    effect: EventEffect
    value_before: float
    value_after: float
    divisor_before: float
    divisor_after: float


def event_chain(
    events: Sequence[Event], lines: Mapping[str, Line], divisor: float, method: str = "CAP"
) -> tuple[list[EventLink], dict[str, Line]]:
    """Apply events in the order of their days; the level stays where it is at each of them.

    Parameters
    ----------
    events : sequence of Event
        Events of one day are applied together in the order of the list.
    lines : mapping of str to Line
        The index by code, at closing prices; for an ADD the line as it enters.
    divisor : float
        The divisor in force.
    method : str
        One of `METHODS`.

    Returns
    -------
    list of EventLink, dict of str to Line
        One link per event, each starting from the divisor where the one before ended, and the
        lines afterwards. Prices move only by the events.

    Raises
    ------
    MissingError
        If an event names a code that is not among the lines.
    DomainError
        If nothing is left in the index.

    References
    ----------
    methodology 2.9; workbook sheet m7.
    """
    added = {e.code for e in events if e.event == "ADD"}
    held = {code: line for code, line in lines.items() if code not in added}
    links: list[EventLink] = []
    for event in sorted(events, key=lambda e: e.ex_date):
        line = lines.get(event.code) if event.event == "ADD" else held.get(event.code)
        if line is None:
            raise MissingError(f"events: {event.code} ({event.event}) is not in the index; add its row")
        effect = event_effect(event.event, line, event.terms, method)
        before = math.fsum(x.value for x in held.values())
        if event.event == "DELETE":
            del held[event.code]
        else:
            held[event.code] = effect.after
        after = before + effect.value_change
        if not (before > 0.0 and after > 0.0):
            raise DomainError(f"events: after {event.event} of {event.code} the index would hold nothing")
        links.append(EventLink(event, effect, before, after, divisor, divisor * after / before))
        divisor = links[-1].divisor_after
    return links, held
