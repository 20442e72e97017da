"""Bring an ended job's results out of its directory, without copying where the file system can link."""

from __future__ import annotations

import contextlib
import logging
import os
import stat
from pathlib import Path

__all__ = ["gather_results"]

logger = logging.getLogger(__name__)


def gather_results(job: Path, destination: Path) -> None:
    """Link or copy ``outputs/``, ``logs/`` with ``std_log.txt``, ``uploads/`` and ``records.jsonl``.

    What a symbolic link points to comes along where it lies in the script's directory; other links stay behind, as do
    pipes and sockets: a script must not be able to have the driver's own files published.
    """
    for below in ("work/outputs", "work/logs", "uploads"):
        if _has_entries(f"{job}/{below}"):
            folder, _, name = below.rpartition("/")
            home = os.path.realpath(job)
            _gather(f"{home}/{below}", f"{destination}/{name}", f"{home}/{folder or name}")
    _take(f"{job}/records.jsonl", f"{destination}/records.jsonl")
    _take_log(f"{job}/std_log.txt", f"{destination}/logs")


def _take_log(log: str, logs: str) -> None:
    if not os.path.isfile(log):  # noqa: PTH113  here and below: asked for each run
        return
    with contextlib.suppress(FileExistsError):
        os.mkdir(logs)  # noqa: PTH102
    with contextlib.suppress(FileNotFoundError):
        os.unlink(f"{logs}/std_log.txt")  # noqa: PTH108  the script may have written one, too
    _take(log, f"{logs}/std_log.txt")


def _has_entries(directory: str) -> bool:
    """Most scripts leave these directories as empty as the runner makes them, and a directory costs as two files do."""
    try:
        with os.scandir(directory) as entries:
            return next(entries, None) is not None
    except FileNotFoundError:
        return False
    except OSError:  # whatever it is, who gathers looks again
        return True


def _gather(source: str, destination: str, root: str, *, follow: bool = True) -> None:
    real = os.path.realpath(source) if os.path.islink(source) else source  # noqa: PTH114  thousands of files
    if not os.path.isdir(real) or not _is_inside(real, root):  # noqa: PTH112  as above
        return
    os.mkdir(destination)  # noqa: PTH102  as above
    with os.scandir(real) as entries:
        for entry in entries:
            _gather_entry(entry, f"{destination}/{entry.name}", root, follow=follow)


def _gather_entry(entry: os.DirEntry[str], destination: str, root: str, *, follow: bool) -> None:
    """Behind a link to a directory, further ones are not followed: circles end, and work stays in proportion."""
    is_link = entry.is_symlink()
    source = os.path.realpath(entry.path) if is_link else entry.path
    if is_link and not _is_inside(source, root):
        logger.warning("Left behind: %s is a symbolic link that leads out of the script's directory.", entry.path)
    elif not entry.is_dir():
        _take(source, destination)
    elif follow or not is_link:
        _gather(source, destination, root, follow=follow and not is_link)


def _is_inside(real: str, root: str) -> bool:
    return real == root or real.startswith(f"{root}/")


def _take(source: str, destination: str) -> None:
    try:
        if not stat.S_ISREG(os.lstat(source).st_mode):
            return
    except FileNotFoundError:
        return
    try:
        os.link(source, destination)
    except OSError:  # another file system, or one that has no links
        import shutil  # noqa: PLC0415  as rare

        shutil.copyfile(source, destination)
