"""The one error tree. Each error takes facts and owns its sentence.

::

    XlPluginError                 DI-100  #VALUE!   anything a user can mend
    ├─ InputError                 DI-110  #VALUE!   wrong type, shape, length or word
    │  ├─ ShapeError              DI-111  #VALUE!   arrays that do not fit each other
    │  ├─ WordError               DI-112  #VALUE!   a word that is not in the list of choices
    │  └─ PassedOnError           DI-119  (as is)   an argument is itself an error cell
    ├─ NotFoundError            DI-120  #REF!     a table or a required column is not found
    ├─ MissingError               DI-130  #N/A      a datum or a history is missing
    │  └─ NoTableError            DI-131  #N/A      no dated table for the day or the year
    ├─ DomainError                DI-140  #NUM!     a value outside its domain
    │  ├─ InfeasibleError         DI-141  #NUM!     limits that cannot hold together
    │  └─ ConvergenceError        DI-142  #NUM!     a computation that did not converge
    ├─ EmptyBaseError             DI-150  #DIV/0!   a division by an empty base
    ├─ LedgerError                DI-160  #VALUE!   a row that the tax ledger refuses
    ├─ FileError                  DI-170  #VALUE!   a file that cannot be read or written
    └─ HostError                  DI-180  #VALUE!   a host program is missing or refuses

The sentence says what was given, what was expected and what to do. A row is named as the user
wrote it. `ValueError` and `TypeError` are raised for programming errors only.
"""

from __future__ import annotations

from enum import Enum

__all__ = [
    "CODE_PREFIX",
    "ConvergenceError",
    "DomainError",
    "EmptyBaseError",
    "ErrorValue",
    "FileError",
    "HostError",
    "InfeasibleError",
    "InputError",
    "LedgerError",
    "MissingError",
    "NoTableError",
    "PassedOnError",
    "NotFoundError",
    "ShapeError",
    "WordError",
    "XlPluginError",
]

CODE_PREFIX = "DI"


class ErrorValue(Enum):
    """An Excel error as the value of a cell."""

    NULL = "#NULL!"
    DIV0 = "#DIV/0!"
    VALUE = "#VALUE!"
    REF = "#REF!"
    NAME = "#NAME?"
    NUM = "#NUM!"
    NA = "#N/A"


class XlPluginError(Exception):
    """Anything a user can mend; shown as `cell_error` and explained by its sentence."""

    cell_error: ErrorValue = ErrorValue.VALUE
    number: int = 100

    @property
    def code(self) -> str:
        """The printed code, for example ``DI-110``."""
        return f"{CODE_PREFIX}-{self.number}"


class InputError(XlPluginError):
    """A value of the wrong type, shape or length."""

    number = 110


class ShapeError(InputError):
    """Arrays that do not fit each other."""

    number = 111

    def __init__(self, name: str, *, got: tuple[int, ...], expected: tuple[int, ...]) -> None:
        super().__init__(
            f"{name}: expected {_shape(expected)}, got {_shape(got)}; "
            "give ranges of equal length in the same order"
        )


class WordError(InputError):
    """A word that is not among the choices."""

    number = 112

    def __init__(self, name: str, *, got: object, choices: tuple[str, ...]) -> None:
        super().__init__(f"{name}: {got!r} is not known; use one of {', '.join(choices)}")


class PassedOnError(InputError):
    """An argument is itself an error cell: the call shows the same one."""

    number = 119

    def __init__(self, name: str, error: ErrorValue) -> None:
        self.cell_error = error
        super().__init__(f"{name}: the cell holds {error.value}; mend that cell first")


class NotFoundError(XlPluginError):
    """A table or a required column is not found."""

    cell_error = ErrorValue.REF
    number = 120


class MissingError(XlPluginError):
    """A datum or a history is missing."""

    cell_error = ErrorValue.NA
    number = 130


class NoTableError(MissingError):
    """No dated table covers the day; a neighbouring year is never used instead."""

    number = 131


class DomainError(XlPluginError):
    """A value outside its domain."""

    cell_error = ErrorValue.NUM
    number = 140


class InfeasibleError(DomainError):
    """Limits that cannot hold together; the sentence names them and the nearest feasible value."""

    number = 141


class ConvergenceError(DomainError):
    """A computation that did not converge."""

    number = 142


class EmptyBaseError(XlPluginError):
    """A division by an empty base."""

    cell_error = ErrorValue.DIV0
    number = 150


class LedgerError(XlPluginError):
    """A row that the tax ledger refuses; nothing was changed."""

    number = 160


class FileError(XlPluginError):
    """A file that cannot be read or written: file, line, column, what was expected."""

    number = 170


class HostError(XlPluginError):
    """A host program is missing or refuses."""

    number = 180


def _shape(shape: tuple[int, ...]) -> str:
    return "one value" if shape in ((), (1,)) else " x ".join(str(n) for n in shape)
