"""A response with the attributes of Flask's that scripts use, for environments without Flask."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Iterable, Mapping

from .plain_mappings import PlainHeaders

__all__ = ["PlainResponse"]

_TEXT = "text/html; charset=utf-8"


class PlainResponse:
    """A body with a status and headers."""

    def __init__(
        self,
        response: str | bytes | Iterable[str | bytes] | None = None,
        status: Any = 200,
        headers: Mapping[str, str] | None = None,
        mimetype: str | None = None,
        content_type: str | None = None,
    ) -> None:
        self.status_code = status_number(status)
        self.headers = PlainHeaders(headers)
        if "Content-Type" not in self.headers:
            self.headers.set("Content-Type", content_type or _with_charset(mimetype) or _TEXT)
        self.response: Iterable[str | bytes] = [response] if isinstance(response, (str, bytes)) else response or []

    def __repr__(self) -> str:
        size = sum(map(len, self.chunks())) if isinstance(self.response, list) else None
        return f"<{type(self).__name__} {'streamed' if size is None else f'{size} bytes'} [{self.status}]>"

    @property
    def status(self) -> str:
        known = self.status_code in set(HTTPStatus)
        return f"{self.status_code} {HTTPStatus(self.status_code).phrase.upper() if known else 'UNKNOWN'}"

    @status.setter
    def status(self, value: Any) -> None:
        self.status_code = status_number(value)

    @property
    def mimetype(self) -> str:
        return str(self.headers.get("Content-Type") or "").partition(";")[0].strip()

    @mimetype.setter
    def mimetype(self, value: str) -> None:
        self.headers.set("Content-Type", _with_charset(value))

    @property
    def content_type(self) -> str | None:
        found: str | None = self.headers.get("Content-Type")
        return found

    @content_type.setter
    def content_type(self, value: str) -> None:
        self.headers.set("Content-Type", value)

    def chunks(self) -> list[bytes]:
        """Return the parts of the body as bytes."""
        return [part.encode() if isinstance(part, str) else bytes(part) for part in self.response]

    def get_data(self, as_text: bool = False) -> bytes | str:
        body = b"".join(self.chunks())
        self.response = [body]
        return body.decode("utf-8", "replace") if as_text else body

    def set_data(self, value: str | bytes) -> None:
        self.response = [value]

    data = property(get_data, set_data)

    def set_cookie(self, key: str, value: str = "", path: str = "/") -> None:
        self.headers.add("Set-Cookie", f"{key}={value}; Path={path}")


def status_number(status: Any) -> int:
    """Return the number of a status such as ``404``, ``"404"`` or ``"404 NOT FOUND"``."""
    return int(str(status).split(maxsplit=1)[0]) if status is not None else 200


def _with_charset(mimetype: str | None) -> str | None:
    return f"{mimetype}; charset=utf-8" if mimetype and mimetype.startswith("text/") else mimetype
