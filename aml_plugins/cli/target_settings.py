"""Settings of a compute target, each an option of its own."""

from __future__ import annotations

import click

__all__ = ["OPEN_OPTIONS", "settings_of"]

OPEN_OPTIONS = {"ignore_unknown_options": True, "allow_extra_args": True}
"""For commands that take the settings of any type."""


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
