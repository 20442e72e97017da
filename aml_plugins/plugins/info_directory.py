"""An installed distribution's own directory (``NAME-VERSION.dist-info``), read as the packaging standards have it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import reduce
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

__all__ = ["EntryPoint", "InfoDirectory"]

_FILES = ("METADATA", "PKG-INFO")
_VALUE = re.compile(r"(?P<module>[\w.]+)\s*(?::\s*(?P<attribute>[\w.]+)\s*)?(?:\[.*\]\s*)?")
"""An object reference of the entry points specification; the extras are of no use any more."""


class EntryPoint(NamedTuple):
    """A line of ``entry_points.txt``."""

    name: str
    value: str
    group: str

    def load(self) -> object:
        """Import what it names.

        :raises ValueError: where it names nothing.
        """
        parts = _VALUE.fullmatch(self.value)
        if parts is None:
            raise ValueError(f"'{self.value[:100]}' is not MODULE or MODULE:ATTRIBUTE")
        attributes = (parts["attribute"] or "").split(".")
        return reduce(getattr, filter(None, attributes), import_module(parts["module"]))


class InfoDirectory:
    """What a distribution says of itself; each file is read when it is asked for."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def metadata(self) -> Mapping[str, str]:
        """The headers, the first of a name; none of what follows an empty line."""
        found: dict[str, str] = {}
        for line in self._headers().splitlines():
            if not line.strip():
                break
            name, separator, value = line.partition(":")
            if separator and not line[0].isspace():
                found.setdefault(name, value.strip())
        return found

    @property
    def entry_points(self) -> Sequence[EntryPoint]:
        """All lines of all groups.

        :raises ValueError: for a line that is none.
        """
        text = (self._path / "entry_points.txt").read_text(encoding="utf-8")
        lines = (line.strip() for line in text.splitlines())
        found, group = [], ""
        for line in (line for line in lines if line and not line.startswith("#")):
            if line.startswith("[") and line.endswith("]"):
                group = line[1:-1]
                continue
            name, separator, value = line.partition("=")
            if not separator:
                raise ValueError(f"the line '{line[:100]}' is not NAME = VALUE")
            found.append(EntryPoint(name.strip(), value.strip(), group))
        return found

    def _headers(self) -> str:
        file = next((self._path / name for name in _FILES if (self._path / name).is_file()), None)
        return file.read_text(encoding="utf-8", errors="replace") if file else ""
