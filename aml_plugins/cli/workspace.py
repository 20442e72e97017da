"""``aml workspace``."""

from __future__ import annotations

from dataclasses import asdict

import click

from aml_plugins.cli.options import in_store, in_workspace, open_workspace, pairs
from aml_plugins.cli.output import facts, show, table
from aml_plugins.cli.workspace_members import members, share, unshare
from aml_plugins.cli.workspace_notify import notify


@click.group()
def workspace() -> None:
    """Create, choose, archive and delete workspaces."""


@workspace.command()
@click.argument("name")
@click.option("--description", help="A few words for people.")
@click.option("--exist-ok", is_flag=True, help="Succeed where the workspace exists already.")
@in_store
def create(name: str, description: str | None, exist_ok: bool, store: str | None, output: str) -> None:
    """Create a workspace."""
    from aml_plugins.store.opening import shown_uri
    from aml_plugins.workspace import Workspace

    known = exist_ok and name in Workspace.list(store=store)
    made = Workspace.create(name, description=description, store=store, exist_ok=exist_ok)
    value = {"name": made.name, "store": shown_uri(made.context.store.uri)}
    said = f"Workspace '{name}' exists." if known else f"Created workspace '{name}'."
    show(output, value, lambda: f"{said} Use it with: export AML_WORKSPACE={name}")


@workspace.command("list")
@in_store
def list_(store: str | None, output: str) -> None:
    """List the workspaces of the store."""
    from aml_plugins.context import open_context
    from aml_plugins.workspaces.lifecycle import describe_all

    found = [{**asdict(one), "state": one.state} for one in describe_all(open_context(store))]
    show(output, found, lambda: table(found, ["name", "state", "description"], "No workspace."))


@workspace.command("show")
@click.argument("name", required=False)
@in_workspace
def show_(name: str | None, store: str | None, workspace: str | None, output: str) -> None:
    """Show the workspace and what it has."""
    from aml_plugins.datastores.opening import default_name
    from aml_plugins.images.registry.workspace import registry_words
    from aml_plugins.store.opening import shown_uri
    from aml_plugins.store.settings import settings_of

    opened = open_workspace(store, name or workspace)
    settings = settings_of(opened.context.store, opened.name)
    telemetry = opened.telemetry
    about = opened.describe()
    value = {
        "name": opened.name,
        "description": about.description or None,
        "state": about.state,
        "store": shown_uri(opened.context.store.uri),
        "home": str(opened.context.home),
        "compute_targets": sorted(opened.compute_targets),
        "datastore": default_name(opened.context, opened.name),
        "datastores": sorted(opened.datastores),
        "artifact_datastore": settings.get("artifact_datastore"),
        "secret_store": opened.default_secret_store,
        "secret_stores": sorted(opened.secret_stores),
        "telemetry": telemetry["type"] if telemetry else "off",
        "container_registry": registry_words(opened.context, opened.name),
    }
    show(output, value, lambda: facts(value))


@workspace.command()
@click.argument("name")
@click.option("--description", help="A few words for people.")
@click.option("--default-datastore", metavar="DATASTORE", help="Where new snapshots go.")
@in_store
def update(name: str, description: str | None, default_datastore: str | None, store: str | None, output: str) -> None:
    """Change a workspace's description or default datastore."""
    if description is None and default_datastore is None:
        raise click.UsageError("Nothing to change is given. Try: --description TEXT")
    open_workspace(store, name).update(description=description, default_datastore=default_datastore)
    show(output, {"name": name}, lambda: f"Changed workspace '{name}'.")


@workspace.command()
@click.argument("name")
@in_store
def archive(name: str, store: str | None, output: str) -> None:
    """Let nothing new begin in a workspace; everything in it can still be read."""
    open_workspace(store, name).archive()
    show(output, {"name": name}, lambda: f"Archived workspace '{name}'. Undo it with: aml workspace restore {name}")


@workspace.command()
@click.argument("name")
@in_store
def restore(name: str, store: str | None, output: str) -> None:
    """Take an archived workspace back into use."""
    open_workspace(store, name).restore()
    show(output, {"name": name}, lambda: f"Workspace '{name}' is in use again.")


@workspace.command()
@click.argument("name")
@click.option("--force", is_flag=True, help="Delete what lives in it too; runs are cancelled.")
@click.option("--dry-run", is_flag=True, help="Only say what lives in it.")
@in_store
def delete(name: str, force: bool, dry_run: bool, store: str | None, output: str) -> None:
    """Delete a workspace; refused while things live in it."""
    from aml_plugins.workspaces.lifecycle import check_deletable
    from aml_plugins.workspaces.wording import counted

    opened = open_workspace(store, name)
    if not dry_run:
        check_deletable(opened.context, name)
    found = opened.contents() if force or dry_run else {}
    if dry_run:
        show(output, found, lambda: f"Workspace '{name}' has {counted(found)}.")
        return
    if found:
        click.echo(f"Deleting workspace '{name}' takes with it: {counted(found)}.", err=True)
    opened.delete(force=force)
    show(output, {"name": name, "deleted": found}, lambda: f"Deleted workspace '{name}'.")


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


for command in (members, share, unshare, notify):
    workspace.add_command(command)


@workspace.command("set-telemetry")
@click.argument("type_name", metavar="TYPE|off")
@click.option("--set", "settings", multiple=True, callback=pairs, metavar="NAME=VALUE", help="A setting of the type.")
@in_workspace
def set_telemetry(
    type_name: str, settings: dict[str, str], store: str | None, workspace: str | None, output: str
) -> None:
    """Send traces and metrics of runs: aml workspace set-telemetry otlp --set endpoint=http://collector:4318."""
    opened = open_workspace(store, workspace)
    opened.set_telemetry(None if type_name == "off" else type_name, **settings)
    show(output, {"type": type_name}, lambda: f"Telemetry: {type_name}.")


@workspace.command("set-registry")
@click.argument("type_name", metavar="TYPE|off")
@click.option("--set", "settings", multiple=True, callback=pairs, metavar="NAME=VALUE", help="A setting of the type.")
@in_workspace
def set_registry(
    type_name: str, settings: dict[str, str], store: str | None, workspace: str | None, output: str
) -> None:
    """Push new images somewhere: aml workspace set-registry oci --set address=registry.example.com."""
    opened = open_workspace(store, workspace)
    opened.set_container_registry(None if type_name == "off" else type_name, **settings)
    show(output, {"type": type_name}, lambda: f"Container registry: {type_name}.")
