"""Equal weight per company; several share lines share their company's weight (methodology 2.4)."""

from dataclasses import dataclass

import numpy as np

from xlplugin.aliases import FloatArray
from xlplugin.errors import DomainError
from xlplugin.index.arrays import group_sums
from xlplugin.index.scheme import Columns, product
from xlplugin.index.words import Words

_FORMULA = Words(
    en="one over the number of companies; share lines of a company by float capitalisation",
    ja="1 ÷ 会社数。同じ会社の株式は浮動株時価総額で按分",
)


@dataclass(frozen=True)
class Equal:
    """1/N per company, split over its lines by P·S·F·C·X."""

    name: str = "EQUAL"
    formula: Words = _FORMULA
    needs: tuple[str, ...] = ("price",)
    may_read: tuple[str, ...] = ("shares", "free_float", "cap_factor", "fx", "company")

    def weights(self, columns: Columns) -> FloatArray:
        """See `Scheme.weights`."""
        value = product(columns, "price", "shares", "free_float", "cap_factor", "fx")
        count = len(value)
        if "company" not in columns:
            if not count:
                raise DomainError("price: no security was given; give at least one row")
            return np.full(count, 1.0 / count)
        _, company = np.unique(columns["company"], return_inverse=True)
        total = group_sums(company, value)
        if total.min() <= 0.0:
            row = int(np.flatnonzero(total[company] <= 0.0)[0]) + 1
            raise DomainError(f"market value: the company of row {row} is worth nothing; check its price")
        return value / total[company] / len(total)


SCHEME = Equal()
