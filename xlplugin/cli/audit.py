"""``xlplugin audit FUNDS``: what each fund delivered against its index, and keep, watch or replace."""

from __future__ import annotations

import csv
import datetime as dt
import io
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from xlplugin.cli.console import HELP, Console, Exit, Json, Lang, option
from xlplugin.cli.words import say
from xlplugin.errors import FileError

if TYPE_CHECKING:
    from xlplugin.batch.fund_audit import Audit, Refused
    from xlplugin.store.fund_audit import AuditInputs

__all__ = ["audit"]

_KEYS = (
    "fund_code fund_name asset_class index_name status td_one td_three td_five td_one_net td_three_net "
    "td_five_net td_sd worst_year te real_cost residual rank quartile peers best saving switch_cost "
    "breakeven decision reasons traps"
).split()


def audit(
    funds: Annotated[Path, typer.Argument(metavar="FUNDS", help=say("help.audit.funds", HELP))],
    *,
    as_of: Annotated[str | None, option("--as-of", "help.as_of", metavar="YYYY-MM-DD")] = None,
    year: Annotated[int | None, option("--year", "help.audit.year", min=2000, max=2099)] = None,
    history: Annotated[Path | None, option("--history", "help.audit.history")] = None,
    reviewer: Annotated[str, option("--reviewer", "help.audit.reviewer")] = "",
    tax_rate: Annotated[float, option("--tax-rate", "help.audit.tax", min=0.0, max=1.0)] = 0.20315,
    horizon: Annotated[float, option("--horizon", "help.audit.horizon", min=0.0)] = 5.0,
    out: Annotated[Path | None, option("--out", "help.audit.out")] = None,
    lang: Lang = HELP,
    as_json: Json = False,
) -> None:
    """Compute the audit workbook, append the record, list changes; exit code 1 if a series is refused."""
    from xlplugin.batch.fund_audit import make_audit  # noqa: PLC0415  (the light start)
    from xlplugin.batch.writing import write_whole  # noqa: PLC0415
    from xlplugin.cli.index import given_day  # noqa: PLC0415
    from xlplugin.cli.places import built, compiled  # noqa: PLC0415
    from xlplugin.store.fund_audit import read_audit  # noqa: PLC0415

    console = Console.of(lang, as_json=as_json)
    inputs = read_audit(funds, history)
    on = given_day(as_of) or _last_day(inputs)
    names = {
        "in_audit_year": year or on.year,
        "in_tax_rate": tax_rate,
        "in_horizon": horizon,
        **({"in_reviewer": reviewer} if reviewer else {}),
    }
    target = out or Path(f"fund_audit_{names['in_audit_year']}.{console.language}.xlsx")
    if target.resolve() == funds.resolve() or target.suffix.lower() not in {".xlsx", ".csv"}:
        raise FileError(f"{target}: give another name with --out, ending in .xlsx or .csv")
    template = compiled(built()["fund_audit", console.language], console.language)
    done = make_audit(inputs, template, console.language, on, names)
    write_whole(target, done.data if target.suffix.lower() == ".xlsx" else _csv(done))
    sentences = [_sentence(one, console) for one in done.faults]
    _print(done, sentences, on, console)
    console.line(console.say("made", path=target))
    console.data(
        {
            "as_of": on.isoformat(),
            "tax_rate": tax_rate,
            "file": str(target),
            "funds": done.rows,
            "changes": [change._asdict() for change in done.changed],
            "faults": [
                {"fund_code": one.fund_code, "sentence": text, **one.fault._asdict()}
                for one, text in zip(done.faults, sentences, strict=True)
            ],
        }
    )
    if any(one.fault.fatal for one in done.faults):
        raise typer.Exit(Exit.FINDINGS)


def _last_day(inputs: AuditInputs) -> dt.date:
    """The day in the given book, else the last day of the series."""
    days: list[dt.date] = [row["obs_date"] for row in inputs.tables["series"]]
    held = inputs.names.get("in_as_of")
    if isinstance(held, dt.datetime):
        return held.date()
    if isinstance(held, dt.date):
        return held
    if not days:
        raise FileError(
            "series: there is no row; give a table series beside the funds, or files in columns of the funds"
        )
    return max(days)


def _csv(done: Audit) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_KEYS)
    writer.writerows(["" if row[k] is None else row[k] for k in _KEYS] for row in done.rows)
    return text.getvalue().encode("utf-8")


def _print(done: Audit, sentences: list[str], on: dt.date, console: Console) -> None:
    header = [console.say(f"column.{c}") for c in ("fund", "td_net", "te", "quartile", "decision", "reason")]
    console.table(console.say("title.audit", day=on), header, [_shown(row, console) for row in done.rows])
    for text in sentences:
        console.line(text)
    if done.year_before is None:
        console.line(console.say("audit.first"))
    else:
        header = [console.say(f"column.{c}") for c in ("fund", "item", "before", "now")]
        rows = [
            (c.fund_code, _title(c.field, console), _value(c.before, c.field), _value(c.now, c.field))
            for c in done.changed
        ]
        console.table(console.say("title.changes", year=done.year_before), header, rows)
    console.line(console.say("audit.signs"))


def _shown(row: dict[str, Any], console: Console) -> tuple[str, ...]:
    def rate(value: float | None) -> str:
        return "–" if value is None else f"{value:.2%}"

    decision = console.say(f"decision.{row['decision']}") if row["decision"] else "–"
    quartile = "–" if row["quartile"] is None else f"{row['quartile']} / {row['peers']}"
    reasons = "; ".join(part for part in (row["reasons"], row["traps"]) if part)
    return (row["fund_name"], rate(row["td_three_net"]), rate(row["te"]), quartile, decision, reasons)


def _sentence(one: Refused, console: Console) -> str:
    """The fund, the place, what is wrong, what stands there."""
    from xlplugin.worksheet.explain import explain  # noqa: PLC0415  (the light start)

    fault = one.fault
    place = f"{fault.place} " if fault.place else ""
    found = f" ({fault.found})" if fault.found else ""
    why = explain(fault.code, console.language)
    return f"{one.fund_code}: {place}{_title(fault.column, console)}: {why}{found}"


def _title(key: str, console: Console) -> str:
    from xlplugin.batch.fund_audit import column_title  # noqa: PLC0415  (the light start)

    return column_title(key, console.language)


_PLAIN = frozenset(("quartile", "vwap_own"))


def _value(value: Any, key: str) -> str:
    if value is None or value == "":
        return "–"
    if isinstance(value, float | int) and key not in _PLAIN:
        return f"{value:.3%}"
    return f"{value:g}" if isinstance(value, float) else str(value)
