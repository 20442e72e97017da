"""Open a workspace's datastores by name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from aml_plugins.datastores.contract import Datastore
from aml_plugins.errors import InvalidInputError, NotFoundError, PluginError
from aml_plugins.store.opening import is_server, plain_uri
from aml_plugins.store.records import DatastoreRecord
from aml_plugins.suggestions import did_you_mean

if TYPE_CHECKING:
    from aml_plugins.context import Context

__all__ = ["DEFAULT_DATASTORE", "built_in_directory", "default_datastore", "open_datastore"]

DEFAULT_DATASTORE = "workspace-files"
"""The datastore that every workspace has without registering it: a directory."""

DATASTORE_TYPES = "aml_datastore_types"
_DIRECTORY = "directory"


def default_datastore(context: Context, workspace: str) -> Datastore:
    """Return the workspace's default datastore."""
    record = context.store.workspaces.find(workspace)
    name = record.settings.get("default_datastore") if record else None
    return open_datastore(context, workspace, str(name or DEFAULT_DATASTORE))


def open_datastore(context: Context, workspace: str, name: str) -> Datastore:
    """Return a datastore of the workspace.

    :raises NotFoundError: with the names that are there.
    """
    records = {record.name: record for record in context.store.datastores.list(workspace)}
    records.setdefault(DEFAULT_DATASTORE, _built_in(context, workspace))
    if name not in records:
        raise NotFoundError(
            f"The workspace '{workspace}' has no datastore '{name}'.{did_you_mean(name, records)}",
            f"It has: {', '.join(sorted(records))}.",
        )
    if is_server(context.store.uri) and records[name].type == _DIRECTORY:
        return _served(context, workspace, name)
    return _open(context, records[name])


def _served(context: Context, workspace: str, name: str) -> Datastore:
    """Return a directory of the server's machine, whose files go through the server."""
    from aml_plugins.datastores.server import ServerDatastore  # noqa: PLC0415  a database needs no HTTP
    from aml_plugins.store.rest.store import connect  # noqa: PLC0415  as above

    return ServerDatastore(name, connect(context.store.uri), workspace)


def _open(context: Context, record: DatastoreRecord) -> Datastore:
    loaded = context.plugins.load(DATASTORE_TYPES, record.type)
    if not (isinstance(loaded, type) and issubclass(loaded, Datastore)):
        raise PluginError(f"The plugin for datastore type '{record.type}' does not provide a Datastore.")
    try:
        config = loaded.config_model.model_validate(dict(record.config))
    except ValidationError as error:
        first = error.errors()[0]
        raise InvalidInputError(f"The datastore '{record.name}' has a wrong setting: {first['msg']}.") from None
    return loaded(record.name, config)


def built_in_directory(context: Context, workspace: str) -> Path:
    """Return where the built-in datastore lies: beside an embedded database, else in the home directory."""
    uri = plain_uri(context.store.uri)
    beside = Path(uri.removeprefix("sqlite:///")).parent if uri.startswith("sqlite:///") else context.home
    return beside.absolute() / "datastore" / workspace


def _built_in(context: Context, workspace: str) -> DatastoreRecord:
    path = str(built_in_directory(context, workspace))
    return DatastoreRecord(workspace=workspace, name=DEFAULT_DATASTORE, type=_DIRECTORY, config={"path": path})
