"""What owners of a workspace may not reach in a server's process: its machine's files.

They register datastores and telemetry, and a server works with those under its operator's account.
"""

from __future__ import annotations

import os
from pathlib import Path

from aml_plugins.errors import PermissionDeniedError

__all__ = ["check_directory_is_served", "is_server_process"]

# MLflow's server hands its database on to its workers in this one; nothing else sets it.
_SERVER = "_MLFLOW_SERVER_FILE_STORE"
_DIRECTORIES = "AML_SERVER_DIRECTORIES"


def is_server_process() -> bool:
    """Say whether this process belongs to a server that others use."""
    return bool(os.environ.get(_SERVER))


def check_directory_is_served(path: Path, whose: str) -> None:
    """Refuse a directory of the server's machine that its operator has not named; elsewhere, all are fine.

    :param whose: for the message: ``the datastore 'data'``.
    :raises PermissionDeniedError: in a server's process, for such a directory.
    """
    if not is_server_process():
        return
    allowed = [Path(name).resolve() for name in os.environ.get(_DIRECTORIES, "").split(":") if name]
    if not any(path.resolve().is_relative_to(directory) for directory in allowed):
        raise PermissionDeniedError(
            f"The server does not serve the directory of {whose}.",
            f"Its operator can name directories in {_DIRECTORIES}.",
        )
