"""A plain MLflow client at a real server reaches the jobs behind its runs."""

from __future__ import annotations

import json
import time
import urllib.request
import zipfile
from pathlib import Path

import pytest
from services.mlflow_server import MlflowServer

from aml_plugins import Experiment, Run, ScriptRunConfig, Workspace
from aml_plugins.testing.waiting import wait_until


@pytest.fixture
def slow_run(mlflow_server: MlflowServer, tmp_path: Path) -> Run:
    """A run whose script has started and would go on for long."""
    source = tmp_path / "src"
    source.mkdir()
    (source / "slow.py").write_text("import time; time.sleep(600)")
    workspace = Workspace.get("default", store=mlflow_server.store_uri)
    run = Experiment(workspace, "slow").submit(ScriptRunConfig(source, script="slow.py", compute_target="local"))
    wait_until(lambda: run.get_status() == "Running")
    return run


def test_a_run_terminated_over_rest_is_canceled_and_its_snapshot_can_be_downloaded(
    mlflow_server: MlflowServer, slow_run: Run, tmp_path: Path
) -> None:
    body = json.dumps({"run_id": slow_run.id, "status": "KILLED", "end_time": int(time.time() * 1000)}).encode()
    request = urllib.request.Request(
        f"{mlflow_server.url}/api/2.0/mlflow/runs/update", body, {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        assert answer.status == 200

    slow_run.wait_for_completion(raise_on_error=False, timeout=90)

    assert slow_run.status == "Canceled"
    url = f"{mlflow_server.url}/get-artifact?run_id={slow_run.id}&path=snapshot/snapshot.zip"
    with urllib.request.urlopen(url, timeout=60) as answer:
        (tmp_path / "got.zip").write_bytes(answer.read())
    with zipfile.ZipFile(tmp_path / "got.zip") as archive:
        assert archive.namelist() == ["slow.py"]
