"""Settings of a compute target, each an option of its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

__all__ = ["OPEN_OPTIONS", "TargetCommand", "settings_of"]

OPEN_OPTIONS = {"ignore_unknown_options": True, "allow_extra_args": True}
"""For commands that take the settings of any type."""


_TYPE = "aml_plugins.target_type"


class TargetCommand(click.Command):
    """A command whose first argument is a type, and that takes its settings: they are in its help where it is named."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Keep the type: click prints the help before it reads arguments. Where one is missing, point to that help."""
        ctx.meta[_TYPE] = args[0] if args and not args[0].startswith("-") else ""
        try:
            return super().parse_args(ctx, args)
        except click.MissingParameter as error:
            see = f"See the settings with: {ctx.command_path} {ctx.meta[_TYPE] or 'TYPE'} --help"
            raise click.MissingParameter(see, ctx, error.param) from error

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Add the settings, with what they mean."""
        super().format_options(ctx, formatter)
        if ctx.meta.get(_TYPE):
            with formatter.section(f"Settings of the type '{ctx.meta[_TYPE]}'"):
                formatter.write_dl(list(_settings_of_type(ctx.meta[_TYPE])))


def _settings_of_type(type_name: str) -> Iterator[tuple[str, str]]:
    from aml_plugins.compute.targets import load_backend_type
    from aml_plugins.plugins import default_plugins

    fields = load_backend_type(default_plugins(), type_name).config_model.model_fields
    for name, field in sorted(fields.items(), key=lambda item: not item[1].is_required()):
        yield f"--{name.replace('_', '-')}", f"{field.description or ''}{_default(field)}".strip()


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "  [required]"
    value = field.get_default(call_default_factory=False)
    return f"  [default: {value}]" if isinstance(value, str | int | float) and value not in {"", None} else ""


def settings_of(ctx: click.Context) -> dict[str, str | list[str]]:
    """Read ``--name value`` and ``--name=value``; a name that is repeated has all its values."""
    found: dict[str, list[str]] = {}
    rest = iter(ctx.args)
    for word in rest:
        name, separator, value = word.partition("=")
        if not name.startswith("--") or len(name) == len("--"):
            ctx.fail(f"'{word}' is no setting. Write --NAME VALUE.")
        if not separator:
            value = next(rest, "")
            if not value or value.startswith("--"):
                ctx.fail(f"The setting '{name}' lacks its value.")
        found.setdefault(name[2:].replace("-", "_"), []).append(value)
    return {name: values[0] if len(values) == 1 else values for name, values in found.items()}
