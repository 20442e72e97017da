"""Unpacking the snapshot: whatever it says, nothing lands outside the directory it is meant for."""

from __future__ import annotations

import os
import stat

from .archive import Archive
from .errors import JobError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .archive import Member

__all__ = ["unpack"]

_LONGEST_LINK = 4096
_SMALL = 4 << 20


def unpack(path: str, root: str, pause: Callable[[], None] = lambda: None, prefix: str = "") -> str:
    """Unpack an archive into the directory ``root``; return the digest of what was in it.

    Executable bits and symbolic links are restored. Links come last, so that no file is written through one.

    :param pause: called between files; may raise to give up.
    :param prefix: take only what is below this name in the archive, such as ``script_api/``.
    :returns: the digest of the content, as ``aml_plugins.runs.snapshot`` defines it.
    :raises JobError: for a name or a link that leaves the directory, for a damaged archive.
    """
    archive = Archive(path)
    unpacked = _Unpacking(archive, root, _sha256_type(archive.size))
    for member in archive.members():
        if member.name.startswith(prefix):
            pause()
            unpacked.add(member, _target(root, member.name[len(prefix) :]))
    unpacked.make_links()
    return unpacked.digest()


class _Unpacking:
    """What is unpacked so far."""

    def __init__(self, archive: Archive, root: str, sha256: Any) -> None:
        self._archive = archive
        self._root = root
        self._sha256 = sha256
        self._made = {root}
        self._links: list[tuple[str, Member]] = []
        self._manifest: list[tuple[bytes, int, bytes]] = []

    def add(self, member: Member, target: str) -> None:
        digest = self._sha256()
        if stat.S_ISLNK(member.mode):
            self._links.append((target, member))
            digest.update(self._pointed(member))
        elif member.name.endswith("/"):
            self._make_directory(target)
        else:
            self._make_directory(os.path.dirname(target))
            self._write(member, target, digest)
        self._manifest.append((member.raw_name, member.mode, digest.hexdigest().encode()))

    def digest(self) -> str:
        whole = self._sha256(b"aml-snapshot 1\0")
        for name, mode, digest in sorted(self._manifest):
            whole.update(b"%o %b %b\0" % (mode, digest, name))
        return str(whole.hexdigest())

    def make_links(self) -> None:
        """Make them, then follow each for real: a chain of harmless ones may lead outside."""
        for target, member in self._links:
            self._make_directory(os.path.dirname(target))
            try:
                os.symlink(self._pointed(member), os.fsencode(target))
            except FileExistsError:
                raise _twice(member) from None
        root = os.path.realpath(self._root) if self._links else ""
        for target, member in self._links:
            if not (os.path.realpath(target) + "/").startswith(root + "/"):
                raise _leaves(member)

    def _pointed(self, member: Member) -> bytes:
        if member.size > _LONGEST_LINK:
            raise JobError(f"The snapshot holds a symbolic link that is too long: '{member.name}'.")
        pointed = b"".join(self._archive.content(member))
        if not pointed or pointed.startswith(b"/") or b"\0" in pointed:
            raise _leaves(member)
        return pointed

    def _write(self, member: Member, target: str, digest: Any) -> None:
        mode = 0o777 if member.mode & 0o111 else 0o666  # the rest is this account's umask, as for any new file
        try:
            descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        except (FileExistsError, IsADirectoryError):
            raise _twice(member) from None
        try:
            for piece in self._archive.content(member):
                digest.update(piece)
                view = memoryview(piece)
                while view:
                    view = view[os.write(descriptor, view) :]
        finally:
            os.close(descriptor)

    def _make_directory(self, path: str) -> None:
        if path in self._made:
            return
        try:
            os.makedirs(path, exist_ok=True)
        except (FileExistsError, NotADirectoryError):
            raise JobError(f"The snapshot holds a file where it also holds a directory: '{path}'.") from None
        self._made.add(path)


def _sha256_type(size: int) -> Any:
    """Return a hash type: OpenSSL's is faster on much data, but takes milliseconds to load."""
    if size < _SMALL:
        for module in ("_sha256", "_sha2"):  # up to CPython 3.11, and since
            try:
                return __import__(module).sha256
            except (ImportError, AttributeError):
                continue
    import hashlib  # noqa: PLC0415  see above

    return hashlib.sha256


def _target(root: str, name: str) -> str:
    parts = (name[:-1] if name.endswith("/") else name).split("/")
    if "\0" in name or any(part in {"", ".", ".."} for part in parts):
        raise JobError(f"The snapshot holds a name that leaves its directory: {name!r}.")
    return os.path.join(root, *parts)


def _twice(member: Member) -> JobError:
    return JobError(f"The snapshot holds '{member.name}' twice.")


def _leaves(member: Member) -> JobError:
    return JobError(f"The snapshot holds a symbolic link that leaves its directory: '{member.name}'.")
