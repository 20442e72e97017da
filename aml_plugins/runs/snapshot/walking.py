"""One pass over the directory: what travels, and each file's fingerprint."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from aml_plugins.errors import InvalidInputError
from aml_plugins.runs.snapshot.ignoring import IgnoreRules
from aml_plugins.runs.snapshot.values import some_of

__all__ = ["Fingerprint", "PendingLink", "Tree", "TreeChangedError", "Walk", "fingerprint"]

type_of_special = {stat.S_IFIFO: "a named pipe", stat.S_IFSOCK: "a socket"}
Fingerprint = tuple[int, int, int, int, int]
"""Mode, size, modification and change time in nanoseconds, inode: equal means unchanged."""


class TreeChangedError(Exception):
    """The directory changed under the walk: walk again."""


class PendingLink(NamedTuple):
    """A symbolic link that waits for the walk's end: whether it is kept depends on what else travels.

    :param chain: the real directories that were entered through links on the way here.
    """

    path: str
    absolute: str
    chain: tuple[str, ...]


@dataclass(slots=True, kw_only=True)
class Tree:
    """What travels, by ``/``-separated path; directories end in ``/``.

    :ivar links: symbolic links that stay links, with their relative targets.
    :ivar followed: link paths whose targets travel in their place, with the targets' real paths.
    """

    root: str
    files: dict[str, Fingerprint] = field(default_factory=dict)
    directories: set[str] = field(default_factory=set)
    links: dict[str, str] = field(default_factory=dict)
    followed: dict[str, str] = field(default_factory=dict)
    skipped: list[str] = field(default_factory=list)
    truncated: bool = False

    def real_path(self, path: str) -> str:
        """Return where a file's bytes are."""
        if self.followed:
            cut = len(path)
            while cut > 0:
                if (real := self.followed.get(path[:cut])) is not None:
                    return real + path[cut:]
                cut = path.rfind("/", 0, cut)
        return f"{self.root}/{path}"


class Walk:
    """Walks real directories; symbolic links are set aside in ``pending``.

    :param stop_after: files after which counting on helps nobody.
    :param never: a directory that is never entered: the cache, should it lie inside.
    """

    def __init__(self, tree: Tree, rules: IgnoreRules, *, stop_after: int, never: str) -> None:
        self.tree = tree
        self.rules = rules
        self.pending: list[PendingLink] = []
        self.unreadable: list[str] = []
        self._stop_after = stop_after
        self._never = never

    def enter(self, prefix: str, absolute: str, chain: tuple[str, ...] = ()) -> None:
        """Take in a directory and all below it.

        :param prefix: its path in the snapshot: empty, or with a ``/`` at the end.
        :raises TreeChangedError: where something vanished meanwhile.
        """
        stack = [(prefix, absolute)]
        while stack:
            prefix, absolute = stack.pop()
            if len(self.tree.files) > self._stop_after:
                self.tree.truncated = True
                return
            try:
                self._list(prefix, absolute, chain, stack)
            except (FileNotFoundError, NotADirectoryError):
                raise TreeChangedError(prefix) from None
            except OSError:
                self.unreadable.append(prefix or absolute)

    def check(self) -> None:
        """Refuse a tree of which parts cannot be read."""
        refuse_unreadable(self.unreadable)

    def _list(self, prefix: str, absolute: str, chain: tuple[str, ...], stack: list[tuple[str, str]]) -> None:
        files, ignores = self.tree.files, self.rules.ignores  # locals: this loop is the floor of every snapshot
        self.tree.directories.add(prefix)
        with os.scandir(absolute) as entries:
            for entry in entries:
                path = prefix + entry.name
                if entry.is_file(follow_symlinks=False):
                    if not ignores(path, directory=False):
                        found = entry.stat(follow_symlinks=False)
                        files[path] = (
                            found.st_mode,
                            found.st_size,
                            found.st_mtime_ns,
                            found.st_ctime_ns,
                            found.st_ino,
                        )
                elif entry.is_dir(follow_symlinks=False):
                    if entry.path != self._never_entered and not ignores(path, directory=True):
                        stack.append((path + "/", entry.path))
                elif ignores(path, directory=False):
                    continue
                elif entry.is_symlink():
                    self.pending.append(PendingLink(path=path, absolute=entry.path, chain=chain))
                else:
                    self._skip(path, entry.stat(follow_symlinks=False).st_mode)

    @cached_property
    def _never_entered(self) -> str:
        return os.path.realpath(self._never)

    def _skip(self, path: str, mode: int) -> None:
        kind = type_of_special.get(stat.S_IFMT(mode), "a device")
        self.tree.skipped.append(f"{some_of([path])} is {kind} and stays behind.")


def fingerprint(found: os.stat_result) -> Fingerprint:
    """Return what tells whether a file changed."""
    return (found.st_mode, found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)


def refuse_unreadable(names: list[str]) -> None:
    """Raise where anything could not be read."""
    if names:
        raise InvalidInputError(
            f"The snapshot cannot be taken: {some_of(sorted(names))} cannot be read.",
            "Make it readable for you, or name it in .amlignore.",
        )
