"""Errors as ``{"error_code", "message", "fix"}`` with the status that fits; never a stack."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from aml_plugins.errors import (
    AlreadyExistsError,
    AmlError,
    BackendError,
    InvalidInputError,
    LeaseLostError,
    MissingExtraError,
    NotFoundError,
    OperationFailedError,
    PermissionDeniedError,
    PluginError,
    PreconditionFailedError,
    StoreError,
    StoreSchemaError,
)
from aml_plugins.server.json_bodies import json_reply

if TYPE_CHECKING:
    from fastapi import FastAPI, Request, Response

__all__ = ["CODES", "TooLargeError", "answer_failures", "error_reply", "unauthenticated"]

logger = logging.getLogger(__name__)

_LONGEST = 300


class TooLargeError(InvalidInputError):
    """A body is larger than the server takes."""

    code = "too_large"


_STATUS: tuple[tuple[type[AmlError], HTTPStatus], ...] = (
    (PreconditionFailedError, HTTPStatus.PRECONDITION_FAILED),
    (TooLargeError, HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
    (NotFoundError, HTTPStatus.NOT_FOUND),
    (AlreadyExistsError, HTTPStatus.CONFLICT),
    (PermissionDeniedError, HTTPStatus.FORBIDDEN),
    (MissingExtraError, HTTPStatus.NOT_IMPLEMENTED),
    (InvalidInputError, HTTPStatus.BAD_REQUEST),
    (LeaseLostError, HTTPStatus.CONFLICT),
    (StoreSchemaError, HTTPStatus.SERVICE_UNAVAILABLE),
    (StoreError, HTTPStatus.SERVICE_UNAVAILABLE),
    (PluginError, HTTPStatus.UNPROCESSABLE_ENTITY),
    (OperationFailedError, HTTPStatus.CONFLICT),
    (BackendError, HTTPStatus.BAD_GATEWAY),
)
CODES = {status: status.name.lower() for status in HTTPStatus}
"""Error codes of what HTTP itself refuses: an unknown path, a method that a path has not."""


def error_reply(error: AmlError, headers: dict[str, str] | None = None) -> Response:
    """Return the response for an error of ours."""
    status = next((status for kind, status in _STATUS if isinstance(error, kind)), HTTPStatus.INTERNAL_SERVER_ERROR)
    return _reply(status, error.code, error.what, error.fix, headers)


def unauthenticated() -> Response:
    """Return the response for somebody whom nobody knows; browsers then ask for name and password."""
    return _reply(
        HTTPStatus.UNAUTHORIZED,
        "unauthenticated",
        "The server does not know who you are.",
        "Set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN.",
        {"WWW-Authenticate": 'Basic realm="mlflow"'},
    )


def answer_failures(api: FastAPI) -> None:
    """Make the application answer every failure in this way."""

    @api.exception_handler(AmlError)
    async def ours(_: Request, error: AmlError) -> Response:
        return error_reply(error)

    @api.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> Response:
        return _reply(HTTPStatus.BAD_REQUEST, InvalidInputError.code, _first_mistake(error), "Correct the request.")

    @api.exception_handler(HTTPException)
    async def refused(_: Request, error: HTTPException) -> Response:
        status = HTTPStatus(error.status_code)
        headers = dict(error.headers or {})
        return _reply(status, CODES[status], f"{error.detail or status.phrase}.", "See the API's reference.", headers)

    @api.exception_handler(Exception)
    async def unexpected(request: Request, error: Exception) -> Response:
        logger.error("%s %s failed", request.method, request.scope["path"], exc_info=error)
        return _reply(
            HTTPStatus.INTERNAL_SERVER_ERROR,
            "internal",
            "The server failed; this is a defect of ours.",
            "Its log has the details.",
        )


def _reply(
    status: HTTPStatus, code: str, message: str, fix: str = "", headers: dict[str, str] | None = None
) -> Response:
    value: dict[str, Any] = {"error_code": code, "message": message, "fix": fix}
    return json_reply(value, status=status, headers=headers)


def _first_mistake(error: RequestValidationError) -> str:
    """Return what is wrong and where, without the value: it may be a secret that is misplaced."""
    found = error.errors()[0]
    where = ".".join(str(part) for part in found["loc"])
    return f"{where}: {found['msg']}"[:_LONGEST].rstrip(".") + "."
