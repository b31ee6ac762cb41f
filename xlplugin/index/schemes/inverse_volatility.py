"""Low volatility: weights in inverse proportion to volatility (methodology 2.10)."""

from dataclasses import dataclass

from xlplugin.aliases import FloatArray
from xlplugin.errors import DomainError
from xlplugin.index.arrays import normalised
from xlplugin.index.scheme import Columns
from xlplugin.index.words import Words

_FORMULA = Words(
    en="one over volatility",
    ja="1 ÷ 変動率",
)


@dataclass(frozen=True)
class InverseVolatility:
    """w is proportional to one over the volatility per year."""

    name: str = "INVERSE_VOLATILITY"
    formula: Words = _FORMULA
    needs: tuple[str, ...] = ("volatility",)
    may_read: tuple[str, ...] = ()

    def weights(self, columns: Columns) -> FloatArray:
        """See `Scheme.weights`."""
        volatility = columns["volatility"]
        if volatility.size and volatility.min() <= 0.0:
            raise DomainError("volatility: expected numbers above zero; leave the name out instead")
        return normalised("1/volatility", 1.0 / volatility)


SCHEME = InverseVolatility()
