"""The calculator behind an interface of seven methods, and the bridge to worksheet functions.

Nothing outside this module imports formualizer. It is used as an in-memory calculator only; its
reading and writing of files lose too much (specification, sections 2.4 and 8).
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import formualizer

from xlplugin.errors import ConvergenceError, DomainError, ErrorValue
from xlplugin.workbook.lambdas import EACH
from xlplugin.workbook.lowering import FIXED, OMIT
from xlplugin.workbook.replacements import REPLACEMENTS, TEXT
from xlplugin.workbook.scratch import each
from xlplugin.workbook.spills import CAPTURE
from xlplugin.workbook.tokens import Box, address, box, quoted_sheet
from xlplugin.workbook.values import OMITTED, error, fixed_array, value_in, value_out
from xlplugin.workbook.zipped import PackageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from xlplugin.workbook.sheets import Sheet
    from xlplugin.workbook.spills import Captures

__all__ = [
    "Calculator",
    "Failed",
    "Formualizer",
    "FunctionFailure",
    "Functions",
    "Recorder",
    "Session",
]

TIME_LIMIT_MS = 60_000
MAX_ROUNDS = 40  # longer than any chain of results that read each other


class Failed(Protocol):
    """A call that gave no block: what the cell shows and what WHY says."""

    @property
    def error(self) -> ErrorValue:
        """What the cell shows."""

    @property
    def sentence(self) -> str:
        """Code, function, what was given, what to do."""


class Functions(Protocol):
    """The worksheet functions as the engine needs them; it must survive pickling.

    `explaining` names those that want to know the cell they are pointed at (WHY). `version`
    changes whenever a result may change. `answer` never raises an ordinary exception.
    """

    @property
    def names(self) -> frozenset[str]:
        """Every function."""

    @property
    def explaining(self) -> frozenset[str]:
        """Those that are told what was logged for the cell they point at."""

    @property
    def version(self) -> str:
        """Part of the name of every cached result."""

    def answer(
        self, name: str, arguments: Sequence[Any], *, recorded: str | None = None, date1904: bool = False
    ) -> list[list[Any]] | Failed:
        """A block, or the failure of the call.

        An argument is a scalar or rows of cells; one left out is `values.MISSING`. `recorded` is
        the sentence logged for the cell an explaining function points at.
        """
        ...


@dataclass(frozen=True)
class FunctionFailure:
    """One call that failed, with the cell it stands in."""

    sheet: str
    cell: str
    function: str
    error: str
    sentence: str


class Calculator(Protocol):
    """What the engine needs of a formula calculator; rows and columns count from 1."""

    def load(self, view: bytes, *, date1904: bool, clock: dt.datetime) -> None:
        """A fresh workbook."""

    def register(self, name: str, function: Callable[..., Any], *, replaces: bool = False) -> None:
        """Before the first evaluation."""

    def set(self, sheet: str, row: int, column: int, value: Any) -> None:
        """One literal."""

    def set_block(self, sheet: str, row: int, column: int, rows: list[list[Any]]) -> None:
        """Literals from a top left cell on."""

    def evaluate(self) -> None:
        """Everything."""

    def values(self, sheet: str, corners: Box) -> list[list[Any]]:
        """Rows of values; None beyond the used range."""

    def spill(self, sheet: str, row: int, column: int) -> Box | None:
        """The extent of a spilled result, None for one cell or a blocked one."""


class Formualizer:
    """formualizer 0.13.0 as a `Calculator`."""

    def load(self, view: bytes, *, date1904: bool, clock: dt.datetime) -> None:
        """A fresh workbook; the clock decides TODAY and NOW.

        Raises
        ------
        PackageError
            R02 if a worksheet cannot be read.
        """
        config = formualizer.EvaluationConfig()
        config.date_system = "1904" if date1904 else "1900"
        config.max_eval_time_ms = TIME_LIMIT_MS
        try:
            self._book = formualizer.Workbook.from_bytes(
                view, config=formualizer.WorkbookConfig(eval_config=config)
            )
        except (OSError, ValueError, RuntimeError):
            # The view repeats the cells of the file as they are: one of them is broken XML.
            raise PackageError("R02", "a worksheet") from None
        self._book.set_temporal_egress("serial")
        self._book.set_deterministic_clock(clock)

    def register(self, name: str, function: Callable[..., Any], *, replaces: bool = False) -> None:
        """A function; argument counts are left to the registry, whose sentence is better."""
        self._book.register_function(name, function, allow_override_builtin=replaces)

    def set(self, sheet: str, row: int, column: int, value: Any) -> None:
        """One literal."""
        self._book.set_value(sheet, row, column, value)

    def set_block(self, sheet: str, row: int, column: int, rows: list[list[Any]]) -> None:
        """Literals from a top left cell on."""
        self._book.set_values_batch(sheet, row, column, rows)

    def evaluate(self) -> None:
        """Everything.

        Raises
        ------
        DomainError
            When the calculation takes longer than a minute or is refused as a whole.
        """
        try:
            self._book.evaluate_all()
        except formualizer.ExcelEvaluationError as refusal:
            raise DomainError(f"The calculation was stopped: {refusal}") from None

    def values(self, sheet: str, corners: Box) -> list[list[Any]]:
        """Rows of values; None beyond the used range."""
        r1, c1, r2, c2 = corners
        found: list[list[Any]] = self._book[sheet].get_values(formualizer.RangeAddress(sheet, r1, c1, r2, c2))
        return found

    def spill(self, sheet: str, row: int, column: int) -> Box | None:
        """The extent of a spilled result."""
        role = self._book.inspect_cell(f"{quoted_sheet(sheet)}!{address(row, column)}").cell.spill
        if role is None or role.extent is None:  # no spill, or a cell inside of one
            return None
        return box(str(role.extent).rpartition("!")[2])


@dataclass
class Recorder:
    """Failures by cell during one calculation, and what must be raised when it is over.

    The calculator swallows everything that a function raises, Ctrl-C included. A cell that is
    calculated again in a later round forgets what failed in an earlier one.
    """

    sites: Sequence[tuple[str, str]]  # sheet and cell of each numbered formula
    abort: list[BaseException] = field(default_factory=list)
    dates: dict[int, set[int]] | None = None  # columns with dates by site, where somebody asks
    rounds: int = 0
    _failures: dict[int, tuple[int, list[FunctionFailure]]] = field(default_factory=dict)  # by site

    @property
    def log(self) -> list[FunctionFailure]:
        """Every failed call."""
        return [failure for _, failures in self._failures.values() for failure in failures]

    @property
    def is_doubtful(self) -> bool:
        """Whether a failure is older than the last round: its cell may have changed without a call."""
        return any(number < self.rounds for number, _ in self._failures.values())

    def begin_round(self) -> None:
        """Before each evaluation."""
        self.rounds += 1

    def called(self, site: int) -> None:
        """Before each call: forget what the cell did in an earlier round."""
        if site in self._failures and self._failures[site][0] < self.rounds:
            del self._failures[site]

    def failed(self, site: int, function: str, failure: Failed) -> None:
        """Remember one failed call."""
        sheet, place = self.sites[site]
        one = FunctionFailure(sheet, place, function, failure.error.value, failure.sentence)
        self._failures.setdefault(site, (self.rounds, []))[1].append(one)

    def sentence(self, place: str) -> str | None:
        """The first sentence logged for a cell such as ``Sheet!A5``."""
        return next((one.sentence for one in self.log if f"{one.sheet}!{one.cell}" == place), None)

    def finish(self) -> None:
        """Raise what a function raised."""
        if self.abort:
            raise self.abort[0]


@dataclass(frozen=True)
class Session:
    """How one book is calculated: the same for the book itself and for the bodies of its lambdas."""

    functions: Functions
    recorder: Recorder
    date1904: bool
    clock: dt.datetime
    calculator: type[Formualizer] = Formualizer

    def evaluate(
        self, view: bytes, captures: Captures | None = None, sheets: Mapping[str, Sheet] | None = None
    ) -> Calculator:
        """A fresh calculator with everything a lowered formula may call, evaluated.

        With `captures` and the `sheets` they stand in, evaluation goes on until what is taken out
        changes no more.

        Raises
        ------
        DomainError
            See `Formualizer.evaluate`.
        BaseException
            Whatever a function raised; the calculator itself would swallow it.
        """
        calculator = self.calculator()
        calculator.load(view, date1904=self.date1904, clock=self.clock)
        guarded = partial(_guarded, recorder=self.recorder)
        calculator.register(OMIT, lambda: OMITTED)
        calculator.register(FIXED, guarded(fixed_array))
        calculator.register(EACH, guarded(partial(each, self.evaluate)))
        for name, function in REPLACEMENTS.items():
            if name == TEXT:
                function = partial(function, date1904=self.date1904)
            calculator.register(name, guarded(function), replaces=not name.startswith("__"))
        for name in sorted(self.functions.names):
            calculator.register(name, _bridge(name, self))
        if captures is not None and captures.wanted:
            calculator.register(CAPTURE, guarded(captures.capture))
        for _ in range(MAX_ROUNDS):
            if captures is not None:  # the body of a lambda is part of the round that calls it
                self.recorder.begin_round()
            calculator.evaluate()
            self.recorder.finish()
            if captures is None or not captures.settle(calculator, sheets or {}):
                return calculator
        raise ConvergenceError(
            f"The calculation did not settle in {MAX_ROUNDS} rounds: large results feed each other; "
            "split them"
        )


def _bridge(name: str, session: Session) -> Callable[..., Any]:
    functions, recorder, date1904 = session.functions, session.recorder, session.date1904
    explains = name in functions.explaining

    def call(site: float, *given: Any) -> Any:
        recorded = None
        if explains:
            recorded, given = recorder.sentence(given[0]), given[1:]
        try:
            recorder.called(int(site))
            arguments = [value_in(value) for value in given]
            answer = functions.answer(name, arguments, recorded=recorded, date1904=date1904)
            if isinstance(answer, list):
                if recorder.dates is not None:
                    recorder.dates[int(site)] = _date_columns(answer)
                block = value_out(answer, date1904=date1904)
                one = type(block) is list and len(block) == 1 and len(block[0]) == 1
                return block[0][0] if one else block
            recorder.failed(int(site), name, answer)
            return value_out(answer.error)
        except BaseException as raised:  # the calculator would swallow it; see finish()
            recorder.abort.append(raised)
            return error("Value")

    return call


def _date_columns(block: list[list[Any]]) -> set[int]:
    return {place for row in block for place, value in enumerate(row) if isinstance(value, dt.date)}


def _guarded(function: Callable[..., Any], recorder: Recorder) -> Callable[..., Any]:
    def call(*given: Any) -> Any:
        try:
            return function(*given)
        except BaseException as raised:
            recorder.abort.append(raised)
            return error("Value")

    return call
