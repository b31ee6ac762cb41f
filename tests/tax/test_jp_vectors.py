"""The Japanese cases of tax.json and washsale.json, and the HarvestCheck cases of Japan."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from tests.golden import adapters_jp, adapters_us
from tests.golden.compare import assert_fields, assert_like

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
TAX = json.loads((GOLDEN / "tax.json").read_text(encoding="utf-8"))
WASH = json.loads((GOLDEN / "washsale.json").read_text(encoding="utf-8"))
SCHEMA = TAX["schema"]
CASES = [v for v in TAX["vectors"] if v["regime"].startswith("jp.")]
AVERAGES = [c for c in WASH["cases"] if c["kind"] == "jp_average"]
ADAPT_CASE = adapters_jp.CASE_ADAPTERS["jp_average"]
ADAPTERS = {**adapters_jp.ADAPTERS, "harvest_check": adapters_us.harvest_check}


@pytest.mark.parametrize("vector", CASES, ids=lambda v: v["id"])
def test_the_case_comes_out_as_its_source_says(vector: dict[str, Any]) -> None:
    kind = SCHEMA["kinds"][vector["kind"]]
    got = adapters_jp.shown(ADAPTERS[vector["kind"]](vector))
    assert_fields(got, vector["expected"], kind["expected"], SCHEMA["records"], vector["id"])


@pytest.mark.parametrize("case", AVERAGES, ids=lambda c: c["id"])
def test_the_average_cost_case_comes_out_whatever_the_order_of_its_rows(case: dict[str, Any]) -> None:
    trades = list(case["trades"])
    for seed in range(3):
        assert_like(ADAPT_CASE({**case, "trades": trades}), case["expected"], case["id"])
        random.Random(seed).shuffle(trades)


def test_no_japanese_kind_is_left_without_an_adapter() -> None:
    kinds = {name for name, kind in SCHEMA["kinds"].items() if kind["regime"].startswith("jp.")}
    assert kinds <= set(adapters_jp.ADAPTERS)
