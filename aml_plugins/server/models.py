"""What the REST API takes and gives, as its OpenAPI document shows it. Fields are those of ``store/records.py``."""

from __future__ import annotations

from typing import Annotated, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field, JsonValue

__all__ = [
    "ErrorAnswer",
    "MemberAnswer",
    "MemberBody",
    "Page",
    "ServerInfo",
    "WorkspaceAnswer",
    "WorkspaceBody",
    "WorkspaceSettingsBody",
]

T = TypeVar("T")

Name = Annotated[str, Field(min_length=1, max_length=255)]
Seconds = Annotated[float, Field(ge=0, le=1e11, allow_inf_nan=False)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ErrorAnswer(_Strict):
    """Every failure: a stable code, what is wrong, what to do."""

    error_code: str
    message: str
    fix: str


class Page(_Strict, Generic[T]):
    """Part of a list; ``next_page_token`` is null on the last page."""

    items: list[T]
    next_page_token: str | None


class ServerInfo(_Strict):
    """What the server is and takes."""

    version: str
    mlflow_version: str
    api_version: str
    authentication: bool
    user: str
    monitor: bool
    json_limit: int
    upload_limit: int


class WorkspaceBody(_Strict):
    """A workspace to create; its name is 2 to 63 of a-z, 0-9 and '-'."""

    name: Name
    description: Annotated[str, Field(max_length=1000)] | None = None


class WorkspaceSettingsBody(_Strict):
    """Settings of a workspace."""

    settings: dict[str, JsonValue] = {}


class WorkspaceAnswer(_Strict):
    """A workspace; ``settings`` is null where none were ever written."""

    name: str
    description: str | None = None
    settings: dict[str, JsonValue] | None = None
    created_at: Seconds | None = None
    role: str


class MemberBody(_Strict):
    """A user to share a workspace with; the role is owner, contributor or reader."""

    user: Name
    role: Annotated[str, Field(min_length=1, max_length=20)]


class MemberAnswer(_Strict):
    """Somebody with a role in a workspace."""

    user: str
    role: str
