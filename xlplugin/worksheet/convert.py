"""Between what a host hands over and what a worksheet function names: one of the two number doors.

A *cell* is float, str, bool, date, ErrorValue or None (empty). A *block* is a list of rows of
cells, all of one length. Every host delivers and takes blocks. Forms that hosts really send and
that are understood here: ``""``, NaN and None for an empty cell; 7203.0 for a code; serial
numbers, datetimes and two text forms for dates; 1.0 for TRUE; Office.js error and number objects;
error texts such as ``#N/A``; a scalar for a 1 x 1 range; a flat list for one row or column.
"""

from __future__ import annotations

import datetime as dt
import math
import re
import unicodedata
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from xlplugin.core.securities import security_code
from xlplugin.errors import (
    DomainError,
    ErrorValue,
    InputError,
    MissingError,
    NotFoundError,
    PassedOnError,
    WordError,
    XlPluginError,
)
from xlplugin.worksheet.handles import fetch, is_handle
from xlplugin.worksheet.kinds import Column, Kind, Spill, Table, TableSchema, plain

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from xlplugin.aliases import FloatArray
    from xlplugin.worksheet.registry import Argument, WorksheetFunction

__all__ = [
    "OMITTED",
    "Block",
    "Coded",
    "block",
    "cell",
    "from_serial",
    "read",
    "read_table",
    "serial",
    "write",
]

Block = list[list[Any]]

_EPOCH = dt.date(1899, 12, 30)
_FIRST_SAFE_SERIAL = 61.0  # 1 March 1900; below it Excel is a day off
_LAST_SERIAL = 2958465.0  # 31 December 9999
_ERRORS = {error.value: error for error in ErrorValue}
_NEWER_ERRORS = {
    "#SPILL!": ErrorValue.VALUE,
    "#CALC!": ErrorValue.VALUE,
    "#FIELD!": ErrorValue.VALUE,
    "#BLOCKED!": ErrorValue.VALUE,
    "#UNKNOWN!": ErrorValue.VALUE,
    "#GETTING_DATA": ErrorValue.NA,
}
_YES = frozenset(
    map(
        plain,
        ("true", "1", "yes", "はい", "有", "○", "◯", "済", "do_not_sell", "売却不可", "seen", "確認済み"),
    )
)
_NO = frozenset(map(plain, ("false", "0", "no", "いいえ", "無", "×", "未", "not_seen", "未確認")))
_DATE_TEXT = re.compile(r"(\d{4})[-/](\d{1,2})[-/](\d{1,2})")
_JAPANESE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]")
MAX_TEXT = 32767


class _Omitted:
    """An argument that the formula left out (a host hands over this, or None)."""

    def __repr__(self) -> str:
        return "OMITTED"


OMITTED = _Omitted()


# -- from a host ---------------------------------------------------------------------------------


def cell(value: Any) -> Any:
    """One value of any host as a cell."""
    kind = type(value)
    if kind is float:
        if value - value == 0.0:
            return value
        return None if value != value else ErrorValue.NUM  # infinity is no cell value
    if kind is str:
        return (_ERRORS.get(value) or _NEWER_ERRORS.get(value) or value) if value else None
    if value is None or kind is bool or kind is ErrorValue or kind is dt.date or value is OMITTED:
        return None if value is OMITTED else value
    if kind is int:
        return float(value)
    if kind is dict:  # Office.js: FormattedNumber, Error, entity
        return cell(value.get("basicValue"))
    if isinstance(value, dt.datetime):
        return value.date()
    if isinstance(value, np.bool_):
        return bool(value)
    if isinstance(value, (dt.date, str)):
        return value
    try:
        return cell(float(value))  # Decimal (currency cells), numpy scalars
    except (TypeError, ValueError):
        return str(value)


def block(raw: Any) -> Block:
    """Whatever a host hands over as rows of cells: scalar, row, column or matrix."""
    if isinstance(raw, np.ndarray):
        raw = raw.tolist()
    rows = raw if isinstance(raw, (list, tuple)) else ((raw,),)
    if not rows:
        rows = ((None,),)
    if not isinstance(rows[0], (list, tuple)):
        rows = (rows,)
    return [[cell(value) for value in row] for row in rows]


def from_serial(value: float) -> dt.date:
    """The date of an Excel serial number (1900 system, serials from 61)."""
    return _EPOCH + dt.timedelta(days=int(value))


def serial(day: dt.date) -> float:
    """The Excel serial number of a date (1900 system)."""
    return float((day - _EPOCH).days)


class _UnreadableError(XlPluginError):
    """One cell that is not what its place promises; the caller adds the place."""


def _number(value: Any) -> float:
    if type(value) is float:
        return value
    if type(value) is bool:
        return float(value)
    raise _UnreadableError(f"expected a number, got {_shown(value)}")


def _whole(value: Any) -> int:
    number = _number(value)
    if number != int(number):
        raise _UnreadableError(f"expected a whole number, got {number:g}")
    return int(number)


def _money(value: Any) -> Decimal:
    number = _number(value)
    # Fifteen digits are what a sheet keeps and shows: what the user typed, exactly, and what a formula
    # computed without the dust of its last bits, which a rounding up to a yen would make a whole one.
    return Decimal(int(number)) if number == int(number) and abs(number) < 1e15 else Decimal(f"{number:.15g}")


def _text(value: Any) -> str:
    if type(value) is float:
        return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)
    if type(value) is bool:
        return "TRUE" if value else "FALSE"
    return value.isoformat() if isinstance(value, dt.date) else str(value).strip()


def _code(value: Any) -> str:
    try:
        return security_code(value)
    except InputError as error:
        raise _UnreadableError(str(error)) from None


def _day(value: Any) -> dt.date:
    if isinstance(value, dt.date):
        return value
    if type(value) is float and _FIRST_SAFE_SERIAL <= value <= _LAST_SERIAL:
        return from_serial(value)
    if isinstance(value, str) and (match := _DATE_TEXT.fullmatch(value.strip())):
        try:
            return dt.date(*map(int, match.groups()))
        except ValueError:
            pass
    raise _UnreadableError(f"expected a date such as 2026-12-28, got {_shown(value)}")


def _flag(value: Any) -> bool:
    if type(value) is bool:
        return value
    if type(value) is float and value in (0.0, 1.0):
        return value == 1.0
    if isinstance(value, str):
        word = plain(value)
        if word in _YES:
            return True
        if word in _NO:
            return False
    raise _UnreadableError(f"expected 1 or 0, yes or no, got {_shown(value)}")


def _any(value: Any) -> Any:
    return value


_SCALARS: dict[Kind, Callable[[Any], Any]] = {
    Kind.NUMBER: _number,
    Kind.WHOLE: _whole,
    Kind.DECIMAL: _money,
    Kind.TEXT: _text,
    Kind.CODE: _code,
    Kind.DAY: _day,
    Kind.FLAG: _flag,
    Kind.ANY: _any,
}


def _shown(value: Any) -> str:
    text = value.value if isinstance(value, ErrorValue) else repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


# -- arguments -----------------------------------------------------------------------------------


def read(argument: Argument, raw: Any) -> Any:
    """One argument of a call, checked against what it promises.

    Raises
    ------
    PassedOnError
        An error cell where one value or a plain vector is expected.
    MissingError
        A blank where a value is needed.
    InputError, NotFoundError, DomainError
        As their sentences say.
    """
    kind, name = argument.kind, argument.name
    if raw is None or raw is OMITTED:
        return _default(argument)
    rows = raw if _is_block(raw) else block(raw)
    if kind in _SCALARS:
        return _read_scalar(argument, rows)
    if argument.is_optional and argument.default is None and _is_blank(rows):
        return None
    if kind is Kind.CELLS:
        return rows
    if kind is Kind.TABLE:
        if argument.schema is None:
            raise TypeError(f"{name}: a table argument without its schema")
        _pass_on_single_error(name, rows)
        return read_table(rows, argument.schema, name)
    if kind is Kind.OPTIONS:
        _pass_on_single_error(name, rows)
        return _read_options(argument, rows)
    if kind is Kind.MATRIX:
        if len(rows) == 1 and len(rows[0]) == 1 and is_handle(rows[0][0]):
            return _matrix_behind(name, rows[0][0])
        if argument.rows is not None and len(rows) > MAX_CELLS:
            raise InputError(
                f"{name}: {len(rows)} names make too large a covariance for cells (at most {MAX_CELLS}); "
                "give the factor form through RISK_HANDLE"
            )
        return _numbers_of(argument, [c for row in rows for c in row], len(rows[0])).reshape(len(rows), -1)
    values = _line(name, rows)
    if kind is Kind.VECTOR:
        return _numbers_of(argument, values, 1)
    if kind is Kind.NUMBERS:
        numbers = _numbers_of(argument, values, 1)
        return numbers[0] if len(values) == 1 else numbers
    return _read_labels(argument, values)


MAX_CELLS = 800  # names of a covariance in cells (catalogue 1.6)
MAX_DENSE = 4000  # names spelled out from a factor model behind a handle: 128 MB


class Coded(NamedTuple):
    """A square matrix from a handle, and the codes of its rows and columns."""

    matrix: FloatArray
    codes: tuple[str, ...]

    def among(self, name: str, codes: Sequence[str]) -> FloatArray:
        """The matrix in the order of `codes`.

        Raises
        ------
        MissingError
            If the model knows nothing of one of them.
        """
        place = {code: n for n, code in enumerate(self.codes)}
        unknown = [code for code in codes if code not in place]
        if unknown:
            raise MissingError(
                f"{name}: the risk model has no row for {', '.join(map(str, unknown[:5]))}; "
                "make it for all securities of the table"
            )
        order = [place[code] for code in codes]
        return self.matrix[np.ix_(order, order)]


def _matrix_behind(name: str, handle: str) -> FloatArray | Coded:
    content = fetch(name, handle)
    arrays = content.arrays
    codes = tuple(str(code) for code in arrays["codes"].tolist()) if "codes" in arrays else ()
    if "matrix" in arrays:
        matrix = np.asarray(arrays["matrix"], dtype=np.float64)
        return Coded(matrix, codes) if matrix.shape == (len(codes),) * 2 else matrix
    if content.kind != "RISK":
        raise InputError(f"{name}: {handle} holds no matrix; give the handle of a risk model")
    exposures = np.asarray(arrays["exposures"], dtype=np.float64)
    if len(exposures) > MAX_DENSE:
        raise InputError(
            f"{name}: {len(exposures)} names make too large a covariance (at most {MAX_DENSE}); "
            "use the factor form: exposures, factor covariance and specific variance"
        )
    factor = np.asarray(arrays["factor_covariance"], dtype=np.float64)
    dense: FloatArray = exposures @ factor @ exposures.T
    dense[np.diag_indices(len(dense))] += np.asarray(arrays["specific_variance"], dtype=np.float64)
    dense = (dense + dense.T) / 2.0
    return Coded(dense, codes) if codes else dense


class _Rows(list):  # type: ignore[type-arg]
    """A block that has been through `block` already."""


def _is_block(raw: Any) -> bool:
    return type(raw) is _Rows


def checked(raw: Any) -> Block:
    """`block(raw)`, marked so that reading it again does not convert it again."""
    return _Rows(block(raw))


def _default(argument: Argument) -> Any:
    if argument.is_optional:
        return argument.default
    raise MissingError(f"{argument.name}: nothing was given; point it at a cell or range with a value")


def _is_blank(rows: Block) -> bool:
    return all(value is None for row in rows for value in row)


def _pass_on_single_error(name: str, rows: Block) -> None:
    if len(rows) == 1 and len(rows[0]) == 1 and isinstance(rows[0][0], ErrorValue):
        raise PassedOnError(name, rows[0][0])


def _read_scalar(argument: Argument, rows: Block) -> Any:
    name = argument.name
    if len(rows) != 1 or len(rows[0]) != 1:
        raise InputError(f"{name}: expected one cell, got {len(rows)} rows x {len(rows[0])} columns")
    value = rows[0][0]
    if isinstance(value, ErrorValue):
        raise PassedOnError(name, value)
    if value is None:
        if argument.is_optional:
            return argument.default
        raise MissingError(f"{name}: the cell is empty; enter a value")
    return _converted(name, argument.kind, value, argument.choice, argument.help.between)


def _converted(name: str, kind: Kind, value: Any, choice: Any, between: tuple[float, float] | None) -> Any:
    if choice is not None:
        found = choice.find(_text(value))
        if found is None:
            raise WordError(name, got=_text(value), choices=choice.words)
        return found
    try:
        result = _SCALARS[kind](value)
    except _UnreadableError as error:
        raise InputError(f"{name}: {error}") from None
    if between is not None and not between[0] <= result <= between[1]:
        raise DomainError(f"{name}: {result:g} is not between {between[0]:g} and {between[1]:g}")
    return result


def _line(name: str, rows: Block) -> list[Any]:
    if len(rows[0]) == 1:
        return [row[0] for row in rows]
    if len(rows) == 1:
        return rows[0]
    raise InputError(f"{name}: expected one column or one row, got {len(rows)} rows x {len(rows[0])} columns")


def _numbers_of(argument: Argument, values: list[Any], width: int) -> FloatArray:
    try:  # the common case, at the speed of numpy: nothing but numbers
        if set(map(type, values)) <= {float}:
            return np.array(values, dtype=np.float64)
    except TypeError:
        pass
    numbers = np.empty(len(values))
    for place, value in enumerate(values):
        kind = type(value)
        if kind is float or kind is bool:
            numbers[place] = value
        elif value is None:
            if not argument.keeps_blanks:
                raise MissingError(
                    f"{argument.name}: {_place(place, width)} is blank; a blank is not zero, enter a value"
                )
            numbers[place] = math.nan
        elif kind is ErrorValue:
            if not (argument.keeps_blanks and value is ErrorValue.NA):
                raise PassedOnError(f"{argument.name}, {_place(place, width)}", value)
            numbers[place] = math.nan
        else:
            raise InputError(
                f"{argument.name}: {_place(place, width)} holds {_shown(value)}; expected a number"
            )
    return numbers


def _place(index: int, width: int) -> str:
    if width == 1:
        return f"row {index + 1}"
    return f"row {index // width + 1}, column {index % width + 1}"


def _read_labels(argument: Argument, values: list[Any]) -> Any:
    kind = argument.kind
    result: list[Any] = []
    for place, value in enumerate(values):
        if isinstance(value, ErrorValue):
            raise PassedOnError(f"{argument.name}, {_place(place, 1)}", value)
        try:
            if value is None:
                if kind is Kind.DAYS:
                    raise MissingError(f"{argument.name}: {_place(place, 1)} is blank; enter a date")
                result.append("" if kind is Kind.LABELS else False)
            elif kind is Kind.LABELS:
                result.append(_code(value) if type(value) is float else _text(value))
            elif kind is Kind.DAYS:
                result.append(_day(value))
            else:
                result.append(_flag(value))
        except _UnreadableError as error:
            raise InputError(f"{argument.name}: {_place(place, 1)}: {error}") from None
    return np.array(result, dtype=np.bool_) if kind is Kind.FLAGS else tuple(result)


# -- tables --------------------------------------------------------------------------------------


def read_table(rows: Block, schema: TableSchema, name: str) -> Table:
    """A range with a header row as a `Table`: columns found by name, blank rows dropped.

    Raises
    ------
    NotFoundError
        If the first row has no known header or a required column is missing.
    InputError
        If two columns match one key; in a strict schema, if a cell cannot be read.
    """
    where, japanese = _match_header(rows[0], schema, name)
    kept = [(n, row) for n, row in enumerate(rows[1:], start=2) if any(c is not None for c in row)]
    count = len(kept)
    columns: dict[str, list[Any]] = {}
    problems: list[tuple[int, str, str]] = []
    for column in (*schema.columns, *(_open_columns(rows[0], where) if schema.open else ())):
        if column.key not in where:
            columns[column.key] = [column.default] * count
            continue
        place = where[column.key]
        columns[column.key] = _read_column(
            column, [row[place] for _, row in kept], [n for n, _ in kept], problems
        )
    if problems and not schema.lenient:
        row, key, sentence = min(problems)
        raise InputError(f"{name}, row {row}, column {key}: {sentence}")
    return Table(name, columns, [n for n, _ in kept], frozenset(where), problems, japanese=japanese)


def _match_header(header: list[Any], schema: TableSchema, name: str) -> tuple[dict[str, int], bool]:
    where: dict[str, int] = {}
    japanese = 0
    for place, title in enumerate(header):
        if title is None or isinstance(title, ErrorValue):
            continue
        column = schema.find(title)
        key = column.key if column else (str(title).strip() if schema.open else None)
        if key is None:
            continue
        if key in where:
            raise InputError(
                f"{name}: the columns {header[where[key]]!r} and {title!r} both mean {key}; remove one"
            )
        where[key] = place
        japanese += bool(_JAPANESE.search(unicodedata.normalize("NFKC", str(title))))
    found = ", ".join(str(t) for t in header if t is not None)[:120] or "nothing"
    if not where:
        raise NotFoundError(
            f"{name}: the first row holds no known header (found {found}); "
            f"include the header row, in an Excel table {schema.name.lower()}[#All]"
        )
    for column in schema.columns:
        if column.required and column.key not in where:
            words = " / ".join((column.key, *column.ja[:1]))
            raise NotFoundError(f"{name}: the column {words} is missing; found {found}")
    return where, japanese * 2 > len(where)


def _open_columns(header: list[Any], where: Mapping[str, int]) -> list[Column]:
    return [Column(key, (), Kind.ANY) for key, place in where.items() if str(header[place]).strip() == key]


def _read_column(
    column: Column, values: list[Any], numbers: list[int], problems: list[tuple[int, str, str]]
) -> list[Any]:
    if column.kind is Kind.NUMBER and column.choice is None and set(map(type, values)) <= {float}:
        return values
    convert = _SCALARS[column.kind]
    result: list[Any] = []
    for number, value in zip(numbers, values, strict=True):
        if value is None:
            result.append(column.default)
            continue
        try:
            if isinstance(value, ErrorValue):
                if column.kind is Kind.ANY:
                    result.append(value)
                    continue
                raise _UnreadableError(f"the cell holds {value.value}")
            if column.choice is not None:
                found = column.choice.find(_text(value))
                if found is None:
                    raise _UnreadableError(f"{_text(value)!r} is not one of {', '.join(column.choice.words)}")
                result.append(found)
            else:
                result.append(convert(value))
        except _UnreadableError as error:
            problems.append((number, column.key, str(error)))
            result.append(None)
    return result


def _read_options(argument: Argument, rows: Block) -> dict[str, Any]:
    name, schema = argument.name, argument.options
    if schema is None:
        raise TypeError(f"{name}: an options argument without its schema")
    if len(rows[0]) < 2:
        raise InputError(f"{name}: expected two columns, name and value, got {len(rows[0])}")
    given: dict[str, Any] = {}
    for number, row in enumerate(rows, start=1):
        title, value = row[0], row[1]
        if title is None:
            continue
        if number == 1 and plain(title) in ("name", "名前", "項目") and isinstance(value, str):
            continue
        option = schema.find(title)
        if option is None:
            known = tuple(o.key for o in schema.options)
            raise WordError(f"{name}, row {number}", got=title, choices=known)
        if option.key in given:
            raise InputError(f"{name}, row {number}: {option.key} is given twice; remove one")
        if isinstance(value, ErrorValue):
            raise PassedOnError(f"{name}, {option.key}", value)
        if value is not None:
            given[option.key] = _converted(
                f"{name}, {option.key}", option.kind, value, option.choice, option.between
            )
    return given


# -- to a host -----------------------------------------------------------------------------------


def write(value: Any, function: WorksheetFunction, settings: Mapping[str, Any], *, japanese: bool) -> Block:
    """A result as a block: rectangular, at least one row, no NaN, no infinity.

    Parameters
    ----------
    value : object
        What the function returned: a scalar, a 1-D array (becomes a column), a 2-D array or
        block, or a `Spill`.
    function : WorksheetFunction
        For the Japanese titles of its columns.
    settings : mapping
        The options of the call; `header` and `columns` are obeyed here.
    japanese : bool
        Whether headers are printed with their Japanese titles.
    """
    if isinstance(value, Spill):
        return _write_spill(value, function, settings, japanese=japanese)
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if not isinstance(value, (list, tuple)):
        return [[_out(value)]]
    rows = [list(row) if isinstance(row, (list, tuple)) else [row] for row in value]
    if not rows or not rows[0] or len({len(row) for row in rows}) != 1:
        raise TypeError(f"{function.name}: a result needs at least one row, all of one length")
    return [[_out(v) for v in row] for row in rows]


def _write_spill(
    spill: Spill, function: WorksheetFunction, settings: Mapping[str, Any], *, japanese: bool
) -> Block:
    keys, rows = spill.keys, spill.rows
    if wanted := settings.get("columns"):
        by_word = {plain(k): k for k in keys} | {
            plain(function.columns[k]): k for k in keys if k in function.columns
        }
        names = [name.strip() for name in str(wanted).replace("、", ",").split(",") if name.strip()]
        for name in names:
            if plain(name) not in by_word:
                raise WordError("options, columns", got=name, choices=keys)
        chosen = [keys.index(by_word[plain(name)]) for name in names]
        keys = tuple(keys[k] for k in chosen)
        rows = [[row[k] for k in chosen] for row in rows]
    if any(len(row) != len(keys) for row in rows):
        raise TypeError(f"{function.name}: a row of the result is not {len(keys)} cells long")
    written = [[_out(v) for v in row] for row in rows]
    if settings.get("header", True):
        header = [function.columns.get(k, k) if japanese else k for k in keys]
        return [header, *written]
    return written or [[""] * len(keys)]


def _out(value: Any) -> Any:
    kind = type(value)
    if kind is float:
        return value if math.isfinite(value) else ErrorValue.NUM
    if value is None or kind is bool or kind is ErrorValue or kind is dt.date:
        return value
    if kind is str or isinstance(value, str):
        return str(value)[:MAX_TEXT]
    if isinstance(value, dt.datetime):
        return value.date()
    if isinstance(value, np.bool_):
        return bool(value)
    try:
        number = float(value)
    except OverflowError:  # an exact figure beyond what a cell can hold
        return ErrorValue.NUM
    return number if math.isfinite(number) else ErrorValue.NUM
