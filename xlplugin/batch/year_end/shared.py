"""Pages that both countries share: cover, adjustments, reconciliation, filing, checks; and their facts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from xlplugin.engines.year_end import explanation
from xlplugin.worksheet.explain import explain

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence
    from decimal import Decimal

    from xlplugin.batch.year_end.book import Page, Placed, YearEndBook
    from xlplugin.batch.year_end.words import Words
    from xlplugin.engines.year_end import Adjustment, BrokerDifference, Cover, FilingCheck, MissedLoss
    from xlplugin.tax.notices import Notice

__all__ = [
    "Facts",
    "adjustments_page",
    "cover_page",
    "filing_page",
    "general_example",
    "reconcile_page",
]

_ITEMS = ("proceeds", "cost", "gain", "withheld", "dividends")
PAGES = ("cover", "realized", "summary", "dividends", "carry", "adjustments", "reconcile", "filing", "checks")


@dataclass(frozen=True)
class Facts:
    """What the pages say beside the figures.

    `heading` is printed over computed amounts unless a tax professional prepares the book; `unit` is the
    word of the currency and `digits` its decimals in sentences.
    """

    words: Words
    country: str
    year: int
    as_of: dt.date
    client_name: str
    firm: str
    adviser: str
    registration: str
    professional: bool
    document_id: str
    input_hash: str
    opening: str
    elsewhere_unseen: bool
    other_owners: tuple[str, ...]
    notices: tuple[Notice, ...]

    @property
    def unit(self) -> str:
        """The word of the currency."""
        return self.words("frame.yen" if self.country == "jp" else "frame.dollars")

    @property
    def digits(self) -> int:
        """Decimals of an amount in a sentence."""
        return 0 if self.country == "jp" else 2

    @property
    def heading(self) -> str:
        """What stands over amounts that this workbook computes."""
        return "" if self.professional else self.words("frame.general_example")

    def money(self, amount: Decimal) -> str:
        """An amount in a sentence."""
        return self.words.money(amount, self.digits)

    def notice(self, *codes: str) -> str:
        """Some of the notices, joined; those that do not apply are left out."""
        texts = {notice.code: notice.text for notice in self.notices}
        gap = "" if self.words.language == "ja" else " "
        return gap.join(texts[code] for code in codes if code in texts)


def general_example(book: YearEndBook, facts: Facts, page: Page) -> None:
    """The line over computed amounts, unless a tax professional prepares the book."""
    if facts.heading:
        style = book.format(font_size=9, bold=True, font_color=book.color["warn_font"])
        book.put(page, 2, 1, facts.heading, style)


# -- cover ---------------------------------------------------------------------------------------


def cover_page(book: YearEndBook, facts: Facts, cover: Cover) -> None:
    """Page 1: scope, accounts, tables, state."""
    words = facts.words
    page = book.page("cover", facts.firm or words("frame.worksheet"), bare=True)
    navy = book.color["navy"]
    book.put(
        page,
        4,
        1,
        words("cover.title", year=facts.year),
        book.format(font_size=22, bold=True, font_color=navy),
    )
    book.put(page, 5, 1, words("frame.worksheet"), book.format(font_size=11, bold=True, font_color=navy))
    name = words("frame.client", name=facts.client_name)
    book.put(page, 7, 1, name, book.format(font_size=16, bold=True))
    for row, pixels in ((2, 12), (3, 12), (4, 44), (7, 34), (8, 12)):
        page.height(row, pixels)
    unseen = [*cover.accounts_not_seen, *([words("cover.elsewhere")] if facts.elsewhere_unseen else [])]
    state = (
        words("cover.provisional", day=words.day(cover.final_after))
        if cover.provisional
        else words("cover.final")
    )
    lines: list[tuple[str, Any]] = [
        ("cover.prepared", facts.as_of),
        ("cover.period", f"{words.day(cover.period.start)} – {words.day(cover.period.end)}"),
        ("cover.regime", words(f"cover.regime_{facts.country}")),
        ("cover.adviser", facts.adviser or "–"),
        ("cover.registration", facts.registration or "–"),
        ("cover.accounts", ", ".join(cover.accounts)),
        ("cover.not_seen", ", ".join(unseen) or "–"),
        ("cover.other_owner", ", ".join(facts.other_owners) or "–"),
        ("cover.opening", words(f"cover.opening_{facts.opening}")),
        ("cover.tables", words.day(cover.table_version)),
        ("cover.state", state),
        ("cover.document", facts.document_id),
    ]
    rows = [{"fact": words(key), "content": text} for key, text in lines]
    placed = book.table(page, "cover_facts", 10, rows)
    for number, (_, text) in enumerate(lines):
        page.height(placed.first + number, 36 if len(str(text)) > 60 else 22)
    book.define("in_as_of", placed.cell("content", 1))  # what `xlplugin check` computes for
    book.status_colours(page, placed.first, placed.last, placed.columns["content"])
    contents = [{"page": n, "topic": words(f"topic.{key}")} for n, key in enumerate(PAGES, start=1)]
    book.table(page, "cover_contents", 10, contents[1:], column=6)
    if cover.unconfirmed_rows:
        text = words("cover.banner", rows=", ".join(cover.unconfirmed_rows))
        style = book.format(
            bg_color=book.color["warn_fill"], font_color=book.color["warn_font"], bold=True, text_wrap=True
        )
        book.put(page, placed.last + 2, 1, text, style, right=page.last_column)
        page.height(placed.last + 2, 36)
    page.row = 33
    book.foot(page, facts.notice("J01", "U01", "U02"))
    book.finish_page(page)


# -- adjustments ---------------------------------------------------------------------------------


def adjustments_page(
    book: YearEndBook,
    facts: Facts,
    lines: Sequence[Adjustment],
    missed: Sequence[MissedLoss],
    names: Mapping[str, str],
) -> None:
    """Page 6: losses that count less, later or never, and losses that were not used."""
    words, us = facts.words, "_us" if facts.country == "us" else ""
    amount = sum((line.not_recognized for line in lines), start=type(lines[0].losses)(0)) if lines else 0
    title = words("message.adjustments", n=len(lines), amount=facts.money(amount), unit=facts.unit)  # type: ignore[arg-type]
    table = f"adjustments_{facts.country}"
    page = book.page("adjustments", title, tables=[table])
    book.note(page, 2, words(f"adjustments.note_{facts.country}"))
    book.heading(page, 4, words("adjustments.list"), unit=words("frame.unit", unit=facts.unit))
    rows: list[dict[str, Any]] = [
        {
            "trade_id": line.trade_id,
            "name": line.name,
            "quantity": line.quantity,
            f"losses{us}": line.losses,
            f"recognized{us}": line.recognized,
            f"not_recognized{us}": f"=ROUND({{losses{us}}}-{{recognized{us}}},2)",
            "reason_code": line.reason_code,
            "why": explain(line.reason_code, words.language),
            "new_unit": line.new_basis,
            "receiving_lot": line.receiving_lot,
            "new_basis": "–" if line.new_basis is None else line.new_basis,
        }
        for line in lines
    ]
    sums = {f"{key}{us}": "sum" for key in ("losses", "recognized", "not_recognized")}
    book.table(
        page,
        table,
        5,
        rows or [{"trade_id": words("none")}],
        total={"trade_id": words("total"), **sums} if rows else None,
    )
    if missed:
        row = page.row + 1
        book.heading(page, row, words("adjustments.missed"), unit=words("frame.unit", unit=facts.unit))
        style = book.format(font_size=9, bottom=1, bottom_color=book.color["rule"])
        for number, line in enumerate(missed, start=1):
            day = words.day(line.day)
            name = names.get(line.code, line.code)
            text = words("frame.separator").join(
                (day, line.account, name, facts.money(line.loss), line.reason)
            )
            book.put(page, row + number, 1, text, style, right=page.last_column)
        page.row = row + len(missed) + 1
    book.foot(page, facts.notice("J06", "U02"))
    book.finish_page(page)


# -- reconciliation ------------------------------------------------------------------------------


def reconcile_page(book: YearEndBook, facts: Facts, lines: Sequence[BrokerDifference]) -> Placed | None:
    """Page 7: ours, the broker's, the difference."""
    words, us = facts.words, "_us" if facts.country == "us" else ""
    differing = sum(1 for line in lines if line.difference)
    page = book.page(
        "reconcile",
        words("message.reconcile", n=len(lines), m=differing),
        tables=[f"reconcile_{facts.country}"],
    )
    book.note(page, 2, words("reconcile.note"))
    book.heading(page, 4, words("reconcile.list"), unit=words("frame.unit", unit=facts.unit))
    gap = "、" if words.language == "ja" else "; "
    rows = [
        {
            "account": line.account,
            "item": words(f"item.{line.item}"),
            f"ours{us}": line.ours,
            f"brokers{us}": line.brokers,
            f"difference{us}": f"=ROUND({{ours{us}}}-{{brokers{us}}},2)",
            "explanations": gap.join(explanation(code, words.language) for code in line.explanations) or "–",
        }
        for line in sorted(lines, key=lambda line: (line.account, _ITEMS.index(line.item)))
    ]
    placed = book.table(page, f"reconcile_{facts.country}", 5, rows or [{"account": words("none")}])
    book.foot(page, facts.notice("J12", "U08"))
    book.finish_page(page, header=5)
    return placed if rows else None


# -- filing --------------------------------------------------------------------------------------


def filing_page(book: YearEndBook, facts: Facts, lines: Sequence[FilingCheck]) -> Placed:
    """Page 8: what to look at before filing, and every notice by its code."""
    words = facts.words
    ja = words.language == "ja"
    page = book.page("filing", words("message.filing", n=len(lines)))
    book.heading(page, 3, words("filing.list"))
    rows = [
        {
            "no": number,
            "check": line.ja if ja else line.en,
            "account": line.account or "–",
            "due": line.due or "–",
            "where": line.where_ja if ja else line.where_en,
            "done": words("filing.open"),
        }
        for number, line in enumerate(lines, start=1)
    ]
    placed = book.table(page, "filing", 4, rows or [{"check": words("none")}])
    for row in range(placed.first, placed.last + 1):
        page.height(row, 36)
    row = page.row + 1
    book.heading(page, row, words("filing.notices"))
    notices = book.table(
        page, "notices", row + 1, [{"code": notice.code, "notice": notice.text} for notice in facts.notices]
    )
    for number, notice in enumerate(facts.notices):
        page.height(notices.first + number, 36 if _is_long(notice.text) else 22)
    book.foot(page, facts.notice("J07", "U01"))
    book.finish_page(page)
    return notices


def _is_long(text: str) -> bool:
    return len(text.encode("utf-16-le")) > 300 if text.isascii() else len(text) > 76
