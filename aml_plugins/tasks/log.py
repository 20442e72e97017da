"""The log notifier: one line an event, to Python's logging and to a file of JSON lines."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING

from aml_plugins.tasks.messages import as_json

if TYPE_CHECKING:
    from aml_plugins.store.records import TaskEvent

__all__ = ["append_event", "log_event"]

logger = logging.getLogger("aml_plugins.tasks")


def log_event(event: TaskEvent) -> None:
    """Log the event at level INFO."""
    if not logger.isEnabledFor(logging.INFO):  # words that nobody reads cost, too
        return
    moved = f"{event.old or '-'} -> {event.new}" if event.new else ""
    progress = f"{event.progress:.0%}" if event.progress is not None else ""
    words = " ".join(filter(None, (moved, progress, event.message)))
    logger.info("%s %s in %s: %s", event.kind, event.subject, event.workspace, words)


def append_event(path: str, event: TaskEvent) -> None:
    """Append the event to a file that any number of processes may share; trouble is logged."""
    try:
        # One write to a file opened for appending: lines of several processes never mix.
        file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            os.write(file, as_json(event) + b"\n")
        finally:
            os.close(file)
    except (OSError, ValueError) as error:
        logger.warning("AML_TASK_LOG: the file '%s' cannot be written: %s", path, getattr(error, "strerror", error))
