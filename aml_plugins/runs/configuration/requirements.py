"""Requirements files as plain lines: comments gone, continued lines joined, ``-r`` replaced by what it names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from aml_plugins.errors import InvalidInputError
from aml_plugins.runs.configuration.documents import read_text

__all__ = ["Requirements", "inside"]

_MAX_BYTES: Final = 8 * 1024 * 1024
_MAX_FILES: Final = 50
_COMMENT: Final = re.compile(r"(^|\s)#.*$")
_INCLUDE: Final = re.compile(r"(?:-r\s*|--requirement(?:\s+|=))(?P<file>.+)")
_CONSTRAINT: Final = re.compile(r"(?:-c|--constraint)(?:[\s=]|$|(?<=-c)\S)")
_LOCAL: Final = re.compile(r"(?:-e\b|--editable\b|\.{1,2}(?:[/\\]|$))|.*@\s*file:(?!///)")


class Requirements:
    """Collects requirement lines from lists and files of one source directory."""

    def __init__(self, root: Path) -> None:
        self.lines: list[str] = []
        self._root = root
        self._seen: set[Path] = set()

    def add_file(self, name: str, folder: Path, what: str) -> None:
        """Add a file's lines; a file that is there already adds nothing.

        :raises InvalidInputError: where the file is missing, outside, not text, or has what cannot travel.
        """
        path = inside(self._root, name, folder, what)
        if path in self._seen:
            return
        self._seen.add(path)
        if len(self._seen) > _MAX_FILES:
            raise InvalidInputError(f"More than {_MAX_FILES} requirements files include each other.", "Use fewer.")
        self.add_lines(_logical(read_text(path, name, _MAX_BYTES)), path.parent, name)

    def add_lines(self, lines: Iterable[str], folder: Path, source: str) -> None:
        """Add lines; ``folder`` is where the files they include are."""
        for raw in lines:
            line = _COMMENT.sub("", raw).strip()
            if include := _INCLUDE.fullmatch(line):
                self.add_file(include["file"].strip().strip("\"'"), folder, "requirements file")
            elif line:
                self.lines.append(_portable(line, source))


def _portable(line: str, source: str) -> str:
    if _CONSTRAINT.match(line):
        raise InvalidInputError(
            f"{source} has constraints, '{line[:100]}', which are not supported.",
            "Put the versions into the requirements themselves, for instance with: pip freeze",
        )
    if _LOCAL.match(line):
        raise InvalidInputError(
            f"{source} names a local path, '{line[:100]}', which an environment shared between runs cannot hold.",
            "Publish the package, or import it from the source directory, which travels with each run.",
        )
    return line


def _logical(text: str) -> Iterator[str]:
    """Join lines that end with a backslash, as pip does: a comment line ends a requirement."""
    pending = ""
    for line in text.splitlines():
        if line.endswith("\\") and not line.lstrip().startswith("#"):
            pending += line[:-1] + " "
            continue
        yield pending + line
        pending = ""
    yield pending


def inside(root: Path, name: str, folder: Path, what: str) -> Path:
    """Return the path of a file that ``name`` means in ``folder``, where it is a file below ``root``.

    :raises InvalidInputError: where it is not.
    """
    try:
        path = (folder / name).resolve()
        if not path.is_relative_to(root.resolve()):
            raise InvalidInputError(
                f"The {what} '{name[:200]}' is outside the source directory '{root}'.", "Copy it into the directory."
            )
        found = path.is_file()
    except (OSError, ValueError, RuntimeError):
        found, path = False, root
    if not found:
        raise InvalidInputError(
            f"The {what} '{name[:200]}' is not a file of '{root}'.", "Name it relative to that directory."
        )
    return path
