"""What every noun asks for: pages, deletions, creations."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from aml_plugins.store.rest.ahead import Question
from aml_plugins.store.rest.connection import Connection

__all__ = ["create", "delete", "page_question", "pages", "slices"]

ItemT = TypeVar("ItemT")

_PAGE = 1000
_AT_ONCE = 1000


def pages(
    connection: Connection, path: str, query: Mapping[str, Any] | None = None, limit: int | None = None
) -> list[dict[str, Any]]:
    """Return a list's items, from as many pages as that takes."""
    found: list[dict[str, Any]] = []
    asked = dict(query or {})
    while limit is None or len(found) < limit:
        size = _PAGE if limit is None else min(_PAGE, limit - len(found))
        answer = connection.call("GET", path, query={**asked, "limit": size}).value
        found += answer["items"]
        if not answer["next_page_token"]:
            break
        asked["page_token"] = answer["next_page_token"]
    return found


def page_question(path: str) -> Question:
    """Return what :func:`pages` asks for first."""
    return Question(path, {"limit": _PAGE})


def create(connection: Connection, method: str, path: str, body: Any) -> Any:
    """Ask for something that must not be made twice, under a key of its own."""
    return connection.call(method, path, body=body, headers={"Idempotency-Key": uuid.uuid4().hex}).value


def delete(connection: Connection, path: str) -> None:
    """Delete something.

    :raises NotFoundError: where it is not there.
    """
    connection.call("DELETE", path, gone_is_done=True)


def slices(items: Collection[ItemT]) -> Iterator[Sequence[ItemT]]:
    """Cut into pieces that a request takes."""
    listed = list(items)
    for start in range(0, len(listed), _AT_ONCE):
        yield listed[start : start + _AT_ONCE]
