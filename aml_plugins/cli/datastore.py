"""``aml datastore``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from aml_plugins.cli.options import in_workspace, open_workspace, pairs
from aml_plugins.cli.output import facts, show, table, write_json

if TYPE_CHECKING:
    from aml_plugins.datastores.transfer import Transfer
    from aml_plugins.workspace import Workspace


@click.group()
def datastore() -> None:
    """Register datastores, and move files to and from them."""


@datastore.command()
@click.argument("type_name", metavar="TYPE")
@click.argument("name")
@click.option("--set", "settings", multiple=True, callback=pairs, metavar="NAME=VALUE", help="A setting of the type.")
@click.option("--default", "as_default", is_flag=True, help="Make it the workspace's default datastore.")
@click.option("--check", is_flag=True, help="Try it first; register nothing where it does not answer.")
@in_workspace
def register(
    type_name: str,
    name: str,
    settings: dict[str, str],
    as_default: bool,
    check: bool,
    store: str | None,
    workspace: str | None,
    output: str,
) -> None:
    """Register a datastore: aml datastore register azure-blob data --set account_url=… --set container=…."""
    opened = open_workspace(store, workspace)
    registered = opened.register_datastore(type_name, name, **settings)
    if check:
        _checked(opened, name)
    if as_default:
        opened.set_default_datastore(name)
    value = {"name": name, "type": type_name, "config": registered.config.model_dump(mode="json", exclude_unset=True)}
    show(output, value, lambda: f"Registered datastore '{name}' of type {type_name}.")


@datastore.command("list")
@in_workspace
def list_(store: str | None, workspace: str | None, output: str) -> None:
    """List datastores; the default one has a star."""
    from aml_plugins.datastores.opening import datastore_records, default_name

    opened = open_workspace(store, workspace)
    default = default_name(opened.context, opened.name)
    rows = [
        {"name": name, "type": found.type, "default": "*" if name == default else "", "settings": dict(found.config)}
        for name, found in sorted(datastore_records(opened.context, opened.name).items())
    ]
    show(output, rows, lambda: table(rows, ["name", "type", "default", "settings"], "No datastore."))


@datastore.command("show")
@click.argument("name")
@in_workspace
def show_(name: str, store: str | None, workspace: str | None, output: str) -> None:
    """Show a datastore's settings, the defaults included."""
    from aml_plugins.datastores.opening import default_name

    opened = open_workspace(store, workspace)
    found = opened.datastores[name]
    value = {
        "name": name,
        "type": found.type_name,
        "default": default_name(opened.context, opened.name) == name,
        **found.config.model_dump(mode="json"),
    }
    show(output, value, lambda: facts(value))


@datastore.command()
@click.argument("name")
@click.argument("local", type=click.Path(exists=True))
@click.argument("path", default="")
@click.option("--no-overwrite", is_flag=True, help="Refuse where a file of another content is in the way.")
@click.option("--quiet", "-q", is_flag=True, help="Show no progress.")
@in_workspace
def upload(
    name: str,
    local: str,
    path: str,
    no_overwrite: bool,
    quiet: bool,
    store: str | None,
    workspace: str | None,
    output: str,
) -> None:
    """Store a file or a directory under PATH; an interrupted upload goes on."""
    from aml_plugins.cli.progress import transfer_progress

    found = open_workspace(store, workspace).datastores[name]
    with transfer_progress(f"To '{name}'", quiet=quiet) as progress:
        done = found.upload(Path(local), path, overwrite=not no_overwrite, progress=progress)
    show(output, _transferred(done), lambda: f"Uploaded {_amount(done)} to '{name}'.")


@datastore.command()
@click.argument("name")
@click.argument("path")
@click.argument("local", default=".", type=click.Path())
@click.option("--quiet", "-q", is_flag=True, help="Show no progress.")
@in_workspace
def download(
    name: str, path: str, local: str, quiet: bool, store: str | None, workspace: str | None, output: str
) -> None:
    """Bring a file or the files below PATH to LOCAL; an interrupted download goes on."""
    from aml_plugins.cli.progress import transfer_progress

    found = open_workspace(store, workspace).datastores[name]
    with transfer_progress(f"From '{name}'", quiet=quiet) as progress:
        done = found.download(path, Path(local), progress=progress)
    show(output, _transferred(done), lambda: f"Downloaded {_amount(done)} to '{local}'.")


@datastore.command()
@click.argument("name")
@click.argument("prefix", default="")
@in_workspace
def files(name: str, prefix: str, store: str | None, workspace: str | None, output: str) -> None:
    """List the files of a datastore, or those below a folder."""
    found = open_workspace(store, workspace).datastores[name]
    if output == "json":
        write_json([{"path": path, "bytes": size} for path, size in found.list(prefix)])
        return
    for path, size in found.list(prefix):
        click.echo(f"{size:>14}  {path}")


@datastore.command()
@click.argument("name")
@click.argument("path")
@click.option("--recursive", "-r", is_flag=True, help="Delete all files below PATH.")
@in_workspace
def delete(name: str, path: str, recursive: bool, store: str | None, workspace: str | None, output: str) -> None:
    """Delete a file of a datastore, or all files below a folder."""
    from aml_plugins.datastores.listing import no_such_file

    found = open_workspace(store, workspace).datastores[name]
    gone = [file for file, _ in found.list(path)] if recursive else []
    if path and found.exists(path):
        gone.append(path)
    if not gone:
        raise no_such_file(found, path)
    for file in gone:
        found.delete(file)
    show(output, {"name": name, "files": gone}, lambda: f"Deleted {len(gone)} files from '{name}'.")


@datastore.command()
@click.argument("name")
@in_workspace
def remove(name: str, store: str | None, workspace: str | None, output: str) -> None:
    """Forget a datastore, not its files; refused while it is the default or holds snapshots."""
    open_workspace(store, workspace).remove_datastore(name)
    show(output, {"name": name}, lambda: f"Removed datastore '{name}'. Its files are where they were.")


@datastore.command("set-default")
@click.argument("name")
@click.option(
    "--artifacts/--no-artifacts",
    default=None,
    help="MLflow artifacts of new experiments go there, too, or where MLflow keeps them by itself.",
)
@in_workspace
def set_default(name: str, artifacts: bool | None, store: str | None, workspace: str | None, output: str) -> None:
    """Let new snapshots go to another datastore."""
    open_workspace(store, workspace).set_default_datastore(name, artifacts=artifacts)
    show(output, {"name": name}, lambda: f"The default datastore is '{name}'.")


def _checked(opened: Workspace, name: str) -> None:
    try:
        opened.datastores[name].check()
    except BaseException:
        opened.remove_datastore(name)
        raise


def _amount(done: Transfer) -> str:
    return f"{done.files} file{'' if done.files == 1 else 's'}, {done.bytes / 1e6:.1f} MB,"


def _transferred(done: Transfer) -> dict[str, Any]:
    return {"files": done.files, "bytes": done.bytes}
