"""Comparison by the rules that each vector file states."""

import datetime as dt
import re
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Context, Decimal, localcontext
from fractions import Fraction

from xlplugin.errors import ErrorValue

# -- worksheet calls ------------------------------------------------------------------------------


def cell_value(value):
    """A JSON value of a worksheet-call vector as a cell or block."""
    if isinstance(value, dict):
        return dt.date.fromisoformat(value["date"]) if "date" in value else ErrorValue(value["error"])
    return [cell_value(v) for v in value] if isinstance(value, list) else value


def same_cell(got, expected, tolerance) -> bool:
    got, expected = (None if v == "" else v for v in (got, expected))
    numbers = (int, float)
    if isinstance(got, numbers) and isinstance(expected, numbers):
        allowed = max(tolerance.get("abs", 0), tolerance.get("rel", 0) * abs(expected))
        return abs(got - expected) <= allowed
    return type(got) is type(expected) and got == expected


def not_worse(got, expected, tolerance) -> bool:
    """The mode at_most: smaller is as good, larger only within the tolerance."""
    return got <= expected + max(tolerance.get("abs", 0), tolerance.get("rel", 0) * abs(expected))


def as_block(value) -> list[list]:
    rows = value if isinstance(value, list) else [[value]]
    return [row if isinstance(row, list) else [row] for row in rows]


def with_keys(function, block: list[list]) -> list[list]:
    """A block whose first row may hold Japanese titles, with the English keys instead."""
    keys = {title: key for key, title in function.columns.items()}
    if block[0][0] not in {*keys, *keys.values()}:
        return block
    return [[keys.get(title, title) for title in block[0]], *block[1:]]


def assert_vector(vector: dict, function, got) -> None:
    """One worksheet call's answer, as any host gave it, against its vector."""
    assert_block(with_keys(function, as_block(got)), cell_value(vector["expected"]), vector["tolerance"])


def assert_block(got: list[list], expected, tolerance: dict) -> None:
    expected = as_block(expected)
    wanted_columns = tolerance.get("columns")
    agrees = not_worse if tolerance.get("mode") == "at_most" else same_cell
    if len(expected) > 1 and all(isinstance(title, str) for title in expected[0]) and len(expected[0]) > 1:
        header, *rows = got
        missing = [title for title in expected[0] if title not in header]
        assert not missing, f"columns {missing} are missing; found {header}"
        assert len(rows) == len(expected) - 1, f"{len(rows)} rows instead of {len(expected) - 1}: {rows}"
        compared = [title for title in expected[0] if not wanted_columns or title in wanted_columns]
        for number, (row, wanted) in enumerate(zip(rows, expected[1:], strict=True), start=1):
            for title in compared:
                value, right = row[header.index(title)], wanted[expected[0].index(title)]
                assert agrees(value, right, tolerance), (
                    f"row {number}, {title}: {value!r}, expected {right!r}"
                )
        return
    if len(got) == len(expected) + 1 and all(isinstance(title, str) for title in got[0]):
        got = got[1:]  # an expected block without header, of a function that prints one
    assert [len(row) for row in got] == [len(row) for row in expected]
    for number, (row, wanted) in enumerate(zip(got, expected, strict=True), start=1):
        for value, right in zip(row, wanted, strict=True):
            assert agrees(value, right, tolerance), f"row {number}: {value!r}, expected {right!r}"


# -- tax cases -------------------------------------------------------------------------------------


def _exact(value) -> Fraction:
    assert isinstance(value, (str, int, Decimal, Fraction)), f"{value!r} is not exact"
    return Fraction(value)


def _rounded(value, places: str, mode: str) -> Fraction:
    with localcontext(Context(prec=60)):
        exact = _exact(value)
        quotient = Decimal(exact.numerator) / Decimal(exact.denominator)
        return Fraction(quotient.quantize(Decimal(places), mode))


def assert_typed(got, expected, type_: str, records: dict, where: str) -> None:
    """Compare one expected field of a tax case by the type that the schema gives it."""
    if type_.endswith("|null"):
        if expected is None or got is None:
            assert got is expected is None, f"{where}: {got!r}, expected {expected!r}"
            return
        type_ = type_.removesuffix("|null")
    if match := re.fullmatch(r"list<(.*)>", type_):
        assert len(got) == len(expected), f"{where}: {got!r}, expected {expected!r}"
        for number, (g, e) in enumerate(zip(got, expected, strict=True)):
            assert_typed(g, e, match[1], records, f"{where}[{number}]")
    elif type_ in records:
        assert_fields(got, expected, records[type_], records, where)
    elif type_ == "decimal":
        assert _exact(got) == _exact(expected), f"{where}: {got}, expected {expected}"
    elif type_ == "decimal6":
        assert _rounded(got, "1e-6", ROUND_HALF_EVEN) == _exact(expected), (
            f"{where}: {got}, expected {expected}"
        )
    elif type_ == "decimal2":
        assert _rounded(got, "0.01", ROUND_HALF_UP) == _exact(expected), (
            f"{where}: {got}, expected {expected}"
        )
    else:
        got = got.isoformat() if isinstance(got, dt.date) else got
        assert got == expected, f"{where}: {got!r}, expected {expected!r}"


def assert_fields(got: dict, expected: dict, fields: dict, records: dict, where: str) -> None:
    """Every key present in `expected` is asserted; extra results are allowed."""
    for key, value in expected.items():
        assert key in got, f"{where}: no result {key!r}"
        assert_typed(got[key], value, fields[key]["type"], records, f"{where}.{key}")


# -- wash-sale cases -------------------------------------------------------------------------------


def assert_like(got, expected, where: str) -> None:
    """Keys present in `expected` are asserted, decimals by value; null is not asserted in lots."""
    if isinstance(expected, dict):
        for key, value in expected.items():
            assert key in got, f"{where}: no result {key!r}"
            if value is None and key in {"basis", "hp_start", "open_basis"}:
                continue  # the file says: a null basis or hp_start means "not asserted"
            assert_like(got[key], value, f"{where}.{key}")
    elif isinstance(expected, list):
        assert len(got) == len(expected), f"{where}: {got!r}, expected {expected!r}"
        for number, (g, e) in enumerate(zip(got, expected, strict=True)):
            assert_like(g, e, f"{where}[{number}]")
    elif isinstance(expected, str) and re.fullmatch(r"-?\d+(\.\d+)?", expected):
        assert _exact(got) == _exact(expected), f"{where}: {got!r}, expected {expected}"
    else:
        got = got.isoformat() if isinstance(got, dt.date) else got
        assert got == expected, f"{where}: {got!r}, expected {expected!r}"
