"""The pages of the United States: Form 8949-style boxes with code W, Schedule D-style totals, carryovers.

The letters of the columns are those of Form 8949. Totals, carryovers and the amount set against other
income are native formulas; the ledger's own results stand in the column "Limit" of the checks.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from xlplugin.batch.year_end.charts import columns_chart, month_chart
from xlplugin.batch.year_end.checks import Check, checks_page, common_checks
from xlplugin.batch.year_end.shared import (
    Facts,
    adjustments_page,
    cover_page,
    filing_page,
    general_example,
    reconcile_page,
)

if TYPE_CHECKING:
    from xlplugin.batch.year_end.book import Placed, YearEndBook
    from xlplugin.engines.year_end import YearEndRequest
    from xlplugin.engines.year_end_us import UnitedStatesYearEnd, UsRealizedLine

__all__ = ["us_pages"]

ZERO = Decimal(0)
SHORT, LONG = ("A", "B", "C"), ("D", "E", "F")
LETTERS = {
    "description": "(a)",
    "acquired": "(b)",
    "sold": "(c)",
    "proceeds_d": "(d)",
    "basis_e": "(e)",
    "code_f": "(f)",
    "adjustment_g": "(g)",
    "gain_h": "(h)",
}
SUMS = {"proceeds_d": "sum", "basis_e": "sum", "adjustment_g": "sum", "gain_h": "sum"}


def us_pages(book: YearEndBook, facts: Facts, data: UnitedStatesYearEnd, request: YearEndRequest) -> None:
    """Write the nine pages."""
    cover_page(book, facts, data.cover)
    boxes = _realized(book, facts, data)
    schedule = _schedule(book, facts, data, boxes)
    dividends = _dividends(book, facts, data)
    carry = _carry(book, facts, data, schedule)
    adjustments_page(book, facts, data.adjustments, data.missed, request.names)
    compared = reconcile_page(book, facts, data.reconciliation)
    notices = filing_page(book, facts, data.filing)
    checks = _checks(book, facts, data, boxes, schedule, dividends, carry, compared, notices)
    checks_page(book, facts, checks, _wash_test(facts), data.cover.table_version.isoformat())


# -- y2 ------------------------------------------------------------------------------------------


def _realized(book: YearEndBook, facts: Facts, data: UnitedStatesYearEnd) -> dict[str, Placed]:
    words = facts.words
    gain = sum((line.gain for line in data.realized), ZERO)
    title = words(
        "message.realized", year=facts.year, n=len(data.realized), gain=facts.money(gain), unit=facts.unit
    )
    page = book.page("realized", title, tables=["realized_us"])
    book.note(page, 2, words("realized.note_us"))
    page.row = 3
    boxes = {}
    for box in (*SHORT, *LONG):
        lines = [line for line in data.realized if line.box == box]
        row = page.row + 1
        page.height(row - 1, 10)
        book.heading(page, row, words(f"box.{box}"), unit=words("frame.unit", unit=facts.unit))
        rows = [_line(facts, line) for line in lines] or [
            {"description": words("none"), "proceeds_d": 0, "basis_e": 0, "adjustment_g": 0}
        ]
        boxes[box] = book.table(
            page,
            "realized_us",
            row + 1,
            rows,
            formulas={"gain_h": "=ROUND({proceeds_d}-{basis_e}+{adjustment_g},2)"},
            total={"description": words("total"), **SUMS},
            letters=LETTERS,
        )
        book.status_colours(page, boxes[box].first, boxes[box].last, boxes[box].columns["state"])
    book.foot(page, facts.notice("U02", "U08"))
    book.finish_page(page)
    return boxes


def _line(facts: Facts, line: UsRealizedLine) -> dict[str, Any]:
    return {
        "description": line.description,
        "acquired": line.acquired,
        "sold": line.trade_date,
        "proceeds_d": line.proceeds,
        "basis_e": line.expense_basis,
        "code_f": line.adj_code,
        "adjustment_g": line.adjustment,
        "trade_id": line.trade_id,
        "account": line.account,
        "lot": line.lot,
        "state": facts.words("realized.provisional") if line.provisional else "",
    }


# -- y3 ------------------------------------------------------------------------------------------


def _schedule(
    book: YearEndBook, facts: Facts, data: UnitedStatesYearEnd, boxes: dict[str, Placed]
) -> dict[str, str]:
    """Schedule D-style totals; the addresses of its results by name."""
    words, d = facts.words, data.schedule
    title = words(
        "message.summary_us",
        short=facts.money(d.net_short),
        long=facts.money(d.net_long),
        total=facts.money(d.combined),
    )
    page = book.page("summary", title)
    general_example(book, facts, page)
    parts = {
        "short": _part(book, facts, page, 3, SHORT, boxes, [("schedule.carryover", -d.short_carryover)]),
        "long": _part(
            book,
            facts,
            page,
            11,
            LONG,
            boxes,
            [("schedule.distributions", d.gain_distributions), ("schedule.carryover", -d.long_carryover)],
        ),
    }
    net = {key: book.define(f"out_net_{key}", place.total("gain_h")) for key, place in parts.items()}
    book.heading(page, 20, words("schedule.combined"), column=6)
    short, long = net["short"], net["long"]
    rest = {
        "short": f"MAX(0,-{short}-MAX(0,{long}))",
        "long": f"MAX(0,-{long}-MAX(0,{short}))",
    }
    offset, limit = "out_offset", "out_limit"
    lines = (
        ("schedule.net", "out_net", f"=ROUND({short}+{long},2)"),
        ("schedule.limit", limit, d.limit),
        ("schedule.offset", offset, f"=MIN({limit},MAX(0,-out_net))"),
        ("schedule.carried_short", "out_carried_short", f"=ROUND(MAX(0,{rest['short']}-{offset}),2)"),
        (
            "schedule.carried_long",
            "out_carried_long",
            f"=ROUND(MAX(0,{rest['long']}-({offset}-MIN({offset},{rest['short']}))),2)",
        ),
    )
    rows = [{"schedule_item": words(key), "amount_us": value} for key, _, value in lines]
    combined = book.table(page, "schedule_total", 21, rows, column=6)
    for number, (_, name, _) in enumerate(lines, start=1):
        book.define(name, combined.cell("amount_us", number))
    book.note(page, combined.last + 2, words("schedule.note"), column=6)
    day, gain = _span(boxes, "sold"), _span(boxes, "gain_h")
    month_chart(book, facts, page, 20, day, gain, empty=not data.realized)
    page.row = 31
    book.foot(page, facts.notice("U06", "U01"))
    book.finish_page(page)
    return {key: place.total("gain_h") for key, place in parts.items()} | {
        "rest_short": rest["short"],
        "rest_long": rest["long"],
    }


def _span(boxes: dict[str, Placed], key: str) -> str:
    """A column of the list over all boxes; totals have no date and no trade id."""
    return boxes["A"].span(key, boxes["F"].last)


def _part(
    book: YearEndBook,
    facts: Facts,
    page: Any,
    row: int,
    letters: tuple[str, ...],
    boxes: dict[str, Placed],
    more: list[tuple[str, Decimal]],
) -> Placed:
    words = facts.words
    short = letters == SHORT
    book.heading(
        page,
        row,
        words("schedule.short" if short else "schedule.long"),
        unit=words("frame.unit", unit=facts.unit),
    )
    rows: list[dict[str, Any]] = [
        {
            "line": words("schedule.box", box=box),
            **{key: f"={boxes[box].total(key)}" for key in ("proceeds_d", "basis_e", "adjustment_g")},
            "gain_h": "=ROUND({proceeds_d}-{basis_e}+{adjustment_g},2)",
        }
        for box in letters
    ]
    rows += [{"line": words(key), "gain_h": amount} for key, amount in more]
    total = words("schedule.net_short" if short else "schedule.net_long")
    return book.table(page, "schedule", row + 1, rows, total={"line": total, **SUMS})


# -- y4, y5 --------------------------------------------------------------------------------------


def _dividends(book: YearEndBook, facts: Facts, data: UnitedStatesYearEnd) -> Placed:
    words = facts.words
    gross = sum((line.gross for line in data.dividends), ZERO)
    title = words("message.dividends", n=len(data.dividends), gross=facts.money(gross), unit=facts.unit)
    page = book.page("dividends", title, tables=["dividends_us"])
    book.note(page, 2, words("dividends.note_us"))
    book.heading(page, 3, words("topic.dividends"), unit=words("frame.unit", unit=facts.unit))
    rows: list[dict[str, Any]] = [
        {
            "account": line.account,
            "name": f"{line.code} {line.name}" if line.name != line.code else line.code,
            "paid_on": line.paid_on,
            "gross_us": line.gross,
            "source_tax_us": line.source_tax,
            "shares": line.shares,
            "short_held": line.short_held,
            "qualified": words("dividends.some" if line.short_held else "dividends.all"),
        }
        for line in data.dividends
    ] or [{"account": words("none"), "gross_us": 0, "source_tax_us": 0}]
    placed = book.table(
        page,
        "dividends_us",
        4,
        rows,
        formulas={"net_us": "=ROUND({gross_us}-{source_tax_us},2)"},
        total={"account": words("total"), **dict.fromkeys(("gross_us", "source_tax_us", "net_us"), "sum")},
    )
    book.status_colours(page, placed.first, placed.last, placed.columns["qualified"])
    book.foot(page, facts.notice("U01"))
    book.finish_page(page, header=4)
    return placed


def _carry(book: YearEndBook, facts: Facts, data: UnitedStatesYearEnd, schedule: dict[str, str]) -> Placed:
    """Two corkscrews: what was brought in and added, what it met, what goes on."""
    words = facts.words
    closing = data.schedule.short_carried + data.schedule.long_carried
    page = book.page("carry", words("message.carry", closing=facts.money(closing), unit=facts.unit))
    general_example(book, facts, page)
    book.heading(page, 4, words("carry.rows_us"), unit=words("frame.unit", unit=facts.unit))
    opening = {"short": data.schedule.short_carryover, "long": data.schedule.long_carryover}
    rows = []
    for key, other in (("short", "long"), ("long", "short")):
        net, across = schedule[key], f"MAX(0,{schedule[other]})"
        loss = f"MAX(0,-{net})"
        ordinary = f"MIN(out_offset,{schedule[f'rest_{key}']})"
        if key == "long":
            ordinary = f"MIN(out_offset-MIN(out_offset,{schedule['rest_short']}),{schedule['rest_long']})"
        rows.append(
            {
                "term": words(key),
                "opening_us": opening[key],
                "added_us": f"=ROUND(MAX(0,-({net}+{{opening_us}})),2)",
                "used_gains_us": f"=ROUND({{opening_us}}+{{added_us}}-{loss}+MIN({loss},{across}),2)",
                "used_ordinary": f"=ROUND({ordinary},2)",
                "closing_us": "=ROUND({opening_us}+{added_us}-{used_gains_us}-{used_ordinary},2)",
            }
        )
    keys = ("opening_us", "added_us", "used_gains_us", "used_ordinary", "closing_us")
    placed = book.table(
        page, "carry_us", 5, rows, total={"term": words("total"), **dict.fromkeys(keys, "sum")}
    )
    book.note(page, placed.last + 3, words("carry.note_us"))
    row = placed.last + 5
    data_in_and_out = sum(opening.values(), ZERO) + closing
    if data_in_and_out:
        block: list[list[Any]] = [["", words("chart.opening"), words("chart.closing")]]
        for number, key in enumerate(("short", "long"), start=1):
            block.append(
                [words(key), f"={placed.cell('opening_us', number)}", f"={placed.cell('closing_us', number)}"]
            )
        columns_chart(
            book,
            page,
            (row, 1),
            words("chart.carry_us"),
            words("chart.alt_carry"),
            block,
            ("before", "blue"),
            wide=True,
        )
    else:
        book.note(page, row, words("carry.none"))
    page.row = row + 11
    book.foot(page, facts.notice("U06", "U01"))
    book.finish_page(page)
    return placed


# -- y9 ------------------------------------------------------------------------------------------


def _checks(
    book: YearEndBook,
    facts: Facts,
    data: UnitedStatesYearEnd,
    boxes: dict[str, Placed],
    schedule: dict[str, str],
    dividends: Placed,
    carry: Placed,
    compared: Placed | None,
    notices: Placed,
) -> list[Check]:
    d, year = data.schedule, facts.year
    gain = sum((line.gain for line in data.realized), ZERO)
    paid = sum((line.gross for line in data.dividends), ZERO)
    listed = f'{_span(boxes, "trade_id")},"?*"'
    total = {key: f"SUMIFS({_span(boxes, key)},{listed})" for key in SUMS}
    day, adjusted, code = _span(boxes, "sold"), _span(boxes, "adjustment_g"), _span(boxes, "code_f")
    inside = f'COUNTIFS({day},">="&DATE({year},1,1),{day},"<="&DATE({year},12,31))'
    moved = d.gain_distributions - d.short_carryover - d.long_carryover
    difference = "0"
    if compared is not None:
        area = compared.column("difference_us")
        difference = f"MAX(MAX({area}),-MIN({area}))"
    spent = "".join(f"-{carry.total(key)}" for key in ("used_gains_us", "used_ordinary", "closing_us"))
    return [
        Check("realized_ledger", f"={total['gain_h']}", gain, "realized"),
        Check("realized_total", f"={total['gain_h']}+{moved}", "=out_net", "summary"),
        Check(
            "gain_identity",
            f"=ROUND({total['proceeds_d']}-{total['basis_e']}+{total['adjustment_g']}-{total['gain_h']},2)",
            0,
            "realized",
        ),
        Check("adjustment_sign", f'=COUNTIF({adjusted},"<0")', 0, "realized"),
        Check("wash_code", f'=COUNTIF({code},"W")', f'=COUNTIFS({adjusted},">0",{listed})', "realized"),
        Check("box_complete", f"=COUNT({day})", len(data.realized), "realized"),
        Check("trade_year", f"=COUNT({day})-{inside}", 0, "realized"),
        Check("dividend_total", f"={dividends.total('gross_us')}", paid, "dividends"),
        Check(
            "carry_corkscrew",
            f"=ROUND({carry.total('opening_us')}+{carry.total('added_us')}{spent},2)",
            0,
            "carry",
        ),
        Check(
            "carry_ledger", "=out_carried_short+out_carried_long", d.short_carried + d.long_carried, "carry"
        ),
        Check("broker_difference", f"={difference}", 0, "reconcile"),
        *common_checks(book, facts, data.cover, notices),
    ]


def _wash_test(facts: Facts) -> dict[str, Any]:
    """26 CFR 1.1091-1, example 2: a loss of 1,000 on 100 shares of which 75 were bought back."""
    words = facts.words
    rows = [
        {
            "wash_loss": 1000,
            "wash_sold": 100,
            "wash_bought": 75,
            "wash_disallowed": "=ROUND({wash_loss}*MIN({wash_bought},{wash_sold})/{wash_sold},2)",
            "wash_allowed": "={wash_loss}-{wash_disallowed}",
            "wash_name": words("checks.example"),
        }
    ]
    return {
        "id": "wash_split",
        "heading": "checks.wash_test",
        "table": "test_wash",
        "first": "wash_loss",
        "rows": rows,
        "condition": lambda placed: (
            f"=AND({placed.cell('wash_disallowed', 1)}=750,{placed.cell('wash_allowed', 1)}=250)"
        ),
    }
