"""Listed issues of the Tokyo exchange: from the J-Quants interface, or the JPX's own list.

J-Quants, first interface: ``Date, Code, CompanyName, CompanyNameEnglish, Sector17Code,
Sector17CodeName, Sector33Code, Sector33CodeName, ScaleCategory, MarketCode, MarketCodeName``;
second interface: ``CoName, CoNameEn, S17, S17Nm, S33, S33Nm, ScaleCat, Mkt, MktNm``. Codes have
five characters; the final 0 is dropped, another last character is a separate class of shares
and stays. The JPX list (``data_j.xls``) has Japanese headers and codes of four characters.
One date; a code stands once; names and classifications are labels and kept as they stand.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from xlplugin.store.cells import Wanted, day, japanese_code, text
from xlplugin.store.format import Format
from xlplugin.store.grids import Field, Grid, Shape, match

if TYPE_CHECKING:
    import datetime as dt

__all__ = ["FORMAT", "ListedIssues", "ListedIssuesFormat"]


@dataclass(frozen=True)
class ListedIssues:
    """The listed issues of one day; every tuple has one entry per issue, "" where unknown."""

    as_of: dt.date
    codes: tuple[str, ...]
    names: tuple[str, ...]
    names_en: tuple[str, ...]
    sector_codes: tuple[str, ...]
    sectors: tuple[str, ...]
    sizes: tuple[str, ...]
    markets: tuple[str, ...]


_SHAPE = Shape(
    "listed issues",
    (
        Field("date", ("日付",), day, required=True, needed=True),
        Field("code", ("コード",), japanese_code, required=True, needed=True),
        Field("name", ("CompanyName", "CoName", "銘柄名"), text, required=True, needed=True),
        Field("name_en", ("CompanyNameEnglish", "CoNameEn"), text),
        Field("sector_code", ("Sector33Code", "S33", "33業種コード"), text),
        Field("sector", ("Sector33CodeName", "S33Nm", "33業種区分"), text, required=True),
        Field("size", ("ScaleCategory", "ScaleCat", "規模区分"), text),
        Field("market", ("MarketCodeName", "MktNm", "市場・商品区分"), text, required=True, needed=True),
    ),
)


class ListedIssuesFormat(Format[ListedIssues]):
    """Listed issues with their sectors and markets."""

    name = "listed_issues"
    title = Wanted("J-Quants or JPX listed issues", "J-Quants・JPXの上場銘柄一覧")

    def recognises(self, grid: Grid) -> bool:
        """Whether the header has a company name, a 33-sector name and a market."""
        return grid.header_index(_SHAPE.is_header, within=3) is not None

    def read(self, grid: Grid) -> ListedIssues:
        """The issues in the order of the file."""
        table = match(grid, _SHAPE)
        if not len(table):
            raise grid.fail(None, "", Wanted("at least one issue", "1銘柄以上"), "none")
        table.refuse_second_date()
        table.refuse_repeated("code")

        def labels(key: str) -> tuple[str, ...]:
            return tuple(value or "" for value in table[key])

        return ListedIssues(
            table["date"][0],
            tuple(table["code"]),
            tuple(table["name"]),
            labels("name_en"),
            labels("sector_code"),
            labels("sector"),
            labels("size"),
            tuple(table["market"]),
        )


FORMAT = ListedIssuesFormat()
