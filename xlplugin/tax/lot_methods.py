"""All lot methods side by side: what one sale would bring under each of them, at the client's rates."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from xlplugin.core.lots import ZERO, Bucket, LotPick
from xlplugin.tax.us_dispose import dispose

if TYPE_CHECKING:
    from fractions import Fraction

    from xlplugin.core.lots import Disposal, Position, Realization

__all__ = ["MethodResult", "compare_methods"]

STANDING_ORDERS = ("FIFO", "LIFO", "HIFO", "MINTAX")


class MethodResult(NamedTuple):
    """One method: the short and the long result, the tax on them, and the sale itself; dollars."""

    method: str
    short: Fraction
    long: Fraction
    tax: Fraction
    realization: Realization


def compare_methods(
    position: Position, disposal: Disposal, *, short_rate: Fraction, long_rate: Fraction
) -> list[MethodResult]:
    """The sale under every standing order a broker takes, lowest tax first.

    Parameters
    ----------
    position : Position
        Of `us.taxable`.
    disposal : Disposal
        The sale; its own pick is not looked at.
    short_rate, long_rate : Fraction
        Marginal rates of the client, with surtaxes. A loss counts at the same rate, as if gains of
        its kind were there to meet it; wash sales are not looked at (`UsTaxable.preview` does).

    Returns
    -------
    list of MethodResult
        Equal taxes in the order FIFO, LIFO, HIFO, MINTAX.

    Raises
    ------
    LedgerError
        If more is sold than is held.
    """
    results = []
    for method in STANDING_ORDERS:
        done = dispose(position, replace(disposal, pick=LotPick(method, (), short_rate, long_rate)))
        short = sum((part.gain for part in done.parts if part.bucket is Bucket.ST), ZERO)
        long = sum((part.gain for part in done.parts if part.bucket is Bucket.LT), ZERO)
        results.append(MethodResult(method, short, long, short * short_rate + long * long_rate, done))
    return sorted(results, key=lambda result: result.tax)
