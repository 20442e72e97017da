"""Bring a file home piece by piece: an interrupted download goes on, and nobody sees half a file."""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from aml_plugins.datastores.contract import FileFacts
from aml_plugins.datastores.whole_files import PART_PREFIX
from aml_plugins.errors import StoreError

__all__ = ["BLOCK", "fetch_whole", "sha256_of"]

BLOCK = 1 << 20

Read = Callable[[int], Iterator[bytes]]


def fetch_whole(destination: Path, facts: FileFacts, read: Read, progress: Callable[[int], None]) -> None:
    """Write what ``read`` yields to ``destination``, completely or not at all.

    What an interrupted call left beside it is gone on with, where the file is still of the same version.

    :param read: yields the file's bytes from an offset on.
    :raises StoreError: where the content that came is not the one that the datastore vouches for.
    """
    destination.parent.mkdir(parents=True, exist_ok=True)
    with _part_of(destination, facts) as (part, file):
        done = file.seek(0, os.SEEK_END)
        progress(done)
        if done < facts.size:
            for data in read(done):
                file.write(data)
                progress(len(data))
        file.flush()
        os.fsync(file.fileno())
        _check(part, facts, destination)
        part.replace(destination)
    _sweep(destination)


def sha256_of(file: Path) -> str:
    """Return the SHA-256 of a file's content, hexadecimal."""
    with file.open("rb") as reading:
        return hashlib.file_digest(reading, "sha256").hexdigest()


@contextmanager
def _part_of(destination: Path, facts: FileFacts) -> Iterator[tuple[Path, BinaryIO]]:
    """Open the part, locked. Where another process is at it, this one begins a part of its own."""
    if facts.version is None:  # what an earlier try brought may be of another version
        with _own_part(destination) as opened:
            yield opened
        return
    part = destination.with_name(f"{_prefix(destination)}{_short(f'{facts.version} {facts.size}')}")
    with part.open("ab") as file:
        if _locked(file, part):
            if file.seek(0, os.SEEK_END) > facts.size:
                file.truncate(0)
            yield part, file
            return
    with _own_part(destination) as opened:
        yield opened


@contextmanager
def _own_part(destination: Path) -> Iterator[tuple[Path, BinaryIO]]:
    part = destination.with_name(f"{PART_PREFIX}{uuid4().hex}")
    try:
        with part.open("xb") as file:
            yield part, file
    finally:
        part.unlink(missing_ok=True)


def _locked(file: BinaryIO, part: Path) -> bool:
    """Lock the part; False where somebody has it, or has just finished with it."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.fstat(file.fileno()).st_ino == part.stat().st_ino
    except (BlockingIOError, FileNotFoundError):
        return False


def _check(part: Path, facts: FileFacts, destination: Path) -> None:
    whole = part.stat().st_size == facts.size and facts.sha256 in {None, sha256_of(part) if facts.sha256 else None}
    if not whole:
        part.unlink(missing_ok=True)
        raise StoreError(
            f"'{destination.name}' arrived damaged: it is not the content that the datastore keeps the checksum of.",
            "Try again; where it happens again, upload the file anew.",
        )


def _sweep(destination: Path) -> None:
    """Delete what was left of older versions of the file."""
    for part in destination.parent.glob(f"{_prefix(destination)}*"):
        with suppress(OSError), part.open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            part.unlink(missing_ok=True)


def _prefix(destination: Path) -> str:
    return f"{PART_PREFIX}{_short(destination.name)}-"


def _short(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:16]
