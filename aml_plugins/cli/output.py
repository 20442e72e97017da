"""Print results for people or for programs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import click

__all__ = ["ago", "facts", "moment", "show", "table", "write_json"]

MINUTE, HOUR, DAY = 60, 3600, 86400


def write_json(value: Any) -> None:
    """Print JSON."""
    click.echo(json.dumps(value, indent=2, default=str, ensure_ascii=False))


def show(output: str, value: Any, text: Callable[[], str]) -> None:
    """Print the value as JSON, or the text made for people."""
    if output == "json":
        write_json(value)
    else:
        click.echo(text())


def table(rows: Iterable[Mapping[str, Any]], columns: Sequence[str], empty: str) -> str:
    """Return rows as aligned columns under headings; ``empty`` where there are none."""
    lines = [list(columns)] + [[_in_one_line(_cell(row.get(column))) for column in columns] for row in rows]
    if len(lines) == 1:
        return empty
    widths = [max(len(line[index]) for line in lines) for index in range(len(columns))]
    lines[0] = [name.upper() for name in lines[0]]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def facts(values: Mapping[str, Any]) -> str:
    """Return names and values below each other, without those that are None."""
    shown = {name: _cell(value) for name, value in values.items() if value is not None}
    width = max(map(len, shown), default=0)
    return "\n".join(f"{name.ljust(width)}  {value}".rstrip() for name, value in shown.items())


def ago(when: float | None) -> str:
    """Return how long ago a moment was, in one unit."""
    if when is None:
        return ""
    seconds = max(0.0, datetime.now(tz=UTC).timestamp() - when)
    for unit, size in (("d", DAY), ("h", HOUR), ("m", MINUTE)):
        if seconds >= size:
            return f"{seconds // size:.0f}{unit} ago"
    return f"{seconds:.0f}s ago"


def moment(when: float) -> str:
    """Return a moment in local time with its offset."""
    return datetime.fromtimestamp(when, tz=UTC).astimezone().isoformat(sep=" ", timespec="seconds")


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return json.dumps(value, default=str) if isinstance(value, (dict, list, tuple)) else str(value)


def _in_one_line(text: str) -> str:
    """Return the first line, and a sign that there are more."""
    first, _, more = text.strip().partition("\n")
    return f"{first} …" if more else first
