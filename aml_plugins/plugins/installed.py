"""Find installed distributions that have plugins, without reading all the others.

``importlib.metadata.entry_points`` parses every entry point of every distribution, which takes twice as long, and one
malformed file of anybody makes it raise. Here a file is parsed only where it names our group; and what lies in a
directory is read without ``importlib.metadata``, whose import costs three times what the search does.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Protocol

from aml_plugins.plugins.info_directory import InfoDirectory

__all__ = ["Entry", "Installed", "distributions_with"]

_INFO = (".dist-info", ".egg-info")


class Entry(Protocol):
    """An entry point, ours or ``importlib.metadata``'s."""

    @property
    def name(self) -> str: ...
    @property
    def value(self) -> str: ...
    @property
    def group(self) -> str: ...
    def load(self) -> object: ...


class Installed(Protocol):
    """A distribution, likewise."""

    @property
    def metadata(self) -> Mapping[str, str]: ...
    @property
    def entry_points(self) -> Sequence[Entry]: ...


def distributions_with(group: str) -> Iterator[Installed]:
    """Yield the distributions whose entry points name ``group``; of two versions, the first on the path."""
    header = f"[{group}]".encode()
    seen: set[str] = set()
    for entry in sys.path:
        if os.path.isdir(entry or ".") and not entry.endswith(".egg"):  # noqa: PTH112  a Path for each costs more than the look
            yield from _in_directory(entry or ".", header, seen)
        elif os.path.exists(entry):  # noqa: PTH110  as above
            yield from _unseen(_in_archive(entry), seen)
    yield from _unseen(_of_other_finders(), seen)


def _in_directory(directory: str, header: bytes, seen: set[str]) -> Iterator[Installed]:
    try:
        with os.scandir(directory) as listed:
            infos = sorted(found.name for found in listed if found.name.endswith(_INFO))
    except OSError:
        return
    for info in infos:
        name = _plain(info.rpartition(".")[0].partition("-")[0])
        if name not in seen:
            seen.add(name)
            if _mentions(os.path.join(directory, info, "entry_points.txt"), header):  # noqa: PTH118  as above
                yield InfoDirectory(Path(directory, info))


def _mentions(file: str, header: bytes) -> bool:
    try:
        with open(file, "rb") as opened:  # noqa: PTH123  as above
            return header in opened.read()
    except OSError:  # most distributions have no entry points
        return False


def _in_archive(path: str) -> Iterable[Installed]:
    from importlib.metadata import distributions  # noqa: PLC0415  see above

    return distributions(path=[path])  # type: ignore[return-value]  # its metadata is a message


def _of_other_finders() -> Iterator[Installed]:
    """Yield what is installed in other ways than below ``sys.path``: frozen applications, build systems."""
    for finder in sys.meta_path:
        find = getattr(finder, "find_distributions", None)
        if find is not None and finder is not PathFinder:
            from importlib.metadata import DistributionFinder  # noqa: PLC0415  see above

            yield from find(DistributionFinder.Context())


def _unseen(found: Iterable[Installed], seen: set[str]) -> Iterator[Installed]:
    for distribution in found:
        name = _plain(str(distribution.metadata["Name"]))
        if name not in seen:
            seen.add(name)
            yield distribution


def _plain(name: str) -> str:
    return name.lower().replace("-", "_").replace(".", "_")
