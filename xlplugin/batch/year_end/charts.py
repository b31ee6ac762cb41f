"""The two charts of the year-end workbook: results by month, and losses carried."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from xlplugin.batch.year_end.book import Page, YearEndBook
    from xlplugin.batch.year_end.shared import Facts

__all__ = ["columns_chart", "month_chart"]


def columns_chart(
    book: YearEndBook,
    page: Page,
    at: tuple[int, int],
    title: str,
    description: str,
    data: Sequence[Sequence[Any]],
    colors: Sequence[str],
    *,
    wide: bool = False,
) -> None:
    """Columns side by side.

    `data` is a header row with the names of the series, then one row a category; it goes to the hidden
    sheet, and its formulas are computed with the others.
    """
    sheet, first = book.hidden_block(data)
    last = first + len(data) - 1
    chart = book.book.add_chart({"type": "column"})
    for number, color in enumerate(colors, start=1):
        chart.add_series(
            {
                "name": [sheet, first, number],
                "categories": [sheet, first + 1, 0, last, 0],
                "values": [sheet, first + 1, number, last, number],
                "fill": {"color": book.color[color]},
                "border": {"none": True},
                "gap": 60,
                "overlap": 0,
            }
        )
    font = {"name": book.theme["font"][book.words.language], "size": 9, "color": book.color["ink"]}
    chart.set_title(
        {
            "name": book.seemly(title),
            "name_font": font | {"size": 10, "bold": True, "color": book.color["navy"]},
            "layout": {"x": 0.01, "y": 0.02},
            "overlay": False,
        }
    )
    chart.set_chartarea({"border": {"none": True}})
    chart.set_plotarea({"fill": {"none": True}, "border": {"none": True}})
    chart.set_x_axis(
        {"num_font": font, "label_position": "low", "line": {"color": book.color["sub"], "width": 0.75}}
    )
    chart.set_y_axis(
        {
            "num_font": font,
            "num_format": book.words.number("axis"),
            "major_gridlines": {"visible": True, "line": {"color": book.color["rule"], "width": 0.75}},
            "line": {"none": True},
            "label_position": "low",
        }
    )
    chart.set_legend({"position": "bottom", "font": font} if len(colors) > 1 else {"none": True})
    sizes = book.theme["chart"]
    chart.set_size({"width": sizes["full" if wide else "half"], "height": sizes["ten"]})
    row, column = at
    page.sheet.insert_chart(row, column, chart, {"object_position": 1, "description": description})


def month_chart(
    book: YearEndBook, facts: Facts, page: Page, row: int, day: str, gain: str, *, empty: bool
) -> None:
    """Gains and losses by month, added up from the list of sales; a sentence where there are none."""
    words = facts.words
    if empty:
        book.note(page, row + 1, f"{words('chart.months', unit=facts.unit)}: {words('none')}", right=5)
        return
    data: list[list[Any]] = [["", words("chart.gains"), words("chart.losses")]]
    for month in range(1, 13):
        start, end = f"DATE({facts.year},{month},1)", f"DATE({facts.year},{month + 1},1)"
        inside = f'{day},">="&{start},{day},"<"&{end}'
        cells = [f'=SUMIFS({gain},{inside},{gain},"{sign}0")' for sign in "><"]
        data.append([words.month(month), *cells])
    columns_chart(
        book,
        page,
        (row, 1),
        words("chart.months", unit=facts.unit),
        words("chart.alt_months"),
        data,
        ("blue", "loss"),
    )
