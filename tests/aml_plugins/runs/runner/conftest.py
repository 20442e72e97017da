from __future__ import annotations

import json
import subprocess
import sys
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from aml_plugins.testing.jobs import make_job

KEY = f"aml-{uuid.uuid4().hex}-1"  # tests at the same time must not end each other's jobs


class Ran:
    """A job directory after its runner has ended."""

    def __init__(self, directory: Path, done: subprocess.CompletedProcess[str]) -> None:
        self.directory = directory
        self.returncode = done.returncode
        self.status: dict[str, Any] = json.loads((directory / "status.json").read_text())
        self.log = (directory / "std_log.txt").read_bytes() if (directory / "std_log.txt").exists() else b""
        self.stderr = done.stderr

    @property
    def text(self) -> str:
        return self.log.decode()


@pytest.fixture
def prepare(tmp_path: Path) -> Callable[..., Path]:
    def prepare(program: str = "", **job: Any) -> Path:
        spec = make_job(tmp_path, KEY, program, **{"cache": str(tmp_path / "cache"), **job})
        directory = tmp_path / "job"
        directory.mkdir()
        for name, source in spec.bundle.items():
            (directory / name).write_bytes(source.read_bytes())
        return directory

    return prepare


@pytest.fixture
def run(prepare: Callable[..., Path]) -> Callable[..., Ran]:
    def run(program: str = "", *, command: Sequence[str] = (), **job: Any) -> Ran:
        directory = prepare(program, **job)
        start = [*(command or [sys.executable]), str(directory / "runner.pyz"), str(directory)]
        done = subprocess.run(start, capture_output=True, text=True, check=False, timeout=120)
        return Ran(directory, done)

    return run
