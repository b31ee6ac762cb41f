"""One call of one worksheet function with what a host handed over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from xlplugin.errors import DomainError, InputError
from xlplugin.worksheet import convert
from xlplugin.worksheet.kinds import Kind, Table
from xlplugin.worksheet.memory import Memory, cells_of, fingerprint

if TYPE_CHECKING:
    from collections.abc import Hashable

    from xlplugin.worksheet.registry import WorksheetFunction

__all__ = ["call"]


def call(
    function: WorksheetFunction,
    *raw: Any,
    titles: str | None = None,
    memory: Memory | None = None,
) -> convert.Block:
    """Call `function` with as few or as many arguments as the formula gave.

    Parameters
    ----------
    function : WorksheetFunction
        From the registry.
    *raw : object
        What the host handed over; None or `convert.OMITTED` for an argument left out.
    titles : str, optional
        None prints the English keys as column headers. With "ja" or "en" (the language of the
        book) the Japanese titles are printed where most recognised headers of the table
        arguments are Japanese, or, without a table argument, where the book is Japanese.
    memory : Memory, optional
        Of a host: ranges are read once, and a call with equal arguments is answered at once.

    Returns
    -------
    block
        At least one row, all of one length, no NaN.

    Raises
    ------
    XlPluginError
        With its sentence and its cell error.
    """
    arguments = function.arguments
    if len(raw) > len(arguments):
        raise InputError(f"{len(raw)} arguments were given; {function.name} takes at most {len(arguments)}")
    given = [*raw, *[None] * (len(arguments) - len(raw))]
    if memory is None or function.reads_market:
        values = [convert.read(a, value) for a, value in zip(arguments, given, strict=True)]
        return _answer(function, values, titles)
    keys = [fingerprint(value) for value in given]
    call_key: Hashable = (function.name, id(function), titles, *keys)

    def make() -> convert.Block:
        values = [memory.read(a, v, k) for a, v, k in zip(arguments, given, keys, strict=True)]
        return _answer(function, values, titles)

    answer: convert.Block = memory.remembered(call_key, make, 16 + sum(map(cells_of, given)))
    return [list(row) for row in answer]  # a host may change its block, not the memory's


def _answer(function: WorksheetFunction, values: list[Any], titles: str | None) -> convert.Block:
    tables = [v.japanese for v in values if isinstance(v, Table)]
    settings: dict[str, Any] = next(
        (v for a, v in zip(function.arguments, values, strict=True) if a.kind is Kind.OPTIONS and v), {}
    )
    try:
        with np.errstate(all="ignore"):  # what overflows becomes #NUM! in its own cell
            result = function.call(*_in_order(function, values))
    except (ArithmeticError, np.linalg.LinAlgError) as error:
        raise DomainError(
            f"the numbers given are outside what can be computed ({type(error).__name__}); "
            "look for a value that is far too large or too small"
        ) from error
    japanese = titles is not None and (sum(tables) * 2 > len(tables) if tables else titles == "ja")
    return convert.write(result, function, settings, japanese=japanese)


def _in_order(function: WorksheetFunction, values: list[Any]) -> list[Any]:
    """The arguments, with matrices behind handles in the order of the table they belong to."""
    if not any(isinstance(value, convert.Coded) for value in values):
        return values
    tables = {a.name: v for a, v in zip(function.arguments, values, strict=True) if isinstance(v, Table)}
    ordered = []
    for argument, value in zip(function.arguments, values, strict=True):
        if not isinstance(value, convert.Coded):
            ordered.append(value)
            continue
        if argument.rows is None and any("code" in table.columns for table in tables.values()):
            raise InputError(
                f"{argument.name}: give the matrix as cells; {function.name} cannot put a handle in its order"
            )
        named = [tables[name]["code"] for name in argument.rows.arguments] if argument.rows else [value.codes]
        ordered.append(value.among(argument.name, list(dict.fromkeys(c for codes in named for c in codes))))
    return ordered
