"""A sensor that waits for a version of a model by its alias."""

from __future__ import annotations

import pytest
from mlflow import MlflowClient

from aml_plugins import Model, Workspace

pytestmark = [pytest.mark.xdist_group("airflow"), pytest.mark.timeout(600)]

_DAG = """
from airflow.sdk import DAG
from aml_airflow.sensors.model import AmlModelSensor

with DAG("DAG_ID", schedule=None):
    given = dict(model_name="iris", poke_interval=1.0, deferrable=DEFERRABLE)
    AmlModelSensor(task_id="champion", alias="champion", timeout=300, **given)
    AmlModelSensor(task_id="newest", timeout=300, **given)
"""


@pytest.mark.parametrize("deferrable", ["False", "True"])
def test_the_version_with_the_alias_is_the_one_not_the_newest(run_dag, aml_home, tmp_path, deferrable):
    workspace = Workspace.get()
    (tmp_path / "model.bin").write_bytes(b"weights")
    for _ in range(2):
        Model.register(workspace, tmp_path / "model.bin", "iris")
    MlflowClient(workspace.context.store.uri).set_registered_model_alias("iris", "champion", "1")

    done = run_dag(_DAG.replace("DEFERRABLE", deferrable))

    assert {name: (task["state"], task["returned"]) for (name, _), task in done.items()} == {
        "champion": ("success", "iris:1"),
        "newest": ("success", "iris:2"),
    }
