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
@click.option("--run", "run_id", required=True, metavar="RUN_ID", help="The run that made the model.")
@click.option("--path", default="outputs", show_default=True, help="The file or directory in the run.")
@click.option("--tag", "tags", multiple=True, callback=pairs, metavar="NAME=VALUE")
@in_workspace
def register(
    name: str, run_id: str, path: str, tags: dict[str, str], store: str | None, workspace: str | None, output: str
) -> None:
    """Register a run's file or directory as the next version of a model."""
    made = open_workspace(store, workspace).get_run(run_id).register_model(name, path, tags=tags)
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
