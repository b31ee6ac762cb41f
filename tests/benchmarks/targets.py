"""All promises of the optimiser in one table: ``python -m tests.benchmarks targets [--peers] [--json OUT]``.

Runs every command of `targets.toml` once and looks its figures up. Other libraries are measured only with
``--peers`` (each gets an environment of its own) or ``--python FILE``.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import io
import tomllib
from pathlib import Path
from typing import Any


def main(argv: list[str]) -> dict[str, Any]:
    """Run the commands and print the table."""
    parser = argparse.ArgumentParser(prog="targets", description=__doc__)
    parser.add_argument("--peers", action="store_true", help="measure other libraries as well")
    parser.add_argument("--python", help="interpreter of an environment that has them")
    asked = parser.parse_args(argv)
    wanted = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))["target"]
    measured: dict[tuple[str, ...], Any] = {}
    rows = []
    for target in wanted:
        command = tuple(target["command"])
        if command[0] == "peer" and not (asked.peers or asked.python):
            continue
        if command not in measured:
            more = ("--python", asked.python) if command[0] == "peer" and asked.python else ()
            measured[command] = _quietly(command[0], [*command[1:], *more])
        figure: Any = measured[command]
        for step in target["figure"]:
            figure = figure[step]
        rows.append({
            "what": target["what"],
            "limit": target["limit"],
            "now": figure,
            "held": bool(figure <= target["limit"]),
            "command": " ".join(command),
        })  # fmt: skip
    for row in rows:
        mark = "" if row["held"] else "  MISSED"
        print(f"{row['what']:<66} at most {row['limit']:<8.3g} now {row['now']:.3g}{mark}")
    return {"rows": rows, "held": all(row["held"] for row in rows), "figures": list(measured.values())}


def _quietly(name: str, arguments: list[str]) -> Any:
    with contextlib.redirect_stdout(io.StringIO()):
        return importlib.import_module(f"tests.benchmarks.{name}").main(arguments)
