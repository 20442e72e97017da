"""``aml task``."""

from __future__ import annotations

import json
from dataclasses import asdict

import click

from aml_plugins.cli.options import in_workspace, open_workspace
from aml_plugins.cli.output import ago, moment, show, table


@click.group()
def task() -> None:
    """List and show long-running tasks."""


@task.command("list")
@click.option("--active", is_flag=True, help="Only those that have not ended.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 10_000))
@in_workspace
def list_(active: bool, limit: int, store: str | None, workspace: str | None, output: str) -> None:
    """List tasks, newest first."""
    opened = open_workspace(store, workspace)
    found = [asdict(record) for record in opened.context.store.tasks.list(opened.name, active=active, limit=limit)]
    rows = [
        {**row, "id": row["task_id"], "progress": _percent(row["progress"]), "updated": ago(row["updated_at"])}
        for row in found
    ]
    show(output, found, lambda: table(rows, ["id", "kind", "state", "progress", "updated", "message"], "No task."))


@task.command("show")
@click.argument("task_id")
@in_workspace
def show_(task_id: str, store: str | None, workspace: str | None, output: str) -> None:
    """Show a task's history, and what came of it."""
    opened = open_workspace(store, workspace)
    record = opened.context.store.tasks.get(opened.name, task_id)
    events = [asdict(event) for event in opened.context.store.tasks.events(opened.name, task_id)]
    rows = [
        {**event, "state": event["new"] or "", "progress": _percent(event["progress"]), "when": ago(event["time"])}
        for event in events
    ]
    value = {**asdict(record), "events": events}
    result = f"\n\nResult: {json.dumps(dict(record.result))}" if record.result else ""
    show(output, value, lambda: table(rows, ["when", "state", "progress", "message"], "No event.") + result)


@task.command()
@click.argument("task_id")
@in_workspace
def watch(task_id: str, store: str | None, workspace: str | None, output: str) -> None:
    """Follow a task until it has ended: one line an event, one JSON object a line with --output json."""
    from aml_plugins.tasks.task import Task

    followed = Task.get(open_workspace(store, workspace), task_id)
    for event in followed.events(follow=True):
        if output == "json":
            click.echo(json.dumps(asdict(event)))
        else:
            state = event.new or ""
            click.echo(f"{moment(event.time)}  {state:<15}  {_percent(event.progress):>4}  {event.message}".rstrip())


@task.command()
@click.argument("task_id")
@in_workspace
def cancel(task_id: str, store: str | None, workspace: str | None, output: str) -> None:
    """Ask a task to end: a run's own, one that works for a run, which ends the run, or a target's creation."""
    from aml_plugins.runs.monitoring import ensure_driven
    from aml_plugins.tasks.task import OF_RUNS, Task

    wanted = Task.get(open_workspace(store, workspace), task_id)
    wanted.cancel()
    if wanted.kind in OF_RUNS:
        workspace_of = wanted.workspace
        workspace_of.driver.release()
        ensure_driven(workspace_of.context, [workspace_of.context.store.runs.get(workspace_of.name, wanted.subject)])
    value = {"task_id": wanted.id, "state": wanted.state}
    show(
        output,
        value,
        lambda: f"Task {wanted.id}: {value['state']}. It ends soon; watch it with: aml task watch {wanted.id}",
    )


def _percent(progress: float | None) -> str:
    return "" if progress is None else f"{progress:.0%}"
