"""Price adjustment factors of the Nikkei 225 as Nikkei publishes them.

UTF-8 or cp932, CRLF, quoted: ``対象日付, コード, 銘柄名, 株価換算係数, 業種, セクター``. The factor is
the capped one where a cap applies. The last line is a copyright notice in a single field.
One date; a code stands once; every factor is above zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from xlplugin.store.cells import Wanted, day, is_blank, japanese_code, positive, text
from xlplugin.store.format import Format
from xlplugin.store.grids import Field, Grid, Shape, match

if TYPE_CHECKING:
    import datetime as dt
    from decimal import Decimal

    from xlplugin.aliases import FloatArray

__all__ = ["FORMAT", "PriceFactors", "PriceFactorsFormat"]


@dataclass(frozen=True)
class PriceFactors:
    """The members of a price-weighted index and their price adjustment factors on one day."""

    as_of: dt.date
    codes: tuple[str, ...]
    names: tuple[str, ...]
    exact: tuple[Decimal, ...]
    industries: tuple[str, ...]
    sectors: tuple[str, ...]

    @property
    def factors(self) -> FloatArray:
        """The factors, shape (n_members,)."""
        return np.array([float(f) for f in self.exact])


_SHAPE = Shape(
    "price adjustment factors",
    (
        Field("date", ("対象日付",), day, required=True, needed=True),
        Field("code", ("コード",), japanese_code, required=True, needed=True),
        Field("name", ("銘柄名",), text, required=True, needed=True),
        Field("factor", ("株価換算係数",), positive, required=True, needed=True),
        Field("industry", ("業種",), text, required=True, needed=True),
        Field("sector", ("セクター",), text, required=True, needed=True),
    ),
)


class PriceFactorsFormat(Format[PriceFactors]):
    """The Nikkei file of price adjustment factors."""

    name = "price_factors"
    title = Wanted("Nikkei price adjustment factors", "日経平均の株価換算係数")

    def recognises(self, grid: Grid) -> bool:
        """Whether the header is the one of Nikkei."""
        return grid.header_index(_SHAPE.is_header, within=3) is not None

    def read(self, grid: Grid) -> PriceFactors:
        """The members in the order of the file."""
        last = max((i for i, row in enumerate(grid.rows) if any(not is_blank(c) for c in row)), default=0)
        notice = len(grid.rows[last]) == 1 if grid.rows else False
        body = Grid(grid.where, grid.rows[:last] if notice else grid.rows, grid.numbers, grid.word)
        table = match(body, _SHAPE)
        if not len(table):
            raise grid.fail(None, "", Wanted("at least one member", "1銘柄以上"), "none")
        table.refuse_second_date()
        table.refuse_repeated("code")
        return PriceFactors(
            table["date"][0],
            tuple(table["code"]),
            tuple(table["name"]),
            tuple(table["factor"]),
            tuple(table["industry"]),
            tuple(table["sector"]),
        )


FORMAT = PriceFactorsFormat()
