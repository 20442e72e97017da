"""Open a workspace's datastores by name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from aml_plugins.datastores.contract import Datastore
from aml_plugins.errors import NotFoundError, PluginError
from aml_plugins.plugins.settings import checked_settings
from aml_plugins.secrets import secret_source
from aml_plugins.store.opening import plain_uri
from aml_plugins.store.records import DatastoreRecord
from aml_plugins.suggestions import did_you_mean

if TYPE_CHECKING:
    from aml_plugins.context import Context

__all__ = ["DEFAULT_DATASTORE", "default_datastore", "open_datastore"]

DEFAULT_DATASTORE = "workspace-files"
"""The datastore that every workspace has without registering it: a directory."""

DATASTORE_TYPES = "aml_datastore_types"


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
    return _open(context, records[name])


def _open(context: Context, record: DatastoreRecord) -> Datastore:
    loaded = context.plugins.load(DATASTORE_TYPES, record.type)
    if not (isinstance(loaded, type) and issubclass(loaded, Datastore)):
        raise PluginError(f"The plugin for datastore type '{record.type}' does not provide a Datastore.")
    config = checked_settings(loaded.config_model, f"the datastore '{record.name}'", record.config)
    opened = loaded(record.name, config)
    opened.secrets = secret_source(context, record.workspace)
    return opened


def _built_in(context: Context, workspace: str) -> DatastoreRecord:
    """Return the directory beside an embedded database, else the one in the home directory."""
    uri = plain_uri(context.store.uri)
    beside = Path(uri.removeprefix("sqlite:///")).parent if uri.startswith("sqlite:///") else context.home
    path = beside.absolute() / "datastore" / workspace
    return DatastoreRecord(workspace=workspace, name=DEFAULT_DATASTORE, type="directory", config={"path": str(path)})
