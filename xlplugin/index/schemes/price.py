"""Price weighting: the DJIA, and the Nikkei 225 with price factor and cap ratio (methodology 2.2, 2.3)."""

from dataclasses import dataclass

from xlplugin.aliases import FloatArray
from xlplugin.index.arrays import normalised
from xlplugin.index.scheme import Columns, product
from xlplugin.index.words import Words

_FORMULA = Words(
    en="price x price adjustment factor x cap ratio",
    ja="株価 × 株価換算係数 × キャップ調整比率",
)


@dataclass(frozen=True)
class Price:
    """w is proportional to P·PAF·C; the price factor (PAF) stands in the column `shares`."""

    name: str = "PRICE"
    formula: Words = _FORMULA
    needs: tuple[str, ...] = ("price",)
    may_read: tuple[str, ...] = ("shares", "cap_factor")

    def weights(self, columns: Columns) -> FloatArray:
        """See `Scheme.weights`."""
        return normalised("adopted price", product(columns, "price", "shares", "cap_factor"))


SCHEME = Price()
