"""A build that goes on in the registry: its log as it comes, and how it ends."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from aml_backends.azure.acr_tasks.service import AcrTasks
from aml_plugins.errors import AmlError, OperationFailedError, TransientBackendError
from aml_plugins.images.registry.patience import longest_pause

__all__ = ["follow", "give_up"]

_FIRST_PAUSE = 0.2
_PATIENCE = 600.0
"""Seconds for which Azure may be away while a build goes on."""
_TAIL_LINES = 10
_ENDED = frozenset({"succeeded", "failed", "canceled", "error", "timeout"})


def follow(tasks: AcrTasks, name: str, is_wanted: Callable[[], bool], log: Callable[[str], None]) -> None:
    """Return once the image is built.

    :param name: of the task run.
    :raises OperationFailedError: where it was not, with the log's last lines, or is not wanted any more.
    """
    shown = _Log(log)
    heard, pause = time.monotonic(), _FIRST_PAUSE
    while True:
        try:
            found = _looked(tasks, name, shown)
            heard = time.monotonic()
        except TransientBackendError as error:
            if time.monotonic() - heard > _PATIENCE:
                raise
            log(str(error))
            found = {}
        status = str(found.get("status") or "")
        if _is_over(found):
            break
        if not is_wanted():
            give_up(tasks, name)
            raise OperationFailedError("The image was deleted while it was built; its build was ended.")
        time.sleep(min(pause, longest_pause()))
        pause *= 1.3
    if status.lower() != "succeeded":
        raise OperationFailedError(_why(status, found, shown), "See the build's log.")


def give_up(tasks: AcrTasks, name: str) -> None:
    """End a build and forget it; one that is not there is fine."""
    found = tasks.find(name)
    if found is None:
        return
    run_id = _run_id(found)
    if run_id and not _is_over(tasks.run(run_id) or {}):
        tasks.cancel(run_id)
    tasks.forget(name)


def _looked(tasks: AcrTasks, name: str, shown: _Log) -> Mapping[str, Any]:
    """Return what is known of the run, its log shown as far as it is."""
    task_run = tasks.find(name)
    if task_run is None:
        return {"status": "Canceled", "runErrorMessage": "somebody deleted the task run"}
    run_id = _run_id(task_run)
    if not run_id:
        failed = str(task_run.get("provisioningState", "")).lower() in {"failed", "canceled"}
        return {"status": "Failed", "runErrorMessage": "the registry began no run"} if failed else {}
    found = tasks.run(run_id) or {}
    try:
        shown.add(tasks.log(run_id, shown.offset), is_last=_is_over(found))
    except TransientBackendError:
        raise
    except AmlError as error:  # a log that cannot be read does not stop a build
        shown.say(str(error))
    return found


def _is_over(run: Mapping[str, Any]) -> bool:
    return str(run.get("status", "")).lower() in _ENDED


def _run_id(task_run: Mapping[str, Any]) -> str:
    result = task_run.get("runResult") or {}
    return str((result.get("properties") or {}).get("runId") or result.get("name") or "")


def _why(status: str, found: Mapping[str, Any], shown: _Log) -> str:
    told = str(found.get("runErrorMessage") or "").strip().rstrip(".")
    reason = f" ({told})" if told else ""
    ending = {"canceled": "was canceled", "timeout": "took too long"}.get(status.lower(), "failed")
    last = "\n".join(shown.last)
    return f"The build in the registry {ending}{reason}." + (f" Its last lines:\n{last}" if last else "")


class _Log:
    """Whole lines of what comes in pieces."""

    def __init__(self, log: Callable[[str], None]) -> None:
        self.offset = 0
        self.last: deque[str] = deque(maxlen=_TAIL_LINES)
        self._rest = b""
        self._log = log

    def add(self, piece: bytes, *, is_last: bool) -> None:
        self.offset += len(piece)
        *lines, self._rest = (self._rest + piece).split(b"\n")
        if is_last:
            lines, self._rest = [*lines, self._rest], b""
        for line in lines:
            text = line.decode("utf-8", "replace").rstrip()
            if text:
                self.say(text)

    def say(self, text: str) -> None:
        self.last.append(text)
        self._log(text)
