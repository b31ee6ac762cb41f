"""The registry under the engine: one answer, one sentence, one log."""

from __future__ import annotations

import datetime as dt
import logging
import pickle
from typing import Annotated

import pytest

from tests.workbook.books import DAY, minimal, simple, zipped
from tests.workbook.books import parts_of as parts
from xlplugin.errors import DomainError, ErrorValue
from xlplugin.hosts.common import Failure, answer, shortened
from xlplugin.hosts.headless import RegistryFunctions, compile_book
from xlplugin.workbook import Inputs, compile_template
from xlplugin.worksheet.kinds import Day, Help, Kind, Number, OptionalNumber
from xlplugin.worksheet.registry import Registry, worksheet_function

REGISTRY = Registry()


@worksheet_function("HALF", category="Test", ja="半分", registry=REGISTRY)
def half(
    amount: Annotated[Number, Help("Any number", "数")],
    places: Annotated[OptionalNumber, Help("Digits", "桁")] = None,
) -> float:
    """Half of a number."""
    if amount < 0:
        raise DomainError(f"amount: {amount:g} is below zero; give its size")
    return round(amount / 2, int(places)) if places is not None else amount / 2


@worksheet_function("NEXT_DAY", category="Test", ja="翌日", registry=REGISTRY)
def next_day(day: Annotated[Day, Help("A date", "日付")]) -> dt.date:
    """The day after."""
    return day + dt.timedelta(days=1)


@worksheet_function("BROKEN", category="Test", ja="故障", registry=REGISTRY)
def broken() -> float:
    """Always raises."""
    raise RuntimeError("secret of the program")


class Functions(RegistryFunctions):
    registry = REGISTRY  # type: ignore[assignment]


def compute(cells: dict[str, object], **options: object) -> object:
    return compile_template(simple(cells), Functions()).run(as_of=DAY, **options)  # type: ignore[arg-type]


def test_a_function_answers_in_its_cell() -> None:
    assert compute({"A1": 5, "B1": "=HALF(A1)", "C1": "=HALF(A1,0)"}).cells("S", "B1:C1") == [[2.5, 2.0]]  # type: ignore[attr-defined]


def test_a_failure_shows_its_error_and_its_sentence_is_logged_with_the_cell() -> None:
    result = compute({"A1": -5, "B2": "=HALF(A1)", "C1": "=HALF()", "D1": '=HALF("x")', "E1": "=HALF(1,2,3)"})
    assert result.cells("S", "B2") == [[ErrorValue.NUM]]  # type: ignore[attr-defined]
    log = {f.cell: f for f in result.log}  # type: ignore[attr-defined]
    assert log["B2"].sentence == "DI-140 HALF: amount: -5 is below zero; give its size"
    assert (log["B2"].sheet, log["B2"].function, log["B2"].error) == ("S", "HALF", "#NUM!")
    assert "nothing was given" in log["C1"].sentence
    assert "expected a number, got 'x'" in log["D1"].sentence
    assert "takes at most 2" in log["E1"].sentence


def test_a_fault_of_the_program_is_logged_and_its_text_stays_out_of_the_file(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.ERROR, logger="xlplugin"):
        result = compute({"A1": "=BROKEN()"})
    assert "secret of the program" in caplog.text
    assert result.cells("S", "A1") == [[ErrorValue.VALUE]]  # type: ignore[attr-defined]
    assert not any(b"secret" in part for part in parts(result.data).values())  # type: ignore[attr-defined]
    assert result.log[0].sentence.startswith("DI-900 BROKEN")  # type: ignore[attr-defined]


def test_an_interrupt_ends_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> object:
        raise KeyboardInterrupt

    monkeypatch.setattr(Functions, "answer", interrupted)
    with pytest.raises(KeyboardInterrupt):
        compute({"A1": "=HALF(1)"})


def test_dates_of_both_systems_reach_a_function_as_the_same_day() -> None:
    for system, serial in (("0", 46346.0), ("1", 46346.0 - 1462)):
        data = minimal(f'<row r="1"><c r="A1"><v>{serial}</v></c><c r="B1"><f>NEXT_DAY(A1)</f></c></row>')
        held = parts(data)
        held["xl/workbook.xml"] = held["xl/workbook.xml"].replace(
            b"<sheets>", f'<workbookPr date1904="{system}"/><sheets>'.encode()
        )
        result = compile_template(zipped(held), Functions()).run(as_of=DAY)
        assert result.cells("S", "B1") == [[serial + 1]]


def test_days_inside_tables_and_options_move_with_the_date_system() -> None:
    from xlplugin.hosts.headless import _in_1900
    from xlplugin.worksheet.kinds import Column, Option, OptionSchema, TableSchema
    from xlplugin.worksheet.registry import Argument

    help_ = Help("x", "x")
    schema = TableSchema("Lots", "ロット", (Column("day", (), Kind.DAY), Column("cost", (), Kind.NUMBER)))
    table = Argument("lots", Kind.TABLE, help_, schema=schema)
    assert _in_1900(table, [["cost", "day"], [5.0, 100.0]]) == [["cost", "day"], [5.0, 1562.0]]
    options = Argument("options", Kind.OPTIONS, help_, options=OptionSchema((Option("from", (), Kind.DAY),)))
    assert _in_1900(options, [["from", 100.0]]) == [["from", 1562.0]]


def test_the_functions_travel_to_another_process_without_their_registry() -> None:
    sent = pickle.loads(pickle.dumps(RegistryFunctions("ja")))
    assert sent.language == "ja"
    assert sent.names == RegistryFunctions().names
    assert sent.version == RegistryFunctions().version


def test_why_tells_the_sentence_of_the_cell_it_points_at() -> None:
    cells = {"A1": '=REAL_COST("x")', "A2": "=WHY(A1)", "A3": '=WHY("NO_PRICE","en")', "A4": "=WHY(T!B2)"}
    data = simple(cells, other={"B2": '=REAL_COST("y")'})
    result = compile_book(data).run(as_of=DAY)
    assert result.cells("S", "A2") == [[result.log[0].sentence]]
    assert "REAL_COST" in str(result.cells("S", "A2")[0][0])
    assert result.cells("S", "A3") == [["There is no price for this code."]]
    assert "'y'" in str(result.cells("S", "A4")[0][0])


def test_a_shared_answer_is_a_block_or_a_failure() -> None:
    assert answer(REGISTRY["HALF"], 5.0, memory=None) == [[2.5]]
    failure = answer(REGISTRY["HALF"], -1.0, memory=None)
    assert isinstance(failure, Failure)
    assert str(failure).startswith("#NUM! DI-140 HALF:")
    assert len(shortened("x" * 400)) == 255


def test_inputs_are_read_by_functions_as_typed() -> None:
    template = compile_template(
        simple({"A1": 1, "B1": "=HALF(A1)"}, names={"in_amount": "S!$A$1"}), Functions()
    )
    assert template.run(Inputs(names={"in_amount": 9}), as_of=DAY).cells("S", "B1") == [[4.5]]
