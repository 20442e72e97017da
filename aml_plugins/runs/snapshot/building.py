"""Reading what changed, and putting the zip together from it and from the previous zip."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import BinaryIO

from aml_plugins.errors import InvalidInputError
from aml_plugins.runs.snapshot.archive import DIRECTORY, LINK, Member, end_of_archive, span
from aml_plugins.runs.snapshot.cache import Cache, archive_identity
from aml_plugins.runs.snapshot.digest import manifest_digest
from aml_plugins.runs.snapshot.helping import Helper, helper_share
from aml_plugins.runs.snapshot.ignoring import IgnoreRules
from aml_plugins.runs.snapshot.index import UNSETTLED, Index, pack_members, save_index
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
    :ivar previous: the zip of the previous snapshot; the spool where there is none.
    :ivar members: by name in UTF-8.
    :ivar fresh: the names whose members lie in the spool; the others lie in the previous zip.
    """

    def __init__(self, tree: Tree, spool: BinaryIO, previous: BinaryIO, index: Index | None, started: int) -> None:
        self.tree = tree
        self.spool = spool
        self.previous = previous
        self.members: dict[bytes, Member] = {}
        self.fingerprints: dict[str, Fingerprint] = {}
        self.fresh: set[bytes] = set()
        self._known = index.files if index is not None else {}
        self._known_members = index.members if index is not None else {}
        self._settled_before = started - SETTLED_NANOSECONDS

    def read(self, cache: Cache, progress: Progress | None) -> None:
        """Go through everything that travels; of a large directory that nothing is known of, a helper reads a part.

        :raises InvalidInputError: naming what cannot be read.
        """
        paths = _in_order(self.tree)
        share = len(paths) if self._known else helper_share(self.tree, paths)
        with ExitStack() as stack:
            helper = Helper(cache, self.tree, paths[share:], stack) if share < len(paths) else None
            self._read_all(paths[:share], progress)
            if helper is not None and not self._take_over(helper, paths[share:]):
                self._read_all(paths[share:], None)
        if progress is not None and share < len(paths):
            progress(len(paths), sum(member.size for member in self.members.values()))

    def _read_all(self, paths: Sequence[str], progress: Progress | None) -> None:
        unreadable: list[str] = []
        done = 0
        for count, path in enumerate(paths, start=1):
            name = path.encode()
            try:
                self._add(path, name)
            except UnreadableError:
                unreadable.append(path)
                continue
            if progress is not None:
                done += self.members[name].size
                progress(count, done)
        refuse_unreadable(unreadable)

    def _take_over(self, helper: Helper, paths: Sequence[str]) -> bool:
        """Append what the helper has read; False where it could not read it all."""
        results = helper.results()
        if results is None:
            return False
        start, length = self.spool.tell(), 0
        for path, (found, member) in zip(paths, results, strict=True):
            name = path.encode()
            self._note(path, found)
            self.members[name] = member._replace(offset=start + member.offset)
            self.fresh.add(name)
            length = member.offset + span(name, member)
        _copy(helper.spool, self.spool, 0, length)
        return True

    def _add(self, path: str, name: bytes) -> None:
        found = self.tree.files.get(path)
        if found is None:
            target = self.tree.links.get(path)
            mode, content = (DIRECTORY, b"") if target is None else (LINK, target.encode())
            self.members[name] = append_bytes(self.spool, name, content, mode)
            self.fresh.add(name)
        elif self._known.get(path) == found:
            self.members[name] = self._known_members[path]
            self.fingerprints[path] = found
        else:
            self._read(path, name)

    def _read(self, path: str, name: bytes) -> None:
        known = self._known_members.get(path)
        found, member, appended = append_file(self.spool, name, self.tree.real_path(path), known)
        self._note(path, found)
        self.members[name] = member
        if appended:
            self.fresh.add(name)

    def _note(self, path: str, found: Fingerprint) -> None:
        self.fingerprints[path] = found if max(found[2], found[3]) < self._settled_before else UNSETTLED


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
        previous = _open_previous(cache, index, stack)
        if previous is None:
            index, previous = None, spool
        builder = _Builder(tree, spool, previous, index, started)
        builder.read(cache, progress)
        digest = manifest_digest((name, member.mode, member.digest) for name, member in builder.members.items())
        placed, start = _place(builder.members)
        archive = _write(cache, cache.zip_path(digest), builder, placed, start)
    remembered = Index(
        root=tree.root,
        rules=rules.identity,
        digest=digest,
        archive=archive,
        files=builder.fingerprints,
        packed_members=pack_members([placed[path.encode()] for path in builder.fingerprints]),
        directories=tree.directories,
        links=tree.links,
        ignored=rules.ignored,
    )
    save_index(cache, remembered)
    return remembered


def _open_previous(cache: Cache, index: Index | None, stack: ExitStack) -> BinaryIO | None:
    """Open the zip whose places the index names: another process may have put its own in its place since.

    Zips of one content need not be one in their bytes: what isal makes of a file can differ by a byte from process to
    process, and with it all places behind.
    """
    if index is None:
        return None
    with suppress(FileNotFoundError):
        file = stack.enter_context(cache.zip_path(index.digest).open("rb"))
        if archive_identity(file.fileno()) == index.archive:
            return file
    return None


def _check_names(tree: Tree) -> None:
    for path in (*tree.files, *tree.links, *tree.directories, *tree.links.values()):
        if not path.isascii() and any("\ud800" <= character <= "\udfff" for character in path):
            raise InvalidInputError(f"The name {some_of([path])} is not UTF-8.", "Rename it, or name it in .amlignore.")


def _in_order(tree: Tree) -> list[str]:
    """Return all paths, and the directories that nothing else would bring along, in the order of their UTF-8 bytes."""
    needed = {path[: path.rstrip("/").rfind("/") + 1] for path in (*tree.files, *tree.links, *tree.directories)}
    return sorted((*tree.files, *tree.links, *(tree.directories - needed - {""})))


def _place(members: dict[bytes, Member]) -> tuple[dict[bytes, Member], int]:
    """Return the members with their offsets in the zip to be, and where they end."""
    placed, offset = {}, 0
    for name, member in members.items():
        placed[name] = member if member.offset == offset else member._replace(offset=offset)
        offset += span(name, member)
    return placed, offset


def _write(
    cache: Cache, path: Path, builder: _Builder, placed: dict[bytes, Member], start: int
) -> tuple[int, int, int]:
    """Put the zip there unless it is; return the identity of the one with these very places, whoever replaces it."""
    end = end_of_archive(placed.items(), start)
    there = _find(path, start, end)
    if there is not None:
        return there
    if len(builder.fresh) == len(placed):
        builder.spool.write(end)
        return cache.publish(builder.spool, path)
    builder.spool.flush()
    with cache.writing() as out:
        for source, offset, length in _ranges(builder):
            _copy(source, out, offset, length)
        out.write(end)
        return cache.publish(out, path)


def _find(path: Path, start: int, end: bytes) -> tuple[int, int, int] | None:
    """Return the identity of the cache's zip if it is this very one: its end names every size, place and check sum."""
    try:
        with path.open("rb") as file:
            file.seek(start)
            return archive_identity(file.fileno()) if file.read(len(end) + 1) == end else None
    except FileNotFoundError:
        return None


def _ranges(builder: _Builder) -> Iterator[tuple[BinaryIO, int, int]]:
    """Return what to copy, neighbours joined: from which file, where, how much."""
    source, start, stop = builder.spool, 0, 0
    for name, member in builder.members.items():
        where = builder.spool if name in builder.fresh else builder.previous
        if where is not source or member.offset != stop:
            if stop > start:
                yield source, start, stop - start
            source, start = where, member.offset
        stop = member.offset + span(name, member)
    if stop > start:
        yield source, start, stop - start


def _copy(source: BinaryIO, out: BinaryIO, offset: int, length: int) -> None:
    while length > 0:
        copied = _copy_some(source.fileno(), out, offset, length)
        offset, length = offset + copied, length - copied


def _copy_some(source: int, out: BinaryIO, offset: int, length: int) -> int:
    """Copy inside the kernel where the range is long and the file system can."""
    if length >= CHUNK:
        out.flush()
        with suppress(OSError):  # an unable file system; a full one says so again below
            if copied := os.copy_file_range(source, out.fileno(), length, offset_src=offset):
                return copied
    content = os.pread(source, min(length, CHUNK), offset)
    if not content:
        raise OSError(errno.EIO, "a cached zip is shorter than it was")
    out.write(content)
    return len(content)
