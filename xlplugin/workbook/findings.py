"""What the linters report: an id, a level, a place and a sentence in two languages.

Template rules T01 to T36 and package rules P01 to P20 are those of the specification, sections 5
and 14. A finding holds facts; its sentence is made when somebody reads it.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Final, Literal

from xlplugin.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Finding", "Level", "Severity", "TemplateError"]

Level = Literal["error", "warning", "info"]
Severity: Final = {"error": 0, "warning": 1, "info": 2}


@dataclass(frozen=True)
class Finding:
    """One remark about a workbook."""

    rule: str
    level: Level
    sheet: str
    cell: str
    facts: Mapping[str, object] = field(default_factory=dict)

    @property
    def place(self) -> str:
        """Sheet and cell, as far as there are any."""
        if self.sheet and self.cell:
            return f"{self.sheet}!{self.cell}"
        return self.sheet or self.cell

    def message(self, language: str = "en") -> str:
        """The sentence: what was found, and what to do."""
        text = _sentences()[self.rule]["ja" if language == "ja" else "en"]
        return text.format(cell=self.place, **self.facts).removeprefix(": ")

    def __str__(self) -> str:
        return f"{self.rule} {self.level}: {self.message()}"


class TemplateError(InputError):
    """A workbook that cannot be computed as it is; `findings` names every cell."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        self.findings = list(findings)
        shown = "; ".join(finding.message() for finding in self.findings[:5])
        more = len(self.findings) - 5
        super().__init__(shown + (f"; and {more} more" if more > 0 else ""))

    def __reduce__(self) -> tuple[type[TemplateError], tuple[list[Finding]]]:
        return TemplateError, (self.findings,)


@cache
def _sentences() -> Mapping[str, Mapping[str, str]]:
    return tomllib.loads(files("xlplugin.workbook").joinpath("rules.toml").read_text(encoding="utf-8"))
