"""A workspace's settings: a row that is made when the first of them is set."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from aml_plugins.errors import AlreadyExistsError
from aml_plugins.store.records import WorkspaceRecord

if TYPE_CHECKING:
    from aml_plugins.json_types import JsonObject, JsonValue
    from aml_plugins.store.interface import Store

__all__ = ["settings_of", "update_settings"]


def settings_of(store: Store, workspace: str) -> JsonObject:
    """Return the settings; none where there is no row yet, as with ``default``."""
    record = store.workspaces.find(workspace)
    return record.settings if record else {}


def update_settings(store: Store, workspace: str, changes: Mapping[str, JsonValue]) -> None:
    """Set some settings and leave the others; None takes one out."""
    if store.workspaces.find(workspace) is None:
        with suppress(AlreadyExistsError):  # somebody else was faster
            store.workspaces.add(WorkspaceRecord(name=workspace))
    record = store.workspaces.get(workspace)
    merged = {**record.settings, **changes}
    store.workspaces.save(
        replace(record, settings={name: value for name, value in merged.items() if value is not None})
    )
