"""The headless engine as a host: the registry under the formula calculator.

Joins the two siblings of floor 4. `RegistryFunctions` holds no function object, so that a compiled
template can be sent to another process, which loads its own registry.
"""

from __future__ import annotations

import hashlib
from functools import cached_property
from typing import TYPE_CHECKING, Any

from xlplugin import __version__
from xlplugin.errors import ErrorValue
from xlplugin.hosts.common import Failure, answer
from xlplugin.hosts.market import connect
from xlplugin.workbook import compile_template
from xlplugin.workbook.values import MISSING
from xlplugin.worksheet.kinds import Kind
from xlplugin.worksheet.registry import load

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from xlplugin.workbook import CompiledTemplate
    from xlplugin.worksheet.convert import Block
    from xlplugin.worksheet.registry import Argument, Registry

__all__ = ["RegistryFunctions", "compile_book"]

_EXPLAINING = frozenset({"WHY"})
_DAYS_BETWEEN_SYSTEMS = 1462  # the 1904 date system counts from that much later


class RegistryFunctions:
    """The installed worksheet functions, as `workbook.calc.Functions` asks for them.

    Parameters
    ----------
    language : str, optional
        "ja" or "en", for column titles and sentences where nothing else decides.
    """

    def __init__(self, language: str | None = None) -> None:
        self.language = language

    def __reduce__(self) -> tuple[type[RegistryFunctions], tuple[str | None]]:
        return type(self), (self.language,)

    @cached_property
    def registry(self) -> Registry:
        """Loaded where it is used."""
        connect()
        return load()

    @cached_property
    def names(self) -> frozenset[str]:
        """Every function."""
        return self.registry.names

    @property
    def explaining(self) -> frozenset[str]:
        """Those that are told what was logged for the cell they point at."""
        return _EXPLAINING & self.names

    @cached_property
    def version(self) -> str:
        """Version of the package and digest of the functions' names and arguments."""
        described = "\n".join(
            f"{function.name}({', '.join(argument.name for argument in function.arguments)})"
            for function in self.registry
        )
        return f"{__version__}+{hashlib.sha256(described.encode()).hexdigest()[:12]}"

    def answer(
        self, name: str, arguments: Sequence[Any], *, recorded: str | None = None, date1904: bool = False
    ) -> Block | Failure:
        """A block, or the failure of the call."""
        function = self.registry[name]
        if recorded is not None and arguments and isinstance(_single(arguments[0]), ErrorValue):
            return [[recorded]]
        given = [None if value is MISSING else value for value in arguments]
        if date1904:
            pairs = zip(given, (*function.arguments, *[None] * len(given)), strict=False)
            given = [value if argument is None else _in_1900(argument, value) for value, argument in pairs]
        return answer(function, *given, language=self.language)


def _single(value: Any) -> Any:
    if isinstance(value, list) and len(value) == 1 and len(value[0]) == 1:
        return value[0][0]
    return value


def _in_1900(argument: Argument, value: Any) -> Any:
    """Serial numbers of the 1904 system as the readers of cells expect them."""
    if argument.kind in (Kind.DAY, Kind.DAYS):
        if isinstance(value, list):
            return [[_moved(cell) for cell in row] for row in value]
        return _moved(value)
    if argument.kind is Kind.TABLE and argument.schema is not None and isinstance(value, list):
        found = [argument.schema.find(title) if isinstance(title, str) else None for title in value[0]]
        places = [k for k, column in enumerate(found) if column is not None and column.kind is Kind.DAY]
        rows = [[_moved(c) if k in places else c for k, c in enumerate(row)] for row in value[1:]]
        return [value[0], *rows]
    if argument.kind is Kind.OPTIONS and argument.options is not None and isinstance(value, list):
        return [
            [row[0], _moved(row[1]), *row[2:]]
            if len(row) > 1 and (option := argument.options.find(row[0])) and option.kind is Kind.DAY
            else row
            for row in value
        ]
    return value


def _moved(value: Any) -> Any:
    return value + _DAYS_BETWEEN_SYSTEMS if type(value) is float else value


def compile_book(
    source: bytes | Path, *, language: str | None = None, lenient: bool = False
) -> CompiledTemplate:
    """A workbook made ready to be computed with the installed worksheet functions.

    See `xlplugin.workbook.compile_template`.
    """
    return compile_template(source, RegistryFunctions(language), lenient=lenient)
