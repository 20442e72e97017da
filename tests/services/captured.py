"""What services captured, as it lies in a datastore."""

from __future__ import annotations

import json
import tempfile
import threading
from pathlib import Path
from typing import Any

from aml_plugins import Workspace

__all__ = ["captured_inputs"]


def captured_inputs(workspace: Workspace, datastore: str, service: str, count: int) -> list[Any]:
    """Return what went in, in the order of the lines, once so many requests have arrived."""
    opened = workspace.context.datastore(workspace.name, datastore)
    found: list[Any] = []
    with tempfile.TemporaryDirectory() as folder:
        while len(found) < count:
            threading.Event().wait(0.2)
            lines: list[dict[str, Any]] = []
            for path, _ in opened.list(f"captured/{service}"):
                opened.get(path, Path(folder, "lines"))
                lines += map(json.loads, Path(folder, "lines").read_text().splitlines())
            found = [json.loads(line["input"]) for line in sorted(lines, key=lambda line: line["time"])]
    return found
