"""The one way from a host to a worksheet function. Standard library and the registry only.

A failed call is a value, not an exception: what the cell shows, and the sentence that WHY tells.
Every other fault of a function is logged with its traceback; the text never reaches a client file.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, NamedTuple

from xlplugin.errors import CODE_PREFIX, ErrorValue, XlPluginError
from xlplugin.worksheet.calling import call
from xlplugin.worksheet.memory import Memory

if TYPE_CHECKING:
    from xlplugin.worksheet.convert import Block
    from xlplugin.worksheet.registry import WorksheetFunction

__all__ = ["MAX_SENTENCE", "MEMORY", "Failure", "answer"]

log = logging.getLogger("xlplugin")

MEMORY = Memory()  # of the process: ranges are read once, equal calls are answered at once

MAX_SENTENCE = 255  # a longer text does not survive every host


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

    Parameters
    ----------
    function : WorksheetFunction
        From the registry.
    *raw : object
        Cells, rows of cells, None for an argument left out.
    language : str, optional
        "ja" or "en": titles of result columns where no table argument decides; "en" if left out.
    memory : Memory, optional
        Where read ranges and answers are remembered; None computes everything anew.

    Returns
    -------
    block or Failure
        A failure carries the code, the function, what was given and what to do.
    """
    try:
        return call(function, *raw, titles=language or "en", memory=memory)
    except XlPluginError as error:
        return Failure(error.cell_error, shortened(f"{error.code} {function.name}: {error}"))
    except MemoryError:
        raise  # no fault of the function, and nothing to be shown in a cell
    except Exception:
        log.exception("%s failed", function.name)
        text = f"{CODE_PREFIX}-900 {function.name}: a fault of the program; the log holds the details"
        return Failure(ErrorValue.VALUE, text)


def shortened(sentence: str) -> str:
    """A sentence cut to what every host can show."""
    return sentence if len(sentence) <= MAX_SENTENCE else f"{sentence[: MAX_SENTENCE - 1]}…"
