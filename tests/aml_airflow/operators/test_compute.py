"""Compute targets that a DAG creates and deletes."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from services.azure import batch_client, delete_pool
from services.world_parts import until

from aml_plugins import Workspace
from aml_plugins.provisioning.operation import ComputeOperation
from aml_plugins.testing.azure_emulator import AzureEmulator, Delays, Settings

pytestmark = [pytest.mark.xdist_group("airflow"), pytest.mark.timeout(600)]

_DAG = """
from airflow.sdk import DAG
from aml_airflow.operators.compute import AmlCreateComputeOperator, AmlDeleteComputeOperator

with DAG("DAG_ID", schedule=None):
    create = AmlCreateComputeOperator(task_id="create", compute_name="cpu", compute_type="azure-batch",
                                      settings=SETTINGS, deferrable=DEFERRABLE)
    create >> AmlCreateComputeOperator(task_id="again", compute_name="cpu", compute_type="azure-batch",
                                       settings=SETTINGS) \\
        >> AmlDeleteComputeOperator(task_id="delete", compute_name="cpu", deferrable=DEFERRABLE) \\
        >> AmlDeleteComputeOperator(task_id="gone", compute_name="cpu")
"""


@pytest.fixture
def pool(azure: Any, own_monitor: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The name of a pool that is not there, and is not left."""
    monkeypatch.setenv("AML_TEST_BATCH_KEY", azure.settings.key)
    name = f"pool-{uuid.uuid4().hex[:8]}"
    yield name
    delete_pool(azure, name)


@pytest.fixture
def settings(azure: Any, pool: str) -> dict[str, Any]:
    """What a pool of Azure Batch needs."""
    return {
        "account_url": azure.batch_url,
        "account_name": azure.settings.account,
        "account_key": "secret://env/AML_TEST_BATCH_KEY",
        "pool": pool,
        "vm_size": "standard_d2s_v3",
        "max_nodes": 1,
    }


@pytest.mark.parametrize("deferrable", ["False", "True"])
def test_a_target_is_created_once_and_deleted_once(run_dag, azure, pool, settings, deferrable):
    done = run_dag(_DAG.replace("SETTINGS", repr(settings)).replace("DEFERRABLE", deferrable))

    states = {name: task["state"] for (name, _), task in done.items()}
    assert set(states.values()) == {"success"}, states
    assert {task["returned"] for task in done.values()} == {"cpu"}
    assert "cpu" not in Workspace.get().compute_targets
    with batch_client(azure) as client:
        assert pool not in [found.id for found in client.list_pools()]


def test_a_worker_that_is_killed_while_it_creates_a_target_creates_one(one_task, azure, pool, settings):
    task = one_task(
        "compute", "AmlCreateComputeOperator", compute_name="cpu", compute_type="azure-batch", settings=settings
    )
    task.lose_worker("aml_plugins.store.sql.provisionings:SqlProvisionings.add")  # wanted, and nobody was asked for it

    done = task.ask("attempt")

    assert (done["state"], done["returned"]) == ("success", "cpu"), done
    assert [operation_of("cpu").state, "cpu" in Workspace.get().compute_targets] == ["Ready", True]
    with batch_client(azure) as client:
        assert [found.id for found in client.list_pools()].count(pool) == 1


@pytest.fixture
def slow_azure() -> Iterator[AzureEmulator]:
    """An Azure that takes a minute for a node: whoever cancels comes in time."""
    with AzureEmulator(Settings(validate=True, delays=Delays(allocation=60.0))) as emulator:
        yield emulator
        assert emulator.violations == []


def test_a_mark_cancels_the_creation_that_nobody_looks_after(one_task, slow_azure, pool, settings):
    settings |= {"account_url": slow_azure.batch_url, "min_nodes": 1}
    task = one_task(
        "compute", "AmlCreateComputeOperator", compute_name="cpu", compute_type="azure-batch", settings=settings
    )
    task.ask("attempt", interrupt=("aml_plugins.store.sql.provisionings:SqlProvisionings.add", "mark"))

    until(lambda: Workspace.get().compute_operation("cpu") is None, "the end of the creation and of what there was")
    assert "cpu" not in Workspace.get().compute_targets
    with batch_client(slow_azure) as client:
        assert pool not in [found.id for found in client.list_pools()]


def operation_of(name: str) -> ComputeOperation:
    operation = Workspace.get().compute_operation(name)
    assert operation is not None
    return operation
