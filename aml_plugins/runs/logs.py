"""Read a run's output as it grows: from the target while it runs, from the run's artifacts afterwards."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from aml_plugins.compute.abilities import SupportsLogs
from aml_plugins.compute.job import JobHandle
from aml_plugins.errors import AmlError, JobNotFoundError, TransientBackendError
from aml_plugins.runs.attempts import last_start, log_path
from aml_plugins.runs.masking import mask_of
from aml_plugins.runs.states import RunState
from aml_plugins.secrets.masking import Mask

if TYPE_CHECKING:
    from aml_plugins.compute.job import LogChunk
    from aml_plugins.context import Context
    from aml_plugins.store.records import RunRecord

__all__ = ["BEGUN_ANEW", "LOG_ARTIFACT", "RunLog"]

LOG_ARTIFACT = log_path(None)
BEGUN_ANEW = "The machine of this attempt was lost, and its compute target began it again. Its log from the beginning:"


class RunLog:
    """A reader of one run's output. Reading needs no lease: any number may follow a run."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._cursor = ""
        self._offset = 0
        self._attempt = 0
        self._generations: list[int] = []
        self._line_is_open = False
        self._mask = Mask(())

    @property
    def offset(self) -> int:
        """Bytes that were returned of the present log: of this attempt, since its job was begun last."""
        return self._offset

    def new(self, run: RunRecord) -> bytes:
        """Return what came since the last call; with a run that ended, all of the rest.

        Who follows a run over several attempts gets the rest of each before the next one's. Where a target begins an
        attempt again by itself, a line says so before its log from the beginning.
        """
        before = b""
        if run.attempt != self._attempt:
            before = self._rest(run, log_path(self._attempt)) if self._attempt else b""
            self._attempt, self._cursor, self._offset = run.attempt, "", 0
            self._generations = []
            self._mask = mask_of(self._context, run)
        return before + self._of_attempt(run)

    def earlier(self, run: RunRecord, attempt: int) -> bytes:
        """Return the whole output of an attempt that another one followed."""
        self._offset = 0
        return self._rest(run, log_path(attempt))

    def _of_attempt(self, run: RunRecord) -> bytes:
        if RunState(run.state).is_terminal:
            return self._said_anew(run, last_start(run)) + self._rest(run, LOG_ARTIFACT)
        found = []
        while (chunk := self._from_target(run)) is not None:
            found.append(self._said_anew(run, chunk.generation))
            self._cursor = chunk.cursor
            if not chunk.data:
                break
            found.append(self._counted(self._mask.feed(chunk.data)))
        return b"".join(found)

    def _from_target(self, run: RunRecord) -> LogChunk | None:
        if run.handle is None:
            return None
        backend = self._context.backends.get(run.workspace, run.target)
        if not isinstance(backend, SupportsLogs):
            return None
        try:
            return backend.logs(JobHandle.from_dict(dict(run.handle)), self._cursor)
        except (JobNotFoundError, TransientBackendError):
            return None  # finished and cleaned up in between, or not to be asked now: the rest comes later

    def _said_anew(self, run: RunRecord, generation: int) -> bytes:
        """Go back to the beginning where the target began the job again; return a line for who has read some of it."""
        if not generation or generation in self._generations:
            return b""
        self._generations.append(generation)
        if len(self._generations) == 1:
            return b""
        has_read, self._offset = self._offset > 0, 0
        self._mask = mask_of(self._context, run)
        before, self._line_is_open = b"\n" if self._line_is_open else b"", False
        return before + BEGUN_ANEW.encode() + b"\n" if has_read else b""

    def _counted(self, data: bytes) -> bytes:
        self._offset += len(data)
        if data:
            self._line_is_open = not data.endswith(b"\n")
        return data

    def _rest(self, run: RunRecord, path: str) -> bytes:
        import tempfile  # noqa: PLC0415  a submitter has its script running before

        with tempfile.TemporaryDirectory(prefix="aml-log-") as directory:
            try:
                local = self._context.history(run.workspace).download(run.run_id, path, Path(directory))
            except AmlError:
                return b""  # the run ended before it had a log
            with local.open("rb") as file:
                file.seek(self._offset)
                return self._counted(file.read())
