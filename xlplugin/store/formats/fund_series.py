"""Net asset values and distributions of a fund, as Japanese and US providers publish them.

Recognised by their headers, with titles above and notes below:

- Investment Trusts Association library: ``年月日, 基準価額(円), 純資産総額（百万円）, 分配金, 決算期``,
  cp932, days such as ``2026年09月02日``
- asset managers: ``基準日, 基準価額(円), 基準価額（分配金再投資）(円), 分配金（税引前）(円),
  純資産総額（億円）``, a title line with the fund's name above, numbers such as ``"26,446"``
- US sponsors: ``As Of, NAV per Share, Ex-Dividends, Shares Outstanding`` or ``Date, NAV, Shares
  Outstanding, Total Net Assets``, days such as ``Nov 20, 2026``, ``20-Nov-2026`` or ``11/20/2026``
- distributions alone: ``Date, Dividends``

Days ascend or descend, each once. A net asset value is above zero; an empty distribution is no
distribution; a reinvested series is never taken for the net asset value.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from xlplugin.errors import MissingError
from xlplugin.store.cells import Cell, Wanted, day, is_blank, is_day, non_negative, positive, us_day
from xlplugin.store.format import Format
from xlplugin.store.grids import Field, Grid, Matched, Shape, match

if TYPE_CHECKING:
    import datetime as dt

    from xlplugin.aliases import FloatArray

__all__ = ["FORMAT", "FundSeries", "FundSeriesFormat"]


@dataclass(frozen=True)
class FundSeries:
    """What a fund was worth and paid, by day.

    Attributes
    ----------
    name : str
        As the file gives it, or "".
    dates : tuple of date
        Ascending.
    nav : ndarray of shape (n_days,)
        Per 10,000 units (Japan) or per share (US), as published; NaN in a file of distributions.
    distribution : ndarray of shape (n_days,)
        Before tax, in the unit of `nav`; zero on days without one.
    net_assets : ndarray of shape (n_days,)
        In whole currency units; NaN where the file has none.
    """

    name: str
    dates: tuple[dt.date, ...]
    nav: FloatArray
    distribution: FloatArray
    net_assets: FloatArray

    def with_distributions(self, other: FundSeries) -> FundSeries:
        """The same series with the distributions of another file.

        Raises
        ------
        MissingError
            If a distribution falls on a day for which there is no net asset value.
        """
        place = {d: n for n, d in enumerate(self.dates)}
        paid = self.distribution.copy()
        for date, amount in zip(other.dates, other.distribution, strict=True):
            if amount and date not in place:
                raise MissingError(f"{self.name}: a distribution on {date}, but no net asset value that day")
            if amount:
                paid[place[date]] = amount
        return replace(self, distribution=paid)


def _shape(*, english: bool, nav: bool) -> Shape:
    dates = ("As Of", "As of Date") if english else ("年月日", "基準日", "日付")
    values = ("NAV per Share", "Net Asset Value", "Close") if english else ("基準価額",)
    paid = (
        ("Ex-Dividends", "Dividends", "Distributions", "Distribution per Share") if english else ("分配金",)
    )
    assets = ("Total Net Assets",) if english else ("純資産総額", "純資産")
    return Shape(
        "fund series",
        (
            Field("date", dates, us_day if english else day, required=True, needed=True),
            Field("nav", values, positive, required=nav, needed=nav),
            Field("distribution", paid, non_negative, required=not nav),
            Field("net_assets", assets, non_negative),
        ),
    )


_SHAPES = {
    english: tuple(_shape(english=english, nav=nav) for nav in (True, False)) for english in (True, False)
}
_SCALES = {"百万円": 1e6, "億円": 1e8, "千円": 1e3}


class FundSeriesFormat(Format[FundSeries]):
    """A fund's net asset values and distributions."""

    name = "fund_series"
    title = Wanted("a fund's net asset values or distributions", "投資信託の基準価額・分配金")

    def recognises(self, grid: Grid) -> bool:
        """Whether some header row has a date and a net asset value or a distribution."""
        return _known(grid) is not None

    def read(self, grid: Grid) -> FundSeries:
        """The series in ascending order of days."""
        found = _known(grid)
        if found is None:
            raise grid.fail(
                None,
                "",
                Wanted(
                    "a header row with a date and a net asset value (Date, NAV or 基準日, 基準価額)",
                    "日付と基準価額を含む見出し行",
                ),
                ", ".join(str(c) for c in (grid.rows[0] if grid.rows else []))[:60] or "an empty file",
            )
        top, shape = found
        table = match(grid, shape, header=top, stop=lambda row: _is_note(row, grid.rows[top]))
        if not len(table):
            raise grid.fail(None, "", Wanted("at least one day", "1日分以上"), "none")
        _refuse_data_below(grid, table, top)
        dates: list[dt.date] = table["date"]
        _refuse_disorder(table, dates)
        scale = next((s for unit, s in _SCALES.items() if unit in table.headers.get("net_assets", "")), 1.0)
        step = -1 if len(dates) > 1 and dates[1] < dates[0] else 1
        return FundSeries(
            _name(grid, top),
            tuple(dates[::step]),
            _numbers(table, "nav")[::step],
            np.nan_to_num(_numbers(table, "distribution"))[::step],
            (_numbers(table, "net_assets") * scale)[::step],
        )


def _known(grid: Grid) -> tuple[int, Shape] | None:
    for top, row in enumerate(grid.rows[:30]):
        # Month/day/year is read only where the headers are English.
        for shape in _SHAPES[all(str(c).isascii() for c in row if not is_blank(c))]:
            if shape.is_header(row):
                return top, shape
    return None


def _is_note(row: list[Cell], header: list[Cell]) -> bool:
    """Words in the first cell, nothing in the others; a date alone is a broken row, not a note."""
    if len(header) < 2 or not row or is_blank(row[0]) or any(not is_blank(c) for c in row[1:]):
        return False
    return not is_day(row[0])


def _refuse_data_below(grid: Grid, table: Matched, top: int) -> None:
    for i in range(table.index[-1] + 1, len(grid.rows)):
        row = grid.rows[i]
        if any(not is_blank(c) for c in row) and not _is_note(row, grid.rows[top]):
            wanted = Wanted("notes only, below the first note", "注記より下は注記のみ")
            raise grid.fail(i, "", wanted, ", ".join(str(c) for c in row))


def _refuse_disorder(table: Matched, dates: list[dt.date]) -> None:
    falling = len(dates) > 1 and dates[1] < dates[0]
    for n in range(1, len(dates)):
        if (dates[n] >= dates[n - 1]) if falling else (dates[n] <= dates[n - 1]):
            raise table.fail(
                n, "date", Wanted("days in order, each once", "日付順(同じ日は一度だけ)"), dates[n]
            )


def _numbers(table: Matched, key: str) -> FloatArray:
    return np.array([np.nan if v is None else float(v) for v in table[key]])


def _name(grid: Grid, top: int) -> str:
    for row in grid.rows[:top]:
        filled = [str(c).strip() for c in row if not is_blank(c)]
        if filled and filled[0].rstrip(":").casefold() in {"fund name", "ファンド名"} and len(filled) > 1:
            return filled[1]
        if len(filled) == 1:
            return filled[0]
    return ""


FORMAT = FundSeriesFormat()
