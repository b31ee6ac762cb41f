"""Full capitalisation: price times shares (methodology 2.1)."""

from dataclasses import dataclass

from xlplugin.aliases import FloatArray
from xlplugin.index.arrays import normalised
from xlplugin.index.scheme import Columns, product
from xlplugin.index.words import Words

_FORMULA = Words(
    en="price x shares x currency rate",
    ja="株価 × 株式数 × 為替レート",
)


@dataclass(frozen=True)
class Cap:
    """w is proportional to P·S·X."""

    name: str = "CAP"
    formula: Words = _FORMULA
    needs: tuple[str, ...] = ("price",)
    may_read: tuple[str, ...] = ("shares", "fx")

    def weights(self, columns: Columns) -> FloatArray:
        """See `Scheme.weights`."""
        return normalised("market value", product(columns, "price", "shares", "fx"))


SCHEME = Cap()
