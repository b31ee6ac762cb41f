"""What the index methodology book is filled with: an invented universe, its history, and the rule cards.

Prices, shares and sectors are those of the sample market. Dividends, foreign exchange and the present
members are made here by fixed rules, so that every build gives the same book. Nothing is a real security.
"""

from __future__ import annotations

import csv
import datetime as dt
import math
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np

from workbooks.sample.names import JP_SECURITIES
from xlplugin.index.capping import cap_weights
from xlplugin.index.rulecard import RuleCard, rule_cards

__all__ = ["CARDS", "CardRow", "Name", "Sample", "card_facts", "card_rows", "sample"]

NAMES, COUNT, MEMBER_CAP, REVIEW = 40, 20, 0.10, 24
CARDS = (
    *("nikkei225", "topix", "topix_core30", "jpx_nikkei400", "djia", "sp500", "sp500_equal_weight"),
    *("sp_select_sector", "nasdaq100", "msci_world", "msci_em", "msci_acwi", "msci_kokusai", "ftse100"),
    *("ftse_all_world", "russell2000", "stoxx600", "eurostoxx50", "crsp_total_market", "crsp_small_cap"),
    *("nomura_bpi", "ftse_wgbi", "jpm_gbi_em", "bcom", "tse_reit", "sp_developed_reit"),
)
_SECTORS = {
    "水産・農林業": "Fisheries",
    "建設業": "Construction",
    "食料品": "Foods",
    "化学": "Chemicals",
    "医薬品": "Pharmaceuticals",
    "鉄鋼": "Steel",
    "機械": "Machinery",
    "電気機器": "Electric appliances",
    "輸送用機器": "Vehicles",
    "精密機器": "Precision",
    "電気・ガス業": "Power and gas",
    "陸運業": "Railways",
    "海運業": "Shipping",
    "情報・通信業": "Communications",
    "卸売業": "Trading",
    "小売業": "Retail",
    "銀行業": "Banks",
    "保険業": "Insurance",
    "不動産業": "Real estate",
    "サービス業": "Services",
}


@dataclass(frozen=True)
class Name:
    """One security of the universe; words as (ja, en)."""

    code: str
    name: tuple[str, str]
    sector: tuple[str, str]
    shares: float
    free_float: float
    adv: float
    dividend: float
    incumbent: int
    current_weight: float


@dataclass(frozen=True)
class Sample:
    """The universe and its month ends: prices by row and name, spot and forward rates by row."""

    names: tuple[Name, ...]
    days: tuple[dt.date, ...]
    prices: tuple[tuple[float, ...], ...]
    spot: tuple[float, ...]
    forward: tuple[float, ...]


def _rows(name: str) -> list[dict[str, str]]:
    text = (files("workbooks") / "sample" / "market" / name).read_text("utf-8-sig")
    return list(csv.DictReader(text.splitlines()))


@cache
def sample() -> Sample:
    """The universe of the book; the first forty names with a price on every month end."""
    ends: dict[str, dict[str, str]] = {}
    for row in _rows("jp_history.csv"):
        ends[row["Date"][:7]] = row
    history = [row for month, row in sorted(ends.items()) if month <= "2026-10"]
    known = {s.code: s for s in JP_SECURITIES}
    members = [r for r in _rows("jp_constituents.csv") if all(h[r["コード"]] for h in history)][:NAMES]
    volume = {r["コード"]: float(r["平均売買代金"]) for r in _rows("jp_prices.csv")}
    codes = [r["コード"] for r in members]
    prices = np.array([[float(h[code]) for code in codes] for h in history])
    shares = np.array([float(r["上場株式数"]) for r in members])
    floats = np.array([float(r["浮動株比率"]) for r in members])
    value = prices[REVIEW] * shares * floats
    taken = np.zeros(len(codes))
    taken[np.argsort(-value, kind="stable")[:COUNT]] = 1.0
    then = cap_weights(value * taken / float(value @ taken), MEMBER_CAP)
    now = then * prices[-1] / prices[REVIEW]
    now = now / now.sum()
    names = tuple(
        Name(
            code,
            (known[code].name, known[code].name_en),
            (row["業種"], _SECTORS[row["業種"]]),
            shares[n],
            floats[n],
            volume[code],
            max(0.5, round(prices[REVIEW][n] * (0.006 + 0.001 * (n % 9)) * 2) / 2),
            int(taken[n]),
            round(float(now[n]), 8),
        )
        for n, (code, row) in enumerate(zip(codes, members, strict=True))
    )
    spot = tuple(round(148.0 + 6.0 * math.sin(n / 4.0) + 0.1 * n, 2) for n in range(len(history)))
    return Sample(
        names,
        tuple(dt.date.fromisoformat(h["Date"]) for h in history),
        tuple(tuple(float(p) for p in row) for row in prices),
        spot,
        tuple(round(rate * 0.9972, 2) for rate in spot),
    )


# -- rule cards ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class CardRow:
    """One dated value of a card; texts as (ja, en), `mark` one of read, known, computed, judgement."""

    card: str
    title: tuple[str, str]
    value: str
    unit: str
    mark: str
    start: dt.date
    end: dt.date | None
    source: str
    note: tuple[str, str]


def card_rows() -> list[CardRow]:
    """Every dated value of every card that the book shows, card by card."""
    found = []
    for card_id in CARDS:
        card = rule_cards()[card_id]
        for parameter in card.parameters.values():
            for row in parameter.values.rows:
                found.append(
                    CardRow(
                        card_id,
                        (parameter.title.ja, parameter.title.en),
                        _figure(row.value.figure, parameter.unit),
                        parameter.unit,
                        row.value.mark,
                        row.valid_from,
                        row.valid_to,
                        "; ".join(row.source),
                        (row.value.note.ja, row.value.note.en),
                    )
                )
    return found


def card_facts() -> list[RuleCard]:
    """The cards themselves, in the order of the book."""
    return [rule_cards()[card_id] for card_id in CARDS]


def _figure(figure: object, unit: str) -> str:
    if isinstance(figure, tuple):
        return ", ".join(_figure(part, unit) for part in figure)
    if isinstance(figure, bool):
        return "1" if figure else "0"
    if isinstance(figure, float):
        return f"{figure:.12g}"
    return str(figure)
