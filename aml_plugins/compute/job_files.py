"""For backends whose job directories are on this machine: filling and deleting one, safe to repeat after a crash."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Mapping
from pathlib import Path

__all__ = ["delete_directory", "place_files"]


def place_files(files: Mapping[str, Path], directory: Path) -> None:
    """Bring files into the directory, each whole or not at all; what is there already stays.

    They are linked, or copied where the file system cannot: nobody writes to them.
    """
    directory.mkdir(parents=True, exist_ok=True)
    for name, source in files.items():
        target = directory / name
        try:
            os.link(_file(source), target)
        except FileExistsError:
            continue
        except OSError:
            part = directory / f".{name}.{os.getpid()}"
            try:
                shutil.copyfile(source, part)
                part.replace(target)
            except OSError:  # a full disk, mostly: what was written of the file must not fill it on
                part.unlink(missing_ok=True)
                raise


def _file(path: Path) -> Path:
    """Return what a symbolic link leads to: linking it would make another name of the link."""
    return path.resolve() if path.is_symlink() else path


def delete_directory(path: Path) -> None:
    """Delete a directory and all in it; first out of sight, so that half a job is never found. Missing is fine."""
    hidden = path.with_name(f".{path.name}.deleted")
    if path.is_dir():
        if hidden.exists():
            _delete(hidden)
        path.rename(hidden)
    if hidden.exists():
        _delete(hidden)


def _delete(path: Path) -> None:
    """Scripts leave directories behind that may not be written to."""
    try:
        shutil.rmtree(path)
    except PermissionError:
        for parent, _, _ in os.walk(path):
            Path(parent).chmod(stat.S_IRWXU)
        shutil.rmtree(path)
