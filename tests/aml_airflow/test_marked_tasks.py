"""Whose marks the listener hears; what it does then is tried in a whole Airflow (``world``)."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from aml_airflow.plugins import marked_tasks
from aml_plugins import ScriptRunConfig, Workspace

OURS = "aml_airflow.triggers.run.AmlRunTrigger"


@pytest.fixture
def run(tmp_path, aml_home, monkeypatch):
    """A run that goes on."""
    monkeypatch.setenv("AML_AUTO_MONITOR", "0")
    (tmp_path / "task.py").write_text("import time; time.sleep(600)")
    workspace = Workspace.get()
    submitted = workspace.experiment("marked").submit(
        ScriptRunConfig(tmp_path, script="task.py", compute_target="local")
    )
    yield submitted
    submitted.cancel()
    submitted.wait_for_completion(raise_on_error=False)


def is_to_end(run) -> bool:
    return Workspace.get().get_run(run.id).record.cancel_requested_at is not None


def heard(previous_state, **instance) -> None:
    """Tell the listener, and wait until it has done what it does."""
    listener, task = marked_tasks.MarkedTasks(), SimpleNamespace(**instance)
    listener.on_task_instance_success(previous_state, task)
    listener.on_task_instance_failed(previous_state, task, "an error")
    listener.on_task_instance_skipped(previous_state, task)
    marked_tasks._threads().shutdown(wait=True)
    marked_tasks._threads.cache_clear()


@pytest.mark.parametrize(
    ("previous_state", "kind", "canceled"),
    [(None, OURS, True), ("running", OURS, False), (None, "somebody.else.Trigger", False)],
)
def test_a_users_mark_on_a_deferred_task_of_ours_cancels(run, previous_state, kind, canceled):
    arguments = {"run_id": run.id}
    heard(previous_state, trigger_id=1, trigger=SimpleNamespace(classpath=kind, kwargs=arguments))

    assert is_to_end(run) == canceled


def test_a_worker_and_a_trigger_that_is_gone_are_left_alone(run):
    heard(None, dag_id="dag")
    heard(None, trigger_id=1, trigger=None)

    assert not is_to_end(run)


def test_what_cannot_be_reached_is_named_in_the_log(aml_home, caplog):
    heard(None, trigger_id=1, trigger=SimpleNamespace(classpath=OURS, kwargs={"run_id": "0" * 32}))

    assert "0" * 32 in caplog.text
