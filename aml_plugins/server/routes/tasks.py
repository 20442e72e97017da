"""Long-running tasks and their history."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from aml_plugins.errors import NotFoundError
from aml_plugins.server.access import Action
from aml_plugins.server.guarding import GuardedRoute, caller
from aml_plugins.server.idempotency import once
from aml_plugins.server.json_bodies import json_reply
from aml_plugins.server.models.runs import Delivered, Subjects, Task, TaskBody, TaskEvent, TaskEventList
from aml_plugins.server.models.values import Page
from aml_plugins.server.paging import LIMIT, PageToken, page_of_read
from aml_plugins.server.serving import server_of
from aml_plugins.store.page_tokens import position_of, token_of
from aml_plugins.store.records import TaskRecord
from aml_plugins.tasks.delivery import tell

__all__ = ["router"]

router = APIRouter(route_class=GuardedRoute, tags=["tasks"])

PATH = "/workspaces/{workspace}/tasks"
Word = Annotated[str | None, Query(max_length=255)]
Sequence = Annotated[int, Query(ge=0, le=2**63 - 1)]


@router.get(PATH, response_model=Page[Task])
def list_tasks(
    request: Request,
    workspace: str,
    *,
    subject: Word = None,
    active: bool = False,
    limit: LIMIT = 100,
    page_token: PageToken = None,
) -> Response:
    """List tasks, newest first: all, those of one subject (a run's id), or those that have not ended."""
    before = position_of(page_token, float, str)
    store = server_of(request).store.tasks
    tasks = store.list(workspace, subject=subject, active=active, limit=limit + 1, before=before)
    return json_reply(page_of_read(tasks, limit, lambda task: (float(task.created_at), task.task_id)))


@router.get(PATH + "/{task_id}", response_model=Task)
def show_task(request: Request, workspace: str, task_id: str) -> Response:
    """Show a task; a run's own task has the run's id."""
    return json_reply(server_of(request).store.tasks.get(workspace, task_id))


@router.put(PATH + "/{task_id}", response_model=Task)
def write_task(request: Request, workspace: str, task_id: str, body: TaskBody) -> Response:
    """Write a task that works for something other than running a run, such as an environment build."""
    store = server_of(request).store.tasks
    values = body.model_dump(exclude={"event_message"})
    record = TaskRecord(workspace=workspace, task_id=task_id, **values)

    def already() -> TaskRecord | None:
        try:
            found = store.get(workspace, task_id)
        except NotFoundError:
            return None
        given = {name: value for name, value in values.items() if value is not None and name in ("progress", "result")}
        same = found.state == record.state and all(getattr(found, name) == value for name, value in given.items())
        return found if same and found.message == (body.event_message or record.message or found.message) else None

    return json_reply(once(request, body.model_dump(), lambda: store.put(record, message=body.event_message), already))


@router.get(PATH + "/{task_id}/events", response_model=Page[TaskEvent])
def list_task_events(
    request: Request,
    workspace: str,
    task_id: str,
    *,
    after: Sequence = 0,
    limit: LIMIT = 1000,
    page_token: PageToken = None,
) -> Response:
    """List what happened to a task, oldest first; `after` is the `sequence` of the last event seen."""
    begin = position_of(page_token, int)
    events = server_of(request).store.tasks.events(workspace, task_id, begin[0] if begin else after, limit)
    more = len(events) == limit
    return json_reply({"items": events, "next_page_token": token_of(events[-1].sequence) if more else None})


@router.post("/task-events/undelivered", response_model=TaskEventList)
def list_undelivered_events(request: Request, body: Subjects) -> Response:
    """List events of these subjects that nobody has handed to the event hooks yet."""
    server, who = server_of(request), caller(request)
    events = server.store.tasks.undelivered(body.subjects)
    mine = server.access.workspaces(who, Action.CONTRIBUTE)
    return json_reply({"items": [event for event in events if mine is None or event.workspace in mine]})


@router.post("/task-events/delivered", status_code=204)
def mark_events_delivered(request: Request, body: Delivered) -> Response:
    """Note that events were handed to the event hooks. The server's own plugins are told of them first."""
    server = server_of(request)
    mine = server.access.workspaces(caller(request), Action.CONTRIBUTE)
    wanted = set(body.sequences)
    waiting = server.store.tasks.undelivered(body.subjects)
    events = [event for event in waiting if event.sequence in wanted and (mine is None or event.workspace in mine)]
    told = {*tell(server.store, server.context.plugins, events)}
    server.store.tasks.mark_delivered(told | wanted, mine)
    return Response(status_code=204)
