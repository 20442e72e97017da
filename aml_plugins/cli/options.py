"""Options that many commands share."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from aml_plugins.workspace import Workspace

__all__ = ["in_store", "in_workspace", "open_workspace", "output_option", "pairs", "settings_option", "store_option"]

F = TypeVar("F", bound=Callable[..., Any])

store_option = click.option(
    "--store",
    "--server",
    "store",
    metavar="URI",
    help="The store, a database or http(s)://SERVER; default: AML_STORE_URI, .aml/config.yaml, ~/.aml.",
)
workspace_option = click.option(
    "--workspace", "-w", metavar="NAME", help="The workspace; default: AML_WORKSPACE, .aml/config.yaml, 'default'."
)
output_option = click.option(
    "--output", "-o", "output", type=click.Choice(["text", "json"]), default="text", help="How to print the result."
)


def in_store(command: F) -> F:
    """Add the options of a command that works on a store."""
    return output_option(store_option(command))


def in_workspace(command: F) -> F:
    """Add the options of a command that works in a workspace."""
    return output_option(workspace_option(store_option(command)))


def open_workspace(store: str | None, workspace: str | None) -> Workspace:
    """Open what the options name."""
    from aml_plugins.workspace import Workspace

    return Workspace.get(workspace, store=store)


def _settings(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> dict[str, str | list[str]]:
    """Read repeated ``NAME=VALUE`` options; a name that is repeated has all its values."""
    found: dict[str, list[str]] = {}
    for value in values:
        for name, rest in pairs(ctx, param, (value,)).items():
            found.setdefault(name, []).append(rest)
    return {name: texts[0] if len(texts) == 1 else texts for name, texts in found.items()}


settings_option = click.option(
    "--set",
    "settings",
    multiple=True,
    callback=_settings,
    metavar="NAME=VALUE",
    help="A setting of the type; several values by repeating it, structures as JSON.",
)


def pairs(_ctx: click.Context, _param: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    """Read repeated ``NAME=VALUE`` options."""
    found = {}
    for value in values:
        name, separator, rest = value.partition("=")
        if not separator or not name:
            raise click.BadParameter(f"'{value}' is not NAME=VALUE.")
        found[name] = rest
    return found
