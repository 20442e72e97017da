"""``aml secret``. A value comes from standard input or is asked for: arguments are for everybody to see."""

from __future__ import annotations

import sys

import click

from aml_plugins.cli.options import in_workspace, open_workspace, pairs
from aml_plugins.cli.output import show, table

in_secret_store = click.option("--in", "secret_store", metavar="STORE", help="The store; default: the workspace's.")


@click.group()
def secret() -> None:
    """Set, list and delete secrets in the workspace's secret stores."""


@secret.command("set")
@click.argument("name")
@in_secret_store
@in_workspace
def set_(name: str, secret_store: str | None, store: str | None, workspace: str | None, output: str) -> None:
    """Set a secret: its value is read from standard input, or asked for."""
    opened = open_workspace(store, workspace)
    used = opened.set_secret(name, _value(), store=secret_store)
    reference = f"secret://{used}/{name}"
    show(output, {"reference": reference}, lambda: f"Set. Refer to it as {reference}")


@secret.command("list")
@in_secret_store
@in_workspace
def list_(secret_store: str | None, store: str | None, workspace: str | None, output: str) -> None:
    """List the names of secrets, never a value."""
    rows = [{"reference": reference} for reference in open_workspace(store, workspace).list_secrets(store=secret_store)]
    show(output, rows, lambda: table(rows, ["reference"], "No secret."))


@secret.command()
@click.argument("name")
@in_secret_store
@in_workspace
def delete(name: str, secret_store: str | None, store: str | None, workspace: str | None, output: str) -> None:
    """Delete a secret."""
    used = open_workspace(store, workspace).delete_secret(name, store=secret_store)
    show(output, {"reference": f"secret://{used}/{name}"}, lambda: f"Deleted secret://{used}/{name}.")


@secret.command()
@in_workspace
def stores(store: str | None, workspace: str | None, output: str) -> None:
    """List the secret stores; the default one has a star."""
    opened = open_workspace(store, workspace)
    default = opened.default_secret_store
    rows = [
        {"name": name, "type": found["type"], "default": "*" if name == default else "", "settings": found["config"]}
        for name, found in sorted(opened.secret_stores.items())
    ]
    show(output, rows, lambda: table(rows, ["name", "type", "default", "settings"], "No secret store."))


@secret.command()
@click.argument("type_name", metavar="TYPE")
@click.argument("name")
@click.option("--set", "settings", multiple=True, callback=pairs, metavar="NAME=VALUE", help="A setting of the type.")
@in_workspace
def register(
    type_name: str, name: str, settings: dict[str, str], store: str | None, workspace: str | None, output: str
) -> None:
    """Register a secret store: aml secret register file team. The first one becomes the default."""
    open_workspace(store, workspace).register_secret_store(type_name, name, **settings)
    value = {"name": name, "type": type_name}
    show(output, value, lambda: f"Registered secret store '{name}' of type {type_name}.")


@secret.command()
@click.argument("name")
@in_workspace
def remove(name: str, store: str | None, workspace: str | None, output: str) -> None:
    """Forget a secret store; the secrets in it stay where they are."""
    open_workspace(store, workspace).remove_secret_store(name)
    show(output, {"name": name}, lambda: f"Removed secret store '{name}'. Its secrets are where they were.")


@secret.command("set-default")
@click.argument("name")
@in_workspace
def set_default(name: str, store: str | None, workspace: str | None, output: str) -> None:
    """Choose the store that secrets are set in."""
    open_workspace(store, workspace).set_default_secret_store(name)
    show(output, {"name": name}, lambda: f"The default secret store is '{name}'.")


def _value() -> str:
    if sys.stdin.isatty():
        typed: str = click.prompt("Value", hide_input=True, confirmation_prompt=True, err=True)
        return typed
    value = sys.stdin.read()
    return value.removesuffix("\n").removesuffix("\r")
