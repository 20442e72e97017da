"""Our part of the server as one application: the REST API under ``/api/2.0/aml`` and the console under ``/aml``."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, FastAPI

from aml_plugins.server.console import pages as console_pages
from aml_plugins.server.console import routes as console_routes
from aml_plugins.server.failures import answer_failures
from aml_plugins.server.models.values import ErrorAnswer
from aml_plugins.server.openapi import completed
from aml_plugins.server.protection import Authentication, BodyLimit, FormRefusal, PathCheck
from aml_plugins.server.routes import (
    artifacts,
    compute_targets,
    datastore_files,
    datastores,
    history,
    images,
    info,
    members,
    models,
    provisionings,
    run_changes,
    run_leases,
    run_logs,
    runs,
    services,
    snapshots,
    task_stream,
    tasks,
    workspaces,
)
from aml_plugins.server.settings import API_PREFIX, CONSOLE_PREFIX

if TYPE_CHECKING:
    from starlette.routing import BaseRoute

    from aml_plugins.server.serving import Server

__all__ = ["Lifespan", "create_api", "described_api"]

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]

ROUTERS: tuple[APIRouter, ...] = (
    info.router,
    workspaces.router,
    members.router,
    compute_targets.router,
    provisionings.router,
    datastores.router,
    snapshots.router,
    run_changes.router,
    run_leases.router,  # before runs: /runs/due is no run
    run_logs.router,
    runs.router,
    tasks.router,
    task_stream.router,
    history.router,
    artifacts.router,
    models.router,
    datastore_files.router,
    images.router,
    services.router,
)
_FAILURES: dict[int | str, dict[str, Any]] = {"4XX": {"model": ErrorAnswer}, "503": {"model": ErrorAnswer}}


def create_api(server: Server, lifespan: Lifespan | None = None) -> FastAPI:
    """Return the application, without what MLflow's server puts around it.

    :param lifespan: what runs along with the application.
    """
    api = described_api(server.settings.static_prefix, lifespan)
    api.state.server = server
    answer_failures(api)
    # The last one added is asked first.
    api.add_middleware(Authentication, door=server.door)
    api.add_middleware(FormRefusal)
    api.add_middleware(PathCheck)
    api.add_middleware(BodyLimit, upload_limit=server.settings.upload_limit)
    return api


def described_api(static_prefix: str = "", lifespan: Lifespan | None = None) -> FastAPI:
    """Return the application with all its routes and nobody to answer them: enough for its OpenAPI document."""
    api = FastAPI(
        title="AML Plugins",
        version="2.0",
        summary="Workspaces, compute targets, runs, snapshots, datastores and tasks beside MLflow.",
        openapi_url=f"{static_prefix}{API_PREFIX}/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan or _nothing,
    )
    api.router.routes.extend(_routes(static_prefix))
    api.openapi = lambda: completed(api)  # type: ignore[method-assign]  # FastAPI's documented way to extend it
    return api


@cache
def _routes(static_prefix: str) -> tuple[BaseRoute, ...]:
    """Make the routes, which know no application: those of one process share them.

    FastAPI makes a validator for each argument of each; that takes far longer than all else of an application.
    """
    prefix = f"{static_prefix}{API_PREFIX}"
    every = APIRouter(generate_unique_id_function=lambda route: route.name)
    for router in ROUTERS:
        every.include_router(router, prefix=prefix, responses=_FAILURES)
    for router in console_routes.ROUTERS:
        every.include_router(router, prefix=prefix)
    every.include_router(console_pages.router, prefix=f"{static_prefix}{CONSOLE_PREFIX}")
    return tuple(every.routes)


@asynccontextmanager
async def _nothing(_: FastAPI) -> AsyncIterator[None]:
    yield
