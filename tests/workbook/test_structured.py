"""Structured references as ranges, worked out by hand from a table at B3:D7."""

from __future__ import annotations

import pytest

from xlplugin.workbook.structured import (
    InvalidReferenceError,
    Table,
    following_range,
    moved_reference,
    structured,
)

COLUMNS = ("Code", "Unit Cost", "P[1]'#")
FULL = Table("Lots", "L", (3, 2, 7, 4), has_header=True, has_totals=True, columns=COLUMNS)
BARE = Table("Lots", "L", (3, 2, 7, 4), has_header=False, has_totals=False, columns=COLUMNS)


@pytest.mark.parametrize(
    ("inner", "row", "full", "bare"),
    [
        ("", 1, "$B$4:$D$6", "$B$3:$D$7"),
        ("Code", 1, "$B$4:$B$6", "$B$3:$B$7"),
        ("code", 1, "$B$4:$B$6", "$B$3:$B$7"),
        ("#All", 1, "$B$3:$D$7", "$B$3:$D$7"),
        ("#Data", 1, "$B$4:$D$6", "$B$3:$D$7"),
        ("#Headers", 1, "$B$3:$D$3", "#REF!"),
        ("#Totals", 1, "$B$7:$D$7", "#REF!"),
        ("#This Row", 5, "$B$5:$D$5", "$B$5:$D$5"),
        ("@", 5, "$B$5:$D$5", "$B$5:$D$5"),
        ("@Code", 5, "$B$5", "$B$5"),
        ("@[Unit Cost]", 5, "$C$5", "$C$5"),
        ("[#This Row],[Unit Cost]", 6, "$C$6", "$C$6"),
        ("[#All],[Code]", 1, "$B$3:$B$7", "$B$3:$B$7"),
        ("[#Headers],[#Data],[Code]", 1, "$B$3:$B$6", "#REF!"),
        ("[#Data],[#Totals],[Code]", 1, "$B$4:$B$7", "#REF!"),
        ("[Code]:[Unit Cost]", 1, "$B$4:$C$6", "$B$3:$C$7"),
        ("[Unit Cost]:[Code]", 1, "$B$4:$C$6", "$B$3:$C$7"),
        ("[#Headers],[Code]:[Unit Cost]", 1, "$B$3:$C$3", "#REF!"),
        ("[P'[1']'''#]", 1, "$D$4:$D$6", "$D$3:$D$7"),
        (" [#All] , [Code] ", 1, "$B$3:$B$7", "$B$3:$B$7"),
        ("Missing", 1, "#REF!", "#REF!"),
        ("@Code", 2, "#VALUE!", "#VALUE!"),
        ("@Code", 7, "#VALUE!", "$B$7"),
        ("@Code", 3, "#VALUE!", "$B$3"),
    ],
)
def test_every_form_gives_the_range_excel_means(inner: str, row: int, full: str, bare: str) -> None:
    assert structured(FULL, inner, "L", row) == full
    assert structured(BARE, inner, "L", row) == bare


def test_from_another_sheet_the_range_carries_the_sheet() -> None:
    table = Table("T", "It's", (1, 1, 3, 1), has_header=True, has_totals=False, columns=("A",))
    assert structured(table, "A", "S", 1) == "'It''s'!$A$2:$A$3"


@pytest.mark.parametrize(
    "inner",
    [
        "[#This Row],Code",
        "[#Everything]",
        "[Code],[Unit Cost]",
        "[Code]:[Unit Cost]:[Code]",
        "[Code] x",
        "#x",
    ],
)
def test_anything_else_is_no_reference(inner: str) -> None:
    with pytest.raises(InvalidReferenceError):
        structured(FULL, inner, "L", 5)


LONGER = Table("Lots", "L", (3, 2, 17, 4), has_header=True, has_totals=True, columns=COLUMNS)


@pytest.mark.parametrize(
    ("reference", "moved"),
    [
        ("B4:B6", "B4:B16"),
        ("$B$4:$D$6", "$B$4:$D$16"),
        ("B3:B6", "B3:B16"),
        ("B4:B5", "B4:B5"),  # ends above the last record
        ("B4:B7", "B4:B7"),  # the totals row is no record
        ("A4:B6", "A4:B6"),  # reaches beyond the table
        ("B6", "B6:B16"),
        ("B4:E6", "B4:E6"),
        ("nonsense", "nonsense"),
    ],
)
def test_a_range_that_ends_at_the_last_record_follows_the_table(reference: str, moved: str) -> None:
    assert following_range(reference, FULL, LONGER) == moved


def test_a_name_or_chart_follows_only_on_the_sheet_of_the_table() -> None:
    assert (
        moved_reference("SUM('L'!$B$4:$B$6,X!$B$4:$B$6)", FULL, LONGER) == "SUM('L'!$B$4:$B$16,X!$B$4:$B$6)"
    )
