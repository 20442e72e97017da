"""One identity in every try: killed workers, failed runs, cleared tasks."""

from __future__ import annotations

import signal

import pytest

pytestmark = pytest.mark.xdist_group("airflow")

KILL = int(signal.SIGKILL)


@pytest.mark.parametrize(
    "point",
    [
        "aml_plugins.store.sql.runs:SqlRuns.add",  # the run is written down, nothing was sent out
        "aml_plugins.experiment:Experiment.submit",  # submitted, and the operator knows nothing of it yet
        "aml_airflow.operators.run:mark_delivered",  # the run has ended, Airflow does not know it
    ],
)
def test_a_worker_killed_anywhere_has_its_script_run_once(make_task, point):
    task = make_task(retries="1")
    with pytest.raises(ProcessLookupError):
        task.attempt((point, KILL))
    assert task.ask("lost")["state"] == "up_for_retry"

    done = task.attempt()

    assert done["state"] == "success", done
    assert done["try_number"] == 2
    assert [run.id for run in task.runs()] == [done["returned"]]
    assert len(task.marks()) == 1


def test_a_worker_killed_by_its_own_script_finds_it_again(make_task, tmp_path):
    task = make_task(
        """
        import os, pathlib, signal
        os.kill(int(pathlib.Path(sys.argv[1]).read_text()), signal.SIGKILL)
        print("after the murder")
        """,
        arguments=repr([str(tmp_path / "pid")]),
        retries="1",
    )
    (tmp_path / "pid").write_text(str(task.worker.pid))
    with pytest.raises(ProcessLookupError):
        task.attempt()
    task.ask("lost")

    done = task.attempt()

    assert done["state"] == "success", done
    assert [run.id for run in task.runs()] == [done["returned"]]
    assert len(task.marks()) == 1
    assert "after the murder" in task.worker.log.read_text()


def test_a_failing_script_with_one_retry_runs_twice_as_two_runs(make_task):
    task = make_task("sys.exit('no luck')", retries="1")
    first = task.attempt()
    second = task.attempt()

    assert [first["state"], second["state"]] == ["up_for_retry", "failed"]
    runs = task.runs()
    assert [run.status for run in runs] == ["Failed", "Failed"]
    assert runs[0].id in first["error"]
    assert runs[1].id in second["error"]
    assert len(task.marks()) == 2


@pytest.mark.parametrize("deferrable", ["False", "True"])
def test_airflow_retries_by_itself(make_task, deferrable):
    task = make_task("sys.exit('no luck')", retries="1", deferrable=deferrable, poll_interval="1.0")
    done = task.worker.ask("test_dag", dag_id=task.dag_id)

    assert done["state"] == "failed"
    assert [run.status for run in task.runs()] == ["Failed", "Failed"]
    assert len(task.marks()) == 2


def test_a_success_that_was_cleared_runs_afresh_each_time(make_task):
    task = make_task(retries="1")
    returned = [task.attempt()["returned"]]
    for _ in range(2):
        task.ask("clear")
        returned.append(task.attempt()["returned"])

    assert [run.id for run in task.runs()] == returned
    assert len(set(returned)) == len(task.marks()) == 3


def test_a_dag_run_that_was_deleted_and_created_anew_runs_afresh(make_task):
    task = make_task()
    first = task.attempt()["returned"]
    task.ask("delete_run")
    task.ask("create")

    second = task.attempt()["returned"]

    assert first != second
    assert len(task.marks()) == 2


def test_a_run_deleted_in_mlflow_does_not_count(make_task):
    task = make_task(retries="1")
    with pytest.raises(ProcessLookupError):
        task.attempt(("aml_airflow.operators.run:mark_delivered", KILL))
    task.ask("lost")
    (deleted,) = task.runs()
    deleted.workspace.context.store.runs.mark_released([deleted.id], released=True)

    done = task.attempt()

    assert done["state"] == "success", done
    assert done["returned"] != deleted.id


def test_a_task_that_is_not_durable_goes_on_with_nothing_and_leaves_nothing(make_task, tmp_path):
    task = make_task(
        "import time\nif len(open(sys.argv[1]).readlines()) == 1: time.sleep(600)",
        arguments=repr([str(tmp_path / "marks")]),
        durable="False",
        retries="1",
    )
    with pytest.raises(ProcessLookupError):
        task.attempt(("aml_plugins.experiment:Experiment.submit", KILL))
    task.wait_for_mark()
    task.ask("lost")

    done = task.attempt()

    assert done["state"] == "success", done
    first, second = task.runs()
    assert done["returned"] == second.id
    assert [first.status, second.status] == ["Canceled", "Completed"]
