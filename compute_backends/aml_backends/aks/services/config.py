"""Settings of a service of type ``aks``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, model_validator

from aml_plugins.plugins.structured import NAMED_TEXTS
from aml_plugins.services.contract import CapturingConfig

__all__ = ["AksServiceConfig"]

_NAME = r"^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$"


Texts = Annotated[Mapping[str, str], NAMED_TEXTS]


class AksServiceConfig(CapturingConfig):
    """What the pods of a service are like, and how it can be reached."""

    cpu: str = Field("100m", description="Processor cores that each pod asks for.")
    memory: str = Field("512Mi", description="Memory that each pod asks for.")
    cpu_limit: str | None = Field(None, description="Most processor cores of a pod; no bound by default.")
    memory_limit: str | None = Field(None, description="Most memory of a pod; no bound by default.")
    gpu: int = Field(0, ge=0, description="Graphics processors of each pod.")
    extended: Texts = Field(default_factory=dict, description="Other resources of a pod by their full name, as FPGAs.")
    workers: int = Field(1, ge=1, le=256, description="Worker processes in each pod.")

    autoscale: bool = Field(default=False, description="Whether the number of pods follows their processors' use.")
    autoscale_min_replicas: int = Field(1, ge=1, description="Fewest pods of each version.")
    autoscale_max_replicas: int = Field(10, ge=1, description="Most pods of each version.")
    autoscale_target_utilization: int = Field(70, ge=1, le=100, description="Aimed at: percent of the cores asked for.")

    exposure: Literal["LoadBalancer", "NodePort", "ClusterIP", "Ingress"] = Field(
        "LoadBalancer", description="How callers get in; ClusterIP is for those within the cluster."
    )
    port: int | None = Field(None, ge=1, le=65535, description="The service's port; 80 by default, with TLS 443.")
    tls_secret: str | None = Field(
        None, pattern=_NAME, description="Secret of type kubernetes.io/tls: callers use https."
    )
    host: str | None = Field(None, pattern=_NAME, description="Name that callers use; an Ingress needs it.")
    ingress_class: str | None = Field(None, pattern=_NAME, description="Class of the Ingress; the cluster's default.")
    annotations: Texts = Field(
        default_factory=dict, description="Of the Service or Ingress, such as for an internal load balancer."
    )
    front_replicas: int = Field(2, ge=1, le=20, description="Pods that share out requests to versions.")

    @model_validator(mode="after")
    def _fits_together(self) -> AksServiceConfig:
        if self.exposure == "Ingress" and self.host is None:
            raise ValueError("an Ingress needs 'host'")
        if self.autoscale_min_replicas > self.autoscale_max_replicas:
            raise ValueError("autoscale_min_replicas is more than autoscale_max_replicas")
        return self
