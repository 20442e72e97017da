"""Read a run's output as it grows: from the target while it runs, from the run's artifacts afterwards."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from aml_plugins.compute.abilities import SupportsLogs
from aml_plugins.compute.job import JobHandle
from aml_plugins.errors import AmlError, JobNotFoundError, TransientBackendError
from aml_plugins.runs.attempts import log_path
from aml_plugins.runs.masking import mask_of
from aml_plugins.runs.states import RunState
from aml_plugins.secrets.masking import Mask

if TYPE_CHECKING:
    from aml_plugins.context import Context
    from aml_plugins.store.records import RunRecord

__all__ = ["LOG_ARTIFACT", "RunLog"]

LOG_ARTIFACT = log_path(None)


class RunLog:
    """A reader of one run's output. Reading needs no lease: any number may follow a run."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._cursor = ""
        self._offset = 0
        self._attempt = 0
        self._mask = Mask(())

    def new(self, run: RunRecord) -> bytes:
        """Return what came since the last call; with a run that ended, all of the rest.

        Who follows a run over several attempts gets the rest of each before the next one's.
        """
        before = b""
        if run.attempt != self._attempt:
            before = self._rest(run, log_path(self._attempt)) if self._attempt else b""
            self._attempt, self._cursor, self._offset = run.attempt, "", 0
            self._mask = mask_of(self._context, run)
        return before + self._of_attempt(run)

    def earlier(self, run: RunRecord, attempt: int) -> bytes:
        """Return the whole output of an attempt that another one followed."""
        self._offset = 0
        return self._rest(run, log_path(attempt))

    def _of_attempt(self, run: RunRecord) -> bytes:
        if RunState(run.state).is_terminal:
            return self._rest(run, LOG_ARTIFACT)
        data = self._mask.feed(b"".join(iter(lambda: self._from_target(run), b"")))
        self._offset += len(data)
        return data

    def _from_target(self, run: RunRecord) -> bytes:
        if run.handle is None:
            return b""
        backend = self._context.backends.get(run.workspace, run.target)
        if not isinstance(backend, SupportsLogs):
            return b""
        try:
            chunk = backend.logs(JobHandle.from_dict(dict(run.handle)), self._cursor)
        except (JobNotFoundError, TransientBackendError):
            return b""  # finished and cleaned up in between, or not to be asked now: the rest comes later
        self._cursor = chunk.cursor
        return chunk.data

    def _rest(self, run: RunRecord, path: str) -> bytes:
        import tempfile  # noqa: PLC0415  a submitter has its script running before

        with tempfile.TemporaryDirectory(prefix="aml-log-") as directory:
            try:
                local = self._context.history(run.workspace).download(run.run_id, path, Path(directory))
            except AmlError:
                return b""  # the run ended before it had a log
            with local.open("rb") as file:
                file.seek(self._offset)
                data = file.read()
        self._offset += len(data)
        return data
