"""Whose marks the listener hears; the API server itself, where they arrive, is part of ``world``."""

from __future__ import annotations

import signal
import time
import uuid
from types import SimpleNamespace

import pytest

from aml_airflow.plugins import marked_tasks, taking_back
from aml_airflow.plugins.begun import Begun
from aml_plugins import Run, ScriptRunConfig, Workspace
from aml_plugins.provisioning.telling import tell
from aml_plugins.store.records import ComputeTargetRecord, ProvisioningRecord

pytestmark = [pytest.mark.xdist_group("airflow"), pytest.mark.timeout(900)]

OURS = "aml_airflow.triggers.run.AmlRunTrigger"
KILL = int(signal.SIGKILL)
SLEEPS = "import time; time.sleep(900)"
CREATION = {"aml_conn_id": None, "compute_type": "azure-batch", "compute_name": "pool"}


@pytest.fixture
def run(tmp_path, aml_home, monkeypatch):
    """A run that goes on."""
    (tmp_path / "task.py").write_text(SLEEPS)
    workspace = Workspace.get()
    submitted = workspace.experiment("marked").submit(
        ScriptRunConfig(tmp_path, script="task.py", compute_target="local")
    )
    yield submitted
    submitted.cancel()
    submitted.wait_for_completion(raise_on_error=False)


def is_to_end(run: Run) -> bool:
    return Workspace.get().get_run(run.id).record.cancel_requested_at is not None


def heard(previous_state, **instance) -> None:
    """Tell the listener, and wait until it has done what it does."""
    listener, task = marked_tasks.MarkedTasks(), SimpleNamespace(**instance)
    listener.on_task_instance_success(previous_state, task)
    listener.on_task_instance_failed(previous_state, task, "an error")
    listener.on_task_instance_skipped(previous_state, task)
    taking_back.threads().shutdown(wait=True)
    taking_back.threads.cache_clear()


@pytest.mark.parametrize(
    ("previous_state", "kind", "canceled"),
    [(None, OURS, True), ("running", OURS, False), (None, "somebody.else.Trigger", False)],
)
def test_a_users_mark_on_a_deferred_task_of_ours_cancels(run, previous_state, kind, canceled):
    arguments = {"run_id": run.id}
    heard(previous_state, trigger_id=1, trigger=SimpleNamespace(classpath=kind, kwargs=arguments))

    assert is_to_end(run) == canceled


def test_what_cannot_be_reached_is_named_in_the_log(aml_home, caplog):
    heard(None, trigger_id=1, trigger=SimpleNamespace(classpath=OURS, kwargs={"run_id": "0" * 32}))

    assert "0" * 32 in caplog.text


def wait_until_canceled(task) -> None:
    """Wait for the listener's threads in the worker's process."""
    deadline = time.monotonic() + 300
    while not is_to_end(task.runs()[-1]):
        assert time.monotonic() < deadline, task.worker.log.read_text()[-4000:]
        time.sleep(0.2)


@pytest.fixture
def leave_nothing():
    """End what a test leaves running."""
    tasks = []
    yield tasks.append
    for task in tasks:
        for run in task.runs():
            run.cancel()
            run.wait_for_completion(raise_on_error=False)


@pytest.mark.parametrize("how", ["mark", "delete_run"])
def test_who_marks_or_deletes_a_task_that_waits_for_its_next_try_cancels_its_run(make_task, leave_nothing, how):
    task = make_task(SLEEPS, retries="1")
    leave_nothing(task)
    with pytest.raises(ProcessLookupError):
        task.attempt(("aml_plugins.experiment:Experiment.submit", KILL))
    assert task.ask("lost")["state"] == "up_for_retry"
    assert not is_to_end(task.runs()[0])

    task.ask(how)

    wait_until_canceled(task)


@pytest.mark.parametrize(
    ("after", "how"),
    [
        ("aml_airflow.operators.run:claim", "mark"),  # the listener's first look is before there is a run
        ("aml_plugins.experiment:Experiment.submit", "mark_run"),
        ("aml_plugins.experiment:Experiment.submit", "time_out_run"),
    ],
)
def test_a_worker_that_leaves_before_it_hears_that_its_task_is_over_leaves_no_run(make_task, leave_nothing, after, how):
    task = make_task(SLEEPS, deferrable="True")
    leave_nothing(task)

    task.attempt((after, how))

    wait_until_canceled(task)


@pytest.fixture
def run_of_a_second_try(tmp_path, aml_home):
    (tmp_path / "task.py").write_text(SLEEPS)
    config = ScriptRunConfig(tmp_path, script="task.py", compute_target="local")
    experiment = Workspace.get().experiment("marked")
    key, tags = "airflow/dag/first/train/-1/1", {"airflow.try_number": "2"}
    submitted = experiment.submit(config, tags=tags, idempotency_key=key)
    yield submitted
    submitted.cancel()
    submitted.wait_for_completion(raise_on_error=False)


def test_a_creation_is_taken_back_by_the_task_that_began_it_alone(aml_home):
    workspace = Workspace.get()
    first, second = (Begun("dag", "first", name, -1, 1, CREATION) for name in ("first", "second"))
    add_creation(workspace, maker="airflow/dag/first/first/-1 1")

    assert not second.take_back(workspace)
    assert not workspace.compute_operation("pool").record.desired["absent"]
    assert first.take_back(workspace)
    assert workspace.compute_operation("pool").record.desired["absent"]


def add_creation(workspace, *, maker) -> None:
    """Write a creation down that somebody drives."""
    target = ComputeTargetRecord(workspace=workspace.name, name="pool", type="azure-batch")
    record = ProvisioningRecord(
        workspace=workspace.name,
        name="pool",
        operation_id=uuid.uuid4().hex,
        type="azure-batch",
        desired={"request": 1, "absent": False},
        lease_owner="a driver",
        lease_until=time.time() + 3600,
        maker=maker,
    )
    workspace.context.store.provisionings.add(record, target)
    tell(workspace.context, record, "Queued", "Create 'pool'.")


def test_what_a_later_try_has_begun_is_not_taken_back(run_of_a_second_try):
    workspace = Workspace.get()
    first, second = (Begun("dag", "first", "train", -1, number, {"aml_conn_id": None}) for number in (1, 2))

    assert not first.take_back(workspace)
    assert not is_to_end(run_of_a_second_try)
    assert second.take_back(workspace)
    assert is_to_end(run_of_a_second_try)
