"""What the routes of images and services share: revisions, leases, and who may drive what."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from fastapi import Request, Response

from aml_plugins.errors import InvalidInputError
from aml_plugins.server.access import Action, no_such_workspace
from aml_plugins.server.guarding import caller
from aml_plugins.server.json_bodies import json_reply
from aml_plugins.server.serving import server_of
from aml_plugins.store.records import ImageRecord, ProvisioningRecord, ServiceRecord

__all__ = ["due_of", "new_values", "reply", "revision_of"]

RecordT = TypeVar("RecordT", ImageRecord, ProvisioningRecord, ServiceRecord)

_DIGITS = 10


def reply(record: ImageRecord | ProvisioningRecord | ServiceRecord, status: int = 200) -> Response:
    """Answer with a thing; its tag is its revision."""
    return json_reply(record, status=status, headers={"ETag": f'"{record.revision}"'})


def revision_of(request: Request) -> int:
    """Return the revision that the caller read.

    :raises InvalidInputError: where ``If-Match`` has none.
    """
    tag = request.headers.get("if-match", "").strip().strip('"')
    if not tag.isdecimal() or len(tag) > _DIGITS:
        raise InvalidInputError("The header If-Match must have the revision.", "Send the ETag that you read.")
    return int(tag)


def new_values(request: Request, values: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of a new record: a name that was proved counts more than one that was written."""
    seconds = values.pop("lease_seconds")
    values["user"] = caller(request).name or values["user"]
    return values | {"lease_until": None if seconds is None else time.time() + seconds}


def due_of(
    request: Request, workspace: str | None, ask: Callable[[str | None], Sequence[RecordT]]
) -> Sequence[RecordT]:
    """Return what waits for a driver where the caller may be one.

    :param ask: returns it for a workspace, or for all.
    """
    server, who = server_of(request), caller(request)
    if workspace is not None:
        if not server.access.may(who, Action.CONTRIBUTE, workspace):
            raise no_such_workspace(workspace)
        return ask(workspace)
    mine = server.access.workspaces(who, Action.CONTRIBUTE)
    return ask(None) if mine is None else [record for name in sorted(mine) for record in ask(name)]
