"""Pools that are created and deleted as compute targets: tasks, crashes, cancellation, failures, strangers' pools."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import uuid
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from services.azure import add_pool, batch_client, delete_pool
from services.dying import die_at

from aml_plugins import Experiment, ScriptRunConfig, Workspace
from aml_plugins.errors import AlreadyExistsError, InvalidInputError, OperationFailedError
from aml_plugins.runs.reconciliation.monitor import Monitor
from aml_plugins.store.records import DatastoreRecord
from aml_plugins.testing.jobs import wait_until

_SAVE = "aml_plugins.store.sql.provisionings.SqlProvisionings.save"
_REMOVE = "aml_plugins.store.sql.provisionings.SqlProvisionings.remove"
_TELL = "aml_plugins.provisioning.reconciling.tell"
_ASK = "aml_backends.azure_batch.sdk.SdkBatchApi"
BOUNDARIES = {
    "create": [
        (_TELL, "before", 1),
        (_SAVE, "after", 1),
        (f"{_ASK}.create_pool", "before", 1),
        (f"{_ASK}.create_pool", "after", 1),
        (_TELL, "after", 2),
        (_SAVE, "after", 2),
    ],
    "delete": [
        (_SAVE, "before", 1),
        (f"{_ASK}.delete_pool", "before", 1),
        (f"{_ASK}.delete_pool", "after", 1),
        (_REMOVE, "before", 1),
        (_REMOVE, "after", 1),
    ],
}
"""What is called in a creation and a deletion, and whether to be killed before or after which of the calls."""


@pytest.fixture
def pool(azure: Any) -> Iterator[str]:
    name = f"pool-{uuid.uuid4().hex[:8]}"
    yield name
    delete_pool(azure, name)


@pytest.fixture
def settings(azure: Any, azurite: Any, pool: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setenv("STORAGE_KEY", azurite.key)
    monkeypatch.setenv("BATCH_KEY", azure.settings.key)
    return {
        "account_url": azure.batch_url,
        "account_name": azure.settings.account,
        "account_key": "secret://env/BATCH_KEY",
        "pool": pool,
        "vm_size": "standard_d2s_v3",
        "max_nodes": 2,
        "idle_seconds_before_scaledown": 300,
    }


@pytest.fixture
def workspace(aml_home: Any, settings: dict[str, Any], azurite: Any) -> Workspace:
    blobs = {
        "account_url": azurite.url,
        "container": azurite.create_container(),
        "account_key": "secret://env/STORAGE_KEY",
    }
    workspace = Workspace.create("team-a")
    record = DatastoreRecord(workspace="team-a", name="blobs", type="azure-blob", config=blobs)
    workspace.context.store.datastores.add(record)
    workspace.update(default_datastore="blobs")
    return workspace


def is_there(azure: Any, pool: str) -> bool:
    with batch_client(azure) as client:
        return any(found.id == pool for found in client.list_pools())


def submit(workspace: Workspace, tmp_path: Any, script: str) -> Any:
    source = tmp_path / "src"
    source.mkdir()
    (source / "train.py").write_text(script)
    config = ScriptRunConfig(source, script="train.py", compute_target="cpu")
    return Experiment(workspace, "iris").submit(config)


def test_a_target_is_created_runs_a_script_and_is_deleted(workspace, settings, azure, tmp_path, capsys) -> None:
    made = workspace.create_compute("azure-batch", "cpu", **settings)
    run = submit(workspace, tmp_path, "print('hello')")
    driven = workspace.driver.drive([run.id])[run.id]
    assert driven.reason == "Waiting until compute target 'cpu' is created."
    made.wait_for_completion(show_output=True)
    assert capsys.readouterr().out == "The compute target 'cpu' is being created.\nThe compute target 'cpu' is ready.\n"
    assert (made.state, made.task.state, made.task.progress) == ("Ready", "Completed", 1.0)
    formula = workspace.plan_compute("azure-batch", "cpu", **settings)["autoScaleFormula"]
    assert "$TargetDedicatedNodes = max(0, min(2, nodes));" in formula
    with pytest.raises(InvalidInputError, match="has 1 runs that have not ended"):
        workspace.delete_compute("cpu")
    run.wait_for_completion()
    gone = workspace.delete_compute("cpu")
    gone.wait_for_completion()
    assert (gone.state, gone.task.state) == ("Deleted", "Completed")
    assert "cpu" not in workspace.compute_targets
    assert not is_there(azure, settings["pool"])
    for operation in (made, gone):
        steps = [(event.new, event.progress) for event in operation.task.events() if event.new]
        assert steps == [("Queued", 0.0), ("Running", 0.5), ("Completed", 1.0)]


def test_an_interrupted_wait_says_how_it_goes_on(workspace, settings, monkeypatch) -> None:
    made = workspace.create_compute("azure-batch", "cpu", **settings)
    with monkeypatch.context() as while_it_tells:
        while_it_tells.setattr("builtins.print", lambda *_, **__: os.kill(os.getpid(), signal.SIGINT))
        with pytest.raises(KeyboardInterrupt, match=r"goes on .*: aml compute show"):
            made.wait_for_completion(show_output=True)
    made.wait_for_completion()
    assert made.state == "Ready"
    workspace.delete_compute("cpu", wait=True)


def test_asked_again_it_is_the_same_creation(workspace, settings) -> None:
    first = workspace.create_compute("azure-batch", "cpu", **settings)
    assert workspace.create_compute("azure-batch", "cpu", **settings, wait=True).task.id == first.task.id
    assert workspace.create_compute("azure-batch", "cpu", **settings).task.state == "Completed"
    with pytest.raises(AlreadyExistsError, match="with other settings"):
        workspace.create_compute("azure-batch", "cpu", **{**settings, "max_nodes": 3})
    workspace.delete_compute("cpu", wait=True)


def test_a_monitor_creates_and_deletes_what_nobody_waits_for(workspace, settings, azure, pool) -> None:
    made = workspace.create_compute("azure-batch", "cpu", **settings)
    monitor = Monitor(workspace.context)
    assert monitor.has_work()
    monitor.run(threading.Event(), until_idle=True)
    assert (made.state, made.task.state, monitor.has_work()) == ("Ready", "Completed", False)
    gone = workspace.delete_compute("cpu")
    Monitor(workspace.context).run(threading.Event(), until_idle=True)
    assert gone.task.state == "Completed"
    assert not is_there(azure, pool)


def test_a_cancelled_creation_leaves_nothing(workspace, settings, azure, pool) -> None:
    made = workspace.create_compute("azure-batch", "cpu", **{**settings, "min_nodes": 2})
    with pytest.raises(OperationFailedError, match="not done in time"):
        made.wait_for_completion(timeout=0)
    wait_until(lambda: is_there(azure, pool))
    made.task.cancel()
    with pytest.raises(OperationFailedError, match="was canceled; nothing is left"):
        made.wait_for_completion()
    assert (made.task.state, made.task.progress) == ("Canceled", 0.5)
    assert not is_there(azure, pool)
    assert "cpu" not in workspace.compute_targets
    with pytest.raises(InvalidInputError, match="The task has ended"):
        made.task.cancel()


def test_a_creation_that_fails_leaves_nothing_and_says_why(workspace, settings, azure, pool) -> None:
    made = workspace.create_compute("azure-batch", "cpu", **{**settings, "min_nodes": 1000, "max_nodes": 1000})
    with pytest.raises(OperationFailedError, match=r"quota of dedicated cores is used up.*Nothing is left of it"):
        made.wait_for_completion()
    assert (made.task.state, made.task.progress, made.state) == ("Failed", 0.5, "Deleted")
    assert not is_there(azure, pool)
    assert "cpu" not in workspace.compute_targets


def test_a_creation_that_takes_too_long_is_given_up(workspace, settings, azure, pool, monkeypatch) -> None:
    slow = replace(azure.settings, delays=replace(azure.settings.delays, boot=3600))
    monkeypatch.setattr(azure.account, "settings", slow)
    made = workspace.create_compute("azure-batch", "cpu", timeout_seconds=0, **{**settings, "min_nodes": 2})
    with pytest.raises(OperationFailedError, match=r"not ready after 0 seconds.*Nothing is left of it"):
        made.wait_for_completion()
    assert not is_there(azure, pool)


def test_what_cannot_be_deleted_is_told_and_deleted_later(workspace, settings, azure, pool, monkeypatch) -> None:
    workspace.create_compute("azure-batch", "cpu", **settings, wait=True)
    monkeypatch.setenv("BATCH_KEY", "bm90IHRoZSBrZXk=")
    workspace.context.backends.forget("team-a", "cpu")
    with pytest.raises(OperationFailedError, match=r"could not be deleted, and may cost money: .*account_key"):
        workspace.delete_compute("cpu", wait=True)
    assert workspace.compute_operation("cpu").state == "Failed"
    monkeypatch.setenv("BATCH_KEY", azure.settings.key)
    workspace.context.backends.forget("team-a", "cpu")
    workspace.delete_compute("cpu", wait=True)
    assert not is_there(azure, pool)


def test_a_stranger_s_pool_is_neither_taken_nor_deleted(workspace, settings, azure, pool) -> None:
    add_pool(azure, pool)
    with pytest.raises(OperationFailedError, match="which 'cpu' did not create"):
        workspace.create_compute("azure-batch", "cpu", **settings, wait=True)
    assert is_there(azure, pool)
    assert "cpu" not in workspace.compute_targets


def test_detaching_keeps_the_pool(workspace, settings, azure, pool) -> None:
    made = workspace.create_compute("azure-batch", "cpu", **settings)
    with pytest.raises(InvalidInputError, match="is being created"):
        workspace.detach_compute("cpu")
    made.wait_for_completion()
    workspace.detach_compute("cpu")
    assert is_there(azure, pool)
    workspace.attach_compute("azure-batch", "cpu", **settings)
    with pytest.raises(InvalidInputError, match="was attached, not created"):
        workspace.delete_compute("cpu")


def test_mistakes_are_told_before_anything_is_written(workspace, settings) -> None:
    with pytest.raises(InvalidInputError, match="of type 'ssh' cannot be created here"):
        workspace.create_compute("ssh", "vm", host="example.com")
    with pytest.raises(InvalidInputError, match="do not say what machines"):
        workspace.create_compute("azure-batch", "cpu", **{**settings, "vm_size": None})
    with pytest.raises(InvalidInputError, match="'max_node'"):
        workspace.create_compute("azure-batch", "cpu", **settings, max_node=3)
    with pytest.raises(InvalidInputError, match="has no compute target 'cpu'"):
        workspace.delete_compute("cpu")
    assert list(workspace.compute_targets) == ["local"]


def act(home: str, action: str, step: str, when: str, call: int) -> None:
    os.environ["AML_HOME"] = home
    workspace = Workspace.get("team-a")
    die_at(step, when, call)
    operation = workspace.compute_operation("cpu") if action == "create" else workspace.delete_compute("cpu")
    assert operation is not None
    operation.wait_for_completion()
    sys.exit(7)  # the step was not reached


@pytest.mark.parametrize("action", ["create", "delete"])
def test_killed_anywhere_another_driver_goes_on(workspace, settings, azure, pool, action) -> None:
    spawn = multiprocessing.get_context("spawn")
    for step, when, call in BOUNDARIES[action]:
        made = workspace.create_compute("azure-batch", "cpu", **settings)
        if action == "delete":
            made.wait_for_completion()
        process = spawn.Process(target=act, args=(os.environ["AML_HOME"], action, step, when, call))
        process.start()
        process.join(240)
        assert process.exitcode == -signal.SIGKILL, (step, when, call)
        if action == "create":
            made.wait_for_completion()
            assert (made.task.state, is_there(azure, pool)) == ("Completed", True), (step, when, call)
        if workspace.compute_operation("cpu") is not None:
            workspace.delete_compute("cpu", wait=True)
        assert not is_there(azure, pool), (step, when, call)
        assert "cpu" not in workspace.compute_targets
