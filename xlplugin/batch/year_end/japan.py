"""The pages of Japan: sales by account, 年間取引報告書-style totals, 付表-style carry.

Losses of the carry are printed as positive numbers, as the form does. What a cell can compute it computes;
the ledger's own results stand in the column "Limit" of the checks.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from xlplugin.batch.year_end.charts import month_chart
from xlplugin.batch.year_end.checks import Check, checks_page, common_checks
from xlplugin.batch.year_end.japan_carry import carry_page, carry_test
from xlplugin.batch.year_end.shared import (
    Facts,
    adjustments_page,
    cover_page,
    filing_page,
    general_example,
    reconcile_page,
)
from xlplugin.core.accounts import AccountKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from xlplugin.batch.year_end.book import Page, Placed, YearEndBook
    from xlplugin.engines.year_end import YearEndRequest
    from xlplugin.engines.year_end_japan import DividendLine, JapanYearEnd, RealizedLine

__all__ = ["japan_pages"]

ZERO = Decimal(0)
SUMS = {"proceeds_1": "sum", "expense_2": "sum", "gain_3": "sum"}


def japan_pages(book: YearEndBook, facts: Facts, data: JapanYearEnd, request: YearEndRequest) -> None:
    """Write the nine pages."""
    cover_page(book, facts, data.cover)
    listed = _realized(book, facts, data)
    gains = _summary(book, facts, data, listed)
    void = frozenset(a.id for a in request.accounts if not a.kind.facts.loss_counts)
    dividends = _dividends(book, facts, data, void)
    carry = carry_page(book, facts, data, request, gains, dividends)
    adjustments_page(book, facts, data.adjustments, data.missed, request.names)
    compared = reconcile_page(book, facts, data.reconciliation)
    notices = filing_page(book, facts, data.filing)
    checks = _checks(book, facts, data, void, listed, dividends, carry, compared, notices)
    checks_page(book, facts, checks, carry_test(facts), data.cover.table_version.isoformat())


_KINDS = {
    AccountKind.JP_IPPAN: ("一般", "general"),
    AccountKind.JP_TOKUTEI_WH: ("特定(源泉徴収あり)", "specified, withholding"),
    AccountKind.JP_TOKUTEI_NO_WH: ("特定(源泉徴収なし)", "specified, no withholding"),
    AccountKind.JP_NISA: ("NISA", "NISA"),
    AccountKind.JP_IDECO: ("iDeCo", "iDeCo"),
}


def _kind(facts: Facts, kind: AccountKind) -> str:
    return _KINDS[kind][0 if facts.words.language == "ja" else 1]


# -- y2 ------------------------------------------------------------------------------------------


def _realized(book: YearEndBook, facts: Facts, data: JapanYearEnd) -> Placed:
    """The list of sales; the place given back reaches over all taxable blocks."""
    words = facts.words
    gain = sum((line.gain for line in data.realized), ZERO)
    title = words(
        "message.realized", year=facts.year, n=len(data.realized), gain=facts.money(gain), unit=facts.unit
    )
    page = book.page("realized", title, tables=["realized_jp"])
    book.note(page, 2, words("realized.note_jp"))
    page.row = 3
    blocks: list[Placed] = []
    for summary in data.summaries:
        lines = [line for line in data.realized if line.account == summary.account]
        if lines:
            heading = words("realized.account", account=summary.account, kind=_kind(facts, summary.kind))
            blocks.append(_block(book, facts, page, heading, lines))
    if not blocks:
        blocks.append(_block(book, facts, page, words("none"), []))
    if len(blocks) > 1:
        total = {key: "=ROUND(" + "+".join(block.total(key) for block in blocks) + ",4)" for key in SUMS}
        book.table(
            page,
            "realized_jp",
            page.row,
            [{"account": words("grand_total"), **total}],
            strong=frozenset({0}),
            header=False,
        )
    first, last = blocks[0], blocks[-1]
    listed = replace(first, last=last.last)
    if data.nisa:
        _block(book, facts, page, words("realized.nisa"), data.nisa)
    book.foot(page, facts.notice("J12", "J09"))
    book.finish_page(page)
    return listed


def _block(
    book: YearEndBook, facts: Facts, page: Page, heading: str, lines: Sequence[RealizedLine]
) -> Placed:
    row = page.row + 1
    book.heading(page, row, heading, unit=facts.words("frame.unit", unit=facts.unit))
    rows = [_line(facts, line) for line in lines] or [
        {"account": "–", "proceeds_1": 0, "expense_2": 0, "gain_3": 0}
    ]
    formulas = {"gain_3": "=ROUND({proceeds_1}-{expense_2},4)"}
    total = {"account": facts.words("total"), **SUMS}
    return book.table(page, "realized_jp", row + 1, rows, formulas=formulas, total=total)


def _line(facts: Facts, line: RealizedLine) -> dict[str, Any]:
    words = facts.words
    return {
        "account": line.account,
        "class": words("class.margin" if line.margin else "class.listed"),
        "name": f"{line.code} {line.name}" if line.name != line.code else line.code,
        "quantity": line.quantity,
        "trade_date": line.trade_date,
        "settle_date": line.settle_date,
        "proceeds_1": line.proceeds,
        "expense_2": line.expense_basis,
        "reason": line.reason or words(f"nature.{line.nature}"),
        "trade_id": line.trade_id,
        "ccy": line.currency,
        "fx_buy": line.fx_buy,
        "fx_sell": line.fx_sell,
    }


# -- y3 ------------------------------------------------------------------------------------------


def _summary(book: YearEndBook, facts: Facts, data: JapanYearEnd, listed: Placed) -> dict[str, str]:
    """Totals of the year; the cell with the gain of each account."""
    words = facts.words
    proceeds = sum((s.total.proceeds for s in data.summaries), ZERO)
    gain = sum((s.total.gain for s in data.summaries), ZERO)
    tax = sum((s.withheld.total for s in data.summaries), ZERO)
    title = words(
        "message.summary_jp", proceeds=facts.money(proceeds), gain=facts.money(gain), tax=facts.money(tax)
    )
    page = book.page("summary", title)
    general_example(book, facts, page)
    book.heading(page, 3, words("summary.accounts"), unit=words("frame.unit", unit=facts.unit))
    rows: list[dict[str, Any]] = []
    whole_of: dict[str, int] = {}
    for s in data.summaries:
        start = {"account": s.account, "account_kind": _kind(facts, s.kind)}
        classes = [False] if s.kind is AccountKind.JP_IPPAN and not s.margin.proceeds else [False, True]
        for margin in classes:
            name = words("class.margin" if margin else "class.listed")
            cells = {key: _sum_of(listed, key, s.account, name) for key in ("proceeds_1", "expense_2")}
            rows.append({**start, "class": name, **cells})
        above = ("above_", "above2_")[: len(classes)]
        rows.append(
            {
                **start,
                "class": words("total"),
                **{
                    key: "=" + "+".join(f"{{{up}{key}}}" for up in above)
                    for key in ("proceeds_1", "expense_2")
                },
                "national": s.withheld.national,
                "resident_sale": s.withheld.resident,
                "foreign_sale": 0,
            }
        )
        whole_of[s.account] = len(rows)
    sums = ("proceeds_1", "expense_2", "gain_3", "national", "resident_sale", "foreign_sale")
    whole = words("total")
    total = {key: f'=ROUND(SUMIFS({{all_{key}}},{{all_class}},"{whole}"),4)' for key in sums}
    placed = book.table(
        page,
        "summary_jp",
        4,
        rows,
        formulas={"gain_3": "=ROUND({proceeds_1}-{expense_2},4)"},
        total={"account": whole, "class": whole, **total},
        strong=frozenset(number - 1 for number in whole_of.values()),
    )
    book.define("out_summary_gain", placed.total("gain_3"))
    row = page.row + 1
    _dividend_block(book, facts, data, page, row)
    row = max(page.row + 1, 23)
    day, gains = listed.column("settle_date"), listed.column("gain_3")
    month_chart(book, facts, page, row, day, gains, empty=not data.realized)
    book.heading(page, row, words("summary.rates"), column=6)
    rates = [
        {
            "rate_name": words(f"rate.{line.name}"),
            "rate": line.rate,
            "valid_from": line.valid_from,
            "valid_to": line.valid_to or "–",
            "status": words(f"status.{line.status}"),
        }
        for line in data.rates
    ]
    rated = book.table(page, "summary_rates", row + 1, rates, column=6)
    book.note(page, rated.last + 1, words("summary.rates_note"), column=6)
    page.row = max(row + 10, rated.last + 2)
    book.foot(page, facts.notice("J12", "J13"))
    book.finish_page(page)
    return {account: placed.cell("gain_3", number) for account, number in whole_of.items()}


def _sum_of(listed: Placed, key: str, account: str, name: str) -> str:
    condition = f'{listed.column("account")},"{account}",{listed.column("class")},"{name}"'
    return f"=ROUND(SUMIFS({listed.column(key)},{condition}),4)"


def _dividend_block(book: YearEndBook, facts: Facts, data: JapanYearEnd, page: Page, row: int) -> None:
    words = facts.words
    book.heading(page, row, words("summary.dividends"))
    kinds = []
    for kind in ("share", "fund", "foreign"):
        totals = [s.dividends[kind] for s in data.summaries]
        kinds.append(
            {
                "kind": words(f"kind.{kind}"),
                "gross": sum((t.gross for t in totals), ZERO),
                "national": sum((t.national for t in totals), ZERO),
                "resident_dividend": sum((t.resident for t in totals), ZERO),
                "source_tax": sum((t.source_tax for t in totals), ZERO),
            }
        )
    sums = dict.fromkeys(("gross", "national", "resident_dividend", "source_tax"), "sum")
    placed = book.table(page, "summary_dividends", row + 1, kinds, total={"kind": words("total"), **sums})
    book.define("out_summary_dividends", placed.total("gross"))
    book.heading(page, row, words("summary.netting"), column=7)
    withholding = [s for s in data.summaries if s.kind is AccountKind.JP_TOKUTEI_WH]
    refund = [s.refund for s in withholding]
    tax = sum((s.dividend_total.national + s.dividend_total.resident for s in withholding), ZERO)
    back = sum((r.national + r.resident for r in refund), ZERO)
    amounts = (
        ("summary.loss", sum((s.loss_against_dividends for s in withholding), ZERO)),
        ("summary.after", sum((s.dividends_after_loss for s in withholding), ZERO)),
        ("summary.paid", tax - back),
        ("summary.refund_national", sum((r.national for r in refund), ZERO)),
        ("summary.refund_resident", sum((r.resident for r in refund), ZERO)),
    )
    book.table(
        page,
        "summary_netting",
        row + 1,
        [{"item": words(key), "amount": amount} for key, amount in amounts],
        column=7,
    )


# -- y4 ------------------------------------------------------------------------------------------


def _dividends(book: YearEndBook, facts: Facts, data: JapanYearEnd, void: frozenset[str]) -> Placed:
    """The list of dividends; those of NISA and iDeCo stand apart, as their sales do."""
    words = facts.words
    taxed = [line for line in data.dividends if line.account not in void]
    gross = sum((line.gross for line in taxed), ZERO)
    title = words("message.dividends", n=len(taxed), gross=facts.money(gross), unit=facts.unit)
    page = book.page("dividends", title, tables=["dividends_jp"])
    book.heading(page, 3, words("topic.dividends"), unit=words("frame.unit", unit=facts.unit))
    placed = _dividend_list(book, facts, page, 4, taxed)
    free = [line for line in data.dividends if line.account in void]
    if free:
        row = page.row + 1
        book.heading(page, row, words("realized.nisa"))
        _dividend_list(book, facts, page, row + 1, free)
    book.foot(page, facts.notice("J16", "J01"))
    book.finish_page(page, header=4)
    return placed


def _dividend_list(
    book: YearEndBook, facts: Facts, page: Page, row: int, lines: Sequence[DividendLine]
) -> Placed:
    words = facts.words
    taxes = ("gross", "source_tax", "national", "resident_dividend")
    rows: list[dict[str, Any]] = [
        {
            "account": line.account,
            "name": f"{line.code} {line.name}" if line.name != line.code else line.code,
            "paid_on": line.paid_on,
            "kind": words(f"kind.{line.kind}"),
            "gross": line.gross,
            "source_tax": line.source_tax,
            "national": line.national,
            "resident_dividend": line.resident,
            "note": words("dividends.deemed") if line.deemed else "",
        }
        for line in lines
    ] or [{"account": words("none"), **dict.fromkeys(taxes, 0)}]
    return book.table(
        page,
        "dividends_jp",
        row,
        rows,
        formulas={"net": "=ROUND({gross}-{source_tax}-{national}-{resident_dividend},4)"},
        total={"account": words("total"), **dict.fromkeys((*taxes, "net"), "sum")},
    )


# -- y9 ------------------------------------------------------------------------------------------


def _checks(
    book: YearEndBook,
    facts: Facts,
    data: JapanYearEnd,
    void: frozenset[str],
    listed: Placed,
    dividends: Placed,
    carry: Placed,
    compared: Placed | None,
    notices: Placed,
) -> list[Check]:
    gain = sum((line.gain for line in data.realized), ZERO)
    closing = sum((row.closing for row in data.carry.rows), ZERO)
    rows = f'{listed.column("trade_id")},"?*"'
    total = {key: f"SUMIFS({listed.column(key)},{rows})" for key in ("proceeds_1", "expense_2", "gain_3")}
    day, year = listed.column("settle_date"), facts.year
    inside = f'COUNTIFS({day},">="&DATE({year},1,1),{day},"<="&DATE({year},12,31))'
    turned = f"{carry.total('opening')}+{carry.total('added')}"
    spent = "".join(f"-{carry.total(key)}" for key in ("used_gain", "used_dividend", "expired", "closing"))
    difference = "0"
    if compared is not None:
        area = compared.column("difference")
        difference = f"MAX(MAX({area}),-MIN({area}))"
    return [
        Check("realized_ledger", f"={total['gain_3']}", gain, "realized"),
        Check("realized_total", f"={total['gain_3']}", "=out_summary_gain", "summary"),
        Check(
            "gain_identity",
            f"=ROUND({total['proceeds_1']}-{total['expense_2']}-{total['gain_3']},2)",
            0,
            "realized",
        ),
        Check("settle_year", f"=COUNT({day})-{inside}", 0, "realized"),
        Check(
            "nisa_separate",
            "=" + ("+".join(f'COUNTIF({listed.column("account")},"{name}")' for name in sorted(void)) or "0"),
            0,
            "realized",
        ),
        Check("dividend_total", f"={dividends.total('gross')}", "=out_summary_dividends", "dividends"),
        Check("carry_corkscrew", f"=ROUND({turned}{spent},2)", 0, "carry"),
        Check("carry_ledger", f"={carry.total('closing')}", closing, "carry"),
        Check(
            "carry_expiry",
            f'=SUMIFS({carry.column("closing")},{carry.column("expires")},"<="&{year})',
            0,
            "carry",
        ),
        Check("broker_difference", f"={difference}", 0, "reconcile"),
        *common_checks(book, facts, data.cover, notices),
    ]
