"""``aml compute``."""

from __future__ import annotations

from typing import Any

import click

from aml_plugins.cli.options import in_workspace, open_workspace, pairs
from aml_plugins.cli.output import show, table


@click.group()
def compute() -> None:
    """Attach, list and detach compute targets."""


@compute.command()
@click.argument("type_name", metavar="TYPE")
@click.argument("name")
@click.option("--set", "settings", multiple=True, callback=pairs, metavar="NAME=VALUE", help="A setting of the type.")
@in_workspace
def attach(
    type_name: str, name: str, settings: dict[str, str], store: str | None, workspace: str | None, output: str
) -> None:
    """Attach a compute target: aml compute attach local my-box --set max_parallel_runs=2."""
    record = open_workspace(store, workspace).attach_compute(type_name, name, **settings)
    value = {"name": record.name, "type": record.type, "config": dict(record.config)}
    show(output, value, lambda: f"Attached compute target '{name}' of type {type_name}.")


@compute.command("list")
@in_workspace
def list_(store: str | None, workspace: str | None, output: str) -> None:
    """List compute targets with their queue."""
    from aml_plugins.runs.states import RunState

    opened = open_workspace(store, workspace)
    active = [state.value for state in RunState if not state.is_terminal]
    runs = opened.context.store.runs.list(opened.name, states=active, limit=10_000)
    rows: list[dict[str, Any]] = [
        {
            "name": name,
            "type": target.type,
            "running": sum(run.target == name and run.handle is not None for run in runs),
            "waiting": sum(run.target == name and run.handle is None for run in runs),
            "settings": dict(target.config),
        }
        for name, target in sorted(opened.compute_targets.items())
    ]
    show(output, rows, lambda: table(rows, ["name", "type", "running", "waiting", "settings"], "No compute target."))


@compute.command("show")
@click.argument("name")
@in_workspace
def show_(name: str, store: str | None, workspace: str | None, output: str) -> None:
    """Show a compute target's settings, the defaults included."""
    from aml_plugins.cli.output import facts

    backend = (opened := open_workspace(store, workspace)).context.backends.get(opened.name, name)
    value = {"name": name, "type": backend.target.type, **backend.target.config.model_dump(mode="json")}
    show(output, value, lambda: facts(value))


@compute.command()
@click.argument("name")
@in_workspace
def detach(name: str, store: str | None, workspace: str | None, output: str) -> None:
    """Detach a compute target; refused while runs on it have not ended."""
    open_workspace(store, workspace).detach_compute(name)
    show(output, {"name": name}, lambda: f"Detached compute target '{name}'.")
