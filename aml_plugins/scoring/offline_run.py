"""What scripts import as ``azureml.core.run``: in a web service there is no run, so each is an offline run.

Its methods print what they were given, in the words of azureml-core's own offline run.
"""

from __future__ import annotations

import uuid
from typing import Any

from .absent import absent_error

__all__ = ["OfflineRun", "Run", "RunEnvironmentException"]

RunEnvironmentException = absent_error("RunEnvironmentException")


class OfflineRun:
    """A run that nobody keeps."""

    def __init__(self) -> None:
        self.id = f"OfflineRun_{uuid.uuid4()}"

    def log(self, name: str, value: Any, description: str = "") -> None:
        del description
        _print("scalar", name, value)

    def log_list(self, name: str, value: Any, description: str = "") -> None:
        del description
        _print("list", name, value)

    def log_row(self, name: str, description: str | None = None, **values: Any) -> None:
        del description
        _print("row", name, values)

    def log_table(self, name: str, value: Any, description: str = "") -> None:
        del description
        _print("table", name, value)

    def tag(self, name: str, value: Any = None) -> None:
        print(f"Attempted to add tag {name} with value {value}")

    def flush(self) -> None:
        print(f"Attempted to flush run with id {self.id}")

    def complete(self) -> None:
        """Nothing is left to do."""

    fail = cancel = complete


class Run:
    """Azure ML's class, as far as a web service has it."""

    @staticmethod
    def get_context(allow_offline: bool = True, **_: Any) -> OfflineRun:
        """Return an offline run.

        :raises RunEnvironmentException: where none is allowed.
        """
        if not allow_offline:
            raise RunEnvironmentException("A web service runs in no experiment: there is no run to be had.")
        return OfflineRun()


_OfflineRun = OfflineRun  # the name that scripts compare with


def _print(kind: str, name: str, value: Any) -> None:
    print(f"Attempted to log {kind} metric {name}:\n{value}")
