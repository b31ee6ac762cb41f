"""Rules of brokers on orders of one day: 差金決済 in cash accounts of the Tokyo market.

With the same cash a broker takes sell then buy of one issue once a day; it refuses buy, sell, buy and sell,
buy, sell (tax specification 3.6; 楽天, 岩井コスモ, SMBC日興). Whether other cash is there is not known
here, so a refusal is what must be expected without it. A margin account is not bound.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from xlplugin.core.trades import FillKind

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Mapping

    from xlplugin.core.trades import Fill

__all__ = ["CASH_RULE", "cash_rule_forbids", "sides_of_the_day"]

CASH_RULE = "CASH_RULE"
BUY, SELL = "B", "S"


def sides_of_the_day(fills: Iterable[Fill], day: dt.date) -> Mapping[tuple[str, str], str]:
    """What was bought (B) and sold (S) on `day`, in order of time, by account and security.

    Planned fills are left out: whether they come before or after the sale that is judged is open.
    """
    found: dict[tuple[str, str], str] = {}
    done = (fill for fill in fills if fill.trade_date == day and not fill.planned)
    for fill in sorted(done, key=lambda f: (f.seq, f.id)):
        if fill.kind is FillKind.SELL or fill.kind.enters:
            place = (fill.account_id, fill.instrument_id)
            found[place] = found.get(place, "") + (SELL if fill.kind is FillKind.SELL else BUY)
    return found


def cash_rule_forbids(sides: str, *, rebuys: bool) -> bool:
    """Whether a sale after `sides`, and a rebuy after it, changes direction too often for one day.

    Examples
    --------
    >>> [cash_rule_forbids(done, rebuys=False) for done in ("", "B", "SS", "SB")]
    [False, False, False, True]
    >>> cash_rule_forbids("", rebuys=True), cash_rule_forbids("B", rebuys=True)
    (False, True)
    """
    turns = [side for side, _ in groupby(sides + SELL + (BUY if rebuys else ""))]
    return len(turns) > 2
