"""Whether a computed proposal may be handed out: its own checks, and the functions that failed in it."""

from __future__ import annotations

import tomllib
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from xlplugin.errors import ErrorValue, XlPluginError
from xlplugin.store.package import single_cell

if TYPE_CHECKING:
    from xlplugin.workbook import CompiledTemplate, Result

__all__ = ["UnsoundBookError", "named_value", "refuse_unsound"]

_SHOWN = 4


class UnsoundBookError(XlPluginError):
    """A proposal that must not reach the client: a check failed, or a function was refused its inputs."""

    number = 190


def named_value(template: CompiledTemplate, result: Result, name: str) -> Any:
    """The value of the one cell that a defined name means; None if it means something else."""
    text = next((n.text for n in template.package.names if n.name == name and n.sheet is None), None)
    place = single_cell(text) if text else None
    if place is None:
        return None
    return result.value(place.sheet, place.row, place.column)


def refuse_unsound(template: CompiledTemplate, result: Result, errors: int) -> None:
    """Raise if a proposal is unsound.

    A function that found no data (#N/A) leaves a dash and a warning; one that was refused its
    inputs (any other error) would leave a hole where a figure should be.

    Raises
    ------
    UnsoundBookError
        With the checks that failed, or the function and its own sentence.
    """
    refused = next((f for f in result.log if f.error != ErrorValue.NA.value), None)
    if refused is not None:
        raise UnsoundBookError(f"{refused.sheet}!{refused.cell}: {refused.sentence}")
    if errors:
        failed = _failed(template, result)
        named = "; ".join(failed[:_SHOWN]) or f"{errors} checks"
        raise UnsoundBookError(f"the proposal failed its own checks ({named}); mend the client's inputs")


def _failed(template: CompiledTemplate, result: Result) -> list[str]:
    """What each failed check of level error demands, in words."""
    levels, titles = _checks()
    names = sorted(n.name for n in template.package.names if n.name.startswith("chk_"))
    return [
        f"not true: {titles.get(key, key)}"
        for name in names
        if levels.get(key := name.removeprefix("chk_")) == "error"
        and named_value(template, result, name) in (False, 0.0)
    ]


@lru_cache(maxsize=1)
def _checks() -> tuple[dict[str, str], dict[str, str]]:
    folder = files("workbooks") / "layout"
    listed = tomllib.loads((folder / "checks.toml").read_text("utf-8"))["check"]
    titles = tomllib.loads((folder / "en.toml").read_text("utf-8")).get("check", {})
    return {c["id"]: c["level"] for c in listed}, titles
