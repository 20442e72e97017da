"""Directories that all test processes of a run share: what they build once is there for each."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock

__all__ = ["made_once", "shared_directory"]


def shared_directory(factory: pytest.TempPathFactory, name: str) -> Path:
    """Return a directory below the run's own temporary one; pytest removes it with that."""
    base = factory.getbasetemp()
    directory = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / name
    directory.mkdir(exist_ok=True)
    return directory


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """Return a file that one of the run's processes makes, and the others wait for.

    :param make: writes the file whose path it gets.
    """
    path = shared_directory(factory, "made-once") / name
    with FileLock(f"{path}.lock"):
        if not path.exists():
            part = path.with_name(f"{name}.part")
            make(part)
            part.rename(path)
    return path
