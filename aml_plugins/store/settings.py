"""A workspace's settings: a row that is made when the first of them is set, and written by compare-and-set."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

from aml_plugins.errors import AlreadyExistsError, NotFoundError, StoreError
from aml_plugins.store.records import WorkspaceRecord

if TYPE_CHECKING:
    from aml_plugins.json_types import JsonObject, JsonValue
    from aml_plugins.store.interface import Store

__all__ = ["ARTIFACT_DATASTORE", "change_settings", "settings_of", "update_settings"]

ARTIFACT_DATASTORE = "artifact_datastore"
"""The setting that names the datastore of the workspace's MLflow artifacts."""

_TRIES = 20


def settings_of(store: Store, workspace: str) -> JsonObject:
    """Return the settings; none where there is no row yet, as with ``default``."""
    record = store.workspaces.find(workspace)
    return record.settings if record else {}


def change_settings(store: Store, name: str, change: Callable[[JsonObject], JsonObject]) -> WorkspaceRecord:
    """Replace the settings by what ``change`` makes of them; it may be called several times.

    :raises StoreError: where others write all the time.
    """
    for _ in range(_TRIES):
        before = store.workspaces.find(name)
        if before is None:
            with suppress(AlreadyExistsError):  # by another who changes them now
                store.workspaces.add(WorkspaceRecord(name=name))
            continue
        with suppress(NotFoundError):  # removed in between
            written = store.workspaces.save_if_unchanged(before, change(before.settings))
            if written is not None:
                return written
    raise StoreError(f"The settings of the workspace '{name}' are being changed by others.", "Try again.")


def update_settings(store: Store, workspace: str, changes: Mapping[str, JsonValue]) -> None:
    """Set some settings and leave the others, whoever writes in the same moment; None takes one out."""

    def changed(settings: JsonObject) -> JsonObject:
        return {name: value for name, value in {**settings, **changes}.items() if value is not None}

    change_settings(store, workspace, changed)
