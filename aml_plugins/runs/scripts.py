"""Which script of a source directory runs."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from aml_plugins.errors import InvalidInputError
from aml_plugins.runs.snapshot import stays_at_home

__all__ = ["script_inside", "scripts_in"]

_SHOWN = 10
_LOOKED_AT = 10_000
"""Entries of a source directory among which a script is looked for that is not where it was said to be."""


def script_inside(directory: Path, script: str) -> str:
    """Return the script's path inside the directory, ``/``-separated.

    :raises InvalidInputError: where it lies outside, is not there, or does not travel.
    """
    inside = script if _is_at_top(directory, script) else _path_inside(directory, script)
    if stays_at_home(directory, inside):
        raise InvalidInputError(
            f"The script '{script}' does not travel: the ignore file of '{directory}' names it.",
            "Remove it from .amlignore or .gitignore.",
        )
    return inside


def _is_at_top(directory: Path, script: str) -> bool:
    """Say whether it is the name of a file right in the directory, no link: most are, and one look is enough then."""
    try:
        return "/" not in script and stat.S_ISREG(os.lstat(f"{directory}/{script}").st_mode)
    except (OSError, ValueError):
        return False


def _path_inside(directory: Path, script: str) -> str:
    root = os.path.realpath(directory)
    path = os.path.realpath(os.path.join(root, script))  # noqa: PTH118  as the others: pathlib takes longer
    if path != root and not path.startswith(os.path.join(root, "")):  # noqa: PTH118
        raise InvalidInputError(
            f"The script '{script}' lies outside of the source directory '{directory}'.",
            "Only what lies inside travels with the run; name a file there.",
        )
    if not os.path.isfile(path):  # noqa: PTH113
        raise InvalidInputError(
            f"The script '{script}' is not in the source directory '{directory}'.",
            _where_it_may_be(directory, root, script),
        )
    inside = os.path.normpath(script)
    if inside.startswith(("/", "../")):  # it names the directory itself on its way
        inside = os.path.relpath(path, root)
    return inside


def _where_it_may_be(directory: Path, root: str, script: str) -> str:
    """Say where a file of this name lies (people leave out the folder, or are in it), else what there is."""
    name, entries = Path(script).name, 0
    for folder, folders, files in os.walk(root):
        if name in files:
            return f"Did you mean '{Path(folder, name).relative_to(root).as_posix()}'?"
        folders[:] = sorted(inner for inner in folders if not inner.startswith("."))
        entries += len(folders) + len(files)
        if entries > _LOOKED_AT:
            break
    return f"At its top there is: {scripts_in(directory)}."


def scripts_in(directory: Path) -> str:
    """Name the Python files at the top of a directory, the first ten of them."""
    found = sorted(file.name for file in directory.glob("*.py"))
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return (", ".join(found[:_SHOWN]) or "no Python file") + more
