"""Plug-ins of one kind, found by lying in one folder.

A plug-in is a module that holds one object under an agreed name (``REGIME``, ``SCHEME``,
``METHOD``). Dropping the file into the folder is the registration; nothing else is edited.
"""

from __future__ import annotations

import importlib
import pkgutil
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from xlplugin.errors import WordError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Catalogue", "Named"]


class Named(Protocol):
    """What every plug-in has."""

    @property
    def name(self) -> str:
        """The word by which users ask for it."""


T = TypeVar("T", bound=Named)


class Catalogue(Generic[T]):
    """The plug-ins in `package`, each module's object called `attribute`; loaded when first asked."""

    def __init__(self, package: str, attribute: str) -> None:
        self._package, self._attribute = package, attribute
        self._found: dict[str, T] | None = None

    def _load(self) -> dict[str, T]:
        if self._found is None:
            folder = importlib.import_module(self._package)
            found: dict[str, T] = {}
            for module in sorted(m.name for m in pkgutil.iter_modules(folder.__path__)):
                plug_in: T = getattr(importlib.import_module(f"{self._package}.{module}"), self._attribute)
                if plug_in.name in found:
                    raise ValueError(f"two plug-ins in {self._package} are called {plug_in.name}")
                found[plug_in.name] = plug_in
            self._found = found
        return self._found

    def __getitem__(self, name: str) -> T:
        try:
            return self._load()[name]
        except KeyError:
            raise WordError(self._attribute.lower(), got=name, choices=tuple(self._load())) from None

    def __iter__(self) -> Iterator[T]:
        return iter(self._load().values())

    def __len__(self) -> int:
        return len(self._load())

    @property
    def names(self) -> tuple[str, ...]:
        """All names, sorted by module."""
        return tuple(self._load())
