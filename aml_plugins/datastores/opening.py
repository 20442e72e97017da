"""Open a workspace's datastores by name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from aml_plugins.datastores.contract import Datastore, DatastoreConfig
from aml_plugins.errors import NotFoundError
from aml_plugins.json_types import JsonObject
from aml_plugins.operator_limits import check_directory_is_served
from aml_plugins.plugins.settings import checked_settings
from aml_plugins.secrets import secret_source
from aml_plugins.store.opening import is_server, plain_uri
from aml_plugins.store.records import DatastoreRecord
from aml_plugins.store.settings import settings_of
from aml_plugins.suggestions import did_you_mean

if TYPE_CHECKING:
    from aml_plugins.context import Context

__all__ = [
    "DEFAULT_DATASTORE",
    "built_in_directory",
    "check_record",
    "datastore_record",
    "datastore_records",
    "default_datastore",
    "default_name",
    "open_datastore",
]

DEFAULT_DATASTORE = "workspace-files"
"""The datastore that every workspace has without registering it: a directory."""

DATASTORE_TYPES = "aml_datastore_types"
_DIRECTORY = "directory"


def default_datastore(context: Context, workspace: str) -> Datastore:
    """Return the workspace's default datastore."""
    return open_datastore(context, workspace, default_name(context, workspace))


def default_name(context: Context, workspace: str) -> str:
    """Return the name of the workspace's default datastore."""
    return str(settings_of(context.store, workspace).get("default_datastore") or DEFAULT_DATASTORE)


def datastore_records(context: Context, workspace: str) -> Mapping[str, DatastoreRecord]:
    """Return the workspace's datastores by name, the built-in one included.

    A row that has its name is passed over: a server gives out the built-in one's files without its operator's word.
    """
    records = {record.name: record for record in context.store.datastores.list(workspace)}
    records[DEFAULT_DATASTORE] = _built_in(context, workspace)
    return records


def open_datastore(context: Context, workspace: str, name: str) -> Datastore:
    """Return a datastore of the workspace.

    :raises NotFoundError: with the names that are there.
    """
    record = _built_in(context, workspace) if name == DEFAULT_DATASTORE else datastore_record(context, workspace, name)
    if is_server(context.store.uri) and record.type == _DIRECTORY:
        return _served(context, workspace, name)
    opened = _type_of(context, record)(record.name, check_record(context, record))
    opened.secrets = secret_source(context, workspace)
    directory = opened.served_directory()
    if directory is not None and name != DEFAULT_DATASTORE:
        check_directory_is_served(directory, f"the datastore '{name}'")
    return opened


def datastore_record(context: Context, workspace: str, name: str) -> DatastoreRecord:
    """Return the workspace's datastore of a name.

    :raises NotFoundError: with the names that are there.
    """
    records = datastore_records(context, workspace)
    if name not in records:
        raise NotFoundError(
            f"The workspace '{workspace}' has no datastore '{name}'.{did_you_mean(name, records)}",
            f"It has: {', '.join(sorted(records))}. Register one with: aml datastore register TYPE {name}",
        )
    return records[name]


def _served(context: Context, workspace: str, name: str) -> Datastore:
    """Return a directory of the server's machine, whose files go through the server."""
    from aml_plugins.datastores.server import ServerDatastore  # noqa: PLC0415  a database needs no HTTP
    from aml_plugins.store.rest.store import connect  # noqa: PLC0415  as above

    return ServerDatastore(name, connect(context.store.uri), workspace)


def check_record(context: Context, record: DatastoreRecord) -> DatastoreConfig:
    """Return the datastore's settings as its type has them.

    :raises InvalidInputError: naming the first wrong setting.
    :raises PluginError: where the plugin that brings the type is missing or broken.
    """
    model = _type_of(context, record).config_model
    return checked_settings(model, f"the datastore '{record.name}' of type '{record.type}'", record.config)


def _type_of(context: Context, record: DatastoreRecord) -> type[Datastore]:
    return context.plugins.load_class(DATASTORE_TYPES, record.type, Datastore)


def built_in_directory(context: Context, workspace: str) -> Path:
    """Return where the built-in datastore lies: beside an embedded database, else in the home directory."""
    uri = plain_uri(context.store.uri)
    beside = Path(uri.removeprefix("sqlite:///")).parent if uri.startswith("sqlite:///") else context.home
    return beside.absolute() / "datastore" / workspace


def _built_in(context: Context, workspace: str) -> DatastoreRecord:
    # Behind a server it lies with the server, which tells nobody where.
    config: JsonObject = {}
    if not is_server(context.store.uri):
        config = {"path": str(built_in_directory(context, workspace))}
    return DatastoreRecord(workspace=workspace, name=DEFAULT_DATASTORE, type=_DIRECTORY, config=config)
