"""Write docs/reference/command-line.md from the commands themselves: python docs/generate_command_line.py."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from aml_plugins.cli.app import NOUNS, ROOT

PAGE = Path(__file__).parent / "reference" / "command-line.md"
INTRODUCTION = """\
# The command line

<!-- Written by docs/generate_command_line.py; do not edit. -->

`aml NOUN VERB`. Plugins can add nouns; `aml --help` lists what is installed.

Options of every command that works in a workspace, left out below:

| option | meaning |
|---|---|
{shared}

| exit code | meaning |
|---|---|
| 0 | done |
| 1 | the run or operation failed |
| 2 | a mistake in the call |
| 3 | the remote side or the database refused, or could not be reached |
| 130 | interrupted; a run goes on, and the message says how to cancel it |

`AML_DEBUG=1` shows where an unexpected error comes from. `eval "$(aml completion bash)"` completes words in the shell.
"""
SHARED = ("--store", "--workspace", "--output")


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")


def page() -> str:
    """Return the page as it should be."""
    context = click.Context(ROOT, info_name="aml", **ROOT.context_settings)
    commands = [(("aml", noun), ROOT.get_command(context, noun)) for noun in sorted(NOUNS)]
    sections = [section for path, command in commands if command for section in _sections(path, command, context)]
    return "\n".join([INTRODUCTION.format(shared=_shared(context)), *sections])


def _shared(context: click.Context) -> str:
    """Describe the shared options as a command that has them all does."""
    group = ROOT.get_command(context, "run")
    assert isinstance(group, click.Group)
    return "\n".join(row for row in _rows(group.commands["wait"], context) if row.startswith(_names_shared()))


def _names_shared() -> tuple[str, ...]:
    return tuple(f"| `{name}" for name in SHARED)


def _sections(path: tuple[str, ...], command: click.Command, context: click.Context) -> Iterator[str]:
    if isinstance(command, click.Group):
        yield f"{'#' * len(path)} {' '.join(path)}\n\n{_prose(command)}\n"
        for name in sorted(command.commands):
            yield from _sections((*path, name), command.commands[name], context)
        return
    level = "#" * len(path)  # a noun without verbs stands where nouns do
    usage = " ".join([*path, *command.collect_usage_pieces(click.Context(command, parent=context))])
    rows = [row for row in _rows(command, context) if not row.startswith(_names_shared())]
    table = "\n".join(["", "| option | meaning |", "|---|---|", *rows, ""]) if rows else ""
    yield f"{level} {' '.join(path)}\n\n```text\n{usage}\n```\n\n{_prose(command)}\n{table}"


def _prose(command: click.Command) -> str:
    return " ".join((command.help or "").split())


def _rows(command: click.Command, context: click.Context) -> Iterator[str]:
    inner = click.Context(command, parent=context)
    for parameter in command.params:
        record = parameter.get_help_record(inner)  # None for arguments and for hidden options
        if isinstance(parameter, click.Option) and record is not None:
            names = ", ".join(f"`{name}`" for name in sorted(parameter.opts, key=len, reverse=True))
            value = "" if parameter.is_flag else f" `{parameter.make_metavar(inner)}`"
            yield f"| {names}{value} | {record[1]} |".replace("[text|json]", "text\\|json")


if __name__ == "__main__":
    main()
