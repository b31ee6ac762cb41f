"""The tables and settings of a client book: columns, the headers that mean them, their readers.

What the templates take is listed once, in ``workbooks/layout``: `inputs.toml` (cells and tables),
`columns.toml` (Japanese and English headers) and `lists.toml` (choices). This module reads that
list and adds only what files of advisors need beyond it: further words for a column, stricter
readers, the client id, and market columns that no template shows. A setting of a client is an
input cell without its ``in_`` or ``cfg_``.
"""

from __future__ import annotations

import tomllib
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from xlplugin.store import cells
from xlplugin.store.cells import Cell, UnreadableError, Wanted
from xlplugin.store.grids import Field, Shape

if TYPE_CHECKING:
    from collections.abc import Callable
    from decimal import Decimal

__all__ = ["PER_CLIENT", "client_tables", "coded", "columns_of", "market_tables", "setting_of", "settings"]

PER_CLIENT = (
    "accounts",
    "lots",
    "trades",
    "realized",
    "carry",
    "restrictions",
    "wishes",
    "pairs",
    "choices",
    "history",
    "td_items",
    "requests",
    "reviews",
)
"""Tables with rows of their own for each client, by the plain plural of the template's table."""

_SHARED = frozenset(
    ("restrictions", "wishes", "pairs", "td_items", "requests", "reviews")
)  # client_id may be *
_ALSO = {
    "account": ("口座番号", "口座名"),
    "account_kind": ("口座種別", "預り区分", "Account type"),
    "acquired": ("買付日",),
    "broker": ("取扱会社",),
    "carry_amount": ("opening", "amount"),
    "carry_year": ("year", "発生年"),
    "ccy": ("currency",),
    "code": ("銘柄コード", "証券コード", "ティッカー", "Symbol", "Ticker"),
    "cost_basis": ("cost", "取得金額", "取得総額"),
    "fee": ("手数料",),
    "name": ("銘柄", "Security"),
    "price": ("現在値", "終値", "時価", "Close"),
    "price_date": ("日付", "date"),
    "quantity": ("株数", "保有数量", "口数", "Shares"),
    "seen": ("Data seen",),
    "sector": ("セクター", "GICS Sector", "33業種区分"),
    "settle_date": ("Settlement date",),
    "side": ("売買区分",),
    "trade_price": ("単価",),
    "unit_cost": ("平均取得単価", "平均取得価額"),
    "unit_size": ("単元株数",),
}


# -- readers -------------------------------------------------------------------------------------


_ID = Wanted("an id of capitals, digits and hyphens, at most 20", "英大文字・数字・ハイフン20字以内のID")


def _client_id(cell: Cell) -> str:
    written = cells.text(cell)
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-"
    if not (0 < len(written) <= 20 and all(c in letters for c in written)):
        wanted = Wanted(
            "an id of capitals, digits and hyphens, at most 20", "英大文字・数字・ハイフン20字以内のID"
        )
        raise UnreadableError(wanted)
    return written


def _client_or_all(cell: Cell) -> str:
    return "*" if cells.text(cell) == "*" else _client_id(cell)


def _budget(cell: Cell) -> Decimal | str:
    """An amount a year, or a share of the full gain as text with its per cent sign."""
    if isinstance(cell, str) and cell.strip().endswith(("%", "％")):
        return f"{(cells.fraction(cell) * 100).normalize():f}%"
    return cells.non_negative(cell)


_STRICT: dict[str, Callable[[Cell], object]] = {
    "account_kind": cells.account_kind,
    "adv": cells.non_negative,
    "budget": _budget,
    "buy_code": cells.ticker,
    "cap_factor": cells.non_negative,
    "carry_amount": cells.non_negative,
    "code": cells.ticker,
    "cost_basis": cells.non_negative,
    "fee": cells.non_negative,
    "free_float": cells.fraction,
    "fx_buy": cells.positive,
    "fx_sell": cells.positive,
    "index_level": cells.positive,
    "index_price": cells.positive,
    "portfolio_level": cells.positive,
    "price": cells.positive,
    "quantity": cells.positive,
    "shares_out": cells.positive,
    "sold_code": cells.ticker,
    "trade_price": cells.non_negative,
    "unit_cost": cells.non_negative,
    "unit_size": cells.positive,
}
_BY_FORMAT: dict[str, Callable[[Cell], object]] = {
    "t": cells.text,
    "d": cells.day,
    "w": cells.fraction,
    "pc": cells.fraction,
    "y": cells.whole,
}
_BY_KIND: dict[str, Callable[[Cell], object]] = {
    "text": cells.text,
    "date": cells.day,
    "number": cells.number,
    "money": cells.number,
    "whole": cells.whole,
    "rate": cells.fraction,
    "yesno": cells.flag,
}


@lru_cache(maxsize=4)
def _layout(name: str) -> dict[str, Any]:
    return tomllib.loads((files("workbooks") / "layout" / f"{name}.toml").read_text("utf-8"))


def _choice(name: str) -> Callable[[Cell], str]:
    words = _layout("lists")[name]
    return cells.choice({code: tuple(also) for code, also in words.items()})


def _column(key: str, *, required: bool = False) -> Field:
    ja, en, kind, *_ = _layout("columns")[key]
    if key in _STRICT:
        read = _STRICT[key]
    elif (listed := _layout("inputs")["column_lists"].get(key)) is not None:
        read = cells.flag if listed == "yesno" else _choice(listed)
    else:
        read = _BY_FORMAT.get(kind, cells.number)
    return Field(key, (ja, en, *_ALSO.get(key, ())), read, required=required, needed=required)


# -- what the templates take ---------------------------------------------------------------------


def setting_of(name: str) -> str:
    """The setting that an input cell holds: ``in_as_of`` is ``as_of``, ``cfg_unit`` is ``unit``."""
    return name.removeprefix("in_").removeprefix("cfg_")


_FILING_STATUSES = {
    "SINGLE": ("独身", "Single"),
    "MFJ": ("夫婦合算", "Married filing jointly"),
    "MFS": ("夫婦個別", "Married filing separately"),
    "HOH": ("世帯主", "Head of household"),
    "QSS": ("適格遺族配偶者", "Qualifying surviving spouse"),
}


@lru_cache(maxsize=1)
def settings() -> dict[str, Field]:
    """Every setting by key.

    `language` chooses the template, `market` the market of the job file; `filing_status` is for the
    year-end workbook of the United States.
    """
    language = cells.choice({"ja": ("日本語",), "en": ("英語", "English")})
    found = {
        "language": Field("language", ("言語", "Language"), language),
        "market": Field("market", ("市場", "Market"), cells.text),
        "filing_status": Field(
            "filing_status", ("申告の区分", "Filing status"), cells.choice(_FILING_STATUSES)
        ),
    }
    for item in _layout("inputs")["input"]:
        key = setting_of(item["name"])
        read = _STRICT.get(key) or (
            _choice(item["list"]) if item["kind"] == "choice" else _BY_KIND[item["kind"]]
        )
        found[key] = Field(key, (item["ja"], item["en"]), read)
    return found


@lru_cache(maxsize=1)
def _list_of() -> dict[str, str]:
    """Key of a column or setting -> the list that its cell is chosen from."""
    chosen = {setting_of(i["name"]): i["list"] for i in _layout("inputs")["input"] if i["kind"] == "choice"}
    return {**_layout("inputs")["column_lists"], **chosen}


def coded(key: str, cell: Cell) -> Cell:
    """The code of a word chosen from a list, in either language; any other cell as it is.

    Examples
    --------
    >>> coded("account_kind", "特定(源泉あり)"), coded("side", "Sell"), coded("name", "Sell")
    ('JP_TOKUTEI_WH', 'SELL', 'Sell')
    """
    name = _list_of().get(key)
    if name is None or not isinstance(cell, str):
        return cell
    read = _STRICT.get(key) or (cells.flag if name == "yesno" else _choice(name))
    try:
        found = read(cell)
    except UnreadableError:
        return cell
    return float(found) if isinstance(found, bool) else found


@lru_cache(maxsize=1)
def _tables() -> dict[str, Any]:
    return {table["block"]: table for table in _layout("inputs")["table"]}


def columns_of(table: str) -> dict[str, tuple[str, str]]:
    """Key to (Japanese, English) header of the columns of one table of the templates."""
    return {
        key: (_layout("columns")[key][0], _layout("columns")[key][1]) for key in _tables()[table]["columns"]
    }


def _fields(table: str, *without: str) -> tuple[Field, ...]:
    layout = _tables()[table]
    return tuple(
        _column(key, required=key in layout["required"] and key not in without) for key in layout["columns"]
    )


@lru_cache(maxsize=1)
def client_tables() -> dict[str, Shape]:
    """The shape of every table of a client book, by name; each has a column ``client_id``."""
    ja_en = ("顧客ID", "Client ID")
    one = Field("client_id", ja_en, _client_id, required=True, needed=True)
    any_ = Field("client_id", ja_en, _client_or_all, required=True, needed=True)
    shapes = {"clients": Shape("clients", (one, *(f for k, f in settings().items() if k != "client_id")))}
    for name in PER_CLIENT:
        # A lot needs its cost or its unit cost; which one is checked row by row.
        fields = _fields(name, "cost_basis")
        shapes[name] = Shape(name, (any_ if name in _SHARED else one, *fields))
    return shapes


@lru_cache(maxsize=1)
def market_tables() -> dict[str, Shape]:
    """The shape of the market tables: ``constituents``, ``prices``, ``events``, ``sources``.

    A price may be blank (the security is then without a price); the sector and the risk of a
    price row may be left out and are then taken from the constituents and the price history.
    """
    own = ("name", "sector", "price", "price_date", "specific_variance", "index_price")
    return {
        name: Shape(name, _fields(name, *own)) for name in ("constituents", "prices", "events", "sources")
    }
