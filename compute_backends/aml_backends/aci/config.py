"""Settings of a compute target of type ``aci``."""

from __future__ import annotations

from pydantic import Field, model_validator

from aml_plugins.compute import TargetConfig
from aml_plugins.datastores.contract import SecretSetting

__all__ = ["AciConfig"]


class AciConfig(TargetConfig):
    """Where container groups are made, and what they are like where a run does not say so."""

    subscription: str = Field(min_length=1, description="Id of the subscription.")
    resource_group: str = Field(min_length=1, description="Resource group of the container groups.")
    region: str = Field("westeurope", min_length=1, description="Azure region.")
    datastore: str = Field("", description="Datastore for the jobs' files; the workspace's default one if empty.")
    image: str = Field(
        "mcr.microsoft.com/azurelinux/base/python:3", min_length=1,
        description="Image for runs whose environment names none; it needs Python 3.8 or newer.",
    )  # fmt: skip
    python: str = Field("python3", min_length=1, description="Python of the runner in the image.")
    cpu: float = Field(1.0, gt=0, le=32, description="Cores of a run that does not say.")
    memory_gb: float = Field(1.5, gt=0, le=256, description="Memory of a run that does not say.")
    gpu_sku: str = Field("V100", description="Kind of graphics processors, for runs that ask for some.")
    registry_server: str | None = Field(None, description="Private registry of the images.")
    registry_username: str | None = Field(None, description="User name for the registry.")
    registry_password: SecretSetting | None = Field(None, description="secret:// reference to the registry's password.")
    endpoint: str = Field(
        "https://management.azure.com", description="Azure Resource Manager; another one for sovereign clouds."
    )
    authority: str | None = Field(None, description="Host that gives tokens, where it is not Azure's public one.")

    @model_validator(mode="after")
    def _whole_registry(self) -> AciConfig:
        given = (self.registry_server, self.registry_username, self.registry_password)
        if any(given) and not all(given):
            raise ValueError("registry_server, registry_username and registry_password go together")
        return self
