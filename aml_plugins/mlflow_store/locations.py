"""Where the database and its artifacts lie.

``mlflow server`` tells its workers in environment variables of its own. They are repeated here, because the module that
names them imports the whole server; a test compares them.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import URL, make_url

from aml_plugins.home import aml_home
from aml_plugins.store.opening import plain_uri
from aml_plugins.store.settings import ARTIFACT_DATASTORE, settings_of

if TYPE_CHECKING:
    from aml_plugins.store.interface import Store

__all__ = [
    "chosen_artifact_root",
    "database_uri",
    "default_artifact_root",
    "is_in_memory",
    "make_directory",
    "server_artifact_root",
    "server_artifacts_destination",
    "server_read_replica",
    "server_store_uri",
]

_ARTIFACT_ROOT = "_MLFLOW_SERVER_ARTIFACT_ROOT"
_ARTIFACTS_DESTINATION = "_MLFLOW_SERVER_ARTIFACT_DESTINATION"
_STORE = "_MLFLOW_SERVER_FILE_STORE"
_READ_REPLICA = "_MLFLOW_SERVER_READ_REPLICA_BACKEND_STORE"


def chosen_artifact_root(store: Store | None, workspace: str) -> str | None:
    """Return the artifact root that a workspace chose, None where it chose none."""
    name = settings_of(store, workspace).get(ARTIFACT_DATASTORE) if store else None
    return f"aml-datastore://{name}/mlflow/{workspace}" if name else None


def database_uri(uri: str) -> str:
    """Return the URI that plain MLflow opens from any working directory."""
    plain = plain_uri(uri)
    if _sqlite_file(plain) is None:
        return plain
    driver, _, path = plain.partition(":///")
    return f"{driver}:///{Path(path).absolute()}"


def default_artifact_root(uri: str) -> str:
    """Return ``artifacts`` beside a SQLite file, else in our home directory; never in the working directory."""
    file = _sqlite_file(plain_uri(uri))
    return ((aml_home() if file is None else file.parent) / "artifacts").as_uri()


def make_directory(uri: str) -> None:
    """Create the directory of a SQLite file, as MLflow does for its own."""
    file = _sqlite_file(plain_uri(uri))
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)


def is_in_memory(uri: str | URL) -> bool:
    """Say whether the database ends with the process: no job can run on it, so it has no tables of ours."""
    url = make_url(plain_uri(uri)) if isinstance(uri, str) else uri
    return url.get_backend_name() == "sqlite" and url.database in (None, "", ":memory:")


def server_artifact_root() -> str | None:
    """Return the artifact root of the server that this process belongs to, if any."""
    return os.environ.get(_ARTIFACT_ROOT)


def server_artifacts_destination() -> str | None:
    """Return where the server that this process belongs to keeps the artifacts that it serves, if any."""
    return os.environ.get(_ARTIFACTS_DESTINATION)


def server_store_uri() -> str | None:
    """Return the database of the server that this process belongs to, if any."""
    return os.environ.get(_STORE)


def server_read_replica() -> str | None:
    """Return the read replica of the server that this process belongs to, if any."""
    return os.environ.get(_READ_REPLICA)


def _sqlite_file(plain: str) -> Path | None:
    if not plain.startswith("sqlite") or is_in_memory(plain):
        return None
    return Path(str(make_url(plain).database)).absolute()
