"""What is asked of Azure for a new HDInsight cluster, as a pure value.

Source: Microsoft's specification of HDInsight, 2021-06-01, and its pages on cluster types: a Spark cluster has two head
nodes and three ZooKeeper nodes, whose number nobody chooses.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, model_validator

from aml_plugins.datastores.contract import SecretSetting

__all__ = ["HIDDEN", "HDInsightCreation", "cluster_body", "storage_account"]

HIDDEN = "***"
_HEADS, _ZOOKEEPERS = 2, 3


class HDInsightCreation(BaseModel):
    """What a new cluster is like. It costs money as long as it is there: HDInsight cannot be stopped, only deleted."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    location: str = Field(min_length=1, description="Azure region, such as westeurope.")
    cluster_version: str = Field("5.1", min_length=1, description="Version of HDInsight.")
    worker_size: str = Field("Standard_E8_V3", min_length=1, description="Size of the worker nodes.")
    head_size: str = Field("Standard_E8_V3", min_length=1, description="Size of the two head nodes.")
    min_nodes: int = Field(1, ge=1, le=1000, description="Workers at least.")
    max_nodes: int | None = Field(
        None, ge=1, le=1000, description="Workers at most; with it, the cluster scales itself."
    )
    ssh_user: str = Field("sshuser", min_length=1, description="User who may log in to the nodes.")
    ssh_public_key: str | None = Field(None, min_length=1, description="That user's public key.")
    ssh_password: SecretSetting | None = Field(None, description="Or the password, as secret://STORE/NAME.")
    tags: Mapping[str, str] = Field(default_factory=dict, description="Tags of the cluster on Azure.")

    @model_validator(mode="after")
    def _fits_together(self) -> HDInsightCreation:
        if (self.ssh_public_key is None) is (self.ssh_password is None):
            raise ValueError("give one of ssh_public_key and ssh_password: Azure creates no cluster without")
        if self.max_nodes is not None and self.min_nodes > self.max_nodes:
            raise ValueError("min_nodes is greater than max_nodes")
        return self


def cluster_body(
    wanted: HDInsightCreation, marks: Mapping[str, str], gateway: tuple[str, str], storage: Mapping[str, Any],
    ssh_password: str | None = HIDDEN,
) -> dict[str, Any]:  # fmt: skip
    """Return the cluster that Azure is asked for.

    :param gateway: user and password of its gateway.
    :param storage: see :func:`storage_account`.
    """
    credentials: dict[str, Any] = {
        "restAuthCredential.isEnabled": True,
        "restAuthCredential.username": gateway[0],
        "restAuthCredential.password": gateway[1],
    }
    login = _login(wanted, ssh_password)
    workers = _role("workernode", wanted.min_nodes, wanted.worker_size, login)
    if wanted.max_nodes is not None:
        workers["autoscale"] = {
            "capacity": {"minInstanceCount": wanted.min_nodes, "maxInstanceCount": wanted.max_nodes}
        }
    roles = [
        _role("headnode", _HEADS, wanted.head_size, login),
        workers,
        _role("zookeepernode", _ZOOKEEPERS, "Standard_A2_V2", login),
    ]
    return {
        "location": wanted.location,
        "tags": {**wanted.tags, **marks},
        "properties": {
            "clusterVersion": wanted.cluster_version,
            "osType": "Linux",
            "tier": "Standard",
            "clusterDefinition": {"kind": "Spark", "configurations": {"gateway": credentials}},
            "computeProfile": {"roles": roles},
            "storageProfile": {"storageaccounts": [dict(storage)]},
        },
    }


def storage_account(staging: str, key: str) -> dict[str, Any] | None:
    """Return the cluster's own storage: the account and container of the staging directory, which both sides see.

    None where the staging directory is in no storage account.
    """
    parts = urlsplit(staging)
    if parts.scheme not in {"abfs", "abfss", "wasb", "wasbs"} or not parts.username or not parts.hostname:
        return None
    place = "fileSystem" if parts.scheme.startswith("abfs") else "container"
    return {"name": parts.hostname, "isDefault": True, place: parts.username, "key": key}


def _role(name: str, count: int, size: str, login: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": name,
        "targetInstanceCount": count,
        "hardwareProfile": {"vmSize": size},
        "osProfile": {"linuxOperatingSystemProfile": dict(login)},
    }


def _login(wanted: HDInsightCreation, password: str | None) -> dict[str, Any]:
    if wanted.ssh_public_key is not None:
        keys = [{"certificateData": wanted.ssh_public_key}]
        return {"username": wanted.ssh_user, "sshProfile": {"publicKeys": keys}}
    return {"username": wanted.ssh_user, "password": password}
