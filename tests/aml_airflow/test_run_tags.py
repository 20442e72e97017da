"""Every MLflow run that a task opens says whose it is."""

from __future__ import annotations

import pytest

from aml_plugins import Workspace

pytestmark = pytest.mark.xdist_group("airflow")


SCRIPT = "import mlflow; print(mlflow.start_run().info.run_id)"


def test_a_run_of_plain_mlflow_is_tagged_with_its_task(run_dag, aml_home):
    done = run_dag(
        f"""
import os, subprocess, sys
from airflow.sdk import DAG, task

with DAG("DAG_ID", schedule=None):
    @task
    def train():
        store = {{"MLFLOW_TRACKING_URI": "aml+sqlite:///{aml_home}/aml.db"}}
        script = {SCRIPT!r}
        command = [sys.executable, "-c", script]
        return subprocess.run(command, env=os.environ | store, stdout=subprocess.PIPE, text=True).stdout.strip()

    train()
"""
    )
    task = done["train", -1]
    tags = Workspace.get().get_run(task["returned"]).get_tags()
    assert tags["airflow.dag_id"] == task["dag_id"]
    assert tags["airflow.task_id"] == "train"
    assert tags["airflow.try_number"] == "1"


def test_tags_of_somebody_else_stay(monkeypatch):
    import json
    import os
    from types import SimpleNamespace

    from aml_airflow.plugins.run_tags import RunTags

    instance = SimpleNamespace(dag_id="dag", run_id="run", task_id="task", map_index=-1, try_number=2)
    for given, kept in (('{"team": "a"}', {"team": "a"}), ("no json", {}), ("[1]", {})):
        monkeypatch.setenv("MLFLOW_RUN_CONTEXT", given)
        RunTags().on_task_instance_running(None, instance)
        found = json.loads(os.environ["MLFLOW_RUN_CONTEXT"])
        assert found["airflow.try_number"] == "2"
        assert {name: value for name, value in found.items() if not name.startswith("airflow.")} == kept
