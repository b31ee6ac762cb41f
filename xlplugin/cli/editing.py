"""Commands that put something into a client's book and write it as a new one: import, refresh, harvest."""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from xlplugin.cli.books import BookFile, Day, Out, day_of, given_day, write_beside
from xlplugin.cli.console import HELP, Console, Exit, Json, Lang, option, sentence
from xlplugin.cli.words import say
from xlplugin.errors import FileError, InputError

if TYPE_CHECKING:
    from xlplugin.batch.importing import Part
    from xlplugin.batch.updating import Tables
    from xlplugin.store.clients import Record
    from xlplugin.store.market import MarketFiles
    from xlplugin.workbook import Result

__all__ = ["harvest", "import_", "refresh"]

_LISTED = frozenset("account code name lot recognized net_benefit rebuy_from status reason".split())
_REPLACING = frozenset("sold_code rank buy_code status".split())
_ROLES = ("constituents", "prices", "history", "events")


def import_(
    book: BookFile,
    sources: Annotated[list[Path], typer.Argument(metavar="FILE...", help=say("help.import.files", HELP))],
    *,
    out: Out = None,
    table: Annotated[str | None, option("--table", "help.import.table")] = None,
    account: Annotated[str | None, option("--account", "help.import.account")] = None,
    replace: Annotated[bool, option("--replace", "help.import.replace")] = False,
    as_of: Day = None,
    lang: Lang = HELP,
    as_json: Json = False,
) -> None:
    """Read files of brokers and index providers into a client's book; exit code 1 when a row was refused."""
    from xlplugin.batch.importing import read_parts  # noqa: PLC0415  (the light start)
    from xlplugin.batch.updating import imported  # noqa: PLC0415

    console = Console.of(lang, as_json=as_json)
    day = day_of(book, as_of)
    tables, client_id, settings = _opened(console, book)
    _set_the_day(tables, settings, day)
    accounts = frozenset(str(r["account"]) for r in tables.records("accounts"))
    parts = read_parts(
        sources,
        as_of=day,
        client_id=client_id,
        settings=settings,
        accounts=accounts,
        table=table,
        account=account,
    )
    rejected = [sentence(error, console.language) for part in parts for error in part.rejected]
    taken = sum(len(part.records) for part in parts)
    target = out or book.with_name(f"{book.stem}.imported{book.suffix}")
    estimated: list[str] = []
    failures = 0
    if taken:  # a file of refused rows alone changes nothing
        estimated = imported(tables, parts, day, whole=replace)
        files = ", ".join(path.name for path in sources)
        done = console.say("import.log", files=files, rows=taken, rejected=len(rejected))
        result = _run(tables, "xlplugin import", done, day)
        write_beside(book, target, result.data)
        failures = len(result.log)
    _print_parts(console, parts)
    others = [console.say("import.others", file=p.file, count=p.others) for p in parts if p.others]
    end = console.say(
        "import.done" if taken else "import.nothing", path=target, rows=taken, rejected=len(rejected)
    )
    said = console.lines([*rejected, *others, *_of_risk(console, estimated), end])
    console.data(
        {
            "file": str(target) if taken else None,
            "rows": taken,
            "parts": [
                {"file": p.file, "table": p.table, "rows": len(p.records), "unread": list(p.unread)}
                for p in parts
            ],
            "rejected": rejected,
            "average_risk": estimated,
            "failures": failures,
            "said": said,
        }
    )
    if rejected:
        raise typer.Exit(Exit.FINDINGS)


def refresh(
    book: BookFile,
    *,
    market: Annotated[Path | None, option("--market", "help.refresh.market")] = None,
    name: Annotated[str | None, option("--name", "help.refresh.name")] = None,
    out: Out = None,
    as_of: Day = None,
    lang: Lang = HELP,
    as_json: Json = False,
) -> None:
    """Take prices, index members and corporate actions of a day into a client's book."""
    from xlplugin.batch.plan import sources_of  # noqa: PLC0415  (the light start)
    from xlplugin.batch.updating import refreshed  # noqa: PLC0415
    from xlplugin.store.market import read_market  # noqa: PLC0415

    console = Console.of(lang, as_json=as_json)
    tables, _, settings = _opened(console, book)
    day = given_day(as_of) or dt.datetime.now(dt.UTC).astimezone().date()
    found = read_market(_market_files(market, name, settings), day)
    days = [d for r in found.prices if isinstance(d := r.get("price_date"), dt.date)]
    latest = max(days, default=None)
    if latest is not None and latest > day:
        raise InputError(
            f"--as-of {day}: the file of prices is of {latest}, a later day; "
            "give that day, or a market with a price history and no prices file"
        )
    estimated = refreshed(tables, found, sources_of(found))
    target = out or book.with_name(f"{book.stem}.{day.isoformat()}{book.suffix}")
    facts = {"members": len(found.constituents), "prices": len(found.prices), "day": day}
    result = _run(tables, "xlplugin refresh", console.say("refresh.log", **facts), day)
    write_beside(book, target, result.data)
    end = console.say("refresh.done", path=target, latest=latest or "–", **facts)
    said = console.lines([*_of_risk(console, estimated), end])
    console.data(
        {
            "file": str(target),
            **facts,
            "latest_price": latest,
            "average_risk": estimated,
            "failures": len(result.log),
            "said": said,
        }
    )


def harvest(
    book: BookFile, *, out: Out = None, as_of: Day = None, lang: Lang = HELP, as_json: Json = False
) -> None:
    """List the losses worth realizing with a replacement each, and note the choices in a copy of the book."""
    from xlplugin.batch.fund_audit import named_rows  # noqa: PLC0415  (the light start)
    from xlplugin.batch.updating import choose  # noqa: PLC0415
    from xlplugin.workbook import Book  # noqa: PLC0415

    console = Console.of(lang, as_json=as_json)
    day = day_of(book, as_of)
    tables, _, _ = _opened(console, book)
    if not tables.has("choices"):
        raise InputError(f"{book}: it has no table of harvest choices; give an adviser's book")
    computed = Book(tables.template.run(as_of=day).data)
    listed = [r for r in named_rows(computed, "out_harvest", _LISTED) if r.get("code") not in (None, "")]
    first = {
        str(r["sold_code"]): r
        for r in reversed(named_rows(computed, "out_replacements", _REPLACING))
        if r.get("sold_code") not in (None, "") and r.get("status") == "OK"
    }
    worth = [r for r in listed if r.get("status") in ("OK", "REDUCED")]
    picked = [
        {
            "account": row["account"],
            "sold_code": row["code"],
            "lot": row.get("lot") or None,
            "buy_code": first.get(str(row["code"]), {}).get("buy_code"),
        }
        for row in worth
    ]
    added = choose(tables, picked)
    target = out or book.with_name(f"{book.stem}.harvest{book.suffix}")
    facts = {"rows": len(worth), "others": len(listed) - len(worth), "added": added}
    result = _run(tables, "xlplugin harvest", console.say("harvest.log", **facts), day)
    write_beside(book, target, result.data)
    header = [
        console.say(f"column.{c}") for c in ("account", "code_", "name", "loss", "benefit", "rebuy", "buy")
    ]
    rows = [
        (
            *(r["account"], r["code"], r["name"], _amount(r["recognized"]), _amount(r["net_benefit"])),
            *(_day(r.get("rebuy_from")), pick["buy_code"] or "–"),
        )
        for r, pick in zip(worth, picked, strict=True)
    ]
    if rows:
        console.table(console.say("title.harvest", day=day), header, rows)
    said = console.lines([console.say("harvest.done", path=target, **facts)])
    console.data(
        {
            "file": str(target),
            **facts,
            "list": [
                {
                    "account": r["account"],
                    "code": r["code"],
                    "recognized": r["recognized"],
                    "net_benefit": r["net_benefit"],
                    "rebuy_from": _day(r.get("rebuy_from")),
                    "buy_code": pick["buy_code"],
                }
                for r, pick in zip(worth, picked, strict=True)
            ],
            "said": said,
        }
    )


# -- helpers -------------------------------------------------------------------------------------


def _set_the_day(tables: Tables, settings: Record, day: dt.date) -> None:
    """Fill in the day of a book that has none yet, and its tax year."""
    if "as_of" not in settings:
        tables.names["in_as_of"] = day
        if "tax_year" not in settings:
            tables.names["in_tax_year"] = float(day.year)


def _opened(console: Console, book: Path) -> tuple[Tables, str, Record]:
    """The tables of a client's book, the client's id and settings."""
    from xlplugin.batch.updating import Tables  # noqa: PLC0415  (the light start)
    from xlplugin.cli.places import compiled, language_of  # noqa: PLC0415
    from xlplugin.store.books import BookReader  # noqa: PLC0415

    if not book.is_file():
        raise FileError(f"{book}: there is no such workbook; check the path")
    client_id, client, faults = BookReader(book).client()
    if client is None:
        raise faults[0]
    return Tables(compiled(book, language_of(book, console.language))), client_id, dict(client.settings)


def _run(tables: Tables, command: str, done: str, day: dt.date) -> Result:
    from xlplugin.batch.updating import logged  # noqa: PLC0415  (the light start)

    logged(tables, command, done, dt.datetime.now(dt.UTC).astimezone())
    return tables.template.run(tables.inputs(), as_of=day)


def _print_parts(console: Console, parts: list[Part]) -> None:
    header = [console.say(f"column.{c}") for c in ("file", "table", "taken", "rejected", "unread")]
    rows = [(p.file, p.table, len(p.records), len(p.rejected), ", ".join(p.unread)) for p in parts]
    console.table(console.say("title.import"), header, rows)


def _of_risk(console: Console, estimated: list[str]) -> list[str]:
    """What is to be said about prices without a risk of their own."""
    if estimated == ["*"]:
        return [console.say("import.no_risk")]
    codes = ", ".join(estimated[:10]) + (" ..." if len(estimated) > 10 else "")
    return [console.say("import.average", count=len(estimated), codes=codes)] if estimated else []


def _amount(value: object) -> str:
    return f"{value:,.0f}" if isinstance(value, float) else str(value or "–")


def _day(value: object) -> str:
    if not isinstance(value, float):
        return "–"
    return (dt.date(1899, 12, 30) + dt.timedelta(days=int(value))).isoformat()


def _market_files(market: Path | None, name: str | None, settings: Record) -> MarketFiles:
    """The files of a market: named by a job file, or in a folder by what their names end in."""
    place = market or (Path(folder) if (folder := os.environ.get("XLPLUGIN_MARKET")) else None)
    if place is None:
        raise InputError("--market is missing; give a folder of market files, or a job file with [market]")
    if place.is_file():
        return _named_market(place, name, settings)
    if not place.is_dir():
        raise FileError(f"{place}: there is no such folder or job file; check the path")
    return _folder_market(place, name)


def _named_market(job: Path, name: str | None, settings: Record) -> MarketFiles:
    from xlplugin.batch.job import load_markets  # noqa: PLC0415  (the light start)
    from xlplugin.batch.plan import market_of  # noqa: PLC0415
    from xlplugin.store.clients import Client  # noqa: PLC0415

    markets = load_markets(job)
    if not markets:
        raise FileError(f"{job}: it has no section [market]")
    if name is not None and name not in markets:
        raise InputError(f"--name {name}: {job} has the markets {', '.join(sorted(markets))}")
    client = Client("", settings, {})
    return markets[name if name is not None else market_of(client, markets)]


def _folder_market(folder: Path, name: str | None) -> MarketFiles:
    from xlplugin.store.market import MarketFiles  # noqa: PLC0415  (the light start)

    found: dict[str, Path] = {}
    start = f"{name}_".lower() if name is not None else ""
    for role in _ROLES:
        paths = [
            p
            for p in sorted(folder.iterdir())
            if p.is_file() and p.stem.lower().endswith(role) and p.stem.lower().startswith(start)
        ]
        if len(paths) > 1:
            names = ", ".join(p.name for p in paths)
            raise FileError(f"{folder}: {names} are all files of {role}; say which market with --name")
        if paths:
            found[role] = paths[0]
    if "constituents" not in found:
        raise FileError(f"{folder}: it has no file of index members, such as constituents.csv")
    return MarketFiles(found["constituents"], found.get("prices"), found.get("history"), found.get("events"))
