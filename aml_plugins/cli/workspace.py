"""``aml workspace``."""

from __future__ import annotations

import click

from aml_plugins.cli.options import in_store, in_workspace, open_workspace
from aml_plugins.cli.output import facts, show, table


@click.group()
def workspace() -> None:
    """Create, list and choose workspaces."""


@workspace.command()
@click.argument("name")
@click.option("--exist-ok", is_flag=True, help="Succeed where the workspace exists already.")
@in_store
def create(name: str, exist_ok: bool, store: str | None, output: str) -> None:
    """Create a workspace."""
    from aml_plugins.store.opening import shown_uri
    from aml_plugins.workspace import Workspace

    known = exist_ok and name in Workspace.list(store=store)
    made = Workspace.create(name, store=store, exist_ok=exist_ok)
    value = {"name": made.name, "store": shown_uri(made.context.store.uri)}
    said = f"Workspace '{name}' exists." if known else f"Created workspace '{name}'."
    show(output, value, lambda: f"{said} Use it with: export AML_WORKSPACE={name}")


@workspace.command("list")
@in_store
def list_(store: str | None, output: str) -> None:
    """List the workspaces of the store."""
    from aml_plugins.workspace import Workspace

    names = [{"name": name} for name in Workspace.list(store=store)]
    show(output, names, lambda: table(names, ["name"], "No workspace."))


@workspace.command("show")
@in_workspace
def show_(store: str | None, workspace: str | None, output: str) -> None:
    """Show the workspace and what it has."""
    from aml_plugins.datastores.opening import default_datastore
    from aml_plugins.store.opening import shown_uri

    opened = open_workspace(store, workspace)
    value = {
        "name": opened.name,
        "store": shown_uri(opened.context.store.uri),
        "home": str(opened.context.home),
        "compute_targets": sorted(opened.compute_targets),
        "datastore": default_datastore(opened.context, opened.name).name,
    }
    show(output, value, lambda: facts(value))


@workspace.command()
@click.argument("name", required=False)
@click.option("--directory", default=".", type=click.Path(file_okay=False), help="Where .aml/config.yaml goes.")
@in_store
def config(name: str | None, directory: str, store: str | None, output: str) -> None:
    """Write .aml/config.yaml, so that commands started there use this workspace."""
    written = open_workspace(store, name).write_config(directory)
    show(output, {"path": str(written)}, lambda: f"Wrote {written}.")


@workspace.command()
@in_workspace
def gc(store: str | None, workspace: str | None, output: str) -> None:
    """Delete the snapshots of runs that were deleted in MLflow; a monitor does it now and then."""
    from aml_plugins.runs.snapshot_release import release_snapshots

    opened = open_workspace(store, workspace)
    gone = release_snapshots(opened.context, opened.name)
    value = {"snapshots": [record.digest for record in gone], "bytes": sum(record.size for record in gone)}
    show(output, value, lambda: f"Deleted {len(gone)} snapshots, {value['bytes']} bytes.")
