"""Register, remove and choose a workspace's datastores."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from aml_plugins.datastores.contract import Datastore
from aml_plugins.datastores.opening import (
    DEFAULT_DATASTORE,
    check_record,
    datastore_record,
    datastore_records,
    default_name,
    open_datastore,
)
from aml_plugins.errors import AlreadyExistsError, InvalidInputError
from aml_plugins.names import check_name
from aml_plugins.store.records import DatastoreRecord
from aml_plugins.store.settings import ARTIFACT_DATASTORE, settings_of, update_settings

if TYPE_CHECKING:
    from aml_plugins.context import Context

__all__ = [
    "WorkspaceDatastores",
    "register_datastore",
    "remove_datastore",
    "set_default_datastore",
]


class WorkspaceDatastores(Mapping[str, Datastore]):
    """The datastores of a workspace by name, each opened when it is asked for."""

    def __init__(self, context: Context, workspace: str) -> None:
        self._context = context
        self._workspace = workspace

    def __getitem__(self, name: str) -> Datastore:
        """Open a datastore.

        :raises NotFoundError: with the names that are there; it is no ``KeyError``, since it says what to do.
        """
        return open_datastore(self._context, self._workspace, name)

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(datastore_records(self._context, self._workspace)))

    def __len__(self) -> int:
        return len(datastore_records(self._context, self._workspace))

    def __contains__(self, name: object) -> bool:
        return name in datastore_records(self._context, self._workspace)

    def __repr__(self) -> str:
        return f"WorkspaceDatastores({', '.join(self)})"


def register_datastore(
    context: Context, workspace: str, type_name: str, name: str, settings: Mapping[str, Any]
) -> Datastore:
    """Register a datastore; nothing is asked over the network.

    :raises InvalidInputError: for a wrong name or setting, and for a name that is taken; nothing was written.
    """
    check_name("datastore", name)
    if name in datastore_records(context, workspace):
        raise AlreadyExistsError(
            f"The workspace '{workspace}' has a datastore '{name}' already.",
            f"Use another name, or remove it first: aml datastore remove {name}",
        )
    record = DatastoreRecord(workspace=workspace, name=name, type=type_name, config=dict(settings))
    config = check_record(context, record).model_dump(mode="json", exclude_unset=True)
    context.store.datastores.add(DatastoreRecord(workspace=workspace, name=name, type=type_name, config=config))
    return open_datastore(context, workspace, name)


def remove_datastore(context: Context, workspace: str, name: str) -> None:
    """Forget a datastore; its files stay where they are.

    :raises InvalidInputError: for the default one, the built-in one, and one that holds snapshots of runs.
    """
    datastore_record(context, workspace, name)
    if name == DEFAULT_DATASTORE:
        raise InvalidInputError(f"The datastore '{name}' is built in.", "Leave it; another one can be the default.")
    if name == default_name(context, workspace):
        raise InvalidInputError(
            f"The datastore '{name}' is the default one of the workspace '{workspace}'.",
            f"Make another one the default first: aml datastore set-default {DEFAULT_DATASTORE}",
        )
    if name == settings_of(context.store, workspace).get(ARTIFACT_DATASTORE):
        raise InvalidInputError(
            f"The datastore '{name}' keeps the MLflow artifacts of the workspace '{workspace}'.",
            f"Choose another place first: aml datastore set-default {DEFAULT_DATASTORE} --no-artifacts",
        )
    context.store.datastores.remove(workspace, name)


def set_default_datastore(context: Context, workspace: str, name: str, *, artifacts: bool | None = None) -> None:
    """Let new snapshots go to another datastore; those that are stored stay where they are.

    :param artifacts: True for the MLflow artifacts of new experiments, too; False for where MLflow keeps them by
        itself; None leaves that as it is.

    :raises NotFoundError: for a datastore that is not there.
    """
    datastore_record(context, workspace, name)
    changes: dict[str, str | None] = {"default_datastore": None if name == DEFAULT_DATASTORE else name}
    if artifacts is not None:
        changes[ARTIFACT_DATASTORE] = name if artifacts else None
    update_settings(context.store, workspace, changes)
