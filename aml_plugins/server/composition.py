# mypy: allow-untyped-calls
# MLflow's server is not annotated.
"""Two applications as one: ours where a path is ours, MLflow's everywhere else."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from mlflow.environment_variables import MLFLOW_ENABLE_WORKSPACES  # noqa: TID253  a leaf: the server imports it
from mlflow.server.fastapi_security import init_fastapi_security  # noqa: TID253  as above
from starlette.routing import Router

from aml_plugins.context import Context
from aml_plugins.home import aml_home
from aml_plugins.mlflow_store.history import open_history
from aml_plugins.mlflow_store.workspaces import has_workspace
from aml_plugins.plugins import default_plugins
from aml_plugins.secrets.references import ALLOWED_VARIABLES
from aml_plugins.server.access import Access
from aml_plugins.server.api import create_api
from aml_plugins.server.identity import Door, OpenDoor
from aml_plugins.server.monitoring import monitored
from aml_plugins.server.serving import Members, Server
from aml_plugins.server.settings import API_PREFIX, CONSOLE_PREFIX, ServerSettings
from aml_plugins.store.opening import open_store, plain_uri
from aml_plugins.store.sql.store import SqlStore

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = ["compose", "make_server"]


def compose(settings: ServerSettings) -> ASGIApp:
    """Return both applications as one.

    :raises AmlError: where the database or MLflow's authentication cannot be opened.
    """
    theirs = _mlflow_application(settings)
    ours = create_api(make_server(settings), monitored)
    front = _gate(theirs, settings) if settings.with_auth else theirs
    init_fastapi_security(ours)
    prefixes = tuple(f"{settings.static_prefix}{path}" for path in (API_PREFIX, CONSOLE_PREFIX))

    async def dispatch(scope: Scope, receive: Receive, send: Send) -> None:
        await (ours if _is_below(scope["path"], prefixes) else front)(scope, receive, send)

    return Router(default=dispatch, redirect_slashes=False, lifespan=_both(ours, theirs))


def make_server(settings: ServerSettings) -> Server:
    """Open what the routes work with."""
    store = open_store(settings.store_uri)
    assert isinstance(store, SqlStore)  # noqa: S101  ServerSettings takes databases only
    # What users refer to by secret://env/NAME would else be the server's own secrets.
    os.environ.setdefault(ALLOWED_VARIABLES, "")
    context = Context(
        store=store,
        plugins=default_plugins(),
        home=aml_home(),
        open_history=lambda name: open_history(
            settings.store_uri, name, script_access=settings.script_access(), store=store
        ),
    )

    def exists(name: str) -> bool:
        if not MLFLOW_ENABLE_WORKSPACES.get():
            return name == "default"
        return has_workspace(settings.store_uri, name)

    access, door, members = _ways_in(settings, exists)
    return Server(
        settings=settings, context=context, access=access, door=door, requests=store.requests, members=members
    )


def _ways_in(settings: ServerSettings, exists: Callable[[str], bool]) -> tuple[Access, Door, Members | None]:
    if not settings.with_auth:
        return Access(None, exists), OpenDoor(), None
    from aml_plugins.server.mlflow_auth import MlflowDoor, MlflowRoles  # noqa: PLC0415  needs Flask-WTF
    from aml_plugins.server.mlflow_members import MlflowMembers  # noqa: PLC0415  as above

    roles = MlflowRoles()
    return Access(roles, exists), MlflowDoor(), MlflowMembers(roles)


def _mlflow_application(settings: ServerSettings) -> FastAPI:
    """Return MLflow's application, with its authentication in front where it is wanted."""
    application: Any
    if settings.with_auth:
        from mlflow.server.auth import create_app

        application = create_app()
    else:
        from mlflow.server.fastapi_app import app as application
    _open_jobs(settings.store_uri)
    found: FastAPI = application
    return found


def _open_jobs(store_uri: str) -> None:
    """Tell MLflow's routes of background jobs where these are: they take the database by MLflow's own URI only."""
    from mlflow.server import handlers

    find = getattr(handlers, "_get_job_store", None)  # MLflow before 3.6 has no such jobs
    if find is not None:
        find(plain_uri(store_uri))


def _gate(theirs: FastAPI, settings: ServerSettings) -> ASGIApp:
    from aml_plugins.server.mlflow_auth import MlflowRoles  # noqa: PLC0415  needs Flask-WTF
    from aml_plugins.server.mlflow_gate import MlflowGate  # noqa: PLC0415  as above

    return MlflowGate(theirs, MlflowRoles(), settings.static_prefix)


def _is_below(path: str, prefixes: tuple[str, ...]) -> bool:
    return any(path == prefix or path.startswith(f"{prefix}/") for prefix in prefixes)


def _both(ours: FastAPI, theirs: FastAPI) -> Any:
    @asynccontextmanager
    async def lifespan(_: object) -> AsyncIterator[None]:
        async with theirs.router.lifespan_context(theirs), ours.router.lifespan_context(ours):
            yield

    return lifespan
