"""A deferred task's run: watched by the triggerer, whatever is killed, marked or cleared meanwhile."""

from __future__ import annotations

import pytest
from services.airflow_world import until

pytestmark = [pytest.mark.xdist_group("airflow-world"), pytest.mark.timeout(900)]


@pytest.fixture
def make_deferred(make_dag):
    """Make a DAG whose task has left its worker, with its script running and a trigger that watches it.

    Airflow tells a trigger that has not begun yet of nothing: what a user does in that second, nobody hears of.
    """

    def make(code: str = "", **settings: str):
        dag = make_dag(code, deferrable="True", poll_interval="1.0", **settings)
        dag.wait_for("deferred")
        dag.wait_for_mark()
        until(lambda: "the script is started" in log_of(dag), "the script's output in the log of the deferred task")
        return dag

    return make


def log_of(dag) -> str:
    return dag.world.log(dag.dag_id, dag.run_id, "train", dag.task()["try_number"])


def wait_for_the_first_to_end(dag) -> None:
    """Both scripts are let go by one mark: the canceled one may not see it."""
    until(lambda: dag.states()[0] == "Canceled", "the end of the canceled run")


def links_of(dag) -> dict[str, str]:
    path = f"dags/{dag.dag_id}/dagRuns/{dag.run_id}/taskInstances/train/links"
    return dict(dag.world.ask("GET", path)["extra_links"])


def test_the_triggerer_waits_with_the_log(make_deferred):
    dag = make_deferred()
    until(lambda: not dag.workers(), "the end of the worker that deferred")
    (run,), url = dag.runs(), dag.world.server.url
    assert links_of(dag) == {
        "MLflow run": f"{url}/#/experiments/{run.record.experiment_id}/runs/{run.id}?workspace=default",
        "AML console": f"{url}/aml/workspaces/default/runs/{run.id}",
    }
    dag.let_go()

    done = dag.wait_for("success", "failed")

    assert done["state"] == "success", log_of(dag)
    assert dag.returned() == run.id
    assert dag.states() == ["Completed"]
    log = log_of(dag)
    assert log.count("the script is started") == 1, log
    assert log.count("the script ends") == 1, log


def test_a_triggerer_that_is_killed_loses_nothing_and_takes_back_only_what_is_cleared_meanwhile(
    make_deferred, make_function_dag, world
):
    dag, cleared = make_function_dag(deferrable="True", retries="2"), make_deferred()
    dag.wait_for("deferred")
    dag.wait_for_mark()
    world.triggerer.kill()
    try:
        world.clear(cleared.dag_id, cleared.run_id, "train")
        cleared.wait_for_mark(2)
    finally:
        world.triggerer.start()
    wait_for_the_first_to_end(cleared)
    for one in (dag, cleared):
        one.let_go()

    for one in (dag, cleared):
        assert one.wait_for("success", "failed")["state"] == "success", log_of(one)
    assert dag.returned() == 42
    assert [dag.states(), cleared.states()] == [["Completed"], ["Canceled", "Completed"]]
    assert [len(dag.marks()), len(cleared.marks())] == [1, 2]


def test_a_triggerer_that_is_restarted_cancels_nothing(make_deferred, world):
    dag = make_deferred()
    world.triggerer.stop()
    world.triggerer.start()
    assert dag.runs()[0].record.cancel_requested_at is None
    dag.let_go()

    assert dag.wait_for("success", "failed")["state"] == "success", log_of(dag)
    assert len(dag.marks()) == 1


def test_a_store_that_is_away_while_a_trigger_watches_is_waited_for(make_deferred, world):
    dag = make_deferred()
    world.server.kill()
    try:
        dag.let_go()  # the script ends while nobody can write it down
        until(lambda: "cannot be asked now" in world.triggerer.log.read_text(), "a look that fails")
        assert dag.task()["state"] == "deferred"
    finally:
        world.server.start()

    assert dag.wait_for("success", "failed")["state"] == "success", log_of(dag)
    assert dag.states() == ["Completed"]
    assert len(dag.marks()) == 1


@pytest.mark.parametrize("state", ["failed", "success"])
def test_marking_a_deferred_task_cancels_its_run(make_deferred, state):
    dag = make_deferred(retries="2")
    dag.world.change(dag.dag_id, dag.run_id, "train", state)

    dag.wait_for_states("Canceled")
    until(lambda: not dag.still_running(), "the end of the script")
    assert dag.task()["state"] == state


def test_clearing_a_deferred_task_cancels_its_run_and_starts_another(make_deferred):
    dag = make_deferred()
    dag.world.clear(dag.dag_id, dag.run_id, "train")
    dag.wait_for_mark(2)
    wait_for_the_first_to_end(dag)
    dag.let_go()

    assert dag.wait_for("success", "failed")["state"] == "success", log_of(dag)
    assert dag.states() == ["Canceled", "Completed"]
    assert dag.returned() == dag.runs()[1].id
    assert dag.still_running() == []


def test_a_deferred_task_has_a_time_limit(make_deferred):
    dag = make_deferred(execution_timeout="timedelta(seconds=45)")

    dag.wait_for_states("Canceled")
    assert dag.wait_for("failed", "success")["state"] == "failed"
    assert dag.still_running() == []


def test_a_script_that_fails_is_tried_again_as_another_run(make_deferred):
    dag = make_deferred("raise SystemExit('no luck')", retries="1")
    dag.let_go()

    assert dag.wait_for("failed", "success")["state"] == "failed"
    assert dag.states() == ["Failed", "Failed"]


def test_a_run_that_somebody_canceled_is_not_tried_again(make_deferred):
    dag = make_deferred(retries="3")
    dag.runs()[0].cancel()

    done = dag.wait_for("failed", "success")

    assert (done["state"], done["try_number"]) == ("failed", 1)
    assert dag.states() == ["Canceled"]
