from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from services.serving import Serving

from aml_plugins import Service, Workspace


@pytest.fixture
def serving(aml_home: Path, built_environments: Path, tmp_path: Path) -> Iterator[Serving]:
    (aml_home / "environments").symlink_to(built_environments)
    workspace = Workspace.get()
    yield Serving(workspace, tmp_path)
    for service in Service.list(workspace):
        with suppress(Exception):
            service.delete()
    for pid in processes_of(aml_home):  # what a failed test left
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    workspace.close()


def processes_of(home: Path) -> list[int]:
    """The processes whose command or environment names this home's services."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            told = (folder / "cmdline").read_bytes() + (folder / "environ").read_bytes()
            state = (folder / "stat").read_text().rpartition(")")[2].split()[0]
            if f"{home}/services".encode() in told and state != "Z":
                found.append(int(folder.name))
    return found


@pytest.fixture
def running(aml_home: Path):
    """Return the processes that were started for services of this home."""
    return lambda: processes_of(aml_home)
