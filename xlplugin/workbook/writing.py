"""The changed parts of one computed book, and the package around them.

Untouched members are copied as packed bytes. ``[Content_Types].xml`` comes first, then the order
of the source, new parts last.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from xlplugin.errors import HostError
from xlplugin.workbook.cells import SheetResult
from xlplugin.workbook.editions import formula_sheet, frozen_formulas, name_rewriter, policy_of
from xlplugin.workbook.fixed import with_dates, with_names
from xlplugin.workbook.patch import render
from xlplugin.workbook.tokens import address
from xlplugin.workbook.xmltext import attributes
from xlplugin.workbook.zipped import Entry, new_entry, write_zip

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xlplugin.workbook.editions import Edition
    from xlplugin.workbook.fixed import FixedParts
    from xlplugin.workbook.formula import Flavour
    from xlplugin.workbook.running import Calculated, Result
    from xlplugin.workbook.strings import StringPool

__all__ = ["oracle_edition", "values_edition", "write"]


def write(
    state: Calculated,
    *,
    edition: Edition,
    flavour: Flavour,
    level: int,
    freeze_dynamic: bool = True,
    properties: Mapping[str, str] | None = None,
) -> bytes:
    """One edition of a computed book.

    Raises
    ------
    InputError
        For a values edition of a book that is one already and holds our functions again.
    """
    template = state.template
    fixed = template.fixed_parts(edition)
    pool = copy.copy(state.bound.pool)  # each edition appends its own texts
    changed = _sheets(state, edition, flavour, fixed, pool, freeze_dynamic=freeze_dynamic)
    changed |= _charts(state, changed)
    changed |= state.bound.parts
    if edition == "values" and fixed.formulas_part is not None:
        pairs = [(sheet, state.results.get(name)) for name, sheet in state.sheets.items()]
        changed[fixed.formulas_part] = formula_sheet(frozen_formulas(pairs, freeze_dynamic=freeze_dynamic))
    if pool.grew and fixed.strings_part is not None:
        changed[fixed.strings_part] = pool.part()
    main = template.package.main
    rewritten = name_rewriter(edition, flavour, template.spelled, state.extent, state.moved)
    workbook = with_names(fixed.workbook, main, rewritten) if template.package.names else fixed.workbook
    if workbook is not fixed.workbook or workbook != template.package.data(main):
        changed[main] = workbook
    changed |= _properties(state, properties or {})
    return write_zip(_entries(state, fixed, changed, level))


def _sheets(
    state: Calculated,
    edition: Edition,
    flavour: Flavour,
    fixed: FixedParts,
    pool: StringPool,
    *,
    freeze_dynamic: bool,
) -> dict[str, bytes]:
    changed: dict[str, bytes] = {}
    for name, sheet in state.sheets.items():
        result = state.results.get(name)
        has_kept = edition == "values" and any(one.formula is not None for one in sheet.formulas())
        if result is None and name not in state.bound.changed and not has_kept:
            continue
        policy = policy_of(
            edition,
            flavour,
            state.template.spelled,
            state.extent,
            pool,
            fixed.dynamic_record,
            name,
            freeze_dynamic=freeze_dynamic,
        )
        changed[sheet.part] = render(sheet, result or SheetResult(None), policy).encode("utf-8")
    return changed


def _charts(state: Calculated, written: Mapping[str, bytes]) -> dict[str, bytes]:
    package = state.template.package
    texts: dict[str, str] = {}

    def read(formula: str) -> tuple[list[list[Any]], str] | None:
        found = state.charts.get(formula)
        if found is None:
            return None
        (name, corners), rows = found
        part = state.sheets[name].part
        if part not in texts:
            texts[part] = (written.get(part) or package.data(part)).decode("utf-8", "replace")
        style = _style_in(texts[part], address(corners[0], corners[1]))
        return rows, state.template.formats.code(style)

    return {
        chart.part: chart.render(read, state.moved, date1904=package.date1904)
        for chart in state.template.charts
    }


def _style_in(sheet: str, place: str) -> str | None:
    """The format of one cell as it is written; cells of a spill may be new."""
    at = sheet.find(f' r="{place}"')
    if at < 0:
        return None
    start, end = sheet.rfind("<", 0, at), sheet.find(">", at)
    return attributes(sheet[start:end]).get("s")


def _properties(state: Calculated, given: Mapping[str, str]) -> dict[str, bytes]:
    package = state.template.package
    found: dict[str, bytes] = {}
    for relation in package.relations(""):
        if relation.kind == "core-properties" and relation.target in package.entries:
            before = package.data(relation.target)
            after = with_dates(before, state.as_of, given)
            if after != before:
                found[relation.target] = after
    return found


def _entries(state: Calculated, fixed: FixedParts, changed: dict[str, bytes], level: int) -> list[Entry]:
    template = state.template
    entries: list[Entry] = []
    for name, entry in template.package.entries.items():
        if name in fixed.dropped:
            continue
        if name in changed:
            entries.append(new_entry(name, changed.pop(name), level))
        elif name in fixed.parts:
            entries.append(template.packed(fixed, name, level))
        else:
            entries.append(entry)
    known = {entry.name for entry in entries}
    for name in fixed.parts:
        if name not in known and name not in changed:
            entries.append(template.packed(fixed, name, level))
    for name, data in changed.items():
        entries.append(new_entry(name, data, level))
    entries.sort(key=lambda entry: entry.name != "[Content_Types].xml")
    return entries


# -- other editions of a result --------------------------------------------------------------------


def values_edition(result: Result, *, freeze_dynamic: bool = True, level: int = 6) -> bytes:
    """What a client gets, written from a result without calculating again.

    Raises
    ------
    HostError
        If the result came from another process and no longer holds its calculation.
    """
    state = _state_of(result)
    return write(state, edition="values", flavour="vba", level=level, freeze_dynamic=freeze_dynamic)


def oracle_edition(result: Result, *, flavour: Flavour = "vba", level: int = 6) -> bytes:
    """What LibreOffice recomputes; `flavour` "addin" for versions before 25.2."""
    return write(_state_of(result), edition="oracle", flavour=flavour, level=level)


def _state_of(result: Result) -> Calculated:
    if result.state is None:
        raise HostError("This result no longer holds its calculation; ask run() for the edition instead")
    return result.state
