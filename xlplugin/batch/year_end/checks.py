"""Page 9: checks with what was found and what must be, and the formulas on published examples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from xlplugin import __version__
from xlplugin.batch.year_end.book import TRUTH

if TYPE_CHECKING:
    from collections.abc import Iterable

    from xlplugin.batch.year_end.book import Placed, YearEndBook
    from xlplugin.batch.year_end.shared import Facts
    from xlplugin.engines.year_end import Cover

__all__ = ["Check", "checks_page", "common_checks"]


@dataclass(frozen=True)
class Check:
    """One check: its id, what is found and what it must be (formulas or numbers), and where to look."""

    id: str
    found: Any
    limit: Any
    where: str


def common_checks(book: YearEndBook, facts: Facts, cover: Cover, notices: Placed) -> list[Check]:
    """Checks of both countries: state, tables, notices, errors."""
    areas = [area for page in book.pages.values() for area in page.areas]
    return [
        Check("provisional", int(cover.provisional), 0, "cover"),
        Check("table_status", len(cover.unconfirmed_rows), 0, "cover"),
        Check("disclaimer", f"=COUNTA({notices.column('notice')})", len(facts.notices), "filing"),
        Check(
            "no_error_cells", "=" + "+".join(f"SUMPRODUCT(--ISERROR({area}))" for area in areas), 0, "cover"
        ),
    ]


def checks_page(
    book: YearEndBook, facts: Facts, checks: Iterable[Check], test: dict[str, Any], version: str
) -> None:
    """Page 9: every check with what was found, and the formulas on published examples.

    `test` holds the id, heading, table rows and condition of the self-test of this country.
    """
    words = facts.words
    page = book.page("checks", "=")
    book.heading(page, 3, words("checks.list"))
    rows, names, good = [], [], words("result.ok")
    for number, check in enumerate(checks, start=1):
        level, text = words.check(check.id)
        rows.append(
            {
                "no": number,
                "check": text,
                "level": words(f"level.{level}"),
                "found": check.found,
                "limit": check.limit,
                "passed": "=ABS({found}-{limit})<0.005",
                "result": f'=IF(IFERROR({{passed}},FALSE),"{good}","{words(f"result.{level}")}")',
                "where": words(f"sheet.{check.where}"),
            }
        )
        names.append(check.id)
    placed = book.table(page, "checks", 4, rows)
    for number, name in enumerate(names, start=1):
        book.define(f"chk_{name}", placed.cell("passed", number))
    book.status_colours(page, placed.first, placed.last, placed.columns["result"])
    passed = placed.column("passed").rpartition("!")[2]
    before, between, after = (words(f"message.checks_{part}") for part in ("n", "m", "end"))
    counted = f"COUNTIF({passed},TRUE)"
    title = (
        f'="{before}{len(rows)}{between}"&{counted}&"{after}"'
        if words.language == "ja"
        else f'={counted}&"{before}{len(rows)}{between}"'
    )
    band = book.format(font_size=16, bold=True, font_color="#FFFFFF", bg_color=book.color["navy"], indent=1)
    book.put(page, 0, 1, title, band)
    row = page.row + 1
    book.heading(page, row, words("checks.tests"))
    book.note(page, row + 1, words(test["heading"]))
    tested = book.table(page, test["table"], row + 2, test["rows"])
    book.define(f"tst_{test['id']}", tested.column(test["first"]))
    at, right = tested.last, page.last_column
    style = book.format(bold=True, num_format=TRUTH, align="center")
    book.put(page, at, right - 1, test["condition"](tested), style)
    cell = f"$J${at + 1}"
    book.define(f"test_{test['id']}", f"'{page.name}'!{cell}")
    result = f'=IF(IFERROR({cell},FALSE),"{good}","{words("result.error")}")'
    book.put(page, at, right, result, book.format(bold=True))
    book.status_colours(page, at, at, right)
    book.put(
        page,
        page.row + 1,
        1,
        words(
            "checks.document",
            id=facts.document_id,
            hash=facts.input_hash[:16],
            version=__version__,
            table=version,
        ),
        book.format(font_size=9, font_color=book.color["sub"]),
    )
    book.foot(page, facts.notice("J01", "U01"))
    book.finish_page(page)
