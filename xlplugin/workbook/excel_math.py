"""Matrices and multiples: functions the calculator lacks or rounds otherwise than Excel.

Source of each: Microsoft's page of the function, read November 2026.
"""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from xlplugin.workbook.excel_values import (
    Block,
    ExcelError,
    block_of,
    each_cell,
    given_of,
    number_of,
    whole_of,
)
from xlplugin.workbook.values import OMITTED, error, is_error

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["ceiling", "ceiling_math", "floor", "floor_math", "mdeterm", "minverse", "mmult", "munit"]

_SMALL: Final = 50_000  # multiplications up to which plain Python is used: the same on every machine


def _matrix(value: Any) -> list[list[float]]:
    """Numbers only: blanks and texts are #VALUE! in the matrix functions."""
    rows = block_of(value)
    for row in rows:
        for cell in row:
            if is_error(cell):
                raise ExcelError(cell["kind"])
            if type(cell) is not float:
                raise ExcelError("Value")
    return rows


def _square(value: Any) -> list[list[float]]:
    rows = _matrix(value)
    if len(rows) != len(rows[0]):
        raise ExcelError("Value")
    return rows


# -- matrices ------------------------------------------------------------------------------------


def mmult(left: Any, right: Any) -> Any:
    """MMULT: the matrix product."""
    a, b = _matrix(left), _matrix(right)
    if len(a[0]) != len(b):
        raise ExcelError("Value")
    if len(a) * len(b) * len(b[0]) <= _SMALL:
        columns = list(zip(*b, strict=True))
        return [
            [math.fsum(x * y for x, y in zip(row, column, strict=True)) for column in columns] for row in a
        ]
    product: Block = (np.array(a) @ np.array(b)).tolist()
    return product


def minverse(matrix: Any) -> Any:
    """MINVERSE: #NUM! for a matrix without an inverse."""
    try:
        inverse: Block = np.linalg.inv(np.array(_square(matrix))).tolist()
    except np.linalg.LinAlgError:
        raise ExcelError("Num") from None
    return inverse


def mdeterm(matrix: Any) -> float:
    """MDETERM: the determinant."""
    return float(np.linalg.det(np.array(_square(matrix))))


def munit(size: Any) -> Block:
    """MUNIT: the unit matrix."""
    n = whole_of(size)
    if n < 1:
        raise ExcelError("Value")
    return [[1.0 if row == column else 0.0 for column in range(n)] for row in range(n)]


# -- multiples -------------------------------------------------------------------------------------


def _quotient(number: float, step: float) -> float:
    """How many steps; a quotient that is whole but for the last digits is whole."""
    found = number / step
    nearest = round(found)
    return float(nearest) if abs(found - nearest) <= 1e-11 * max(1.0, abs(found)) else found


def _multiple(number: Any, step: Any, up: Callable[[float, float], bool]) -> Any:
    if isinstance(number, list) or isinstance(step, list):
        return each_cell(lambda n, s: _multiple(n, s, up), number, step)
    for given in (number, step):
        if is_error(given):
            return given
    value, size = number_of(number), abs(number_of(step))
    if value == 0 or size == 0:
        return 0.0
    steps = _quotient(value, size)
    return (math.ceil(steps) if up(value, size) else math.floor(steps)) * size


def _one_if_omitted(step: Any) -> Any:
    return 1.0 if given_of(step) is None else step


def ceiling_math(number: Any, step: Any = OMITTED, mode: Any = OMITTED) -> Any:
    """CEILING.MATH: up, below zero towards zero, or away from it with a mode."""
    away = given_of(mode) is not None and number_of(block_of(mode)[0][0]) != 0
    return _multiple(number, _one_if_omitted(step), lambda value, _: value > 0 or not away)


def floor_math(number: Any, step: Any = OMITTED, mode: Any = OMITTED) -> Any:
    """FLOOR.MATH: down, below zero away from zero, or towards it with a mode."""
    towards = given_of(mode) is not None and number_of(block_of(mode)[0][0]) != 0
    return _multiple(number, _one_if_omitted(step), lambda value, _: value < 0 and towards)


def ceiling(number: Any, step: Any) -> Any:
    """CEILING: away from zero where the signs agree; a positive number with a negative step is #NUM!."""
    return _signed(number, step, is_ceiling=True)


def floor(number: Any, step: Any) -> Any:
    """FLOOR: towards zero where the signs agree; a step of zero is #DIV/0!."""
    return _signed(number, step, is_ceiling=False)


def _signed(number: Any, step: Any, *, is_ceiling: bool) -> Any:
    if isinstance(number, list) or isinstance(step, list):
        return each_cell(partial(_signed, is_ceiling=is_ceiling), number, step)
    for given in (number, step):
        if is_error(given):
            return given
    value, size = number_of(number), number_of(step)
    if value == 0 or (size == 0 and is_ceiling):
        return 0.0
    if size == 0:
        return error("Div")
    if value > 0 > size:
        return error("Num")
    steps = _quotient(value, size)
    return (math.ceil(steps) if is_ceiling else math.floor(steps)) * size
