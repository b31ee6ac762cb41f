"""Results that the calculator does not spill: above 10,000 cells, with something in the way, or much read.

The calculator shows ``#SPILL!`` for the first two. Such a cell is calculated inside `CAPTURE`,
which takes the array out and leaves its first cell; cells that read the result find its values
as literals. Specification, sections 9.2 and 9.4.

A result that hundreds of formulas read as a range is taken out as well: when the calculator spills
one, it looks for what depends on each reader, one by one, so that n rows cost n squared.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from xlplugin.workbook.editions import with_extents
from xlplugin.workbook.findings import Finding
from xlplugin.workbook.sheets import Cell, Row, Sheet, Way
from xlplugin.workbook.tokens import LAST_COLUMN, LAST_ROW, address, box, box_text, plain_sheet
from xlplugin.workbook.view import literal_view

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from xlplugin.workbook.calc import Calculator
    from xlplugin.workbook.cells import SheetResult
    from xlplugin.workbook.structured import Table
    from xlplugin.workbook.tokens import Box

__all__ = ["CAPTURE", "SPILL_LIMIT", "Captures", "Place", "forbidden_spills", "much_read"]

CAPTURE: Final = "__AT"
SPILL_LIMIT: Final = 10_000  # cells; trap E13
MUCH_READ: Final = 200  # formulas that read the same range
_RANGE = re.compile(r"((?:'(?:[^']|'')+'|[^\W\d][\w.]*)!)?(\$?[A-Z]{1,3}\$?[0-9]+:\$?[A-Z]{1,3}\$?[0-9]+)")

Place = tuple[str, int, int]
Block = list[list[Any]]


@dataclass
class Captures:
    """Which results are taken out, and what they were in the pass before.

    `wanted` maps a place to its array of the last pass (None before the first one). `much_read` are
    taken out for speed alone. `blocked` are those whose small result has no room.
    """

    wanted: dict[Place, Block | None] = field(default_factory=dict)
    much_read: set[Place] = field(default_factory=set)
    blocked: dict[Place, Box] = field(default_factory=dict)
    _taken: dict[int, Block] = field(default_factory=dict)
    _shown: dict[Place, Block] = field(default_factory=dict)
    _asked: dict[Place, Box | None] = field(default_factory=dict)
    _tried_again: set[Place] = field(default_factory=set)

    @classmethod
    def starting(cls, large: Iterable[Place], much_read: set[Place]) -> Captures:
        """What is taken out from the first pass on."""
        return cls(dict.fromkeys([*large, *sorted(much_read.difference(large))]), much_read)

    @property
    def large(self) -> set[Place]:
        """Results of more cells than the calculator spills."""
        return {place for place, block in self.wanted.items() if block and _is_large(block)}

    def capture(self, number: float, value: Any) -> Any:
        """The function behind `CAPTURE`."""
        self._taken[int(number)] = value if isinstance(value, list) else [[value]]
        return value[0][0] if isinstance(value, list) else value

    # -- before a pass ---------------------------------------------------------------------------

    def extent(self, sheet: str, row: int, column: int) -> Box | None:
        """The extent of a large result, as far as it is known."""
        block = self.wanted.get(place := (sheet, row, column))
        found = None if block is None else _extent(row, column, block)
        if place in self.wanted:
            self._asked[place] = found
        return found

    def sheets(self, sheets: Mapping[str, Sheet]) -> Iterator[Sheet]:
        """Sheets whose engine view differs while results are taken out."""
        self._taken.clear()
        self._asked.clear()
        self._shown = {
            place: block
            for place, block in self.wanted.items()
            if block is not None and (place in self.much_read or _is_large(block))
        }
        numbers = {place: number for number, place in enumerate(self.wanted)}
        for name, sheet in sheets.items():
            rows: dict[int, Row] = {}
            for number, row in sheet.rows.items():
                cells = []
                for one in row.parsed() if row.formulas() else ():
                    lowered = one.lowered
                    if "ANCHORARRAY" in lowered:
                        lowered = with_extents(lowered, name, self.extent, keep=True)
                    if (place := (name, one.row, one.column)) in numbers:
                        lowered = f"{CAPTURE}({numbers[place]},{lowered})"
                    cells.append(one if lowered is one.lowered else replace(one, lowered=lowered))
                if any(a is not b for a, b in zip(cells, row.parsed(), strict=False) if row.formulas()):
                    rows[number] = Row(number, row.attributes, row.raw, cells)
            shown = {place[1:]: block for place, block in self._shown.items() if place[0] == name}
            if rows or shown:
                yield _with_literals(replace(sheet, rows={**sheet.rows, **rows}), shown)

    def _show(self, calculator: Calculator, place: Place, block: Block) -> None:
        """Put values where other cells read them."""
        sheet, row, column = place
        before = self._shown.get(place, [[None]])
        height, width = max(len(before), len(block)), max(len(before[0]), len(block[0]))
        rows = [[*line, *[None] * (width - len(line))] for line in block]
        rows += [[None] * width for _ in range(height - len(block))]
        self._shown[place] = block
        if width > 1:
            calculator.set_block(sheet, row, column + 1, [rows[0][1:]])
        if height > 1:
            calculator.set_block(sheet, row + 1, column, rows[1:])

    # -- during a pass ---------------------------------------------------------------------------

    def settle(self, calculator: Calculator, sheets: Mapping[str, Sheet]) -> bool:
        """Show what was taken out and is new; whether there was any, so that its readers are calculated."""
        changed = False
        for number, place in enumerate(self.wanted):
            block = self._taken.get(number)
            if block is None or _same(block, self._shown.get(place, [block[0][:1]])):
                continue
            if place not in self.much_read and not _is_large(block):
                continue
            if _blocker(sheets[place[0]], _extent(place[1], place[2], block)) is None:
                self._show(calculator, place, block)
                changed = True
        return changed

    # -- after a pass ----------------------------------------------------------------------------

    def settled(self, sheets: Mapping[str, Sheet], results: Mapping[str, SheetResult]) -> bool:
        """Whether nothing changed in this pass; else another one is needed."""
        taken = {place: self._taken.get(number) for number, place in enumerate(self.wanted)}
        changed, small = self._has_no_room(sheets, results, taken), []
        for place, before in list(self.wanted.items()):
            block = taken[place]
            if block is None:
                del self.wanted[place]
                changed = True
            elif place in self.much_read:
                self.wanted[place] = block
            elif not _is_large(block):
                small.append((place, block))
            elif _blocker(sheets[place[0]], _extent(place[1], place[2], block)):
                self._block(place, block)
                changed = True
            elif before is None or not _same(block, before):
                self.wanted[place] = block
                changed = changed or place not in self._shown or not _same(block, self._shown[place])
        changed = changed or any(
            extent != _extent(place[1], place[2], block)
            for place, extent in self._asked.items()
            if (block := self.wanted.get(place)) is not None
        )
        for place in _spill_errors(results):
            if place not in self.wanted and place not in self.blocked:
                self.wanted[place] = None
                changed = True
        for place, block in small:
            # Only what shows an error although everything around it stands still has no room;
            # any other one may have passed on the error of a large result.
            no_room = _blocker(sheets[place[0]], _extent(place[1], place[2], block))
            if not changed and (no_room or place in self._tried_again):
                self._block(place, block)
            else:
                self._tried_again.add(place)
                self.wanted.pop(place, None)
        return not changed and not small

    def _has_no_room(
        self,
        sheets: Mapping[str, Sheet],
        results: Mapping[str, SheetResult],
        taken: Mapping[Place, Block | None],
    ) -> bool:
        """Leave much read results to the calculator where something is in their way: it says so."""
        extents = {place: _extent(place[1], place[2], block) for place, block in taken.items() if block}
        for sheet, result in results.items():
            for at, extent in result.extents.items():
                extents.setdefault((sheet, *at), extent)
        crowded = {
            place
            for place in self.much_read & taken.keys()
            if place in extents
            and (
                _blocker(sheets[place[0]], extents[place])
                or any(
                    _meet(extents[place], extent)
                    for other, extent in extents.items()
                    if other[0] == place[0] and other != place
                )
            )
        }
        for place in crowded:
            del self.wanted[place]
        self.much_read -= crowded
        return bool(crowded)

    def _block(self, place: Place, block: Block) -> None:
        self.wanted.pop(place, None)
        self.blocked[place] = _extent(place[1], place[2], block)

    def into(self, results: Mapping[str, SheetResult]) -> dict[str, SheetResult]:
        """Results with the extents and blocks that were taken out."""
        found = dict(results)
        for (sheet, row, column), block in self.wanted.items():
            if block is None or sheet not in found:
                continue
            before = found[sheet]
            place = row, column
            found[sheet] = replace(
                before,
                extents={**before.extents, place: _extent(row, column, block)},
                blocks={**before.blocks, place: block},
            )
        return found

    def findings(self, sheets: Mapping[str, Sheet]) -> list[Finding]:
        """T08 for results without room, T32 for large ones."""
        found = []
        for (name, row, column), extent in self.blocked.items():
            blocker = _blocker(sheets[name], extent) or "another result"
            facts: dict[str, object] = {"range": box_text(extent), "blocker": blocker}
            found.append(Finding("T08", "error", name, address(row, column), facts))
        for (name, row, column), block in self.wanted.items():
            if block is not None and _is_large(block):
                facts = {"n": len(block) * len(block[0])}
                found.append(Finding("T32", "info", name, address(row, column), facts))
        return found


def much_read(sheets: Mapping[str, Sheet]) -> set[Place]:
    """Dynamic arrays that lie in a range which hundreds of formulas read."""
    reach: dict[str, list[Box]] = {}
    for name, sheet in sheets.items():
        counts = Counter(
            found for one in sheet.formulas() if ":" in one.lowered for found in _RANGE.findall(one.lowered)
        )
        for (qualifier, corners), count in counts.items():
            if count >= MUCH_READ:
                read = plain_sheet(qualifier[:-1]) if qualifier else name
                reach.setdefault(read, []).append(box(corners.replace("$", "")))
    return {
        (name, one.row, one.column)
        for name, ranges in reach.items()
        if name in sheets
        for one in sheets[name].formulas()
        if one.way is Way.DYNAMIC
        and any(one.row <= r2 and one.column <= c2 and r1 <= one.row + 1 for r1, _, r2, c2 in ranges)
    }


def forbidden_spills(sheet: Sheet, result: SheetResult, tables: Sequence[Table]) -> Iterator[Finding]:
    """T09 and T10: results over a table or a merged range, which Excel refuses to spill."""
    merged = sheet.merged()
    for (row, column), extent in result.extents.items():
        if extent[:2] == extent[2:]:
            continue
        place = address(row, column)
        for table in tables:
            if table.sheet == sheet.name and _meet(table.corners, extent):
                yield Finding("T09", "error", sheet.name, place, {"table": table.name})
        for corners in merged:
            if _meet(corners, extent):
                yield Finding("T10", "error", sheet.name, place, {"range": box_text(corners)})


def _with_literals(sheet: Sheet, shown: Mapping[tuple[int, int], Block]) -> Sheet:
    """The engine's sheet with the values of results, their first cells left out, as literals."""
    values: dict[int, dict[int, Cell]] = {}
    for (first, left), block in shown.items():
        for down, line in enumerate(block):
            for right, value in enumerate(line):
                if down or right:
                    row, column = first + down, left + right
                    one = Cell(row, column, {}, "", view=literal_view(row, column, value))
                    values.setdefault(row, {})[column] = one
    rows, children = dict(sheet.rows), dict(sheet.children)
    for number, literals in values.items():
        old, stale = rows.get(number, Row(number, {}, "", [])), children.pop(number, set())
        kept = [
            c
            for c in old.parsed()
            if c.column not in literals and (c.formula is not None or c.column not in stale)
        ]
        cells = sorted([*kept, *literals.values()], key=lambda one: one.column)
        rows[number] = Row(number, old.attributes, "", cells)
    return replace(sheet, rows=dict(sorted(rows.items())), children=children)


def _spill_errors(results: Mapping[str, SheetResult]) -> Iterator[Place]:
    for name, result in results.items():
        for row, column in result.extents:
            value = None if result.grid is None else result.grid.at(row, column)
            if type(value) is dict and value["kind"] == "Spill":
                yield name, row, column


def _same(one: Block, other: Block) -> bool:
    """Equal in value and kind: TRUE is not 1."""
    return one == other and all(
        list(map(type, a)) == list(map(type, b)) for a, b in zip(one, other, strict=True)
    )


def _is_large(block: Block) -> bool:
    return len(block) * len(block[0]) > SPILL_LIMIT


def _extent(row: int, column: int, block: Block) -> Box:
    return row, column, row + len(block) - 1, column + len(block[0]) - 1


def _meet(a: Box, b: Box) -> bool:
    return a[0] <= b[2] and b[0] <= a[2] and a[1] <= b[3] and b[1] <= a[3]


def _blocker(sheet: Sheet, extent: Box) -> str | None:
    """The first cell that is in the way of a result, or the edge of the sheet."""
    r1, c1, r2, c2 = extent
    if r2 > LAST_ROW or c2 > LAST_COLUMN:
        return "the edge of the sheet"
    for number in sheet.rows if r2 - r1 > len(sheet.rows) else range(r1, r2 + 1):
        row = sheet.rows.get(number)
        if row is None or not r1 <= number <= r2:
            continue
        old = sheet.children.get(number, ())
        for one in row.parsed():
            inside = c1 <= one.column <= c2 and (number, one.column) != (r1, c1)
            if not inside or (one.column in old and one.formula is None):
                continue
            if one.formula is not None or "<v" in one.raw or "<is" in one.raw:
                return address(number, one.column)
    return None
