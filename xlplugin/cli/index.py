"""``xlplugin index``: rule books, reviews and backtests of indices from their rule cards."""

from __future__ import annotations

import csv
import datetime as dt
import io
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from xlplugin.cli.console import HELP, Console, Json, Lang, option
from xlplugin.cli.words import say
from xlplugin.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from xlplugin.index.backtest import History

__all__ = ["app", "given_day"]

app = typer.Typer(help=say("help.index", HELP), no_args_is_help=True)
Card = Annotated[str, typer.Argument(metavar="CARD", help=say("help.index.card", HELP))]
Day = Annotated[str | None, option("--day", "help.as_of", metavar="YYYY-MM-DD")]
Out = Annotated[Path | None, option("--out", "help.out")]


@app.command("cards", help=say("help.index.cards", HELP))
def cards(*, lang: Lang = HELP, as_json: Json = False) -> None:
    """Every rule card: id, name, provider, kind."""
    from xlplugin.index.rulecard import rule_cards  # noqa: PLC0415  (the light start)

    console = Console.of(lang, as_json=as_json)
    found = list(rule_cards().values())
    header = [console.say(f"column.{c}") for c in ("card", "item", "provider", "kind")]
    rows = [(c.id, c.name.say(console.language), c.provider, c.kind) for c in found]
    console.table(console.say("title.cards"), header, rows)
    console.data([{"id": i, "name": n, "provider": p, "kind": k} for i, n, p, k in rows])


@app.command("rulebook", help=say("help.index.rulebook", HELP))
def rulebook(card: Card, *, day: Day = None, out: Out = None, lang: Lang = HELP) -> None:
    """The rules of an index as text, every figure with its source."""
    from xlplugin.index.rulebook import rule_book  # noqa: PLC0415  (the light start)
    from xlplugin.index.rulecard import rule_cards  # noqa: PLC0415

    console = Console.of(lang, as_json=False)
    text = rule_book(rule_cards()[card], console.language, given_day(day))
    _deliver(console, out, text)


@app.command("review", help=say("help.index.review", HELP))
def review(
    card: Card,
    universe: Annotated[Path, typer.Argument(metavar="UNIVERSE", help=say("help.index.universe", HELP))],
    *,
    day: Day = None,
    prices: Annotated[Path | None, option("--prices", "help.index.prices")] = None,
    stage: Annotated[int | None, option("--stage", "help.index.stage")] = None,
    out: Out = None,
    lang: Lang = HELP,
    as_json: Json = False,
) -> None:
    """Review an index on a day: who is in, with what weight, and what changes."""
    from xlplugin.index.review import review as decide  # noqa: PLC0415  (the light start)
    from xlplugin.index.rulecard import rule_cards  # noqa: PLC0415
    from xlplugin.store.universe import read_history, read_universe  # noqa: PLC0415

    console = Console.of(lang, as_json=as_json)
    on = _needed(day)
    names = read_universe(universe, read_history(prices) if prices is not None else None, on)
    now = names.numbers.get("current_weight")
    done = decide(rule_cards()[card].recipe(on), names, None if now is None else _zeros(now), stage=stage)
    kinds = {change.row: change.kind for change in done.changes}
    titles = names.words.get("name", ("",) * len(names))
    keys = (
        "code",
        "name",
        "selected",
        "weight_before",
        "raw_weight",
        "weight",
        "cap_factor",
        "change",
        "reason",
    )
    rows = [
        (
            code,
            titles[n],
            int(done.selected[n]),
            _number(done.current_weights[n]),
            _number(done.raw_weights[n]),
            _number(done.weights[n]),
            _number(done.cap_factors[n]),
            kinds.get(n, ""),
            done.reasons[n],
        )
        for n, code in enumerate(names.codes)
    ]
    if out is not None:
        _deliver(console, out, _csv(keys, rows))
    else:
        shown = sorted((r for r in rows if r[5]), key=lambda r: -float(r[5] or 0.0))[:30]
        header = [console.say(f"column.{c}") for c in ("code_", "item", "weight", "change", "reason")]
        console.table(
            console.say("title.review", card=card),
            header,
            [(r[0], r[1], f"{r[5]:.4%}", r[7], r[8]) for r in shown],
        )
    added, deleted = (sum(c.kind == kind for c in done.changes) for kind in ("ADD", "DELETE"))
    facts = {"names": int(done.selected.sum()), "added": added, "deleted": deleted, "turnover": done.turnover}
    console.line(console.say("review.done", **{**facts, "turnover": f"{done.turnover:.2%}"}))
    console.data({**facts, "day": on.isoformat(), "rows": [dict(zip(keys, r, strict=True)) for r in rows]})


@app.command("backtest", help=say("help.index.backtest", HELP))
def backtest(
    card: Card,
    universe: Annotated[Path, typer.Argument(metavar="UNIVERSE", help=say("help.index.universe", HELP))],
    prices: Annotated[Path, typer.Argument(metavar="PRICES", help=say("help.index.history", HELP))],
    *,
    rules_of: Annotated[str | None, option("--rules-of", "help.index.rules_of", metavar="YYYY-MM-DD")] = None,
    withholding: Annotated[float, option("--withholding", "help.index.withholding", min=0.0, max=1.0)] = 0.0,
    out: Out = None,
    lang: Lang = HELP,
    as_json: Json = False,
) -> None:
    """Replay an index over a price history by its own rules; every level is marked as backtested."""
    from xlplugin.index.backtest import backtest as replay  # noqa: PLC0415  (the light start)
    from xlplugin.index.rulecard import rule_cards  # noqa: PLC0415

    console = Console.of(lang, as_json=as_json)
    chosen = rule_cards()[card]
    history = _history(universe, prices)
    fixed = given_day(rules_of)
    done = replay(history, chosen.recipe(fixed) if fixed else chosen.recipe, withholding=withholding)
    levels = zip(done.days, done.price, done.gross, done.net, strict=True)
    if out is not None:
        rows = [(d, _number(p), _number(g), _number(n), 1) for d, p, g, n in levels]
        _deliver(console, out, _csv(("date", "price", "gross", "net", "backtested"), rows))
    header = [console.say(f"column.{c}") for c in ("year", "return", "turnover", "names")]
    years = [(str(y.year), f"{y.total_return:.2%}", f"{y.turnover:.2%}", str(y.names)) for y in done.years]
    console.table(console.say("title.backtest", card=card), header, years)
    console.line(console.say("backtest.done", reviews=len(done.reviews), days=len(done.days)))
    console.data(
        {
            "card": card,
            "backtested": True,
            "years": [y._asdict() for y in done.years],
            "reviews": [r._asdict() for r in done.reviews],
            "last": {"date": done.days[-1], "price": float(done.price[-1]), "gross": float(done.gross[-1])},
        }
    )


# -- helpers -------------------------------------------------------------------------------------


def given_day(text: str | None) -> dt.date | None:
    """The day that an option gives, or None where it was left out."""
    if text is None:
        return None
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise InputError(f"{text}: expected a date such as 2026-11-20") from None


def _needed(text: str | None) -> dt.date:
    found = given_day(text)
    if found is None:
        raise InputError("--day is missing; say for which day, as the rules and prices depend on it")
    return found


def _zeros(column: Any) -> Any:
    import numpy as np  # noqa: PLC0415  (the light start)

    return np.nan_to_num(column)


def _number(value: float) -> float | None:
    return None if value != value else float(value)


def _history(universe: Path, prices: Path) -> History:
    """Prices with the columns of the universe beside them, one value per name for all days."""
    from xlplugin.index.backtest import History  # noqa: PLC0415  (the light start)
    from xlplugin.store.universe import read_history, read_universe  # noqa: PLC0415

    series = read_history(prices)
    names = read_universe(universe, series, series.dates[-1])
    ordered = series.of(names.codes)
    numbers = {key: column for key, column in names.numbers.items() if key not in {"price", "current_weight"}}
    return History(ordered.dates, ordered.codes, ordered.values, numbers, names.words)


def _csv(keys: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(keys)
    writer.writerows(["" if cell is None else cell for cell in row] for row in rows)
    return out.getvalue()


def _deliver(console: Console, out: Path | None, text: str) -> None:
    """Print a text, or write it where asked."""
    from xlplugin.batch.writing import write_whole  # noqa: PLC0415  (the light start)

    if out is None:
        console.line(text)
        return
    write_whole(out, text.encode("utf-8"))
    console.line(console.say("made", path=out))
