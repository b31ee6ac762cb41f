"""The worked example of every worksheet function, as calls that each host must answer alike.

Most are golden vectors, whose values come from authorities and hand calculations. The functions below
have no golden vector: their values are tested in `tests/udfs`, and here the answer of plain Python is
what the other hosts are held to. A function that is new, and has neither, is called with values made
from its description, so that it is compared from its first day.
"""

import datetime as dt
from pathlib import Path

import xlsxwriter

from tests.golden.compare import as_block, cell_value
from tests.golden.vectors import read
from xlplugin.errors import ErrorValue
from xlplugin.hosts.common import Failure, answer
from xlplugin.worksheet import convert
from xlplugin.worksheet.kinds import Kind
from xlplugin.worksheet.registry import Argument, WorksheetFunction, load

__all__ = ["CALLS", "Dates", "holds_an_error", "invented", "with_dates", "write_call"]

_DAY = {"date": "2026-11-20"}
_LOTS = [["code", "quantity", "unit_cost"], ["A", 100, 50], ["B", 100, 200]]
_TARGET = [["code", "weight", "index_weight"], ["A", 0.2, 0.2], ["B", 0.2, 0.2], ["C", 0.6, 0.6]]
_QUOTES = [["code", "price", "lot_size"], ["A", 100, 1], ["B", 100, 1], ["C", 10, 1]]
_RISK = [["code", "specific_variance"], ["A", 0.04], ["B", 0.04], ["C", 0.04]]
_PLAN = {"lots": _LOTS, "target": _TARGET, "prices": _QUOTES, "risk": _RISK}
_OPTIONS = [["as_of", _DAY], ["budget", 1000], ["quarters", 2]]
_MEMBERS = [
    ["code", "name", "sector", "current_weight"],
    ["A", "Alpha", "IT", 0.6],
    ["B", "Beta", "Food", 0.4],
]
_FUNDS = [["fund_code", "index_name", "held", "exit_charge"], ["F", "I", 1, 0.001]]


def _monthly(years: int) -> list[list[object]]:
    """Month-end levels of a fund F and an index I that grow in straight lines."""
    rows: list[list[object]] = [["series_id", "obs_date", "level_value"]]
    for month in range(12 * years + 1):
        day = dt.date(2026 - years + (month + 10) // 12, (month + 10) % 12 + 1, 28).isoformat()
        rows += [["F", {"date": day}, 100 + 0.75 * month], ["I", {"date": day}, 100 + 0.8 * month]]
    return rows


_TRACKING = [["fund_code", "td_three_net"], ["F", -0.0042]]
_SALES = [["trade_date", "code", "quantity", "price"], [{"date": "2026-11-16"}, "XYZ", 100, 50]]
_TAX_LOTS = [
    ["account_kind", "code", "lot", "acquired", "quantity", "unit_cost"],
    ["taxable", "XYZ", "a", {"date": "2020-01-06"}, 100, 30],
    ["taxable", "XYZ", "b", {"date": "2026-06-01"}, 100, 60],
]
_WORKED = {
    "COST_FILLS": {
        "fills": [
            ["fund_code", "side", "quantity", "trade_price", "vwap_market"],
            ["1306", "BUY", 10, 2502, 2501],
            ["1306", "SELL", 5, 2498, 2501],
        ]
    },
    "COST_VEHICLES": {
        "vehicles": [
            ["vehicle", "ter", "tracking_error", "uses_losses"],
            ["fund", 0.002, 0.001, 0],
            ["direct", 0.004, 0.01, 1],
        ]
    },
    "FUND_AUDIT": {"series": _monthly(3), "funds": _FUNDS, "as_of": {"date": "2026-11-30"}},
    "FUND_DECISIONS": {"funds": _FUNDS, "tracking": _TRACKING},
    "FUND_YEARS": {"series": _monthly(3), "funds": _FUNDS, "as_of": {"date": "2026-11-30"}},
    "INDEX_CHANGES": {"constituents": _MEMBERS, "proposed": [["code", "weight"], ["A", 0.75], ["C", 0.25]]},
    "INDEX_PROFILE": {"weights": [["code", "weight"], ["A", 0.75], ["B", 0.25]], "constituents": _MEMBERS},
    "LOT_METHODS": {"lots": _TAX_LOTS, "sales": _SALES, "options": [["short_rate", 0.4], ["long_rate", 0.2]]},
    "PLUGIN_NOTICES": {"regime": "jp.individual", "topic": "harvest", "language": "ja"},
    "PLUGIN_STATUS": {},
    # Without a market folder these two say so, and say it alike; test_market_folder tests their answers.
    "PRICE_HISTORY": {"index_id": "TOPIX", "start_date": {"date": "2026-01-05"}, "end_date": _DAY},
    "RISK_MODEL": {"index_id": "TOPIX", "as_of": _DAY},
    "REPLICATE_COMPARE": {
        "index_weights": [["code", "weight", "sector"], ["A", 0.6, "x"], ["B", 0.4, "y"]],
        "risk": [[0.04, 0.0], [0.0, 0.09]],
        "options": [["count", 1]],
    },
    "RISK_HANDLE": {
        "codes": [["7203"], ["6758"]],
        "exposures": [[1.0], [1.0]],
        "factor_covariance": [[0.04]],
        "specific_variance": [[0.01], [0.02]],
    },
    "TAX_GIFTS": {
        "lots": _LOTS,
        "prices": [["code", "price"], ["A", 80], ["B", 300]],
        "count": 5,
        "as_of": _DAY,
    },
    "TAX_RANGE": {
        "harvest": [["recognised_now", "tax_rate", "status"], [1000000, 0.2, "OK"], [500000, 0.2, "VOID"]],
        "options": [["gains_low", 0], ["gains_base", 600000], ["horizon", 10], ["discount", 0]],
    },
    "TRANSITION_CASH": {**_PLAN, "amount": 2000, "options": _OPTIONS},
    "TRANSITION_CASH_TRADES": {**_PLAN, "amount": 2000, "variant": "LOWER_TAX", "options": _OPTIONS},
    "TRANSITION_OPTIONS": {**_PLAN, "options": _OPTIONS},
    "TRANSITION_SCHEDULE": {**_PLAN, "option": "B", "options": _OPTIONS},
}


def _plain(value: object) -> object:
    """A cell as a vector file writes it."""
    if isinstance(value, ErrorValue):
        return {"error": value.value}
    return {"date": value.isoformat()} if isinstance(value, dt.date) else value


def _vector(name: str, args: dict[str, object]) -> dict[str, object]:
    function = load()[name]
    given = [cell_value(args.get(argument.name)) for argument in function.arguments]
    found = answer(function, *given)
    rows = [[found.error]] if isinstance(found, Failure) else found
    expected = [[_plain(cell) for cell in row] for row in rows]
    return {
        "id": f"W-{name}",
        "function": name,
        "args": args,
        "expected": expected,
        "tolerance": {"rel": 1e-9, "abs": 1e-9},
    }


# -- functions that nobody has given an example yet --------------------------------------------

_BY_KIND = {
    Kind.DAY: _DAY,
    Kind.DAYS: [[_DAY], [_DAY]],
    Kind.WHOLE: 2,
    Kind.FLAG: 1,
    Kind.FLAGS: [[1], [0]],
    Kind.TEXT: "A",
    Kind.CODE: "A",
    Kind.LABELS: [["A"], ["B"]],
    Kind.VECTOR: [[0.5], [0.25]],
    Kind.MATRIX: [[0.04, 0.01], [0.01, 0.09]],
    Kind.CELLS: [["A", 1], ["B", 2]],
}


def _invented(argument: Argument) -> object:
    """A value of the kind that an argument asks for; hosts must agree on it, even if it is refused."""
    if argument.choice is not None:
        return argument.choice.words[0]
    if argument.schema is not None:
        columns = [c for c in argument.schema.columns if c.required] or argument.schema.columns[:1]
        first = [c.choice.words[0] if c.choice is not None else _BY_KIND.get(c.kind, 0.5) for c in columns]
        return [[c.key for c in columns], first]
    if argument.kind not in _BY_KIND and argument.help.between is not None:
        return sum(argument.help.between) / 2
    return _BY_KIND.get(argument.kind, 0.5)


def invented(function: WorksheetFunction) -> dict[str, object]:
    """A call with every required argument, made of the description of the function alone."""
    return {a.name: _invented(a) for a in function.arguments if not a.is_optional}


_GOLDEN = [
    case.vector for case in read(Path(__file__).resolve().parents[1] / "golden") if case.schema == "calls"
]
CALLS = [
    *(vector for vector in _GOLDEN if vector["function"] in load()),
    *(_vector(name, args) for name, args in _WORKED.items() if name in load()),
]
_KNOWN = {vector["function"] for vector in CALLS}
CALLS += [_vector(function.name, invented(function)) for function in load() if function.name not in _KNOWN]


# -- calls on sheets ---------------------------------------------------------------------------


class Dates:
    """The format of dates in one workbook."""

    def __init__(self, book: xlsxwriter.Workbook) -> None:
        self.format = book.add_format({"num_format": "yyyy-mm-dd"})


def holds_an_error(value: object) -> bool:
    """Whether an argument holds an error cell."""
    if isinstance(value, list):
        return any(map(holds_an_error, value))
    return isinstance(value, dict) and "error" in value


def _write_value(sheet, dates: Dates, row: int, column: int, value: object) -> None:
    if isinstance(value, dt.date):
        sheet.write_datetime(row, column, value, dates.format)
    elif isinstance(value, ErrorValue):
        sheet.write_formula(row, column, "=NA()")
    elif isinstance(value, str):
        sheet.write_string(row, column, value)  # "=" is an operator here, no formula
    elif value is not None:
        sheet.write(row, column, value)


def write_call(book: xlsxwriter.Workbook, dates: Dates, vector: dict, stored_name) -> tuple[int, int]:
    """One sheet: the arguments side by side from row 200 on, the result from A1 on; its height and width."""
    sheet = book.add_worksheet(vector["id"][:31])
    function, column, given = load()[vector["function"]], 0, []
    for argument in function.arguments:
        if argument.name not in vector["args"]:
            given.append("")
            continue
        block = as_block(cell_value(vector["args"][argument.name]))
        for r, cells in enumerate(block):
            for c, value in enumerate(cells):
                _write_value(sheet, dates, 199 + r, column + c, value)
        corner = xlsxwriter.utility.xl_rowcol_to_cell
        given.append(f"{corner(199, column)}:{corner(198 + len(block), column + len(block[0]) - 1)}")
        column += len(block[0]) + 1
    while given and not given[-1]:
        given.pop()
    rows, wide = as_block(vector["expected"]), len(function.columns)
    height, width = len(rows), max(wide, len(rows[0]))
    if wide and not all(isinstance(t, str) for t in rows[0]):
        height += 1  # the function prints a header that the vector leaves out
    formula = f"={stored_name(function.name)}({','.join(given)})"
    sheet.write_array_formula(0, 0, height - 1, width - 1, formula)
    return height, width


def with_dates(got, expected):
    """Serial numbers in the columns (by title, else by place) where a date is expected, as dates."""
    places = {c for row in expected for c, v in enumerate(row) if isinstance(v, dt.date)}
    if len(expected) > 1 and all(isinstance(t, str) for t in expected[0]):
        places = {got[0].index(expected[0][c]) for c in places}
    return [
        [
            convert.from_serial(v) if c in places and isinstance(v, (int, float)) else v
            for c, v in enumerate(row)
        ]
        for row in got
    ]
