"""A request as it came over HTTP, and what one may ask of it cheaply."""

from __future__ import annotations

import codecs
from typing import Any, Mapping
from urllib.parse import parse_qsl, quote

__all__ = ["Incoming", "mime_type"]


class Incoming:
    """One request with its whole body.

    :param scope: ASGI's description of the request.
    """

    __slots__ = ("body", "headers", "method", "path", "query", "scope")

    def __init__(self, scope: Mapping[str, Any]) -> None:
        self.scope = scope
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.query: bytes = scope["query_string"]
        # For headers that come once; of a repeated one this has the last.
        self.headers: dict[bytes, bytes] = dict(scope["headers"])
        self.body = b""

    def header(self, name: bytes) -> str | None:
        """Return a header's text; ``name`` in lower case."""
        value = self.headers.get(name)
        return None if value is None else value.decode("latin-1")

    def named_headers(self) -> dict[str, str]:
        """Return all headers, named as scripts know them: ``Content-Type``; repeated ones joined by commas."""
        found: dict[str, str] = {}
        for raw_name, raw_value in self.scope["headers"]:
            if b"_" in raw_name:  # two spellings of one variable: proxies and WSGI servers drop them
                continue
            name = "-".join(part.capitalize() for part in raw_name.decode("latin-1").split("-"))
            value = raw_value.decode("latin-1")
            found[name] = f"{found[name]},{value}" if name in found else value
        return {name: value for name, value in found.items() if value or name not in _DROPPED_WHEN_EMPTY}

    def arguments(self) -> list[tuple[str, str]]:
        """Return the query string's names and values, in order.

        :raises UnicodeDecodeError: where it is not UTF-8 at all.
        """
        return parse_qsl(self.query.decode("utf-8"), keep_blank_values=True, errors=_QUOTE_AGAIN)


def mime_type(content_type: str | None) -> str:
    """Return a content type without its parameters, in lower case."""
    return (content_type or "").partition(";")[0].strip().lower()


_DROPPED_WHEN_EMPTY = frozenset({"Content-Type", "Content-Length"})
_QUOTE_AGAIN = "aml_scoring.quote_again"


def _quote_again(error: UnicodeError) -> tuple[str, int]:
    """Keep bytes of a query string that are not UTF-8 as they were sent: ``%ff``."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return quote(error.object[error.start : error.end], safe=""), error.end


codecs.register_error(_QUOTE_AGAIN, _quote_again)
