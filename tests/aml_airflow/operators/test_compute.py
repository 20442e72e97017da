"""Compute targets that a DAG creates and deletes."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from services.azure import batch_client, delete_pool

from aml_plugins import Workspace

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


@pytest.mark.parametrize("deferrable", ["False", "True"])
def test_a_target_is_created_once_and_deleted_once(run_dag, azure, pool, deferrable):
    settings = {
        "account_url": azure.batch_url,
        "account_name": azure.settings.account,
        "account_key": "secret://env/AML_TEST_BATCH_KEY",
        "pool": pool,
        "vm_size": "standard_d2s_v3",
        "max_nodes": 1,
    }
    done = run_dag(_DAG.replace("SETTINGS", repr(settings)).replace("DEFERRABLE", deferrable))

    states = {name: task["state"] for (name, _), task in done.items()}
    assert set(states.values()) == {"success"}, states
    assert {task["returned"] for task in done.values()} == {"cpu"}
    assert "cpu" not in Workspace.get().compute_targets
    with batch_client(azure) as client:
        assert pool not in [found.id for found in client.list_pools()]
