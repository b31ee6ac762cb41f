"""The one way from a host to a worksheet function: a block, or a failure with its sentence."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, NamedTuple

from xlplugin.errors import CODE_PREFIX, ErrorValue, XlPluginError
from xlplugin.worksheet.calling import call
from xlplugin.worksheet.memory import Memory

if TYPE_CHECKING:
    from xlplugin.worksheet.convert import Block
    from xlplugin.worksheet.registry import WorksheetFunction

__all__ = ["MEMORY", "Failure", "answer"]

log = logging.getLogger("xlplugin")
MEMORY = Memory()
_MAX_SENTENCE = 255


class Failure(NamedTuple):
    """A call that gave no block: what the cell shows, and what WHY says."""

    error: ErrorValue
    sentence: str

    def __str__(self) -> str:
        return f"{self.error.value} {self.sentence}"


def answer(
    function: WorksheetFunction, *raw: Any, language: str | None = None, memory: Memory | None = MEMORY
) -> Block | Failure:
    """Call `function` with what a host handed over, as few or as many arguments as it gave.

    A user's error becomes its cell error and sentence; a fault of the program becomes #VALUE! and a
    traceback in the log, so that one bad cell never stops a recalculation.
    """
    try:
        return call(function, *raw, language=language, memory=memory)
    except XlPluginError as error:
        return Failure(error.cell_error, f"{error.code} {function.name}: {error}"[:_MAX_SENTENCE])
    except Exception:
        log.exception("%s failed", function.name)
        sentence = f"{CODE_PREFIX}-900 {function.name}: a fault of the program; see the log"
        return Failure(ErrorValue.VALUE, sentence)
