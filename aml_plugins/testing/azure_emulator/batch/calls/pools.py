"""``/pools``, and what is asked about the account."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from aml_plugins.testing.azure_emulator.batch.account import Account
from aml_plugins.testing.azure_emulator.batch.calls.answers import asked_again, created, done, listed, shown, there
from aml_plugins.testing.azure_emulator.batch.defaults import start_task, told
from aml_plugins.testing.azure_emulator.batch.errors import BatchProblem
from aml_plugins.testing.azure_emulator.batch.pools import Pool
from aml_plugins.testing.azure_emulator.batch.resources import check_id
from aml_plugins.testing.azure_emulator.exchange import Answer, Request

__all__ = ["CALLS"]

_IN_GROUP = "/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}/providers/Microsoft.Compute"
_IMAGE = re.compile(
    r"/subscriptions/[^/]+/resourceGroups/[^/]+/providers/Microsoft\.Compute/"
    r"(?:images/[^/]+|galleries/[^/]+/images/[^/]+(?:/versions/[^/]+)?)",
    re.IGNORECASE,
)
_STATES = (
    "creating", "deallocated", "deallocating", "idle", "leavingPool", "offline", "preempted", "rebooting",
    "reimaging", "running", "starting", "startTaskFailed", "unknown", "unusable", "upgradingOS",
    "waitingForStartTask",
)  # fmt: skip
_IMAGES: tuple[tuple[str, str, str, str, list[str]], ...] = (
    (
        "microsoft-dsvm",
        "ubuntu-hpc",
        "2204",
        "batch.node.ubuntu 22.04",
        ["DockerCompatible", "NvidiaTeslaDriverInstalled"],
    ),
    ("canonical", "0001-com-ubuntu-server-jammy", "22_04-lts", "batch.node.ubuntu 22.04", []),
    ("canonical", "ubuntu-24_04-lts", "server", "batch.node.ubuntu 24.04", []),
    ("debian", "debian-12", "12", "batch.node.debian 12", []),
)


def create(account: Account, request: Request) -> Answer:
    asked = request.body
    check_id(asked["id"])
    if asked.get("virtualMachineConfiguration") is None:
        raise BatchProblem("MissingRequiredProperty", PropertyName="virtualMachineConfiguration")
    if not asked["virtualMachineConfiguration"].get("nodeAgentSKUId"):
        raise BatchProblem("MissingRequiredProperty", PropertyName="nodeAgentSKUId")
    _check_image((asked["virtualMachineConfiguration"].get("imageReference") or {}).get("virtualMachineImageId"))
    _check_scaling(asked)
    return created(account, account.add_pool(asked))


def _check_image(image: str | None) -> None:
    if image and not _IMAGE.fullmatch(image):
        raise BatchProblem(
            "InvalidPropertyValue",
            PropertyName="virtualMachineImageId",
            PropertyValue=image,
            Reason=f"The specified resource id must be of the format {_IN_GROUP}/images/{{imageName}}, "
            f"{_IN_GROUP}/galleries/{{galleryName}}/images/{{galleryImageName}}/versions/{{galleryImageVersionName}}, "
            f"or {_IN_GROUP}/galleries/{{galleryName}}/images/{{galleryImageName}}",
        )


def _check_scaling(asked: Mapping[str, Any]) -> None:
    if asked.get("enableAutoScale"):
        if not asked.get("autoScaleFormula"):
            raise BatchProblem("MissingRequiredProperty", PropertyName="autoScaleFormula")
        for name in ("targetDedicatedNodes", "targetLowPriorityNodes"):
            if asked.get(name) is not None:
                raise BatchProblem(
                    "InvalidPropertyValue", PropertyName=name, Reason="The value must not be set with enableAutoScale"
                )
    elif asked.get("autoScaleFormula"):
        raise BatchProblem(
            "InvalidPropertyValue", PropertyName="autoScaleFormula", Reason="The pool is not enabled to scale"
        )


def list_(account: Account, request: Request) -> Answer:
    found = [pool.body for pool in account.pools.values() if account.is_listed(pool.created)]
    return listed(account, request, "pools", found)


def get(account: Account, request: Request) -> Answer:
    pool = _pool(account, request)
    return shown(account, request, "pools", pool)


def exists(account: Account, request: Request) -> Answer:
    return there(_pool(account, request))


def delete(account: Account, request: Request) -> Answer:
    pool = _pool(account, request)
    account.delete_pool(pool)
    return Answer(202)


def patch(account: Account, request: Request) -> Answer:
    pool = _pool(account, request)
    account.patch(pool, told(request.body))
    _fill_start_task(pool)
    return done(account, request, pool, 200)


def replace(account: Account, request: Request) -> Answer:
    pool = _pool(account, request)
    for name in ("startTask", "metadata", "applicationPackageReferences"):
        pool.body.pop(name, None)
    given = {name: value for name, value in told(request.body).items() if value}
    pool.update({"targetNodeCommunicationMode": "default", **given})
    _fill_start_task(pool)
    return done(account, request, pool, 204)


def _fill_start_task(pool: Pool) -> None:
    if pool.body.get("startTask"):
        pool.body["startTask"] = start_task(pool.body["startTask"])


def resize(account: Account, request: Request) -> Answer:
    pool = _pool(account, request)
    _check_steady(pool)
    if pool.body["enableAutoScale"]:
        raise BatchProblem("PoolNotEligibleForResize", Reason="The pool has autoscale enabled")
    body = told(request.body)
    targets = (body.get("targetDedicatedNodes"), body.get("targetLowPriorityNodes"))
    if targets == (None, None):
        raise BatchProblem("MissingRequiredProperty", PropertyName="targetDedicatedNodes")
    pool.body["resizeTimeout"] = body.get("resizeTimeout") or "PT15M"
    pool.resize(*targets, str(body.get("nodeDeallocationOption") or "requeue").lower())
    pool.update({})
    return done(account, request, pool, 202)


def stop_resize(account: Account, request: Request) -> Answer:
    pool = _pool(account, request)
    pool.stop_resize()
    return done(account, request, pool, 202)


def remove_nodes(account: Account, request: Request) -> Answer:
    pool = _pool(account, request)
    pool.remove(list(request.body["nodeList"]), str(request.body.get("nodeDeallocationOption") or "requeue").lower())
    pool.update({})
    return done(account, request, pool, 202)


def enable_scaling(account: Account, request: Request) -> Answer:
    pool = _pool(account, request)
    _check_steady(pool)
    formula = request.body.get("autoScaleFormula") or pool.body.get("autoScaleFormula")
    if not formula:
        raise BatchProblem("MissingRequiredProperty", PropertyName="autoScaleFormula")
    run = pool.evaluated(str(formula))
    if "error" in run:
        raise BatchProblem("AutoScalingFormulaEvaluationError", Message=run["error"]["values"][0]["value"])
    interval = told(request.body).get("autoScaleEvaluationInterval") or pool.body.get("autoScaleEvaluationInterval")
    pool.update(
        {"enableAutoScale": True, "autoScaleFormula": formula, "autoScaleEvaluationInterval": interval or "PT15M"}
    )
    pool.scale()
    return done(account, request, pool, 200)


def disable_scaling(account: Account, request: Request) -> Answer:
    pool = _pool(account, request)
    if not pool.body["enableAutoScale"]:
        raise BatchProblem("AutoScaleNotEnabled")
    pool.stop_scaling()
    pool.update({"enableAutoScale": False, "resizeTimeout": "PT15M"})
    for name in ("autoScaleFormula", "autoScaleEvaluationInterval", "autoScaleRun"):
        pool.body.pop(name, None)
    return done(account, request, pool, 200)


def evaluate_scaling(account: Account, request: Request) -> Answer:
    pool = _pool(account, request)
    if not pool.body["enableAutoScale"]:
        raise BatchProblem("AutoScaleNotEnabled")
    run = pool.evaluated(str(request.body["autoScaleFormula"]))
    kind = "Microsoft.Azure.Batch.Protocol.Entities.AutoScaleRun"
    said = {"odata.metadata": f"{account.endpoint}/$metadata#{kind}", **run}
    return Answer(200, said, asked_again(account, request))


def node_counts(account: Account, request: Request) -> Answer:
    found = [
        {
            "poolId": pool.id,
            "dedicated": _counts(pool, is_dedicated=True),
            "lowPriority": _counts(pool, is_dedicated=False),
        }
        for pool in account.pools.values()
    ]
    return listed(account, request, "poolnodecounts", found, "poolId")


def _counts(pool: Pool, *, is_dedicated: bool) -> dict[str, int]:
    states = [node.state for node in pool.nodes.values() if node.is_dedicated is is_dedicated]
    return {name: states.count(name.lower()) for name in _STATES} | {"total": len(states)}


def images(account: Account, request: Request) -> Answer:
    found = [
        {
            "nodeAgentSKUId": agent,
            "imageReference": {"publisher": publisher, "offer": offer, "sku": sku, "version": "latest"},
            "osType": "linux",
            "capabilities": capabilities,
            "verificationType": "verified",
        }
        for publisher, offer, sku, agent, capabilities in _IMAGES
    ]
    return listed(account, request, "supportedimages", found, "nodeAgentSKUId")


def nothing(account: Account, request: Request) -> Answer:
    return listed(account, request, request.raw_path.strip("/"), [])


def no_application(account: Account, request: Request) -> Answer:
    del account, request
    raise BatchProblem("ApplicationNotFound")


def _pool(account: Account, request: Request) -> Pool:
    pool = account.pool(request["poolId"])
    pool.check_conditions(request)
    return pool


def _check_steady(pool: Pool) -> None:
    if pool.state == "deleting":
        raise BatchProblem("PoolBeingDeleted")
    if pool.body["allocationState"] != "steady":
        raise BatchProblem("PoolBeingResized")


CALLS = {
    "Pools_CreatePool": create,
    "Pools_ListPools": list_,
    "Pools_GetPool": get,
    "Pools_PoolExists": exists,
    "Pools_DeletePool": delete,
    "Pools_UpdatePool": patch,
    "Pools_ReplacePoolProperties": replace,
    "Pools_ResizePool": resize,
    "Pools_StopPoolResize": stop_resize,
    "Pools_RemoveNodes": remove_nodes,
    "Pools_EnablePoolAutoScale": enable_scaling,
    "Pools_DisablePoolAutoScale": disable_scaling,
    "Pools_EvaluatePoolAutoScale": evaluate_scaling,
    "Pools_ListPoolNodeCounts": node_counts,
    "Pools_ListSupportedImages": images,
    "Pools_ListPoolUsageMetrics": nothing,
    "Applications_ListApplications": nothing,
    "Applications_GetApplication": no_application,
}
