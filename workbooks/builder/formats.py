"""Cell formats of one book, made from the tokens of the theme and shared where they are equal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workbooks.builder.words import layout

if TYPE_CHECKING:
    from workbooks.builder.words import Words

__all__ = ["Formats"]

_TEXT_CODES = frozenset({"t", "g"})


class Formats:
    """Formats by role and number format code.

    Roles: body, strong, header, total, input, link, heading, title, subtitle, note, kpi_label,
    kpi_value, kpi_note, notice, line, sentence, title_plain, cover, hidden. The code "right" is a
    text at the right edge.
    """

    def __init__(self, workbook: Any, words: Words, theme: dict[str, Any] | None = None) -> None:
        self.workbook, self.words = workbook, words
        self.theme = theme or layout("theme")
        self.color: dict[str, str] = self.theme["color"]
        self.size: dict[str, float] = self.theme["size"]
        self.font = self.theme["font"]["ja" if words.language == "ja" else "en"]
        self._made: dict[tuple[tuple[str, Any], ...], Any] = {}

    def make(self, **properties: Any) -> Any:
        """A format with these XlsxWriter properties; the same one for the same properties."""
        given = {"font_name": self.font, "font_color": self.color["ink"], "valign": "vcenter"} | properties
        key = tuple(sorted(given.items()))
        if key not in self._made:
            self._made[key] = self.workbook.add_format(given)
        return self._made[key]

    def cell(self, role: str, code: str = "g", *, small: bool = False, **more: Any) -> Any:
        """The format of a cell with a role and a number format code."""
        color, size = self.color, self.size
        given: dict[str, Any] = {"font_size": size["list" if small else "body"]}
        if code == "right":
            given |= {"align": "right"}
        elif code not in _TEXT_CODES:
            given |= {"num_format": self.words.number(code), "align": "right"}
        elif code == "t":
            given |= {"num_format": "@", "align": "left"}
        hairline = {"bottom": 1, "bottom_color": color["rule"]}
        match role:
            case "body":
                given |= hairline
            case "first":
                given |= hairline | {"left": 2, "left_color": color["blue"]}
            case "strong":
                given |= hairline | {"bold": True}
            case "link":
                given |= hairline | {"font_color": color["link_font"]}
            case "header":
                given |= {
                    "font_size": size["list"],
                    "bold": True,
                    "font_color": color["navy"],
                    "text_wrap": True,
                    "bottom": 2,
                    "bottom_color": color["navy"],
                    "num_format": "General",
                    "align": "left" if code in _TEXT_CODES else "right",
                }
            case "total":
                given |= {"bold": True, "top": 1, "top_color": color["ink"]}
            case "input":
                given |= {
                    "bg_color": color["input_fill"],
                    "font_color": color["input_font"],
                    "border": 1,
                    "border_color": color["rule"],
                    "locked": False,
                }
            case "heading":
                given |= {"font_size": size["heading"], "bold": True, "font_color": color["navy"]}
            case "title":
                given |= {
                    "font_size": size["title"],
                    "bold": True,
                    "font_color": color["white"],
                    "bg_color": color["navy"],
                    "indent": 1,
                }
            case "subtitle":
                given |= {"font_size": size["list"], "font_color": color["sub"]}
            case "note":
                given |= {"font_size": size["note"], "font_color": color["sub"], "text_wrap": True}
            case "notice":
                given |= {
                    "font_size": size["note"],
                    "font_color": color["sub"],
                    "text_wrap": True,
                    "top": 1,
                    "top_color": color["rule"],
                }
            case "alert":
                given |= {"bold": True, "font_color": color["error_font"]}
            case "light":
                given |= {"align": "center", "border": 1, "border_color": color["rule"]}
            case "line":
                pass
            case "title_plain":
                given |= {"font_size": size["title"], "bold": True}
            case "sentence":
                given |= {"text_wrap": True, "valign": "top"}
            case "kpi_label":
                given |= {
                    "font_size": size["list"],
                    "font_color": color["sub"],
                    "bg_color": color["band"],
                    "top": 2,
                    "top_color": color["blue"],
                    "indent": 1,
                    "align": "left",
                }
            case "kpi_value":
                given |= {
                    "font_size": size["kpi_list" if small else "kpi"],
                    "bold": True,
                    "bg_color": color["band"],
                    "indent": 1,
                    "align": "left",
                }
            case "kpi_note":
                given |= {
                    "font_size": size["list"],
                    "font_color": color["sub"],
                    "bg_color": color["band"],
                    "indent": 1,
                    "align": "left",
                }
            case "cover":
                given |= {"font_size": size["cover"], "bold": True, "font_color": color["navy"]}
            case "hidden":
                given |= {"font_size": size["list"]}
            case _:
                raise KeyError(role)
        return self.make(**(given | more))
