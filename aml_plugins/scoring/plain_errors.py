"""What Flask's requests raise, in its words: scripts answer with ``str(error)``."""

from __future__ import annotations

__all__ = ["BadRequest", "BadRequestKeyError", "UnsupportedMediaType"]


class BadRequest(ValueError):  # noqa: N818  the names are Flask's
    """The request has not what the script asked it for."""

    code = 400
    name = "Bad Request"
    description = "The browser (or proxy) sent a request that this server could not understand."

    def __str__(self) -> str:
        return f"{self.code} {self.name}: {self.description}"


class BadRequestKeyError(BadRequest, KeyError):
    """No such field or file."""


class UnsupportedMediaType(BadRequest):
    """The body is no JSON by its content type."""

    code = 415
    name = "Unsupported Media Type"
    description = "Did not attempt to load JSON data because the request Content-Type was not 'application/json'."
