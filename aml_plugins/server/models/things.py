"""The server, workspaces, compute targets, datastores, snapshots."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from aml_plugins.server.models.values import Count, Digest, Identifier, JsonMapping, Moment, Name, Strict

__all__ = [
    "DatastoreFile",
    "DatastoreFileState",
    "Member",
    "MemberBody",
    "Registered",
    "RegisteredBody",
    "RegisteredChange",
    "ServerInfo",
    "Slot",
    "SlotBody",
    "Snapshot",
    "SnapshotBody",
    "SnapshotRemoval",
    "Workspace",
    "WorkspaceBody",
    "WorkspaceChange",
    "WorkspaceContents",
    "WorkspaceSettingsBody",
]


class ServerInfo(Strict):
    """What the server is and takes; limits are bytes."""

    version: str
    mlflow_version: str
    api_version: str
    authentication: bool
    user: str
    monitor: bool
    json_limit: int
    upload_limit: int


class WorkspaceBody(Strict):
    """A workspace to create; its name is 2 to 63 of a-z, 0-9 and '-'."""

    name: Identifier
    description: Annotated[str, Field(max_length=1000)] | None = None


class WorkspaceSettingsBody(Strict):
    """Settings of a workspace."""

    settings: JsonMapping = Field(default_factory=dict)


class WorkspaceChange(Strict):
    """What of a workspace changes."""

    description: Annotated[str, Field(max_length=1000)]


class WorkspaceContents(Strict):
    """How many things live in a workspace, by what they are called, in the plural."""

    contents: dict[str, int]


class Workspace(Strict):
    """A workspace; ``settings`` is null where none were ever written. ``role`` is yours.

    ``deletable`` says whether you may delete it, whatever lives in it.
    """

    name: str
    description: str | None = None
    settings: JsonMapping | None = None
    created_at: Moment | None = None
    role: str
    deletable: bool


class RegisteredBody(Strict):
    """A compute target or datastore; ``config`` has the settings of its type, secrets as references."""

    name: Name
    type: Name
    config: JsonMapping = Field(default_factory=dict)
    created_at: Moment = 0.0


class RegisteredChange(Strict):
    """What is changed of a compute target."""

    type: Name
    config: JsonMapping = Field(default_factory=dict)


class Registered(RegisteredBody):
    """A compute target or datastore as it is stored."""

    workspace: str


class SlotBody(Strict):
    """How many runs the target takes at a time."""

    limit: Count


class Slot(Strict):
    """Whether the run has one of the target's slots."""

    claimed: bool


class DatastoreFile(Strict):
    """A file of a datastore."""

    path: str
    size: int


class DatastoreFileState(Strict):
    """Whether a file is there."""

    path: str
    exists: bool


class SnapshotBody(Strict):
    """Where a snapshot lies."""

    datastore: Name
    path: Identifier
    size: Annotated[int, Field(ge=0, le=2**63 - 1)]
    files: Count
    created_at: Moment = 0.0


class Snapshot(SnapshotBody):
    """A stored snapshot."""

    workspace: str
    digest: Digest


class SnapshotRemoval(Strict):
    """Whether the snapshot went: one that a run names stays."""

    removed: bool


class MemberBody(Strict):
    """A user to share a workspace with; the role is owner, contributor or reader."""

    user: Identifier
    role: Annotated[str, Field(min_length=1, max_length=20)]


class Member(Strict):
    """Somebody with a role in a workspace."""

    user: str
    role: str
