"""What a script says of the run above its own, which its submitter named: metrics and tags.

More scripts than one may write there, and that run's own. Points of metrics and tags stand beside one another; files,
tables, properties, children and states are one writer's, and each writer's replay would undo the others'.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TypeGuard

from aml_plugins.errors import InvalidInputError, NotFoundError, PermissionDeniedError
from aml_plugins.runs.history import RunHistory
from aml_plugins.runs.records.format import Cell, Log, Record, Rows, Tags, Untag, number, plain
from aml_plugins.runs.records.names import label, tag_name
from aml_plugins.runs.records.run_log import TEXT, RunLog

__all__ = ["ParentLog"]


class ParentLog(RunLog):
    """The run above. Values without a step are counted for each script that logs them."""

    def __init__(self, run_id: str) -> None:
        super().__init__(run_id, keep_files=False)

    @staticmethod
    def takes(record: Record) -> TypeGuard[Log | Rows | Tags | Untag]:
        """Say whether a record is of a kind that may be written to a run above."""
        return isinstance(record, Log | Rows | Tags | Untag)

    def row(self, name: str, row: Mapping[str, Cell], time_ms: int) -> int:
        """Add a row: its numbers are metrics ``NAME/COLUMN``, the last of its other values tags. No table is kept."""
        table = self._table_names.name(name)
        for column, cell in row.items():
            value = number(cell)
            if value is None:
                self._tags[tag_name(f"{table}/{column}", TEXT)] = label(str(plain(cell)))
            else:
                self._column(table, column, value, time_ms)
        return 0

    def write(self, history: RunHistory, uploads: Path | None) -> list[str]:
        """Write what waits. A run above that is gone must not keep the script's own run from its end."""
        try:
            return super().write(history, uploads)
        except (NotFoundError, InvalidInputError, PermissionDeniedError) as error:
            self._forget()
            return [f"what the script logged to its parent run {self.run_id!r} was left out: {error}"]
