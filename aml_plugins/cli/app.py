"""The root of the command line: nouns by name, errors as sentences."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from importlib import import_module

import click

from aml_plugins._version import __version__
from aml_plugins.cli.failures import exit_code_of

__all__ = ["ROOT", "run"]

NOUNS = {
    "completion": ("Print a completion script for your shell.", "completion:completion"),
    "compute": ("Attach, check, tidy and detach compute targets.", "compute:compute"),
    "datastore": ("Register datastores, and move files to and from them.", "datastore:datastore"),
    "doctor": ("Try everything that runs depend on.", "doctor:doctor"),
    "emulator": ("Start stand-ins for services, such as Azure.", "emulator:emulator"),
    "experiment": ("List experiments and their runs.", "experiment:experiment"),
    "image": ("Build, list, pull and delete images.", "image:image"),
    "model": ("Register, list and download models.", "model:model"),
    "monitor": ("Drive runs that nobody waits for.", "monitor:monitor"),
    "plugins": ("List, check and begin plugins.", "plugins:plugins"),
    "run": ("Submit, watch, cancel and read runs.", "run:run"),
    "secret": ("Set, list and delete secrets in the workspace's secret stores.", "secret:secret"),
    "server": ("Serve workspaces to a team: MLflow, REST API, console.", "server:server"),
    "service": ("Deploy, call, update and delete web services.", "service:service"),
    "task": ("List and show long-running tasks.", "task:task"),
    "workspace": ("Create, choose, archive and delete workspaces.", "workspace:workspace"),
}


class Nouns(click.Group):
    """The nouns; each is imported when it is used, plugins' nouns when no built-in one fits."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name all nouns, for help and completion."""
        del ctx
        return sorted({*NOUNS, *_plugin_nouns()})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a noun."""
        del ctx
        if cmd_name in NOUNS:
            module, attribute = NOUNS[cmd_name][1].split(":")
            return _command(f"aml_plugins.cli.{module}", attribute)
        return _plugin_command(cmd_name) if cmd_name in _plugin_nouns() else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Suggest the noun that was meant."""
        if self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            from aml_plugins.suggestions import did_you_mean

            hint = did_you_mean(args[0], self.list_commands(ctx))
            ctx.fail(f"There is no command '{args[0]}'.{hint} See: aml --help")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List nouns without importing them."""
        del ctx
        rows = [(name, summary) for name, (summary, _) in NOUNS.items()]
        rows += [row for row in _plugin_nouns().items() if row[0] not in NOUNS]
        with formatter.section("Commands"):
            formatter.write_dl(sorted(rows))


def _command(module: str, attribute: str) -> click.Command:
    command: click.Command = getattr(import_module(module), attribute)
    return command


def _plugin_nouns() -> dict[str, str]:
    from aml_plugins.plugins import default_plugins

    return {command.name: command.summary for command in default_plugins().commands()}


def _plugin_command(name: str) -> click.Command:
    from aml_plugins.errors import PluginError
    from aml_plugins.plugins import default_plugins

    loaded = default_plugins().load("aml_commands", name)
    if not isinstance(loaded, click.Command):
        raise PluginError(f"The plugin's command '{name}' is no click command.", "Run: aml plugins check")
    return loaded


ROOT = Nouns(
    "aml",
    help="Run scripts on any compute target, from MLflow and Airflow, and bring everything back.",
    params=[
        click.Option(
            ["--version", "-V"],
            is_flag=True,
            expose_value=False,
            is_eager=True,
            callback=lambda ctx, _param, value: _say_version(ctx, value),
        ),
        click.Option(
            ["--server", "--store", "store"],
            metavar="URI",
            expose_value=False,
            help="The store of every command, a database or http(s)://SERVER; a command's own --store wins.",
            callback=lambda _ctx, _param, value: _choose_store(value),
        ),
    ],
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
)


def _say_version(ctx: click.Context, value: bool) -> None:
    if value:
        click.echo(f"aml {__version__}")
        ctx.exit()


def _choose_store(uri: str | None) -> None:
    """Commands look in the environment, and what they start does."""
    if uri:
        os.environ["AML_STORE_URI"] = uri


def run(arguments: Sequence[str]) -> int:
    """Run the command line and return its exit code (design.md, section 6)."""
    # MLflow's migrations are no news to people who type a command; its own logger is set up anew by its import.
    logging.getLogger("mlflow.store").setLevel(logging.WARNING)
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)  # a failing database gets a sentence of ours
    try:
        ROOT.main(list(arguments), prog_name="aml", standalone_mode=False)
    except BaseException as error:  # noqa: BLE001  whatever it is becomes a sentence and an exit code here
        return exit_code_of(error)
    return 0
