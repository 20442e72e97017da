"""``aml plugins``."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import click

from aml_plugins.cli.options import output_option
from aml_plugins.cli.output import show, table


@click.group()
def plugins() -> None:
    """List and check plugins."""


@plugins.command("list")
@output_option
def list_(output: str) -> None:
    """List plugins with their distribution, version, hooks, types and problems."""
    from aml_plugins.plugins import default_plugins

    found = [asdict(plugin) for plugin in default_plugins().describe()]
    show(output, found, lambda: _text(found))


@plugins.command()
@click.argument("name", required=False)
@output_option
def check(name: str | None, output: str) -> None:
    """Check one plugin, or all: do they load, are they light, do they keep the contract."""
    from aml_plugins.plugins import default_plugins

    manager = default_plugins()
    names = [name] if name else [plugin.name for plugin in manager.describe()]
    problems = {checked: list(manager.check(checked)) for checked in names}
    lines = [f"{checked}: {problem}" for checked, found in problems.items() for problem in found or ["ok"]]
    show(output, problems, lambda: "\n".join(lines))
    if any(problems.values()):
        raise SystemExit(1)


def _text(found: list[dict[str, Any]]) -> str:
    rows = [{**plugin, "types": ", ".join(plugin["types"]), "hooks": ", ".join(plugin["hooks"])} for plugin in found]
    text = table(rows, ["name", "distribution", "version", "types", "hooks"], "No plugin.")
    problems = [f"{plugin['name']}: {problem}" for plugin in found for problem in plugin["problems"]]
    return "\n".join([text, *(["", "Problems:", *problems] if problems else [])])
