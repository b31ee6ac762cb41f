"""Results that the calculator does not spill: above 10,000 cells, or with something in the way.

The calculator shows ``#SPILL!`` for both. Such a cell is calculated once more inside `CAPTURE`,
which takes the array out and leaves its first cell; cells that read the result find its values
as literals. Specification, sections 9.2 and 9.4.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from xlplugin.workbook.editions import with_extents
from xlplugin.workbook.findings import Finding
from xlplugin.workbook.sheets import Row, Sheet
from xlplugin.workbook.tokens import LAST_COLUMN, LAST_ROW, address, box_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from xlplugin.workbook.calc import Calculator
    from xlplugin.workbook.cells import SheetResult
    from xlplugin.workbook.structured import Table
    from xlplugin.workbook.tokens import Box

__all__ = ["CAPTURE", "SPILL_LIMIT", "Captures", "Place", "forbidden_spills"]

CAPTURE: Final = "__AT"
SPILL_LIMIT: Final = 10_000  # cells; trap E13

Place = tuple[str, int, int]
Block = list[list[Any]]


@dataclass
class Captures:
    """Which results are taken out, and what they were in the pass before.

    `wanted` maps a place to its array of the last pass (None before the first one). `blocked` are
    those whose small result has no room.
    """

    wanted: dict[Place, Block | None] = field(default_factory=dict)
    blocked: dict[Place, Box] = field(default_factory=dict)
    _taken: dict[int, Block] = field(default_factory=dict)
    _tried_again: set[Place] = field(default_factory=set)

    def capture(self, number: float, value: Any) -> Any:
        """The function behind `CAPTURE`."""
        self._taken[int(number)] = value if isinstance(value, list) else [[value]]
        return value[0][0] if isinstance(value, list) else value

    # -- before a pass ---------------------------------------------------------------------------

    def extent(self, sheet: str, row: int, column: int) -> Box | None:
        """The extent of a large result, as far as it is known."""
        block = self.wanted.get((sheet, row, column))
        return None if block is None else _extent(row, column, block)

    def sheets(self, sheets: Mapping[str, Sheet]) -> Iterator[Sheet]:
        """Sheets whose engine view differs while results are taken out."""
        self._taken.clear()
        numbers = {place: number for number, place in enumerate(self.wanted)}
        known = [place for place, block in self.wanted.items() if block is not None]
        for name, sheet in sheets.items():
            rows: dict[int, Row] = {}
            for number, row in sheet.rows.items():
                cells = []
                for one in row.parsed() if row.formulas() else ():
                    lowered = one.lowered
                    if known and "ANCHORARRAY" in lowered:
                        lowered = with_extents(lowered, name, self.extent, keep=True)
                    if (place := (name, one.row, one.column)) in numbers:
                        lowered = f"{CAPTURE}({numbers[place]},{lowered})"
                    cells.append(one if lowered is one.lowered else replace(one, lowered=lowered))
                if any(a is not b for a, b in zip(cells, row.parsed(), strict=False) if row.formulas()):
                    rows[number] = Row(number, row.attributes, row.raw, cells)
            if rows:
                yield replace(sheet, rows={**sheet.rows, **rows})

    def prepare(self, calculator: Calculator) -> None:
        """Put the values of large results where other cells read them."""
        for (sheet, row, column), block in self.wanted.items():
            if block is None or len(block) * len(block[0]) <= SPILL_LIMIT:
                continue
            if len(block[0]) > 1:
                calculator.set_block(sheet, row, column + 1, [block[0][1:]])
            if len(block) > 1:
                calculator.set_block(sheet, row + 1, column, block[1:])

    # -- after a pass ----------------------------------------------------------------------------

    def settled(self, sheets: Mapping[str, Sheet], results: Mapping[str, SheetResult]) -> bool:
        """Whether nothing changed in this pass; else another one is needed."""
        changed, small = False, []
        for number, (place, before) in enumerate(list(self.wanted.items())):
            block = self._taken.get(number)
            if block is None:
                del self.wanted[place]
                changed = True
            elif len(block) * len(block[0]) <= SPILL_LIMIT:
                small.append((place, block))
            elif _blocker(sheets[place[0]], _extent(place[1], place[2], block)):
                self._block(place, block)
                changed = True
            elif block != before:
                self.wanted[place] = block
                changed = True
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
            if block is not None:
                facts = {"n": len(block) * len(block[0])}
                found.append(Finding("T32", "info", name, address(row, column), facts))
        return found


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


def _spill_errors(results: Mapping[str, SheetResult]) -> Iterator[Place]:
    for name, result in results.items():
        for row, column in result.extents:
            value = None if result.grid is None else result.grid.at(row, column)
            if type(value) is dict and value["kind"] == "Spill":
                yield name, row, column


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
