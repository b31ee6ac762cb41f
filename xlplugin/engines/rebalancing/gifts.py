"""Which lots to give away: those with the largest gain, so that nobody pays tax on it now.

A gift of shares to charity is deducted at market value if they are held long enough, and the gain is
never taxed; a gift to a person hands the cost on. What the law makes of a gift is the regime's
business; here lots are only picked. Losses are never given away: sold, they are worth something.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from xlplugin.errors import DomainError

if TYPE_CHECKING:
    from xlplugin.aliases import FloatArray
    from xlplugin.engines.rebalancing.problem import Lots

__all__ = ["GiftPick", "gift_picks"]


class GiftPick(NamedTuple):
    """A lot, or a part of one, to give away.

    Attributes
    ----------
    lot : int
        Place in `Lots`.
    weight, gain, tax : float
        Value, gain and tax that would be due on a sale, over net asset value.
    """

    lot: int
    weight: float
    gain: float
    tax: float


def gift_picks(
    lots: Lots, amount: float, *, long_term_only: bool = True, share_of_name: FloatArray | None = None
) -> list[GiftPick]:
    """Lots worth `amount` in all, the largest gain per unit of value first.

    Parameters
    ----------
    lots : Lots
    amount : float
        Over net asset value.
    long_term_only : bool
        Only lots held long: a gift to charity of others is deducted at cost.
    share_of_name : ndarray of shape (n_names,), optional
        Most value of each name to give away, so that the portfolio keeps its shape.

    Returns
    -------
    list of GiftPick
        Less than `amount` if there is not enough with a gain. Equal gains: more tax first, then the
        order of the lots.

    Raises
    ------
    DomainError
        If the amount is not above zero.

    Examples
    --------
    >>> from xlplugin.engines.rebalancing.problem import Lots
    >>> lots = Lots.of(np.array([0, 0, 1]), np.array([0.2, 0.3, 0.5]), np.array([0.6, -0.1, 0.4]),
    ...                np.full(3, 0.238), long_term=np.ones(3, bool))
    >>> [(pick.lot, round(pick.weight, 3)) for pick in gift_picks(lots, 0.3)]
    [(0, 0.2), (2, 0.1)]
    """
    if not amount > 0.0:
        raise DomainError(f"the amount to give is {amount:g}; it must be above zero")
    usable = lots.sellable & (lots.gain > 0.0)
    if long_term_only:
        usable &= lots.long_term
    order = np.lexsort((np.arange(len(lots)), -lots.tax, -lots.gain))
    left_of_name = {} if share_of_name is None else dict(enumerate(share_of_name.tolist()))
    picks = []
    for lot in order[usable[order]].tolist():
        name = int(lots.name[lot])
        part = min(float(lots.weight[lot]), amount, left_of_name.get(name, amount))
        if part <= 0.0:
            continue
        picks.append(GiftPick(lot, part, part * float(lots.gain[lot]), part * float(lots.tax[lot])))
        amount -= part
        if name in left_of_name:
            left_of_name[name] -= part
        if amount <= 1e-15:
            break
    return picks
