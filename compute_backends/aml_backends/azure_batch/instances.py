"""A run on several nodes as a multi-instance task, whose script is the coordination command.

Batch runs that command on every node at once, watches each, ends all when one fails or the task is ended, and takes no
node from under it when a pool shrinks. The application command, which it runs on the first node once all are done,
has nothing left to do. Source: Microsoft's article "Use multi-instance tasks to run MPI applications in Batch".

In a pool for containers, Batch runs both commands in the task's image, as it does with any other task (source:
"Containers and Azure Batch Multi-Instance Tasks" in the documentation of Microsoft's Batch Shipyard). Such a container
needs the node's own network: the addresses by which nodes know each other are the nodes'.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from aml_backends.azure_batch.config import AzureBatchConfig
from aml_plugins.compute import JobSpec
from aml_plugins.errors import InvalidInputError

__all__ = ["MOST_NODES", "RANK", "check_nodes", "check_pool", "coordination_command", "instances"]

MOST_NODES = 100
"""Batch's own limit for pools whose nodes may talk to each other."""
RANK = "rank"
"""The file that says which node of the run it is, for whoever fetches its log."""

# A node's directory is empty when its job begins, for it may have been tried there before; the files lie beside it.
# A node knows its place by the address that it can hold: the first of the list is the master's. Where several nodes
# are one machine, as in the emulator, each holds another one, for as long as the job runs.
_PROGRAM = f"""
import os, shutil, socket, sys
os.chdir(os.environ["AZ_BATCH_TASK_WORKING_DIR"])
for left in os.listdir("."):
    if os.path.isdir(left) and not os.path.islink(left):
        shutil.rmtree(left)
    else:
        os.unlink(left)
for name in sys.argv[1:]:
    shared = os.path.join(os.environ["AZ_BATCH_TASK_SHARED_DIR"], name)
    try:
        os.link(shared, name)
    except OSError:
        shutil.copy(shared, name)
master = os.environ["AZ_BATCH_MASTER_NODE"].rpartition(":")[0]
hosts = sorted(os.environ["AZ_BATCH_HOST_LIST"].split(","), key=lambda host: host != master)
def holds(host):
    kept.append(socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM))
    try:
        kept[-1].bind((host, 6009))
    except OSError:
        return False
    return True
kept = []
if os.environ["AZ_BATCH_IS_CURRENT_NODE_MASTER"].lower() == "true":
    rank = 0
else:
    rank = next((rank for rank, host in enumerate(hosts) if rank and holds(host)), None)
if rank is None:
    sys.exit("This node is not in AZ_BATCH_HOST_LIST.")
with open("{RANK}", "w") as file:
    file.write(str(rank))
os.environ["AML_NODE_RANK"] = str(rank)
os.environ["AML_MASTER_ADDRESS"] = master
sys.path.insert(0, os.path.abspath("runner.pyz"))
from aml_runner.courier import main
os._exit(main(["."]))
"""


def check_nodes(config: AzureBatchConfig, spec: JobSpec, target: str) -> None:
    """Refuse a run on several nodes that the target's settings do not allow.

    :raises InvalidInputError: with what to change.
    """
    count = spec.node_count
    if not config.multi_node:
        raise InvalidInputError(
            f"The nodes of compute target '{target}' may not talk to each other, the run asks for {count}.",
            "Set the target's multi_node, or node_count to 1.",
        )
    most = min(config.max_nodes + config.max_spot_nodes, MOST_NODES) if config.vm_size else MOST_NODES
    if count > most:
        raise InvalidInputError(
            f"The pool of compute target '{target}' has {most} nodes at most, the run asks for {count}.",
            "Raise the target's max_nodes, or lower node_count."
            if most < MOST_NODES
            else "Lower node_count: Azure Batch allows no more in a pool whose nodes talk to each other.",
        )


def check_pool(pool: Mapping[str, Any], spec: JobSpec, target: str) -> None:
    """Refuse a run on several nodes that would wait in this pool for ever.

    :raises InvalidInputError: with what to change.
    """
    name, count = pool.get("id"), spec.node_count
    if not pool.get("enableInterNodeCommunication"):
        raise InvalidInputError(
            f"The nodes of pool '{name}' may not talk to each other, the run asks for {count} of them.",
            "Use a pool created with enableInterNodeCommunication, or set node_count to 1.",
        )
    if int(pool.get("taskSlotsPerNode") or 1) != 1:
        raise InvalidInputError(
            f"Nodes of pool '{name}' run several tasks at a time, the run asks for {count} whole nodes.",
            "Use a pool with one task slot a node, or set node_count to 1.",
        )
    nodes = int(pool.get("targetDedicatedNodes") or 0) + int(pool.get("targetLowPriorityNodes") or 0)
    if not pool.get("enableAutoScale") and nodes < count:
        raise InvalidInputError(
            f"The pool '{name}' of compute target '{target}' has {nodes} nodes, the run asks for {count}.",
            "Resize the pool, or lower node_count.",
        )


def instances(config: AzureBatchConfig, spec: JobSpec, files: Mapping[str, str]) -> dict[str, Any]:
    """Return the settings: the script on each node, whose files Batch puts into the directory that tasks share.

    :param files: signed URLs by name.
    """
    return {
        "numberOfInstances": spec.node_count,
        "coordinationCommandLine": coordination_command(config.python, sorted(files)),
        "commonResourceFiles": [{"httpUrl": url, "filePath": name} for name, url in sorted(files.items())],
    }


def coordination_command(python: str, files: list[str]) -> str:
    """Return the command of each node; it asks for no program but Python: an image may have little else."""
    program = shlex.join([python, "-I", "-S", "-X", "utf8", "-c", _PROGRAM, *files])
    return shlex.join(["/bin/sh", "-c", f"exec {program}"])
