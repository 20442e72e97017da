"""Killing a task cancels its run, whenever it comes."""

from __future__ import annotations

import os
import signal

import pytest

pytestmark = pytest.mark.xdist_group("airflow")

TERM = int(signal.SIGTERM)
SLEEP = "import time; time.sleep(600)"


def test_killing_the_task_cancels_its_run(make_task):
    task = make_task(SLEEP, retries="1")
    task.begin()
    task.wait_for_mark()
    os.kill(task.worker.pid, signal.SIGTERM)

    done = task.worker.reply()

    assert done["state"] == "up_for_retry", done  # a worker that has to go; a user's kill is not asked for its state
    (run,) = task.runs()
    assert run.status == "Canceled"


@pytest.mark.parametrize(
    "point",
    [
        "aml_plugins.runs.submission:take_snapshot",  # nothing is written down
        "aml_plugins.store.sql.runs:add_task",  # the database's write lock is held
        "aml_plugins.runs.reconciliation.driver:advance",  # the run's lease is held, a step is half done
        "aml_plugins.experiment:Experiment.submit",
    ],
)
def test_a_task_killed_while_it_submits_cancels_what_it_submitted(make_task, point):
    task = make_task(SLEEP)
    done = task.attempt((point, TERM))

    assert done["state"] == "failed", done
    (run,) = task.runs()
    assert run.status == "Canceled"


def test_a_task_killed_before_it_submits_submits_nothing(make_task):
    task = make_task(SLEEP)
    done = task.attempt(("aml_plugins.workspace:open_context", TERM))

    assert done["state"] == "failed", done
    assert "killed before" in done["error"]
    assert task.runs() == []
    assert task.marks() == []


def test_a_timeout_cancels_the_run_and_the_next_try_has_its_own(make_task, wait_for_end):
    task = make_task(SLEEP, retries="1", execution_timeout="timedelta(hours=1)")
    task.begin()
    task.wait_for_mark()
    os.kill(task.worker.pid, signal.SIGALRM)  # what Airflow's timer does after that hour

    assert task.worker.reply()["state"] == "up_for_retry"
    (run,) = task.runs()
    assert run.record.cancel_requested_at is not None
    task.marks_file.unlink()
    task.begin()
    task.wait_for_mark()
    os.kill(task.worker.pid, signal.SIGTERM)
    task.worker.reply()
    first, second = task.runs()
    assert first.id == run.id
    assert [wait_for_end(first), wait_for_end(second)] == ["Canceled", "Canceled"]
    assert first.record.ended_at < second.record.created_at


def test_a_run_that_somebody_canceled_is_not_tried_again(make_task):
    task = make_task(SLEEP, retries="3")
    task.begin()
    task.wait_for_mark()
    (run,) = task.runs()
    run.cancel()

    done = task.worker.reply()

    assert done["state"] == "failed", done
    assert run.id in done["error"]
    assert task.runs()[0].status == "Canceled"
