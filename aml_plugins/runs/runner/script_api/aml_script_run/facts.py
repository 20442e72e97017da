"""What was logged so far, by any process of the run: read back from the records file, each line once."""

from __future__ import annotations

import json
import threading
import time
from typing import Any, Dict, List, Optional, Union

from .values import plain


class Facts:
    """One run as its records tell it."""

    def __init__(self, run_id: str, parent: Optional[str] = None, key: str = "", name: Optional[str] = None) -> None:
        self.run_id = run_id
        self.parent = parent
        self.key = key
        self.name = name
        self.description: Optional[str] = None
        self.status = "NotStarted" if parent else "Running"
        self.started: Optional[int] = None
        self.ended: Optional[int] = None
        self.error: Optional[Dict[str, Any]] = None
        self.tags: Dict[str, Optional[str]] = {}
        self.properties: Dict[str, Optional[str]] = {}
        self.files: Dict[str, None] = {}
        self.children: List[str] = []
        self._scalars: Dict[str, List[Any]] = {}
        self._rows: Dict[str, List[Dict[str, Any]]] = {}

    def metrics(self, name: Optional[str] = None) -> Dict[str, Any]:
        """Return metrics in Azure ML's shape: one value or a list; a table's columns, each one value or a list."""
        found: Dict[str, Any] = {key: _one_or_list(values) for key, values in self._scalars.items()}
        for key, rows in self._rows.items():
            columns = list(dict.fromkeys(column for row in rows for column in row))
            found[key] = {column: _one_or_list([row.get(column) for row in rows]) for column in columns}
        return found if name is None else {key: value for key, value in found.items() if key == name}

    def hear(self, record: Dict[str, Any]) -> None:
        """Take in one record."""
        op, time_ms = record["op"], record["t"]
        if op == "log":
            self._scalars.setdefault(record["name"], []).extend(plain(value) for value in record["values"])
        elif op == "rows":
            rows = [dict(zip(record["columns"], map(plain, row))) for row in record["rows"]]
            self._rows.setdefault(record["name"], []).extend(rows)
        elif op == "tags":
            self.tags.update(record["set"])
        elif op == "untag":
            for name in record["names"]:
                self.tags.pop(name, None)
        elif op == "properties":
            self.properties.update(record["set"])
        elif op == "files":
            self.files.update(dict.fromkeys(record["paths"]))
        elif op == "chart":
            self._scalars.setdefault(record["name"], []).append(record["path"])
            self.files[record["path"]] = None
        elif op == "display":
            self.name = record.get("name") or self.name
            self.description = record.get("description") or self.description
        elif op == "status":
            self._status(record["status"], time_ms)
        elif op == "error":
            self.error = record["error"]

    def _status(self, status: str, time_ms: int) -> None:
        self.status = status
        if status == "Running":
            self.started = self.started or time_ms
        else:
            self.ended = time_ms


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

    def all(self) -> Dict[str, Facts]:
        """Return all runs by id, the root first, children in the order of their creation."""
        with self._lock:
            for line in self._new_lines():
                self._hear(line)
            return dict(self._runs)

    def _new_lines(self) -> List[bytes]:
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

    def _child(self, parent: Facts, record: Dict[str, Any]) -> None:
        if record["child"] not in self._runs:
            self._runs[record["child"]] = Facts(record["child"], parent.run_id, record["key"], record.get("name"))
            parent.children.append(record["child"])


def _one_or_list(values: List[Any]) -> Union[Any, List[Any]]:
    return values[0] if len(values) == 1 else values
