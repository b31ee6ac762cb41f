"""Fundamental weighting (財務指標加重): the mean share of company size measures (methodology 2.10)."""

from dataclasses import dataclass

import numpy as np

from xlplugin.aliases import FloatArray
from xlplugin.index.arrays import normalised
from xlplugin.index.scheme import Columns
from xlplugin.index.words import Words

_FORMULA = Words(
    en="mean of the shares of sales, cash flow, book value and dividends",
    ja="売上高・キャッシュフロー・純資産・配当それぞれの構成比の平均",
)


@dataclass(frozen=True)
class Fundamental:
    """The mean of each security's share of sales, cash flow, book value and dividends.

    A loss or negative book value counts as zero, as a share of a total cannot be negative.
    """

    name: str = "FUNDAMENTAL"
    formula: Words = _FORMULA
    needs: tuple[str, ...] = ("sales",)
    may_read: tuple[str, ...] = ("cash_flow", "book_value", "dividends")

    def weights(self, columns: Columns) -> FloatArray:
        """See `Scheme.weights`."""
        shares = [normalised(name, np.maximum(columns[name], 0.0)) for name in columns]
        return normalised("mean share", np.sum(shares, axis=0) / len(shares))


SCHEME = Fundamental()
