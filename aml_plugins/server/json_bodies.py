"""JSON in and out, strictly: what a database cannot keep, or a client cannot read, never gets in."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any, NoReturn

from fastapi import Request, Response

from aml_plugins.errors import InvalidInputError

__all__ = ["StrictRequest", "json_reply"]


class StrictRequest(Request):
    """A request whose JSON has no NaN, no infinities, no zero characters and no halves of characters."""

    async def json(self) -> Any:
        """Return the body's value.

        :raises InvalidInputError: for what is no JSON, and for what no database keeps.
        """
        if not hasattr(self, "_json"):
            self._json = _value(await self.body())
        return self._json


def _value(body: bytes) -> Any:
    try:
        value = json.loads(body, parse_constant=_refuse_constant)
    except RecursionError:
        raise InvalidInputError("The JSON is nested too deeply.", "Send a flatter value.") from None
    except UnicodeDecodeError:
        raise InvalidInputError("The body is not UTF-8.", "Encode it as UTF-8.") from None
    except json.JSONDecodeError as error:
        raise InvalidInputError(f"The body is not JSON: {error}.", "Send a JSON object.") from None
    if b"\\u" in body:
        _check(value)
    return value


def json_reply(value: Any, *, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Return a JSON response. Records and lists of them go straight to text: they are checked when they come in."""
    text = json.dumps(value, default=_plain, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    content = text.encode("utf-8", "backslashreplace")
    return Response(content, status_code=status, headers=headers, media_type="application/json")


def _plain(value: Any) -> Any:
    """Turn records, and the mappings and sequences that ``json`` does not know, into those that it does."""
    if is_dataclass(value):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    return dict(value) if isinstance(value, Mapping) else list(value)


def _refuse_constant(constant: str) -> NoReturn:
    raise InvalidInputError(f"The JSON has the number {constant}.", "Send finite numbers, or null.")


def _check(value: Any) -> None:
    if isinstance(value, str):
        if "\0" in value or any("\ud800" <= character <= "\udfff" for character in value):
            raise InvalidInputError(
                "A text has a zero character or half of a character, which no database keeps.", "Leave it out."
            )
    elif isinstance(value, list):
        for item in value:
            _check(item)
    elif isinstance(value, dict):
        for name, item in value.items():
            _check(name)
            _check(item)
