"""The summary workbook for the firm: who, what failed, totals, changes since the last run, checks.

A value book with native totals. Client names stand here and in the clients' books only, never in
the manifest, the failures file or the log.
"""

from __future__ import annotations

import datetime as dt
import io
import re
import tomllib
import zipfile
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from xlplugin.batch.summary_words import WORDS
from xlplugin.batch.writing import digest
from xlplugin.workbook.fixed import CALCULATION_ID

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from xlplugin.batch.records import Record, RunFacts

__all__ = ["Summary", "summary_workbook"]

_INK, _NAVY, _RULE, _BAND, _BLUE = "#1F2933", "#12355B", "#CBD2D9", "#F5F7FA", "#0072B2"
_STATUS = {"done": ("#E3F4EC", "#00603F"), "failed": ("#FBE3DC", "#8A2B06"), "warn": ("#FFF3D6", "#7A4B00")}

_FOLDERS = re.compile(r"(?:[A-Za-z]:)?[\\/](?:[^\\/:*?\"<>|\n]+[\\/])+")
_BEYOND = {"totals": 9, "changes": 4, "checks": 6}  # columns of the title band to the right of the lists
_MONEY = {"value", "gain", "recognized", "tax_value", "plan_net"}
_RATES = {"te_forecast", "te_planning"}


@lru_cache(maxsize=1)
def _choices() -> dict[str, dict[str, list[str]]]:
    lists = tomllib.loads((files("workbooks") / "layout" / "lists.toml").read_text("utf-8"))
    return {"regime": lists["regime"], "language": {"ja": ["日本語", "Japanese"], "en": ["英語", "English"]}}


@dataclass(frozen=True)
class Summary:
    """What the summary workbook is made of."""

    facts: RunFacts
    records: Sequence[Record]
    names: Mapping[str, str]
    folder: Path
    previous: Mapping[str, Any] | None
    language: str

    def word(self, key: str) -> str:
        """A fixed word in the language of the workbook."""
        return WORDS[key][0 if self.language == "ja" else 1]

    def choice(self, key: str, code: str) -> str:
        """The word of a code that a client's settings hold, as the books say it; any other text as it is."""
        pair = _choices().get(key, {}).get(code)
        return code if pair is None else pair[0 if self.language == "ja" else 1]


def summary_workbook(summary: Summary) -> bytes:
    """The workbook as bytes; the same run gives the same bytes."""
    import xlsxwriter  # noqa: PLC0415  (the light start)

    data = io.BytesIO()
    book = xlsxwriter.Workbook(data, {"in_memory": True})
    day = dt.date.fromisoformat(summary.facts.as_of)
    book.set_properties(
        {
            "title": f"{summary.facts.job} {summary.facts.as_of}",
            "created": dt.datetime(day.year, day.month, day.day, tzinfo=dt.UTC),
            "comments": summary.facts.run_id,
        }
    )
    book.set_calc_mode("auto", int(CALCULATION_ID))
    book.calc_on_load = False  # every formula has its value already
    sheets = _Sheets(book, summary)
    sheets.clients()
    sheets.failures()
    sheets.totals()
    sheets.changes()
    sheets.checks()
    book.close()
    return data.getvalue()


class _Sheets:
    """The five sheets."""

    def __init__(self, book: Any, summary: Summary) -> None:
        self.book, self.summary, self.word = book, summary, summary.word
        ja = summary.language == "ja"
        base = {"font_name": "Meiryo UI" if ja else "Calibri", "font_size": 9, "font_color": _INK}
        lines = {"bottom": 1, "bottom_color": _RULE}
        money = '#,##0;△#,##0;"–"' if ja else '#,##0;(#,##0);"–"'
        rate = '0.00%;△0.00%;"–"' if ja else '0.00%;(0.00%);"–"'
        make = book.add_format
        title = {"bg_color": _NAVY, "font_color": "#FFFFFF", "bold": True, "font_size": 16}
        title |= {"valign": "vcenter", "indent": 1}
        header = {"bold": True, "bg_color": _BAND, "text_wrap": True, "valign": "vcenter", "bottom": 2}
        lines |= {"valign": "vcenter"}
        left = {"align": "left", "indent": 1}  # without the side, an indent is not kept
        self.text = make(base | lines | left | {"text_wrap": True})
        self.dash = make(base | lines | {"align": "right"})
        self.money = make(base | lines | {"num_format": money})
        self.rate = make(base | lines | {"num_format": rate})
        self.number = make(base | lines | {"num_format": "#,##0"})
        self.link = make(base | lines | left | {"font_color": _BLUE, "underline": 1})
        self.band = make(base | title)
        self.note = make(base | {"font_color": "#52606D"})
        self.head = make(base | header | left)
        self.head_right = make(base | header | {"align": "right"})
        self.sum = make(base | {"bold": True, "top": 2, "num_format": money})
        self.states = {
            status: make(base | lines | left | {"bg_color": fill, "font_color": font, "bold": True})
            for status, (fill, font) in _STATUS.items()
        }

    def sheet(self, key: str, widths: Sequence[int], header: Sequence[str]) -> Any:
        """A list sheet: title band, run line, header row in row 5, printed one page wide."""
        sheet = self.book.add_worksheet(self.word(key))
        sheet.hide_gridlines(2)
        sheet.set_column(0, 0, 1.3)
        for n, width in enumerate(widths, start=1):
            sheet.set_column(n, n, width)
        last = len(widths) + _BEYOND.get(key, 0)
        sheet.set_row(0, 30)
        sheet.set_row(4, 28)
        for column in range(1, last + 1):
            sheet.write_blank(0, column, None, self.band)
        sheet.write_string(0, 1, self.word(f"title.{key}"), self.band)
        facts = self.summary.facts
        tables = ", ".join(f"{k} {v}" for k, v in facts.tax_tables.items())
        run = f"{facts.job} · {facts.as_of} · {facts.run_id} · xlplugin {facts.xlplugin}"
        sheet.write_string(1, 1, f"{run} · {self.word('tax_tables')}: {tables}", self.note)
        numeric = {self.word(k) for k in (*_MONEY, *_RATES, "count", "found", "expected", "warnings")}
        for n, word in enumerate(header, start=1):
            sheet.write_string(4, n, word, self.head_right if word in numeric else self.head)
        sheet.set_landscape()
        sheet.set_paper(9)
        sheet.fit_to_pages(1, 0)
        sheet.repeat_rows(4)
        if header:
            sheet.freeze_panes(5, 2)
        sheet.set_footer(f"&L{facts.job}&C&P / &N&R{facts.run_id}")
        return sheet

    # -- s1 ------------------------------------------------------------------------------------------

    def clients(self) -> None:
        keys = (
            "client_id client_name language regime currency value gain recognized tax_value te_forecast "
            "te_planning scenario plan_net warnings checks_passed file status"
        ).split()
        widths = [9, 18, 8, 17, 7, 12, 11, 11, 11, 8, 8, 6, 11, 7, 7, 22, 10]
        sheet = self.sheet("clients", widths, [self.word(k) for k in keys])
        records = self.summary.records
        for row, record in enumerate(records, start=5):
            name = self.summary.names.get(record.client_id, "")
            sheet.set_row(row, _height((name,), (widths[1],)))
            for column, key in enumerate(keys, start=1):
                self._client_cell(sheet, row, column, key, record)
        last = 4 + len(records)
        sheet.autofilter(4, 1, max(last, 5), len(keys))
        self._currency_totals(sheet, last, keys)

    def _client_cell(self, sheet: Any, row: int, column: int, key: str, record: Record) -> None:
        if key in _MONEY | _RATES:
            value = record.figures.get(key)
            if value is None:
                sheet.write_string(row, column, "–", self.dash)
            else:
                sheet.write_number(row, column, float(value), self.rate if key in _RATES else self.money)
        elif key == "warnings":
            sheet.write_number(row, column, len(record.warnings), self.number)
        elif key == "file":
            file = next((o.file for o in record.outputs if o.file.endswith(".xlsx")), "")
            if file:
                sheet.write_url(row, column, f"external:{file}", self.link, file.rsplit("/", 1)[-1])
            else:
                sheet.write_string(row, column, "–", self.text)
        elif key == "status":
            sheet.write_string(row, column, self.word(record.status), self.states[record.status])
        else:
            texts = {
                "client_id": record.client_id,
                "client_name": self.summary.names.get(record.client_id, ""),
                "checks_passed": next((o.checks for o in record.outputs if o.checks), ""),
            }
            text = texts.get(key, str(record.figures.get(key, "")))
            sheet.write_string(row, column, self.summary.choice(key, text), self.text)

    def _currency_totals(self, sheet: Any, last: int, keys: Sequence[str]) -> None:
        """One native total per currency: money of two currencies is never added."""
        from xlsxwriter.utility import xl_rowcol_to_cell  # noqa: PLC0415

        records = self.summary.records
        currencies = sorted({str(r.figures["currency"]) for r in records if "currency" in r.figures})
        where = keys.index("currency") + 1
        first_cell, last_cell = (xl_rowcol_to_cell(n, where, row_abs=True, col_abs=True) for n in (5, last))
        for extra, currency in enumerate(currencies):
            row = last + 1 + extra
            for column, key in enumerate(keys, start=1):
                if key in _MONEY:
                    top, end = (xl_rowcol_to_cell(n, column, row_abs=True) for n in (5, last))
                    done = [r for r in records if str(r.figures.get("currency")) == currency]
                    value = sum(float(r.figures.get(key) or 0.0) for r in done)
                    formula = f'=SUMIFS({top}:{end},{first_cell}:{last_cell},"{currency}")'
                    sheet.write_formula(row, column, formula, self.sum, value)
                elif key == "client_id":
                    sheet.write_string(row, column, self.word("total"), self.sum)
                else:
                    sheet.write_string(row, column, currency if key == "currency" else "", self.sum)

    # -- s2 ------------------------------------------------------------------------------------------

    def failures(self) -> None:
        keys = "client_id code what where remedy".split()
        sheet = self.sheet("failures", [10, 9, 60, 46, 46], [self.word(k) for k in keys])
        failed = [r for r in self.summary.records if r.fault is not None]
        for row, record in enumerate(failed, start=5):
            fault = record.fault
            if fault is None:
                continue
            where = _FOLDERS.sub("", fault.where)  # the file says enough; the folders are this machine's
            cells = (record.client_id, fault.code, fault.what, where, fault.remedy)
            sheet.set_row(row, _height(cells, (10, 9, 60, 46, 46)))
            for column, text in enumerate(cells, start=1):
                sheet.write_string(row, column, text, self.text)
        if not failed:
            sheet.write_string(5, 1, self.word("none"), self.text)

    # -- s3 ------------------------------------------------------------------------------------------

    def totals(self) -> None:
        sheet = self.sheet("totals", [34, 12, 4, 26, 12, 4], [self.word("item"), self.word("count")])
        records = self.summary.records
        done = [r for r in records if r.fault is None]
        row = 5
        for title, counts in (
            ("status", Counter(self.word(r.status) for r in records)),
            ("regime", Counter(self._regime(r) for r in records)),
            ("warnings", Counter(w.split(":")[0][:60] for r in done for w in r.warnings)),
        ):
            sheet.write_string(row, 1, self.word(title), self.head)
            sheet.write_string(row, 2, "", self.head)
            for word, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:8]:
                row += 1
                sheet.write_string(row, 1, word, self.text)
                sheet.write_number(row, 2, count, self.number)
            row += 2
        te = [float(r.figures["te_forecast"]) for r in records if r.figures.get("te_forecast") is not None]
        share = [
            float(r.figures["recognized"]) / float(r.figures["value"])
            for r in records
            if r.figures.get("recognized") is not None and r.figures.get("value")
        ]
        self._histogram(sheet, 4, "te_histogram", te, (0.0025, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03))
        self._histogram(sheet, 16, "loss_histogram", share, (0.0, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1))

    def _regime(self, record: Record) -> str:
        return self.summary.choice("regime", str(record.figures.get("regime", self.word("none"))))

    def _histogram(
        self, sheet: Any, top: int, title: str, values: Sequence[float], edges: Sequence[float]
    ) -> None:
        labels = [f"≤ {edge:.2%}" for edge in edges] + [f"> {edges[-1]:.2%}"]
        counts = [0] * len(labels)
        for value in values:
            counts[next((n for n, edge in enumerate(edges) if value <= edge), len(edges))] += 1
        sheet.set_row(top, 28)
        sheet.write_string(top, 4, self.word(title), self.head)
        sheet.write_string(top, 5, self.word("count"), self.head)
        for n, (label, count) in enumerate(zip(labels, counts, strict=True), start=1):
            sheet.write_string(top + n, 4, label, self.text)
            sheet.write_number(top + n, 5, count, self.number)
        name = sheet.get_name()
        chart = self.book.add_chart({"type": "column"})
        chart.add_series(
            {
                "categories": [name, top + 1, 4, top + len(labels), 4],
                "values": [name, top + 1, 5, top + len(labels), 5],
                "fill": {"color": _BLUE},
                "gap": 40,
            }
        )
        name_font = {"size": 10, "bold": True, "color": _NAVY}
        chart.set_title({"name": self.word(title), "name_font": name_font, "layout": {"x": 0.01, "y": 0.02}})
        chart.set_chartarea({"border": {"none": True}})
        chart.set_legend({"none": True})
        chart.set_y_axis(
            {"major_gridlines": {"visible": True, "line": {"color": _RULE}}, "num_format": "0", "min": 0}
        )
        chart.set_size({"width": 520, "height": 210})
        sheet.insert_chart(top, 7, chart, {"description": self.word(title)})

    # -- s4 ------------------------------------------------------------------------------------------

    def changes(self) -> None:
        keys = ("client_id", "item", "before", "now")
        sheet = self.sheet("changes", [12, 30, 30, 30], [self.word(k) for k in keys])
        rows = list(self._changes())
        for row, (client_id, item, before, now) in enumerate(rows, start=5):
            for column, value in enumerate((client_id, item, before, now), start=1):
                sheet.write_string(row, column, value, self.text)
        if not rows:
            sheet.write_string(
                5, 1, self.word("first_run" if self.summary.previous is None else "none"), self.note
            )

    def _changes(self) -> Iterable[tuple[str, str, str, str]]:
        previous = self.summary.previous
        if previous is None:
            return
        tables = previous.get("tax_tables", {})
        for regime, day in self.summary.facts.tax_tables.items():
            if tables.get(regime) != day:
                yield "*", f"{self.word('tax_tables')} {regime}", str(tables.get(regime, "–")), day
        before = {c["client_id"]: c for c in previous.get("clients", [])}
        for record in self.summary.records:
            old = before.get(record.client_id)
            if old is None:
                yield record.client_id, self.word("status"), "–", self.word(record.status)
                continue
            if old["status"] != record.status:
                yield (
                    record.client_id,
                    self.word("status"),
                    self.word(old["status"]),
                    self.word(record.status),
                )
            for key in ("value", "te_forecast", "recognized", "plan_net", "scenario"):
                a, b = old["figures"].get(key), record.figures.get(key)
                if a != b:
                    yield record.client_id, self.word(key), _shown(key, a), _shown(key, b)

    # -- s5 ------------------------------------------------------------------------------------------

    def checks(self) -> None:
        keys = ("check", "found", "expected", "passed")
        sheet = self.sheet("checks", [46, 16, 16, 12], [self.word(k) for k in keys])
        for row, (key, found, expected) in enumerate(self._checks(), start=5):
            passed = found == expected
            sheet.write_string(row, 1, self.word(key), self.text)
            sheet.write_number(row, 2, found, self.number)
            sheet.write_number(row, 3, expected, self.number)
            state = self.states["done" if passed else "failed"]
            good, bad = self.word("passed_word"), self.word("failed_word")
            formula = f'=IF(C{row + 1}=D{row + 1},"{good}","{bad}")'
            sheet.write_formula(row, 4, formula, state, good if passed else bad)

    def _checks(self) -> Iterable[tuple[str, int, int]]:
        outputs = [o for r in self.summary.records for o in r.outputs]
        books = [o for o in outputs if o.file.endswith(".xlsx")]
        exist = whole = opened = 0
        for output in outputs:  # one at a time: a book of thousands does not fit into memory
            data = _read(self.summary.folder / output.file)
            exist += data is not None
            whole += data is not None and digest(data) == output.sha256
            opened += output.file.endswith(".xlsx") and _opens(data)
        yield "files_exist", exist, len(outputs)
        yield "files_whole", whole, len(outputs)
        yield "files_open", opened, len(books)
        done = sum(r.status == "done" for r in self.summary.records)
        failed = sum(r.status == "failed" for r in self.summary.records)
        yield "counts_tie", done + failed, len(self.summary.records)
        checked = [o for o in books if o.checks]
        yield "own_checks", sum(len(set(o.checks.split("/"))) == 1 for o in checked), len(checked)


def _height(texts: Sequence[str], widths: Sequence[int]) -> float:
    """Points that the longest wrapped text of a row needs; a Japanese letter is two wide."""
    lines = 1
    for text, width in zip(texts, widths, strict=True):
        letters = sum(2 if ord(c) > 0x2E7F else 1 for c in text)
        lines = max(lines, -(-letters // max(1, width - 2)))
    return 3.0 + 12.0 * lines


def _shown(key: str, value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, str):
        return value
    return f"{float(value):.2%}" if key in _RATES else f"{float(value):,.0f}"  # type: ignore[arg-type]


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


def _opens(data: bytes | None) -> bool:
    if data is None:
        return False
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as package:
            return package.testzip() is None and "xl/workbook.xml" in package.namelist()
    except zipfile.BadZipFile:
        return False
