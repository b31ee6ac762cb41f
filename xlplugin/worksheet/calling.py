"""One call of one worksheet function with what a host handed over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xlplugin.errors import InputError
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
    call_key: Hashable = (function.name, titles, *keys)

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
    result = function.call(*values)
    japanese = titles is not None and (sum(tables) * 2 > len(tables) if tables else titles == "ja")
    return convert.write(result, function, settings, japanese=japanese)
