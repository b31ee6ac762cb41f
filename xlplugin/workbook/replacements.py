"""Functions the calculator lacks or computes otherwise than Excel, registered under their own names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["REPLACED", "REPLACEMENTS"]

REPLACEMENTS: Final[Mapping[str, Callable[..., Any]]] = {}
REPLACED: Final[Mapping[str, str]] = {}
