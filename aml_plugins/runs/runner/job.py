"""``job.json``: what is to be run."""

from __future__ import annotations

import os

from .errors import JobError
from .json_text import loads
from .reading import read_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["Job"]

_GRACE_SECONDS = 10.0


class Job:
    """One job as the core wrote it down.

    :raises JobError: where this runner cannot read it.
    """

    def __init__(self, values: dict[str, Any]) -> None:
        if values.get("version") != 1:
            raise JobError(f"The job file has version {values.get('version')}, this runner reads version 1.")
        self.key = str(values["key"])
        self.run_id = str(values["run_id"])
        self.parent_run_id: str | None = values.get("parent_run_id")
        self.experiment = str(values["experiment"])
        self.snapshot_digest = str(values["snapshot_digest"])
        self.script = str(values["command"]["script"])
        self.arguments = [str(argument) for argument in values["command"].get("arguments") or ()]
        self.environment: dict[str, Any] = values.get("environment") or {"kind": "existing"}
        self.variables = {str(name): str(value) for name, value in (values.get("variables") or {}).items()}
        self.time_limit: float | None = values.get("time_limit_seconds")
        self._cache: str | None = values.get("cache")
        self.data: list[dict[str, Any]] = [dict(entry) for entry in values.get("data") or ()]
        grace = values.get("grace_seconds")
        self.grace = _GRACE_SECONDS if grace is None else float(grace)

    @property
    def cache(self) -> str | None:
        """Where built environments live. A variable of the target may stand in it: only that knows its shared disk."""
        return os.path.expandvars(self._cache) if self._cache else None

    @property
    def is_plain(self) -> bool:
        """Whether the runner needs nothing of its own process for it: variables, standard output, work directory."""
        python = self.environment.get("kind", "existing"), self.environment.get("interpreter")
        return python == ("existing", None) and not self.data and "$" not in (self._cache or "")

    @classmethod
    def read(cls, directory: str) -> Job:
        """Read the job's file.

        :raises JobError: where it is not what it should be.
        """
        try:
            return cls(loads(read_file(os.path.join(directory, "job.json")).decode()))
        except OSError as error:
            raise JobError(f"The job file cannot be read: {error.strerror}.") from None
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise JobError(f"The job file is damaged: {type(error).__name__}: {error}.") from None
