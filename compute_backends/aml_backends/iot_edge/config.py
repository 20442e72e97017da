"""Settings of targets and services of the type ``iot-edge``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field, field_validator, model_validator

from aml_plugins.compute import TargetConfig
from aml_plugins.datastores.contract import SecretSetting
from aml_plugins.plugins.structured import FROM_JSON, NAMED_TEXTS
from aml_plugins.services.contract import ServiceConfig

__all__ = ["IotEdgeConfig", "IotEdgeServiceConfig"]

_MODULE = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""Of what IoT Hub takes (128 characters, and more kinds), the part that needs no escaping in twins and queries."""


class IotEdgeConfig(TargetConfig):
    """A hub, and one device or a fleet of it."""

    hub: str = Field(min_length=1, description="The hub's host name, such as my-hub.azure-devices.net.")
    device: str | None = Field(None, min_length=1, max_length=128, description="Id of the one device.")
    condition: str | None = Field(
        None, min_length=1, description="Or the target condition of a fleet, such as tags.site='x'; * is all devices."
    )
    priority: int = Field(10, ge=0, le=2**31 - 1, description="Of a fleet's deployments; above the base deployment's.")
    quorum: float = Field(
        1.0, gt=0, le=1, description="The part of a fleet's devices that must run a version until it is ready."
    )
    settle_seconds: float = Field(10.0, ge=0, description="A fleet's module that has run so long counts as running.")
    look_seconds: float = Field(15.0, ge=0, description="So long what was seen of a fleet stands: hubs throttle.")
    policy: str = Field("service", min_length=1, description="Shared access policy that the key belongs to.")
    key: SecretSetting | None = Field(
        None,
        description="secret:// reference to the policy's key; without one, the identity of DefaultAzureCredential.",
    )
    registry_server: str | None = Field(None, description="Private registry of the images.")
    registry_username: str | None = Field(None, description="User name for the registry.")
    registry_password: SecretSetting | None = Field(None, description="secret:// reference to the registry's password.")
    runtime_version: str = Field("1.5", description="Of IoT Edge's own modules, for a device that has none yet.")
    authority: str | None = Field(None, description="Host that gives tokens, where it is not Azure's public one.")

    @field_validator("hub")
    @classmethod
    def _is_host(cls, value: str) -> str:
        if "/" in value:
            raise ValueError("give the host name alone, without https://")
        return value

    @model_validator(mode="after")
    def _is_one_or_many(self) -> IotEdgeConfig:
        if (self.device is None) == (self.condition is None):
            raise ValueError("give either device or condition")
        given = (self.registry_server, self.registry_username, self.registry_password)
        if any(given) and not all(given):
            raise ValueError("registry_server, registry_username and registry_password go together")
        return self


class IotEdgeServiceConfig(ServiceConfig):
    """What the module is like."""

    module: str | None = Field(None, description="The module's name; by default the service's.")
    port: int | None = Field(None, ge=1, le=65535, description="Port of the device; none: other modules reach it only.")
    host: str | None = Field(None, description="The device's address as callers have it: the service's address.")
    cpu: float | None = Field(None, gt=0, le=256, description="Cores; no limit by default.")
    memory_gb: float | None = Field(None, gt=0, le=1024, description="Memory; no limit by default.")
    restart_policy: str = Field("always", pattern="^(always|on-failure|never)$", description="When it starts again.")
    routes: Annotated[Mapping[str, str], NAMED_TEXTS] = Field(
        default_factory=dict, description="Routes of $edgeHub, by a name of your own."
    )
    twin: Annotated[Mapping[str, Any], FROM_JSON] = Field(
        default_factory=dict, description="Desired properties of the module's twin."
    )
    create_options: Annotated[Mapping[str, Any], FROM_JSON] = Field(
        default_factory=dict, description="Docker's options of the container, merged over those made here."
    )
    secret_store: str | None = Field(None, description="Secret store that keeps the service's keys.")

    @field_validator("module")
    @classmethod
    def _is_module(cls, value: str | None) -> str | None:
        if value is not None and not _MODULE.fullmatch(value):
            raise ValueError("use up to 64 letters, digits, - and _")
        return value

    @field_validator("routes")
    @classmethod
    def _are_routes(cls, value: Mapping[str, str]) -> Mapping[str, str]:
        for name, route in value.items():
            if not _MODULE.fullmatch(name):
                raise ValueError(f"the route's name '{name}' may have letters, digits, - and _")
            if not route.strip().upper().startswith("FROM "):
                raise ValueError(f"the route '{name}' must be FROM SOURCE [WHERE CONDITION] INTO SINK")
        return value

    @model_validator(mode="after")
    def _has_address(self) -> IotEdgeServiceConfig:
        if self.host and not self.port:
            raise ValueError("host needs port")
        return self
