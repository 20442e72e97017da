"""The run outside of any run: it prints what it is told, in Azure ML's words."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

# ruff: noqa: T201 - printing is what it is for


class _OfflineRun:
    """Lets a script run by hand. It has what Azure ML's had, and ``step`` in :meth:`log`."""

    def __init__(self, parent_logger: Any = None, run_id: str | None = None, **kwargs: Any) -> None:
        self._run_id = f"OfflineRun_{uuid4()}" if run_id is None else run_id

    @property
    def id(self) -> str:
        return self._run_id

    @property
    def identity(self) -> str:
        return self._run_id

    def add_properties(self, properties: Any) -> None:
        print(f"Attempted to add properties {properties}")

    def set_tags(self, tags: Any) -> None:
        print(f"Attempted to set tags {tags}")

    def tag(self, name: str, value: Any = None) -> None:
        print(f"Attempted to add tag {name} with value {value}")

    def complete(self) -> None:
        """Nothing to complete."""

    def fail(self, error_details: Any = None, error_code: Any = None) -> None:
        print(f"Run failed with error code {error_code}:\n{error_details}")

    def cancel(self) -> None:
        """Nothing to cancel."""

    def log(self, name: str, value: Any, description: str = "", step: Any = None) -> None:
        self._emit("scalar", name, value)

    def log_list(self, name: str, value: Any, description: str = "") -> None:
        self._emit("list", name, value)

    def log_table(self, name: str, value: Any, description: str = "") -> None:
        self._emit("table", name, value)

    def log_row(self, name: str, description: Any = None, **kwargs: Any) -> None:
        self._emit("row", name, kwargs)

    def log_image(self, name: str, path: Any = None, plot: Any = None, description: str = "") -> None:
        self._emit("image", name, plot or path)

    def log_residuals(self, name: str, value: Any, description: Any = None) -> None:
        self._emit("residual", name, value)

    def log_predictions(self, name: str, value: Any, description: Any = None) -> None:
        self._emit("predictions", name, value)

    def log_accuracy_table(self, name: str, value: Any, description: Any = None) -> None:
        self._emit("accuracy_table", name, value)

    def log_confusion_matrix(self, name: str, value: Any, description: Any = None) -> None:
        self._emit("confusion_matrix", name, value)

    def upload_folder(self, name: str, path: Any, datastore_name: Any = None) -> None:
        print(f"Attempted to track folder {name} at {path}")

    def upload_files(
        self,
        name: Any,
        paths: Any,
        return_artifacts: bool = False,
        timeout_seconds: Any = None,
        datastore_name: Any = None,
    ) -> None:
        print(f"Attempted to track files {name} at {paths} with timeout {timeout_seconds}s")

    def upload_file(self, name: str, path_or_stream: Any, datastore_name: Any = None) -> None:
        print(f"Attempted to track file {name} at {path_or_stream}")

    def child_run(self, name: Any = None, run_id: Any = None, outputs: Any = None) -> _OfflineRun:
        childname = str(uuid4()) if name is None else name
        return _OfflineRun(run_id=f"{self.id}.{childname}" if run_id is None else run_id)

    def flush(self) -> None:
        print(f"Attempted to flush run with id {self.id}")

    def __enter__(self) -> _OfflineRun:
        print(f"[START] Run {self.id} context")
        return self

    def __exit__(self, exit_type: Any, value: Any, traceback: Any) -> None:
        print(f"[STOP] Run {self.id} context")

    def _emit(self, kind: str, name: str, value: Any) -> None:
        print(f"Attempted to log {kind} metric {name}:\n{value}")
