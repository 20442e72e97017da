"""What happens to a task, as it happens: server-sent events."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Query, Request
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.concurrency import run_in_threadpool

from aml_plugins.errors import AmlError
from aml_plugins.server.access import Action
from aml_plugins.server.guarding import GuardedRoute, caller
from aml_plugins.server.serving import server_of
from aml_plugins.store.interface import Store
from aml_plugins.store.records import TaskEvent
from aml_plugins.tasks.task import ENDED

__all__ = ["router"]

router = APIRouter(route_class=GuardedRoute, tags=["tasks"])

_LOOK_SECONDS = (0.1, 1.0)
_PING_SECONDS = 15
_SEND_SECONDS = 10
"""A reader that takes nothing for so long is left; it comes back with the number of the last event that it saw."""
_LONGEST_SECONDS = 3600.0
_CHECK_SECONDS = 30.0
Sequence_ = Annotated[int, Query(ge=0, le=2**63 - 1)]


@router.get(
    "/workspaces/{workspace}/tasks/{task_id}/events/stream",
    response_class=EventSourceResponse,
    responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}},
)
async def stream_task_events(
    request: Request, workspace: str, task_id: str, after: Sequence_ = 0
) -> EventSourceResponse:
    """Follow a task: each event's `id` is its sequence, `data` a task event as JSON; `event: end` closes the stream.

    A reader that comes again with `Last-Event-ID` goes on after it.
    """
    store = server_of(request).store
    await run_in_threadpool(store.tasks.get, workspace, task_id)  # not found, while there is a status to say so
    last = request.headers.get("last-event-id", "")
    begin = int(last) if last.isdecimal() and len(last) < 19 else after  # noqa: PLR2004  digits of the largest number
    access, who = server_of(request).access, caller(request)
    events = _follow(store, workspace, task_id, begin, lambda: access.check(who, Action.READ, workspace))
    return EventSourceResponse(events, ping=_PING_SECONDS, send_timeout=_SEND_SECONDS)


async def _follow(
    store: Store, workspace: str, task_id: str, seen: int, check: Callable[[], None]
) -> AsyncIterator[ServerSentEvent]:
    """Look soon after something happened, seldom while nothing does; end with the task, or after a long time.

    :param check: raises where the reader may look no more; asked now and then.
    """
    checked = time.monotonic()
    shortest, longest = _LOOK_SECONDS
    pause, until = shortest, time.monotonic() + _LONGEST_SECONDS
    while time.monotonic() < until:
        try:
            if time.monotonic() - checked >= _CHECK_SECONDS:
                await run_in_threadpool(check)
                checked = time.monotonic()
            ended, events = await run_in_threadpool(_look, store, workspace, task_id, seen)
        except AmlError as error:
            yield ServerSentEvent(json.dumps({"error_code": error.code, "message": str(error)}), event="error")
            return
        for event in events:
            seen = event.sequence
            yield ServerSentEvent(json.dumps(asdict(event)), id=str(seen), event="task")
        if ended and not events:
            yield ServerSentEvent(json.dumps({"state": ended}), event="end")
            return
        pause = shortest if events else min(longest, pause * 1.5)
        if not events:
            await asyncio.sleep(pause)


def _look(store: Store, workspace: str, task_id: str, seen: int) -> tuple[str, Sequence[TaskEvent]]:
    """Return the final state, if it has one, and the events since; asked in this order, so that none is missed."""
    state = store.tasks.get(workspace, task_id).state
    return state if state in ENDED else "", store.tasks.events(workspace, task_id, after=seen)
