"""One client and a market as the inputs of a template.

Settings: the client's own, else the job's, else the default of the client's regime that the
templates list. Tables: the client's rows and the market's, under the headers of the template.
Nothing here computes a result; what the book shows, its formulas compute.
"""

from __future__ import annotations

import datetime as dt
import tomllib
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from xlplugin import __version__
from xlplugin.batch.risk import FACTORS, RiskRows, risk_rows
from xlplugin.core.accounts import AccountKind
from xlplugin.errors import MissingError
from xlplugin.store.dictionary import PER_CLIENT, columns_of, setting_of
from xlplugin.store.grids import plain_header
from xlplugin.store.market import Market
from xlplugin.workbook import Inputs

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from xlplugin.store.clients import Client, Record
    from xlplugin.workbook import CompiledTemplate

__all__ = [
    "Bench",
    "Resolved",
    "as_cell",
    "bench",
    "completed_lot",
    "headers_of",
    "inputs_for",
    "own_bench",
    "price_rows",
    "resolved",
]

_RISK_KEYS = tuple(f"f{n:02d}" for n in range(1, FACTORS + 1))


@dataclass(frozen=True)
class Bench:
    """A market with its risk model: what every client of it shares."""

    market: Market
    risk: RiskRows

    @property
    def weights(self) -> dict[str, float]:
        """Index weight by code: as published, else by float-adjusted value, else equal."""
        members = self.market.constituents
        return _weights(members)


def own_bench(client: Client, as_of: dt.date) -> Bench:
    """The market and the risk that a client's own workbook brings.

    Raises
    ------
    MissingError
        If the book has no members or no priced security with a risk row.
    """
    market = Market(
        as_of, client.rows("constituents"), client.rows("prices"), client.rows("events"), None, ()
    )
    known = [r for r in market.prices if r.get("specific_variance") is not None]
    if not market.constituents or not known:
        raise MissingError(
            f"{client.client_id}: the book has no index members with risk, and the job has no [market]"
        )
    rows = [tuple(_float(r.get(key) or 0) for key in _RISK_KEYS) for r in known]
    mean = tuple(sum(column) / len(rows) for column in zip(*rows, strict=True))
    specific = sorted(_float(r["specific_variance"]) for r in known)
    in_play = (*client.rows("lots"), *market.constituents, *market.prices)
    other = {str(r["code"]) for r in in_play} - {str(r["code"]) for r in known}
    risk = RiskRows(
        dict.fromkeys(other, mean), dict.fromkeys(other, specific[len(specific) // 2]), frozenset(other)
    )
    return Bench(market, risk)


def bench(market: Market, held: Iterable[str]) -> Bench:
    """Estimate the risk of every member, priced security and holding.

    Raises
    ------
    MissingError
        If the market has no price history, or too little of it.
    """
    if market.history is None:
        raise MissingError("the market has no price history; add history to [market] for the risk model")
    codes = [str(r["code"]) for r in (*market.constituents, *market.prices)]
    return Bench(market, risk_rows(market.history, [*codes, *sorted(held)]))


def _weights(members: Iterable[Record]) -> dict[str, float]:
    rows = list(members)
    if rows and all(r.get("published_weight") is not None for r in rows):
        return {str(r["code"]): _float(r["published_weight"]) for r in rows}
    if rows and all(r.get("shares_out") is not None and r.get("index_price") is not None for r in rows):
        cap = {
            str(r["code"]): _float(r["shares_out"])
            * _float(r["index_price"])
            * _float(r.get("free_float") or 1)
            for r in rows
        }
        total = sum(cap.values())
        return {code: value / total for code, value in cap.items()}
    return {str(r["code"]): 1.0 / len(rows) for r in rows}


# -- settings ------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def _layout() -> dict[str, Any]:
    return tomllib.loads((files("workbooks") / "layout" / "inputs.toml").read_text("utf-8"))


@dataclass(frozen=True)
class Resolved:
    """A client with every setting decided; `given` are those that the client or the job named."""

    client: Client
    settings: Mapping[str, Any]
    given: frozenset[str] = frozenset()

    @property
    def country(self) -> str:
        """Whose defaults apply: "jp" or "us"."""
        return "us" if str(self.settings.get("regime", "")).startswith("us") else "jp"


def resolved(
    client: Client, market: Market, defaults: Mapping[str, Any], given: Mapping[str, Any]
) -> Resolved:
    """The settings of a client: its own, the job's defaults, the regime's defaults.

    Parameters
    ----------
    client : Client
        As read.
    market : Market
        For the day, and for the weighting its members allow.
    defaults : mapping
        The job's.
    given : mapping
        What the job decides for every client (firm, role).
    """
    own = {k: v for k, v in client.settings.items() if v is not None}
    decided: dict[str, Any] = {**defaults, **own}
    for key, value in given.items():
        decided.setdefault(key, value)
    named = frozenset(decided)
    regime = str(decided.get("regime", "jp_individual"))
    country = "us" if regime.startswith("us") else "jp"
    decided["regime"], decided["client_id"] = regime, client.client_id
    decided["as_of"] = market.as_of
    decided.setdefault("tax_year", market.as_of.year)
    decided.setdefault("household", client.client_id)
    decided.setdefault("client_name", client.client_id)
    if "weighting" not in decided:
        decided["weighting"] = _weighting(market)
    for item in _layout()["input"]:
        key = setting_of(item["name"])
        if key not in decided and country in item:
            decided[key] = item[country]
    budget = decided.get("budget")
    if isinstance(budget, str):
        decided["budget"] = Decimal(budget.rstrip("%")) / 100 * _full_gain(client, market)
    return Resolved(client, decided, named)


def _weighting(market: Market) -> str:
    members = market.constituents
    if all(r.get("shares_out") is not None for r in members):
        return "FLOAT"
    if all(r.get("published_weight") is not None for r in members):
        return "SCORE"
    return "PRICE" if all(r.get("cap_factor") is not None for r in members) else "EQUAL"


def _full_gain(client: Client, market: Market) -> Decimal:
    """The gains of all lots in taxable accounts if everything were sold today."""
    kinds = {str(r["account"]): AccountKind(str(r["account_kind"])) for r in client.rows("accounts")}
    prices = market.price_rows
    total = Decimal(0)
    for lot in client.rows("lots"):
        price = prices.get(str(lot["code"]), {}).get("price")
        kind = kinds.get(str(lot["account"]))
        if price is None or (kind is not None and not kind.facts.loss_counts):
            continue
        total += max(Decimal(0), Decimal(str(lot["quantity"])) * Decimal(str(price)) - _cost(lot))
    return total.quantize(Decimal(1))


def _cost(lot: Record) -> Decimal:
    cost = lot.get("cost_basis")
    if isinstance(cost, Decimal):
        return cost
    return Decimal(str(lot["quantity"])) * Decimal(str(lot["unit_cost"]))


# -- inputs --------------------------------------------------------------------------------------


def inputs_for(
    template: CompiledTemplate,
    client: Resolved,
    shared: Bench,
    *,
    document_id: str,
    input_hash: str,
    sources: Iterable[Record] = (),
) -> tuple[Inputs, list[str]]:
    """What to put into a template for one client, and the inputs that it has no place for."""
    names_there = {name.name for name in template.package.names}
    tables_there = {table.name: table for table in template.package.tables}
    settings = {**client.settings, "document_id": document_id, "input_hash": input_hash}
    names: dict[str, Any] = {}
    without: list[str] = []
    for item in _layout()["input"]:
        name, key = item["name"], setting_of(item["name"])
        value = as_cell(settings.get(key))
        if item["kind"] == "choice" and item.get("list") == "unit" and value is not None:
            value = float(value)
        if name in names_there:
            names[name] = value
        elif value is not None and key in client.given:
            without.append(name)
    rows = _rows(client, shared) | {"sources": tuple(sources)}
    if "tbl_log" in tables_there:
        rows["log"] = (_run_row(client, document_id, input_hash), *rows.get("log", ()))
    tables: dict[str, list[dict[str, Any]]] = {}
    for block, records in rows.items():
        table = tables_there.get(f"tbl_{block}")
        if table is None:
            without += [f"tbl_{block}"] if records else []
            continue
        header = headers_of(block, table.columns)
        tables[table.name] = [
            {header[k]: as_cell(v) for k, v in record.items() if k in header} for record in records
        ]
    return Inputs(names, tables), without


def _run_row(client: Resolved, document_id: str, input_hash: str) -> Record:
    """The row of the log for the run that makes the book; its day is the book's, so that bytes repeat."""
    return {
        "time": str(client.settings["as_of"]),
        "command": "batch",
        "run_id": document_id,
        "user": client.settings.get("adviser"),
        "version": __version__,
        "input_hash": input_hash,
        "result": "live",
    }


def headers_of(block: str, columns: Iterable[str]) -> dict[str, str]:
    """Key to the header that this template writes for it."""
    written = {plain_header(column): column for column in columns}
    found: dict[str, str] = {}
    for key, titles in columns_of(block).items():
        for word in (*titles, key):
            if plain_header(word) in written:
                found[key] = written[plain_header(word)]
                break
    return found


def _rows(client: Resolved, shared: Bench) -> dict[str, tuple[Record, ...]]:
    rows = {name: client.client.rows(name) for name in PER_CLIENT}
    prices = shared.market.price_rows
    rows["lots"] = tuple(completed_lot(lot, prices) for lot in rows["lots"])
    rows["constituents"] = shared.market.constituents
    rows["events"] = shared.market.events
    rows["prices"] = tuple(price_rows(client.client.rows("lots"), shared))
    return rows


def completed_lot(lot: Record, prices: Mapping[str, Record]) -> Record:
    """A lot with both its cost and its unit cost, and the name the market has for it."""
    quantity, cost = Decimal(str(lot["quantity"])), _cost(lot)
    unit = lot.get("unit_cost")
    known = prices.get(str(lot["code"]), {})
    return lot | {
        "cost_basis": cost,
        "unit_cost": unit if unit is not None else cost / quantity,
        "name": lot.get("name") or known.get("name"),
    }


def price_rows(lots: Sequence[Record], shared: Bench) -> Iterable[Record]:
    """One row per security in play: held first, by value; then by index weight; then the rest."""
    prices, weights = shared.market.price_rows, shared.weights
    value: dict[str, float] = {}
    for lot in lots:
        code = str(lot["code"])
        price = prices.get(code, {}).get("price")
        value[code] = value.get(code, 0.0) + _float(lot["quantity"]) * (
            0.0 if price is None else _float(price)
        )
    priced = (code for code, row in prices.items() if row.get("price") is not None)
    codes = dict.fromkeys((*value, *weights, *priced))  # neither held nor a member nor priced: not in play
    order = sorted(codes, key=lambda c: (c not in value, -value.get(c, 0.0), -weights.get(c, 0.0), c))
    names = {str(lot["code"]): lot.get("name") for lot in lots}
    for code in order:
        row = dict(prices.get(code, {"code": code, "name": names.get(code)}))
        row.setdefault("price", None)
        row["sector"] = row.get("sector") or "-"
        row["name"] = row.get("name") or code
        row["price_date"] = row.get("price_date") or shared.market.as_of
        if row.get("specific_variance") is None:
            row |= dict(zip(_RISK_KEYS, shared.risk.loadings[code], strict=True))
            row["specific_variance"] = shared.risk.specific[code]
            if code in shared.risk.estimated:
                row["source"] = f"{row.get('source') or ''} risk: average".strip()
        yield row


def _float(value: Any) -> float:
    return float(value)


def as_cell(value: Any) -> Any:
    """A value as a cell holds it: numbers as float, everything else as it is."""
    if isinstance(value, bool):
        return float(value)
    if isinstance(value, (int, Decimal)):
        return float(value)
    if isinstance(value, dt.datetime):
        return value.date()
    return value
