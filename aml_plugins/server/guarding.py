"""Routes that let nobody through before it is known who asks and whether he may."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool

from aml_plugins.server.access import Action
from aml_plugins.server.identity import Identity
from aml_plugins.server.json_bodies import StrictRequest, without_constants
from aml_plugins.server.route_actions import ROUTES
from aml_plugins.server.serving import server_of

__all__ = ["CALLER", "GuardedRoute", "caller"]

CALLER = "aml.caller"
"""Where the request's scope keeps who is asking."""


def caller(request: Request) -> Identity:
    """Return who is asking."""
    identity: Identity = request.scope[CALLER]
    return identity


class GuardedRoute(APIRoute):
    """A route of the table in ``route_actions.py``: its name there is its name here.

    The action's permission is checked before the body is read. A workspace is what the path calls ``{workspace}``.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        super().__init__(path, endpoint, **options)
        if self.name not in ROUTES:
            raise AssertionError(f"the route {self.name} ({path}) has no action in route_actions.py")
        self.action: Action = ROUTES[self.name]

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Wrap the handler that FastAPI makes."""
        answer = super().get_route_handler()

        async def guarded(request: Request) -> Response:
            access, workspace = server_of(request).access, request.path_params.get("workspace")
            if access.asks_nobody(workspace):
                access.check(caller(request), self.action, workspace)
            else:
                await run_in_threadpool(access.check, caller(request), self.action, workspace)
            strict = StrictRequest(request.scope, request.receive)
            if self.body_field is not None:
                await strict.json()  # FastAPI would make one and the same sentence of everything that is wrong here
            return without_constants(request, await answer(strict))

        return guarded
