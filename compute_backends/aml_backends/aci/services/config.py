"""Settings of a service of type ``aci``."""

from __future__ import annotations

from pydantic import Field, field_validator, model_validator

from aml_plugins.datastores.contract import SecretSetting
from aml_plugins.services.contract import CapturingConfig

__all__ = ["AciServiceConfig"]


class AciServiceConfig(CapturingConfig):
    """What the container of a version is like, and how the service can be reached."""

    cpu: float = Field(1.0, gt=0, le=32, description="Cores of each version.")
    memory_gb: float = Field(1.5, gt=0, le=256, description="Memory of each version.")
    gpu: int = Field(0, ge=0, le=4, description="Graphics processors of each version, of the target's gpu_sku.")
    port: int = Field(8080, ge=1, le=65535, description="The service's port. The server is no root: above 1023.")
    dns_name_label: str | None = Field(
        None,
        pattern=r"^[a-z0-9]([a-z0-9-]{1,61}[a-z0-9])$",
        description="First part of its name on the Internet; made of the service's name by default.",
    )
    subnet: str | None = Field(
        None, pattern=r"^/subscriptions/", description="Id of a subnet: private addresses, none on the Internet."
    )
    host: str | None = Field(None, description="Name that callers use, such as that of the certificate.")
    tls_certificate: SecretSetting | None = Field(None, description="secret:// reference to a certificate, PEM.")
    tls_key: SecretSetting | None = Field(None, description="secret:// reference to its private key, PEM.")
    secret_store: str | None = Field(
        None, description="Secret store of the service's keys; the workspace's default one by default."
    )

    @field_validator("port")
    @classmethod
    def _is_free(cls, value: int) -> int:
        if value in {5001, 8081}:
            raise ValueError("5001 and 8081 are used already")
        return value

    @model_validator(mode="after")
    def _has_whole_certificate(self) -> AciServiceConfig:
        if bool(self.tls_certificate) != bool(self.tls_key):
            raise ValueError("tls_certificate and tls_key go together")
        return self
