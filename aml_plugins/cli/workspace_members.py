"""``aml workspace share``, ``unshare`` and ``members``."""

from __future__ import annotations

from dataclasses import asdict

import click

from aml_plugins.cli.options import in_store, open_workspace
from aml_plugins.cli.output import show, table

__all__ = ["members", "share", "unshare"]

ROLES = ("owner", "contributor", "reader")


@click.command()
@click.argument("name")
@in_store
def members(name: str, store: str | None, output: str) -> None:
    """List who has which role in a workspace."""
    found = [asdict(member) for member in open_workspace(store, name).members()]
    show(output, found, lambda: table(found, ["user", "role"], "No member."))


@click.command()
@click.argument("name")
@click.argument("user")
@click.option("--role", type=click.Choice(ROLES), default="reader", show_default=True, help="What the user may do.")
@in_store
def share(name: str, user: str, role: str, store: str | None, output: str) -> None:
    """Give a user a role in a workspace, in place of any other there; owners may do it."""
    given = open_workspace(store, name).share(user, role)
    show(output, asdict(given), lambda: f"'{given.user}' is {given.role} of workspace '{name}'.")


@click.command()
@click.argument("name")
@click.argument("user")
@in_store
def unshare(name: str, user: str, store: str | None, output: str) -> None:
    """Take from a user every role and permission in a workspace; owners may do it."""
    open_workspace(store, name).unshare(user)
    show(output, {"user": user, "role": None}, lambda: f"'{user}' is no member of workspace '{name}' any more.")
