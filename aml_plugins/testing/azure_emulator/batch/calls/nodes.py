"""``/pools/{}/nodes``."""

from __future__ import annotations

import uuid
from typing import Any

from aml_plugins.testing.azure_emulator.batch.account import Account
from aml_plugins.testing.azure_emulator.batch.calls.answers import asked_again, done, listed, shown
from aml_plugins.testing.azure_emulator.batch.errors import BatchProblem
from aml_plugins.testing.azure_emulator.batch.nodes import READY, Node
from aml_plugins.testing.azure_emulator.exchange import Answer, Request

__all__ = ["CALLS"]


def list_(account: Account, request: Request) -> Answer:
    pool = account.pool(request["poolId"])
    return listed(account, request, "nodes", [node.body for node in pool.nodes.values()])


def get(account: Account, request: Request) -> Answer:
    return shown(account, request, "nodes", _node(account, request))


def reboot(account: Account, request: Request) -> Answer:
    return _restarted(account, request, "rebooting", "nodeRebootOption")


def reimage(account: Account, request: Request) -> Answer:
    node = _node(account, request)
    answer = _restarted(account, request, "reimaging", "nodeReimageOption")
    node.wipe()
    return answer


def _restarted(account: Account, request: Request, state: str, option: str) -> Answer:
    node = _node(account, request)
    if node.state not in READY | {"starttaskfailed", "unusable"}:
        raise BatchProblem("OperationNotValidOnNode", Reason=f"The node is {node.state}")
    node.enter(state)
    account.interrupt(node, requeue=_option(request, option) != "terminate")
    account.engine.after(account.settings.delays.boot, node.boot)
    return done(account, request, node, 202)


def deallocate(account: Account, request: Request) -> Answer:
    node = _node(account, request)
    node.enter("deallocating")
    account.interrupt(node, requeue=_option(request, "nodeDeallocateOption") != "terminate")
    account.engine.after(account.settings.delays.removal, lambda: node.enter("deallocated"))
    return done(account, request, node, 202)


def start(account: Account, request: Request) -> Answer:
    node = _node(account, request)
    if node.state != "deallocated":
        raise BatchProblem("OperationNotValidOnNode", Reason=f"The node is {node.state}")
    node.boot()
    return done(account, request, node, 202)


def disable_scheduling(account: Account, request: Request) -> Answer:
    node = _node(account, request)
    if node.body["schedulingState"] == "disabled":
        raise BatchProblem("NodeAlreadyInTargetSchedulingState")
    node.body["schedulingState"] = "disabled"
    option = _option(request, "nodeDisableSchedulingOption")
    if option != "taskcompletion":
        account.interrupt(node, requeue=option != "terminate")
    return done(account, request, node, 200)


def enable_scheduling(account: Account, request: Request) -> Answer:
    node = _node(account, request)
    if node.body["schedulingState"] == "enabled":
        raise BatchProblem("NodeAlreadyInTargetSchedulingState")
    node.body["schedulingState"] = "enabled"
    account.schedule()
    return done(account, request, node, 200)


def add_user(account: Account, request: Request) -> Answer:
    node = _node(account, request)
    name = str(request.body["name"])
    if name in node.users:
        raise BatchProblem("NodeUserExists")
    node.users[name] = {key: value for key, value in request.body.items() if key != "password"}
    url = f"{node.body['url']}/users/{name}"
    return Answer(201, None, {"Location": url, "DataServiceId": url})


def replace_user(account: Account, request: Request) -> Answer:
    node = _node(account, request)
    if request["userName"] not in node.users:
        raise BatchProblem("NodeUserNotFound")
    return done(account, request, node, 200)


def delete_user(account: Account, request: Request) -> Answer:
    node = _node(account, request)
    if node.users.pop(request["userName"], None) is None:
        raise BatchProblem("NodeUserNotFound")
    return Answer(200)


def remote_login(account: Account, request: Request) -> Answer:
    node = _node(account, request)
    endpoint: Any = node.body["endpointConfiguration"]["inboundEndpoints"][0]
    facts = {"remoteLoginIPAddress": endpoint["publicIPAddress"], "remoteLoginPort": endpoint["frontendPort"]}
    kind = "Microsoft.Azure.Batch.Protocol.Entities.RemoteLoginSettings"
    said = {"odata.metadata": f"{account.endpoint}/$metadata#{kind}", **facts}
    return Answer(200, said, asked_again(account, request))


def upload_logs(account: Account, request: Request) -> Answer:
    node = _node(account, request)
    kind = "Microsoft.Azure.Batch.Protocol.Entities.UploadBatchServiceLogsResult"
    folder = f"{account.settings.account}-0000000000000000/{node.pool.id}/{node.id}/{uuid.uuid4()}"
    facts = {"virtualDirectoryName": folder, "numberOfFilesUploaded": 0}
    return Answer(200, {"odata.metadata": f"{account.endpoint}/$metadata#{kind}", **facts})


def extensions(account: Account, request: Request) -> Answer:
    _node(account, request)
    return listed(account, request, "extensions", [])


def no_extension(account: Account, request: Request) -> Answer:
    _node(account, request)
    raise BatchProblem("ResourceNotFound")


def _node(account: Account, request: Request) -> Node:
    return account.pool(request["poolId"]).node(request["nodeId"])


def _option(request: Request, name: str) -> str:
    return str((request.body or {}).get(name) or "requeue").lower()


CALLS = {
    "Nodes_ListNodes": list_,
    "Nodes_GetNode": get,
    "Nodes_RebootNode": reboot,
    "Nodes_ReimageNode": reimage,
    "Nodes_DeallocateNode": deallocate,
    "Nodes_StartNode": start,
    "Nodes_DisableNodeScheduling": disable_scheduling,
    "Nodes_EnableNodeScheduling": enable_scheduling,
    "Nodes_CreateNodeUser": add_user,
    "Nodes_ReplaceNodeUser": replace_user,
    "Nodes_DeleteNodeUser": delete_user,
    "Nodes_GetNodeRemoteLoginSettings": remote_login,
    "Nodes_UploadNodeLogs": upload_logs,
    "Nodes_ListNodeExtensions": extensions,
    "Nodes_GetNodeExtension": no_extension,
}
