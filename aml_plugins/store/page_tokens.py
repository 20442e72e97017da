"""Where the next page of a list begins, as text; server and client make the same of a position."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

from aml_plugins.errors import InvalidInputError

__all__ = ["position_of", "token_of"]


def token_of(*position: str | float) -> str:
    """Return the token of a position in a list."""
    return base64.urlsafe_b64encode(json.dumps(position).encode()).decode().rstrip("=")


def position_of(token: str | None, *kinds: type) -> tuple[Any, ...] | None:
    """Return the position that a token means, None where there is no token.

    :param kinds: the types of the position's parts.
    :raises InvalidInputError: for a token that is none of this list.
    """
    if token is None:
        return None
    try:
        found = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    except (ValueError, binascii.Error, RecursionError):
        found = None
    if not isinstance(found, list) or [type(part) for part in found] != list(kinds):
        raise InvalidInputError("The page token is none of this list.", "Give the token of the page before, unchanged.")
    return tuple(found)
