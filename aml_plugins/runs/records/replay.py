"""Write what a script logged into MLflow: exactly once, whatever is applied twice, only into its own runs and above."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from aml_plugins.runs.history import RunHistory
from aml_plugins.runs.records import format as records
from aml_plugins.runs.records.format import Record, child_run_id, parse_line, text_of
from aml_plugins.runs.records.names import label, metric_name, tag_name
from aml_plugins.runs.records.parent_log import ParentLog
from aml_plugins.runs.records.run_log import RunLog, SupportsTagRemoval
from aml_plugins.runs.states import MlflowStatus

__all__ = ["ModelRequest", "RecordReplay", "SupportsTagRemoval"]

MAX_CHILDREN = 10_000
MAX_PROBLEMS = 20
MAX_WRITERS = 100_000
MAX_TABLE_BYTES = 64 * 1024 * 1024
MAX_NAME = 250

_STATUS: dict[str, MlflowStatus] = {
    "Running": "RUNNING",
    "Completed": "FINISHED",
    "Failed": "FAILED",
    "Canceled": "KILLED",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRequest:
    """A model that a script wants registered once its run has ended.

    :param key: the same at every replay, another for each request.
    """

    key: str
    run_id: str
    name: str
    path: str
    tags: dict[str, str]


class RecordReplay:
    """One attempt's records on their way into MLflow.

    :param history: the run history of the run's workspace.
    :param run_id: the submitted run; records may name it, its children and its parent, nothing else.
    :param experiment_id: where children are created.
    :param uploads: the directory of uploaded copies, one folder a run. Without it (the run goes on) metrics, tags,
        children and states are written, and files and tables are left to a replay from the beginning that has it.
    :param parent_run_id: the run above, where the submitter named one; it takes metrics and tags.
    """

    def __init__(
        self,
        history: RunHistory,
        run_id: str,
        experiment_id: str,
        uploads: Path | None = None,
        *,
        parent_run_id: str | None = None,
    ) -> None:
        self._history = history
        self._run_id = run_id
        self._experiment_id = experiment_id
        self._uploads = uploads
        self._logs = {run_id: self._log(run_id)}
        self._above = {parent_run_id: ParentLog(parent_run_id)} if parent_run_id else {}
        self._seen: dict[str, int] = {}
        self._open: dict[str, None] = {}
        self._models: list[ModelRequest] = []
        self._table_bytes = 0

    @property
    def models(self) -> tuple[ModelRequest, ...]:
        """Return the models that the script asked for so far."""
        return tuple(self._models)

    def apply(self, lines: bytes) -> list[str]:
        """Write whole lines of the file; what was applied before changes nothing.

        :returns: what is wrong with lines that were left out, the first of many.
        :raises AmlError: where MLflow cannot be written to: call again, with the same lines or later ones.
        """
        problems: list[str] = []
        left_out = 0
        for problem in self._problems(lines):
            left_out += 1
            if len(problems) < MAX_PROBLEMS:
                problems.append(problem)
        if left_out > MAX_PROBLEMS:
            problems.append(f"and {left_out - MAX_PROBLEMS} more")
        return problems

    def close_children(self, status: MlflowStatus, end_time: int | None = None) -> None:
        """Give the script's own children that it never ended the status with which their script ended."""
        for run_id in self._open:
            self._history.set_status(run_id, status, end_time=end_time)
        self._open.clear()

    def _problems(self, lines: bytes) -> Iterator[str]:
        for line in lines.splitlines():
            if line.strip():
                yield from self._take(line)
        for log in (*self._logs.values(), *self._above.values()):
            yield from log.write(self._history, self._uploads)

    def _take(self, line: bytes) -> Iterator[str]:
        record = parse_line(line)
        if isinstance(record, str):
            yield record
        elif record.n <= self._seen.get(record.w, 0):
            return
        elif record.w not in self._seen and len(self._seen) >= MAX_WRITERS:
            yield "too many processes log to one run"
        else:
            self._seen[record.w] = record.n
            log = self._logs.get(record.run) or self._above.get(record.run)
            if log is None:
                yield f"the run {record.run!r} is not the script's own"
            elif isinstance(log, ParentLog) and not log.takes(record):
                yield f"the run {record.run!r} above the script's takes metrics and tags only, not {record.op!r}"
            else:
                yield from self._hear(log, record)

    def _hear(self, log: RunLog, record: Record) -> Iterator[str]:  # noqa: C901, PLR0912 - one arm an operation
        match record:
            case records.Log():
                self._table_bytes += log.values(record.name, record.values, record.t, record.step)
            case records.Rows():
                yield from self._rows(log, record)
            case records.Chart():
                log.files([record.path])
            case records.Files():
                log.files(record.paths)
            case records.Tags():
                yield from log.tags(record.set)
            case records.Untag():
                log.untag(record.names)
            case records.Properties():
                yield from log.properties(record.set)
            case records.Display():
                self._display(log, record)
            case records.Child():
                yield from self._child(log, record)
            case records.Status():
                yield from self._status(log, record)
            case records.Error():
                for field in ("code", "message", "debug_stack_trace"):
                    log.own_tag(f"aml.error.{field.removeprefix('debug_')}", text_of(record.error, field))
            case records.Model():
                self._model(log, record)

    def _rows(self, log: RunLog, record: records.Rows) -> Iterator[str]:
        if len(set(record.columns)) != len(record.columns):
            yield f"the table {record.name[:100]!r} has two columns of one name"
            return
        for row in record.rows:
            if len(row) != len(record.columns):
                yield f"a row of the table {record.name[:100]!r} has not one value a column"
            elif self._table_bytes > MAX_TABLE_BYTES:
                yield f"the tables of the run are larger than {MAX_TABLE_BYTES} bytes, at {record.name[:100]!r}"
            else:
                self._table_bytes += log.row(record.name, dict(zip(record.columns, row, strict=True)), record.t)

    def _display(self, log: RunLog, record: records.Display) -> None:
        if record.name is not None:
            log.own_tag("mlflow.runName", label(record.name, MAX_NAME))
        if record.description is not None:
            log.own_tag("mlflow.note.content", record.description)

    def _child(self, log: RunLog, record: records.Child) -> Iterator[str]:
        if record.child != child_run_id(record.run, record.key):
            yield f"the child run {record.child!r} has not the id that its parent gives it"
        elif record.child not in self._logs and len(self._logs) > MAX_CHILDREN:
            yield f"the script has more than {MAX_CHILDREN} child runs"
        elif record.child not in self._logs:
            child = self._logs[record.child] = self._log(record.child)
            self._open[record.child] = None
            name = label(record.name, MAX_NAME) or None
            parent, key, started = log.run_id, label(record.key), record.t
            child.create(
                lambda history: history.create_run(
                    child.run_id,
                    self._experiment_id,
                    name=name,
                    tags={"aml.child_id": key},
                    parent_run_id=parent,
                    start_time=started,
                )
            )

    def _status(self, log: RunLog, record: records.Status) -> Iterator[str]:
        if log.run_id == self._run_id:
            yield "the state of the submitted run is its script's exit code"
            return
        running = record.status == "Running"
        log.status(_STATUS[record.status], None if running else record.t)
        if running:
            self._open[log.run_id] = None
        else:
            self._open.pop(log.run_id, None)

    def _model(self, log: RunLog, record: records.Model) -> None:
        tags = {tag_name(name): label(value) for name, value in record.tags.items()}
        request = ModelRequest(
            key=f"{record.w}-{record.n}",
            run_id=log.run_id,
            name=label(record.name, MAX_NAME),
            path=record.path,
            tags=tags,
        )
        self._models.append(request)
        log.own_tag(tag_name(metric_name(record.name), "aml.model."), record.path)

    def _log(self, run_id: str) -> RunLog:
        return RunLog(run_id, keep_files=self._uploads is not None)
