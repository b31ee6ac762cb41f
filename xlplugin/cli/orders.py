"""``xlplugin orders``: the trades of a finished book as a file of orders, once every rule is kept."""

from __future__ import annotations

import datetime as dt
import tomllib
from decimal import Decimal
from importlib.resources import files
from pathlib import Path  # noqa: TC003  (typer reads it)
from typing import TYPE_CHECKING, Annotated

import typer

from xlplugin.cli.console import HELP, Console, Exit, Json, Lang, option
from xlplugin.cli.words import say
from xlplugin.errors import FileError

if TYPE_CHECKING:
    from xlplugin.batch.orders import PlanRow
    from xlplugin.store.books import BookReader

__all__ = ["orders"]


def orders(
    book: Annotated[Path, typer.Argument(metavar="BOOK.xlsx", help=say("help.orders.book", HELP))],
    *,
    out: Annotated[Path | None, option("--out", "help.out")] = None,
    lang: Lang = HELP,
    as_json: Json = False,
) -> None:
    """Write the planned trades as orders; exit code 1, and no file, while one breaks a rule."""
    from xlplugin.batch.orders import orders_csv, orders_of  # noqa: PLC0415  (the light start)
    from xlplugin.batch.writing import write_whole  # noqa: PLC0415
    from xlplugin.store.books import BookReader  # noqa: PLC0415

    console = Console.of(lang, as_json=as_json)
    if not book.is_file():
        raise FileError(f"{book}: there is no such workbook; check the path")
    reader = BookReader(book)
    client_id, client, faults = reader.client()
    if client is None or faults:
        raise faults[0]
    as_of = client.settings.get("as_of")
    if not isinstance(as_of, dt.date):
        raise FileError(f"{book}: its cell in_as_of holds no date; fill it and compute the book")
    plan = _plan(reader)
    prices = {str(row["code"]): row for row in client.rows("prices")}
    units = {code: Decimal(str(row.get("unit_size") or 0)) for code, row in prices.items()}
    made, breaches = orders_of(plan, client, as_of, units)
    sentences = [console.say(f"orders.{b.rule}", **b.facts) for b in breaches]
    errors = reader.package.names.get("out_check_errors")
    if errors is not None and reader.cell(errors):
        sentences.insert(0, console.say("orders.checks", book=book))
    path = None
    if not sentences and made:
        path = out or book.with_name(f"orders_{client_id}_{as_of:%Y%m%d}.csv")
        ccy = {code: str(row.get("ccy") or "") for code, row in prices.items()}
        write_whole(path, orders_csv(client_id, made, as_of, ccy))
        sells = sum(order.row.side == "SELL" for order in made)
        console.line(console.say("orders.done", path=path, sells=sells, buys=len(made) - sells))
    for sentence in sentences:
        console.line(f"✖ {sentence}")
    if sentences:
        console.line(console.say("orders.refused", count=len(sentences)))
    elif not made:
        console.line(console.say("orders.none"))
    console.data({"file": path and str(path), "orders": len(made), "breaches": sentences})
    if sentences:
        raise typer.Exit(Exit.FINDINGS)


def _plan(reader: BookReader) -> list[PlanRow]:
    """The rows of the trade list that the book computed."""
    from xlplugin.batch.orders import PlanRow  # noqa: PLC0415  (the light start)

    place = reader.package.names.get("out_trades")
    if place is None:
        raise FileError(f"{reader.path}: it has no trade list; give a finished proposal or adviser's book")
    layout = tomllib.loads((files("workbooks") / "layout" / "calc.toml").read_text("utf-8"))
    columns = next(block["columns"] for block in layout["block"] if block["key"] == "trades_out")
    found = []
    for cells in reader.rows(place, len(columns)):
        row = dict(zip(columns, cells, strict=True))
        if row["side"] in {"BUY", "SELL"} and row["quantity"]:
            quantity, price = (Decimal(repr(float(row[key]))).normalize() for key in ("quantity", "price"))
            found.append(PlanRow(row["side"], str(row["code"]), str(row["name"] or ""), quantity, price))
    return found
