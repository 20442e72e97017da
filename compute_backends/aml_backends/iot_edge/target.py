"""The compute target ``iot-edge``: where services live. It runs no scripts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

from aml_backends.iot_edge.api import HubApi
from aml_backends.iot_edge.config import IotEdgeConfig
from aml_backends.iot_edge.queries import devices_that
from aml_plugins.compute import ComputeBackend, JobHandle, JobPlan, JobSpec, JobStatus, TargetConfig
from aml_plugins.compute.on_demand import OnDemand
from aml_plugins.errors import InvalidInputError, JobNotFoundError

if TYPE_CHECKING:
    from aml_backends.iot_edge.fleet import Seen

__all__ = ["IotEdgeTarget"]


class IotEdgeTarget(ComputeBackend):
    """A hub with one device, or with the fleet of a condition.

    :ivar seen: what was last seen of a fleet's deployments, by their names.
    """

    type_name: ClassVar[str] = "iot-edge"
    config_model: ClassVar[type[TargetConfig]] = IotEdgeConfig

    def __init__(self, target: Any) -> None:
        super().__init__(target)
        self._hub = OnDemand(self._open_hub)
        self.seen: dict[str, Seen] = {}

    @property
    def settings(self) -> IotEdgeConfig:
        """The target's settings."""
        assert isinstance(self.target.config, IotEdgeConfig)  # noqa: S101  its own model
        return self.target.config

    @property
    def hub(self) -> HubApi:
        """The hub, connected when first asked."""
        return self._hub.get()

    def _open_hub(self) -> HubApi:
        from aml_backends.iot_edge.hub import HttpHubApi  # noqa: PLC0415  loads Azure's libraries

        key = self.settings.key
        return HttpHubApi(self.settings, self.target.secret(key) if key else None)

    def plan(self, spec: JobSpec, key: str) -> JobPlan:
        del spec, key
        self._refuse()

    def submit(self, spec: JobSpec, key: str) -> JobHandle:
        del spec, key
        self._refuse()

    def find(self, key: str) -> JobHandle | None:
        """There never is a job."""
        del key
        return None

    def status(self, handle: JobHandle) -> JobStatus:
        raise JobNotFoundError(f"The target '{self.target.name}' has no job {handle.job_id}.")

    def cancel(self, handle: JobHandle) -> None:
        del handle

    def fetch(self, handle: JobHandle, destination: Path) -> None:
        del handle, destination

    def cleanup(self, handle: JobHandle) -> None:
        del handle

    def check(self) -> str:
        """Ask the hub for the device, or for the fleet."""
        config = self.settings
        if config.device is not None:
            twin = self.hub.module_twin(config.device, "$edgeAgent")
            if twin is None:
                raise InvalidInputError(
                    f"The device '{config.device}' is no IoT Edge device.",
                    "Register it with: az iot hub device-identity create --edge-enabled",
                )
            return f"device {config.device}: {twin.get('connectionState')}"
        found = self.hub.query(devices_that(str(config.condition)))
        return f"{len(found)} devices fulfil {config.condition}"

    def close(self) -> None:
        """Release the connection."""
        self._hub.close()

    def _refuse(self) -> NoReturn:
        raise InvalidInputError(
            f"The target '{self.target.name}' of type iot-edge runs no scripts: it is for services.",
            f"Deploy to it with: aml service deploy NAME --image IMAGE --target {self.target.name}",
        )
