"""Native charts: left-aligned title with its unit, hairline grid, fixed colours, text for readers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workbooks.builder.book import place
from workbooks.builder.references import sheet_ref

if TYPE_CHECKING:
    from workbooks.builder.book import Book, Sheet

__all__ = ["write_chart"]

_KINDS: dict[str, dict[str, str]] = {
    "column": {"type": "column"},
    "stacked": {"type": "column", "subtype": "stacked"},
    "bar": {"type": "bar"},
    "bar_stacked": {"type": "bar", "subtype": "stacked"},
    "line": {"type": "line"},
    "scatter": {"type": "scatter", "subtype": "straight_with_markers"},
    "dots": {"type": "scatter", "subtype": "marker_only"},
}


def write_chart(book: Book, sheet: Sheet, entry: dict[str, Any]) -> None:
    """One chart at its place; `then` holds a second kind of series over the same axes."""
    chart = book.workbook.add_chart(_KINDS[entry["type"]])
    for series in entry["series"]:
        chart.add_series(_series(book, entry["type"], series))
    if second := entry.get("then"):
        other = book.workbook.add_chart(_KINDS[second["type"]])
        for series in second["series"]:
            other.add_series(_series(book, second["type"], series))
        chart.combine(other)
    _look(book, chart, entry)
    at, sizes = place(entry["at"]), book.formats.theme["chart"]
    width, height = sizes[entry.get("width", "half")], sizes[entry.get("height", "twelve")]
    chart.set_size({"width": width, "height": height})
    sheet.worksheet.insert_chart(
        at.row,
        at.column,
        chart,
        {"object_position": 1, "description": book.words(f"alt.{entry['key']}")},
    )


def _range(book: Book, text: str) -> str:
    """`{block.column}`, or a part of it `{block.column@1}:{block.column@6}`, as a chart holds it."""
    return "=" + book.resolver(text)


def _series(book: Book, kind: str, series: dict[str, Any]) -> dict[str, Any]:
    color = book.formats.color.get(series["color"])
    out: dict[str, Any] = {"values": _range(book, series["values"])}
    if "categories" in series:
        out["categories"] = _range(book, series["categories"])
    if name := series.get("name"):
        out["name"] = "=" + book.resolver(name if name.startswith("{") else f"{{T:{name}}}")
    line: dict[str, Any] = {"color": color, "width": series.get("weight", 2.25)}
    if series.get("dash"):
        line["dash_type"] = "dash"
    marker = {
        "type": series.get("marker", "circle"),
        "size": series.get("marker_size", 6),
        "fill": {"color": color},
        "border": {"color": color},
    }
    if kind in ("column", "stacked", "bar", "bar_stacked"):
        fill = {"color": color} if color else {"none": True}
        out |= {"fill": fill, "border": {"none": True}, "gap": series.get("gap", 60)}
        if "overlap" in series:
            out["overlap"] = series["overlap"]
    elif kind == "dots" or series.get("points_only"):
        out |= {"line": {"none": True}, "marker": marker}
    else:
        out |= {"line": line, "marker": {"type": "none"} if series.get("dash") else marker}
    if letters := series.get("letters"):
        labels = [{"value": letter} if letter else {"delete": True} for letter in letters]
        out["data_labels"] = {
            "custom": labels,
            "value": True,
            "position": series.get("letters_at", "above"),
            "font": {"size": 9, "bold": True},
        }
    elif series.get("labels"):
        out["data_labels"] = {
            "value": True,
            "num_format": book.words.number(series["labels"]),
            "font": {"size": 8},
        }
        if kind in ("stacked", "bar_stacked"):
            out["data_labels"]["position"] = "center"
    return out


def _look(book: Book, chart: Any, entry: dict[str, Any]) -> None:
    formats = book.formats
    ink, sub, rule = formats.color["ink"], formats.color["sub"], formats.color["rule"]
    font = {"name": formats.font, "size": 9, "color": ink}
    title = book.resolver.blocks["chart_titles"]
    chart.set_title(
        {
            "name": f"={sheet_ref(title.sheet)}!" + title.cell(entry["key"], 1).partition("!")[2],
            "name_font": {"name": formats.font, "size": 10, "bold": True, "color": formats.color["navy"]},
            "layout": {"x": 0.01, "y": 0.02},
            "overlay": False,
        }
    )
    chart.set_chartarea({"border": {"none": True}, "fill": {"color": formats.color["white"]}})
    chart.set_plotarea({"fill": {"none": True}, "border": {"none": True}} | _plot(entry))
    horizontal = entry["type"] in ("bar", "bar_stacked")
    scatter = entry["type"] in ("scatter", "dots")
    values: dict[str, Any] = {
        "num_format": _axis(book, entry.get("value_format", "axis")),
        "num_font": font,
        "major_gridlines": {"visible": True, "line": {"color": rule, "width": 0.75}},
        "line": {"none": True},
        "label_position": "low",
    }
    for key in ("min", "max"):
        if f"value_{key}" in entry:
            values[key] = entry[f"value_{key}"]
    names: dict[str, Any] = {
        "num_font": font,
        "line": {"color": sub, "width": 0.75},
        "major_gridlines": {"visible": False},
        "label_position": "low",
    }
    if scatter:
        names["num_format"] = _axis(book, entry.get("x_format", "axis"))
    elif entry.get("category_format"):
        names["num_format"] = book.words.number(entry["category_format"])
        names["text_axis"] = True
    if not horizontal:  # never turned, as turned Japanese overlaps itself
        names["num_font"] = font | {"rotation": 0, "size": entry.get("label_size", 9)}
    if scatter and entry.get("log"):
        names |= {"log_base": 10, "crossing": entry["log"], "min": entry["log"]}
    if horizontal:  # the library calls the value axis of a bar chart x; the first category stands on top
        names |= {"reverse": True, "interval_unit": 1, "num_font": font | {"size": 8}}
        values["label_position"] = "high"
        chart.set_x_axis(values)
        chart.set_y_axis(names)
    else:
        chart.set_x_axis(names)
        chart.set_y_axis(values)
    if entry.get("legend", True):
        unnamed = [place for place, series in enumerate(entry["series"]) if series.get("unnamed")]
        chart.set_legend(
            {"position": "bottom", "font": font} | ({"delete_series": unnamed} if unnamed else {})
        )
    else:
        chart.set_legend({"none": True})
    # A line says what a missing point is, for a file that does not say it means zero in LibreOffice.
    chart.show_blanks_as("span" if entry["type"] in ("line", "scatter", "dots") else "gap")
    chart.show_na_as_empty_cell()


def _axis(book: Book, code: str) -> str:
    """The number format of an axis: zero is a figure there, not the dash of a table."""
    parts = book.words.number(code).split(";")
    return ";".join([*parts[:2], parts[0]]) if len(parts) == 3 and '"–"' in parts[2] else ";".join(parts)


def _plot(entry: dict[str, Any]) -> dict[str, Any]:
    left = entry.get("left")
    if left is None:
        return {}
    # A low chart keeps room for its legend below the labels of the axis.
    low = entry.get("height") == "nine" and entry.get("legend", True)
    height = entry.get("tall", 0.56 if low else 0.62)
    return {"layout": {"x": left, "y": 0.16, "width": 0.96 - left, "height": height}}
