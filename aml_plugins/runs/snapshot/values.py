"""What a caller gives and gets."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from aml_plugins.errors import InvalidInputError

__all__ = ["Snapshot", "SnapshotLimits", "some_of"]

SHOWN = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotLimits:
    """How much may travel; the defaults are Azure ML's.

    :param max_bytes: all files together, before compression.
    :param max_files: files and symbolic links.
    """

    max_bytes: int = 300 * 1024 * 1024
    max_files: int = 2000

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> SnapshotLimits:
        """Return the limits that ``AML_SNAPSHOT_MAX_BYTES`` and ``AML_SNAPSHOT_MAX_FILES`` set.

        :raises InvalidInputError: where one of them is not a positive whole number.
        """
        return cls(
            max_bytes=_positive(environment, "AML_SNAPSHOT_MAX_BYTES", cls().max_bytes),
            max_files=_positive(environment, "AML_SNAPSHOT_MAX_FILES", cls().max_files),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A taken snapshot.

    :param digest: SHA-256, in hexadecimal, of the *content*: of each member's path, kind, executable bit and bytes,
        as :func:`aml_plugins.runs.snapshot.content_digest` computes it from any zip of that content. It is not the
        hash of the zip file, because compressed bytes differ between processors and versions of the compressor.
    :param path: the zip, in the cache. Read-only: link or copy, never move.
    :param size: the zip's bytes.
    :param files: files and symbolic links in it.
    :param skipped: a sentence for each thing that was left out: sockets, pipes, devices, broken links.
    """

    digest: str
    path: Path
    size: int
    files: int
    skipped: tuple[str, ...] = ()


def some_of(names: list[str]) -> str:
    """Return the first names, quoted and printable, and how many more there are."""
    shown = ", ".join("'" + name.encode("utf-8", "backslashreplace").decode() + "'" for name in names[:SHOWN])
    return shown if len(names) <= SHOWN else f"{shown} and {len(names) - SHOWN} more"


def _positive(environment: Mapping[str, str], name: str, default: int) -> int:
    text = environment.get(name, "")
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise InvalidInputError(f"{name} is '{text}'.", "Set it to a positive whole number, or unset it.")
    return int(text)
