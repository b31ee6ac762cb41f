"""Weights of one's own, brought to a sum of one."""

from dataclasses import dataclass

from xlplugin.aliases import FloatArray
from xlplugin.index.arrays import normalised
from xlplugin.index.scheme import Columns
from xlplugin.index.words import Words

_FORMULA = Words(
    en="the weights given",
    ja="指定した比率",
)


@dataclass(frozen=True)
class Custom:
    """w is the column `weight`, normalised."""

    name: str = "CUSTOM"
    formula: Words = _FORMULA
    needs: tuple[str, ...] = ("weight",)
    may_read: tuple[str, ...] = ()

    def weights(self, columns: Columns) -> FloatArray:
        """See `Scheme.weights`."""
        return normalised("weight", columns["weight"])


SCHEME = Custom()
