"""JSON in and out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from fastapi import Request, Response

from aml_plugins.errors import InvalidInputError

__all__ = ["StrictRequest", "json_reply", "without_constants"]

PYTHON_JSON = "application/x-python-json"
"""What a client accepts that reads ``NaN`` and ``Infinity``, which a run configuration may have; others get null."""


class StrictRequest(Request):
    """A request that says what is wrong with its JSON."""

    async def json(self) -> Any:
        """Return the body's value.

        :raises InvalidInputError: for what is no JSON.
        """
        if not hasattr(self, "_json"):
            self._json = _value(await self.body())
        return self._json


def json_reply(value: Any, *, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Return a JSON response. Records and lists of them go straight to text: they are checked when they come in."""
    text = json.dumps(value, default=_plain, ensure_ascii=False, separators=(",", ":"))
    # Half a character becomes its escape, which JSON allows and UTF-8 does not.
    content = text.encode("utf-8", "backslashreplace")
    return Response(content, status_code=status, headers=headers, media_type="application/json")


def without_constants(request: Request, response: Response) -> Response:
    """Return the response as this client reads it: JSON has no ``NaN``."""
    content = bytes(getattr(response, "body", b""))
    if not (b"NaN" in content or b"Infinity" in content) or PYTHON_JSON in request.headers.get("accept", ""):
        return response
    if response.media_type != "application/json":
        return response
    value = json.loads(content, parse_constant=lambda _: None)
    kept = {name: text for name, text in response.headers.items() if name not in {"content-length", "content-type"}}
    return json_reply(value, status=response.status_code, headers=kept)


def _value(body: bytes) -> Any:
    try:
        return json.loads(body)
    except RecursionError:
        raise InvalidInputError("The JSON is nested too deeply.", "Send a flatter value.") from None
    except UnicodeDecodeError:
        raise InvalidInputError("The body is not UTF-8.", "Encode it as UTF-8.") from None
    except ValueError as error:
        raise InvalidInputError(f"The body is not JSON: {error}.", "Send a JSON object.") from None


def _plain(value: Any) -> Any:
    """Turn records, and the mappings and sequences that ``json`` does not know, into those that it does."""
    if is_dataclass(value):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    return dict(value) if isinstance(value, Mapping) else list(value)
