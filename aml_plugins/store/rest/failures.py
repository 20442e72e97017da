"""What a server answers when it fails, ours or MLflow's part of it, as errors of this project."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http import HTTPStatus

from urllib3.exceptions import NewConnectionError, SSLError
from urllib3.exceptions import TimeoutError as NoAnswerError

from aml_plugins import errors
from aml_plugins.errors import (
    AlreadyExistsError,
    AmlError,
    InvalidInputError,
    NotFoundError,
    PermissionDeniedError,
    StoreError,
)
from aml_plugins.store.rest.credentials import Address

__all__ = ["error_of", "is_database_away", "unreachable"]

_MLFLOW: dict[str, tuple[type[AmlError], str]] = {
    "RESOURCE_DOES_NOT_EXIST": (NotFoundError, "Check the name and the workspace."),
    "RESOURCE_ALREADY_EXISTS": (AlreadyExistsError, "Choose another name."),
    "INVALID_PARAMETER_VALUE": (InvalidInputError, "Correct the value."),
    "INVALID_STATE": (InvalidInputError, ""),
    "PERMISSION_DENIED": (PermissionDeniedError, "Ask an owner of the workspace for a role."),
}
_LONGEST = 500


def error_of(status: int, body: bytes, address: Address) -> AmlError:
    """Return the error that an answer means."""
    url = address.url
    told = _told(body)
    code, message = str(told.get("error_code", "")), str(told.get("message", ""))[:_LONGEST]
    if status == HTTPStatus.UNAUTHORIZED:
        return _unknown(address)
    if code in _OURS and "fix" in told:
        return _made(_OURS[code], message, str(told["fix"]))
    if code in _MLFLOW:
        kind, fix = _MLFLOW[code]
        return kind(f"{message.rstrip('.')}.", fix)
    return _of_status(status, message, url)


def is_database_away(body: bytes) -> bool:
    """Say whether a server answers that its database is away: ours, or MLflow's part of it."""
    return _told(body).get("error_code") in {StoreError.code, "TEMPORARILY_UNAVAILABLE"}


def unreachable(url: str, error: Exception) -> StoreError:
    """Return the error for a server that does not answer, or not in time."""
    if isinstance(error, SSLError):
        return StoreError(
            f"The certificate of the server {url} cannot be trusted.",
            "Name its authority's file in MLFLOW_TRACKING_SERVER_CERT_PATH.",
        )
    late = isinstance(error, NoAnswerError) and not isinstance(error, NewConnectionError)
    said = "does not answer in time" if late else "cannot be reached"
    return StoreError(f"The server {url} {said}.", "Check the address and whether it runs: aml server")


def _unknown(address: Address) -> PermissionDeniedError:
    if address.username:
        wrong = f"user '{address.username}' with that password"
        return PermissionDeniedError(f"The server {address.url} knows no {wrong}.", "Check both, or ask who runs it.")
    if address.token:
        return PermissionDeniedError(f"The server {address.url} does not accept that token.", "Ask for a new one.")
    return PermissionDeniedError(
        f"The server {address.url} does not know who you are.",
        "Set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN.",
    )


def _of_status(status: int, message: str, url: str) -> AmlError:
    if status == HTTPStatus.FORBIDDEN:
        return PermissionDeniedError(
            message or "Your role does not allow it.", "Ask an owner of the workspace for a role."
        )
    if status in {HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED}:
        return InvalidInputError(
            f"The server {url} has no such function.",
            "It must run the app: aml server, or mlflow server --app-name aml",
        )
    if status in {HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNPROCESSABLE_ENTITY}:
        return InvalidInputError(message or f"The server {url} refused the request.", "Correct it.")
    return StoreError(f"The server {url} failed ({status}). {message}".rstrip(), "Its log says why; try again.")


def _told(body: bytes) -> dict[str, object]:
    try:
        value = json.loads(body)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _made(kind: type[AmlError], what: str, fix: str) -> AmlError:
    """Make an error of a class whose constructor may want other things than sentences."""
    error = kind.__new__(kind)
    AmlError.__init__(error, what, fix)
    return error


def _kinds(kind: type[AmlError]) -> Iterator[type[AmlError]]:
    yield kind
    for below in kind.__subclasses__():
        yield from _kinds(below)


_OURS = {kind.code: kind for kind in _kinds(AmlError) if kind.__module__ == errors.__name__}
