"""All lot methods side by side: what one sale would bring under each of them, at the client's rates."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

from xlplugin.core.lots import ZERO, Bucket, LotPick
from xlplugin.tax.regimes.us_taxable import REGIME

if TYPE_CHECKING:
    from collections.abc import Sequence

    from xlplugin.core.lots import Disposal, LossAdjustment, Realization
    from xlplugin.core.trades import Fill
    from xlplugin.tax.regime import Book

__all__ = ["STANDING_ORDERS", "MethodResult", "compare_methods"]

STANDING_ORDERS = ("FIFO", "LIFO", "HIFO", "MINTAX")


class MethodResult(NamedTuple):
    """One method: the short and the long result that count, the tax on them, and the sale; dollars.

    `adjustments` are what the wash rule takes from its losses.
    """

    method: str
    short: Fraction
    long: Fraction
    tax: Fraction
    realization: Realization
    adjustments: tuple[LossAdjustment, ...]

    @property
    def disallowed(self) -> Fraction:
        """What the wash rule takes, positive; the result of the sale is ``short + long - disallowed``."""
        return sum((taken.disallowed for taken in self.adjustments), ZERO)


def compare_methods(
    book: Book, disposal: Disposal, *, short_rate: Fraction, long_rate: Fraction, planned: Sequence[Fill] = ()
) -> list[MethodResult]:
    """The sale under every standing order a broker takes, lowest tax first.

    Parameters
    ----------
    book : Book
        Of `us.taxable`, before the sale.
    disposal : Disposal
        The sale. If it names its lots, every method gives the same.
    short_rate, long_rate : Fraction
        Marginal rates of the client, with surtaxes. A loss counts at the same rate, as if gains of
        its kind were there to meet it, as far as the wash rule leaves it.
    planned : sequence of Fill
        Purchases close to the sale that the book does not hold.

    Returns
    -------
    list of MethodResult
        Equal taxes in the order of `STANDING_ORDERS`. MINTAX looks at the lots, not at the wash rule,
        so another method can be lower where shares were bought close to the sale.

    Raises
    ------
    LedgerError
        If more is sold than is held.
    """
    results = []
    for method in STANDING_ORDERS:
        pick = disposal.pick if disposal.pick.named else LotPick(method, (), short_rate, long_rate)
        seen = REGIME.preview(book, replace(disposal, pick=pick), planned)
        recognised: dict[Bucket, Fraction] = defaultdict(Fraction)
        for part in seen.planned.parts:
            recognised[part.bucket] += part.gain
        for taken in seen.adjustments:
            recognised[seen.planned.parts[taken.part].bucket] += taken.disallowed
        short, long = recognised[Bucket.ST], recognised[Bucket.LT]
        tax = short * short_rate + long * long_rate
        results.append(MethodResult(method, short, long, tax, seen.planned, seen.adjustments))
    return sorted(results, key=lambda result: result.tax)
