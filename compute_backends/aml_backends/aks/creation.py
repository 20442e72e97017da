"""What is asked of Azure for a new cluster, as a pure value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

__all__ = ["SPOT_TOLERATION", "AksCreation", "cluster_body"]

_SYSTEM_TAINT = "CriticalAddonsOnly=true:NoSchedule"
SPOT_TOLERATION = {
    "key": "kubernetes.azure.com/scalesetpriority",
    "operator": "Equal",
    "value": "spot",
    "effect": "NoSchedule",
}
"""AKS taints spot nodes, so that only what says so comes there."""


class AksCreation(BaseModel):
    """What a new cluster is like. With ``min_nodes: 0`` or ``spot``, a small node keeps the cluster's own pods."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    location: str = Field(min_length=1, description="Azure region, such as westeurope.")
    vm_size: str = Field("Standard_DS3_v2", min_length=1, description="Size of the nodes that run jobs.")
    node_count: int | None = Field(None, ge=1, le=1000, description="Nodes at first; min_nodes by default.")
    min_nodes: int = Field(1, ge=0, le=1000, description="Nodes that are kept; 0 lets idle clusters cost little.")
    max_nodes: int | None = Field(None, ge=1, le=1000, description="Nodes at most; with it, the cluster scales itself.")
    spot: bool = Field(False, description="Whether nodes may be taken away, and cost less.")
    system_vm_size: str = Field("Standard_D2s_v3", min_length=1, description="Size of the node for the cluster's own.")
    kubernetes_version: str | None = Field(None, min_length=1, description="Version; Azure's default one by default.")
    tags: Mapping[str, str] = Field(default_factory=dict, description="Tags of the cluster on Azure.")

    @model_validator(mode="after")
    def _fits_together(self) -> AksCreation:
        if self.max_nodes is not None and self.min_nodes > self.max_nodes:
            raise ValueError("min_nodes is greater than max_nodes")
        if self.min_nodes == 0 and self.max_nodes is None and self.node_count is None:
            raise ValueError("max_nodes must be given where min_nodes is 0")
        return self


def cluster_body(name: str, wanted: AksCreation, marks: Mapping[str, str]) -> dict[str, Any]:
    """Return the cluster that Azure is asked for.

    Sources: Microsoft's specification of ManagedClusters; its pages on system node pools (one is needed, of at least
    one regular node) and on spot node pools.
    """
    apart = wanted.spot or wanted.min_nodes == 0
    pools = [_pool(wanted, apart=apart)]
    if apart:
        pools.insert(0, _system_pool(wanted))
    properties: dict[str, Any] = {"dnsPrefix": name[:54], "agentPoolProfiles": pools}
    if wanted.kubernetes_version:
        properties["kubernetesVersion"] = wanted.kubernetes_version
    return {
        "location": wanted.location,
        "identity": {"type": "SystemAssigned"},
        "tags": {**wanted.tags, **marks},
        "properties": properties,
    }


def _system_pool(wanted: AksCreation) -> dict[str, Any]:
    machines = {"name": "system", "mode": "System", "count": 1, "vmSize": wanted.system_vm_size}
    return {**_LINUX, **machines, "nodeTaints": [_SYSTEM_TAINT]}


def _pool(wanted: AksCreation, *, apart: bool) -> dict[str, Any]:
    count = wanted.min_nodes if wanted.node_count is None else wanted.node_count
    pool: dict[str, Any] = {
        **_LINUX,
        "name": "nodes",
        "mode": "User" if apart else "System",
        "count": count,
        "vmSize": wanted.vm_size,
    }
    if wanted.max_nodes is not None:
        pool |= {"enableAutoScaling": True, "minCount": wanted.min_nodes, "maxCount": wanted.max_nodes}
    if wanted.spot:
        pool |= {"scaleSetPriority": "Spot", "scaleSetEvictionPolicy": "Delete"}
    return pool


_LINUX = {"osType": "Linux", "type": "VirtualMachineScaleSets"}
