"""``aml plugins``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from aml_plugins.cli.options import in_workspace, output_option, pairs
from aml_plugins.cli.output import show, table

if TYPE_CHECKING:
    from aml_plugins.testing.checking import KitReport


@click.group()
def plugins() -> None:
    """List, check and begin plugins."""


@plugins.command("list")
@output_option
def list_(output: str) -> None:
    """List plugins with their distribution, version, hooks, types and problems."""
    from aml_plugins.plugins import default_plugins

    found = [asdict(plugin) for plugin in default_plugins().describe()]
    show(output, found, lambda: _text(found))


@plugins.command()
@click.argument("name", required=False)
@click.option("--target", metavar="TARGET", help="Also run the conformance kit on this attached compute target.")
@click.option("--kit", is_flag=True, help="Also run the conformance kit on a target with the settings of --set.")
@click.option("--set", "settings", multiple=True, callback=pairs, metavar="NAME=VALUE", help="A setting for --kit.")
@in_workspace
def check(
    name: str | None,
    target: str | None,
    kit: bool,
    settings: dict[str, str],
    store: str | None,
    workspace: str | None,
    output: str,
) -> None:
    """Check one plugin, or all: do they load, are they light, do they keep the contract.

    A plugin that brings compute target types is checked in earnest with --kit, or with --target: every obligation of
    the contract is tried there with about fifty small jobs.
    """
    from aml_plugins.plugins import default_plugins
    from aml_plugins.plugins.checking import NotChecked

    manager = default_plugins()
    provided = {plugin.name: plugin.types for plugin in manager.describe()}
    names = [name] if name else list(provided)
    value: Any = {checked: [*manager.check(checked), *_hidden(provided[checked])] for checked in names}
    lines = [f"{checked}: {problem}" for checked, found in value.items() for problem in found or ["ok"]]
    problems = {checked: [one for one in found if not isinstance(one, NotChecked)] for checked, found in value.items()}
    if kit or target or settings:
        from aml_plugins.cli.plugin_kit import try_kit

        reports = try_kit(name, target, settings, store, workspace) if not any(problems.values()) else {}
        lines += [line for tried, report in reports.items() for line in _kept(tried, report)]
        value = {"problems": value, "kit": {tried: asdict(report) for tried, report in reports.items()}}
        problems |= {tried: list(report.broken) for tried, report in reports.items()}
    show(output, value, lambda: "\n".join(lines))
    if any(problems.values()):
        raise SystemExit(1)


@plugins.command()
@click.argument("name")
@click.option("--directory", type=click.Path(path_type=Path), default=Path(), help="Where to write it; default: here.")
@output_option
def new(name: str, directory: Path, output: str) -> None:
    """Begin a compute plugin: a distribution NAME whose backend passes the conformance kit at once."""
    from aml_plugins.testing.new_backend import write_backend_project

    root = write_backend_project(name, directory)
    show(output, {"name": name, "directory": str(root)}, lambda: f"Wrote {root}. Next: cd {root}, read README.md.")


def _hidden(types: Sequence[str]) -> list[str]:
    """Name a plugin's commands that nobody reaches."""
    from aml_plugins.cli.app import NOUNS

    nouns = [provided.removeprefix("command ") for provided in types if provided.startswith("command ")]
    return [f"the command '{noun}' is never reached, for aml has one of that name." for noun in nouns if noun in NOUNS]


def _kept(tried: str, report: KitReport) -> list[str]:
    count = f"{len(report.kept)} obligations kept, {len(report.broken)} broken"
    optional = f", {len(report.unsupported)} of abilities that it does not have" if report.unsupported else ""
    broken = [f"{tried}: {test}: {message}" for test, message in report.broken.items()]
    return [f"{tried}: {count}{optional}", *broken]


def _text(found: list[dict[str, Any]]) -> str:
    rows = [{**plugin, "types": ", ".join(plugin["types"]), "hooks": ", ".join(plugin["hooks"])} for plugin in found]
    text = table(rows, ["name", "distribution", "version", "types", "hooks"], "No plugin.")
    problems = [f"{plugin['name']}: {problem}" for plugin in found for problem in plugin["problems"]]
    return "\n".join([text, *(["", "Problems:", *problems] if problems else [])])
