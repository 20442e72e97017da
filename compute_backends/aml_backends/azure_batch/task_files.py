"""What a task writes while it runs, read from its node: its log, and the records of what the script logs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aml_backends.azure_batch.api import RefusedError
from aml_backends.azure_batch.node_files import read_from
from aml_backends.azure_batch.site import missing_task
from aml_backends.azure_batch.states import start_of
from aml_backends.azure_batch.tasks import job_of
from aml_plugins.compute import LogChunk

if TYPE_CHECKING:
    from aml_backends.azure_batch.site import Site
    from aml_backends.azure_batch.tasks import Tasks
    from aml_plugins.compute import JobHandle

__all__ = ["log_since", "records_since"]


def log_since(site: Site, tasks: Tasks, handle: JobHandle, cursor: str) -> LogChunk:
    """Return output since ``cursor``; of the first node, where there are many.

    The cursor is ``OFFSET`` or ``OFFSET:START``: a task whose node was lost begins a new file on another one.
    """
    offset, _, known = cursor.partition(":")
    if not known:
        return _log_of_start(site, handle, "", start_of(tasks.get(handle)))
    chunk = _log_of_start(site, handle, offset, int(known))
    start = start_of(tasks.get(handle))  # asked afterwards: what was read cannot be of a later start
    return chunk if start in {0, int(known)} else _log_of_start(site, handle, "", start)


def records_since(site: Site, handle: JobHandle, cursor: str) -> LogChunk:
    """Return whole lines of the records since ``cursor``."""
    chunk = _tail(site, handle, "records.jsonl", cursor)
    whole = chunk.data[: chunk.data.rfind(b"\n") + 1]
    return LogChunk(whole, str(int(cursor or 0) + len(whole)))


def _log_of_start(site: Site, handle: JobHandle, offset: str, start: int) -> LogChunk:
    if not start:
        return LogChunk(b"", "")
    chunk = _tail(site, handle, "std_log.txt", offset)
    return LogChunk(chunk.data, f"{chunk.cursor}:{start}", start)


def _tail(site: Site, handle: JobHandle, name: str, cursor: str) -> LogChunk:
    if not job_of(handle):
        raise missing_task(handle)
    first = int(cursor or 0)
    try:
        data = read_from(site.api, job_of(handle), handle.job_id, name, first)
    except RefusedError as error:
        if error.is_gone:
            raise missing_task(handle) from None
        raise
    return LogChunk(data, str(first + len(data)))
