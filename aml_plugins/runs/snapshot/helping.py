"""A second process that reads and deflates its share of a large directory, where there is a second processor for it.

Of many small files, most of the work is Python's own, which threads of one process would do in turn. The helper gets
names and places of its files, one behind another with NULs between, writes their members to its standard output, and a
record of each to a file. Whatever goes wrong in it, its share is read again here, where the reason can be told.
"""

from __future__ import annotations

import os
import struct
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from itertools import accumulate

from aml_plugins.runs.runner.processes import die_with_parent
from aml_plugins.runs.snapshot.archive import Member
from aml_plugins.runs.snapshot.cache import BUFFER, Cache
from aml_plugins.runs.snapshot.reading import append_file
from aml_plugins.runs.snapshot.walking import Fingerprint, Tree

__all__ = ["Helper", "helper_share", "main"]

# In bytes that are read, hashed and deflated in the same time: what a file costs besides, and what a helper does.
FILE_COST = 8_000
START_COST = 12_000_000
WORTH = 4 * START_COST

_FINGERPRINT = struct.Struct("<IQqqQ")
_MEMBER = struct.Struct("<IQQIH32sQ")


def helper_share(tree: Tree, paths: Sequence[str]) -> int:
    """Return from which path on a helper should read; their number where it should not read any.

    The share is the end of the list, so that all members lie in its order; files only.
    """
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
    if processors < 2 or not sys.executable or not hasattr(os, "copy_file_range"):  # noqa: PLR2004  us and a helper
        return len(paths)
    costs = [tree.files[path][1] + FILE_COST if path in tree.files else 0 for path in paths]
    total = sum(costs)
    if total < WORTH:
        return len(paths)
    ours = (total + START_COST) // 2
    start = next(number for number, so_far in enumerate(accumulate(costs), start=1) if so_far >= ours)
    return start if all(costs[start:]) else len(paths)


class Helper:
    """The helper's work on some files; ends with ``stack``.

    :ivar spool: its members, behind one another.
    """

    def __init__(self, cache: Cache, tree: Tree, paths: Sequence[str], stack: ExitStack) -> None:
        self._count = len(paths)
        self.spool = stack.enter_context(cache.writing())
        self._records = stack.enter_context(cache.writing())
        wanted = stack.enter_context(cache.writing())
        wanted.write(b"".join([os.fsencode(f"{path}\0{tree.real_path(path)}\0") for path in paths]))
        wanted.flush()
        self._process = _start(wanted.name, self.spool.name, self._records.name)
        stack.callback(self._end)

    def results(self) -> list[tuple[Fingerprint, Member]] | None:
        """Wait for the helper and return what it found of each file, None where it failed."""
        if self._process.wait() != 0:
            return None
        record = _FINGERPRINT.size + _MEMBER.size
        content = os.pread(self._records.fileno(), record * self._count + 1, 0)
        if len(content) != record * self._count:
            return None
        return [
            (_FINGERPRINT.unpack_from(content, at), Member._make(_MEMBER.unpack_from(content, at + _FINGERPRINT.size)))
            for at in range(0, len(content), record)
        ]

    def _end(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()


def _start(wanted: str, spool: str, records: str) -> subprocess.Popen[bytes]:
    """Start a helper on files that it opens anew: the locks on ours have to end with us, not with it."""
    with open(wanted, "rb") as names, open(spool, "r+b") as out, open(records, "r+b") as found:  # noqa: PTH123
        return subprocess.Popen(
            [sys.executable, "-P", "-m", __name__, str(found.fileno()), str(os.getpid())],
            stdin=names,
            stdout=out,
            stderr=subprocess.DEVNULL,
            pass_fds=[found.fileno()],
        )


def main(descriptor: int, parent: int) -> None:
    """Be the helper, as long as there is somebody to help."""
    die_with_parent()
    if os.getppid() != parent:
        return
    wanted = sys.stdin.buffer.read().split(b"\0")[:-1]
    with os.fdopen(1, "r+b", buffering=BUFFER) as spool, os.fdopen(descriptor, "r+b", buffering=BUFFER) as records:
        for name, source in zip(wanted[::2], wanted[1::2], strict=True):
            found, member, _ = append_file(spool, name, os.fsdecode(source), None)
            records.write(_FINGERPRINT.pack(*found) + _MEMBER.pack(*member))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
