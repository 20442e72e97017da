"""``aml plugins new``: a distribution with a compute backend that passes the kit at once."""

from __future__ import annotations

import os
import re
import shutil
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from aml_plugins.errors import AlreadyExistsError, InvalidInputError

__all__ = ["write_backend_project"]

LONGEST_NAME = 40
NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
SUFFIX = ".txt"
FOLDERS = {"suite": "tests"}
"""Our own wheel has no folder called tests."""


def write_backend_project(name: str, parent: Path) -> Path:
    """Write the project ``name`` into a new directory of that name below ``parent``; return the directory.

    :raises InvalidInputError: for a name that cannot be a distribution, a module and a target type at once.
    """
    if not NAME.fullmatch(name) or len(name) > LONGEST_NAME:
        raise InvalidInputError(
            f"'{name}' cannot be the name of a compute plugin.",
            "Use lower case letters, digits and hyphens: my-backend.",
        )
    root = parent / name
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise AlreadyExistsError(f"'{root}' exists and is not empty.", "Choose another name or --directory.")
    part = parent / f".{name}.{os.getpid()}"
    try:
        for template in _templates(files("aml_plugins.testing") / "template"):
            _write(part, template, name)
        part.replace(root)  # whole, or not at all
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    return root


def _templates(directory: Traversable, above: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], Traversable]]:
    found = []
    for entry in sorted(directory.iterdir(), key=lambda entry: entry.name):
        path = (*above, FOLDERS.get(entry.name, entry.name))
        if entry.is_dir():
            found += _templates(entry, path)
        elif entry.name.endswith(SUFFIX):
            found.append((path, entry))
    return found


def _write(root: Path, template: tuple[tuple[str, ...], Traversable], name: str) -> None:
    parts, source = template
    path = root.joinpath(*(_renamed(part.removesuffix(SUFFIX), name) for part in parts))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(_renamed(source.read_text(encoding="utf-8"), name), encoding="utf-8")


def _renamed(text: str, name: str) -> str:
    words = name.split("-")
    module, title = "_".join(words), "".join(word.capitalize() for word in words)
    for old, new in (
        ("my-backend", name),
        ("my_backend", module),
        ("MyBackend", title),
        ("MyConfig", f"{title.removesuffix('Backend')}Config"),
    ):
        text = text.replace(old, new)
    return text
