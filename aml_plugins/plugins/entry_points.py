"""Entry points of installed distributions, read so that no broken one hides the others."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from importlib.metadata import Distribution, EntryPoint, distributions, entry_points

from aml_plugins.plugins.values import Candidate

__all__ = ["installed"]

logger = logging.getLogger(__name__)

_GROUP = "aml_plugins"
_OUR_DISTRIBUTION = "aml-plugins"


def installed() -> Sequence[Candidate]:
    """Return what is installed in the group, ours first, then by distribution and name."""
    origins: dict[int, tuple[str, str]] = {}
    found = []
    for entry in _entries():
        distribution, version = _origin(entry.dist, origins)
        found.append((distribution != _OUR_DISTRIBUTION, distribution, entry.name, version, entry))
    found.sort(key=lambda item: item[:4])
    return list(_named(found))


def _entries() -> Iterable[EntryPoint]:
    try:
        return list(entry_points(group=_GROUP))
    except Exception:  # noqa: BLE001  a malformed entry_points.txt of anybody raises anything, and hides everything
        return list(_entries_one_by_one())


def _entries_one_by_one() -> Iterator[EntryPoint]:
    seen = set()
    for distribution in distributions():
        try:
            name = distribution.metadata["Name"]
            entries = distribution.entry_points
        except Exception as error:  # noqa: BLE001  see above
            logger.warning("The metadata of an installed distribution cannot be read: %s", error)
            continue
        if name not in seen:
            yield from (entry for entry in entries if entry.group == _GROUP)
        seen.add(name)


def _origin(distribution: Distribution | None, known: dict[int, tuple[str, str]]) -> tuple[str, str]:
    """Return name and version; parsing them costs a millisecond, so once a distribution."""
    if distribution is None:
        return "unknown", ""
    if id(distribution) not in known:
        try:
            metadata = distribution.metadata
            known[id(distribution)] = (str(metadata["Name"] or "unknown"), str(metadata["Version"] or ""))
        except Exception:  # noqa: BLE001  Python 3.13 and older differ in what missing metadata raises
            known[id(distribution)] = ("unknown", "")
    return known[id(distribution)]


def _named(found: Iterable[tuple[bool, str, str, str, EntryPoint]]) -> Iterator[Candidate]:
    """Give each its own name: a stranger's entry point called like ours must not push ours out."""
    taken: set[str] = set()
    for _, distribution, name, version, entry in found:
        unique = name if name not in taken else f"{distribution}:{name}"
        while unique in taken:
            unique += "'"
        taken.add(unique)
        yield Candidate(
            name=unique, distribution=distribution, version=version, entry_point=entry.value, load=entry.load
        )
