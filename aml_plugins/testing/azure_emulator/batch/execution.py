"""One command on one node: resource files, the process, output files, and how it ended."""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aml_plugins.testing.azure_emulator.batch.text import seconds_of
from aml_plugins.testing.azure_emulator.batch.transfers import TransferError, download, upload
from aml_plugins.testing.azure_emulator.engines import container_command, remove_container

__all__ = ["Execution", "Outcome", "end_processes_below", "failure"]

MARK = "AZ_BATCH_EMULATOR_PROCESS"
"""In the environment of every process of an execution: what a task leaves running is found by it."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a command ended.

    :param error: ``failureInfo``, None for success.
    :param retriable: whether the process itself failed, the only thing that Batch tries again.
    """

    started: float
    ended: float
    exit_code: int | None
    error: Mapping[str, Any] | None
    retriable: bool = False


@dataclass
class Execution:
    """Starts with :meth:`start`; calls ``ended`` once, from a thread of its own.

    :param directory: gets ``stdout.txt``, ``stderr.txt`` and ``wd/``.
    :param spec: a task as it was asked for: ``commandLine``, ``resourceFiles`` and so on.
    :param node_root: mounted into a container, so that its paths are the same inside.
    :param shared: where the resource files go, in place of ``wd``.
    :param is_continued: whether it finds the directory as another command left it.
    :param leaves_processes: whether what it started in the background goes on until :meth:`end_remnants`.
    """

    identity: str
    directory: Path
    spec: Mapping[str, Any]
    environment: Mapping[str, str]
    node_root: Path
    ended: Callable[[Outcome], None]
    command: str | None = None
    shared: Path | None = None
    is_continued: bool = False
    leaves_processes: bool = False
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)
    _stop: Mapping[str, Any] | None = field(default=None, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    def start(self) -> None:
        """Begin, in a thread."""
        threading.Thread(target=self._run, name=f"batch-{self.identity}", daemon=True).start()

    def stop(self, error: Mapping[str, Any]) -> None:
        """End it, for this reason. Batch gives a process no time to say farewell."""
        with self._lock:
            self._stop = self._stop or error
            if self._process is not None:
                self._kill(self._process)

    def end_remnants(self) -> None:
        """End what it left running."""
        end_processes(self.identity)

    @property
    def working_directory(self) -> Path:
        """The task's ``wd``."""
        return self.directory / "wd"

    def _run(self) -> None:
        begun = time.time()
        try:
            self._prepare()
            download(self.spec.get("resourceFiles") or (), self.shared or self.working_directory)
            outcome = self._outcome(begun)
            if self._stop is None:
                upload(self.spec.get("outputFiles") or (), self.working_directory, succeeded=outcome.exit_code == 0)
        except TransferError as error:
            told = failure(error.code, str(error), details=error.details)
            outcome = Outcome(begun, time.time(), None, told)
        except OSError as error:
            told = failure("ResourceDirectoryCreateFailed", str(error), category="ServerError")
            outcome = Outcome(begun, time.time(), None, told)
        self.ended(outcome)

    def _prepare(self) -> None:
        """A retried task finds its directory as new."""
        if not self.is_continued:
            shutil.rmtree(self.shared or self.directory, ignore_errors=True)
        self.working_directory.mkdir(parents=True, exist_ok=True)
        (self.directory / "certs").mkdir(exist_ok=True)
        for name in ("stdout.txt", "stderr.txt"):
            (self.directory / name).touch()

    def _outcome(self, begun: float) -> Outcome:
        limit = seconds_of(str((self.spec.get("constraints") or {}).get("maxWallClockTime") or ""))
        process = self._popen()
        if process is None:
            return Outcome(begun, time.time(), None, self._stop or _not_found())
        try:
            process.wait(None if limit is None or limit > threading.TIMEOUT_MAX else limit)
        except subprocess.TimeoutExpired:
            self.stop(failure("TaskEnded", "Task execution timed out", values={"Reason": "MaxWallClockTimeExpiry"}))
            process.wait()
        if not self.leaves_processes or self._stop is not None:
            end_processes(self.identity)
        return self._judged(begun, process.returncode)

    def _judged(self, begun: float, returned: int) -> Outcome:
        code = returned if returned >= 0 else 128 - returned
        if self._stop is not None:
            return Outcome(begun, time.time(), code, self._stop)
        error = _failed_exit() if code else None
        return Outcome(begun, time.time(), code, error, retriable=bool(code))

    def _popen(self) -> subprocess.Popen[bytes] | None:
        arguments = shlex.split(self.command or str(self.spec["commandLine"]))
        environment = {**self.environment, MARK: self.identity}
        container = self.spec.get("containerSettings")
        if container:
            arguments = container_command(
                container, arguments, environment=environment, node_root=self.node_root,
                working_directory=self.working_directory, name=self._container,
            )  # fmt: skip
            # The command that asks the engine has to find it; what is in the container was named above.
            environment |= {name: value for name, value in os.environ.items() if name.startswith("DOCKER_")}
        elif not arguments or shutil.which(arguments[0], path=environment["PATH"]) is None:
            return None
        with (
            self._lock,
            (self.directory / "stdout.txt").open("ab") as out,
            (self.directory / "stderr.txt").open("ab") as err,
        ):
            if self._stop is not None:
                return None
            self._process = subprocess.Popen(
                [*_DIES_WITH_US, *arguments],
                cwd=self.working_directory,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )
            return self._process

    def _kill(self, process: subprocess.Popen[bytes]) -> None:
        if self.spec.get("containerSettings"):  # the command that shows it is not the container
            threading.Thread(target=remove_container, args=(self._container,), daemon=True).start()
        if process.returncode is None:  # else its number may be somebody else's by now
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        end_processes(self.identity)

    @property
    def _container(self) -> str:
        # Two commands of a task may share a directory: the engine may still have the first one's container.
        return f"batch-{hashlib.sha256(f'{self.identity} {self.directory}'.encode()).hexdigest()[:24]}"


def _dies_with_us() -> list[str]:
    """A killed emulator takes its tasks with it, where util-linux is there to ask for that."""
    program = shutil.which("setpriv")
    return [program, "--pdeathsig", "KILL", "--"] if program else []


_DIES_WITH_US = _dies_with_us()


def end_processes(identity: str) -> None:
    """Kill what a task left running, wherever it hid: Batch ends everything of a task with the task."""
    wanted = f"{MARK}={identity}".encode()
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if wanted in (entry / "environ").read_bytes().split(b"\0"):
                os.kill(int(entry.name), signal.SIGKILL)


def failure(
    code: str,
    message: str,
    *,
    category: str = "UserError",
    details: Mapping[str, str] | None = None,
    values: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Return a ``failureInfo``."""
    found = {**(details or {}), **(values or {})}
    info: dict[str, Any] = {"category": category, "code": code, "message": message}
    if found:
        info["details"] = [{"name": name, "value": value} for name, value in found.items()]
    return info


def _failed_exit() -> dict[str, Any]:
    return failure(
        "FailureExitCode",
        "The task exited with an exit code representing a failure",
        details={
            "Message": "The task process exited with an unexpected exit code",
            "AdditionalErrorCode": "FailureExitCode",
        },
    )


def _not_found() -> dict[str, Any]:
    return failure(
        "CommandProgramNotFound",
        "The specified command program is not found",
        details={"Message": "The system cannot find the file specified."},
    )


def end_processes_below(directory: Path) -> None:
    """Kill every process whose task has its directory below this one."""
    wanted = f"AZ_BATCH_TASK_DIR={directory}/".encode()
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if any(part.startswith(wanted) for part in (entry / "environ").read_bytes().split(b"\0")):
                os.kill(int(entry.name), signal.SIGKILL)
