"""What goes back: values of status, headers and body, and how Python objects become them."""

from __future__ import annotations

import json
from typing import Any, Tuple

__all__ = ["Answer", "error_answer", "json_answer", "text_answer"]

Header = Tuple[bytes, bytes]

_JSON = (b"content-type", b"application/json")
_HTML = (b"content-type", b"text/html; charset=utf-8")
_RUN_FAILED = b"x-ms-run-function-failed"
_FAILED = (_RUN_FAILED, b"True")
_NOT_FAILED = (_RUN_FAILED, b"False")


class Answer:
    """A response that is ready to be sent.

    :param is_foreign: a script made it, with headers that may be ours to set.
    :param run_ms: how long ``run()`` took, where it was called and returned.
    """

    __slots__ = ("body", "headers", "is_foreign", "run_ms", "status")

    def __init__(self, status: int, headers: list[Header], body: bytes, run_ms: float | None = None) -> None:
        self.status = status
        self.headers = headers
        self.body = body
        self.run_ms = run_ms
        self.is_foreign = False

    def set(self, name: bytes, value: bytes) -> None:
        """Give a header its one value."""
        self.headers = [header for header in self.headers if header[0] != name]
        self.headers.append((name, value))


def json_answer(value: Any, status: int = 200, *, run_failed: bool = False) -> Answer:
    """Encode a value; None becomes ``{}``.

    :raises TypeError, ValueError, RecursionError: for what JSON cannot say.
    """
    body = b"{}" if value is None else json.dumps(value).encode("ascii")
    return Answer(status, [_JSON, _FAILED if run_failed else _NOT_FAILED], body)


def error_answer(status: int, message: str, *, run_failed: bool = False) -> Answer:
    """Return ``{"message": …}``, the body of all errors."""
    return json_answer({"message": message}, status, run_failed=run_failed)


def text_answer(text: str, status: int = 200, *, flagged: bool = False) -> Answer:
    """Return plain words under the content type that Azure ML's server gives them.

    :param flagged: with ``x-ms-run-function-failed``.
    """
    return Answer(status, [_HTML, _NOT_FAILED] if flagged else [_HTML], text.encode())
