"""A service that is being deployed while something is killed: deployed once, or taken back."""

from __future__ import annotations

import psutil
import pytest
from services.airflow_world import end_all, until

from aml_plugins import Service

pytestmark = [pytest.mark.xdist_group("airflow-world"), pytest.mark.timeout(900)]


def is_up(dag) -> None:
    """Assert that the task succeeded, and its service answers, with the one process that was started."""
    done = dag.wait_for("success", "failed")
    assert done["state"] == "success", dag.world.log(dag.dag_id, dag.run_id, "train", done["try_number"])
    assert dag.returned() == dag.dag_id
    assert Service.get(dag.workspace, dag.dag_id).run([1]) == "[1]"  # a script gets the text
    assert len(dag.marks()) == 1


def test_a_worker_that_is_killed_while_a_service_deploys(make_service_dag):
    dag = make_service_dag(retries="1")
    dag.wait_for_mark()
    end_all(dag.workers(), psutil.Process.kill)
    until(lambda: dag.task()["try_number"] == 2, "the second try")
    dag.let_go()

    is_up(dag)


def test_a_triggerer_that_is_killed_while_a_service_deploys(make_service_dag, world):
    dag = make_service_dag(deferrable="True")
    dag.wait_for("deferred")
    dag.wait_for_mark()
    world.triggerer.kill()
    world.triggerer.start()
    dag.let_go()

    is_up(dag)
