"""Cancel a task's run when the task is killed, also while the run is only being submitted."""

from __future__ import annotations

import logging
import queue
import threading
from types import TracebackType
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from aml_plugins import Workspace

__all__ = ["Cancellation"]

logger = logging.getLogger(__name__)

_KILLED, _OVER = "killed", "over"
_PAUSE_SECONDS = 0.1
_JOIN_SECONDS = 10.0


class Cancellation:
    """Cancels the run that has a key, once asked to. A context manager around the task's work.

    Airflow asks inside a signal handler, on top of whatever the task is doing at that moment. That may hold the
    database's write lock, so the handler leaves a note and a thread does the rest.
    """

    def __init__(self, workspace: Workspace) -> None:
        self.key: str | None = None
        self.requested = False
        self._workspace = workspace
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
        """Cancel the run; may be called by a signal handler, and after the work is over (a task that timed out)."""
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
        """Cancel the run if it is written down yet; say whether nothing is left to do."""
        from aml_plugins.errors import AmlError  # noqa: PLC0415  DAG files are parsed without it

        try:
            run = self._workspace.find_run(idempotency_key=self.key) if self.key else None
            if run is None:
                return False
            run.cancel()
            self._workspace.driver.release()
        except AmlError as error:
            logger.warning("The run cannot be canceled now: %s", error)
            return False
        return True
