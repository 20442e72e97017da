"""Tables that a script logs row by row, kept whole as artifacts ``tables/NAME.json`` in MLflow's table format."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from aml_plugins.json_types import JsonValue
from aml_plugins.runs.history import RunHistory

__all__ = ["FOLDER", "Table"]

FOLDER = "tables"


class Table:
    """One table of one run; columns in the order of their first appearance."""

    def __init__(self, file_name: str) -> None:
        self.path = f"{FOLDER}/{file_name}.json"
        self._columns: dict[str, int] = {}
        self._rows: list[Mapping[str, JsonValue]] = []

    def add(self, row: Mapping[str, JsonValue]) -> int:
        """Add a row; return about how many bytes it takes."""
        self._rows.append(row)
        for column in row:
            self._columns.setdefault(column, len(self._columns))
        return sum(len(column) + len(str(value)) + 8 for column, value in row.items())

    def store(self, history: RunHistory, run_id: str) -> None:
        """Write the whole table as the run's artifact, replacing what an earlier call wrote."""
        with tempfile.TemporaryDirectory(prefix="aml-table-") as directory:
            local = Path(directory) / Path(self.path).name
            local.write_text(json.dumps({"columns": list(self._columns), "data": self._data()}, allow_nan=False))
            history.upload(run_id, local, FOLDER)

    def _data(self) -> Sequence[Sequence[JsonValue]]:
        return [[row.get(column) for column in self._columns] for row in self._rows]
