"""Cancel what a task has begun when the task is killed, also while it is only being begun."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

from aml_plugins.errors import AmlError

__all__ = ["Cancellation"]

logger = logging.getLogger(__name__)

_KILLED, _OVER = "killed", "over"
_PAUSE_SECONDS = 0.1
_JOIN_SECONDS = 10.0


class Cancellation:
    """Cancels what a task has begun, once asked to. A context manager around the task's work.

    Airflow asks inside a signal handler, on top of whatever the task is doing at that moment. That may hold the
    database's write lock, so the handler leaves a note and a thread does the rest.

    :param cancel: cancels what is there by now; says whether nothing is left to do.
    """

    def __init__(self, cancel: Callable[[], bool]) -> None:
        self.requested = False
        self._do = cancel
        self._notes: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._watch, name="aml-cancellation", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        thread, self._thread = self._thread, None
        self._notes.put(_OVER)
        if thread is not None:
            thread.join(_JOIN_SECONDS)

    def request(self) -> None:
        """Cancel; may be called by a signal handler, and after the work is over (a task that timed out)."""
        self.requested = True
        if self._thread is None:
            self._cancel()
        else:
            self._notes.put(_KILLED)  # documented as reentrant, which locks and events are not

    def _watch(self) -> None:
        if self._notes.get() == _OVER:
            return
        while not self._cancel():
            try:
                if self._notes.get(timeout=_PAUSE_SECONDS) == _OVER:
                    return
            except queue.Empty:
                continue

    def _cancel(self) -> bool:
        try:
            return self._do()
        except AmlError as error:
            logger.warning("It cannot be canceled now: %s", error)
            return False
