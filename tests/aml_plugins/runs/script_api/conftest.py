"""Scripts run as the runner starts them: a process of their own, in a job's directory, with the script API last."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from services.azureml import INSTALL, find_azureml
from services.requirements import require_service

import aml_plugins.runs.runner

SCRIPT_API = Path(aml_plugins.runs.runner.__file__).parent / "script_api"
RUN_ID = "0123456789abcdef0123456789abcdef"


@dataclass
class Job:
    """A job's directory."""

    directory: Path

    @property
    def work(self) -> Path:
        return self.directory / "work"

    @property
    def uploads(self) -> Path:
        return self.directory / "uploads"

    @property
    def records(self) -> bytes:
        path = self.directory / "records.jsonl"
        return path.read_bytes() if path.exists() else b""

    def operations(self, op: str) -> list[dict[str, Any]]:
        return [record for record in map(json.loads, self.records.splitlines()) if record["op"] == op]

    def run(self, script: str | Path, *, python: str = sys.executable, check: bool = True, **variables: str) -> str:
        """Run a script, a path or its text, in the run; return what it prints."""
        path = script if isinstance(script, Path) else self._written(script)
        inside = {
            "AML_RUN_ID": RUN_ID,
            "AML_RECORDS": str(self.directory / "records.jsonl"),
            "AML_JOB_DIRECTORY": str(self.directory),
            "AML_EXPERIMENT": "iris",
            "AML_WORKSPACE": "team-a",
            "AML_TARGET": "my-box",
        }
        return start(path, self.work, python, {**inside, **variables}, check=check)

    def run_offline(self, script: str | Path, *, python: str = sys.executable, ours: bool = True) -> str:
        """Run a script outside of any run, with our API or with what its interpreter has."""
        path = script if isinstance(script, Path) else self._written(script)
        return start(path, self.work, python, {} if ours else {"PYTHONPATH": ""}, check=True)

    def _written(self, text: str) -> Path:
        path = self.work / "script.py"
        path.write_text(textwrap.dedent(text))
        return path


def start(path: Path, directory: Path, python: str, variables: dict[str, str], *, check: bool) -> str:
    foreign = ("AML_", "MLFLOW_", "AZUREML_")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    environment = {**inherited, "PYTHONPATH": str(SCRIPT_API), "PYTHONDONTWRITEBYTECODE": "1", **variables}
    command = [python, str(path)]
    done = subprocess.run(
        command, cwd=directory, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done.stdout + ("" if check else done.stderr)


@pytest.fixture
def job(tmp_path: Path) -> Job:
    for folder in ("outputs", "logs"):
        (tmp_path / "job" / "work" / folder).mkdir(parents=True)
    return Job(tmp_path / "job")


@pytest.fixture(scope="session")
def microsoft() -> str:
    """The interpreter of an environment with Microsoft's own SDK."""
    python = find_azureml()
    require_service("azureml-core", python, INSTALL)
    assert python is not None
    return python


@pytest.fixture
def in_a_run(job: Job) -> Callable[[str], Any]:
    """Run the body of a script and return what it assigns to ``result``, through JSON."""

    def evaluate(body: str) -> Any:
        lines = ["import json", "from azureml.core import Run", "run = Run.get_context()", textwrap.dedent(body)]
        out = job.run("\n".join([*lines, "print('RESULT' + json.dumps(result))"]))
        return json.loads(out.rpartition("RESULT")[2])

    return evaluate
