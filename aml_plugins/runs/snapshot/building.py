"""Reading what changed, and putting the zip together from it and from the previous zip."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import BinaryIO

from aml_plugins.errors import InvalidInputError
from aml_plugins.runs.snapshot.archive import DIRECTORY, LINK, Member, end_of_archive, span
from aml_plugins.runs.snapshot.cache import Cache
from aml_plugins.runs.snapshot.digest import manifest_digest
from aml_plugins.runs.snapshot.ignoring import IgnoreRules
from aml_plugins.runs.snapshot.index import UNSETTLED, Index, archive_identity, pack_members, save_index
from aml_plugins.runs.snapshot.reading import UnreadableError, append_bytes, append_file
from aml_plugins.runs.snapshot.values import some_of
from aml_plugins.runs.snapshot.walking import Fingerprint, Tree, refuse_unreadable

__all__ = ["build"]

# A file written this shortly before it was read could be written again without its times telling (coarse clocks of file
# systems, skew of file servers): it is read again next time. The coarsest clock in use, FAT's, ticks every two seconds.
SETTLED_NANOSECONDS = 2_000_000_000

CHUNK = 1024 * 1024

Progress = Callable[[int, int], None]


class _Builder:
    """Collects the members of one snapshot.

    :ivar spool: what had to be read, behind one another, in the order of the paths.
    :ivar fresh: the paths whose members lie in the spool; those of the others lie in the previous zip.
    """

    def __init__(self, tree: Tree, spool: BinaryIO, index: Index | None, started: int) -> None:
        self.tree = tree
        self.spool = spool
        self.members: dict[str, Member] = {}
        self.fingerprints: dict[str, Fingerprint] = {}
        self.fresh: set[str] = set()
        self._index = index
        self._started = started

    def read(self, progress: Progress | None) -> None:
        """Go through everything that travels.

        :raises InvalidInputError: naming what cannot be read.
        """
        unreadable: list[str] = []
        done = 0
        for count, path in enumerate(_in_order(self.tree), start=1):
            try:
                self._add(path)
            except UnreadableError:
                unreadable.append(path)
                continue
            if progress is not None:
                done += self.members[path].size
                progress(count, done)
        refuse_unreadable(unreadable)

    def _add(self, path: str) -> None:
        found = self.tree.files.get(path)
        if found is None:
            target = self.tree.links.get(path)
            mode, content = (DIRECTORY, b"") if target is None else (LINK, target.encode())
            self.members[path] = append_bytes(self.spool, path.encode(), content, mode)
            self.fresh.add(path)
        elif self._index is not None and self._index.files.get(path) == found:
            self.members[path] = self._index.members[path]
            self.fingerprints[path] = found
        else:
            self._read(path)

    def _read(self, path: str) -> None:
        known = self._index.members.get(path) if self._index is not None else None
        found, member, appended = append_file(self.spool, path.encode(), self.tree.real_path(path), known)
        settled = max(found[2], found[3]) < self._started - SETTLED_NANOSECONDS
        self.fingerprints[path] = found if settled else UNSETTLED
        self.members[path] = member
        if appended:
            self.fresh.add(path)


def build(
    tree: Tree, cache: Cache, index: Index | None, *, rules: IgnoreRules, started: int, progress: Progress | None
) -> Index:
    """Make the zip, unless the cache has it, and remember the directory.

    :param index: the directory's previous snapshot.
    :param started: nanoseconds of the clock before the walk began.
    """
    _check_names(tree)
    with ExitStack() as stack:
        spool = stack.enter_context(cache.writing())
        previous = stack.enter_context(cache.zip_path(index.digest).open("rb")) if index is not None else None
        builder = _Builder(tree, spool, index, started)
        builder.read(progress)
        digest = manifest_digest(
            (path.encode(), member.mode, member.digest) for path, member in builder.members.items()
        )
        placed = _place(builder.members)
        _write(cache, cache.zip_path(digest), builder, placed, previous)
    remembered = Index(
        root=tree.root,
        rules=rules.identity,
        digest=digest,
        archive=archive_identity(cache.zip_path(digest)),
        files=builder.fingerprints,
        packed_members=pack_members([placed[path] for path in builder.fingerprints]),
        directories=tree.directories,
        links=tree.links,
        ignored=rules.ignored,
    )
    save_index(cache, remembered)
    return remembered


def _check_names(tree: Tree) -> None:
    for path in (*tree.files, *tree.links, *tree.directories, *tree.links.values()):
        try:
            path.encode()
        except UnicodeEncodeError:
            raise InvalidInputError(
                f"The name {some_of([path])} is not UTF-8.", "Rename it, or name it in .amlignore."
            ) from None


def _in_order(tree: Tree) -> list[str]:
    """Return all paths, and the directories that nothing else would bring along, in the order of their UTF-8 bytes."""
    needed = {path[: path.rstrip("/").rfind("/") + 1] for path in (*tree.files, *tree.links, *tree.directories)}
    return sorted((*tree.files, *tree.links, *(tree.directories - needed - {""})))


def _place(members: dict[str, Member]) -> dict[str, Member]:
    """Return the members with their offsets in the zip to be."""
    placed, offset = {}, 0
    for path, member in members.items():
        placed[path] = member._replace(offset=offset)
        offset += span(path.encode(), member)
    return placed


def _write(cache: Cache, path: Path, builder: _Builder, placed: dict[str, Member], previous: BinaryIO | None) -> None:
    names = {name: name.encode() for name in placed}
    start = sum(span(names[name], member) for name, member in placed.items())
    end = end_of_archive(((names[name], member) for name, member in placed.items()), start)
    if _is_there(path, start, end):
        return
    if len(builder.fresh) == len(placed):
        builder.spool.write(end)
        cache.publish(builder.spool, path)
        return
    builder.spool.flush()
    with cache.writing() as out:
        for in_spool, offset, length in _ranges(builder):
            _copy(previous if previous and not in_spool else builder.spool, out, offset, length)
        out.write(end)
        cache.publish(out, path)


def _is_there(path: Path, start: int, end: bytes) -> bool:
    """Return whether the cache has this very zip: its end names every size, place and check sum."""
    try:
        with path.open("rb") as file:
            file.seek(start)
            return file.read(len(end) + 1) == end
    except FileNotFoundError:
        return False


def _ranges(builder: _Builder) -> Iterator[tuple[bool, int, int]]:
    """Return what to copy, neighbours joined: whether from the spool, where, how much."""
    source, start, stop = False, 0, 0
    for path, member in builder.members.items():
        fresh = path in builder.fresh
        if fresh is not source or member.offset != stop:
            if stop > start:
                yield source, start, stop - start
            source, start = fresh, member.offset
        stop = member.offset + span(path.encode(), member)
    if stop > start:
        yield source, start, stop - start


def _copy(source: BinaryIO, out: BinaryIO, offset: int, length: int) -> None:
    """Copy a range, inside the kernel where it is long and the file system can."""
    out.flush()
    while length > 0:
        copied = _copy_some(source.fileno(), out, offset, length)
        offset, length = offset + copied, length - copied


def _copy_some(source: int, out: BinaryIO, offset: int, length: int) -> int:
    if length >= CHUNK:
        with suppress(OSError):  # an unable file system; a full one says so again below
            if copied := os.copy_file_range(source, out.fileno(), length, offset_src=offset):
                return copied
    content = os.pread(source, min(length, CHUNK), offset)
    if not content:
        raise OSError(errno.EIO, "a cached zip is shorter than it was")
    out.write(content)
    out.flush()
    return len(content)
