"""Describe, archive, restore and delete a workspace."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aml_plugins.errors import InvalidInputError, NotFoundError, OperationFailedError
from aml_plugins.runs.reconciliation.intervals import Pause
from aml_plugins.runs.states import RunState
from aml_plugins.workspace_names import delete_workspace, describe_workspaces, workspace_contents
from aml_plugins.workspaces.settings import (
    ARCHIVED_AT,
    DELETED_AT,
    archived_at,
    change_settings,
    close_workspace,
    settings,
)
from aml_plugins.workspaces.wording import counted

if TYPE_CHECKING:
    from aml_plugins.context import Context
    from aml_plugins.json_types import JsonObject
    from aml_plugins.runs.reconciliation.driver import Driver

__all__ = ["Description", "archive", "check_deletable", "contents", "delete", "describe", "describe_all", "restore"]

_ENDING_SECONDS = 120.0
_PAGE = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """What a workspace is, for people who look at it.

    :param archived_at: seconds since the epoch; None while it is in use.
    :param deleted_at: when its deletion began; None unless that is not over.
    """

    name: str
    description: str
    archived_at: float | None
    deleted_at: float | None

    @property
    def state(self) -> str:
        """``in use``, ``archived`` or ``being deleted``."""
        if self.deleted_at is not None:
            return "being deleted"
        return "in use" if self.archived_at is None else "archived"


def describe(context: Context, name: str) -> Description:
    """Return what a workspace is."""
    words = describe_workspaces(context.store.uri).get(name, "")
    return _description(name, words, settings(context.store, name))


def describe_all(context: Context) -> Sequence[Description]:
    """Return what the workspaces are that the caller may see, by name."""
    known = {record.name: record.settings for record in context.store.workspaces.list()}
    words = describe_workspaces(context.store.uri)
    return [_description(name, words[name], known.get(name, {})) for name in sorted(words)]


def _description(name: str, words: str, found: JsonObject) -> Description:
    deleted = found.get(DELETED_AT)
    return Description(
        name=name,
        description=words,
        archived_at=archived_at(found),
        deleted_at=float(deleted) if isinstance(deleted, (int, float)) else None,
    )


def archive(context: Context, name: str) -> None:
    """Let nothing new begin in the workspace; what runs goes on, and everything can be read."""

    def archived(found: JsonObject) -> JsonObject:
        return {ARCHIVED_AT: time.time(), **found}

    change_settings(context.store, name, archived)


def restore(context: Context, name: str) -> None:
    """Take an archived workspace back into use."""

    def restored(found: JsonObject) -> JsonObject:
        return {key: value for key, value in found.items() if key != ARCHIVED_AT}

    change_settings(context.store, name, restored)


def contents(context: Context, name: str) -> Mapping[str, int]:
    """Count what lives in the workspace, by what users call it, in the plural.

    :raises NotFoundError: where there is no such workspace, nor the rest of one whose deletion was interrupted.
    """
    try:
        return {**context.store.workspaces.contents(name), **workspace_contents(context.store.uri, name)}
    except NotFoundError:
        if DELETED_AT not in settings(context.store, name):
            raise
        return {}


def check_deletable(context: Context, name: str) -> None:
    """Let pass whoever may delete the workspace, before anything is counted, closed or cancelled for it.

    :raises InvalidInputError: for ``default``.
    :raises PermissionDeniedError: for users of a server who are not its administrators.
    """
    if name == "default":
        raise InvalidInputError("The workspace 'default' cannot be deleted.", "It is there for everyone; leave it.")
    context.store.members.check_deletion(name)


def delete(context: Context, driver: Driver, name: str, *, force: bool) -> None:
    """Delete the workspace; killed anywhere, the same call goes on.

    :param force: with what lives in it: runs are cancelled and awaited first.
    :raises InvalidInputError: for ``default``, and without ``force`` while anything lives in it, counted.
    :raises PermissionDeniedError: for users of a server who are not its administrators; nothing has begun then.
    :raises OperationFailedError: where runs do not end in time.
    """
    check_deletable(context, name)
    found = contents(context, name)
    if force:
        close_workspace(context.store, name)
        _end_runs(context, driver, name)
    elif found:
        raise InvalidInputError(
            f"The workspace '{name}' is not empty: it has {counted(found)}.",
            f"Delete those first, or all with it: aml workspace delete {name} --force",
        )
    try:
        delete_workspace(context.store.uri, name, with_contents=force)
    except NotFoundError:  # MLflow's part went before an earlier call was killed
        context.store.workspaces.remove(name)


def _end_runs(context: Context, driver: Driver, name: str) -> None:
    active = _active(context, name)
    for run_id in active:
        context.store.runs.request_cancel(name, run_id)
    pause, deadline = Pause(longest=1.0), time.monotonic() + _ENDING_SECONDS
    while active:
        driver.drive(active)
        active = _active(context, name)
        if not active:
            return
        if time.monotonic() > deadline:
            ending = counted({"runs that have not ended": len(active)})
            raise OperationFailedError(
                f"The workspace '{name}' still has {ending}, such as {active[0]}; they are being cancelled.",
                "Delete it again in a while.",
            )
        time.sleep(pause.seconds())


def _active(context: Context, name: str) -> list[str]:
    states = [state.value for state in RunState if not state.is_terminal]
    return [run.run_id for run in context.store.runs.list(name, states=states, limit=_PAGE)]
