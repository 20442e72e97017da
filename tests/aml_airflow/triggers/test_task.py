"""The trigger that waits for a task of a workspace, in a real trigger runner."""

from __future__ import annotations

import uuid

import pytest
from services.azure import batch_client, delete_pool
from services.world_parts import until

from aml_plugins import Workspace

pytestmark = [pytest.mark.xdist_group("airflow"), pytest.mark.timeout(900)]

TRIGGER = "aml_airflow.triggers.task.AmlTaskTrigger"


@pytest.fixture
def creation(azure, aml_home, monkeypatch):
    """A pool of Azure Batch that somebody wants, and that nobody creates yet."""
    monkeypatch.setenv("AML_TEST_BATCH_KEY", azure.settings.key)
    name = f"pool-{uuid.uuid4().hex[:8]}"
    wanted = Workspace.get().create_compute(
        "azure-batch",
        "cpu",
        account_url=azure.batch_url,
        account_name=azure.settings.account,
        account_key="secret://env/AML_TEST_BATCH_KEY",
        pool=name,
        vm_size="standard_d2s_v3",
        max_nodes=1,
    )
    yield wanted, name
    delete_pool(azure, name)


def test_a_triggerer_that_is_killed_while_a_target_is_created_loses_nothing(triggerer, azure, creation):
    creation, pool = creation
    start = [1, TRIGGER, {"aml_task_id": creation.task.id, "cancel_on_kill": True, "poll_interval": 0.5}]
    triggerer.tell(start=start)
    until(lambda: ["task", 1] in looks_of(triggerer), "a look at the creation")
    triggerer.stop()  # with SIGKILL
    triggerer.start()
    triggerer.tell(start=start)
    until(lambda: ["task", 1] in looks_of(triggerer), "a look at the creation")
    creation.wait_for_completion()

    (*_, ended) = triggerer.hear_until("event")

    assert ended["event"] == {"aml_task_id": creation.task.id, "state": "Completed"}
    assert "cpu" in Workspace.get().compute_targets
    with batch_client(azure) as client:
        assert [found.id for found in client.list_pools()].count(pool) == 1


def looks_of(triggerer) -> list[list]:
    """For each look: the kind, and how many were asked for."""
    triggerer.tell(looks=True)
    return triggerer.hear_until("looks")[-1]["looks"]
