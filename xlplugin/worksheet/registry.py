"""Worksheet functions, described once and shown by every host.

A function that some host could not show is refused when it registers, with the reason.
"""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, get_args, get_origin, get_type_hints

from xlplugin.worksheet.kinds import Blank, Choice, Help, Kind, OptionSchema, Rows, TableSchema
from xlplugin.worksheet.reserved import RESERVED_NAMES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

__all__ = ["REGISTRY", "Argument", "Registry", "WorksheetFunction", "load", "worksheet_function"]

F = TypeVar("F", bound="Callable[..., Any]")

_NAME = re.compile(r"[A-Z]+(_[A-Z]+)*")
MAX_HELP = 255  # one text of the function wizard
MAX_ARGUMENT_LIST = 250  # all argument names of one function, with ", " between them


@dataclass(frozen=True)
class Argument:
    """One argument, as the function wizard shows it and `convert.read` reads it."""

    parameter: str
    kind: Kind
    help: Help
    default: Any = inspect.Parameter.empty
    keeps_blanks: bool = False
    choice: Choice | None = None
    schema: TableSchema | None = None
    options: OptionSchema | None = None
    rows: Rows | None = None

    @property
    def name(self) -> str:
        """As users see it: `from` for the Python parameter `from_`."""
        return self.parameter.removesuffix("_")

    @property
    def is_optional(self) -> bool:
        """Whether a formula may leave it out."""
        return self.default is not inspect.Parameter.empty


@dataclass(frozen=True)
class WorksheetFunction:
    """What a host needs in order to offer one function.

    `columns` holds the keys of a result with named columns and their Japanese titles.
    `source` names the law article, methodology document or paper section of the rule. A function
    that `reads_market` depends on the attached price source too, so its answers are not remembered.
    """

    name: str
    category: str
    title: Help
    help: Help
    arguments: tuple[Argument, ...]
    call: Callable[..., Any]
    columns: Mapping[str, str]
    source: str
    reads_market: bool = False

    @property
    def required(self) -> int:
        """How many arguments a formula must give."""
        return sum(not argument.is_optional for argument in self.arguments)


class Registry:
    """The worksheet functions of one process, in the order of their names."""

    def __init__(self) -> None:
        self._by_name: dict[str, WorksheetFunction] = {}

    def add(self, function: WorksheetFunction) -> None:
        """Add one.

        Raises
        ------
        ValueError
            If the function would fail in some host, with the reason.
        """
        if reason := self._reason_against(function):
            raise ValueError(f"{function.name}: {reason}")
        self._by_name[function.name] = function

    def _is_again(self, function: WorksheetFunction) -> bool:
        """Whether the same definition registers a second time (its module was imported twice)."""
        known = self._by_name.get(function.name)
        return known is not None and (known.call.__module__, known.call.__qualname__) == (
            function.call.__module__,
            function.call.__qualname__,
        )

    def _reason_against(self, function: WorksheetFunction) -> str | None:
        name, names = function.name, [a.name for a in function.arguments]
        if not _NAME.fullmatch(name) or len(name) < 3:
            return "a name is upper-case words joined by underscores, at least three letters"
        if name in RESERVED_NAMES:
            return "the name belongs to VBA, Excel or the book itself"
        others = {n.replace("_", "") for n in self._by_name}
        if name.replace("_", "") in others and not self._is_again(function):
            return "the name is there already, but for underscores"
        if not all(re.fullmatch(r"[a-z][a-z0-9_]*", n) for n in names):
            return "argument names are lower-case ASCII and start with a letter"
        if "caller" in names:
            return "xlwings fills an argument called caller itself"
        if len(", ".join(names)) > MAX_ARGUMENT_LIST:
            return "the argument names are too long together"
        optional = [a.is_optional for a in function.arguments]
        if optional != sorted(optional):
            return "a required argument stands behind an optional one"
        for help_ in (function.help, *(a.help for a in function.arguments)):
            for text in (help_.en, help_.ja):
                if not 0 < len(text) <= MAX_HELP or "\n" in text:
                    return f"a help text has {len(text)} characters; 1 to {MAX_HELP} on one line"
        return None

    def __iter__(self) -> Iterator[WorksheetFunction]:
        return iter(sorted(self._by_name.values(), key=lambda f: f.name))

    def __contains__(self, name: object) -> bool:
        return name in self._by_name

    def __getitem__(self, name: str) -> WorksheetFunction:
        return self._by_name[name]

    def __len__(self) -> int:
        return len(self._by_name)

    @property
    def names(self) -> frozenset[str]:
        """The names of all functions."""
        return frozenset(self._by_name)


REGISTRY = Registry()


def worksheet_function(
    name: str,
    *,
    category: str,
    ja: str,
    help_ja: str = "",
    columns: Mapping[str, str] | None = None,
    source: str = "",
    reads_market: bool = False,
    registry: Registry = REGISTRY,
) -> Callable[[F], F]:
    """Offer a function to every host under `name`; the function is given back unchanged.

    Parameters
    ----------
    name : str
        Upper-case words joined by underscores, family stem first.
    category : str
        The family, shown as the category of the function wizard.
    ja : str
        The Japanese title, at most a few words.
    help_ja : str
        The Japanese wizard text; the title if left out. The English one is the first
        paragraph of the docstring.
    columns : mapping of str to str
        Key and Japanese title of each named result column.
    source : str
        Law article, methodology document or paper section.
    reads_market : bool
        Whether the answer depends on the attached price source beside the arguments.
    """

    def record(function: F) -> F:
        hints = get_type_hints(function, include_extras=True)
        arguments = []
        for parameter in inspect.signature(function).parameters.values():
            if parameter.kind is not parameter.POSITIONAL_OR_KEYWORD:
                raise TypeError(f"{name}: {parameter.name} must be positional")
            arguments.append(_argument(name, parameter, hints[parameter.name]))
        summary = " ".join((inspect.getdoc(function) or "").split("\n\n")[0].split())
        registry.add(
            WorksheetFunction(
                name,
                category,
                Help(name, ja),
                Help(summary, help_ja or ja),
                tuple(arguments),
                function,
                dict(columns or {}),
                source,
                reads_market,
            )
        )
        return function

    return record


def _argument(function: str, parameter: inspect.Parameter, hint: Any) -> Argument:
    facts = get_args(hint)[1:] if get_origin(hint) is Annotated else ()

    def one(of: type) -> Any:
        return next((fact for fact in facts if isinstance(fact, of)), None)

    kind, help_, schema, options = one(Kind), one(Help), one(TableSchema), one(OptionSchema)
    if kind is None or help_ is None:
        raise TypeError(f"{function}: say what {parameter.name!r} is: Annotated[a kind, Help(...)]")
    if kind is Kind.TABLE and schema is None:
        raise TypeError(f"{function}: {parameter.name!r} is a table and needs its TableSchema")
    if kind is Kind.OPTIONS and options is None:
        raise TypeError(f"{function}: {parameter.name!r} holds options and needs its OptionSchema")
    return Argument(
        parameter.name,
        kind,
        help_,
        parameter.default,
        Blank.NAN in facts,
        one(Choice),
        schema,
        options,
        one(Rows),
    )


def load() -> Registry:
    """Import every package of worksheet functions that is installed; the registry is given back."""
    for entry in entry_points(group="xlplugin.functions"):
        entry.load()
    return REGISTRY
