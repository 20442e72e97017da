"""Whatever is killed while a run goes on: it is submitted once, nothing is lost, nothing is left running."""

from __future__ import annotations

import psutil
import pytest
from services.airflow_world import end_all, until

pytestmark = [pytest.mark.xdist_group("airflow-world"), pytest.mark.timeout(900)]

EXECUTORS = ["LocalExecutor", "CeleryExecutor"]


@pytest.fixture
def make_on(make_dag, world):
    """Make a DAG for an executor; Celery's worker is started by the first test that needs it."""

    def make(executor: str, code: str = "", **settings: str):
        if executor == "CeleryExecutor" and not world.parts["celery"].is_running:
            world.parts["celery"].start()
        return make_dag(code, executor=repr(executor), **settings)

    return make


def ended_once(dag) -> None:
    """Assert that the task succeeded by the one run that was submitted."""
    done = dag.wait_for("success", "failed")
    assert done["state"] == "success", dag.world.log(dag.dag_id, dag.run_id, "train", done["try_number"])
    (run,) = dag.runs()
    assert run.get_status() == "Completed"
    assert dag.returned() == run.id
    assert len(dag.marks()) == 1
    assert dag.still_running() == []


@pytest.mark.parametrize("executor", EXECUTORS)
def test_nothing_happens(make_on, executor):
    dag = make_on(executor)
    dag.let_go()
    ended_once(dag)
    assert "the script ends" in dag.world.log(dag.dag_id, dag.run_id, "train")


@pytest.mark.parametrize("executor", EXECUTORS)
def test_a_killed_worker_loses_nothing(make_on, executor):
    dag = make_on(executor, retries="1")
    dag.wait_for_mark()
    killed = dag.workers()
    assert killed
    end_all(killed, psutil.Process.kill)
    until(lambda: dag.task()["try_number"] == 2, "the second try")
    dag.let_go()
    ended_once(dag)


def test_a_function_is_called_once_whatever_is_killed(make_function_dag):
    dag = make_function_dag(retries="2")
    dag.wait_for_mark()
    end_all(dag.workers(), psutil.Process.kill)
    until(lambda: dag.task()["try_number"] == 2, "the second try")
    dag.let_go()

    assert dag.wait_for("success", "failed")["state"] == "success"
    assert dag.returned() == 42
    assert dag.states() == ["Completed"]
    assert len(dag.marks()) == 1


def test_a_whole_machine_with_celery_that_is_gone_loses_nothing(make_on, world):
    dag = make_on("CeleryExecutor", retries="1")
    dag.wait_for_mark()
    world.parts["celery"].kill()
    world.parts["celery"].start()
    until(lambda: dag.task()["try_number"] == 2, "the second try")
    dag.let_go()
    ended_once(dag)


def test_a_killed_scheduler_with_its_workers_loses_nothing(make_dag, world):
    dag = make_dag(retries="1")
    dag.wait_for_mark()
    world.scheduler.kill()
    world.scheduler.start()
    until(lambda: dag.task()["try_number"] == 2, "the second try")
    dag.let_go()
    ended_once(dag)


def test_a_killed_server_of_ours_loses_nothing(make_dag, world):
    dag = make_dag(retries="3")
    dag.wait_for_mark()
    world.server.kill()
    dag.let_go()  # the script ends while nobody can write it down
    world.server.start()
    ended_once(dag)


@pytest.mark.parametrize("executor", EXECUTORS)
@pytest.mark.parametrize("state", ["failed", "success"])
def test_marking_the_task_in_the_middle_cancels_its_run(make_on, state, executor):
    dag = make_on(executor, retries="2")
    dag.wait_for_mark()
    dag.world.change(dag.dag_id, dag.run_id, "train", state)
    dag.wait_for_states("Canceled")
    assert dag.task()["state"] == state
    until(lambda: not dag.still_running(), "the end of the script")
    assert len(dag.marks()) == 1


def test_marking_a_task_that_waits_for_its_next_try_cancels_its_run(make_dag):
    dag = make_dag(retries="1", retry_delay="timedelta(hours=1)")
    dag.wait_for_mark()
    end_all(dag.workers(), psutil.Process.kill)
    dag.wait_for("up_for_retry")
    assert dag.runs()[0].record.cancel_requested_at is None
    dag.world.change(dag.dag_id, dag.run_id, "train", "failed")

    dag.wait_for_states("Canceled")
    until(lambda: not dag.still_running(), "the end of the script")


def test_clearing_the_task_in_the_middle_cancels_its_run_and_starts_another(make_dag):
    dag = make_dag()
    dag.wait_for_mark()
    dag.world.clear(dag.dag_id, dag.run_id, "train")
    dag.wait_for_mark(2)
    dag.let_go()
    assert dag.wait_for("success", "failed")["state"] == "success"
    dag.wait_for_states("Canceled", "Completed")
    assert dag.returned() == dag.runs()[1].id
    assert len(dag.marks()) == 2
    assert dag.still_running() == []


def test_a_failed_run_is_tried_again_as_another_run(make_dag):
    dag = make_dag(
        """
        import sys
        if len(marks.read_text().split()) == 1:
            sys.exit("no luck")
        """,
        retries="1",
    )
    dag.let_go()
    assert dag.wait_for("success", "failed")["state"] == "success"
    assert dag.states() == ["Failed", "Completed"]
    assert len(dag.marks()) == 2


def test_clearing_a_success_runs_afresh(make_dag):
    dag = make_dag()
    dag.let_go()
    dag.wait_for("success")
    dag.world.clear(dag.dag_id, dag.run_id, "train")
    until(lambda: dag.task()["try_number"] == 2, "the second try")
    dag.wait_for("success")
    assert dag.states() == ["Completed", "Completed"]
    assert dag.returned() == dag.runs()[1].id
