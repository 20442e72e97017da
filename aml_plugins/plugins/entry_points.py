"""Entry points of installed distributions, read so that no broken one hides the others."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence

from aml_plugins.plugins.installed import Entry, Installed, distributions_with
from aml_plugins.plugins.problems import sentence
from aml_plugins.plugins.values import Candidate

__all__ = ["installed"]

logger = logging.getLogger(__name__)

_GROUP = "aml_plugins"
_OUR_DISTRIBUTION = "aml-plugins"


def installed() -> Sequence[Candidate]:
    """Return what is installed in the group, ours first, then by distribution and name."""
    found = []
    for source in distributions_with(_GROUP):
        distribution, version = _origin(source)
        for entry in _entries(source, distribution):
            found.append((distribution != _OUR_DISTRIBUTION, distribution, entry.name, version, entry))  # noqa: PERF401  two loops read better
    found.sort(key=lambda item: item[:4])
    return list(_named(found))


def _entries(source: Installed, distribution: str) -> Sequence[Entry]:
    try:
        return [entry for entry in source.entry_points if entry.group == _GROUP]
    except Exception as error:  # noqa: BLE001  a malformed file raises anything
        logger.warning("The entry points of the distribution '%s' cannot be read: %s", distribution, sentence(error))
        return []


def _origin(distribution: Installed) -> tuple[str, str]:
    try:
        metadata = distribution.metadata
        return str(metadata["Name"] or "unknown"), str(metadata["Version"] or "")
    except Exception:  # noqa: BLE001  missing metadata raises this or that
        return "unknown", ""


def _named(found: Iterable[tuple[bool, str, str, str, Entry]]) -> Iterator[Candidate]:
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
