"""Settings of a workspace that say whether it is in use."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from aml_plugins.errors import InvalidInputError
from aml_plugins.store.settings import change_settings
from aml_plugins.store.settings import settings_of as settings

if TYPE_CHECKING:
    from aml_plugins.json_types import JsonObject
    from aml_plugins.store.interface import Store

__all__ = [
    "ARCHIVED_AT",
    "DEFAULT_DATASTORE",
    "DELETED_AT",
    "archived_at",
    "change_settings",
    "check_open",
    "close_workspace",
    "reopen_workspace",
    "settings",
]

ARCHIVED_AT = "archived_at"
"""Seconds since the epoch; the workspace takes no new work."""
DELETED_AT = "deleted_at"
"""When its deletion began; what is left of it is not for use."""
DEFAULT_DATASTORE = "default_datastore"


def archived_at(found: JsonObject) -> float | None:
    """Return when the workspace was archived, None where it is in use."""
    value = found.get(ARCHIVED_AT)
    return float(value) if isinstance(value, (int, float)) else None


def check_open(store: Store, name: str) -> None:
    """Let pass what makes new work in a workspace, unless it is archived or on its way out.

    :raises InvalidInputError: then.
    """
    found = settings(store, name)
    if DELETED_AT in found:
        raise InvalidInputError(f"The workspace '{name}' is being deleted.", "Use another one.")
    if ARCHIVED_AT in found:
        raise InvalidInputError(
            f"The workspace '{name}' is archived: what is in it can be read, and nothing new begins in it.",
            f"Use another workspace, or take it back with: aml workspace restore {name}",
        )


def close_workspace(store: Store, name: str) -> None:
    """Note that the workspace is being deleted: nothing new begins in it from now on."""

    def closed(settings: JsonObject) -> JsonObject:
        return {DELETED_AT: time.time(), **settings}

    change_settings(store, name, closed)


def reopen_workspace(store: Store, name: str) -> None:
    """Take back :func:`close_workspace`."""

    def opened(settings: JsonObject) -> JsonObject:
        return {key: value for key, value in settings.items() if key != DELETED_AT}

    change_settings(store, name, opened)
