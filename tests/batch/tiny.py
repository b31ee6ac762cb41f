"""A small template with the names and tables of the real ones, and jobs on a few synthetic clients."""

from __future__ import annotations

import csv
import datetime as dt
import io
from typing import TYPE_CHECKING

import xlsxwriter

from xlplugin.store.dictionary import columns_of

if TYPE_CHECKING:
    from pathlib import Path

NAMES = (
    "in_client_id in_client_name in_regime in_as_of in_tax_year in_currency in_te_limit in_budget in_firm "
    "in_document_id in_input_hash in_index_name in_weighting cfg_unit"
).split()
TABLES = ("accounts", "lots", "prices", "constituents", "sources")


def template(path: Path, language: str = "en") -> Path:
    """One sheet of inputs, one sheet per table, one page of native formulas and a function of ours."""
    data = io.BytesIO()
    book = xlsxwriter.Workbook(data, {"in_memory": True})
    book.set_properties({"created": dt.datetime(2026, 1, 1, tzinfo=dt.UTC)})  # the same bytes every time
    page = book.add_worksheet("Page")
    sheet = book.add_worksheet("Inputs")
    for row, name in enumerate(NAMES):
        sheet.write_string(row, 0, name)
        sheet.write_blank(row, 1, None)
        book.define_name(name, f"=Inputs!$B${row + 1}")
    for table in TABLES:
        titles = [title[0 if language == "ja" else 1] for title in columns_of(table).values()]
        own = book.add_worksheet(table)
        options = {"name": f"tbl_{table}", "columns": [{"header": t} for t in titles]}
        own.add_table(0, 0, 1, len(titles) - 1, options)
    lots, prices = columns_of("lots"), columns_of("prices")
    side = 0 if language == "ja" else 1
    cost, quantity = lots["cost_basis"][side], lots["quantity"][side]
    page.write_formula("B1", "=in_client_name")
    page.write_formula("B2", f"=SUM(tbl_lots[{cost}])")
    page.write_formula("B3", f"=SUM(tbl_lots[{quantity}])")
    page.write_formula("B4", f"=COUNT(tbl_prices[{prices['price'][side]}])")
    page.write_formula("B5", "=COST_LENDING(B3/1000000,0.5)")
    page.write_formula("B6", "=IF(in_te_limit>0.9,1,0)")
    page.write_formula("B7", "=1+1")
    for name, cell in (
        ("out_value", "B2"),
        ("out_te_forecast", "B5"),
        ("out_recognized", "B3"),
        ("out_check_errors", "B6"),
        ("out_check_count", "B7"),
    ):
        book.define_name(name, f"=Page!${cell[0]}${cell[1:]}")
    book.close()
    path.write_bytes(data.getvalue())
    return path


def write_csv(path: Path, rows: list[list[object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as handle:
        csv.writer(handle).writerows(rows)


def job(folder: Path, clients: int = 6, *, extra: str = "", language: str = "en") -> Path:
    """A job file beside its inputs: `clients` clients with a few lots in a market of four securities."""
    folder.mkdir(parents=True, exist_ok=True)
    template(folder / "tiny.xlsx", language)
    ids = [f"T{n:04d}" for n in range(1, clients + 1)]
    write_csv(
        folder / "clients.csv",
        [
            ["client_id", "client_name", "regime", "language", "budget"],
            *([i, f"Client {i}", "jp_individual", language, 1000] for i in ids),
        ],
    )
    write_csv(
        folder / "accounts.csv",
        [["client_id", "account", "account_kind"], *([i, "A", "JP_TOKUTEI_WH"] for i in ids)],
    )
    lots: list[list[object]] = [["client_id", "account", "code", "quantity", "cost_basis"]]
    for n, i in enumerate(ids):
        lots += [[i, "A", code, 100 * (k + 1), 1000 * (n + k + 1)] for k, code in enumerate(("1001", "1002"))]
    write_csv(folder / "lots.csv", lots)
    codes = ("1001", "1002", "1003", "1004")
    write_csv(
        folder / "members.csv",
        [["code", "name", "sector", "published_weight"], *([c, f"Name {c}", "X", 0.25] for c in codes)],
    )
    days = [f"2026-{month:02d}-{day:02d}" for month in (8, 9, 10) for day in range(1, 29)]
    history: list[list[object]] = [["Date", *codes]]
    for n, day in enumerate(days):
        history.append([day, *(round(100 + k + (n * (k + 3)) % 7 + n / 10, 2) for k in range(4))])
    write_csv(folder / "history.csv", history)
    text = f"""
[job]
name = "tiny"
as_of = 2026-10-28
firm = "Sample"

[input]
clients = "clients.csv"
accounts = "accounts.csv"
lots = "lots.csv"

[market]
constituents = "members.csv"
history = "history.csv"

[templates]
"proposal.{language}" = "tiny.xlsx"

[output]
folder = "out"
{extra}
"""
    path = folder / "job.toml"
    path.write_text(text, "utf-8")
    return path
