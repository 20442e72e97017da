# mypy: allow-untyped-calls
# MLflow's authentication is not annotated.
"""What MLflow's own routes would tell or let people do who have no business in a workspace is refused in front of them.

Three things, of which the matrix test has the evidence:

* The header ``X-MLFLOW-WORKSPACE`` is resolved before MLflow asks who is asking, and a name that is not there is
  answered otherwise than one that is: whoever reaches the server could learn which workspaces there are. Here a
  workspace in which the caller has no role is answered as one that is not there, and strangers are asked who they are
  first.
* Routes that reach beyond a workspace, or that nobody has classified yet (``mlflow_routes.py``), are for
  administrators. MLflow opens some of them to everybody who is signed in: the assistant, which runs programs on the
  server, its jobs and its demonstration data. Those of ``/workspaces/NAME`` it refuses for another reason: it never
  finds their checks, and would open them to everybody where ``MLFLOW_BASIC_AUTH_FAIL_CLOSED`` is off.
* Routes that MLflow opens to readers although they start something need a contributor.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from flask import Response as FlaskResponse
from mlflow.environment_variables import MLFLOW_SERVER_DISABLE_SECURITY_MIDDLEWARE  # noqa: TID253  a leaf, as below
from mlflow.exceptions import MlflowException  # noqa: TID253  a leaf: the server imports it
from mlflow.protos.databricks_pb2 import RESOURCE_DOES_NOT_EXIST  # noqa: TID253  as above
from mlflow.server import app as flask_application  # noqa: TID253  as above
from mlflow.server import auth  # noqa: TID253  as above
from mlflow.server.fastapi_security import SecurityHeadersMiddleware  # noqa: TID253  as above
from mlflow.store.workspace.abstract_store import WorkspaceNameValidator  # noqa: TID253  as above
from mlflow.utils.workspace_utils import DEFAULT_WORKSPACE_NAME, WORKSPACE_HEADER_NAME  # noqa: TID253  as above
from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse, PlainTextResponse, Response

from aml_plugins.server.access import Role
from aml_plugins.server.identity import Identity
from aml_plugins.server.mlflow_routes import Kind, kind_of

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from aml_plugins.server.access import Roles

__all__ = ["MlflowGate"]

_HEADER = WORKSPACE_HEADER_NAME.lower()
_REFUSED = frozenset({Kind.ADMINISTRATOR_IN_FRONT, Kind.CONTRIBUTOR_IN_FRONT})


class MlflowGate:
    """Stands before MLflow's application where it asks who its users are.

    :param static_prefix: what stands before every path.
    """

    def __init__(self, app: ASGIApp, roles: Roles, static_prefix: str = "") -> None:
        self._app = app
        self._roles = roles
        self._prefix = static_prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let through, or answer as MLflow would."""
        if scope["type"] == "http":
            refusal = await self._refusal(scope)
            if refusal is not None:
                await _secured(refusal)(scope, receive, send)
                return
        await self._app(scope, receive, send)

    async def _refusal(self, scope: Scope) -> Response | None:
        kind = kind_of(scope["method"], scope["path"].removeprefix(self._prefix))
        if kind is Kind.PUBLIC or scope["method"] == "OPTIONS":  # a browser's question before it sends anything
            return None
        request = HTTPConnection(scope)
        named = _header(request)
        if not named and kind is not None and kind not in _REFUSED:
            return None
        return await run_in_threadpool(self._judge, request, kind, named)

    def _judge(self, request: HTTPConnection, kind: Kind | None, named: list[str]) -> Response | None:
        found = _authenticated(request)
        if isinstance(found, Response):
            return found
        try:
            _check_names(named)
        except MlflowException as error:
            return _answer(error)
        if found.is_admin:
            return None
        workspace = named[0] if named else DEFAULT_WORKSPACE_NAME
        if not _is_visible(found, workspace):
            return _answer(MlflowException(f"Workspace '{workspace}' not found", RESOURCE_DOES_NOT_EXIST))
        if kind is Kind.CONTRIBUTOR_IN_FRONT and self._roles.role(found, workspace) >= Role.CONTRIBUTOR:
            return None
        return PlainTextResponse("Permission denied", 403) if kind is None or kind in _REFUSED else None


def _secured(answer: ASGIApp) -> ASGIApp:
    """Add the headers that MLflow adds to its own answers, further in."""
    return answer if MLFLOW_SERVER_DISABLE_SECURITY_MIDDLEWARE.get() == "true" else SecurityHeadersMiddleware(answer)


def _header(request: HTTPConnection) -> list[str]:
    """Return what the header says, also under names that WSGI cannot tell from its own, and however often."""
    found = [value.strip() for name, value in request.headers.items() if name.replace("_", "-") == _HEADER]
    return [value for value in found if value]


def _authenticated(request: HTTPConnection) -> Identity | Response:
    """Return who is asking, or what a stranger is answered."""
    # Authorization functions, MLflow's and others', are written for Flask's request.
    headers = [(name, value) for name, value in request.headers.items() if name.replace("_", "-") != _HEADER]
    with flask_application.test_request_context(
        path=request.scope["path"], method=request.scope["method"], headers=headers
    ):
        found: Any = auth.authenticate_request()
        if isinstance(found, FlaskResponse):
            return _of_flask(found)
        try:
            user = auth.store.get_user(found.username)
        except MlflowException:  # deleted in this moment
            return _of_flask(auth.make_basic_auth_response())
    return Identity(name=user.username, user_id=user.id, is_admin=bool(user.is_admin))


def _of_flask(answer: FlaskResponse) -> Response:
    return Response(answer.get_data(), answer.status_code, dict(answer.headers))


def _is_visible(identity: Identity, workspace: str) -> bool:
    """Say whether the user has a role or a direct permission in the workspace; nobody looks whether it is there."""
    if workspace == DEFAULT_WORKSPACE_NAME:  # everybody knows of it
        return True
    number: Any = identity.user_id
    return workspace in auth.store.list_user_present_workspaces(number)


def _check_names(named: list[str]) -> None:
    """Refuse what cannot be the name of a workspace, as MLflow does, and several, of which MLflow would take one."""
    if len(named) > 1:
        raise MlflowException.invalid_parameter_value(f"The header {WORKSPACE_HEADER_NAME} must name one workspace.")
    for name in named:
        if name != DEFAULT_WORKSPACE_NAME:
            WorkspaceNameValidator.validate(name)


def _answer(error: MlflowException) -> Response:
    """Return what MLflow answers for an error of its own."""
    return JSONResponse(json.loads(error.serialize_as_json()), error.get_http_status_code())
