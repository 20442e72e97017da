"""A DAG's own callback runs in the DAG processor, far from any task."""

from __future__ import annotations

import time

import pytest
from services.airflow_world import until

from aml_plugins import Model

pytestmark = [pytest.mark.xdist_group("airflow-world"), pytest.mark.timeout(900)]

TEXT = """
from airflow.sdk import DAG, task
from aml_airflow.notifications.aml import AmlNotifier

told = AmlNotifier(message="{{ dag.dag_id }} ended badly", run_ids=["RUN_ID"])
with DAG("DAG_ID", schedule=None, on_failure_callback=told):
    @task
    def fails():
        raise ValueError("no luck")

    fails()
"""


def test_a_dag_that_failed_tells_it_on_the_run(world, workspace, tmp_path):
    file = tmp_path / "model.txt"
    file.write_text("model")
    run = Model.register(workspace, file, f"model-{time.time_ns()}").run
    dag_id = f"dag_{time.time_ns()}"
    world.add_dag(dag_id, TEXT.replace("DAG_ID", dag_id).replace("RUN_ID", run.id))

    assert world.wait_for_run(dag_id, world.trigger(dag_id)) == "failed"

    tags = until(lambda: run.get_tags() if "airflow.message" in run.get_tags() else None, "the callback")
    assert tags["airflow.state"] == "failed"
    assert tags["airflow.message"] == f"{dag_id} ended badly"
