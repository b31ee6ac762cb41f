"""``xlplugin audit FUNDS``: what each fund delivered against its index, and keep, watch or replace."""

from __future__ import annotations

import csv
import io
from pathlib import Path  # noqa: TC003  (typer reads it)
from typing import TYPE_CHECKING, Annotated, Any

import typer

from xlplugin.cli.console import HELP, Console, Exit, Json, Lang, option
from xlplugin.cli.words import say

if TYPE_CHECKING:
    from xlplugin.engines.fund_audit.decisions import Verdict
    from xlplugin.engines.fund_audit.tracking import FundTracking
    from xlplugin.store.fund_table import AuditedFund

__all__ = ["audit"]

_KEYS = (
    "fund_code fund_name asset_class index_name status td_one td_three td_five td_one_net td_three_net "
    "td_five_net td_sd worst_year te rank quartile peers saving break_even decision reasons traps"
).split()


def audit(
    funds: Annotated[Path, typer.Argument(metavar="FUNDS.csv", help=say("help.audit.funds", HELP))],
    *,
    as_of: Annotated[str | None, option("--as-of", "help.as_of", metavar="YYYY-MM-DD")] = None,
    tax_rate: Annotated[float, option("--tax-rate", "help.audit.tax", min=0.0, max=1.0)] = 0.20315,
    horizon: Annotated[float, option("--horizon", "help.audit.horizon", min=0.0)] = 5.0,
    out: Annotated[Path | None, option("--out", "help.out")] = None,
    lang: Lang = HELP,
    as_json: Json = False,
) -> None:
    """Audit funds by their three-year tracking difference after tax; exit code 1 if a series is refused."""
    from xlplugin.batch.writing import write_whole  # noqa: PLC0415  (the light start)
    from xlplugin.cli.index import given_day  # noqa: PLC0415
    from xlplugin.engines.fund_audit.decisions import Terms, decide  # noqa: PLC0415
    from xlplugin.engines.fund_audit.series import Limits  # noqa: PLC0415
    from xlplugin.engines.fund_audit.tracking import compare, figures  # noqa: PLC0415
    from xlplugin.store.fund_table import read_funds  # noqa: PLC0415

    console = Console.of(lang, as_json=as_json)
    found = read_funds(funds)
    on = given_day(as_of) or max(row.date for fund in found for row in fund.series)
    limits = Limits()
    tracked = [
        figures(compare(f.series, f.index, f.currency, on, tax=tax_rate, limits=limits)) for f in found
    ]
    candidates = [f.candidate(t.td_net[1], t.deviation, t.paid) for f, t in zip(found, tracked, strict=True)]
    verdicts = decide(candidates, Terms(tax_rate=tax_rate, horizon=horizon))
    rows = [_row(*parts) for parts in zip(found, tracked, verdicts, strict=True)]
    header = [console.say(f"column.{c}") for c in ("fund", "td_net", "te", "quartile", "decision", "reason")]
    console.table(console.say("title.audit", day=on), header, [_shown(row, console) for row in rows])
    refused = [(f, t) for f, t in zip(found, tracked, strict=True) if t.status == "BLOCKED"]
    for fund, figure in refused:
        first = figure.faults[0]
        console.line(console.say("audit.refused", fund=fund.code, code=first.code, place=first.place))
    console.line(console.say("audit.signs"))
    if out is not None:
        text = io.StringIO(newline="")
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(_KEYS)
        writer.writerows(["" if row[k] is None else row[k] for k in _KEYS] for row in rows)
        write_whole(out, text.getvalue().encode("utf-8"))
        console.line(console.say("made", path=out))
    console.data({"as_of": on.isoformat(), "tax_rate": tax_rate, "funds": rows})
    if refused:
        raise typer.Exit(Exit.FINDINGS)


def _row(fund: AuditedFund, figure: FundTracking, verdict: Verdict) -> dict[str, Any]:
    values = (
        fund.code,
        fund.name,
        str(fund.row.get("asset_class") or ""),
        fund.index_name,
        figure.status,
        *figure.td,
        *figure.td_net,
        figure.deviation,
        figure.worst_year,
        figure.error,
        verdict.rank,
        verdict.quartile,
        verdict.peers,
        verdict.saving,
        verdict.breakeven_years,
        None if verdict.decision is None else verdict.decision.value,
        "; ".join(sorted({*verdict.reasons, *(f.code for f in figure.faults)})),
        "; ".join(verdict.traps),
    )
    return dict(zip(_KEYS, values, strict=True))


def _shown(row: dict[str, Any], console: Console) -> tuple[str, ...]:
    def rate(value: float | None) -> str:
        return "–" if value is None else f"{value:.2%}"

    decision = console.say(f"decision.{row['decision']}") if row["decision"] else "–"
    quartile = "–" if row["quartile"] is None else f"{row['quartile']} / {row['peers']}"
    reasons = "; ".join(part for part in (row["reasons"], row["traps"]) if part)
    return (row["fund_name"], rate(row["td_three_net"]), rate(row["te"]), quartile, decision, reasons)
