"""Lists in pages: a token says where the next one begins, and means nothing to anybody else."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from typing import Annotated, Any, TypeVar

from fastapi import Query

from aml_plugins.errors import InvalidInputError

__all__ = ["LIMIT", "PageToken", "begin_of", "page", "token_of"]

T = TypeVar("T")

LONGEST_PAGE = 1000
LIMIT = Annotated[int, Query(ge=1, le=LONGEST_PAGE, description="How many at most.")]
PageToken = Annotated[str | None, Query(max_length=1000, description="`next_page_token` of the page before.")]


def token_of(*position: str | float) -> str:
    """Return the token of a position in a list."""
    return base64.urlsafe_b64encode(json.dumps(position).encode()).decode().rstrip("=")


def begin_of(token: str | None, *kinds: type) -> tuple[Any, ...] | None:
    """Return the position that a token means, None where there is no token.

    :param kinds: the types of the position's parts.
    :raises InvalidInputError: for a token that is none of ours.
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


def page(items: Sequence[T], limit: int, token: str | None, key: Callable[[T], str]) -> dict[str, Any]:
    """Return a page of a list that is short enough to be read whole, sorted by ``key``."""
    begin = begin_of(token, str)
    rest = [item for item in items if begin is None or key(item) > begin[0]]
    more = len(rest) > limit
    return {"items": rest[:limit], "next_page_token": token_of(key(rest[limit - 1])) if more else None}
