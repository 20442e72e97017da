"""A target with one slot, and runs for it; modules that need others have fixtures of their own by these names."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from aml_plugins import Experiment, Run, ScriptRunConfig, Workspace


@pytest.fixture
def workspace(aml_home: Path) -> Iterator[Workspace]:
    """A workspace with the target ``one``."""
    opened = Workspace.get("default")
    opened.attach_compute("local", "one", max_parallel_runs=1)
    yield opened
    opened.close()


@pytest.fixture
def submit(workspace: Workspace, tmp_path: Path) -> Callable[[str], Run]:
    """Submit a run that takes so many seconds."""
    source = tmp_path / "src"
    source.mkdir()
    (source / "script.py").write_text("import sys, time; time.sleep(float(sys.argv[1]))\n")

    def submitting(seconds: str) -> Run:
        config = ScriptRunConfig(source, script="script.py", arguments=[seconds], compute_target="one")
        return Experiment(workspace, "one-slot").submit(config)

    return submitting
