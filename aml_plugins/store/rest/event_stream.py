"""A task's events as a server sends them, one after the other (the "event stream" of the HTML standard)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from urllib3.exceptions import HTTPError

from aml_plugins.errors import StoreError
from aml_plugins.store.records import TaskEvent
from aml_plugins.store.rest.connection import path_of
from aml_plugins.store.rest.failures import unreachable
from aml_plugins.store.rest.records import record_of

if TYPE_CHECKING:
    from aml_plugins.store.rest.connection import Connection

__all__ = ["followed"]

_LONGEST_LINE = 1 << 20


def followed(
    connection: Connection, workspace: str, task_id: str, after: int, is_over: Callable[[], bool]
) -> Iterator[TaskEvent]:
    """Yield events as they come, until the task has ended or ``is_over``, which is asked whenever something comes.

    The server sends something at least every 15 seconds.

    :raises StoreError: where the stream breaks before the task's end; go on after the last event that came.
    """
    path = path_of("workspaces", workspace, "tasks", task_id, "events", "stream")
    response = connection.stream(path, {"after": after})
    try:
        for name, data in _messages(_lines(response.stream())):
            if name == "end" or is_over():
                return
            if name == "task":
                yield record_of(TaskEvent, json.loads(data))
            elif name == "error":
                raise StoreError(str(json.loads(data).get("message", "The server cannot go on.")), "Try again.")
    except (HTTPError, ValueError) as error:
        cause = error if isinstance(error, HTTPError) else HTTPError(str(error))
        raise unreachable(connection.address.url, cause) from error
    finally:
        response.close()
    raise StoreError(f"{connection.address.url} ended the stream of events.", "Follow it again.")


def _lines(pieces: Iterator[bytes]) -> Iterator[str]:
    rest = b""
    for piece in pieces:
        *lines, rest = (rest + piece).split(b"\n")
        if len(rest) > _LONGEST_LINE:
            raise ValueError("a line of the stream is too long")
        for line in lines:
            yield line.removesuffix(b"\r").decode("utf-8", "replace")


def _messages(lines: Iterator[str]) -> Iterator[tuple[str, str]]:
    """Yield name and data of each message; a comment, which keeps the connection alive, is one without a name."""
    fields: dict[str, Any] = {}
    for line in lines:
        if line.startswith(":"):
            yield "", ""
        elif line:
            name, _, value = line.partition(":")
            fields[name] = value.removeprefix(" ")
        elif fields:
            yield fields.get("event", "message"), fields.get("data", "")
            fields = {}
