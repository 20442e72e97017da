"""What the records say of one run, on its way into MLflow: nothing is written before :meth:`RunLog.write`."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Protocol, runtime_checkable

from aml_plugins.errors import AmlError, InvalidInputError, StoreError
from aml_plugins.json_types import JsonValue
from aml_plugins.runs.history import Metric, RunHistory
from aml_plugins.runs.records.format import Cell, number, plain
from aml_plugins.runs.records.names import Naming, file_name, is_reserved, label, metric_name, tag_name
from aml_plugins.runs.records.series import Series
from aml_plugins.runs.records.tables import Table
from aml_plugins.runs.records.uploads import uploaded_file
from aml_plugins.runs.states import MlflowStatus

__all__ = ["RunLog", "SupportsTagRemoval"]

BAD_NAME = frozenset({errno.EISDIR, errno.ENOTDIR, errno.EEXIST, errno.ENAMETOOLONG, errno.EINVAL, errno.EILSEQ})
PROPERTY, TEXT, NAME, TABLE = "aml.property.", "aml.text.", "aml.name.", "aml.table."


@runtime_checkable
class SupportsTagRemoval(Protocol):
    """A run history that can take tags off. Without it, a removed tag is left with an empty value."""

    def remove_tags(self, run_id: str, names: Iterable[str]) -> None:
        """Take tags off; one that is not there is no mistake."""
        ...


class RunLog:
    """One run: how its names and series go on, and what waits to be written.

    :param keep_files: whether artifacts are written too, or left to a later replay from the beginning.
    """

    def __init__(self, run_id: str, *, keep_files: bool) -> None:
        self.run_id = run_id
        self._keep_files = keep_files
        self._metric_names, self._table_names = Naming(metric_name), Naming(metric_name)
        self._file_names = Naming(file_name)
        self._series: dict[str, Series] = {}
        self._tables: dict[str, Table] = {}
        self._properties: dict[str, str] = {}
        self._create: Callable[[RunHistory], None] | None = None
        self._status: tuple[MlflowStatus, int | None] | None = None
        self._metrics: list[Metric] = []
        self._tags: dict[str, str | None] = {}
        self._files: dict[str, None] = {}
        self._changed: dict[str, Table] = {}

    def create(self, how: Callable[[RunHistory], None]) -> None:
        """Create the run before anything else is written to it."""
        self._create = how

    def status(self, status: MlflowStatus, end_time: int | None) -> None:
        """Set the run's status, after everything else is written."""
        self._status = (status, end_time)

    def values(self, name: str, values: Iterable[Cell], time_ms: int, step: int | None) -> int:
        """Add values of a metric. What is no number is a tag (the last) and a table (all); returns the bytes kept."""
        kept = 0
        for cell in values:
            value = number(cell)
            if value is None:
                self._tags[tag_name(name, TEXT)] = label(str(plain(cell)))
                kept += self._row(name, {"value": plain(cell)})
            else:
                key = self._metric_names.name(name)
                self._original(key, key, name)
                self._point(key, value, time_ms, step)
        return kept

    def row(self, name: str, row: Mapping[str, Cell], time_ms: int) -> int:
        """Add a row of a table; its numbers are metrics ``NAME/COLUMN``. Returns the bytes kept."""
        table = self._table_names.name(name)
        self._tags[tag_name(table, TABLE)] = self._table(name).path
        self._original(table, table, name)
        for column, cell in row.items():
            value = number(cell)
            if value is not None:
                self._column(table, column, value, time_ms)
        return self._row(name, {column: plain(cell) for column, cell in row.items()})

    def tags(self, tags: Mapping[str, str | None]) -> Iterator[str]:
        """Set tags; yields what is wrong with some."""
        for name, value in tags.items():
            if is_reserved(name):
                yield f"the tag {name[:100]!r} is reserved"
            else:
                self._tags[tag_name(name)] = label(value)

    def untag(self, names: Iterable[str]) -> None:
        """Take tags off."""
        self._tags.update((tag_name(name), None) for name in names if not is_reserved(name))

    def properties(self, properties: Mapping[str, str | None]) -> Iterator[str]:
        """Set properties, each once; yields what is wrong with some."""
        for name, value in properties.items():
            if self._properties.setdefault(name, value or "") != (value or ""):
                yield f"the property {name[:100]!r} is set already"
            else:
                self._tags[tag_name(name, PROPERTY)] = label(value)

    def own_tag(self, name: str, value: str) -> None:
        """Set a tag that a script cannot set itself."""
        self._tags[name] = label(value)

    def files(self, paths: Iterable[str]) -> None:
        """Store uploaded files as artifacts."""
        if self._keep_files:
            self._files.update(dict.fromkeys(paths))

    def write(self, history: RunHistory, uploads: Path | None) -> list[str]:
        """Write what waits, in an order that can be repeated after any failure; return what was left out."""
        if self._create is not None:
            self._create(history)
        self._write_labels(history)
        problems = [*self._write_files(history, uploads)]
        for table in self._changed.values():
            table.store(history, self.run_id)
        if self._status is not None:
            history.set_status(self.run_id, self._status[0], end_time=self._status[1])
        self._forget()
        return problems

    def _forget(self) -> None:
        self._create, self._status = None, None
        self._metrics, self._tags, self._files, self._changed = [], {}, {}, {}

    def _write_labels(self, history: RunHistory) -> None:
        kept = {name: value for name, value in self._tags.items() if value is not None}
        gone = [name for name, value in self._tags.items() if value is None]
        if gone and isinstance(history, SupportsTagRemoval):
            history.remove_tags(self.run_id, gone)
        else:
            kept.update(dict.fromkeys(gone, ""))
        if kept or self._metrics:
            history.log(self.run_id, metrics=self._metrics, tags=kept)

    def _write_files(self, history: RunHistory, uploads: Path | None) -> Iterator[str]:
        for path in self._files:
            local = uploaded_file(uploads, self.run_id, path) if uploads else "there are no uploads"
            if isinstance(local, str):
                yield local
                continue
            try:
                history.upload(self.run_id, local, path.rpartition("/")[0])
            except (InvalidInputError, StoreError) as error:
                if not _is_the_names_fault(error):
                    raise
                yield f"the uploaded file {path!r} was refused: {error}"

    def _point(self, key: str, value: float, time_ms: int, step: int | None) -> None:
        series = self._series.setdefault(key, Series(key))
        self._metrics.append(series.point(value, time_ms, step))

    def _column(self, table: str, column: str, value: float, time_ms: int) -> None:
        key = self._metric_names.name(f"{table}/{column}")
        self._original(key, key.removeprefix(f"{table}/"), column)
        self._point(key, value, time_ms, None)

    def _original(self, key: str, shown: str, original: str) -> None:
        if shown != original:
            self._tags[tag_name(key, NAME)] = label(original)

    def _table(self, name: str) -> Table:
        if name not in self._tables:
            self._tables[name] = Table(self._file_names.name(name))
        return self._tables[name]

    def _row(self, name: str, row: Mapping[str, JsonValue]) -> int:
        if not self._keep_files:
            return 0
        self._changed[name] = self._table(name)
        return self._changed[name].add(row)


def _is_the_names_fault(error: AmlError) -> bool:
    """Return whether a file can never be stored: its name is taken by a directory, or none that the store takes."""
    if isinstance(error, InvalidInputError):
        return True
    return isinstance(error.__cause__, OSError) and error.__cause__.errno in BAD_NAME
