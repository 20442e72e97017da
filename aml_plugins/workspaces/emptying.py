"""Delete what we keep of a workspace. Each step may be repeated; killed anywhere, the next call goes on."""

from __future__ import annotations

import shutil
from contextlib import suppress
from typing import TYPE_CHECKING

from aml_plugins.context import Context
from aml_plugins.datastores.opening import built_in_directory, open_datastore
from aml_plugins.errors import AmlError
from aml_plugins.home import aml_home
from aml_plugins.plugins import default_plugins
from aml_plugins.workspaces.settings import close_workspace

if TYPE_CHECKING:
    from aml_plugins.runs.history import RunHistory
    from aml_plugins.store.interface import Store

__all__ = ["empty_workspace"]


def empty_workspace(store: Store, name: str) -> None:
    """Delete our rows, snapshots and the files of the built-in datastore; datastores and settings are left for last.

    Other files of registered datastores stay: those are somebody's own places.

    :raises InvalidInputError: while runs have not ended.
    """
    close_workspace(store, name)
    store.workspaces.empty(name)
    context = Context(store=store, plugins=default_plugins(), home=aml_home(), open_history=_no_history)
    _delete_snapshots(context, name)
    shutil.rmtree(built_in_directory(context, name), ignore_errors=True)


def _delete_snapshots(context: Context, name: str) -> None:
    """Delete the files; a datastore that is gone or cannot be reached does not keep a workspace alive."""
    for record in context.store.snapshots.unreferenced(name):
        with suppress(AmlError):
            open_datastore(context, name, record.datastore).delete(record.path)


def _no_history(workspace: str) -> RunHistory:
    raise NotImplementedError(workspace)
