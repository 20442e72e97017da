"""Settings of a compute target of type ``aks``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import Field, field_validator, model_validator

from aml_backends.aks.creation import AksCreation
from aml_backends.azure.resources import ResourceId
from aml_plugins.compute import TargetConfig
from aml_plugins.datastores.contract import SecretSetting
from aml_plugins.plugins.structured import FROM_JSON, NAMED_TEXTS

__all__ = ["RESOURCE_TYPE", "AksConfig"]

RESOURCE_TYPE = "Microsoft.ContainerService/managedClusters"
_NAME = r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$"
Labels = Annotated[Mapping[str, str], NAMED_TEXTS]


class AksConfig(TargetConfig):
    """Which cluster, and what the pods of its jobs are like.

    The cluster is named by a kubeconfig (a file, or a secret that holds one) or by its resource id on Azure; without
    any of these, by what ``kubectl`` would use.
    """

    kubeconfig: str | None = Field(None, min_length=1, description="Path of a kubeconfig file.")
    kubeconfig_secret: SecretSetting | None = Field(None, description="secret:// reference to a kubeconfig.")
    context: str | None = Field(
        None, min_length=1, description="Context of the kubeconfig; the current one by default."
    )
    resource_id: str | None = Field(None, description="The cluster's id on Azure: /subscriptions/…")
    endpoint: str = Field("https://management.azure.com", description="Azure Resource Manager, for sovereign clouds.")
    authority: str | None = Field(None, description="Host that gives tokens, where it is not Azure's public one.")

    namespace: str = Field("default", pattern=_NAME, description="Namespace of the jobs; it must exist.")
    datastore: str = Field("", description="Datastore for the jobs' files; the workspace's default one if empty.")
    image: str = Field("python:3.11-slim", min_length=1, description="Image of runs that name none; has Python ≥ 3.8.")
    python: str = Field("python3", min_length=1, description="Python in the image that runs the runner.")
    cpu: str | None = Field(None, description="Processor cores of runs that ask for none, such as 500m.")
    memory: str | None = Field(None, description="Memory of runs that ask for none, such as 1Gi.")
    gpu_resource: str = Field("nvidia.com/gpu", description="The cluster's name for graphics processors.")
    node_selector: Labels = Field(default_factory=dict, description="Labels that a node must have.")
    tolerations: Annotated[Sequence[Mapping[str, Any]], FROM_JSON] = Field(
        (), description="Taints of nodes that jobs put up with, as Kubernetes writes them."
    )
    service_account: str | None = Field(None, pattern=_NAME, description="Service account of the pods.")
    image_pull_secrets: tuple[str, ...] = Field((), description="Secrets of the namespace with registry credentials.")
    priority_class: str | None = Field(None, description="Priority class of the pods.")
    eviction_retries: int = Field(3, ge=0, le=100, description="How often a run may lose its pod and start again.")
    ttl_seconds: int = Field(7 * 86400, ge=60, description="When ended jobs that nobody cleaned up are deleted.")
    ca_bundle: str | None = Field(None, description="ConfigMap with a file ca.crt to trust in the pods.")

    create: Annotated[AksCreation | None, FROM_JSON] = Field(
        None, description="With resource_id: the cluster to create (location, vm_size, min_nodes, max_nodes, spot, …)."
    )

    @field_validator("resource_id")
    @classmethod
    def _is_resource_id(cls, value: str | None) -> str | None:
        if value is not None:
            ResourceId.parse(value, RESOURCE_TYPE)
        return value

    @model_validator(mode="after")
    def _names_one_cluster(self) -> AksConfig:
        given = [name for name in ("kubeconfig", "kubeconfig_secret", "resource_id") if getattr(self, name)]
        if len(given) > 1:
            raise ValueError(f"{' and '.join(given)} name a cluster each: give one of them")
        return self
