"""Members of a workspace and their roles. User names may hold any character, so they stand in no path."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from aml_plugins.errors import InvalidInputError
from aml_plugins.server.access import Role
from aml_plugins.server.guarding import GuardedRoute
from aml_plugins.server.json_bodies import json_reply
from aml_plugins.server.models.things import Member, MemberBody
from aml_plugins.server.models.values import Page
from aml_plugins.server.paging import LIMIT, PageToken, page
from aml_plugins.server.role_grants import role_of_word
from aml_plugins.server.serving import Members, server_of

__all__ = ["router"]

router = APIRouter(route_class=GuardedRoute, tags=["members"])


@router.get("/workspaces/{workspace}/members", response_model=Page[Member])
def list_members(request: Request, workspace: str, limit: LIMIT = 100, page_token: PageToken = None) -> Response:
    """List who has which role in the workspace, by name."""
    found = _members(request).list(workspace)
    return json_reply(page(found, limit, page_token, lambda member: member.user))


@router.put("/workspaces/{workspace}/members", response_model=Member)
def share_workspace(request: Request, workspace: str, body: MemberBody) -> Response:
    """Give a user a role in the workspace, in place of any other that he has there."""
    return json_reply(_members(request).put(workspace, body.user, _role(body.role)))


@router.delete("/workspaces/{workspace}/members", status_code=204)
def unshare_workspace(
    request: Request, workspace: str, user: Annotated[str, Query(min_length=1, max_length=255)]
) -> Response:
    """Take from a user every role and permission in the workspace."""
    _members(request).remove(workspace, user)
    return Response(status_code=204)


def _members(request: Request) -> Members:
    members = server_of(request).members
    if members is None:
        raise InvalidInputError(
            "This server asks nobody who he is, so it has no members.", "Start it with: aml server --with-auth"
        )
    return members


def _role(word: str) -> Role:
    role = role_of_word(word)
    if role is None:
        raise InvalidInputError(f"'{word}' is no role.", "The roles are owner, contributor and reader.")
    return role
