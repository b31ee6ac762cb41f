"""The United States cases of tax.json and washsale.json, each against the package."""

from __future__ import annotations

import datetime as dt
import json
import random
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from tests.golden.adapters_us import ADAPTERS

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
TAX = json.loads((GOLDEN / "tax.json").read_text(encoding="utf-8"))["vectors"]
WASH = json.loads((GOLDEN / "washsale.json").read_text(encoding="utf-8"))["cases"]
CASES = [v for v in (*TAX, *WASH) if v["regime"] == "us.taxable"]
LEDGERS = [v for v in WASH if v["kind"] == "us_ledger"]
by_id = pytest.mark.parametrize("vector", CASES, ids=lambda v: v["id"])


def differences(got: Any, want: Any, path: str = "") -> list[str]:
    """Where `got` is not what the file wants; a null basis or hp_start is not asserted."""
    if isinstance(want, dict):
        return [d for key in want for d in differences(got[key], want[key], f"{path}.{key}")]
    if isinstance(want, list):
        if len(got) != len(want):
            return [f"{path}: {len(got)} entries, wanted {len(want)}"]
        return [
            d
            for n, (g, w) in enumerate(zip(got, want, strict=True))
            for d in differences(g, w, f"{path}[{n}]")
        ]
    if want is None and path.endswith(("basis", "hp_start")):
        return []
    if isinstance(got, (Decimal, Fraction)):
        same = want is not None and got == Decimal(str(want))
    elif isinstance(got, dt.date):
        same = got.isoformat() == want
    else:
        same = got == want
    return [] if same else [f"{path}: {got!r}, wanted {want!r}"]


@by_id
def test_the_case_comes_out_as_its_source_says(vector: dict[str, Any]) -> None:
    assert differences(ADAPTERS[vector["kind"]](vector), vector["expected"]) == []


@pytest.mark.parametrize("vector", LEDGERS, ids=lambda v: v["id"])
def test_shuffled_rows_give_the_same_numbers(vector: dict[str, Any]) -> None:
    trades = list(vector["trades"])
    random.Random(7).shuffle(trades)
    assert ADAPTERS["us_ledger"]({**vector, "trades": trades}) == ADAPTERS["us_ledger"](vector)


@pytest.mark.parametrize("vector", LEDGERS, ids=lambda v: v["id"])
def test_what_was_paid_is_recognised_held_or_lost_and_nothing_else(vector: dict[str, Any]) -> None:
    # The invariant of the file: proceeds - purchases + open basis = recognised - lost for ever.
    done = ADAPTERS["us_ledger"](vector)["totals"]
    bought = sum(Decimal(t["amount"]) for t in vector["trades"] if t["side"] == "buy")
    sold = sum(Decimal(t["amount"]) for t in vector["trades"] if t["side"] == "sell")
    assert sold - bought + done["open_basis"] == done["recognised"] - done["lost_forever"]
