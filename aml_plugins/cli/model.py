"""``aml model``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from aml_plugins.cli.options import in_workspace, open_workspace, pairs
from aml_plugins.cli.output import show, table

if TYPE_CHECKING:
    from aml_plugins.model import Model


@click.group()
def model() -> None:
    """Register, list and download models."""


@model.command()
@click.argument("name")
@click.option("--run", "run_id", metavar="RUN_ID", help="The run that made the model.")
@click.option("--path", help="The file or directory in the run, outputs by default; without a run, on this machine.")
@click.option("--tag", "tags", multiple=True, callback=pairs, metavar="NAME=VALUE")
@in_workspace
def register(
    name: str,
    run_id: str | None,
    path: str | None,
    tags: dict[str, str],
    store: str | None,
    workspace: str | None,
    output: str,
) -> None:
    """Register a run's file or directory, or one of this machine, as the next version of a model."""
    from aml_plugins.model import Model

    if run_id is None and path is None:
        raise click.UsageError("Say what is the model: --path FILE, or --run RUN_ID.")
    opened = open_workspace(store, workspace)
    if run_id is None:
        made = Model.register(opened, str(path), name, tags=tags)
    else:
        made = opened.get_run(run_id).register_model(name, path or "outputs", tags=tags)
    show(output, _json(made), lambda: f"Registered model '{made.name}' version {made.version}.")


@model.command("list")
@click.argument("name", required=False)
@in_workspace
def list_(name: str | None, store: str | None, workspace: str | None, output: str) -> None:
    """List models, or all versions of one."""
    from aml_plugins.model import Model

    rows = [_json(found) for found in Model.list(open_workspace(store, workspace), name)]
    show(output, rows, lambda: table(rows, ["name", "version", "run", "tags"], "No model."))


@model.command()
@click.argument("name")
@click.option("--version", help="The version; default: the newest.")
@click.option("--directory", default=".", type=click.Path(file_okay=False), help="Where the files go.")
@in_workspace
def download(
    name: str, version: str | None, directory: str, store: str | None, workspace: str | None, output: str
) -> None:
    """Download a model's files."""
    from aml_plugins.errors import NotFoundError
    from aml_plugins.model import Model

    versions = Model.list(open_workspace(store, workspace), name)
    chosen = next((found for found in versions if version in (None, found.version)), None)
    if chosen is None:
        known = ", ".join(found.version for found in versions) or "none"
        raise NotFoundError(f"The model '{name}' has no version {version or ''}.", f"It has: {known}.")
    path = chosen.download(directory)
    show(output, {"path": str(path)}, lambda: f"Wrote {path}.")


def _json(found: Model) -> dict[str, Any]:
    return {"name": found.name, "version": found.version, "run": found.run_id, "tags": dict(found.tags)}
