"""Index weights as the JPX publishes them for TOPIX (``topixweight_j.csv``).

cp932 with CRLF; ``日付, 銘柄名, コード, 業種, TOPIXに占める個別銘柄のウエイト, ニューインデックス区分``;
weights as text with a per cent sign and four decimals; notes follow the data with every column
but the first empty. Read with these rules: all rows have one date; a code stands once; the
weights add up to 100 % but for their rounding (half of 0.0001 % a name); names, sectors and
size classes are labels and kept as they stand. Anything below the notes ends in an error.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np

from xlplugin.store.cells import Cell, Wanted, day, is_blank, is_day, japanese_code, percent, text
from xlplugin.store.format import Format
from xlplugin.store.grids import Field, Grid, Shape, match

if TYPE_CHECKING:
    import datetime as dt

    from xlplugin.aliases import FloatArray

__all__ = ["FORMAT", "IndexWeights", "TopixWeights"]


@dataclass(frozen=True)
class IndexWeights:
    """The members of an index on one day.

    Attributes
    ----------
    as_of : date
        The day of the weights.
    codes, names, sectors, sizes : tuple of str
        One entry per member, in the order of the file.
    exact : tuple of Decimal
        The weights as fractions, exactly as published.
    """

    as_of: dt.date
    codes: tuple[str, ...]
    names: tuple[str, ...]
    sectors: tuple[str, ...]
    sizes: tuple[str, ...]
    exact: tuple[Decimal, ...]

    @property
    def weights(self) -> FloatArray:
        """The weights as fractions, shape (n_members,)."""
        return np.array([float(w) for w in self.exact])


_SHAPE = Shape(
    "TOPIX weights",
    (
        Field("date", ("日付",), day, required=True, needed=True),
        Field("name", ("銘柄名",), text, required=True, needed=True),
        Field("code", ("コード",), japanese_code, required=True, needed=True),
        Field("sector", ("業種",), text, required=True, needed=True),
        Field("weight", ("TOPIXに占める個別銘柄のウエイト",), percent, required=True, needed=True),
        Field("size", ("ニューインデックス区分",), text, required=True),
    ),
)
_HALF_STEP = Decimal("0.0000005")


def _is_note(row: list[Cell]) -> bool:
    """Words in the first cell, nothing in the others; a date alone is a broken row, not a note."""
    if len(row) < 2 or any(not is_blank(c) for c in row[1:]):
        return False
    return not is_day(row[0])


class TopixWeights(Format[IndexWeights]):
    """The JPX file of TOPIX weights."""

    name = "topix_weights"
    title = Wanted("JPX TOPIX weights", "JPXのTOPIX構成銘柄別ウエイト")
    encodings = ("cp932", "utf-8")

    def recognises(self, grid: Grid) -> bool:
        """Whether the header is the one of the JPX."""
        return grid.header_index(_SHAPE.is_header, within=3) is not None

    def read(self, grid: Grid) -> IndexWeights:
        """The members and their weights."""
        table = match(grid, _SHAPE, stop=_is_note)
        if not len(table):
            raise grid.fail(None, "", Wanted("at least one member", "1銘柄以上"), "none")
        for i in range(table.index[-1] + 1, len(grid.rows)):
            if not _is_note(grid.rows[i]) and any(not is_blank(c) for c in grid.rows[i]):
                raise grid.fail(
                    i,
                    "",
                    Wanted("notes only, below the first note", "注記より下は注記のみ"),
                    ",".join(str(c) for c in grid.rows[i]),
                )
        table.refuse_second_date()
        table.refuse_repeated("code")
        total = sum(table["weight"], Decimal(0))
        if abs(total - 1) > _HALF_STEP * len(table):
            raise grid.fail(
                None,
                table.headers["weight"],
                Wanted("weights that add up to 100%", "合計が100%になるウエイト"),
                f"{total:.4%}",
            )
        return IndexWeights(
            table["date"][0],
            tuple(table["code"]),
            tuple(table["name"]),
            tuple(table["sector"]),
            tuple(size or "" for size in table["size"]),
            tuple(table["weight"]),
        )


FORMAT = TopixWeights()
