"""A DAG's own callback runs in the DAG processor, and that of a missed deadline in the triggerer: far from any task."""

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

LATE = """
from datetime import timedelta
from airflow.sdk import DAG, AsyncCallback, DeadlineAlert, DeadlineReference
from airflow.providers.standard.operators.bash import BashOperator
from aml_airflow.notifications.aml import AmlNotifier

words = {"message": "{{ dag_run.dag_id }} should have ended", "run_ids": ["RUN_ID"]}
alert = DeadlineAlert(DeadlineReference.DAGRUN_QUEUED_AT, timedelta(seconds=1), AsyncCallback(AmlNotifier, words))
with DAG("DAG_ID", schedule=None, deadline=alert):
    BashOperator(task_id="never", bash_command="true", queue="that-nobody-serves")
"""


@pytest.fixture
def run(workspace, tmp_path):
    """A run that callbacks write on."""
    file = tmp_path / "model.txt"
    file.write_text("model")
    return Model.register(workspace, file, f"model-{time.time_ns()}").run


def test_a_dag_that_failed_tells_it_on_the_run(world, run):
    dag_id = f"dag_{time.time_ns()}"
    world.add_dag(dag_id, TEXT.replace("DAG_ID", dag_id).replace("RUN_ID", run.id))

    assert world.wait_for_run(dag_id, world.trigger(dag_id)) == "failed"

    tags = until(lambda: run.get_tags() if "airflow.message" in run.get_tags() else None, "the callback")
    assert tags["airflow.state"] == "failed"
    assert tags["airflow.message"] == f"{dag_id} ended badly"


def test_a_dag_that_is_late_tells_it_on_the_run(world, run):
    dag_id = f"dag_{time.time_ns()}"
    world.add_dag(dag_id, LATE.replace("DAG_ID", dag_id).replace("RUN_ID", run.id))
    world.trigger(dag_id)

    tags = until(lambda: run.get_tags() if "airflow.message" in run.get_tags() else None, "the deadline's callback")
    assert tags["airflow.state"] == "late"
    assert tags["airflow.message"] == f"{dag_id} should have ended"
