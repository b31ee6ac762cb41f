"""Factor weighting: float capitalisation times the multiplier of a z-score (methodology 2.10, MSCI form)."""

from dataclasses import dataclass

from xlplugin.aliases import FloatArray
from xlplugin.index.arrays import normalised
from xlplugin.index.scheme import Columns, product
from xlplugin.index.scores import multiplier
from xlplugin.index.words import Words

_FORMULA = Words(
    en="multiplier of the z-score x float capitalisation",
    ja="標準化得点の倍率 × 浮動株時価総額",
)


@dataclass(frozen=True)
class Factor:
    """w is proportional to m(z)·P·S·F·C·X, with m(z) = 1 + z above zero, else 1/(1 − z)."""

    name: str = "FACTOR"
    formula: Words = _FORMULA
    needs: tuple[str, ...] = ("price", "score")
    may_read: tuple[str, ...] = ("shares", "free_float", "cap_factor", "fx")

    def weights(self, columns: Columns) -> FloatArray:
        """See `Scheme.weights`."""
        parent = product(columns, "price", *self.may_read)
        return normalised("multiplier x market value", multiplier(columns["score"]) * parent)


SCHEME = Factor()
