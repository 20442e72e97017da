"""Pools: resizing, autoscale, quotas, nodes."""

from __future__ import annotations

import uuid

import pytest
from services.azure import POOL, batch_client

from aml_plugins.testing.azure_emulator import AzureEmulator, Delays, Quotas, Settings
from aml_plugins.testing.azure_emulator.batch.autoscale import evaluate
from aml_plugins.testing.jobs import wait_until


@pytest.fixture(scope="module")
def small():
    """An account with room for three nodes, whose five minutes are a tenth of a second."""
    settings = Settings(quotas=Quotas(dedicated_nodes=3), delays=Delays(scale=1 / 3000), validate=True)
    with AzureEmulator(settings) as emulator:
        yield emulator
        assert emulator.violations == []


@pytest.fixture
def client(small):
    with batch_client(small) as client:
        yield client


@pytest.fixture
def pool(client):
    name = f"pool-{uuid.uuid4().hex[:8]}"
    client.create_pool({**POOL, "id": name})
    steady(client, name)
    yield name
    client.begin_delete_pool(name, polling_interval=0.05).result()


def steady(client, pool):
    wait_until(lambda: client.get_pool(pool).allocation_state == "steady")
    return client.get_pool(pool)


def test_a_resize_beyond_the_quota_ends_with_an_error(client, pool):
    client.begin_resize_pool(pool, {"targetDedicatedNodes": 5}, polling_interval=0.05)
    found = steady(client, pool)
    assert (found.current_dedicated_nodes, found.target_dedicated_nodes) == (3, 5)
    assert [error.code for error in found.resize_errors] == ["AccountCoreQuotaReached"]


def test_one_resize_at_a_time(client, pool, refused):
    client.begin_resize_pool(pool, {"targetDedicatedNodes": 1}, polling_interval=1)
    refused("PoolBeingResized", 409, lambda: client.begin_resize_pool(pool, {"targetDedicatedNodes": 2}))
    client.begin_stop_pool_resize(pool, polling_interval=1)
    found = steady(client, pool)
    assert [error.message for error in found.resize_errors] == [
        "Desired number of dedicated nodes could not be allocated due to a stop resize operation"
    ]


def test_a_formula_brings_nodes_for_work_and_takes_them_away(client, pool):
    formula = "$TargetDedicatedNodes = min(2, $PendingTasks.GetSample(1)); $NodeDeallocationOption = taskcompletion;"
    client.enable_pool_auto_scale(pool, {"autoScaleFormula": formula, "autoScaleEvaluationInterval": "PT5M"})
    assert client.get_pool(pool).current_dedicated_nodes == 0
    client.create_job({"id": pool, "poolInfo": {"poolId": pool}})
    client.create_task(pool, {"id": "t", "commandLine": "true"})
    wait_until(lambda: client.get_task(pool, "t").state == "completed")
    wait_until(lambda: client.get_pool(pool).current_dedicated_nodes == 0)
    client.begin_delete_job(pool, polling_interval=0.05).result()


def test_a_start_task_that_fails_is_seen_at_its_node(client):
    name = f"pool-{uuid.uuid4().hex[:8]}"
    client.create_pool(
        {
            **POOL,
            "id": name,
            "targetDedicatedNodes": 1,
            "startTask": {"commandLine": "/bin/sh -c 'exit 4'", "waitForSuccess": True},
        }
    )
    wait_until(lambda: [node.state for node in client.list_nodes(name)] == ["starttaskfailed"])
    node = next(iter(client.list_nodes(name)))
    assert (node.start_task_info.exit_code, node.start_task_info.failure_info.code) == (4, "FailureExitCode")
    client.begin_reboot_node(name, node.id, {"nodeRebootOption": "requeue"}, polling_interval=0.05)
    wait_until(lambda: client.get_node(name, node.id).state == "starttaskfailed")
    client.begin_remove_nodes(name, {"nodeList": [node.id]}, polling_interval=0.05).result()
    assert list(client.list_nodes(name)) == []
    client.begin_delete_pool(name, polling_interval=0.05).result()


FORMULAS = {
    "$TargetDedicatedNodes=0;$TargetLowPriorityNodes=3;$NodeDeallocationOption=requeue": (
        "$TargetDedicatedNodes=0;$TargetLowPriorityNodes=3;$NodeDeallocationOption=requeue"
    ),
    "a = 1 + 2 * 3; $TargetDedicatedNodes = a > 6 && !(a == 8) ? a : 0;": (
        "$TargetDedicatedNodes=7;$NodeDeallocationOption=requeue;a=7"
    ),
    "$TargetDedicatedNodes = max(-1, min(4, avg($PendingTasks.GetSample(TimeInterval_Minute * 5))));": (
        "$TargetDedicatedNodes=0;$NodeDeallocationOption=requeue"
    ),
    "x = val($ActiveTasks.GetSample(3), 1) + len($ActiveTasks.GetSample(3)); $TargetDedicatedNodes = x;": (
        "$TargetDedicatedNodes=3;$NodeDeallocationOption=requeue;x=3"
    ),
}


@pytest.mark.parametrize("formula", FORMULAS)
def test_formulas(small, client, pool, formula):
    assert evaluate(formula, small.account.pool(pool), small.account)["results"] == FORMULAS[formula]


@pytest.mark.parametrize(
    "formula", ["nonsense", "$TargetDedicatedNodes = ;", "a = b;", "a = 1 / 0;", "a = foo(1);", "a = (1;", "a = 1 2;"]
)
def test_a_wrong_formula_is_told(small, client, pool, formula):
    run = evaluate(formula, small.account.pool(pool), small.account)
    assert run["error"]["code"] == "AutoScalingFormulaEvaluationError"
