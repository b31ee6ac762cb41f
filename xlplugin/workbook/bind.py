"""Inputs of one client."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Inputs"]


@dataclass(frozen=True)
class Inputs:
    """What one client brings: values by defined name, by table and, as a last resort, by address."""

    names: Mapping[str, Any] = field(default_factory=dict)
    tables: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    cells: Mapping[tuple[str, str], Any] = field(default_factory=dict)
