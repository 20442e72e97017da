"""Sending what an ended job made, as one stream."""

from __future__ import annotations

import os
import stat

from .wire import BLOCK

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from .wire import Wire

__all__ = ["send_results"]


def send_results(wire: Wire, job: str) -> None:
    """Send ``outputs/``, ``logs/`` with ``std_log.txt``, ``uploads/``, ``records.jsonl``: name, size, content."""
    for name, path in _results(job):
        try:
            descriptor = os.open(path, os.O_RDONLY)
        except OSError:  # not ours to read, or gone
            continue
        try:
            size = os.fstat(descriptor).st_size
            wire.announce({"path": name, "size": size})
            _send(wire, descriptor, size)
        finally:
            os.close(descriptor)
    wire.write({"end": True})


def _send(wire: Wire, descriptor: int, size: int) -> None:
    """Send exactly what was announced; where that cannot be, leave, and whoever asked comes again."""
    while size:
        try:
            data = os.read(descriptor, min(size, BLOCK))
        except OSError:
            raise EOFError from None
        if not data:
            raise EOFError
        wire.write_raw(data)
        size -= len(data)


def _results(job: str) -> Iterator[tuple[str, str]]:
    """Yield names and paths. Links are followed where they lead to something in the script's directory."""
    work = os.path.realpath(os.path.join(job, "work"))
    log = os.path.join(job, "std_log.txt")
    for folder in ("outputs", "logs"):
        for name, path in _below(os.path.join(job, "work", folder), folder, work, follow=True):
            if name != "logs/std_log.txt" or not os.path.isfile(log):
                yield name, path
    uploads = os.path.join(job, "uploads")
    yield from _below(uploads, "uploads", os.path.realpath(uploads), follow=True)
    for name, path in (("logs/std_log.txt", log), ("records.jsonl", os.path.join(job, "records.jsonl"))):
        if _is_file(path):
            yield name, path


def _below(directory: str, name: str, root: str, *, follow: bool) -> Iterator[tuple[str, str]]:
    real = os.path.realpath(directory)
    if not os.path.isdir(real) or not _is_within(real, root):
        return
    try:
        with os.scandir(real) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries:
        inside = name + "/" + entry.name
        if entry.is_symlink():
            yield from _behind(entry.path, inside, root, follow=follow)
        elif entry.is_dir(follow_symlinks=False):
            yield from _below(entry.path, inside, root, follow=follow)
        elif entry.is_file(follow_symlinks=False):
            yield inside, entry.path


def _behind(link: str, name: str, root: str, *, follow: bool) -> Iterator[tuple[str, str]]:
    """Yield what a link leads to; behind one to a directory, further ones are not followed: circles end."""
    target = os.path.realpath(link)
    if not _is_within(target, root):
        return
    if _is_file(target):
        yield name, target
    elif follow:
        yield from _below(target, name, root, follow=False)


def _is_within(path: str, root: str) -> bool:
    return (path + "/").startswith(root + "/")


def _is_file(path: str) -> bool:
    try:
        return stat.S_ISREG(os.lstat(path).st_mode)
    except OSError:
        return False
