"""The runner's life: take the job, prepare it, run the script, say how it ended."""

from __future__ import annotations

import os
import sys
import time

from .burial import bury
from .children import Children, exit_code_of, was_terminated
from .claiming import claim, is_started, release, sign, take_lock
from .control import Control, Signals
from .environment import prepare_python
from .errors import CancelledError, JobError, sentence_of
from .job import Job
from .memory import kills_by_memory
from .offline import keep_artifacts
from .processes import KEY_VARIABLE, adopt_orphans, birth_of
from .reasons import reason_of
from .script_api_files import script_api
from .status import Status
from .unpacking import unpack
from .variables import script_variables, take_on

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import BinaryIO

__all__ = ["Run", "main", "take"]

_USAGE = 2
_CANNOT_RUN = 70
LOG = "std_log.txt"


def main(arguments: Sequence[str]) -> int:
    """Run the job of a directory, unless another runner does or did; return an exit code for schedulers."""
    if len(arguments) != 1 or not os.path.isdir(arguments[0]):
        sys.stderr.write("usage: python runner.pyz JOB_DIRECTORY\n")
        return _USAGE
    directory = os.path.abspath(arguments[0])
    lock = take(directory)
    if lock is None:
        return 0
    try:
        return Run(directory, lock, Signals(), os.environ).run()
    finally:
        release(lock)


def take(directory: str) -> int | None:
    """Claim the job; return the descriptor of its lock, None where another runner does or did. Bury one that died."""
    try:
        lock = take_lock(directory)
    except FileNotFoundError:  # deleted meanwhile
        return None
    if lock is None:
        return None
    is_ours = False
    try:
        if not is_started(directory):  # else what the dead one signed says where its script is
            sign(lock)
            is_ours = claim(directory)
        if not is_ours:
            bury(directory)
    finally:
        if not is_ours:
            release(lock)
    return lock if is_ours else None


class Run:
    """One job, run once.

    ``is_clean`` says after :meth:`run` that the job left nothing in this process, which may run another.

    :param lock: the job's, signed.
    :param inherited: the environment variables that the runner was started with, or would have been.
    """

    def __init__(self, directory: str, lock: int, signals: Signals, inherited: Mapping[str, str]) -> None:
        self._directory = directory
        self._lock = lock
        self._inherited = inherited
        self._work = os.path.join(directory, "work")
        self._status = Status(directory)
        self._control = Control(directory, self._status, signals)
        self._children: Children | None = None
        self._kills_before = 0
        self.is_clean = False

    def run(self) -> int:
        """Run it and say how it ended, whatever happens."""
        try:
            self._status.begin()
            self._check_cancelled()
            return self._run()
        except CancelledError:
            self._leave_nothing()
            self._status.finish("cancelled")
            return _CANNOT_RUN
        except Exception as error:  # noqa: BLE001  nobody else is there to say what went wrong
            self._leave_nothing()
            self._fail(sentence_of(error))
            return _CANNOT_RUN

    def _run(self) -> int:
        job = Job.read(self._directory)
        self._children = Children(job.key, self._control, orphans_adopted=adopt_orphans())
        with open(os.path.join(self._directory, LOG), "ab", buffering=0) as log:
            if not job.is_plain:
                self._keep_process_for(job, log)
            self._unpack(job)
            paths = self._bring_data(job)
            if not job.is_plain:
                os.chdir(self._work)
            cache = os.path.join(self._directory, "cache")
            python, activation = prepare_python(job, log, self._status, self._control, cache)
            api = script_api(job.cache or cache)
            variables = script_variables(job, self._directory, python, api, dict(self._inherited, **activation))
            keep_artifacts(self._work, variables)
            variables.update((str(entry["variable"]), paths[entry["name"]]) for entry in job.data)
            variables = {**paths, **variables}  # under their own names too, as Azure ML's named inputs were
            self._check_cancelled()
            self._start(job, python, variables, log, self._children)
        return self._supervise(job, self._children)

    def _keep_process_for(self, job: Job, log: BinaryIO) -> None:
        """Let what this process itself is be the job's alone: its variables, and its output."""
        if self._inherited is not os.environ:
            take_on(self._inherited)
            self._inherited = os.environ
            os.dup2(log.fileno(), 1)
            os.dup2(log.fileno(), 2)
        os.environ[KEY_VARIABLE] = job.key  # environment builds belong to the job, too

    def _unpack(self, job: Job) -> None:
        os.mkdir(self._work)
        found = unpack(os.path.join(self._directory, "snapshot.zip"), self._work, self._check_cancelled)
        if found != job.snapshot_digest:
            raise JobError("The snapshot is not the one that was submitted: its digest differs.")
        for name in ("outputs", "logs"):
            _make_directory(os.path.join(self._work, name))
        script = os.path.normpath(job.script)
        if os.path.isabs(script) or script.startswith("..") or not os.path.isfile(os.path.join(self._work, script)):
            raise JobError(f"The snapshot has no script '{job.script}'.")

    def _bring_data(self, job: Job) -> dict[str, str]:
        """Bring what the script reads, and replace its references in the arguments."""
        if not job.data:
            return {}
        from .data import expanded, prepare  # noqa: PLC0415  most jobs have none

        paths = prepare(job.data, self._directory, self._check_cancelled)
        job.arguments = [expanded(argument, paths) for argument in job.arguments]
        return paths

    def _start(self, job: Job, python: str, variables: dict[str, str], log: BinaryIO, children: Children) -> None:
        command = [python, job.script, *job.arguments]
        started_at = time.time()
        self._kills_before = kills_by_memory()
        try:
            pid = children.start(command, self._work, variables, log.fileno(), stays=self._inherited is not os.environ)
        except OSError as error:
            raise JobError(f"'{python}' cannot be started: {error.strerror}.") from None
        birth = birth_of(pid)
        sign(self._lock, (pid, birth))
        self._status.note(state="running", script_pid=pid, script_birth=birth, started_at=started_at)

    def _supervise(self, job: Job, children: Children) -> int:
        """Wait for the script's end or end it."""
        until = None if job.time_limit is None else time.monotonic() + job.time_limit
        ended_by = None
        while not children.script_ended() and ended_by is None:
            if self._control.cancelled():
                ended_by = "cancelled"
            elif until is not None and time.monotonic() >= until:
                ended_by = f"The script ran into its time limit of {job.time_limit:g} seconds."
            else:
                self._control.wait(until - time.monotonic() if until is not None else 60.0)
        if ended_by is None and self._control.cancelled() and was_terminated(children.wait_status):
            ended_by = "cancelled"  # a machine that shuts down tells the script as well
        if ended_by is None:
            children.end_stragglers(job.grace)
        else:
            children.end(job.grace)
        children.let_go()
        self.is_clean = job.is_plain and ended_by is None and children.are_gone()
        return self._conclude(children.wait_status, ended_by)

    def _conclude(self, wait_status: int | None, ended_by: str | None) -> int:
        exit_code = None if wait_status is None else exit_code_of(wait_status)
        if ended_by == "cancelled":
            self._status.finish("cancelled", exit_code=exit_code)
        elif ended_by is not None:
            self._status.finish("failed", exit_code=exit_code, reason=ended_by)
        elif exit_code is not None:
            is_out_of_memory = exit_code != 0 and kills_by_memory() > self._kills_before
            reason = reason_of(exit_code, self._directory, is_out_of_memory=is_out_of_memory)
            self._status.finish("failed" if reason else "succeeded", exit_code=exit_code, reason=reason)
        return _CANNOT_RUN if exit_code is None else exit_code if exit_code >= 0 else 128 - exit_code

    def _check_cancelled(self) -> None:
        if self._control.cancelled():
            raise CancelledError

    def _fail(self, reason: str) -> None:
        """Say it in the log as well: that is where people look."""
        try:
            with open(os.path.join(self._directory, LOG), "ab") as log:
                log.write(f"{reason}\n".encode("utf-8", "backslashreplace"))
        except OSError:
            pass
        self._status.finish("failed", reason=reason)

    def _leave_nothing(self) -> None:
        if self._children is not None:
            self._children.end(0)
            self._children.let_go()


def _make_directory(path: str) -> None:
    """Make it unless the snapshot has it; whatever else it has of that name stands in the way."""
    try:
        os.mkdir(path)
    except FileExistsError:
        if not os.path.isdir(path):
            raise
