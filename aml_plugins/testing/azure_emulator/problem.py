"""Errors that are answers."""

from __future__ import annotations

__all__ = ["Problem"]


class Problem(Exception):  # noqa: N818  it is an answer
    """A request that is answered with an error."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
