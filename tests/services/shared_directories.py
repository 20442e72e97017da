"""Directories that all test processes of a run share: what they build once is there for each."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

__all__ = ["shared_directory"]


def shared_directory(factory: pytest.TempPathFactory, name: str) -> Path:
    """Return a directory below the run's own temporary one; pytest removes it with that."""
    base = factory.getbasetemp()
    directory = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / name
    directory.mkdir(exist_ok=True)
    return directory
