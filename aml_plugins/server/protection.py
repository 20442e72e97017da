"""What stands before the routes: bodies are bounded, other pages' forms turned away, strangers asked who they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.requests import HTTPConnection

from aml_plugins.errors import AmlError, InvalidInputError, PermissionDeniedError
from aml_plugins.server.failures import TooLargeError, error_reply, unauthenticated
from aml_plugins.server.guarding import CALLER
from aml_plugins.server.identity import ANYBODY, OpenDoor

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from aml_plugins.server.identity import Door

__all__ = ["JSON_LIMIT", "Authentication", "BodyLimit", "FormRefusal", "PathCheck"]

JSON_LIMIT = 8 << 20
"""Bytes of the largest JSON body."""

HEADER = "X-AML-Request"
FILE_TYPE = "application/octet-stream"
_CHANGING = frozenset({"POST", "PUT", "PATCH", "DELETE"})


class FormRefusal:
    """Refuses changes that a foreign page's form or image could ask for in a visitor's name.

    A browser lets other sites send neither a JSON body nor a header of ours before it has asked; MLflow's origin rules
    answer that question.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let through, or answer 403."""
        if scope["type"] == "http" and scope["method"] in _CHANGING and not _is_deliberate(Headers(scope=scope)):
            error = PermissionDeniedError(
                "A change needs a JSON body, a file as application/octet-stream, or the header X-AML-Request.",
                "Add the header 'Content-Type: application/json' or 'X-AML-Request: 1'.",
            )
            await error_reply(error)(scope, receive, send)
            return
        await self._app(scope, receive, send)


def _is_deliberate(headers: Headers) -> bool:
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    return HEADER in headers or kind in {"application/json", FILE_TYPE}


class PathCheck:
    """Refuses zero characters in paths and queries, which no database takes."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let through, or answer 400."""
        if scope["type"] == "http" and ("\0" in scope["path"] or b"%00" in scope["query_string"]):
            error = InvalidInputError("There is a zero character in the path or query.", "Leave it out.")
            await error_reply(error)(scope, receive, send)
            return
        await self._app(scope, receive, send)


class BodyLimit:
    """Refuses bodies that are larger than they may be, announced or not.

    :param upload_limit: bytes of the largest file.
    """

    def __init__(self, app: ASGIApp, upload_limit: int) -> None:
        self._app = app
        self._upload_limit = upload_limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count what comes in."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        limit = self._upload_limit if headers.get("content-type") == FILE_TYPE else JSON_LIMIT
        announced = headers.get("content-length", "0")
        if announced.isdecimal() and int(announced) > limit:
            await error_reply(_too_large(limit))(scope, receive, send)
            return
        await self._app(scope, _counted(receive, limit), send)


def _counted(receive: Receive, limit: int) -> Receive:
    came = 0

    async def counted() -> Message:
        nonlocal came
        message = await receive()
        came += len(message.get("body", b""))
        if came > limit:
            raise _too_large(limit)
        return message

    return counted


def _too_large(limit: int) -> TooLargeError:
    return TooLargeError(
        f"The body is larger than {limit >> 20} MiB.",
        "Send less at a time; the largest file is set by AML_SERVER_UPLOAD_LIMIT.",
    )


class Authentication:
    """Finds out who is asking and keeps it in the scope."""

    def __init__(self, app: ASGIApp, door: Door) -> None:
        self._app = app
        self._door = door
        self._is_open = isinstance(door, OpenDoor)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let known callers through, answer 401 to others."""
        if scope["type"] == "http":
            try:
                found = (
                    ANYBODY if self._is_open else await run_in_threadpool(self._door.identify, HTTPConnection(scope))
                )
            except AmlError as error:
                await error_reply(error)(scope, receive, send)
                return
            if found is None:
                await unauthenticated()(scope, receive, send)
                return
            scope[CALLER] = found
        await self._app(scope, receive, send)
