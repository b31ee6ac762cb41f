"""Float-adjusted capitalisation, with capping factors (methodology 2.1: S&P, MSCI, FTSE, TOPIX)."""

from dataclasses import dataclass

from xlplugin.aliases import FloatArray
from xlplugin.index.arrays import normalised
from xlplugin.index.scheme import Columns, product
from xlplugin.index.words import Words

_FORMULA = Words(
    en="price x shares x float factor x capping factor x currency rate",
    ja="株価 × 株式数 × 浮動株比率 × 上限係数 × 為替レート",
)


@dataclass(frozen=True)
class FloatCap:
    """w is proportional to P·S·F·C·X."""

    name: str = "FLOAT"
    formula: Words = _FORMULA
    needs: tuple[str, ...] = ("price",)
    may_read: tuple[str, ...] = ("shares", "free_float", "cap_factor", "fx")

    def weights(self, columns: Columns) -> FloatArray:
        """See `Scheme.weights`."""
        return normalised("market value", product(columns, *self.needs, *self.may_read))


SCHEME = FloatCap()
