"""``aml experiment``."""

from __future__ import annotations

import click

from aml_plugins.cli.options import in_workspace, open_workspace
from aml_plugins.cli.output import show, table


@click.group()
def experiment() -> None:
    """List experiments and their runs."""


@experiment.command("list")
@in_workspace
def list_(store: str | None, workspace: str | None, output: str) -> None:
    """List the experiments that runs were submitted to."""
    opened = open_workspace(store, workspace)
    counts: dict[str, dict[str, int]] = {}
    for run in opened.context.store.runs.list(opened.name, limit=100_000):
        states = counts.setdefault(run.experiment_name, {})
        states[run.state] = states.get(run.state, 0) + 1
    rows = [{"name": name, "runs": sum(states.values()), "states": states} for name, states in sorted(counts.items())]
    show(output, rows, lambda: table(rows, ["name", "runs", "states"], "No experiment."))


@experiment.command("show")
@click.argument("name")
@in_workspace
def show_(name: str, store: str | None, workspace: str | None, output: str) -> None:
    """Show an experiment's runs with their metrics."""
    from aml_plugins.errors import NotFoundError
    from aml_plugins.suggestions import did_you_mean

    opened = open_workspace(store, workspace)
    rows = [
        {"id": run.id, "state": run.record.state if run.record else "", "metrics": run.get_metrics()}
        for run in opened.experiment(name).get_runs()
    ]
    if not rows:
        known = {run.experiment_name for run in opened.context.store.runs.list(opened.name, limit=100_000)}
        raise NotFoundError(
            f"No run was submitted to an experiment '{name}'.{did_you_mean(name, known)}", "See: aml experiment list"
        )
    show(output, rows, lambda: table(rows, ["id", "state", "metrics"], ""))
