"""Page 5 of Japan: the netting of the year and the losses carried, oldest first, in native formulas.

Losses are printed as positive numbers, as the form does. A loss meets gains before dividends; what is
left of one in its last year, or of one with a year that was not filed, ends.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from xlplugin.batch.year_end.charts import columns_chart
from xlplugin.batch.year_end.shared import Facts, general_example

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xlplugin.batch.year_end.book import Page, Placed, YearEndBook
    from xlplugin.engines.year_end import YearEndRequest
    from xlplugin.engines.year_end_japan import CarryRow, JapanYearEnd

__all__ = ["carry_page", "carry_test"]

ZERO = Decimal(0)


def carry_page(
    book: YearEndBook,
    facts: Facts,
    data: JapanYearEnd,
    request: YearEndRequest,
    gains: Mapping[str, str],
    dividends: Placed,
) -> Placed:
    """Write the page; `gains` is the cell with the gain of each account on the summary."""
    words, schedule = facts.words, data.carry
    closing = sum((row.closing for row in schedule.rows), ZERO)
    page = book.page("carry", words("message.carry", closing=facts.money(closing), unit=facts.unit))
    general_example(book, facts, page)
    book.heading(page, 4, words("carry.block_jp"), unit=words("frame.unit", unit=facts.unit), right=4)
    gain = _filed(data, gains)
    paid = _filed_dividends(data, request, dividends)
    first = 6  # the first row of the block below, from 0; its amounts stand in column E
    loss, before, after, won = (f"$E${first + n}" for n in range(1, 5))
    rows_first = 15
    last = rows_first + len(schedule.rows) - 1
    used = f"SUM($G${rows_first + 1}:$G${last + 1})"
    lines = (
        ("carry.loss_of_year", f"=MAX(0,-({gain}))"),
        ("carry.dividends_before", f"=ROUND({paid},4)"),
        ("carry.dividends_after", f"={before}-MIN({loss},{before})"),
        ("carry.gain_of_year", f"=MAX(0,{gain})"),
        ("carry.taxable_gain", f"=ROUND({won}-{used},4)"),
    )
    block = book.table(
        page, "carry_jp_year", first - 1, [{"item": words(key), "amount": text} for key, text in lines]
    )
    book.define("out_taxable_gain", block.cell("amount", 5))
    _reminder(book, facts, page)
    book.heading(page, rows_first - 2, words("carry.rows_jp"), unit=words("frame.unit", unit=facts.unit))
    rows = []
    for number, row in enumerate(schedule.rows):
        at = rows_first + number + 1
        rows.append(_carry_row(facts, row, at, rows_first + 1, (loss, before, after, won)))
    sums = dict.fromkeys(("opening", "added", "used_gain", "used_dividend", "expired", "closing"), "sum")
    placed = book.table(
        page,
        "carry_jp",
        rows_first - 1,
        rows,
        formulas={"closing": "=ROUND({opening}+{added}-{used_gain}-{used_dividend}-{expired},4)"},
        total={"origin": words("total"), **sums},
    )
    below = placed.last + 3
    if closing:
        _carry_chart(book, facts, page, (below, 6), placed, data)
    else:
        book.note(page, below, words("carry.none"))
    book.note(page, below + 1, facts.notice("J05"), right=5)
    page.row = below + 10
    book.foot(page, facts.notice("J06", "J07"))
    book.finish_page(page)
    return placed


def _filed(data: JapanYearEnd, gains: Mapping[str, str]) -> str:
    """The results of the accounts that are on the return: cells of the summary."""
    return "+".join(gains[s.account] for s in data.summaries if s.on_return) or "0"


def _filed_dividends(data: JapanYearEnd, request: YearEndRequest, dividends: Placed) -> str:
    if not request.dividends_filed:
        return "0"
    where = dividends.column("account")
    found = [
        f'SUMIFS({dividends.column("gross")},{where},"{s.account}")' for s in data.summaries if s.on_return
    ]
    return "+".join(found) or "0"


def _carry_row(
    facts: Facts, row: CarryRow, at: int, first: int, cells: tuple[str, str, str, str]
) -> dict[str, Any]:
    """One origin year; `at` and `first` are row numbers as cells have them."""
    words, (loss, before, after, won) = facts.words, cells
    age = facts.year - row.origin_year
    out: dict[str, Any] = {
        "origin": words(f"carry.back{age}") if age <= 3 else words("carry.older", year=row.origin_year),
        "origin_year": row.origin_year,
        "opening": row.opening,
        "added": 0,
        "expires": row.last_year,
    }
    if age == 0:
        return out | {
            "added": f"={loss}",
            "used_gain": 0,
            "used_dividend": f"=MIN({loss},{before})",
            "expired": 0,
        }
    if row.unfiled_year is not None or row.last_year < facts.year:
        if row.unfiled_year is not None:
            out["origin"] = f"{out['origin']}({words('carry.unfiled', year=row.unfiled_year)})"
        return out | {"used_gain": 0, "used_dividend": 0, "expired": "={opening}"}
    above_gain = f"SUM(G{first}:G{at - 1})" if at > first else "0"
    above_paid = f"SUM(H{first}:H{at - 1})" if at > first else "0"
    ends = row.last_year == facts.year
    return out | {
        "used_gain": f"=MIN({{opening}},MAX(0,{won}-{above_gain}))",
        "used_dividend": f"=MIN({{opening}}-{{used_gain}},MAX(0,{after}-{above_paid}))",
        "expired": "={opening}-{used_gain}-{used_dividend}" if ends else 0,
    }


def _reminder(book: YearEndBook, facts: Facts, page: Page) -> None:
    style = book.format(
        bg_color=book.color["warn_fill"],
        font_color=book.color["warn_font"],
        bold=True,
        text_wrap=True,
        border=1,
        border_color=book.color["rule"],
        indent=1,
    )
    page.sheet.merge_range(6, 6, 8, 10, "", style)
    book.put(page, 6, 6, facts.words("carry.every_year"), style)


def _carry_chart(
    book: YearEndBook, facts: Facts, page: Page, at: tuple[int, int], placed: Placed, data: JapanYearEnd
) -> None:
    words = facts.words
    rows: list[list[Any]] = [["", words("chart.closing")]]
    for number, row in enumerate(data.carry.rows, start=1):
        if row.last_year > facts.year:
            rows.append([str(row.last_year), "=" + placed.cell("closing", number)])
    columns_chart(book, page, at, words("chart.carry_jp"), words("chart.alt_carry"), rows, ("blue",))


def carry_test(facts: Facts) -> dict[str, Any]:
    """The published chain: a loss of 1,000,000, then gains of 400,000, 300,000 and 700,000."""
    rows = []
    for number, gain in enumerate((400_000, 300_000, 700_000), start=1):
        rows.append(
            {
                "test_year": facts.words("checks.year_n", n=number),
                "test_opening": 1_000_000 if number == 1 else "={above_test_closing}",
                "test_gain": gain,
                "test_used": "=MIN({test_opening},MAX(0,{test_gain}))",
                "test_closing": "={test_opening}-{test_used}",
                "test_taxable": "={test_gain}-{test_used}",
            }
        )
    return {
        "id": "carry",
        "heading": "checks.carry_test",
        "table": "test_carry",
        "first": "test_opening",
        "rows": rows,
        "condition": lambda placed: (
            f"=AND({placed.cell('test_taxable', 1)}=0,{placed.cell('test_taxable', 2)}=0,"
            f"{placed.cell('test_taxable', 3)}=400000,{placed.cell('test_closing', 3)}=0)"
        ),
    }
