"""What was logged so far, by any process of the run: read back from the records file, each line once."""

from __future__ import annotations

import json
import threading
import time
from typing import Any

from .values import plain


class Facts:
    """One run as its records tell it."""

    def __init__(self, run_id: str, parent: str | None = None, key: str = "", name: str | None = None) -> None:
        self.run_id = run_id
        self.parent = parent
        self.key = key
        self.name = name
        self.description: str | None = None
        self.status = "NotStarted" if parent else "Running"
        self.started: int | None = None
        self.ended: int | None = None
        self.error: dict[str, Any] | None = None
        self.tags: dict[str, str | None] = {}
        self.properties: dict[str, str | None] = {}
        self.files: dict[str, None] = {}
        self.children: list[str] = []
        self._scalars: dict[str, list[Any]] = {}
        self._rows: dict[str, list[dict[str, Any]]] = {}

    def metrics(self, name: str | None = None) -> dict[str, Any]:
        """Return metrics in Azure ML's shape: one value or a list; a table's columns, each one value or a list."""
        found: dict[str, Any] = {key: _one_or_list(values) for key, values in self._scalars.items()}
        for key, rows in self._rows.items():
            columns = list(dict.fromkeys(column for row in rows for column in row))
            found[key] = {column: _one_or_list([row.get(column) for row in rows]) for column in columns}
        return found if name is None else {key: value for key, value in found.items() if key == name}

    def hear(self, record: dict[str, Any]) -> None:
        """Take in one record."""
        hear = getattr(self, "_hear_" + record["op"], None)
        if hear is not None:
            hear(record)

    def _hear_log(self, record: dict[str, Any]) -> None:
        self._scalars.setdefault(record["name"], []).extend(plain(value) for value in record["values"])

    def _hear_rows(self, record: dict[str, Any]) -> None:
        rows = [dict(zip(record["columns"], map(plain, row))) for row in record["rows"]]
        self._rows.setdefault(record["name"], []).extend(rows)

    def _hear_chart(self, record: dict[str, Any]) -> None:
        self._scalars.setdefault(record["name"], []).append(record["path"])
        self.files[record["path"]] = None

    def _hear_files(self, record: dict[str, Any]) -> None:
        self.files.update(dict.fromkeys(record["paths"]))

    def _hear_tags(self, record: dict[str, Any]) -> None:
        self.tags.update(record["set"])

    def _hear_untag(self, record: dict[str, Any]) -> None:
        for name in record["names"]:
            self.tags.pop(name, None)

    def _hear_properties(self, record: dict[str, Any]) -> None:
        self.properties.update(record["set"])

    def _hear_display(self, record: dict[str, Any]) -> None:
        self.name = record.get("name") or self.name
        self.description = record.get("description") or self.description

    def _hear_error(self, record: dict[str, Any]) -> None:
        self.error = record["error"]

    def _hear_status(self, record: dict[str, Any]) -> None:
        self.status = record["status"]
        if self.status == "Running":
            self.started = self.started or record["t"]
        else:
            self.ended = record["t"]


class Reading:
    """The reading end of one records file."""

    def __init__(self, path: str, root: str) -> None:
        self._path = path
        self._offset = 0
        self._lock = threading.Lock()
        self._root = root
        self._runs = {root: Facts(root)}
        self._runs[root].started = int(time.time() * 1000)

    def run(self, run_id: str) -> Facts:
        """Return what is known of a run; an unknown one has nothing."""
        return self.all().get(run_id) or Facts(run_id)

    def all(self) -> dict[str, Facts]:
        """Return all runs by id, the root first, children in the order of their creation."""
        with self._lock:
            for line in self._new_lines():
                self._hear(line)
            return dict(self._runs)

    def _new_lines(self) -> list[bytes]:
        try:
            with open(self._path, "rb") as file:
                file.seek(self._offset)
                data = file.read()
        except OSError:
            return []
        whole = data[: data.rfind(b"\n") + 1]
        self._offset += len(whole)
        return whole.splitlines()

    def _hear(self, line: bytes) -> None:
        try:
            record = json.loads(line.decode("utf-8"))
            run = self._runs.setdefault(record["run"], Facts(record["run"]))
            if record["op"] == "child":
                self._child(run, record)
            else:
                run.hear(record)
        except (ValueError, KeyError, TypeError, AttributeError):
            return  # the core reports it when it reads the file

    def _child(self, parent: Facts, record: dict[str, Any]) -> None:
        if record["child"] not in self._runs:
            self._runs[record["child"]] = Facts(record["child"], parent.run_id, record["key"], record.get("name"))
            parent.children.append(record["child"])


def _one_or_list(values: list[Any]) -> Any | list[Any]:
    return values[0] if len(values) == 1 else values
