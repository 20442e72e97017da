"""What deferred tasks began is taken back where no triggerer runs, and no trigger hears of anything."""

from __future__ import annotations

import pytest
from services.airflow_world import until

from aml_plugins import Service

pytestmark = [pytest.mark.xdist_group("airflow-world"), pytest.mark.timeout(900)]


@pytest.fixture(scope="module", autouse=True)
def no_triggerer(world):
    """To start one again costs as much as ten tasks."""
    world.triggerer.stop()
    yield
    world.triggerer.start()


@pytest.mark.parametrize("what", ["failed", "success", "the DAG run", "deleted"])
def test_marking_a_task_cancels_its_run(make_dag, what):
    dag = make_dag(deferrable="True", retries="2")
    dag.wait_for("deferred")
    dag.wait_for_mark()
    if what == "the DAG run":
        dag.world.ask("PATCH", f"dags/{dag.dag_id}/dagRuns/{dag.run_id}", {"state": "failed"})
    elif what == "deleted":
        dag.world.ask("PATCH", f"dags/{dag.dag_id}", {"is_paused": True})  # or Airflow makes the task anew, and runs it
        dag.world.ask("DELETE", f"dags/{dag.dag_id}/dagRuns/{dag.run_id}/taskInstances/train")
    else:
        dag.world.change(dag.dag_id, dag.run_id, "train", what)

    dag.wait_for_states("Canceled")
    until(lambda: not dag.still_running(), "the end of the script")
    assert what == "deleted" or dag.task()["state"] not in {"deferred", "running"}
    assert len(dag.marks()) == 1


def is_gone(dag) -> bool:
    return dag.dag_id not in [service.name for service in Service.list(dag.workspace)] and not dag.still_running()


def test_marking_the_task_takes_the_service_back(make_service_dag):
    dag = make_service_dag(deferrable="True")
    dag.wait_for("deferred")
    dag.wait_for_mark()
    dag.world.change(dag.dag_id, dag.run_id, "train", "failed")

    until(lambda: is_gone(dag), "the end of the service")
    assert dag.task()["state"] == "failed"
