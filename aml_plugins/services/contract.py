"""What a service type must do: obligations, and the values it speaks in."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, Field, field_validator

from aml_plugins.json_types import JsonObject
from aml_plugins.plugins.structured import NAMED_TEXTS

if TYPE_CHECKING:
    from aml_plugins.context import Context
    from aml_plugins.store.records import ImageRecord, ServiceRecord

__all__ = [
    "CapturingConfig",
    "DeploymentSpec",
    "DeploymentState",
    "DeploymentStatus",
    "Route",
    "Routing",
    "ServiceBackend",
    "ServiceConfig",
    "ServiceKeys",
    "target_name",
]


class ServiceConfig(BaseModel):
    """Settings of a service; a type subclasses it. Unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    auth: bool = Field(default=False, description="Whether callers need one of the service's two keys.")
    variables: Annotated[Mapping[str, str], NAMED_TEXTS] = Field(
        default_factory=dict, description="Environment variables; secret://STORE/NAME is resolved when it starts."
    )
    scoring_timeout_ms: int | None = Field(None, gt=0, description="How long one call of run() may take.")
    max_request_bytes: int | None = Field(None, gt=0, description="Longer bodies are refused with 413.")
    drain_seconds: float = Field(30.0, ge=0, le=3600, description="How long requests under way may take at the end.")

    @field_validator("variables")
    @classmethod
    def _can_be_set(cls, value: Mapping[str, str]) -> Mapping[str, str]:
        for name, text in value.items():
            if not name or "=" in name or "\0" in name + text:
                raise ValueError(f"an environment variable cannot be named {name!r}, or have a zero byte")
        return value


class CapturingConfig(ServiceConfig):
    """Settings of a service that can keep inputs and outputs."""

    capture: bool | str = Field(
        default=False,
        description="Whether inputs and outputs are kept, below captured/SERVICE in the workspace's default datastore;"
        " or the name of another datastore.",
    )

    @field_validator("capture", mode="before")
    @classmethod
    def _words(cls, value: object) -> object:
        """A setting of the command line is text."""
        return {"true": True, "false": False}.get(value, value) if isinstance(value, str) else value


class DeploymentState(StrEnum):
    """What a type says of one deployment; UNKNOWN is never an end."""

    PENDING = "Pending"
    READY = "Ready"
    FAILED = "Failed"
    UNKNOWN = "Unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentSpec:
    """One version of a service: an image with settings.

    :param key: the name of this deployment for ever: everything that is started for it is named after it.
    """

    key: str
    service: ServiceRecord
    image: ImageRecord
    replicas: int
    config: ServiceConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentStatus:
    """How a deployment is.

    :param reason: why it failed or what it waits for, with the last lines of its log where that helps.
    """

    state: DeploymentState
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Route:
    """A deployment and its share of the requests, in percent."""

    handle: JsonObject
    weight: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Routing:
    """Where requests go now.

    :param endpoint: the service's address.
    :param is_settled: new requests go where they shall; False: call again.
    :param idle: keys of deployments that no request is in any more.
    :param reason: what it waits for, where it is not settled.
    """

    endpoint: str
    is_settled: bool
    idle: frozenset[str] = frozenset()
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class ServiceKeys:
    """The two keys; either lets callers in. Its text shows neither."""

    primary: str
    secondary: str

    def __repr__(self) -> str:
        return "ServiceKeys(primary=…, secondary=…)"


def target_name(service: ServiceRecord) -> str:
    """Return the compute target that a service lives on; empty where its type needs none."""
    return str(service.desired.get("target") or "")


class ServiceBackend(ABC):
    """Drives services of one type. Every method may be called again after a crash, and twice at any time.

    A deployment's handle is a JSON object without secrets; it has the deployment's ``key``.
    """

    type_name: ClassVar[str]
    config_model: ClassVar[type[ServiceConfig]] = ServiceConfig
    is_local: ClassVar[bool] = False
    """Services of this type live on the machine that drives them: no other machine can."""
    needs_target: ClassVar[bool] = False
    """Services of this type live on an attached compute target of the same type; see :func:`target_name`."""
    replaces_in_place: ClassVar[bool] = False
    """A version takes the place of the one before, which comes back where the new one fails; there are no shares."""

    def __init__(self, context: Context) -> None:
        """Keep what is needed; no network call here."""
        self.context = context

    @abstractmethod
    def plan(self, spec: DeploymentSpec) -> JsonObject:
        """Return what would be started as a pure value, without secrets.

        :raises InvalidInputError: for an image or settings that this type cannot serve.
        """

    @abstractmethod
    def submit(self, spec: DeploymentSpec) -> JsonObject:
        """Start the deployment of this key, or find that it is there; return its handle."""

    @abstractmethod
    def find(self, key: str, service: ServiceRecord) -> JsonObject | None:
        """Return the handle of what was started under a key and never written down; None where there is nothing."""

    @abstractmethod
    def status(self, handle: JsonObject) -> DeploymentStatus:
        """Look once, never wait. A deployment that failed is not an exception."""

    @abstractmethod
    def route(self, service: ServiceRecord, routes: Sequence[Route]) -> Routing:
        """Send requests to these deployments in these shares, and to no others; without dropping any."""

    @abstractmethod
    def delete(self, handle: JsonObject) -> None:
        """End a deployment, its requests under way first; one that is missing is fine."""

    @abstractmethod
    def delete_service(self, service: ServiceRecord) -> None:
        """Remove what belongs to the service and no deployment: address, keys. Missing is fine."""

    @abstractmethod
    def logs(self, handle: JsonObject, lines: int) -> str:
        """Return the last lines of a deployment's output."""

    @abstractmethod
    def keys(self, service: ServiceRecord, *, regenerate: str | None = None) -> ServiceKeys:
        """Return the service's keys, made on first use.

        :param regenerate: ``primary`` or ``secondary``: make that one anew; the other stays valid.
        """

    def keys_come_by_update(self, service: ServiceRecord) -> bool:  # noqa: ARG002  for those that override it
        """Say whether a key that was made anew is let in by a new version only: then one is asked for."""
        return False
