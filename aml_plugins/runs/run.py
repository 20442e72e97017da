"""A run in Python: watch it, wait for it, read it, register what it made."""

from __future__ import annotations

import codecs
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aml_plugins.errors import InvalidInputError, NotFoundError, OperationFailedError
from aml_plugins.model import Model
from aml_plugins.runs.attempts import LINK, Attempt, attempts_of
from aml_plugins.runs.logs import RunLog
from aml_plugins.runs.states import RunState
from aml_plugins.runs.waiting import wait
from aml_plugins.tasks.task import Task

if TYPE_CHECKING:
    from aml_plugins.runs.history import RunHistory, RunView
    from aml_plugins.store.records import RunRecord, TaskEvent
    from aml_plugins.workspace import Workspace

__all__ = ["Run", "find_run"]

_FROM_MLFLOW = {
    "SCHEDULED": "Queued",
    "RUNNING": "Running",
    "FINISHED": "Completed",
    "FAILED": "Failed",
    "KILLED": "Canceled",
}


class Run:
    """One execution. Runs that a script opened below its own run are runs too; they have no target of their own.

    :param record: how the run executes; None for a run that only MLflow knows.
    """

    def __init__(self, workspace: Workspace, record: RunRecord | None = None, *, run_id: str | None = None) -> None:
        self.workspace = workspace
        self._record = record
        self.id = record.run_id if record else str(run_id)

    def __repr__(self) -> str:
        known = self._record  # of the last look: what shows a run in a notebook or a debugger asks nobody
        more = f", experiment={known.experiment_name!r}, state={known.state!r}" if known else ""
        return f"Run(id={self.id!r}, workspace={self.workspace.name!r}{more})"

    @property
    def record(self) -> RunRecord | None:
        """How the run executes, as of the last look; None for a run that only MLflow knows."""
        return self._record

    @property
    def name(self) -> str:
        """The display name in MLflow."""
        return self._history.get(self.id).name

    @property
    def status(self) -> str:
        """The state now, such as ``Running``. Looking drives the run where nobody else does."""
        return self.get_status()

    def get_status(self) -> str:
        """Return the run's state."""
        if self._record is None:
            return _FROM_MLFLOW.get(self._history.get(self.id).status, "Running")
        if not RunState(self._record.state).is_terminal:
            self._record = self.workspace.driver.drive([self.id])[self.id]
        return self._record.state

    def wait_for_completion(
        self,
        *,
        show_output: bool = False,
        on_output: Callable[[bytes], None] | None = None,
        on_change: Callable[[RunRecord], None] | None = None,
        timeout: float | None = None,
        raise_on_error: bool = True,
    ) -> Run:
        """Wait until the run has ended, and drive it there.

        :param show_output: print the script's output as it comes.
        :param on_output: gets the script's output as it comes, in place of printing it.
        :param on_change: gets the run's record whenever it changed.
        :param timeout: seconds to wait; then ``OperationFailedError``, and the run goes on.
        :param raise_on_error: raise ``OperationFailedError`` for a run that failed or was canceled.
        :raises KeyboardInterrupt: on Ctrl-C; a monitor goes on with the run, and the words say how to wait again.
        """
        if self._record is None:
            return self
        reader = on_output or (_printer() if show_output else None)
        context = self.workspace.context
        driver = self.workspace.driver
        try:
            self._record = wait(context, driver, self.id, on_output=reader, on_change=on_change, timeout=timeout)
        except KeyboardInterrupt:
            raise self._interrupted() from None
        if raise_on_error and self._record.state != RunState.COMPLETED.value:
            raise OperationFailedError(
                f"The run {self.id} ended as {self._record.state}. {self._record.reason or ''}".rstrip(),
                f"Its log: aml run logs {self.id}" if self._record.handle else f"See: aml run show {self.id}",
            )
        return self

    def _interrupted(self) -> KeyboardInterrupt:
        """Leave the run to a monitor; return what says so where the interruption is shown, as in a notebook."""
        from aml_plugins.runs.monitoring import hand_over  # noqa: PLC0415  seldom

        hand_over(self.workspace.context, self.workspace.driver, self.id)
        return KeyboardInterrupt(
            f"the run {self.id} goes on. Wait for it again with: run.wait_for_completion(), "
            f"or cancel it with: run.cancel() or aml run cancel {self.id}"
        )

    def cancel(self) -> None:
        """Ask the run to end; returns at once. Waiting for it sees it end."""
        if self._record is None:
            raise InvalidInputError(f"The run {self.id} was not submitted here.", "Cancel the run that it belongs to.")
        self._record = self.workspace.context.store.runs.request_cancel(self.workspace.name, self.id)
        self._record = self.workspace.driver.drive([self.id])[self.id]

    @property
    def attempts(self) -> Sequence[Attempt]:
        """All attempts at the run, as of the last look: why each failed, and where its log is."""
        return attempts_of(self._record) if self._record is not None else []

    def get_logs(self, *, attempt: int | None = None) -> str:
        """Return the script's output so far.

        :param attempt: the number of an attempt; the last one by default.
        :raises NotFoundError: where there was no such attempt.
        """
        if self._record is None:
            return ""
        self.get_status()
        if attempt is not None and attempt != self._record.attempt:
            return self._log_of(attempt)
        return RunLog(self.workspace.context).new(self._record).decode("utf-8", "replace")

    def _log_of(self, attempt: int) -> str:
        assert self._record is not None  # noqa: S101  the caller looked
        if not 1 <= attempt < self._record.attempt:
            raise NotFoundError(
                f"The run {self.id} has no attempt {attempt}.", f"It has {self._record.attempt}; see: aml run show"
            )
        return RunLog(self.workspace.context).earlier(self._record, attempt).decode("utf-8", "replace")

    def get_metrics(self) -> dict[str, Any]:
        """Return each metric's value, or the list of its values by step where there are several."""
        view = self._history.get(self.id)
        series = {name: [point.value for point in self._history.metric_history(self.id, name)] for name in view.metrics}
        return {name: values[0] if len(values) == 1 else values for name, values in series.items()}

    def get_tags(self) -> Mapping[str, str]:
        """Return the run's tags, MLflow's own included."""
        return self._history.get(self.id).tags

    def tag(self, name: str, value: str = "") -> None:
        """Set a tag."""
        self._history.log(self.id, tags={name: str(value)})

    def get_file_names(self) -> Sequence[str]:
        """Return the paths of all files of the run: outputs, logs, snapshot."""
        return sorted(_walk(self._history, self.id, ""))

    def download_file(self, name: str, output_file_path: str | Path | None = None) -> Path:
        """Bring one file.

        :param name: its path in the run, such as ``outputs/model.pkl``.
        :param output_file_path: the file to write, or a directory to write it into; None for the working directory.
        :raises NotFoundError: naming the files that are there.
        """
        wanted = Path(output_file_path) if output_file_path is not None else Path()
        target = wanted / Path(name).name if wanted.is_dir() else wanted
        names = self.get_file_names()
        if name not in names:
            raise NotFoundError(
                f"The run {self.id} has no file '{name}'.", f"It has: {', '.join(names) or 'none yet'}."
            )
        target.parent.mkdir(parents=True, exist_ok=True)
        # It comes at its path in the run: in a directory of its own, where nothing of the caller's lies at that path.
        from tempfile import TemporaryDirectory  # noqa: PLC0415  a submitter has its script running before

        with TemporaryDirectory(prefix=".aml-file-", dir=target.parent) as directory:
            return self._history.download(self.id, name, Path(directory)).replace(target)

    def download_files(self, prefix: str = "", output_directory: str | Path = ".") -> Sequence[Path]:
        """Bring all files whose path begins with ``prefix``, each at its path below the directory."""
        root = Path(output_directory)
        return [self.download_file(name, root / name) for name in self.get_file_names() if name.startswith(prefix)]

    def get_children(self) -> Sequence[Run]:
        """Return the runs directly below this one."""
        return [self.workspace.get_run(view.run_id) for view in self._history.children(self.id)]

    @property
    def parent(self) -> Run | None:
        """The run above this one."""
        above = self._history.get(self.id).tags.get("mlflow.parentRunId")
        return self.workspace.get_run(above) if above else None

    def get_details(self) -> dict[str, Any]:
        """Return what is known of the run, as JSON values."""
        view, record = self._history.get(self.id), self._record
        return {**_mlflow_details(view), **(_execution_details(record) if record else {}), "status": self.get_status()}

    def get_tasks(self) -> Sequence[Task]:
        """Return the run's own task and those that worked for it, such as an environment build."""
        return Task.list(self.workspace, subject=self.id)

    def events(self, *, follow: bool = True) -> Iterator[TaskEvent]:
        """Yield what happens to the run until it has ended; it is driven meanwhile where nobody else does.

        :param follow: False for what has happened so far.
        """
        return Task.get(self.workspace, self.id).events(follow=follow)

    def register_model(
        self, model_name: str, model_path: str = "outputs", *, tags: Mapping[str, str] | None = None
    ) -> Model:
        """Register a file or directory of the run as the next version of a model.

        :raises NotFoundError: where the run has no such file or directory.
        """
        files = self.get_file_names()
        if not any(name == model_path or name.startswith(f"{model_path}/") for name in files):
            raise NotFoundError(
                f"The run {self.id} has no file or directory '{model_path}'.", f"It has: {', '.join(files) or 'none'}."
            )
        version = self._history.register_model(model_name, self.id, model_path, tags=tags)
        return Model(self.workspace, version)

    @property
    def _history(self) -> RunHistory:
        return self.workspace.context.history(self.workspace.name)


def find_run(workspace: Workspace, run_id: str) -> Run:
    """Return the run with this id, or the only one whose id begins so.

    :raises NotFoundError: where there is none; ``InvalidInputError`` where there are several.
    """
    exact = workspace.context.store.runs.find(run_id)
    if exact is not None and exact.workspace == workspace.name:
        return Run(workspace, exact)
    near = [
        run for run in workspace.context.store.runs.list(workspace.name, limit=1000) if run.run_id.startswith(run_id)
    ]
    if len(near) > 1:
        raise InvalidInputError(f"{len(near)} runs begin with '{run_id}'.", "Give more of the id; see: aml run list")
    if near:
        return Run(workspace, near[0])
    workspace.context.history(workspace.name).get(run_id)  # raises NotFoundError
    return Run(workspace, run_id=run_id)


def _mlflow_details(view: RunView) -> dict[str, Any]:
    return {
        "runId": view.run_id,
        "name": view.name,
        "mlflowStatus": view.status,
        "metrics": dict(view.metrics),
        "tags": dict(view.tags),
        "artifactUri": view.artifact_uri,
    }


def _execution_details(record: RunRecord) -> dict[str, Any]:
    return {
        "experiment": record.experiment_name,
        "target": record.target,
        "targetType": record.target_type,
        "script": record.script,
        "runDefinition": dict(record.config),
        "snapshotId": record.snapshot_digest,
        "parentRunId": record.parent_run_id,
        "attempt": record.attempt,
        "attempts": [asdict(attempt) for attempt in attempts_of(record)],
        "nativeState": record.native_state,
        "link": record.cursors.get(LINK),
        "reason": record.reason,
        "exitCode": record.exit_code,
        "createdTimeUtc": record.created_at,
        "startTimeUtc": record.started_at,
        "endTimeUtc": record.ended_at,
    }


def _walk(history: RunHistory, run_id: str, path: str) -> Sequence[str]:
    found: list[str] = []
    for file in history.files(run_id, path):
        found.extend(_walk(history, run_id, file.path) if file.is_directory else [file.path])
    return found


def _printer() -> Callable[[bytes], None]:
    """Return what prints pieces of output: a character may begin in one and end in the next."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def show(data: bytes) -> None:
        sys.stdout.write(decoder.decode(data))
        sys.stdout.flush()

    return show
