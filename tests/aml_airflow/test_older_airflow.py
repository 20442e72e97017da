"""The provider in the minor version before the newest; ``tools/airflow test VERSION`` runs all of its tests there."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from services.airflow_versions import since_airflow
from services.requirements import require_service

pytestmark = [pytest.mark.xdist_group("airflow"), pytest.mark.timeout(900)]

ROOT = Path(__file__).resolve().parents[2]
VERSION = "3.2"
SOME = [
    "tests/aml_airflow/test_serialization.py",
    "tests/aml_airflow/operators/test_run.py::test_templates_are_rendered_and_the_script_speaks_in_the_task_log",
]


@since_airflow("3.3", "an older one that is tried beside it")
def test_operators_triggers_and_a_run():
    command = [ROOT / "tools" / "airflow", "find", VERSION]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    require_service(f"Airflow {VERSION}", found.returncode == 0, f"tools/airflow install {VERSION}")
    ours = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    command = [found.stdout.strip(), "-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", *SOME]
    done = subprocess.run(command, env=ours, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
