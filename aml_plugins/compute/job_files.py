"""For backends whose job directories are on this machine: filling and deleting one, safe to repeat after a crash."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

__all__ = ["delete_directory", "place_files"]

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def place_files(files: Mapping[str, Path], directory: Path) -> None:
    """Bring files into the directory, each whole or not at all; what is there already stays.

    They are linked, or copied where the file system cannot: nobody writes to them.
    """
    directory.mkdir(parents=True, exist_ok=True)
    for name, source in files.items():
        try:
            os.link(_file(source), f"{directory}/{name}")
        except FileExistsError:
            continue
        except OSError:
            _copy(source, directory, name)


def _copy(source: Path, directory: Path, name: str) -> None:
    import shutil  # noqa: PLC0415  for file systems without links

    part = directory / f".{name}.{os.getpid()}"
    try:
        shutil.copyfile(source, part)
        part.replace(directory / name)
    except OSError:  # a full disk, mostly: what was written of the file must not fill it on
        part.unlink(missing_ok=True)
        raise


def _file(path: Path) -> str:
    """Return what a symbolic link leads to: linking it would make another name of the link."""
    return os.path.realpath(path) if os.path.islink(path) else os.fspath(path)  # noqa: PTH114  each run's


def delete_directory(path: Path) -> None:
    """Delete a directory and all in it; first out of sight, so that half a job is never found. Missing is fine."""
    hidden = f"{path.parent}/.{path.name}.deleted"
    try:
        os.rename(path, hidden)  # noqa: PTH104  each run's
    except OSError as error:
        is_begun = os.path.isdir(hidden)  # noqa: PTH112  by somebody who was killed
        if is_begun:
            _delete(hidden)
        if isinstance(error, FileNotFoundError):
            return
        if not is_begun:
            raise
        path.rename(hidden)
    _delete(hidden)


def _delete(path: str) -> None:
    """Scripts leave directories behind that may not be written to."""
    with suppress(OSError):  # whatever it is, the slow way meets it again
        _remove(path)
        return
    import shutil  # noqa: PLC0415  for what is not as expected

    try:
        shutil.rmtree(path)
    except PermissionError:
        for parent, _, _ in os.walk(path):
            Path(parent).chmod(stat.S_IRWXU)
        shutil.rmtree(path)


def _remove(name: str, parent: int | None = None) -> None:
    """Delete a directory and all in it, as ``shutil.rmtree`` does, with half of its system calls.

    A link that somebody puts in a directory's place meanwhile is not followed either.
    """
    with suppress(OSError):  # a script's directories for outputs and logs are empty, mostly
        os.rmdir(name, dir_fd=parent)
        return
    directory = os.open(name, _DIRECTORY, dir_fd=parent)
    try:
        _empty(directory)
    finally:
        os.close(directory)
    os.rmdir(name, dir_fd=parent)


def _empty(directory: int) -> None:
    with os.scandir(directory) as entries:
        there = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
    for name, is_directory in there:
        if is_directory:
            _remove(name, directory)
        else:
            os.unlink(name, dir_fd=directory)
