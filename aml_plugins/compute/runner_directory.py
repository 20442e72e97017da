"""For backends whose job directory can be read as files: what the runner says there, in the words of the contract.

``runs/runner/__init__.py`` documents the directory.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from aml_plugins.compute.job import JobStatus, LogChunk
from aml_plugins.compute.runner_results import Result, bring_results, find_results
from aml_plugins.compute.states import JobState
from aml_plugins.errors import JobNotFoundError
from aml_plugins.runs.runner import burial, claiming, ending
from aml_plugins.runs.runner.processes import birth_of, processes_of_job, signal_identified
from aml_plugins.runs.runner.status import TERMINAL, Status, read_status

__all__ = ["RunnerDirectory", "job_status"]

CHUNK_BYTES = 1 << 20
LOG = "std_log.txt"
RECORDS = "records.jsonl"

_STATES = {
    "preparing": JobState.RUNNING,
    "running": JobState.RUNNING,
    "succeeded": JobState.SUCCEEDED,
    "failed": JobState.FAILED,
    "cancelled": JobState.CANCELLED,
}


class RunnerDirectory:
    """One job's directory. Reading works on any shared file system; methods that say so need the job's machine.

    :param path: the directory; it need not exist.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def status(self) -> JobStatus:
        """Return what the runner last said; ``PENDING`` before its first word. Finds out nothing by itself.

        :raises JobNotFoundError: where there is no such directory.
        """
        said = burial.last_word(str(self.path))
        if said is not None:
            return job_status(said)
        self._must_exist()
        return JobStatus(state=JobState.PENDING, native_state="submitted")

    def log(self, cursor: str = "") -> LogChunk:
        """Return output since ``cursor``."""
        return self._tail(LOG, cursor)

    def records(self, cursor: str = "") -> LogChunk:
        """Return whole lines of the records since ``cursor``."""
        chunk = self._tail(RECORDS, cursor)
        whole = chunk.data[: chunk.data.rfind(b"\n") + 1]
        if not whole and len(chunk.data) == CHUNK_BYTES:
            return self._one_long_line(cursor)
        return LogChunk(whole, str(int(cursor or 0) + len(whole)))

    def results(self) -> Iterator[Result]:
        """Return the files of an ended job's results.

        :raises JobNotFoundError: where there is no such directory.
        """
        self._must_exist()
        return find_results(self.path)

    def fetch(self, destination: Path) -> None:
        """Bring the results of an ended job into ``destination``, by hard links where that is possible.

        :raises JobNotFoundError: where there is no such directory.
        """
        bring_results(self.results(), destination)

    @property
    def is_started(self) -> bool:
        """Whether a runner took the job, whatever came of it."""
        return claiming.is_started(str(self.path))

    @property
    def has_ended(self) -> bool:
        """Whether the runner said its last word."""
        said = read_status(str(self.path))
        return said is not None and said.get("state") in TERMINAL

    def ask_to_end(self) -> None:
        """Leave the ``cancel`` file for the runner. Idempotent."""
        (self.path / claiming.CANCEL).touch()

    @property
    def is_asked_to_end(self) -> bool:
        """Whether the ``cancel`` file is there."""
        return (self.path / claiming.CANCEL).exists()

    def signal_runner(self, number: int) -> bool:
        """Signal the living runner, on its machine; return whether there was one."""
        with self.without_runner() as alone:
            holder = None if alone else claiming.lock_holder(str(self.path))
        return holder is not None and signal_identified(*holder, number)

    @contextmanager
    def without_runner(self) -> Iterator[bool]:
        """Hold the lock, on a machine whose locks the runner sees; yields False where a living runner holds it.

        :raises JobNotFoundError: where there is no such directory.
        """
        try:
            lock = claiming.take_lock(str(self.path))
        except FileNotFoundError:
            raise self._missing() from None
        try:
            yield lock is not None
        finally:
            if lock is not None:
                claiming.release(lock)

    def waker(self) -> int | None:
        """Return a file descriptor that becomes readable when the job ends; None where it cannot be watched.

        On the job's machine. The caller closes it.
        """
        holder = claiming.lock_holder(str(self.path))
        if holder is None or not hasattr(os, "pidfd_open"):
            return None
        descriptor = ending.watched(holder[0])
        is_its_own = descriptor is not None
        if descriptor is None:
            try:
                descriptor = os.pidfd_open(holder[0])
            except OSError:  # it has ended, or this kernel knows no such thing
                return None
            is_its_own = birth_of(holder[0]) == holder[1]
        if is_its_own and claiming.lock_holder(str(self.path)) == holder:
            return descriptor
        os.close(descriptor)  # of the process that has its number now, or of the runner's next job
        return None

    def close_unstarted(self, state: JobState, reason: str) -> bool:
        """End a job that no runner took, so that none ever will; False where one did or is about to.

        On a machine whose locks the runner sees.
        """
        with self.without_runner() as alone:
            if not alone or not claiming.claim(str(self.path)):
                return False
            word = next(word for word, meant in _STATES.items() if meant is state)
            Status(str(self.path)).finish(word, reason=reason)
            return True

    def bury(self, reason: str = burial.REASON, *, lost: bool = True) -> bool:
        """End what is left of a job whose runner died, and say that it failed; False where a runner lives.

        On the job's machine.

        :param lost: whether that was not the script's doing.
        """
        with self.without_runner() as alone:
            if alone and self.is_started:
                burial.bury(str(self.path), reason, lost=lost)
            return alone

    @property
    def has_processes(self) -> bool:
        """Whether a process of the job lives, on its machine."""
        return bool(processes_of_job(self.path.name))

    def end_remnants(self) -> bool:
        """Kill what is left of the job, on its machine; return whether nothing is. Does not wait."""
        return burial.end_remnants(str(self.path))

    def _tail(self, name: str, cursor: str) -> LogChunk:
        offset = int(cursor or 0)
        try:
            with (self.path / name).open("rb") as file:
                file.seek(offset)
                data = file.read(CHUNK_BYTES)
        except FileNotFoundError:
            self._must_exist()
            data = b""
        return LogChunk(data, str(offset + len(data)))

    def _one_long_line(self, cursor: str) -> LogChunk:
        """A line longer than a chunk is returned whole, once it is: half a line would be of no use."""
        with (self.path / RECORDS).open("rb") as file:
            file.seek(int(cursor or 0))
            line = file.readline()
        whole = line if line.endswith(b"\n") else b""
        return LogChunk(whole, str(int(cursor or 0) + len(whole)))

    def _must_exist(self) -> None:
        if not self.path.is_dir():
            raise self._missing()

    def _missing(self) -> JobNotFoundError:
        return JobNotFoundError(
            f"There is no job '{self.path.name}' on the compute target.",
            "It was cleaned up, or its directory was deleted.",
        )


def job_status(said: Mapping[str, Any]) -> JobStatus:
    """Return what ``status.json`` says in the words of the contract; for backends that read it from afar."""
    word = str(said.get("state"))
    return JobStatus(
        state=_STATES.get(word, JobState.UNKNOWN),
        native_state=word,
        preparing=word == "preparing",
        reason=said.get("reason"),
        lost=bool(said.get("lost")),
        exit_code=said.get("exit_code"),
        environment=said.get("environment"),
        started_at=said.get("started_at"),
        finished_at=said.get("finished_at"),
    )
