"""Lists in pages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any, TypeVar

from fastapi import Query

from aml_plugins.store.page_tokens import position_of, token_of

__all__ = ["LIMIT", "PageToken", "page", "page_of_read"]

T = TypeVar("T")

LONGEST_PAGE = 1000
LIMIT = Annotated[int, Query(ge=1, le=LONGEST_PAGE, description="How many at most.")]
PageToken = Annotated[str | None, Query(max_length=1000, description="`next_page_token` of the page before.")]


def page(items: Sequence[T], limit: int, token: str | None, key: Callable[[T], str]) -> dict[str, Any]:
    """Return a page of a list that is short enough to be read whole, sorted by ``key``."""
    begin = position_of(token, str)
    rest = [item for item in items if begin is None or key(item) > begin[0]]
    more = len(rest) > limit
    return {"items": rest[:limit], "next_page_token": token_of(key(rest[limit - 1])) if more else None}


def page_of_read(items: Sequence[T], limit: int, key: Callable[[T], tuple[str | float, ...]]) -> dict[str, Any]:
    """Return a page of what was read with one item more than ``limit``, so that the last page is known for one."""
    more = len(items) > limit
    return {"items": items[:limit], "next_page_token": token_of(*key(items[limit - 1])) if more else None}
