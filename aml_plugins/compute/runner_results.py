"""Bring an ended job's results out of its directory, without copying where the file system can link."""

from __future__ import annotations

import logging
import os
import shutil
import stat
from pathlib import Path

__all__ = ["gather_results"]

logger = logging.getLogger(__name__)


def gather_results(job: Path, destination: Path) -> None:
    """Link or copy ``outputs/``, ``logs/`` with ``std_log.txt``, ``uploads/`` and ``records.jsonl``.

    What a symbolic link points to comes along where it lies in the script's directory; other links stay behind, as do
    pipes and sockets: a script must not be able to have the driver's own files published.
    """
    root = Path(os.path.realpath(job / "work"))
    for name in ("outputs", "logs"):
        _gather(job / "work" / name, destination / name, root)
    _gather(job / "uploads", destination / "uploads", Path(os.path.realpath(job / "uploads")))
    _take(job / "records.jsonl", destination / "records.jsonl")
    if (job / "std_log.txt").is_file():
        (destination / "logs").mkdir(exist_ok=True)
        (destination / "logs" / "std_log.txt").unlink(missing_ok=True)  # the script has written one, too
        _take(job / "std_log.txt", destination / "logs" / "std_log.txt")


def _gather(source: Path, destination: Path, root: Path, *, follow: bool = True) -> None:
    real = Path(os.path.realpath(source))
    if not real.is_dir() or not real.is_relative_to(root):
        return
    destination.mkdir()
    with os.scandir(real) as entries:
        for entry in entries:
            _gather_entry(Path(entry.path), destination / entry.name, root, follow=follow)


def _gather_entry(source: Path, destination: Path, root: Path, *, follow: bool) -> None:
    """Behind a link to a directory, further ones are not followed: circles end, and work stays in proportion."""
    is_link = source.is_symlink()
    if is_link and not Path(os.path.realpath(source)).is_relative_to(root):
        logger.warning("Left behind: %s is a symbolic link that leads out of the script's directory.", source)
    elif not source.is_dir():
        _take(Path(os.path.realpath(source)), destination)
    elif follow or not is_link:
        _gather(source, destination, root, follow=follow and not is_link)


def _take(source: Path, destination: Path) -> None:
    try:
        if not stat.S_ISREG(source.lstat().st_mode):
            return
    except FileNotFoundError:
        return
    try:
        os.link(source, destination)
    except OSError:  # another file system, or one that has no links
        shutil.copyfile(source, destination)
