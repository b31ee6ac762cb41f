"""Loss sales slice by slice: what is allowed, what a purchase close to the sale took away.

Works for every regime: it plays the fills through the ledger and reads realizations and loss
adjustments; the rule itself lives in the regime.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from xlplugin.core.lots import ZERO, Bucket
from xlplugin.core.trades import FillKind
from xlplugin.tax.ledger import opening_book, replay
from xlplugin.tax.regime import REGIMES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from fractions import Fraction

    from xlplugin.core.accounts import Account
    from xlplugin.core.lots import LossAdjustment, Part, Realization
    from xlplugin.core.trades import Fill
    from xlplugin.tax.regime import TaxRegime

__all__ = ["LossSlice", "loss_slices"]


@dataclass(frozen=True, slots=True)
class LossSlice:
    """Shares of one loss sale that share one fate; losses positive, in the tax currency.

    `sale` counts the sales of the table in order of date and row.
    """

    sale: int
    realization: Realization
    part: Part
    account: Account
    quantity: Fraction
    loss: Fraction
    adjustment: LossAdjustment | None = None

    @property
    def disallowed(self) -> Fraction:
        """What does not count now."""
        return self.adjustment.disallowed if self.adjustment else ZERO

    @property
    def void(self) -> bool:
        """Whether the loss counts nowhere because of the account."""
        return self.part.bucket is Bucket.VOID


def loss_slices(
    fills: Sequence[Fill],
    accounts: Mapping[str, Account],
    *,
    identity_groups: Mapping[str, str] | None = None,
    regimes: Mapping[str, TaxRegime] | None = None,
) -> list[LossSlice]:
    """Every loss sale of a trade list in slices: one per replacement, one for the rest.

    Parameters
    ----------
    fills : sequence of Fill
        The whole history of the positions; planned ones count as if done.
    accounts : mapping of str to Account
        By id.
    regimes : mapping of str to TaxRegime, optional
        Regimes with other settings than those of the catalogue, by name.

    Raises
    ------
    LedgerError
        For a row that the ledger refuses.
    """
    done = [replace(fill, planned=False) for fill in fills]
    order = {
        fill.id: number
        for number, fill in enumerate(
            sorted((f for f in done if f.kind is FillKind.SELL), key=lambda f: (f.trade_date, f.seq)), start=1
        )
    }
    slices: list[LossSlice] = []
    for name in dict.fromkeys(account.regime for account in accounts.values()):
        regime = (regimes or {}).get(name) or REGIMES[name]
        mine = [fill for fill in done if accounts[fill.account_id].regime == name]
        ledger = replay(regime, mine, opening_book(accounts.values(), identity_groups))
        adjustments: dict[tuple[str, int], list[LossAdjustment]] = defaultdict(list)
        for adjustment in ledger.adjustments:
            adjustments[adjustment.disposal_id, adjustment.part].append(adjustment)
        for realization in ledger.realizations:
            number = order.get(realization.disposal.id)
            if number is None:
                continue  # a gain taken back, or a corporate action: no sale of the table
            for place, part in enumerate(realization.parts):
                if part.gain < 0:
                    found = adjustments.get((realization.disposal.id, place), [])
                    account = accounts[realization.disposal.account_id]
                    slices += _slices(number, realization, part, account, found)
    return sorted(slices, key=lambda s: s.sale)


def _slices(
    number: int, realization: Realization, part: Part, account: Account, found: Iterable[LossAdjustment]
) -> list[LossSlice]:
    slices = []
    left = part.quantity
    for adjustment in found:
        loss = -part.gain * adjustment.quantity / part.quantity
        slices.append(LossSlice(number, realization, part, account, adjustment.quantity, loss, adjustment))
        left -= adjustment.quantity
    if left:
        slices.append(LossSlice(number, realization, part, account, left, -part.gain * left / part.quantity))
    return slices
