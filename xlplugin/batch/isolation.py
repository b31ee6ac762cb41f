"""One client's failure is a row, whatever it is; only a disk that refuses ends the run.

This is the one place outside the hosts that catches every exception: a client must never take the
others with it. What is not a user's error is logged with its traceback.
"""

from __future__ import annotations

import contextlib
import logging
import signal
import threading
from typing import TYPE_CHECKING, Any

from xlplugin.batch.records import Fault
from xlplugin.batch.writing import StorageError
from xlplugin.errors import XlPluginError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["TooSlowError", "attempt", "time_limit"]

_LOG = logging.getLogger(__name__)


class TooSlowError(XlPluginError):
    """A client that needed longer than the job allows."""

    number = 100


def attempt(work: Callable[[Any], Any], task: Any, name: str) -> tuple[Any, Fault | None]:
    """The result of one task, or what went wrong with it.

    Raises
    ------
    StorageError
        If the output cannot be written: nothing after it could be.
    """
    try:
        return work(task), None
    except StorageError:
        raise
    except XlPluginError as error:
        return None, Fault.of(error)
    except Exception as error:
        _LOG.exception("client %s", name)
        sentence = f"{type(error).__name__}: {error}"
        return None, Fault("DI-199", sentence, "", "this is a fault of the program; report it with this line")


@contextlib.contextmanager
def time_limit(seconds: float | None) -> Iterator[None]:
    """Raise `TooSlowError` after some seconds of wall time, where the system can (not on Windows)."""
    can = hasattr(signal, "SIGALRM") and threading.current_thread() is threading.main_thread()
    if seconds is None or not can:
        yield
        return

    def ring(*_: object) -> None:
        raise TooSlowError(
            f"not finished after {seconds:g} s; raise run.timeout_s or look at the client's size"
        )

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)
