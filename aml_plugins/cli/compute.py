"""``aml compute``."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import click

from aml_plugins.cli.options import in_workspace, open_workspace, settings_option
from aml_plugins.cli.output import show, table
from aml_plugins.cli.provisioning import create, delete, target_state
from aml_plugins.cli.target_settings import OPEN_OPTIONS, TargetCommand, settings_of

if TYPE_CHECKING:
    from aml_plugins.workspace import Workspace


@click.group()
def compute() -> None:
    """Attach, create, check, tidy, detach and delete compute targets."""


compute.add_command(create)
compute.add_command(delete)


@compute.command(cls=TargetCommand, context_settings=OPEN_OPTIONS)
@click.argument("type_name", metavar="TYPE")
@click.argument("name")
@settings_option
@in_workspace
@click.pass_context
def attach(
    ctx: click.Context,
    type_name: str,
    name: str,
    settings: dict[str, Any],
    store: str | None,
    workspace: str | None,
    output: str,
) -> None:
    """Attach a compute target: aml compute attach ssh gpu-vm --host vm.example.com --user me.

    Each setting of the type can be written as an option of its own, several values by repeating it. Those that TYPE
    has: aml compute attach TYPE --help
    """
    wanted = {**settings, **settings_of(ctx)}
    record = open_workspace(store, workspace).attach_compute(type_name, name, **wanted)
    value = {"name": record.name, "type": record.type, "config": dict(record.config)}
    said = f"Attached compute target '{name}' of type {type_name}. Try it with: aml compute check {name}"
    show(output, value, lambda: said)


@compute.command("list")
@in_workspace
def list_(store: str | None, workspace: str | None, output: str) -> None:
    """List compute targets with their queue."""
    opened = open_workspace(store, workspace)
    queues = _queues(opened)
    made = {one.name: one.state for one in opened.context.store.provisionings.list(opened.name)}
    rows: list[dict[str, Any]] = [
        {
            "name": name,
            "type": target.type,
            "state": made.get(name, "Attached"),
            **_queue(queues, name),
            "settings": dict(target.config),
        }
        for name, target in sorted(opened.compute_targets.items())
    ]
    columns = ["name", "type", "state", "running", "waiting", "settings"]
    show(output, rows, lambda: table(rows, columns, "No compute target."))


@compute.command("show")
@click.argument("name")
@in_workspace
def show_(name: str, store: str | None, workspace: str | None, output: str) -> None:
    """Show a compute target's state and queue, and its settings, the defaults included."""
    from aml_plugins.cli.output import facts
    from aml_plugins.errors import AmlError

    backend = (opened := open_workspace(store, workspace)).context.backends.get(opened.name, name)
    state = target_state(opened, name)
    if not state:
        try:
            state = {"state": "ready", "details": backend.check()}
        except AmlError as error:
            state = {"state": "not ready", "details": str(error)}
    value = {
        "name": name,
        "type": backend.target.type,
        **state,
        **_queue(_queues(opened), name),
        **backend.target.config.model_dump(mode="json"),
    }
    show(output, value, lambda: facts(value))


@compute.command()
@click.argument("names", nargs=-1)
@in_workspace
def check(names: tuple[str, ...], store: str | None, workspace: str | None, output: str) -> None:
    """Try compute targets, all of them where none is named; exit code 3 where one does not work."""
    from aml_plugins.errors import AmlError

    opened = open_workspace(store, workspace)
    found, worst = [], 0
    for name in names or sorted(opened.compute_targets):
        try:
            found.append(
                {"name": name, "healthy": True, "message": opened.context.backends.get(opened.name, name).check()}
            )
        except AmlError as error:
            found.append({"name": name, "healthy": False, "message": str(error)})
            worst = max(worst, error.exit_code)
    lines = [f"{'ok     ' if row['healthy'] else 'PROBLEM'}  {row['name']}: {row['message']}" for row in found]
    show(output, found, lambda: "\n".join(lines))
    raise SystemExit(worst)


@compute.command()
@click.argument("names", nargs=-1)
@click.option("--delete", is_flag=True, help="Delete them; without it, they are only listed.")
@in_workspace
def gc(names: tuple[str, ...], delete: bool, store: str | None, workspace: str | None, output: str) -> None:
    """Find jobs on compute targets that no run needs any more."""
    from aml_plugins.cli.orphans import collect_orphans

    opened = open_workspace(store, workspace)
    rows = collect_orphans(opened, names or sorted(opened.compute_targets), delete=delete)
    found = any(row["state"] == "found" for row in rows)
    hint = "\nDelete them with: aml compute gc --delete" if found else ""
    show(output, rows, lambda: table(rows, ["target", "job", "reason", "state"], "No orphans.") + hint)
    if any(row["state"] not in {"found", "deleted"} for row in rows):
        raise SystemExit(3)


@compute.command()
@click.argument("name")
@in_workspace
def detach(name: str, store: str | None, workspace: str | None, output: str) -> None:
    """Detach a compute target; refused while runs on it have not ended. What it stands for stays."""
    open_workspace(store, workspace).detach_compute(name)
    show(output, {"name": name}, lambda: f"Detached compute target '{name}'.")


def _queues(opened: Workspace) -> Counter[tuple[str, bool]]:
    """Count the runs that have not ended, by target, and by whether they were submitted."""
    from aml_plugins.runs.states import RunState

    active = [state.value for state in RunState if not state.is_terminal]
    runs = opened.context.store.runs.list(opened.name, states=active, limit=10_000)
    return Counter((run.target, run.handle is not None) for run in runs)


def _queue(queues: Counter[tuple[str, bool]], name: str) -> dict[str, int]:
    return {"running": queues[name, True], "waiting": queues[name, False]}
