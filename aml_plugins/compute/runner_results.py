"""Find an ended job's results in its directory, and bring them out without copying where the file system can link."""

from __future__ import annotations

import logging
import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

__all__ = ["Result", "bring_results", "find_results", "with_log"]

logger = logging.getLogger(__name__)


class Result(NamedTuple):
    """A file of a job's results, or a directory of them.

    :param path: where it belongs among the results, as ``ComputeBackend.fetch`` has them.
    :param source: where the file is, never a link; None for a directory, which comes before what lies in it.
    """

    path: str
    source: str | None


def find_results(job: Path) -> Iterator[Result]:
    """Yield ``outputs/``, ``logs/`` with ``std_log.txt``, ``uploads/`` and ``records.jsonl``, each path once.

    What a symbolic link points to comes along where it lies in the script's directory; other links stay behind, as do
    pipes and sockets: a script must not be able to have the driver's own files published.
    """
    yield from _folder(job, "work/outputs")
    logs, log = _folder(job, "work/logs"), f"{job}/std_log.txt"
    yield from with_log(logs, "logs/std_log.txt", log) if _is_regular(log) else logs
    yield from _folder(job, "uploads")
    if _is_regular(f"{job}/records.jsonl"):
        yield Result("records.jsonl", f"{job}/records.jsonl")


def bring_results(results: Iterable[Result], destination: Path) -> None:
    """Link or copy them into a directory that has none of them."""
    for path, source in results:
        if source is None:
            os.mkdir(f"{destination}/{path}")  # noqa: PTH102  here and below: thousands of files
        else:
            _take(source, f"{destination}/{path}")


def with_log(results: Iterable[Result], path: str, source: str) -> Iterator[Result]:
    """Add a log of ours below ``logs/``: it wins over what the script may have written under the same path."""
    has_folder = False
    for result in results:
        has_folder = has_folder or result.path == "logs"
        if not f"{result.path}/".startswith(f"{path}/"):
            yield result
    if not has_folder:
        yield Result("logs", None)
    yield Result(path, source)


def _folder(job: Path, below: str) -> Iterator[Result]:
    if _has_entries(f"{job}/{below}"):
        folder, _, name = below.rpartition("/")
        home = os.path.realpath(job)
        yield from _below(f"{home}/{below}", name, f"{home}/{folder or name}")


def _has_entries(directory: str) -> bool:
    """Most scripts leave these directories as empty as the runner makes them, and a directory costs as two files do."""
    try:
        with os.scandir(directory) as entries:
            return next(entries, None) is not None
    except FileNotFoundError:
        return False
    except OSError:  # whatever it is, who gathers looks again
        return True


def _below(source: str, path: str, root: str, *, follow: bool = True) -> Iterator[Result]:
    real = os.path.realpath(source) if os.path.islink(source) else source  # noqa: PTH114
    if not os.path.isdir(real) or not _is_inside(real, root):  # noqa: PTH112
        return
    yield Result(path, None)
    with os.scandir(real) as entries:
        for entry in entries:
            yield from _entry(entry, f"{path}/{entry.name}", root, follow=follow)


def _entry(entry: os.DirEntry[str], path: str, root: str, *, follow: bool) -> Iterator[Result]:
    """Behind a link to a directory, further ones are not followed: circles end, and work stays in proportion."""
    is_link = entry.is_symlink()
    source = os.path.realpath(entry.path) if is_link else entry.path
    if is_link and not _is_inside(source, root):
        logger.warning("Left behind: %s is a symbolic link that leads out of the script's directory.", entry.path)
    elif not entry.is_dir():
        if _is_regular(source):
            yield Result(path, source)
    elif follow or not is_link:
        yield from _below(source, path, root, follow=follow and not is_link)


def _is_inside(real: str, root: str) -> bool:
    return real == root or real.startswith(f"{root}/")


def _is_regular(path: str) -> bool:
    try:
        return stat.S_ISREG(os.lstat(path).st_mode)
    except FileNotFoundError:
        return False


def _take(source: str, destination: str) -> None:
    try:
        os.link(source, destination)
    except OSError:  # another file system, or one that has no links
        import shutil  # noqa: PLC0415  as rare

        shutil.copyfile(source, destination)
