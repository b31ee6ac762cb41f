"""Constituents of a US index with their GICS sectors.

``Symbol, Security, GICS Sector, GICS Sub-Industry, ...`` (further columns are not read). Share
classes are written with a dot or a dash and read with a dot: BRK-B is BRK.B. A symbol stands
once. The sector is one of the eleven of GICS; sub-industries are labels and kept as they stand.
"""

from __future__ import annotations

from dataclasses import dataclass

from xlplugin.store.cells import Cell, UnreadableError, Wanted, text, ticker
from xlplugin.store.format import Format
from xlplugin.store.grids import Field, Grid, Shape, match

__all__ = ["FORMAT", "GICS_SECTORS", "Sectors", "SectorsFormat"]

GICS_SECTORS = (
    "Communication Services",
    "Consumer Discretionary",
    "Consumer Staples",
    "Energy",
    "Financials",
    "Health Care",
    "Industrials",
    "Information Technology",
    "Materials",
    "Real Estate",
    "Utilities",
)


@dataclass(frozen=True)
class Sectors:
    """Securities with sector and sub-industry, in the order of the file."""

    codes: tuple[str, ...]
    names: tuple[str, ...]
    sectors: tuple[str, ...]
    sub_industries: tuple[str, ...]


def _gics(cell: Cell) -> str:
    sector = text(cell)
    if sector not in GICS_SECTORS:
        raise UnreadableError(Wanted("one of the eleven GICS sectors", "GICSの11セクターのいずれか"))
    return sector


_SHAPE = Shape(
    "GICS sectors",
    (
        Field("code", ("Symbol", "Ticker"), ticker, required=True, needed=True),
        Field("name", ("Security", "Company", "Name"), text, required=True, needed=True),
        Field("sector", ("GICS Sector", "Sector"), _gics, required=True, needed=True),
        Field("sub_industry", ("GICS Sub-Industry",), text, required=True),
    ),
)


class SectorsFormat(Format[Sectors]):
    """Constituents with GICS sectors."""

    name = "sectors"
    title = Wanted("constituents with GICS sectors", "GICSセクター付き構成銘柄")
    encodings = ("utf-8", "cp1252")

    def recognises(self, grid: Grid) -> bool:
        """Whether the header has a symbol and GICS columns."""
        return grid.header_index(_SHAPE.is_header, within=3) is not None

    def read(self, grid: Grid) -> Sectors:
        """The securities in the order of the file."""
        table = match(grid, _SHAPE)
        if not len(table):
            raise grid.fail(None, "", Wanted("at least one security", "1銘柄以上"), "none")
        table.refuse_repeated("code")
        return Sectors(
            tuple(table["code"]),
            tuple(table["name"]),
            tuple(table["sector"]),
            tuple(value or "" for value in table["sub_industry"]),
        )


FORMAT = SectorsFormat()
